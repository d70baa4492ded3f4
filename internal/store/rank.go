package store

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/mail"
)

// rankMost is how many of the newest matches a list by relevance compares.
const rankMost = 500

// ranked gives a page of a list by relevance: of the newest rankMost messages that
// match, the best first. Later pages rank the same messages: the cursor says
// which was the newest, and how many have been given.
func (s *Store) ranked(ctx context.Context, c access.Caller, boxes []box, q mail.ListQuery, limit int) (mail.EmailPage, error) {
	top, given, err := readRank(q.Page.Cursor)
	if err != nil {
		return mail.EmailPage{}, err
	}
	spots, err := s.merged(ctx, boxes, q, top, rankMost)
	if err != nil {
		return mail.EmailPage{}, err
	}
	spots = spots[:min(len(spots), rankMost)]
	page := mail.EmailPage{Total: -1, Ranked: len(spots)}
	if len(spots) < rankMost {
		page.Total = int64(len(spots))
	}
	list, err := s.rows(ctx, c, boxes, q, spots)
	if err != nil {
		return mail.EmailPage{}, err
	}
	sortByRank(list, asked(q.Search))
	from := min(given, len(list))
	page.Emails = list[from:min(from+limit, len(list))]
	if from+limit < len(list) {
		page.Next = writeCursor(spots[0].pos, "r"+strconv.Itoa(from+limit))
	}
	return page, nil
}

func readRank(cursor string) (top after, given int, err error) {
	if cursor == "" {
		return after{}, 0, nil
	}
	pos, text, err := readCursor(cursor)
	if err != nil {
		return after{}, 0, err
	}
	number, ok := strings.CutPrefix(text, "r")
	if given, err = strconv.Atoi(number); !ok || err != nil || given < 0 {
		_, _, err = readCursor("!")
		return after{}, 0, err
	}
	return after{begun: true, pos: pos + 1}, given, nil
}

// sortByRank puts the best first; of equals the newest.
func sortByRank(list []mail.ListedEmail, asked []wanted) {
	type scored struct {
		mail.ListedEmail
		score float64
	}
	all := make([]scored, len(list))
	var newest time.Time
	for _, e := range list {
		if e.Date.After(newest) {
			newest = e.Date
		}
	}
	for i, e := range list {
		all[i] = scored{e, score(&e.Email, asked, newest)}
	}
	slices.SortStableFunc(all, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
	for i, e := range all {
		list[i] = e.ListedEmail
	}
}

// wanted is a phrase that a search asks for, anywhere or in a field.
type wanted struct {
	words  []string
	prefix bool
}

// asked are the phrases of a search that have to be there.
func asked(q *mail.Search) []wanted {
	var list []wanted
	var walk func(n mail.Node)
	walk = func(n mail.Node) {
		switch n := n.(type) {
		case mail.Words:
			list = append(list, wanted{foldedWords(n.Text, wordsInPhrase), n.Prefix})
		case mail.Field:
			list = append(list, wanted{foldedWords(n.Text, wordsInPhrase), n.Prefix})
		case mail.And:
			for _, one := range n.Nodes {
				walk(one)
			}
		case mail.Or:
			for _, one := range n.Nodes {
				walk(one)
			}
		}
	}
	if q != nil && q.Root != nil {
		walk(q.Root)
	}
	return slices.DeleteFunc(list, func(w wanted) bool { return len(w.words) == 0 })
}

// How much it counts where a phrase is found; what is found nowhere here is in
// the text or in a file's name.
const (
	inSubject    = 6.0
	inSender     = 4.0
	inRecipients = 2.0
	bySelf       = 0.6 // less for machines' mail
	byAge        = 1.5 // at most, for the newest
)

// score is how well a message answers. It knows no more of the message than the
// caller sees of it.
func score(e *crm.Email, asked []wanted, newest time.Time) float64 {
	subject := foldedWords(e.Subject, documentFields[0].most)
	sender := foldedWords(e.From.Name+" "+e.From.Email, documentFields[1].most)
	var recipients []string
	for _, a := range append(slices.Clone(e.To), e.Cc...) {
		recipients = append(recipients, foldedWords(a.Name+" "+a.Email, 50)...)
	}
	sum := 0.0
	for _, w := range asked {
		sum++
		if at := w.in(subject); at >= 0 {
			sum += inSubject * float64(len(w.words)) / float64(max(len(w.words), min(len(subject), 8)/2))
			if at == 0 {
				sum++
			}
		}
		if w.in(sender) >= 0 {
			sum += inSender
		}
		if w.in(recipients) >= 0 {
			sum += inRecipients
		}
	}
	if e.Bulk {
		sum *= bySelf
	}
	days := newest.Sub(e.Date).Hours() / 24
	return sum + byAge/(1+days/30)
}

// in gives where the phrase begins in a text, -1 when it is not there.
func (w wanted) in(text []string) int {
	last := len(w.words) - 1
	for i := 0; i+len(w.words) <= len(text); i++ {
		if slices.Equal(text[i:i+last], w.words[:last]) && (text[i+last] == w.words[last] || w.prefix && strings.HasPrefix(text[i+last], w.words[last])) {
			return i
		}
	}
	return -1
}
