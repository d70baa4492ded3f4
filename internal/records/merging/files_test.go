package merging

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/emersion/go-vcard"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"rapport/internal/crm"
	"rapport/internal/records"
)

var people = crm.ObjectType{Key: crm.Person, Name: "Person", Plural: "People"}

func TestTablesAreReadHoweverTheyAreWritten(t *testing.T) {
	const text = "Name;E-Mail;Größe\nJörg Müller;joerg@mail.example;\"eins\nzwei; \"\"drei\"\"\"\n"
	latin, err := charmap.Windows1252.NewEncoder().String(text)
	require.NoError(t, err)
	little, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(text)
	require.NoError(t, err)
	bare, err := unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewEncoder().String(text)
	require.NoError(t, err)
	for name, file := range map[string]string{
		"UTF-8": text, "UTF-8 with its mark": "\xef\xbb\xbf" + text, "Windows-1252": latin, "UTF-16": little, "UTF-16 without its mark": bare,
		"lines of Windows": strings.ReplaceAll(text, "\n", "\r\n"), "commas": strings.ReplaceAll(strings.ReplaceAll(text, "zwei; ", "zwei, "), ";", ","), "tabs": strings.ReplaceAll(strings.ReplaceAll(text, "zwei; ", "zwei\t"), ";", "\t"),
		"said": "sep=;\n" + text,
	} {
		got, err := readCSV([]byte(file))
		require.NoError(t, err, name)
		require.Equal(t, []string{"Name", "E-Mail", "Größe"}, got.heads, name)
		require.Len(t, got.rows, 1, name)
		require.Equal(t, "Jörg Müller", got.rows[0][0], name)
		require.Regexp(t, "^eins\nzwei[;,\t] ?\"drei\"$", got.rows[0][2], name)
	}
	_, err = readCSV(nil)
	require.Error(t, err)
	doubled, err := readCSV([]byte("a,a,,a\n1,2\n"))
	require.NoError(t, err)
	require.Equal(t, []string{"a", "a (2)", "Column 3", "a (3)"}, doubled.heads)
	require.Equal(t, []string{"1", "2"}, doubled.rows[0])
}

func TestHeadsInSeveralLanguages(t *testing.T) {
	for head, field := range map[string]string{
		"First Name": "first_name", "Vorname": "first_name", "Prénom": "first_name", "Nombre": "first_name", "Nachname": "last_name", "Apellidos": "last_name", "E-mail 1 - Value": "email",
		"Adresse e-mail": "email", "Correo electrónico": "email", "Handy": "phone.mobile", "Mobile Phone": "phone.mobile", "Téléphone": "phone", "Telefon (geschäftlich)": "phone", "Firma": "company",
		"Société": "company", "Organization 1 - Title": "title", "Funktion": "title", "Straße": "street", "PLZ": "zip", "fields.none": "", "Something": "",
	} {
		require.Equal(t, field, fieldFor(people, head), head)
	}
}

func TestNumbersAndDates(t *testing.T) {
	for text, want := range map[string]float64{"1,234.50": 1234.5, "1.234,50": 1234.5, "1 234,5": 1234.5, "12": 12, "-3,25": -3.25, "1,234": 1234, "1.234.567": 1234567, "0.5": 0.5} {
		got, ok := numberOf(text)
		require.True(t, ok, text)
		require.InDelta(t, want, got, 1e-9, text)
	}
	for _, c := range []struct {
		text, currency string
		want           any
	}{
		{"€ 1.250,00", "", crm.Money{Minor: 125000, Currency: "EUR"}}, {"1250", "", crm.Money{Minor: 125000, Currency: "EUR"}}, {"1 250,5 chf", "", crm.Money{Minor: 125050, Currency: "CHF"}},
		{"125,000", "jpy", crm.Money{Minor: 125000, Currency: "JPY"}}, {"¥1200.00", "", crm.Money{Minor: 1200, Currency: "JPY"}}, {"12.345", "KWD", crm.Money{Minor: 12345, Currency: "KWD"}},
		{"1.5 CLF", "EUR", crm.Money{Minor: 15000, Currency: "CLF"}}, {"10", "ABC", crm.Money{Currency: "ABC"}}, {"much", "EUR", "much"}, {"99999999999999999999", "EUR", "99999999999999999999"},
	} {
		require.Equal(t, c.want, amountOf(c.text, c.currency), c.text)
	}
	require.Equal(t, "2026-02-28", isoDate("28.02.2026"))
	require.Equal(t, "next week", isoDate("next week"))
}

