package records

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"rapport/internal/crm"
)

// own checks the fields of the type's own.
func (c *checking) own(o crm.ObjectType, w *Wish, creating bool) {
	in, given := read[map[string]json.RawMessage](c, "fields", "an object")
	values := map[string]json.RawMessage{}
	if given && in != nil {
		values = *in
	}
	w.Fields = map[string]json.RawMessage{}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		name := "fields." + key[:min(len(key), 64)]
		at := slices.IndexFunc(o.Fields, func(f crm.Field) bool { return f.Key == key })
		if at < 0 {
			c.mistake(name, "is no field of "+strings.ToLower(o.Plural))
			continue
		}
		v, wrong := c.Value(o.Fields[at], values[key])
		switch {
		case wrong != "":
			c.mistake(name, wrong)
		case v == nil && o.Fields[at].Required:
			c.mistake(name, "is required")
		default:
			w.Fields[key] = v
		}
	}
	for _, f := range o.Fields {
		if _, has := values[f.Key]; creating && f.Required && !has {
			c.mistake("fields."+f.Key, "is required")
		}
	}
}

// Value brings a value of a field into its form, nil for none, or says what is wrong
// with it. Relations are looked up when they are stored.
func (k Checker) Value(f crm.Field, raw json.RawMessage) (json.RawMessage, string) {
	if isNull(raw) {
		return nil, ""
	}
	switch f.Type {
	case crm.FieldNumber:
		return number(raw)
	case crm.FieldMoney:
		m, wrong := money(raw, f.Currency)
		if wrong == "" && f.Currency != "" && m.Currency != f.Currency {
			wrong = "must be in " + f.Currency
		}
		return encoded(m, wrong)
	case crm.FieldRelation:
		var id string
		if json.Unmarshal(raw, &id) != nil {
			var ref struct {
				ID string `json:"id"`
			}
			if json.Unmarshal(raw, &ref) != nil || ref.ID == "" {
				return nil, "must be the id of a record"
			}
			id = ref.ID
		}
		if id == "" {
			return nil, ""
		}
		return encoded(map[string]string{"id": id}, "")
	}
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return nil, "must be a text"
	}
	text = tidyText(text, f.Type == crm.FieldText)
	if text == "" {
		return nil, ""
	}
	if utf8.RuneCountInString(text) > maxOwnText {
		return nil, fmt.Sprintf("must have at most %d characters", maxOwnText)
	}
	out, wrong := k.form(f, text)
	return encoded(out, wrong)
}

// form brings a text into the form of its field.
func (k Checker) form(f crm.Field, text string) (out, wrong string) {
	switch f.Type {
	case crm.FieldDate:
		return date(text)
	case crm.FieldSelect:
		if !slices.Contains(f.Options, text) {
			return "", "must be one of " + strings.Join(f.Options[:min(len(f.Options), 20)], ", ")
		}
	case crm.FieldEmail:
		c, wrong := k.Email(text)
		return c.Value, wrong
	case crm.FieldPhone:
		c, wrong := k.Phone(text)
		return c.Value, wrong
	case crm.FieldURL:
		if len(text) > maxURL {
			return "", fmt.Sprintf("must have at most %d characters", maxURL)
		}
		return URL(text)
	}
	return text, ""
}

func number(raw json.RawMessage) (json.RawMessage, string) {
	var n float64
	if json.Unmarshal(raw, &n) != nil {
		return nil, "must be a number"
	}
	if math.Abs(n) > maxMinor {
		return nil, "is too large"
	}
	return encoded(n, "")
}

func encoded(v any, wrong string) (json.RawMessage, string) {
	if wrong != "" {
		return nil, wrong
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil, "cannot be stored"
	}
	return text, ""
}
