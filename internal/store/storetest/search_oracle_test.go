package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/mail"
)

// The oracle of this file shares nothing with the product but its nouns: it makes
// queries as text together with what they mean, and answers by reading every
// message. Texts are plain letters, so that it needs no folding of its own.

// meaning is a query as somebody would write it, and what it asks of a message.
type meaning struct {
	text  string
	holds func(e *crm.Email, hidden func(field string) bool) bool
}

// vocabulary of subjects and bodies; people and files have words of their own besides.
var vocabulary = strings.Fields("amber basil cedar delta ember fern grove hazel iris jade kelp lotus maple nutmeg olive pine quartz rowan sage thyme")

var townspeople = []crm.Address{
	{Name: "Mira Tallow", Email: "mira@harbour-tea.example"}, {Name: "Ada Quill", Email: "ada@northwind-lamps.example"}, {Name: "Jonas Reed", Email: "jonas@reed.example"},
	{Name: "Elin Amber", Email: "elin@ember-works.example"}, {Name: "", Email: "bot@notices.example"}, {Name: "Cedar Desk", Email: "desk@cedar.example"},
}

var marks = []string{"UNREAD", "STARRED", "IMPORTANT", "INBOX", "SENT", "Label_1", "Label_2"}

var markNames = map[string]string{"Label_1": "Trips", "Label_2": "Big Deals"}

// town generates a mailbox.
func town(r *rand.Rand, n int) []*crm.Email {
	say := func(n int) string {
		list := make([]string, n)
		for i := range list {
			list[i] = vocabulary[r.IntN(len(vocabulary))]
		}
		return strings.Join(list, " ")
	}
	some := func(most int) (list []crm.Address) {
		for range r.IntN(most + 1) {
			list = append(list, townspeople[r.IntN(len(townspeople))])
		}
		return list
	}
	var list []*crm.Email
	for i := range n {
		e := Mail(i, InThread(fmt.Sprint("t", r.IntN(n/3+1))))
		e.Subject, e.BodyText, e.Snippet = say(1+r.IntN(4)), say(r.IntN(12)), ""
		e.From, e.To, e.Cc, e.Bcc = townspeople[r.IntN(len(townspeople))], some(2), some(1), some(1)
		e.Date = Start.Add(-time.Duration(r.IntN(400*24)) * time.Hour).Add(time.Duration(i) * time.Second)
		e.Size = int64(r.IntN(4_000_000))
		e.RFC822MessageID = fmt.Sprintf("id%d@mail.example", i)
		e.Labels = nil
		for _, l := range marks {
			if r.IntN(3) == 0 {
				e.Labels = append(e.Labels, l)
			}
		}
		if r.IntN(12) == 0 {
			e.Labels = append(e.Labels, []string{"TRASH", "SPAM", "DRAFT"}[r.IntN(3)])
		}
		if r.IntN(4) == 0 {
			e.HasAttachments = true
			e.Attachments = []crm.Attachment{{PartID: "2", Name: say(1) + "-" + say(1) + ".pdf"}}
		}
		list = append(list, e)
	}
	return list
}

// plain splits a text of plain letters into words.
func plain(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) })
}

// follows says whether words stand in a text one after the other.
func follows(text, words []string, begun bool) bool {
	for i := range text {
		if i+len(words) > len(text) {
			return false
		}
		all := true
		for j, w := range words {
			last := begun && j == len(words)-1
			all = all && (text[i+j] == w || last && strings.HasPrefix(text[i+j], w))
		}
		if all {
			return true
		}
	}
	return false
}

// texts gives a field of a message as words.
func texts(e *crm.Email, field string) (words []string) {
	people := map[string][]crm.Address{"from": {e.From}, "to": e.To, "cc": e.Cc, "bcc": e.Bcc}
	switch field {
	case "subject":
		return plain(e.Subject)
	case "body":
		return plain(e.BodyText)
	case "filename":
		for _, a := range e.Attachments {
			words = append(words, plain(a.Name)...)
		}
		return words
	}
	for _, a := range people[field] {
		words = append(append(words, plain(a.Name)...), plain(a.Email)...)
	}
	return words
}

var fieldsOfText = []string{"from", "to", "cc", "bcc", "subject", "body", "filename"}

func wordMeaning(text string, phrase, begun bool) meaning {
	m := meaning{text: text, holds: func(e *crm.Email, hidden func(string) bool) bool {
		return slices.ContainsFunc(fieldsOfText, func(f string) bool { return !hidden(f) && follows(texts(e, f), plain(text), begun) })
	}}
	if phrase {
		m.text = `"` + text + `"`
	}
	return m
}

