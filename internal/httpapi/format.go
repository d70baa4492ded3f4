package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/danielgtaylor/huma/v2"
)

// mostValues is how many values a request may hold: far more than any needs.
const mostValues = 50_000

// formats are what requests and answers are written in: JSON, without lists that have
// no end. Of little text they make a hundred times as much memory, and a mistake
// each.
func formats() map[string]huma.Format {
	f := huma.DefaultJSONFormat
	f.Unmarshal = func(text []byte, into any) error {
		if manyValues(text, mostValues) {
			return fmt.Errorf("has more than %d values", mostValues)
		}
		return json.Unmarshal(text, into)
	}
	return map[string]huma.Format{"application/json": f, "json": f}
}

// manyValues reports whether JSON holds more than so many values.
func manyValues(text []byte, most int) bool {
	count := 0
	for count <= most {
		next := bytes.IndexAny(text, `,"`)
		if next < 0 {
			return false
		}
		if text[next] == ',' {
			count, text = count+1, text[next+1:]
			continue
		}
		for text = text[next+1:]; ; {
			end := bytes.IndexByte(text, '"')
			if end < 0 {
				return false
			}
			before := text[:end]
			text = text[end+1:]
			if (len(before)-len(bytes.TrimRight(before, `\`)))%2 == 0 {
				break
			}
		}
	}
	return true
}
