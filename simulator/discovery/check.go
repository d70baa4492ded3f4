package discovery

import (
	"fmt"
	"math"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Violation is a parameter or a field that Google would refuse.
type Violation struct {
	Field   string // name of the parameter, path of the field
	Message string // in Google's words
	Reason  string // classic reason: invalidParameter, required, parseError, invalid
	Query   bool   // a parameter, not a part of the body
}

func (v *Violation) Error() string { return v.Message }

// CheckPath checks the types of path parameters.
func (m *Method) CheckPath(path url.Values) *Violation {
	for name, p := range m.PathVars {
		if v := p.check(path.Get(name)); v != "" {
			return &Violation{Field: name, Message: v, Reason: "invalidParameter", Query: true}
		}
	}
	return nil
}

// CheckQuery checks query parameters in place: unknown names, wrong types,
// values outside an enum, repetition and missing ones are violations; enums
// get the spelling of the document and defaults are filled in.
func (m *Method) CheckQuery(q url.Values) *Violation {
	for name, values := range q {
		p := m.Query[name]
		if p == nil {
			p = m.API.Common[name]
		}
		if p == nil {
			if m.PathVars[name] != nil {
				return &Violation{Field: name, Query: true, Reason: "invalidParameter",
					Message: fmt.Sprintf("Invalid JSON payload received. Unknown name %q: Cannot bind query parameter. Field '%s' is bound by the path.", name, name)}
			}
			return &Violation{Field: name, Query: true, Reason: "invalidParameter",
				Message: fmt.Sprintf("Invalid JSON payload received. Unknown name %q: Cannot bind query parameter. Field '%s' could not be found in request message.", name, name)}
		}
		if len(values) > 1 && !p.Repeated {
			return &Violation{Field: name, Query: true, Reason: "invalidParameter",
				Message: fmt.Sprintf("Invalid value at '%s' (TYPE_%s), not a repeated field.", snake(name), strings.ToUpper(p.Type))}
		}
		for i, v := range values {
			if msg := p.check(v); msg != "" {
				return &Violation{Field: name, Query: true, Reason: "invalidParameter", Message: msg}
			}
			if p.Enum != nil {
				values[i] = p.Enum[strings.ToLower(v)]
			}
		}
	}
	for _, name := range m.required {
		if q.Get(name) == "" {
			return &Violation{Field: name, Query: true, Reason: "required", Message: "Required parameter: " + name}
		}
	}
	for _, name := range m.defaults {
		if _, set := q[name]; !set {
			q[name] = []string{m.Query[name].Default}
		}
	}
	return nil
}

// check returns why a value is refused, "" when it is not.
func (p *Param) check(v string) string {
	bad := func(kind string) string {
		return fmt.Sprintf("Invalid value at '%s' (%s), %q", snake(p.Name), kind, v)
	}
	if p.Enum != nil {
		if _, ok := p.Enum[strings.ToLower(v)]; !ok {
			return bad("TYPE_ENUM") + ". Allowed values: " + strings.Join(p.allowed(), ", ")
		}
		return ""
	}
	switch p.Type {
	case "boolean":
		if v != "true" && v != "false" {
			return bad("TYPE_BOOL")
		}
	case "integer":
		return p.checkInteger(v, bad)
	case "number":
		if _, err := strconv.ParseFloat(v, 64); err != nil {
			return bad("TYPE_DOUBLE")
		}
	case "string":
		switch p.Format {
		case "uint64":
			if _, err := strconv.ParseUint(v, 10, 64); err != nil {
				return bad("TYPE_UINT64")
			}
		case "int64":
			if _, err := strconv.ParseInt(v, 10, 64); err != nil {
				return bad("TYPE_INT64")
			}
		}
	}
	return ""
}

func (p *Param) checkInteger(v string, bad func(string) string) string {
	n, err := strconv.ParseInt(v, 10, 64)
	lo, hi, kind := int64(math.MinInt32), int64(math.MaxInt32), "TYPE_INT32"
	if p.Format == "uint32" {
		lo, hi, kind = 0, math.MaxUint32, "TYPE_UINT32"
	}
	if err != nil || n < lo || n > hi {
		return bad(kind)
	}
	if p.Minimum != nil && n < *p.Minimum {
		return fmt.Sprintf("Invalid value '%s'. Values must be within the range: [%d, %d]", v, *p.Minimum, deref(p.Maximum, hi))
	}
	if p.Maximum != nil && n > *p.Maximum {
		return fmt.Sprintf("Invalid value '%s'. Values must be within the range: [%d, %d]", v, deref(p.Minimum, lo), *p.Maximum)
	}
	return ""
}

func (p *Param) allowed() []string {
	out := make([]string, 0, len(p.Enum))
	for _, v := range p.Enum {
		out = append(out, v)
	}
	sort.Strings(out)
	return slices.Compact(out)
}

func deref(p *int64, or int64) int64 {
	if p == nil {
		return or
	}
	return *p
}

// snake writes a name as Google's messages do: maxResults as max_results.
func snake(s string) string {
	var b strings.Builder
	for i, r := range s {
		if r >= 'A' && r <= 'Z' {
			if i > 0 {
				b.WriteByte('_')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}
