package mail

import (
	"context"
	"strings"

	"rapport/internal/access"
)

// Suggestion completes a search.
type Suggestion struct {
	Text string // what the query becomes
	Hint string // what it finds
	Kind string // operator, person or label
}

// Kinds of suggestions.
const (
	SuggestOperator = "operator"
	SuggestPerson   = "person"
	SuggestLabel    = "label"
)

var hints = []struct{ text, hint string }{
	{"from:", "sender"},
	{"to:", "recipient"},
	{"cc:", "recipient of a copy"},
	{"bcc:", "recipient of a blind copy"},
	{"subject:", "words in the subject"},
	{"label:", "a label"},
	{"in:inbox", "the inbox"},
	{"in:sent", "sent mail"},
	{"in:anywhere", "spam and trash too"},
	{"is:unread", "unread mail"},
	{"is:read", "read mail"},
	{"is:starred", "starred mail"},
	{"has:attachment", "with a file"},
	{"filename:", "name or type of a file"},
	{"before:", "before a day, as 2026/05/31"},
	{"after:", "from a day on, as 2026/05/01"},
	{"older_than:", "older than 3d, 2m or 1y"},
	{"newer_than:", "newer than 3d, 2m or 1y"},
	{"larger:", "larger than 500K or 10M"},
	{"smaller:", "smaller than 500K or 10M"},
	{"rfc822msgid:", "a Message-ID"},
	{"is:important", "marked important"},
	{"list:", "a mailing list"},
	{"deliveredto:", "received at an address"},
	{"OR", "one or the other"},
}

// typed is a query taken apart where it is being typed: what stands before the last
// word, whether that is negated, its operator and what follows it.
type typed struct {
	before, operator, text string
	negated                bool
}

func readTyped(query string) (t typed, ok bool) {
	query = cutText(clean(query), maxQuery)
	at := strings.LastIndexAny(query, " ({") + 1
	t.before, t.text = query[:at], query[at:]
	if strings.Count(t.before, `"`)%2 == 1 { // within a phrase
		return t, false
	}
	t.text, t.negated = strings.CutPrefix(t.text, "-")
	if name, value, found := strings.Cut(t.text, ":"); found && operators[strings.ToLower(name)] {
		t.operator, t.text = strings.ToLower(name), strings.TrimPrefix(value, `"`)
	}
	return t, !strings.HasPrefix(t.text, `"`) // a phrase begins
}

func (t typed) complete(with, hint, kind string) Suggestion {
	if t.negated {
		with, hint = "-"+with, "not: "+hint
	}
	return Suggestion{Text: t.before + with, Hint: hint, Kind: kind}
}

// Suggest gives the operators that may follow what is typed, at most n. It
// completes the last word and keeps what stands before it.
func Suggest(query string, n int) []Suggestion {
	t, ok := readTyped(query)
	if !ok {
		return nil
	}
	last := strings.ToLower(t.text)
	if t.operator != "" {
		last = t.operator + ":" + last
	}
	var out []Suggestion
	for _, h := range hints {
		if len(out) == n {
			break
		}
		text := strings.ToLower(h.text)
		if !strings.HasPrefix(text, last) || text == last || h.text == "OR" && t.before == "" {
			continue
		}
		out = append(out, t.complete(h.text, h.hint, SuggestOperator))
	}
	return out
}

// SuggestFor gives at most n ways in which a search that is being typed may go on:
// operators, labels of the caller's mailboxes, and people from mail that the caller
// sees.
func (s *Service) SuggestFor(ctx context.Context, c access.Caller, query string, n int) ([]Suggestion, error) {
	if err := access.Allow(c, access.MailRead); err != nil {
		return nil, err
	}
	out := Suggest(query, n)
	t, ok := readTyped(query)
	if !ok {
		return nil, nil
	}
	switch t.operator {
	case "label", "in", "l":
		names, err := s.Privacy.MailboxLabels(ctx, c)
		if err != nil {
			return nil, err
		}
		out = append(out, t.labels(names)...)
	case "", "from", "to", "cc", "bcc", "deliveredto", "list":
		if t.operator == "" && t.text == "" {
			break
		}
		people, err := s.Privacy.PeopleSeen(ctx, c, t.text, n)
		if err != nil {
			return nil, err
		}
		operator := t.operator
		if operator == "" {
			operator = "from"
		}
		for _, p := range people {
			out = append(out, t.complete(operator+":"+p.Email, p.Name, SuggestPerson))
		}
	}
	return out[:min(n, len(out))], nil
}

// labels are the names that begin as typed, or have a part that does.
func (t typed) labels(names []string) (out []Suggestion) {
	want := strings.ToLower(t.text)
	for _, name := range names {
		low := strings.ToLower(name)
		if !strings.HasPrefix(low, want) && !strings.Contains(low, "/"+want) && !strings.Contains(low, " "+want) {
			continue
		}
		value := name
		if strings.ContainsAny(name, separators+"(){}") {
			value = `"` + name + `"`
		}
		out = append(out, t.complete("label:"+value, "the label "+name, SuggestLabel))
	}
	return out
}
