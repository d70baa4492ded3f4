package discovery

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Schema is a type of a discovery document, references resolved.
type Schema struct {
	Name       string // of a top-level schema
	Type       string // object, array, string, integer, number, boolean, any
	Format     string
	Enum       map[string]bool // lower case
	Properties map[string]*Schema
	Items      *Schema
	Values     *Schema // additionalProperties
}

type rawSchema struct {
	ID                   string
	Type, Format         string
	Ref                  string `json:"$ref"`
	Enum                 []string
	Properties           map[string]rawSchema
	Items                *rawSchema
	AdditionalProperties *rawSchema
}

func compileSchemas(raw map[string]rawSchema) map[string]*Schema {
	out := make(map[string]*Schema, len(raw))
	for name := range raw {
		out[name] = &Schema{Name: name}
	}
	var build func(into *Schema, r rawSchema)
	resolve := func(r rawSchema) *Schema {
		if r.Ref != "" {
			if s := out[r.Ref]; s != nil {
				return s
			}
			return &Schema{Type: "any"}
		}
		s := &Schema{}
		build(s, r)
		return s
	}
	build = func(into *Schema, r rawSchema) {
		into.Type, into.Format = r.Type, r.Format
		if len(r.Enum) > 0 {
			into.Enum = map[string]bool{}
			for _, e := range r.Enum {
				into.Enum[strings.ToLower(e)] = true
			}
		}
		if len(r.Properties) > 0 {
			into.Properties = map[string]*Schema{}
			for name, p := range r.Properties {
				into.Properties[name] = resolve(p)
			}
		}
		if r.Items != nil {
			into.Items = resolve(*r.Items)
		}
		if r.AdditionalProperties != nil {
			into.Values = resolve(*r.AdditionalProperties)
		}
	}
	for name, r := range raw {
		build(out[name], r)
	}
	return out
}

// CheckBody checks a JSON body against the request schema. An empty body is
// an empty object.
func (m *Method) CheckBody(body []byte) *Violation {
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return nil
	}
	if m.Request == nil {
		if bytes.Equal(body, []byte("{}")) || bytes.Equal(body, []byte("null")) {
			return nil
		}
		return &Violation{Reason: "parseError", Message: "Invalid JSON payload received. The request takes no body."}
	}
	v, err := decode(body)
	if err != nil {
		return &Violation{Reason: "parseError", Message: "Invalid JSON payload received. " + err.Error()}
	}
	return m.Request.check(rootOf(m.Request.Name), v)
}

// CheckResponse checks a JSON answer against the response schema, as strictly
// as Google's clients read it: 64-bit numbers are strings, other numbers are
// numbers, nothing is there that the document does not have.
func (m *Method) CheckResponse(body []byte) *Violation {
	if m.Response == nil {
		if len(bytes.TrimSpace(body)) == 0 || string(bytes.TrimSpace(body)) == "{}" {
			return nil
		}
		return &Violation{Reason: "invalid", Message: m.ID + " answers without a body"}
	}
	v, err := decode(body)
	if err != nil {
		return &Violation{Reason: "parseError", Message: err.Error()}
	}
	return m.Response.checkStrict(m.Response.Name, v)
}

func (s *Schema) checkStrict(at string, v any) *Violation {
	switch s.Type {
	case "object":
		obj, ok := v.(map[string]any)
		if !ok {
			return invalid(at, "object", v)
		}
		for name, value := range obj {
			p := s.Properties[name]
			if p == nil {
				p = s.Values
			}
			if p == nil {
				return &Violation{Field: at, Reason: "invalid", Message: fmt.Sprintf("unknown field %q in %s", name, at)}
			}
			if bad := p.checkStrict(at+"."+name, value); bad != nil {
				return bad
			}
		}
	case "array":
		list, ok := v.([]any)
		if !ok {
			return invalid(at, "array", v)
		}
		for i, item := range list {
			if bad := s.Items.checkStrict(fmt.Sprintf("%s[%d]", at, i), item); bad != nil {
				return bad
			}
		}
	case "integer", "number":
		if _, ok := v.(json.Number); !ok {
			return invalid(at, s.Type, v)
		}
	case "string":
		if _, ok := v.(string); !ok {
			return invalid(at, "string", v)
		}
		return s.check(at, v)
	case "boolean":
		return s.check(at, v)
	}
	return nil
}

func decode(body []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		var syntax *json.SyntaxError
		switch {
		case errors.Is(err, io.ErrUnexpectedEOF):
			return nil, errors.New("Unexpected end of string.")
		case errors.As(err, &syntax):
			return nil, fmt.Errorf("Unknown token at offset %d.", syntax.Offset)
		}
		return nil, errors.New("Parsing terminated before end of input.")
	}
	if d.More() {
		return nil, errors.New("Parsing terminated before end of input.")
	}
	return v, nil
}

