package signature

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The header's name may have the company in it.
func TestCompanyInTheHeadersName(t *testing.T) {
	for name, want := range map[string]struct {
		employer string
		tokens   []string
	}{
		"Mara Lind":                     {"", []string{"mara", "lind"}},
		"Mara Lind (Northwind)":         {"northwind", []string{"mara", "lind"}},
		"Mara Lind | Northwind Lamps":   {"northwind lamps", []string{"mara", "lind"}},
		"Mara Lind - Northwind":         {"northwind", []string{"mara", "lind"}},
		"Anna from Northwind":           {"northwind", []string{"anna"}},
		"Anna at Northwind":             {"northwind", []string{"anna"}},
		"Northwind | Anna Moss":         {"northwind", []string{"anna", "moss"}},
		"Anna Moss (she/her)":           {"", []string{"anna", "moss"}},
		"Anna Moss (anna@moss.example)": {"", []string{"anna", "moss"}},
		"Anna Moss (Support)":           {"", []string{"anna", "moss"}},
		"Anna Moss via Lamps (list)":    {"", []string{"anna", "moss"}},
		"anna at moss.example":          {"", nil},
		"Moss, Anna":                    {"", []string{"moss", "anna"}},
		"Lind-Moss, Anna":               {"", []string{"lind-moss", "anna"}},
	} {
		w := senderOf(Message{FromName: name, FromEmail: "x@post-box.example"})
		require.Equal(t, want.employer, w.employer, name)
		require.Equal(t, want.tokens, w.tokens, name)
	}
}

// How companies and domains go together.
func TestCompaniesFitDomains(t *testing.T) {
	for _, c := range []struct {
		host, company string
		fits          bool
	}{
		{"northwind-lamps.example", "Northwind Lamps Ltd.", true},
		{"northwindlamps.example", "Northwind Lamps Ltd.", true},
		{"northlamp.example", "Northern Lamp Works", true},
		{"nlw.example", "Northern Lamp Works", true},
		{"bhw.example", "Barrow, Hume & Winfield LLP", true},
		{"getnorthwind.example", "Northwind", true},
		{"muellermoebel.example", "Müller Möbel", true},
		{"stiftung-deichvorland.example", "Deichvorland", true},
		{"northwind.example", "Adatum Freight", false},
		{"gmail.com", "Gmail Lamps", false},
		{"lamps.example", "Low Beam", false},
	} {
		w := senderOf(Message{FromName: "Mara Lind", FromEmail: "mara@" + c.host})
		require.Equal(t, c.fits, w.employs(fold(c.company)) > 0, "%s %s", c.host, c.company)
	}
}
