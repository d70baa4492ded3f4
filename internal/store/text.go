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
