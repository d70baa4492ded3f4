package vault

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"rapport/internal/crm"
	"rapport/internal/fault"
)

// Patterns of a lease are paths of Google's APIs. A segment "*" stands for any
// one segment. A "*" at the end of the pattern stands for any rest: behind "/"
// for one segment or more, behind a name for nothing, for "/" or ":" and what
// follows ("messages*" is messages, messages/17 and messages:batch, never
// messagesX).

// leaseMethods are what a lease can allow.
var leaseMethods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// prefixes are where the methods of each service live (Google's discovery
// documents, servicePath and mediaUpload). Batch addresses are none of them: what
// is inside a batch cannot be checked against a lease.
var prefixes = map[crm.Service][]string{
	crm.ServiceGmail:     {"/gmail/v1", "/upload/gmail/v1"},
	crm.ServiceDrive:     {"/drive/v3", "/upload/drive/v3"},
	crm.ServiceCalendar:  {"/calendar/v3"},
	crm.ServiceMeet:      {"/v2/spaces", "/v2/conferenceRecords", "/calendar/v3"},
	crm.ServiceSheets:    {"/v4/spreadsheets"},
	crm.ServiceContacts:  {"/v1/people", "/v1/contactGroups", "/v1/otherContacts"},
	crm.ServiceDirectory: {"/admin/directory/v1"},
}

// ServicePaths gives the beginnings of a service's paths at Google; none for a
// service of the operator's, whose paths nobody has told us.
func ServicePaths(service crm.Service) []string { return slices.Clone(prefixes[service]) }

// route is a pattern that was read.
type route struct {
	segments []string
	tail     tail
}

type tail int

const (
	tailNone tail = iota // nothing more
	tailOpen             // behind a name: nothing, or "/" or ":" and more
	tailRest             // behind "/": one segment or more
)

func readPattern(pattern string) (route, error) {
	var r route
	text, star := strings.CutSuffix(pattern, "*")
	if star {
		r.tail = tailOpen
		if before, slash := strings.CutSuffix(text, "/"); slash {
			text, r.tail = before, tailRest
		}
	}
	var err error
	if r.segments, err = segmentsOf(text); err != nil {
		return r, fmt.Errorf("it must be a plain path that begins with /")
	}
	for i, segment := range r.segments {
		if strings.Contains(segment, "*") && (segment != "*" || r.tail == tailOpen && i == len(r.segments)-1) {
			return r, fmt.Errorf("a * stands for a whole segment, or at the end for any rest")
		}
	}
	return r, nil
}

// checkPattern refuses a pattern that cannot be read or leads beyond its service.
func checkPattern(service crm.Service, pattern string) error {
	r, err := readPattern(pattern)
	if err == nil {
		err = r.within(service)
	}
	if err != nil {
		return &fault.Error{Kind: fault.Invalid, Code: "bad_path", Err: err,
			Text:   fmt.Sprintf("The path %q cannot be leased: %s.", cut(pattern, 80), err),
			Fields: map[string]string{"paths": err.Error()}}
	}
	return nil
}

// within checks that what a pattern says literally lies within the service.
func (r route) within(service crm.Service) error {
	literal := r.segments
	if i := slices.Index(literal, "*"); i >= 0 {
		literal = literal[:i]
	}
	list := prefixes[service]
	if list == nil { // of the operator's: anything but batches
		if len(literal) > 0 && literal[0] != "batch" && !strings.HasPrefix(literal[0], "batch:") {
			return nil
		}
		return fmt.Errorf("it must name the API of this service")
	}
	for _, prefix := range list {
		want := strings.Split(strings.TrimPrefix(prefix, "/"), "/")
		n := len(want) - 1
		if len(literal) > n && slices.Equal(literal[:n], want[:n]) && isOrVerb(literal[n], want[n]) {
			return nil
		}
	}
	return fmt.Errorf("it must lie within %s", strings.Join(list, ", "))
}

// isOrVerb reports whether a segment is a name, or a custom method of it
// ("people:searchContacts").
func isOrVerb(segment, name string) bool {
	rest, ok := strings.CutPrefix(segment, name)
	return ok && (rest == "" || rest[0] == ':')
}

// segmentsOf takes a path apart, each segment decoded once. It refuses whatever
// two readers may take for different paths: empty and dot segments, encoded
// slashes, double encoding, backslashes, control characters, queries.
func segmentsOf(path string) ([]string, error) {
	rest, ok := strings.CutPrefix(path, "/")
	if !ok || rest == "" {
		return nil, fmt.Errorf("no absolute path")
	}
	if strings.ContainsAny(path, "?#\\;") {
		return nil, fmt.Errorf("more than a path")
	}
	out := strings.Split(rest, "/")
	for i, raw := range out {
		segment, err := url.PathUnescape(raw)
		switch {
		case err != nil:
			return nil, fmt.Errorf("bad encoding")
		case segment == "" || segment == "." || segment == "..":
			return nil, fmt.Errorf("an empty or dot segment")
		case strings.ContainsAny(segment, "/\\%") || !utf8.ValidString(segment) || strings.ContainsFunc(segment, unicode.IsControl):
			return nil, fmt.Errorf("a character that means something else elsewhere")
		}
		out[i] = segment
	}
	return out, nil
}

// matching gives the first pattern that the path of a call matches.
func matching(patterns []string, path string) (string, bool) {
	segments, err := segmentsOf(path)
	if err != nil {
		return "", false
	}
	for _, pattern := range patterns {
		if r, err := readPattern(pattern); err == nil && r.matches(segments) {
			return pattern, true
		}
	}
	return "", false
}

func (r route) matches(path []string) bool {
	n := len(r.segments)
	switch r.tail {
	case tailNone:
		if len(path) != n {
			return false
		}
	case tailRest:
		if len(path) <= n {
			return false
		}
	case tailOpen:
		if len(path) < n {
			return false
		}
	}
	for i, want := range r.segments {
		if want == "*" || want == path[i] {
			continue
		}
		if r.tail != tailOpen || i != n-1 || len(path) != n || !isOrVerb(path[i], want) {
			return false
		}
	}
	return true
}
