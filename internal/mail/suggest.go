package mail

import "strings"

// Suggestion completes a search.
type Suggestion struct {
	Text string // what the query becomes
	Hint string // what it finds
}

var hints = []Suggestion{
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
	{"OR", "one or the other"},
}

// Suggest gives the operators that may follow what is typed, at most n. It
// completes the last word and keeps what stands before it.
func Suggest(query string, n int) []Suggestion {
	query = cutText(query, maxQuery)
	at := strings.LastIndexAny(query, " ({") + 1
	before, last := query[:at], query[at:]
	if strings.Count(before, `"`)%2 == 1 { // within a phrase
		return nil
	}
	negated := strings.HasPrefix(last, "-")
	last = strings.ToLower(strings.TrimPrefix(last, "-"))
	var out []Suggestion
	for _, h := range hints {
		if len(out) == n {
			break
		}
		if !strings.HasPrefix(strings.ToLower(h.Text), last) || strings.ToLower(h.Text) == last || h.Text == "OR" && before == "" {
			continue
		}
		if negated {
			h = Suggestion{"-" + h.Text, "not: " + h.Hint}
		}
		out = append(out, Suggestion{before + h.Text, h.Hint})
	}
	return out
}
