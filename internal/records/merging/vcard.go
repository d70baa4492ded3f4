package merging

import (
	"bytes"
	"errors"
	"io"
	"mime/quotedprintable"
	"slices"
	"strings"

	"github.com/emersion/go-vcard"
)

// cardHeads are the columns of a vCard file.
var cardHeads = []string{"name", "first_name", "last_name", "email", "phone", "title", "company", "address", "website", "linkedin", "description", "tags", "external.vcard", "id"}

// ownUID begins the UID of cards that were exported here: what follows is the record's id.
const ownUID = "urn:uuid:"

// readCards reads a vCard file (2.1, RFC 2426, RFC 6350) as a table.
func readCards(data []byte) (table, error) {
	data, err := decoded(data)
	if err != nil {
		return table{}, err
	}
	t := table{heads: cardHeads}
	for _, text := range cardsIn(string(data)) {
		card, err := vcard.NewDecoder(strings.NewReader(text)).Decode()
		if err != nil && !errors.Is(err, io.EOF) {
			t.rows = append(t.rows, make([]string, len(cardHeads))) // told as a row without a name
			continue
		}
		if len(t.rows) == mostRows {
			return table{}, unreadable("The file has more than %d contacts. Split it.", mostRows)
		}
		t.rows = append(t.rows, rowOf(card))
	}
	if len(t.rows) == 0 {
		return table{}, unreadable("There is no contact in the file.")
	}
	return t, nil
}

// cardsIn cuts a file into cards and brings their lines into the form of today:
// unfolded, quoted-printable decoded, lines without a colon left out.
func cardsIn(text string) []string {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	var cards []string
	var card *bytes.Buffer
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		folds := i + 1
		for folds < len(lines) && (strings.HasPrefix(lines[folds], " ") || strings.HasPrefix(lines[folds], "\t")) {
			lines[folds] = lines[folds][1:]
			folds++
		}
		line := strings.Join(lines[i:folds], "") // at once: photos have thousands of lines
		i = folds - 1
		name := strings.ToUpper(strings.TrimSpace(line))
		switch {
		case name == "BEGIN:VCARD":
			card = &bytes.Buffer{}
			card.WriteString("BEGIN:VCARD\r\n")
			continue
		case card == nil:
			continue
		case name == "END:VCARD":
			card.WriteString("END:VCARD\r\n")
			cards = append(cards, card.String())
			card = nil
			continue
		}
		head, value, ok := strings.Cut(line, ":")
		if !ok || strings.TrimSpace(head) == "" {
			continue
		}
		if upper := strings.ToUpper(head); strings.Contains(upper, "QUOTED-PRINTABLE") {
			var whole strings.Builder
			for strings.HasSuffix(value, "=") && i+1 < len(lines) {
				i++
				whole.WriteString(value[:len(value)-1])
				value = lines[i]
			}
			value = whole.String() + value
			if plain, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(value))); err == nil {
				value = strings.ReplaceAll(strings.ReplaceAll(strings.ToValidUTF8(string(plain), "\uFFFD"), "\r\n", "\n"), "\n", "\\n")
			}
		}
		card.WriteString(strings.TrimSpace(modern(head)) + ":" + value + "\r\n")
	}
	return cards
}

// modern writes the parameters of vCard 2.1 ("TEL;WORK;VOICE") as those of today.
func modern(head string) string {
	parts := strings.Split(head, ";")
	out := []string{parts[0]}
	for _, p := range parts[1:] {
		switch {
		case strings.EqualFold(p, "QUOTED-PRINTABLE"), strings.HasPrefix(strings.ToUpper(p), "ENCODING=QUOTED"), strings.HasPrefix(strings.ToUpper(p), "CHARSET="), strings.TrimSpace(p) == "":
		case strings.Contains(p, "="):
			out = append(out, p)
		default:
			out = append(out, "TYPE="+p)
		}
	}
	return strings.Join(out, ";")
}

func rowOf(card vcard.Card) []string {
	cells := map[string]string{}
	if n := card.Name(); n != nil {
		cells["first_name"], cells["last_name"] = strings.TrimSpace(n.GivenName+" "+n.AdditionalName), n.FamilyName
	}
	cells["name"] = card.PreferredValue(vcard.FieldFormattedName)
	if cells["name"] == "" {
		cells["name"] = strings.TrimSpace(cells["first_name"] + " " + cells["last_name"])
	}
	cells["email"], cells["phone"] = contactsOf(card[vcard.FieldEmail]), contactsOf(card[vcard.FieldTelephone])
	cells["title"] = card.PreferredValue(vcard.FieldTitle)
	org, _, _ := strings.Cut(strings.ReplaceAll(card.PreferredValue(vcard.FieldOrganization), "\\;", "\x01"), ";")
	cells["company"] = strings.ReplaceAll(org, "\x01", ";")
	if cells["name"] == "" {
		cells["name"] = cells["company"]
	}
	if a := card.Address(); a != nil {
		cells["address"] = addressOf(a.StreetAddress, a.ExtendedAddress, a.PostalCode, a.Locality, a.Region, a.Country)
	}
	for _, u := range card.Values(vcard.FieldURL) {
		field := "website"
		if strings.Contains(strings.ToLower(u), "linkedin.com/") {
			field = "linkedin"
		}
		if cells[field] == "" {
			cells[field] = u
		}
	}
	cells["description"] = strings.Join(card.Values(vcard.FieldNote), "\n")
	cells["tags"] = strings.Join(card.Categories(), "; ")
	cells["external.vcard"] = card.Value(vcard.FieldUID)
	cells["id"], _ = strings.CutPrefix(cells["external.vcard"], ownUID)
	if cells["id"] == cells["external.vcard"] {
		cells["id"] = ""
	}
	row := make([]string, len(cardHeads))
	for i, head := range cardHeads {
		row[i] = tidyCell(cells[head])
	}
	return row
}

// contactsOf writes addresses or numbers in one cell, the preferred one first.
func contactsOf(fields []*vcard.Field) string {
	fields = slices.Clone(fields)
	slices.SortStableFunc(fields, func(a, b *vcard.Field) int {
		x, y := preferred(a), preferred(b)
		switch {
		case x == y:
			return 0
		case x:
			return -1
		}
		return 1
	})
	var out []string
	for _, f := range fields {
		value := strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(f.Value), "tel:"), "mailto:")
		label := ""
		for _, kind := range f.Params.Types() {
			switch strings.ToLower(kind) {
			case "cell", "mobile":
				label = "mobile"
			case "home":
				if label == "" {
					label = "home"
				}
			case "fax":
				label = "fax"
			}
		}
		if value != "" {
			out = append(out, labelled(value, label))
		}
	}
	return strings.Join(out, "; ")
}

func preferred(f *vcard.Field) bool {
	return f.Params.Get(vcard.ParamPreferred) != "" || slices.ContainsFunc(f.Params.Types(), func(t string) bool { return strings.EqualFold(t, "pref") })
}

func labelled(value, label string) string {
	if label == "" || label == "work" {
		return value
	}
	return value + " (" + label + ")"
}

// addressOf writes the parts of a postal address in lines.
func addressOf(street, more, zip, city, state, country string) string {
	var lines []string
	for _, line := range []string{street, more, strings.TrimSpace(zip + " " + city), state, country} {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}
