package store

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"rapport/internal/crm"
)

// listText is a list of words as JSON, "[]" for none.
func listText(v []string) string {
	if len(v) == 0 {
		return "[]"
	}
	return jsonText(cleanAll(v))
}

// addressesText is a list of addresses as JSON, "[]" for none.
func addressesText(v []crm.Address) string {
	if len(v) == 0 {
		return "[]"
	}
	return jsonText(addresses(v))
}

// addresses and cleanAll are clean for lists.
func addresses(v []crm.Address) []crm.Address {
	c := make([]crm.Address, len(v))
	for i, a := range v {
		c[i] = crm.Address{Name: clean(a.Name), Email: clean(a.Email)}
	}
	return c
}

func cleanAll(v []string) []string {
	c := make([]string, len(v))
	for i, text := range v {
		c[i] = clean(text)
	}
	return c
}

// readList and readAddresses read what listText and addressesText wrote. Pages
// of lists read hundreds of them, nearly all without anything escaped, so those
// are cut at their quotes.
func readList(text string) (list []string, err error) {
	if inner, ok := plainJSON(text, `["`, `"]`); ok {
		return strings.Split(inner, `","`), nil
	}
	return list, fromJSON(text, &list)
}

func readAddresses(text string) (list []crm.Address, err error) {
	if inner, ok := plainJSON(text, `[{"name":"`, `"}]`); ok {
		list = make([]crm.Address, 0, strings.Count(inner, `"},{"`)+1)
		for one := range strings.SplitSeq(inner, `"},{"name":"`) {
			name, email, ok := strings.Cut(one, `","email":"`)
			if !ok || strings.Contains(name, `"`) || strings.Contains(email, `"`) {
				list = nil
				return list, fromJSON(text, &list)
			}
			list = append(list, crm.Address{Name: name, Email: email})
		}
		return list, nil
	}
	return list, fromJSON(text, &list)
}

// plainJSON gives what stands between two brackets of a text without escapes.
func plainJSON(text, open, end string) (inner string, ok bool) {
	if len(text) < len(open)+len(end) || strings.IndexByte(text, '\\') >= 0 || !strings.HasPrefix(text, open) || !strings.HasSuffix(text, end) {
		return "", false
	}
	return text[len(open) : len(text)-len(end)], true
}

// fromJSON reads what listText, addressesText or jsonText wrote.
func fromJSON(text string, into any) error {
	if text == "" || text == "[]" {
		return nil
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return fmt.Errorf("reading a stored list: %w", err)
	}
	return nil
}

// clean makes text from outside storable: valid UTF-8 without NUL, which
// PostgreSQL refuses.
func clean(v string) string {
	if utf8.ValidString(v) && strings.IndexByte(v, 0) < 0 {
		return v
	}
	return strings.ToValidUTF8(strings.ReplaceAll(v, "\x00", ""), "\uFFFD")
}
