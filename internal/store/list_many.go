package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"rapport/internal/mail"
)

// newestOf adds the newest messages of mailboxes to others, the newest first.
func (s *Store) newestOf(ctx context.Context, boxes []box, q mail.ListQuery, after after, limit int, spots []spot) ([]spot, error) {
	read := s.newestInTurn
	if s.d.together() && len(boxes) > 1 && !q.Threads && (q.Search == nil || q.Search.Root == nil) {
		read = s.newestTogether
	}
	found, err := read(ctx, boxes, q, after, limit)
	if err != nil {
		return nil, err
	}
	spots = append(spots, found...)
	slices.SortFunc(spots, newerSpot)
	return spots, nil
}

// newestInTurn reads up to limit of the newest messages of each mailbox, one after the other.
func (s *Store) newestInTurn(ctx context.Context, boxes []box, q mail.ListQuery, a after, limit int) ([]spot, error) {
	var spots []spot
	for _, b := range boxes {
		found, err := s.newest(ctx, b, q, a, limit)
		if err != nil {
			return nil, err
		}
		spots = append(spots, found...)
	}
	return spots, nil
}

// ranges are filters that differ in nothing but the positions they look at.
type ranges struct {
	filter    *filter
	low, high []int64
}

// newestTogether is newestInTurn with one statement for all that are seen in the same
// way: where each is a journey to a server that plans it anew, that is most of the time
// of a list.
func (s *Store) newestTogether(ctx context.Context, boxes []box, q mail.ListQuery, a after, limit int) ([]spot, error) {
	var kinds []*ranges
	named := map[string]*ranges{}
	for _, b := range boxes {
		seen, err := s.filtersOf(ctx, b, q)
		if err != nil {
			return nil, err
		}
		top := a.top(b.no)
		if top < lowest(b.no) {
			continue
		}
		for _, f := range seen {
			name := fmt.Sprintf("%s %#v", f.page("", "", ""), f.args)
			if named[name] == nil {
				named[name] = &ranges{filter: f}
				kinds = append(kinds, named[name])
			}
			named[name].low = append(named[name].low, f.low)
			named[name].high = append(named[name].high, min(top, f.high))
		}
	}
	of := map[int64][]spot{}
	for _, r := range kinds {
		found, err := r.newest(ctx, limit)
		if err != nil {
			return nil, err
		}
		for _, v := range found {
			of[v.pos>>timeBits] = append(of[v.pos>>timeBits], v)
		}
	}
	var spots []spot
	for _, b := range boxes {
		mine := of[b.no] // seen in several ways: the tail of one may lack what the other has
		slices.SortFunc(mine, newerSpot)
		spots = append(spots, mine[:min(limit, len(mine))]...)
	}
	return spots, nil
}

// newest gives up to limit of the newest messages of each range.
func (r *ranges) newest(ctx context.Context, limit int) ([]spot, error) {
	f := r.filter
	if len(r.low) == 1 {
		return f.below(ctx, r.high[0], limit)
	}
	n := len(f.args)
	args := append(slices.Clone(f.args), r.low, r.high)
	query := fmt.Sprintf("SELECT p.pos, p.thread FROM unnest($%d::bigint[], $%d::bigint[]) b(low, high) CROSS JOIN LATERAL (%s) p",
		n+1, n+2, f.page("b.low", "b.high", strconv.Itoa(limit)))
	return all(ctx, f.s.steady("mail.List"), "find emails of mailboxes", scanSpot, query, args...)
}

// page writes a statement: up to limit messages of a filter from low to high, the newest first.
func (f *filter) page(low, high, limit string) string {
	bounds := " BETWEEN " + low + " AND " + high
	if f.several {
		return f.grouped(bounds, limit)
	}
	from, key := f.from()
	where := append([]string{key + bounds}, f.where...)
	if key != "e.pos" && f.s.d.boundsBoth() {
		where = append(where, "e.pos"+bounds)
	}
	return "SELECT e.pos AS pos, e.gmail_thread_id AS thread FROM " + from + " WHERE " + strings.Join(where, " AND ") + " ORDER BY " + key + " DESC LIMIT " + limit
}

// grouped is page where a message may have several links: grouped by what their index
// has in order, a page is the first groups of it, and each is asked once for its message
// and until one of its links is seen. Asked with EXISTS, PostgreSQL may gather all first.
func (f *filter) grouped(bounds, limit string) string {
	message := append([]string{"e.pos = g.pos"}, f.where...)
	return "SELECT g.pos AS pos, (SELECT e.gmail_thread_id FROM synced_emails e WHERE e.pos = g.pos) AS thread FROM record_links g" + f.s.d.by("record_links_pos") +
		" WHERE g.pos" + bounds + " GROUP BY g.pos HAVING (SELECT 1 FROM synced_emails e WHERE " + strings.Join(message, " AND ") + ") = 1" +
		" AND (SELECT 1 FROM " + f.links + " WHERE m.pos = g.pos AND " + f.link + " LIMIT 1) = 1 ORDER BY g.pos DESC LIMIT " + limit
}

func scanSpot(r scanner) (v spot, err error) {
	err = r.Scan(&v.pos, &v.thread)
	return v, err
}
