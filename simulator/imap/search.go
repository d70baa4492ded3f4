package imap

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-imap"

	"rapport/simulator/gmail"
)

// hit is a message that SEARCH looks at.
type hit struct {
	chosen
	gmail.Summary
	flags []string
}

type test func(*hit) bool

// search is SEARCH, with RETURN (RFC 4731) and Gmail's keys.
func (x *session) search(args []any, byUID bool) (string, error) {
	var returns []string
	if len(args) > 1 && is(args[0], "RETURN") {
		list, err := imap.ParseStringList(args[1])
		if err != nil {
			return "", bad("Could not parse command")
		}
		for _, l := range list {
			returns = append(returns, strings.ToUpper(l))
		}
		if len(returns) == 0 {
			returns = []string{"ALL"}
		}
		args = args[2:]
	}
	if len(args) > 1 && is(args[0], "CHARSET") {
		if c, _ := args[1].(string); !strings.EqualFold(c, "UTF-8") && !strings.EqualFold(c, "US-ASCII") {
			return "", no("[BADCHARSET (US-ASCII UTF-8)] Unknown charset (Failure)")
		}
		args = args[2:]
	}
	var found []uint32
	var newest uint64
	err := x.locked(func(a *account) error {
		q := &query{x: x, a: a}
		match, err := q.all(args, true)
		if err != nil {
			return err
		}
		if q.among == nil {
			if q.among, err = x.choose(a, "1:*", false); err != nil {
				return err
			}
		}
		for _, c := range q.among {
			s, ok := a.box.Message(c.id)
			if !ok || !match(&hit{c, s, flags(s, a.keywords[c.id], c.deleted)}) {
				continue
			}
			newest = max(newest, s.History)
			found = append(found, map[bool]uint32{true: c.uid, false: c.seq}[byUID])
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	x.found(found, newest, returns, byUID)
	return "SEARCH completed (Success)", nil
}

func is(arg any, word string) bool {
	s, ok := arg.(string)
	return ok && strings.EqualFold(s, word)
}

func (x *session) found(list []uint32, newest uint64, returns []string, byUID bool) {
	var b strings.Builder
	if returns == nil {
		for _, n := range list {
			b.WriteByte(' ')
			b.WriteString(strconv.FormatUint(uint64(n), 10))
		}
		x.say("* SEARCH%s", b.String())
		return
	}
	if byUID {
		b.WriteString(" UID")
	}
	for _, r := range returns {
		switch {
		case r == "COUNT":
			b.WriteString(" COUNT " + strconv.Itoa(len(list)))
		case len(list) == 0:
		case r == "MIN":
			b.WriteString(" MIN " + strconv.FormatUint(uint64(list[0]), 10))
		case r == "MAX":
			b.WriteString(" MAX " + strconv.FormatUint(uint64(list[len(list)-1]), 10))
		case r == "ALL":
			b.WriteString(" ALL " + setOf(list))
		}
	}
	x.say("* ESEARCH%s", b.String())
}

// query compiles search keys.
type query struct {
	x     *session
	a     *account
	rest  []any
	list  []chosen // of the last set
	among []chosen // where a set has to hold only these come into question; nil: all
}

// all compiles keys that must all hold; top are those of the whole search.
func (q *query) all(args []any, top bool) (test, error) {
	sub := &query{x: q.x, a: q.a, rest: args}
	var tests []test
	for len(sub.rest) > 0 {
		first, _ := sub.rest[0].(string)
		t, err := sub.one()
		if err != nil {
			return nil, err
		}
		tests = append(tests, t)
		if top && strings.EqualFold(first, "UID") {
			q.among = sub.list
		}
	}
	if len(tests) == 0 {
		return nil, bad("Could not parse command")
	}
	return func(h *hit) bool {
		return !slices.ContainsFunc(tests, func(t test) bool { return !t(h) })
	}, nil
}

func (q *query) next() (any, error) {
	if len(q.rest) == 0 {
		return nil, bad("Missing argument")
	}
	v := q.rest[0]
	q.rest = q.rest[1:]
	return v, nil
}

func (q *query) word() (string, error) {
	v, err := q.next()
	if err != nil {
		return "", err
	}
	s, err := imap.ParseString(v)
	if err != nil {
		return "", bad("Could not parse command")
	}
	return s, nil
}

var searchFlags = map[string]string{
	"SEEN": `\Seen`, "FLAGGED": `\Flagged`, "DELETED": `\Deleted`, "ANSWERED": `\Answered`, "DRAFT": `\Draft`, "RECENT": `\Recent`,
}

func (q *query) one() (test, error) {
	v, err := q.next()
	if err != nil {
		return nil, err
	}
	if list, ok := v.([]any); ok {
		return q.all(list, false)
	}
	word, err := imap.ParseString(v)
	if err != nil {
		return nil, bad("Could not parse command")
	}
	key := strings.ToUpper(word)
	if f, ok := searchFlags[key]; ok {
		return flagTest(f, true), nil
	}
	if f, ok := searchFlags[strings.TrimPrefix(key, "UN")]; ok {
		return flagTest(f, false), nil
	}
	switch key {
	case "ALL", "OLD":
		return func(*hit) bool { return true }, nil
	case "NEW":
		return func(*hit) bool { return false }, nil
	case "NOT":
		t, err := q.one()
		return func(h *hit) bool { return !t(h) }, err
	case "OR":
		l, err := q.one()
		if err != nil {
			return nil, err
		}
		r, err := q.one()
		return func(h *hit) bool { return l(h) || r(h) }, err
	}
	return q.valued(key, word)
}

func flagTest(flag string, want bool) test {
	return func(h *hit) bool { return slices.Contains(h.flags, flag) == want }
}

// valued are keys with a value, and sequence sets.
func (q *query) valued(key, word string) (test, error) {
	switch key {
	case "UID":
		return q.set(true, "")
	case "KEYWORD", "UNKEYWORD":
		f, err := q.word()
		return flagTest(f, key == "KEYWORD"), err
	case "SINCE", "BEFORE", "ON", "SENTSINCE", "SENTBEFORE", "SENTON":
		return q.date(strings.TrimPrefix(key, "SENT"))
	case "LARGER", "SMALLER", "MODSEQ", "X-GM-MSGID", "X-GM-THRID":
		return q.number(key)
	case "X-GM-RAW":
		s, err := q.word()
		return q.gmail(s), err
	case "X-GM-LABELS":
		s, err := q.word()
		if err != nil {
			return nil, err
		}
		names := writtenLabels(q.a.box)
		return func(h *hit) bool {
			return slices.ContainsFunc(h.Labels, func(id string) bool { return names[id] != "" && strings.EqualFold(names[id], s) })
		}, nil
	case "FROM", "TO", "CC", "BCC", "SUBJECT":
		s, err := q.word()
		return q.gmail(strings.ToLower(key) + `:"` + strings.ReplaceAll(s, `"`, " ") + `"`), err
	case "BODY", "TEXT":
		s, err := q.word()
		return q.gmail(`"` + strings.ReplaceAll(s, `"`, " ") + `"`), err
	case "HEADER":
		return q.header()
	}
	return q.set(false, word)
}

// gmail is Gmail's own search.
func (q *query) gmail(text string) test {
	found := q.a.box.Search(text)
	return func(h *hit) bool { return found[h.Summary.ID] }
}

func (q *query) set(byUID bool, word string) (test, error) {
	if word == "" {
		var err error
		if word, err = q.word(); err != nil {
			return nil, err
		}
	}
	list, err := q.x.choose(q.a, word, byUID)
	if err != nil {
		return nil, err
	}
	if list == nil {
		list = []chosen{}
	}
	q.list = list
	return func(h *hit) bool {
		_, ok := slices.BinarySearchFunc(list, h.uid, func(c chosen, uid uint32) int { return int(int64(c.uid) - int64(uid)) })
		return ok
	}, nil
}

// date compares days, in UTC.
func (q *query) date(key string) (test, error) {
	s, err := q.word()
	if err != nil {
		return nil, err
	}
	day, err := time.Parse("_2-Jan-2006", s)
	if err != nil {
		return nil, bad("Could not parse command")
	}
	return func(h *hit) bool {
		switch key {
		case "SINCE":
			return !h.Date.Before(day)
		case "BEFORE":
			return h.Date.Before(day)
		}
		return !h.Date.Before(day) && h.Date.Before(day.AddDate(0, 0, 1))
	}, nil
}

func (q *query) number(key string) (test, error) {
	s, err := q.word()
	if err != nil {
		return nil, err
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return nil, bad("Could not parse command")
	}
	box := q.a.box
	size := func(h *hit) uint64 { raw, _ := box.Raw(h.Summary.ID); return uint64(len(raw)) }
	return map[string]test{
		"LARGER": func(h *hit) bool { return size(h) > n }, "SMALLER": func(h *hit) bool { return size(h) < n },
		"MODSEQ": func(h *hit) bool { return h.History >= n }, "X-GM-MSGID": func(h *hit) bool { return h.Summary.ID == n },
		"X-GM-THRID": func(h *hit) bool { return h.Thread == n },
	}[key], nil
}

func (q *query) header() (test, error) {
	name, err := q.word()
	if err != nil {
		return nil, err
	}
	value, err := q.word()
	if err != nil {
		return nil, err
	}
	box := q.a.box
	return func(h *hit) bool {
		raw, _ := box.Raw(h.Summary.ID)
		head := headerOf(raw)
		fields := head.FieldsByKey(name)
		for fields.Next() {
			if bytes.Contains(bytes.ToLower([]byte(fields.Value())), bytes.ToLower([]byte(value))) {
				return true
			}
		}
		return false
	}, nil
}