func fieldMeaning(name, value string, fields ...string) meaning {
	text := name + ":" + value
	if strings.Contains(value, " ") {
		text = name + `:"` + value + `"`
	}
	return meaning{text, func(e *crm.Email, hidden func(string) bool) bool {
		return slices.ContainsFunc(fields, func(f string) bool { return !hidden(f) && follows(texts(e, f), plain(value), false) })
	}}
}

func stateMeaning(text, field string, is func(e *crm.Email) bool) meaning {
	return meaning{text, func(e *crm.Email, hidden func(string) bool) bool { return !hidden(field) && is(e) }}
}

// atom makes one operator.
func atom(r *rand.Rand) meaning {
	word := func() string { return vocabulary[r.IntN(len(vocabulary))] }
	who := townspeople[r.IntN(len(townspeople))]
	switch r.IntN(22) {
	case 0:
		return wordMeaning(word()+" "+word(), true, false)
	case 1:
		name := []string{"from", "to", "cc", "bcc"}[r.IntN(4)]
		value := []string{who.Email, plain(who.Email)[0], strings.Split(who.Email, "@")[1], strings.ToLower(who.Name)}[r.IntN(4)]
		if value == "" {
			value = who.Email
		}
		return fieldMeaning(name, value, name)
	case 2:
		return fieldMeaning("subject", word(), "subject")
	case 3:
		return fieldMeaning("filename", []string{word(), "pdf"}[r.IntN(2)], "filename")
	case 4:
		return stateMeaning("is:unread", "labels", func(e *crm.Email) bool { return slices.Contains(e.Labels, "UNREAD") })
	case 5:
		return stateMeaning("is:read", "labels", func(e *crm.Email) bool { return !slices.Contains(e.Labels, "UNREAD") })
	case 6:
		return stateMeaning("is:starred", "labels", func(e *crm.Email) bool { return slices.Contains(e.Labels, "STARRED") })
	case 7:
		return stateMeaning("is:important", "labels", func(e *crm.Email) bool { return slices.Contains(e.Labels, "IMPORTANT") })
	case 8:
		return stateMeaning("has:attachment", "filename", func(e *crm.Email) bool { return e.HasAttachments })
	case 9:
		id := []string{"Label_1", "Label_2"}[r.IntN(2)]
		text := []string{"label:" + id, `label:"` + markNames[id] + `"`, "label:" + strings.ToLower(strings.ReplaceAll(markNames[id], " ", "-"))}[r.IntN(3)]
		return stateMeaning(text, "labels", func(e *crm.Email) bool { return slices.Contains(e.Labels, id) })
	case 10:
		return stateMeaning("in:inbox", "where", func(e *crm.Email) bool { return slices.Contains(e.Labels, "INBOX") })
	case 11:
		return stateMeaning("in:sent", "where", func(e *crm.Email) bool { return slices.Contains(e.Labels, "SENT") })
	case 12, 13:
		day := Start.AddDate(0, 0, -r.IntN(400)).Truncate(24 * time.Hour)
		if r.IntN(2) == 0 {
			return stateMeaning("before:"+day.Format("2006/01/02"), "date", func(e *crm.Email) bool { return e.Date.Unix() < day.Unix() })
		}
		return stateMeaning("after:"+day.Format("2006-1-2"), "date", func(e *crm.Email) bool { return e.Date.Unix() >= day.Unix() })
	case 14:
		n := 1 + r.IntN(30)
		unit, since := "d", Start.AddDate(0, 0, -n)
		if r.IntN(2) == 0 {
			unit, since = "m", Start.AddDate(0, -n%12, 0)
			n %= 12
		}
		if r.IntN(2) == 0 {
			return stateMeaning(fmt.Sprintf("older_than:%d%s", n, unit), "date", func(e *crm.Email) bool { return e.Date.Unix() < since.Unix() })
		}
		return stateMeaning(fmt.Sprintf("newer_than:%d%s", n, unit), "date", func(e *crm.Email) bool { return e.Date.Unix() >= since.Unix() })
	case 15:
		kb := int64(1 + r.IntN(4000))
		if r.IntN(2) == 0 {
			return stateMeaning(fmt.Sprintf("larger:%dK", kb), "size", func(e *crm.Email) bool { return e.Size >= kb*1024 })
		}
		return stateMeaning(fmt.Sprintf("smaller:%dk", kb), "size", func(e *crm.Email) bool { return e.Size < kb*1024 })
	case 16:
		id := fmt.Sprintf("id%d@mail.example", r.IntN(300))
		return stateMeaning("rfc822msgid:<"+id+">", "id", func(e *crm.Email) bool { return e.RFC822MessageID == id })
	case 17:
		return fieldMeaning("list", who.Email, "to", "cc", "from")
	case 18:
		return fieldMeaning("deliveredto", who.Email, "to", "cc", "bcc")
	}
	return wordMeaning(word(), false, false)
}

