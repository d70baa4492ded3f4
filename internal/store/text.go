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
	return jsonText(v)
}

// addressesText is a list of addresses as JSON, "[]" for none.
func addressesText(v []crm.Address) string {
	if len(v) == 0 {
		return "[]"
	}
	return clean(jsonText(v))
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
