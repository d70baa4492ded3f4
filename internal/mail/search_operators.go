package mail

import (
	"math"
	"strconv"
	"strings"
	"time"
)

var operators = map[string]bool{
	"from": true, "to": true, "cc": true, "bcc": true, "subject": true, "label": true, "in": true, "is": true, "has": true, "filename": true,
	"before": true, "after": true, "older": true, "newer": true, "older_than": true, "newer_than": true, "rfc822msgid": true,
	"larger": true, "smaller": true, "larger_than": true, "smaller_than": true, "size": true, "category": true, "l": true,
	"list": true, "deliveredto": true,
}

func (p *searcher) operator(name, value string) Node {
	value = strings.Join(strings.Fields(strings.Trim(value, `"`)), " ")
	if value == "" {
		return nil
	}
	var n Node
	switch name {
	case "from", "to", "cc", "bcc":
		return p.person(FieldName(name), value)
	case "subject", "filename":
		return Field{Name: FieldName(name), Text: value}
	case "rfc822msgid":
		return Field{Name: FieldMessageID, Text: strings.Trim(value, "<>")}
	case "label", "l":
		return Label{value}
	case "list": // by its address, where Gmail reads List-Id
		return Or{[]Node{Field{Name: FieldTo, Text: value}, Field{Name: FieldCc, Text: value}, Field{Name: FieldFrom, Text: value}}}
	case "deliveredto": // by who it was sent to, where Gmail reads Delivered-To
		return Or{[]Node{p.person(FieldTo, value), p.person(FieldCc, value), p.person(FieldBcc, value)}}
	case "category":
		n = category(value)
	case "in":
		n = inPlace(value)
	case "is":
		n = is(value)
	case "has":
		n = has(value)
	case "before", "after", "older", "newer":
		n = p.day(name, value)
	case "older_than", "newer_than":
		n = p.age(name, value)
	default:
		n = size(name, value)
	}
	if n == nil { // not understood: the words as they are
		return Words{Text: name + ":" + value}
	}
	return n
}

// person finds an address or a name; "me" is the viewer.
func (p *searcher) person(f FieldName, value string) Node {
	if !strings.EqualFold(value, "me") || len(p.Emails) == 0 {
		return Field{Name: f, Text: value}
	}
	var mine []Node
	for _, e := range p.Emails {
		mine = append(mine, Field{Name: f, Text: e})
	}
	return either(mine)
}

func category(value string) Node {
	switch strings.ToLower(value) {
	case "primary":
		return Label{"CATEGORY_PERSONAL"}
	case "social", "promotions", "updates", "forums":
		return Label{"CATEGORY_" + strings.ToUpper(value)}
	}
	return nil
}

func inPlace(value string) Node {
	switch v := strings.ToLower(value); v {
	case "anywhere", "any":
		return Flag{FlagAnywhere}
	case "inbox", "sent", "spam", "trash", "draft", "chat", "important":
		return Label{strings.ToUpper(v)}
	case "drafts", "chats":
		return Label{strings.ToUpper(strings.TrimSuffix(v, "s"))}
	case "bin":
		return Label{"TRASH"}
	case "junk":
		return Label{"SPAM"}
	case "starred", "unread", "read":
		return Flag{FlagName(v)}
	case "archive":
		return Not{Or{[]Node{Label{"INBOX"}, Label{"SENT"}, Label{"DRAFT"}, Label{"SPAM"}, Label{"TRASH"}}}}
	}
	return Label{value}
}

func is(value string) Node {
	switch v := strings.ToLower(value); v {
	case "unread", "read", "starred":
		return Flag{FlagName(v)}
	case "important", "sent", "inbox", "draft", "chat":
		return Label{strings.ToUpper(v)}
	}
	return nil
}

func has(value string) Node {
	switch strings.ToLower(value) {
	case "attachment", "attachments":
		return Flag{FlagAttachment}
	case "star", "yellow-star":
		return Flag{FlagStarred}
	}
	return nil
}

// day bounds the date: before: ends where the day begins, after: begins there.
func (p *searcher) day(name, value string) Node {
	at, ok := p.date(value)
	if !ok {
		return nil
	}
	if name == "before" || name == "older" {
		return Date{To: at}
	}
	return Date{From: at}
}

// date reads a day in the viewer's zone, or seconds since 1970.
func (p *searcher) date(value string) (int64, bool) {
	if n, err := strconv.ParseInt(value, 10, 64); err == nil && n > 99_999_999 {
		return min(n, math.MaxInt32*4), true
	}
	value = strings.NewReplacer("-", "/", ".", "/").Replace(value)
	for _, layout := range []string{"2006/1/2", "1/2/2006", "2006/1", "2006"} {
		if t, err := time.ParseInLocation(layout, value, p.Zone); err == nil && t.Year() > 0 {
			return t.Unix(), true
		}
	}
	switch strings.ToLower(value) {
	case "today":
		return p.midnight(0), true
	case "yesterday":
		return p.midnight(-1), true
	}
	return 0, false
}

func (p *searcher) midnight(days int) int64 {
	y, m, d := p.Now.In(p.Zone).Date()
	return time.Date(y, m, d+days, 0, 0, 0, 0, p.Zone).Unix()
}

// age bounds the date from now: 2h, 3d, 1w, 2m, 1y.
func (p *searcher) age(name, value string) Node {
	unit := value[len(value)-1] | 0x20
	n, err := strconv.Atoi(value[:len(value)-1])
	if err != nil || n < 0 || n > 100_000 {
		return nil
	}
	now := p.Now.In(p.Zone)
	var at time.Time
	switch unit {
	case 'h':
		at = now.Add(-time.Duration(n) * time.Hour)
	case 'd':
		at = now.AddDate(0, 0, -n)
	case 'w':
		at = now.AddDate(0, 0, -7*n)
	case 'm':
		at = now.AddDate(0, -n, 0)
	case 'y':
		at = now.AddDate(-n, 0, 0)
	default:
		return nil
	}
	if name == "older_than" {
		return Date{To: max(at.Unix(), 1)}
	}
	return Date{From: max(at.Unix(), 1)}
}

// size bounds the size: 10000, 500K, 10M, 1G.
func size(name, value string) Node {
	factor := int64(1)
	switch v := strings.ToUpper(strings.TrimSuffix(strings.ToUpper(value), "B")); {
	case strings.HasSuffix(v, "K"):
		factor, value = 1<<10, v[:len(v)-1]
	case strings.HasSuffix(v, "M"):
		factor, value = 1<<20, v[:len(v)-1]
	case strings.HasSuffix(v, "G"):
		factor, value = 1<<30, v[:len(v)-1]
	default:
		value = v
	}
	n, err := strconv.ParseInt(value, 10, 40)
	if err != nil || n < 0 {
		return nil
	}
	if name == "smaller" || name == "smaller_than" {
		return SizeRange{To: max(n*factor, 1)}
	}
	return SizeRange{From: max(n*factor, 1)}
}
