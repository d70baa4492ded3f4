package records

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
)

func TestForms(t *testing.T) {
	de := Checker{Region: "DE"}
	email := func(s string) (string, string) { c, wrong := de.Email(s); return c.Value, wrong }
	phone := func(s string) (string, string) { c, wrong := de.Phone(s); return c.Value, wrong }
	for _, c := range []struct {
		form     func(string) (string, string)
		in, want string // "" is refused
	}{
		{email, " Anna.Berg@Oakrill.EXAMPLE ", "anna.berg@oakrill.example"}, {email, "a@bücher.example", "a@xn--bcher-kva.example"}, {email, "a@b", ""}, {email, "Anna <a@b.example>", ""}, {email, "a@b.example, c@d.example", ""}, {email, "@b.example", ""},
		{phone, "030 / 901820", "+4930901820"}, {phone, "+1 (212) 555-0142", "+12125550142"}, {phone, "0049 30 901820", "+4930901820"}, {phone, "12", ""}, {phone, "call me", ""},
		{URL, "Oakrill.example/", "https://oakrill.example"}, {URL, "http://oakrill.example/a?b=c", "http://oakrill.example/a?b=c"}, {URL, "ftp://oakrill.example", ""}, {URL, "javascript:alert(1)", ""}, {URL, "https://u:p@oakrill.example", ""},
		{LinkedIn, "in/anna-berg", "https://www.linkedin.com/in/anna-berg"}, {LinkedIn, "https://de.linkedin.com/in/anna-berg/?x=1", "https://www.linkedin.com/in/anna-berg"}, {LinkedIn, "https://linkedin.com.evil.example/in/x", ""}, {LinkedIn, "linkedin.com", ""},
		{Domain, "https://www.Mail.Oakrill.example/x", "oakrill.example"}, {Domain, "anna@oakrill.example", "oakrill.example"}, {Domain, "co.uk", ""}, {Domain, "gmail.com", ""},
		{date, "2026-11-30", "2026-11-30"}, {date, "2026-02-30", ""}, {date, "30.11.2026", ""},
	} {
		got, wrong := c.form(c.in)
		require.Equal(t, c.want, got, c.in)
		require.Equal(t, c.want == "", wrong != "", "%s: %s", c.in, wrong)
	}
}

// Whatever is sent, what comes out is in its form already: checking it again changes nothing.
func FuzzChecker(f *testing.F) {
	f.Add("a@b.example", "+49 30 901820", "oakrill.example")
	f.Add("\x00@", "((((", "https://")
	f.Fuzz(func(t *testing.T, email, phone, page string) {
		k := Checker{Region: "DE"}
		if c, wrong := k.Email(email); wrong == "" {
			again, wrong := k.Email(c.Value)
			require.Equal(t, []string{c.Value, ""}, []string{again.Value, wrong})
		}
		if c, wrong := k.Phone(phone); wrong == "" {
			again, wrong := k.Phone(c.Value)
			require.Equal(t, []string{c.Value, ""}, []string{again.Value, wrong})
		}
		if u, wrong := URL(page); wrong == "" {
			again, wrong := URL(u)
			require.Equal(t, []string{u, ""}, []string{again, wrong})
		}
		text, err := json.Marshal(page)
		require.NoError(t, err)
		_, _ = k.Wish(crm.ObjectType{Key: crm.Person, Plural: "People"}, map[string]json.RawMessage{"name": text, "emails": text, "website": text}, true)
	})
}