// compose makes a query of any shape.
func compose(r *rand.Rand, depth int) meaning {
	if depth == 0 || r.IntN(3) == 0 {
		return atom(r)
	}
	list := make([]meaning, 2+r.IntN(2))
	parts := make([]string, len(list))
	for i := range list {
		list[i] = compose(r, depth-1)
		parts[i] = list[i].text
	}
	every := func(e *crm.Email, h func(string) bool) bool {
		return !slices.ContainsFunc(list, func(m meaning) bool { return !m.holds(e, h) })
	}
	any := func(e *crm.Email, h func(string) bool) bool {
		return slices.ContainsFunc(list, func(m meaning) bool { return m.holds(e, h) })
	}
	switch r.IntN(5) {
	case 0:
		return meaning{"(" + strings.Join(parts, " OR ") + ")", any}
	case 1:
		return meaning{"{" + strings.Join(parts, " ") + "}", any}
	case 2:
		one := list[0]
		text := "-" + one.text
		return meaning{text, func(e *crm.Email, h func(string) bool) bool { return !one.holds(e, h) }}
	}
	return meaning{"(" + strings.Join(parts, " ") + ")", every}
}

// hiddenAt are the fields that somebody does not see of a message.
func hiddenAt(level crm.Level) func(field string) bool {
	return func(field string) bool {
		switch field {
		case "from", "to", "cc", "date", "where":
			return false
		case "subject":
			return level == crm.LevelMetadata
		}
		return level != crm.LevelFull
	}
}

// TestSearchEquivalence: 200 generated queries over a generated mailbox find the
// same on both databases as the oracle does, for its owner and for colleagues who
// see less of it.
func TestSearchEquivalence(t *testing.T) {
	r := rand.New(rand.NewPCG(2026, 4))
	emails := town(r, 300)
	queries := make([]meaning, 200)
	for i := range queries {
		queries[i] = compose(r, i%4)
	}
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		boxes := map[crm.Level]crm.Connection{}
		for _, v := range []crm.Visibility{"full", "subject", "metadata"} {
			c := w.Connect(w.Home, w.Ada, string(v), func(c *crm.Connection) { c.Settings.Visibility = v })
			boxes[crm.Level(v)] = c
			var labels []crm.Label
			for _, l := range marks {
				name := l
				if markNames[l] != "" {
					name = markNames[l]
				}
				labels = append(labels, crm.Label{ID: l, Name: name, Type: "user"})
			}
			require.NoError(t, w.SaveLabels(ctx, c.ID, labels))
			w.Put(c, Whole(emails...)...)
		}
		found, empty := 0, 0
		check := func(caller access.Caller, c crm.Connection, level crm.Level, i int) {
			m := queries[i]
			var want []string
			for _, e := range emails {
				hidden := slices.ContainsFunc(e.Labels, func(l string) bool { return l == "TRASH" || l == "SPAM" || l == "DRAFT" })
				if !hidden && m.holds(e, hiddenAt(level)) {
					want = append(want, e.GmailID)
				}
			}
			slices.SortFunc(want, func(a, b string) int { return dateOf(emails, b).Compare(dateOf(emails, a)) })
			var got []string
			q := mail.ListQuery{Connection: c.ID, Search: mail.ParseSearch(m.text+" ", mail.Viewer{Now: Start})}
			for _, e := range w.everyPage(t, caller, q, []int{300, 300, 300, 17}[i%4]) {
				got = append(got, e.GmailID)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, seen at %s: %s", m.text, level, diff)
			}
			if len(want) == 0 {
				empty++
			} else {
				found++
			}
		}
		for i := range queries {
			check(Caller(w.Home, w.Ada), boxes[crm.LevelFull], crm.LevelFull, i)
			for level, c := range boxes {
				check(Caller(w.Home, w.Ben), c, level, i)
			}
		}
		require.Greater(t, found, 2*empty, "most queries find something")
		t.Logf("%d lists compared, %d of them empty", found+empty, empty)
	})
}

func dateOf(emails []*crm.Email, id string) time.Time {
	return emails[slices.IndexFunc(emails, func(e *crm.Email) bool { return e.GmailID == id })].Date
}
