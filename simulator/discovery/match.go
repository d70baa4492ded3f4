package discovery

import (
	"fmt"
	"net/url"
	"strings"
)

// Matcher finds the method a request means, over any number of APIs.
type Matcher struct{ root *node }

// Match is a method found, and where.
type Match struct {
	Method *Method
	Path   url.Values // path parameters, unescaped
	Upload bool       // the path was one of the /upload/ forms
}

type node struct {
	literal map[string]*node
	any     *node            // one variable segment
	verb    map[string]*node // one variable segment followed by ":verb"
	leaves  map[string]*leaf // by HTTP method
}

type leaf struct {
	method   *Method
	bindings []binding
	upload   bool
}

// binding says how a path parameter is put together from the literal and
// variable segments that were matched.
type binding struct {
	name  string
	parts []string // literal text, or "" for the next variable
}

// NewMatcher returns an empty matcher.
func NewMatcher() *Matcher { return &Matcher{root: &node{}} }

// Add makes every method of api matchable. Two methods of the same path and
// HTTP method are an error.
func (x *Matcher) Add(api *API) error {
	for _, m := range api.Methods {
		if err := x.add(m, m.Template, false); err != nil {
			return err
		}
		if m.Upload == nil {
			continue
		}
		for _, prefix := range []string{"upload/", "resumable/upload/"} {
			if err := x.add(m, prefix+m.Template, true); err != nil {
				return err
			}
		}
	}
	return nil
}

func (x *Matcher) add(m *Method, template string, upload bool) error {
	n := x.root
	var bindings []binding
	for _, seg := range splitTemplate(template) {
		name, shape, verb := parseSegment(seg)
		if name == "" {
			n = n.child(seg)
			continue
		}
		b := binding{name: name}
		for i, part := range shape {
			last := i == len(shape)-1
			switch {
			case part != "*":
				b.parts = append(b.parts, part)
				n = n.child(part)
			case last && verb != "":
				b.parts = append(b.parts, "")
				n = n.verbChild(verb)
			default:
				b.parts = append(b.parts, "")
				n = n.anyChild()
			}
		}
		bindings = append(bindings, b)
	}
	if n.leaves == nil {
		n.leaves = map[string]*leaf{}
	}
	if other, taken := n.leaves[m.HTTP]; taken && other.method != m {
		return fmt.Errorf("%s and %s share %s %s", m.ID, other.method.ID, m.HTTP, template)
	}
	n.leaves[m.HTTP] = &leaf{method: m, bindings: bindings, upload: upload}
	return nil
}

// splitTemplate splits at slashes outside of braces.
func splitTemplate(t string) []string {
	var out []string
	depth, start := 0, 0
	for i, r := range t {
		switch {
		case r == '{':
			depth++
		case r == '}':
			depth--
		case r == '/' && depth == 0:
			out = append(out, t[start:i])
			start = i + 1
		}
	}
	return append(out, t[start:])
}

// parseSegment takes "{name=a/*}:verb" apart; a literal has no name.
func parseSegment(seg string) (name string, shape []string, verb string) {
	if !strings.HasPrefix(seg, "{") {
		return "", nil, ""
	}
	inner, rest, _ := strings.Cut(seg[1:], "}")
	verb = strings.TrimPrefix(rest, ":")
	name, pattern, found := strings.Cut(inner, "=")
	if !found {
		pattern = "*"
	}
	return name, strings.Split(pattern, "/"), verb
}

func (n *node) child(s string) *node {
	if n.literal == nil {
		n.literal = map[string]*node{}
	}
	if n.literal[s] == nil {
		n.literal[s] = &node{}
	}
	return n.literal[s]
}

func (n *node) anyChild() *node {
	if n.any == nil {
		n.any = &node{}
	}
	return n.any
}

func (n *node) verbChild(v string) *node {
	if n.verb == nil {
		n.verb = map[string]*node{}
	}
	if n.verb[v] == nil {
		n.verb[v] = &node{}
	}
	return n.verb[v]
}

// Find returns the method of a request. escapedPath is the path as sent
// (url.URL.EscapedPath). known tells whether the path exists with another
// HTTP method.
func (x *Matcher) Find(httpMethod, escapedPath string) (m Match, known, ok bool) {
	var segs, vars [24]string
	n := 0
	rest := strings.TrimPrefix(escapedPath, "/")
	for {
		seg, tail, more := strings.Cut(rest, "/")
		if n == len(segs) {
			return Match{}, false, false
		}
		segs[n] = seg
		n++
		if !more {
			break
		}
		rest = tail
	}
	f := finder{method: httpMethod, vars: vars[:0]}
	if !f.walk(x.root, segs[:n]) {
		return Match{}, f.known, false
	}
	return Match{Method: f.found.method, Path: f.found.bind(f.vars), Upload: f.found.upload}, true, true
}

type finder struct {
	method string
	vars   []string
	found  *leaf
	known  bool
}

func (f *finder) walk(n *node, segs []string) bool {
	if len(segs) == 0 {
		if len(n.leaves) > 0 {
			f.known = true
		}
		f.found = n.leaves[f.method]
		return f.found != nil
	}
	seg := segs[0]
	if c := n.literal[seg]; c != nil && f.walk(c, segs[1:]) {
		return true
	}
	if seg == "" {
		return false
	}
	mark := len(f.vars)
	if n.verb != nil {
		if i := strings.LastIndexByte(seg, ':'); i > 0 {
			if c := n.verb[seg[i+1:]]; c != nil {
				f.vars = append(f.vars, seg[:i])
				if f.walk(c, segs[1:]) {
					return true
				}
				f.vars = f.vars[:mark]
			}
		}
	}
	if n.any != nil {
		f.vars = append(f.vars, seg)
		if f.walk(n.any, segs[1:]) {
			return true
		}
		f.vars = f.vars[:mark]
	}
	return false
}

func (l *leaf) bind(vars []string) url.Values {
	out := make(url.Values, len(l.bindings))
	i := 0
	for _, b := range l.bindings {
		if len(b.parts) == 1 && b.parts[0] == "" {
			out[b.name] = []string{unescape(vars[i])}
			i++
			continue
		}
		var s strings.Builder
		for k, p := range b.parts {
			if k > 0 {
				s.WriteByte('/')
			}
			if p == "" {
				p = unescape(vars[i])
				i++
			}
			s.WriteString(p)
		}
		out[b.name] = []string{s.String()}
	}
	return out
}

func unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	if u, err := url.PathUnescape(s); err == nil {
		return u
	}
	return s
}
