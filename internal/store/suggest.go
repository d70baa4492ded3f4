package store

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/mail"
)

// suggestFrom is how many of the newest messages suggestions are taken from.
const suggestFrom = 300

// PeopleSeen gives people in the newest mail that the caller sees whose name or
// address begins so, the most frequent first.
func (s *Store) PeopleSeen(ctx context.Context, c access.Caller, text string, n int) ([]mail.Person, error) {
	boxes, err := s.boxes(ctx, c, "")
	if err != nil || len(boxes) == 0 {
		return nil, err
	}
	q := mail.ListQuery{Search: &mail.Search{Root: mail.Address{Text: text}}}
	if err := s.indexFor(ctx, boxes, q.Search); err != nil {
		return nil, err
	}
	spots, err := s.merged(ctx, boxes, q, after{}, suggestFrom)
	if err != nil {
		return nil, err
	}
	list, err := s.rows(ctx, c, boxes, q, spots[:min(len(spots), suggestFrom)])
	if err != nil {
		return nil, err
	}
	asked := wanted{words: foldedWords(text, wordsInPhrase), prefix: true}
	people := map[string]*mail.Person{}
	var order []*mail.Person
	for _, e := range list {
		seen := map[string]bool{}
		for _, a := range slices.Concat([]crm.Address{e.From}, e.To, e.Cc) {
			key := strings.ToLower(a.Email)
			if key == "" || seen[key] || len(asked.words) > 0 && asked.in(foldedWords(a.Name+" "+a.Email, 100)) < 0 {
				continue
			}
			seen[key] = true
			p := people[key]
			if p == nil {
				p = &mail.Person{Address: crm.Address{Email: key}}
				people[key], order = p, append(order, p)
			}
			p.Messages++
			if p.Name == "" {
				p.Name = a.Name
			}
		}
	}
	slices.SortStableFunc(order, func(a, b *mail.Person) int { return cmp.Compare(b.Messages, a.Messages) })
	out := make([]mail.Person, 0, n)
	for _, p := range order[:min(n, len(order))] {
		out = append(out, *p)
	}
	return out, nil
}