func TestWhatSpreadsheetsWouldCalculate(t *testing.T) {
	for _, cell := range []string{"=1+2", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\tx"} {
		require.Equal(t, "'"+cell, Guarded(cell))
		if cell[0] != '\t' {
			require.Equal(t, cell, unguarded(Guarded(cell)))
		}
	}
	for _, cell := range []string{"", "a=b", "+491711234567", "-5.00", "'quoted'"} {
		require.Equal(t, cell, Guarded(cell))
		require.Equal(t, cell, unguarded(cell))
	}
}

// TestCardsOfOtherPrograms reads every vCard of the corpora that are on this machine.
func TestCardsOfOtherPrograms(t *testing.T) {
	files, err := filepath.Glob("../../../../shared/corpora/vcard-*/**/*")
	require.NoError(t, err)
	if root := "../../../../shared/corpora"; len(files) > 0 {
		files = nil
		_ = filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
			if err == nil && strings.Contains(path, "vcard-") && strings.HasSuffix(path, ".vcf") {
				files = append(files, path)
			}
			return nil
		})
	}
	files = append(files, "testdata/old.vcf")
	cards, named, values := 0, 0, 0
	for _, path := range files {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		table, err := readCards(data)
		if err != nil {
			t.Logf("%s: %v", filepath.Base(path), err)
			continue
		}
		r := rowReader{object: people, columns: columnsOf(people, table), check: records.Checker{Region: "US"}}
		for i, row := range table.rows {
			got := r.read(int64(i), row)
			cards++
			if got.Wrong == "" {
				named++
			}
			for _, cell := range row {
				require.True(t, utf8.ValidString(cell))
				if cell != "" {
					values++
				}
			}
		}
	}
	t.Logf("%d files, %d cards, %d with a name, %d values", len(files), cards, named, values)
	require.GreaterOrEqual(t, named, 1)
}

func TestAnOldCard(t *testing.T) {
	data, err := os.ReadFile("testdata/old.vcf")
	require.NoError(t, err)
	got, err := readCards(data)
	require.NoError(t, err)
	row := map[string]string{}
	for i, head := range got.heads {
		row[head] = got.rows[0][i]
	}
	require.Equal(t, "Jörg Müller", row["name"])
	require.Equal(t, "+49 171 1234567 (mobile); +49 30 901820", row["phone"])
	require.Equal(t, "joerg@northwind-lamps.example", row["email"])
	require.Equal(t, "Northwind Lamps", row["company"])
	require.Equal(t, "Dock 3\n20095 Hamburg\nGermany", row["address"])
	require.Equal(t, "one\ntwo", row["description"])
}

func TestNamesThatAreAlike(t *testing.T) {
	for _, c := range []struct {
		kind crm.RecordType
		a, b string
		same bool
	}{
		{crm.Person, "Robert Miller", "Bob Miller", true}, {crm.Person, "Miller, Robert", "Bob Miller", true}, {crm.Person, "Dr. Anna Berg", "A. Berg", true}, {crm.Person, "Jörg Müller", "Jorg Muller", true},
		{crm.Person, "Katharina Kristensen", "Kathi Christensen", false}, {crm.Person, "Anna Berg", "Hans Berg", false}, {crm.Person, "Anna Berg", "Anna Burg", true}, {crm.Person, "Berg Anna", "Anna Berg", true},
		{crm.Person, "Anna Berg", "Anna Stein", false}, {crm.Person, "Anna", "Anna", true}, {crm.Company, "Northwind Lamps GmbH", "northwind lamps", true}, {crm.Company, "Northwind Lamps", "Northwind Lights", false},
		{crm.Company, "Oakrill Inc.", "Oakril", true},
	} {
		require.Equal(t, c.same, AlikeNames(c.kind, c.a, c.b) >= 0.6, "%s, %s", c.a, c.b)
		if c.same && strings.Contains(c.a, " ") {
			a, b := Looks{Type: c.kind, Name: c.a, Company: 7}.Keys(), Looks{Type: c.kind, Name: c.b, Company: 7}.Keys()
			require.True(t, common(a, b), "%s, %s: %v %v", c.a, c.b, a, b)
		}
	}
}