// rootOf is the name Google gives the body in messages: 'message' for a
// Message, nothing for a ModifyMessageRequest, which is the request itself.
func rootOf(schema string) string {
	if strings.HasSuffix(schema, "Request") {
		return ""
	}
	return snake(schema)
}

func (s *Schema) check(at string, v any) *Violation {
	if v == nil || s == nil {
		return nil // null clears a field
	}
	switch s.Type {
	case "object":
		return s.checkObject(at, v)
	case "array":
		list, ok := v.([]any)
		if !ok {
			return invalid(at, "TYPE_MESSAGE", v)
		}
		for i, item := range list {
			if bad := s.Items.check(fmt.Sprintf("%s[%d]", at, i), item); bad != nil {
				return bad
			}
		}
		return nil
	case "any", "":
		return nil
	}
	return s.checkScalar(at, v)
}

func (s *Schema) checkObject(at string, v any) *Violation {
	obj, ok := v.(map[string]any)
	if !ok {
		return invalid(at, "type.googleapis.com/"+s.Name, v)
	}
	for name, value := range obj {
		p := s.Properties[name]
		if p == nil {
			p = s.Values
		}
		if p == nil {
			where := ""
			if at != "" {
				where = " at '" + at + "'"
			}
			return &Violation{Field: at, Reason: "invalid",
				Message: fmt.Sprintf("Invalid JSON payload received. Unknown name %q%s: Cannot find field.", name, where)}
		}
		if bad := p.check(join(at, snake(name)), value); bad != nil {
			return bad
		}
	}
	return nil
}

func (s *Schema) checkScalar(at string, v any) *Violation {
	text, isText := v.(string)
	number, isNumber := v.(json.Number)
	switch s.Type {
	case "boolean":
		if _, ok := v.(bool); !ok {
			return invalid(at, "TYPE_BOOL", v)
		}
	case "integer":
		if !isNumber && !isText {
			return invalid(at, "TYPE_INT32", v)
		}
		if _, err := strconv.ParseInt(text+number.String(), 10, 64); err != nil {
			return invalid(at, "TYPE_INT32", v)
		}
	case "number":
		if !isNumber && !isText {
			return invalid(at, "TYPE_DOUBLE", v)
		}
	case "string":
		return s.checkString(at, v, text, isText, number, isNumber)
	}
	return nil
}

func (s *Schema) checkString(at string, v any, text string, isText bool, number json.Number, isNumber bool) *Violation {
	switch s.Format {
	case "int64", "uint64": // may come as numbers, too
		if !isText && !isNumber {
			return invalid(at, "TYPE_"+strings.ToUpper(s.Format), v)
		}
		digits := text + number.String()
		_, errSigned := strconv.ParseInt(digits, 10, 64)
		_, errUnsigned := strconv.ParseUint(digits, 10, 64)
		if (s.Format == "int64" && errSigned != nil) || (s.Format == "uint64" && errUnsigned != nil) {
			return invalid(at, "TYPE_"+strings.ToUpper(s.Format), v)
		}
		return nil
	case "byte":
		if !isText {
			return invalid(at, "TYPE_BYTES", v)
		}
		if !isBase64(text) {
			return &Violation{Field: at, Reason: "invalid",
				Message: fmt.Sprintf("Invalid value at '%s' (TYPE_BYTES), Base64 decoding failed for %q", at, clip(text))}
		}
		return nil
	}
	if !isText {
		return invalid(at, "TYPE_STRING", v)
	}
	if s.Enum != nil && !s.Enum[strings.ToLower(text)] {
		return invalid(at, "TYPE_ENUM", v)
	}
	return nil
}

func invalid(at, kind string, v any) *Violation {
	shown, _ := json.Marshal(v)
	if at == "" {
		return &Violation{Reason: "invalid", Message: fmt.Sprintf("Invalid JSON payload received. Invalid value (%s), %s", kind, clip(string(shown)))}
	}
	return &Violation{Field: at, Reason: "invalid", Message: fmt.Sprintf("Invalid value at '%s' (%s), %s", at, kind, clip(string(shown)))}
}

func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

func join(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}

// isBase64 accepts both alphabets, with and without padding, as Google's
// parser of bytes fields does.
func isBase64(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '/' || c == '-' || c == '_' {
			continue
		}
		if c == '=' && len(s)-i <= 2 {
			continue
		}
		return false
	}
	return true
}
