package gmail_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"rapport/simulator/discovery"
)

// checked is a transport that holds every successful answer against the
// response schema of Google's discovery document: no field the document does
// not know, the right JSON type for each, 64-bit numbers as strings.
type checked struct{ t *testing.T }

func (c *checked) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || resp.StatusCode != 200 {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if len(body) == 0 {
		return resp, nil
	}
	if err := conforms(r.Method, strings.TrimPrefix(r.URL.Path, "/upload"), body); err != nil {
		c.t.Errorf("%s %s: %v\n%.2000s", r.Method, r.URL.Path, err, body)
	}
	return resp, nil
}

type document struct {
	Schemas   map[string]schema
	Resources map[string]resource
}

type resource struct {
	Methods map[string]struct {
		HTTPMethod, Path string
		Response         struct {
			Ref string `json:"$ref"`
		}
	}
	Resources map[string]resource
}

type schema struct {
	Type, Format string
	Ref          string `json:"$ref"`
	Enum         []string
	Properties   map[string]schema
	Items        *schema
}

type route struct {
	method string
	path   *regexp.Regexp
	answer string
}

var routes = sync.OnceValue(func() (out struct {
	doc  document
	list []route
}) {
	if err := json.Unmarshal(discovery.Document("gmail"), &out.doc); err != nil {
		panic(err)
	}
	var walk func(map[string]resource)
	walk = func(rs map[string]resource) {
		for _, r := range rs {
			for _, m := range r.Methods {
				p := regexp.MustCompile(`\\\{[^}]*\\\}`).ReplaceAllString(regexp.QuoteMeta("/"+m.Path), `[^/]+`)
				out.list = append(out.list, route{m.HTTPMethod, regexp.MustCompile("^" + p + "$"), m.Response.Ref})
			}
			walk(r.Resources)
		}
	}
	walk(out.doc.Resources)
	return out
})

func conforms(method, path string, body []byte) error {
	all := routes()
	for _, r := range all.list {
		if r.method != method || !r.path.MatchString(path) {
			continue
		}
		if r.answer == "" {
			return fmt.Errorf("a body where the document has none")
		}
		d := json.NewDecoder(bytes.NewReader(body))
		d.UseNumber()
		var v any
		if err := d.Decode(&v); err != nil {
			return err
		}
		return all.doc.check(r.answer, schema{Ref: r.answer}, v)
	}
	return fmt.Errorf("no such method in the document")
}

func (d document) check(at string, s schema, v any) error {
	if s.Ref != "" {
		s = d.Schemas[s.Ref]
	}
	bad := fmt.Errorf("%s: %T does not fit %s %s", at, v, s.Type, s.Format)
	switch s.Type {
	case "object":
		m, ok := v.(map[string]any)
		if !ok {
			return bad
		}
		for k, e := range m {
			p, known := s.Properties[k]
			if !known {
				return fmt.Errorf("%s: unknown field %q", at, k)
			}
			if err := d.check(at+"."+k, p, e); err != nil {
				return err
			}
		}
	case "array":
		list, ok := v.([]any)
		if !ok || len(list) == 0 { // an empty list has no key
			return bad
		}
		for i, e := range list {
			if err := d.check(at+"["+strconv.Itoa(i)+"]", *s.Items, e); err != nil {
				return err
			}
		}
	case "string":
		return checkString(s, v, bad)
	case "integer":
		if _, ok := v.(json.Number); !ok {
			return bad
		}
	case "boolean":
		if _, ok := v.(bool); !ok {
			return bad
		}
	}
	return nil
}

func checkString(s schema, v any, bad error) error {
	text, ok := v.(string)
	if !ok {
		return bad
	}
	var err error
	switch s.Format {
	case "int64":
		_, err = strconv.ParseInt(text, 10, 64)
	case "uint64":
		_, err = strconv.ParseUint(text, 10, 64)
	case "byte":
		_, err = base64.URLEncoding.DecodeString(text)
	}
	return err
}