func common(a, b []string) bool {
	for _, x := range a {
		for _, y := range b {
			if x == y {
				return true
			}
		}
	}
	return false
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte("a;b\n1;2\n"))
	f.Add([]byte("\xff\xfea\x00,\x00b\x00\n\x00"))
	f.Add([]byte("\"a\nb\",\"\"\"\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		table, err := readCSV(data)
		if err != nil {
			return
		}
		r := rowReader{object: people, columns: columnsOf(people, table)}
		for i, row := range table.rows {
			require.LessOrEqual(t, len(row), len(table.heads))
			_ = r.read(int64(i), row).Why()
			var out bytes.Buffer
			w := csv.NewWriter(&out)
			for j := range row {
				row[j] = Guarded(row[j])
			}
			require.NoError(t, w.Write(row))
		}
	})
}

func FuzzCards(f *testing.F) {
	old, err := os.ReadFile("testdata/old.vcf")
	require.NoError(f, err)
	f.Add(old)
	f.Add([]byte("BEGIN:VCARD\nVERSION:4.0\nN:;;;;\nTEL;TYPE=cell:\\;,\nEND:VCARD"))
	f.Fuzz(func(t *testing.T, data []byte) {
		table, err := readCards(data)
		if err != nil {
			return
		}
		r := rowReader{object: people, columns: columnsOf(people, table)}
		for i, row := range table.rows {
			got := r.read(int64(i), row)
			if got.Wrong == "" {
				require.NotEmpty(t, got.Name)
				var out bytes.Buffer
				require.NoError(t, vcard.NewEncoder(&out).Encode(cardOf(crm.Record{ID: "x", Type: crm.Person, Name: got.Name})))
			}
		}
	})
}

// An amount goes out of a file and comes in again as it was, whatever the currency; what
// is none is left out, and told.
func TestAmountsOfAFile(t *testing.T) {
	deals := crm.ObjectType{Key: crm.Deal, Name: "Deal", Plural: "Deals", Fields: []crm.Field{{Key: "fee", Name: "Fee", Type: crm.FieldMoney, Currency: "BHD"}}}
	read := rowReader{object: deals, columns: []Column{{Field: "name"}, {Field: "amount"}, {Field: "currency"}, {Field: "fields.fee"}}, check: records.Checker{Region: "US"}}
	for code, minor := range map[string]int64{"EUR": 125050, "JPY": 125050, "KRW": -7, "KWD": 1, "TND": -12345, "CLF": 99, "HUF": 5} {
		was := crm.Money{Minor: minor, Currency: code}
		fee := crm.Money{Minor: minor, Currency: "BHD"}
		raw, err := json.Marshal(fee)
		require.NoError(t, err)
		cells := cellsOf(crm.Record{Type: crm.Deal, Name: "Lamps", Amount: &was, Fields: map[string]json.RawMessage{"fee": raw}}, deals)
		got := read.read(1, []string{"Lamps", cells["amount"], cells["currency"], cells["fields.fee"]})
		require.Empty(t, got.Why(), code)
		require.Equal(t, &was, got.Wish.Amount, code)
		require.JSONEq(t, string(raw), string(got.Wish.Fields["fee"]), code)
	}
	for _, c := range []struct{ amount, currency, why string }{
		{"10", "ABC", `has the currency "ABC", which ISO 4217 does not have`},
		{"much", "EUR", "Left out: amount"},
	} {
		got := read.read(1, []string{"Lamps", c.amount, c.currency, ""})
		require.Empty(t, got.Wrong)
		require.Contains(t, got.Why(), c.why)
		require.Nil(t, got.Wish.Amount)
	}
}
