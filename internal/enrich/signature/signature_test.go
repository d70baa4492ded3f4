package signature

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// letter is an invented mail and what its sender says about himself. Fields
// that are empty must not be found.
type letterCase struct {
	what     string
	from     string // name
	email    string
	region   string
	text     string
	name     string
	title    string
	company  string
	phones   []string // "+49301234567 work", "… x12 work"
	linkedIn string
	website  string // "" is not checked
	address  string // words in this order, commas do not count
}

func runCases(t *testing.T, cases []letterCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.what, func(t *testing.T) {
			f := Extract(Message{FromName: c.from, FromEmail: c.email, Region: c.region, Text: c.text})
			require.Equal(t, c.name, f.Get(FieldName), "name")
			require.Equal(t, c.title, f.Get(FieldTitle), "title")
			require.Equal(t, c.company, f.Get(FieldCompany), "company")
			require.Equal(t, c.phones, phonesOf(f), "phones")
			require.Equal(t, c.linkedIn, f.Get(FieldLinkedIn), "linkedin")
			require.Equal(t, c.address, bare(f.Get(FieldAddress)), "address")
			if c.website != "" {
				require.Equal(t, c.website, f.Get(FieldWebsite), "website")
			}
			for _, v := range f.Values {
				require.Contains(t, c.text, v.Line)
				require.NotEmpty(t, v.Line)
				require.Greater(t, v.Confidence, 0.0)
				require.LessOrEqual(t, v.Confidence, 1.0)
			}
			require.Contains(t, c.text, f.Block)
		})
	}
}

func phonesOf(f Found) []string {
	var out []string
	for _, v := range f.Values {
		if v.Field == FieldPhone {
			p := v.Value
			if v.Ext != "" {
				p += " x" + v.Ext
			}
			out = append(out, p+" "+v.Label)
		}
	}
	return out
}

func bare(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ',' }), " ")
}
