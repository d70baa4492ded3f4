package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
)

var _ mail.Emails = (*Store)(nil)

// spot is a message of a list before its row is read.
type spot struct {
	pos    int64
	thread string
}

// List gives a page of messages, the newest first. Each mailbox is asked for its
// newest by a query of its own, and the answers are merged: every query is then
// one range of an index, however many mailboxes there are.
func (s *Store) List(ctx context.Context, c access.Caller, q mail.ListQuery) (mail.EmailPage, error) {
	if q.Workspace != "" && q.Workspace != c.Workspace {
		return mail.EmailPage{}, fault.New(fault.NotFound, noWorkspace)
	}
	after, err := readPlace(q.Page.Cursor)
	if err != nil {
		return mail.EmailPage{}, err
	}
	boxes, err := s.boxes(ctx, c, q.Connection)
	if err != nil {
		return mail.EmailPage{}, err
	}
	if q.Mine != nil {
		boxes = slices.DeleteFunc(boxes, func(b box) bool { return b.lenses[0].whole != *q.Mine })
	}
	if q.Record != "" {
		if boxes, err = s.boxesLinked(ctx, c, boxes, q.Record); err != nil {
			return mail.EmailPage{}, err
		}
	}
	if err := s.indexFor(ctx, boxes, q.Search); err != nil {
		return mail.EmailPage{}, err
	}
	limit := pageLimit(q.Page.Limit)
	if q.Relevance {
		return s.ranked(ctx, c, boxes, q, limit)
	}
	spots, err := s.merged(ctx, boxes, q, after, limit+1)
	if err != nil {
		return mail.EmailPage{}, err
	}
	page := mail.EmailPage{Total: -1}
	if len(spots) > limit {
		spots = spots[:limit]
		page.Next = writePlace(spots[limit-1].pos)
	}
	if page.Total, err = s.total(ctx, boxes, q, len(spots), page.Next != ""); err != nil {
		return mail.EmailPage{}, err
	}
	page.Emails, err = s.rows(ctx, c, boxes, q, spots)
	return page, err
}

// merged gives at least limit of the newest messages of all mailboxes that a
// query wants, the newest first, if there are so many. Of many mailboxes each is asked
// for its share and somewhat more, and once more for all where that does not reach.
func (s *Store) merged(ctx context.Context, boxes []box, q mail.ListQuery, after after, limit int) ([]spot, error) {
	even := limit / max(1, len(boxes))
	share := min(limit, even+2*int(math.Sqrt(float64(even)))+4) // as much mail as most have where all are alike
	spots, err := s.newestOf(ctx, boxes, q, after, share, nil)
	if err != nil || len(boxes) < 2 || share == limit {
		return spots, err
	}
	var again []box
	for _, b := range boxes {
		of := slices.DeleteFunc(slices.Clone(spots), func(v spot) bool { return v.pos>>timeBits != b.no })
		if len(of) >= share && (len(spots) < limit || newerSpot(of[len(of)-1], spots[limit-1]) <= 0) {
			again = append(again, b)
		}
	}
	if len(again) == 0 {
		return spots, nil
	}
	return s.newestOf(ctx, again, q, after, limit, slices.DeleteFunc(spots, func(v spot) bool {
		return slices.ContainsFunc(again, func(b box) bool { return b.no == v.pos>>timeBits })
	}))
}

func newerSpot(x, y spot) int {
	return cmp.Or(cmp.Compare(timePart(y.pos), timePart(x.pos)), cmp.Compare(y.pos, x.pos))
}

// after is where a page begins: behind a position, in the order of the merge.
type after struct {
	begun bool
	pos   int64
}

func readPlace(cursor string) (after, error) {
	pos, _, err := readCursor(cursor)
	return after{cursor != "", pos}, err
}

func writePlace(pos int64) string { return writeCursor(pos, "") }

// top is the highest position of a mailbox that comes after.
func (a after) top(no int64) int64 {
	switch mine := a.pos >> timeBits; {
	case !a.begun:
		return highest(no)
	case no < mine:
		return lowest(no) | timePart(a.pos)
	default:
		return lowest(no) | timePart(a.pos) - 1
	}
}

// newest gives up to limit messages of a mailbox that a query wants, one of each
// thread if it says so.
func (s *Store) newest(ctx context.Context, b box, q mail.ListQuery, a after, limit int) ([]spot, error) {
	top := a.top(b.no)
	if top < lowest(b.no) {
		return nil, nil
	}
	seen, err := s.filtersOf(ctx, b, q)
	if err != nil {
		return nil, err
	}
	if !q.Threads {
		return seen.below(ctx, top, limit)
	}
	return seen.heads(ctx, top, a.begun, limit)
}

// filters are those of one mailbox, one for each way in which it is seen.
type filters []*filter

// filtersOf compiles a query for a mailbox.
func (s *Store) filtersOf(ctx context.Context, b box, q mail.ListQuery) (filters, error) {
	var seen filters
	for _, l := range b.lenses {
		f, err := s.filter(ctx, b, l, q)
		if err != nil {
			return nil, err
		}
		if !f.never {
			seen = append(seen, f)
		}
	}
	return seen, nil
}

func (s filters) below(ctx context.Context, top int64, limit int) ([]spot, error) {
	var spots []spot
	for _, f := range s {
		found, err := f.below(ctx, top, limit)
		if err != nil {
			return nil, err
		}
		spots = append(spots, found...)
	}
	if len(s) > 1 {
		slices.SortFunc(spots, func(x, y spot) int { return cmp.Compare(y.pos, x.pos) })
		spots = spots[:min(len(spots), limit)]
	}
	return spots, nil
}

func (s filters) above(ctx context.Context, top int64, threads []string) (map[string]bool, error) {
	all := map[string]bool{}
	for _, f := range s {
		found, err := f.above(ctx, top, threads)
		if err != nil {
			return nil, err
		}
		maps.Copy(all, found)
	}
	return all, nil
}

// heads gives the newest wanted message of each thread. A thread whose newest
// one is above top has been on an earlier page.
func (f filters) heads(ctx context.Context, top int64, begun bool, limit int) ([]spot, error) {
	var heads []spot
	seen := map[string]bool{}
	for from := top; ; {
		most := 2*(limit-len(heads)) + 16
		found, err := f.below(ctx, from, most)
		if err != nil {
			return nil, err
		}
		var fresh []spot
		var threads []string
		for _, v := range found {
			if !seen[v.thread] {
				seen[v.thread] = true
				fresh, threads = append(fresh, v), append(threads, v.thread)
			}
		}
		earlier := map[string]bool{}
		if begun && len(threads) > 0 {
			if earlier, err = f.above(ctx, top, threads); err != nil {
				return nil, err
			}
		}
		for _, v := range fresh {
			if !earlier[v.thread] {
				heads = append(heads, v)
			}
		}
		if len(found) < most || len(heads) >= limit {
			return heads[:min(limit, len(heads))], nil
		}
		from = found[len(found)-1].pos - 1
	}
}

// total counts a whole list where that is cheap.
func (s *Store) total(ctx context.Context, boxes []box, q mail.ListQuery, here int, more bool) (int64, error) {
	if q.Page.Cursor == "" && !more {
		return int64(here), nil
	}
	if q.Record != "" || q.Linked != nil || q.Search != nil && q.Search.Root != nil || q.Unread != nil && !*q.Unread || q.Label != "" && (q.Threads || q.Unread != nil) || q.Unread != nil && q.Threads {
		return -1, nil
	}
	if slices.ContainsFunc(boxes, func(b box) bool { return !b.counted() }) {
		return -1, nil
	}
	column := "total"
	switch {
	case q.Unread != nil:
		column = "unread"
	case q.Threads:
		column = "threads"
	}
	numbers := make([]int64, len(boxes))
	for i, b := range boxes {
		numbers[i] = b.no
	}
	return one(ctx, s.steady("mail.List"), "count", scanInt,
		"SELECT CAST(COALESCE(SUM("+column+"), 0) AS BIGINT) FROM mailbox_counts WHERE "+s.d.in("mailbox", 1)+" AND label = $2", s.d.list(numbers), q.Label)
}

// rows reads what a list shows of its messages. The rule of sight stands here
// once more, so that no row leaves without it.
func (s *Store) rows(ctx context.Context, c access.Caller, boxes []box, q mail.ListQuery, spots []spot) ([]mail.ListedEmail, error) {
	if len(spots) == 0 {
		return nil, nil
	}
	pos := make([]int64, len(spots))
	for i, v := range spots {
		pos[i] = v.pos
	}
	from := s.steady("mail.List")
	byPos, placed, err := s.headsWithLinks(ctx, from, c, pos)
	if err != nil {
		return nil, err
	}
	levels := make(map[int64]crm.Level, len(spots))
	for at, e := range byPos {
		levels[at] = e.View.Level
	}
	threads, err := s.threads(ctx, c, boxes, q, spots)
	if err != nil {
		return nil, err
	}
	links, err := s.seenLinks(ctx, from, c, placed, levels)
	if err != nil {
		return nil, err
	}
	list := make([]mail.ListedEmail, 0, len(spots))
	for _, v := range spots {
		if e, ok := byPos[v.pos]; ok {
			e.Links = links[v.pos]
			of := threads[threadOf{v.pos >> timeBits, e.ThreadID}]
			list = append(list, mail.ListedEmail{Email: e, ThreadCount: max(1, of.count), ThreadSenders: of.senders})
		}
	}
	return list, nil
}

// threadOf names a thread of a mailbox.
type threadOf struct {
	no     int64
	thread string
}

// inThread is how many messages of a thread the caller sees, and who wrote them.
type inThread struct {
	count   int
	senders []crm.Address
}

// threads counts the messages of the threads that the caller sees and names who
// wrote them, by their first message.
func (s *Store) threads(ctx context.Context, c access.Caller, boxes []box, q mail.ListQuery, spots []spot) (map[threadOf]inThread, error) {
	if !q.Threads {
		return nil, nil
	}
	threads := make([]string, len(spots))
	for i, v := range spots {
		threads[i] = v.thread
	}
	args, join, seen := []any{s.d.list(threads)}, "", ""
	if !whole(boxes) {
		v := sightOf(c, 2)
		args, join, seen = append(args, v.args...), ofBox, " AND "+v.where
	}
	found := make(map[threadOf]inThread, len(spots))
	err := each(ctx, s.steady("mail.List"), "count threads", func(r scanner) error {
		var p threadOf
		var n int
		var who crm.Address
		err := r.Scan(&p.no, &p.thread, &who.Email, &who.Name, &n)
		of := found[p]
		found[p] = inThread{of.count + n, append(of.senders, who)}
		return err
	}, fmt.Sprintf("SELECT e.pos >> %d, e.gmail_thread_id, e.from_email, MAX(e.from_name), COUNT(*) FROM synced_emails e%s WHERE %s AND e.shown%s GROUP BY 1, 2, 3 ORDER BY MIN(e.pos)",
		timeBits, join, s.d.in("e.gmail_thread_id", 1), seen), args...)
	return found, err
}

// below runs a filter: up to limit messages at or below a position, newest first.
func (f *filter) below(ctx context.Context, top int64, limit int) ([]spot, error) {
	n := len(f.args)
	args := append(slices.Clone(f.args), f.low, min(top, f.high), int64(limit))
	return all(ctx, f.s.reading("mail.List"), "find emails", scanSpot, f.page(parameter(n+1), parameter(n+2), parameter(n+3)), args...)
}

// above tells which of the threads have a wanted message above a position. It
// begins with the messages of the threads, which are few, not with all that is
// wanted; the sign before the position keeps the planner from thinking otherwise.
func (f *filter) above(ctx context.Context, top int64, threads []string) (map[string]bool, error) {
	args := slices.Clone(f.args)
	arg := func(v any) string {
		args = append(args, v)
		return fmt.Sprintf("$%d", len(args))
	}
	where := slices.Concat(f.where, []string{
		"+e.pos BETWEEN " + arg(max(f.low, top+1)) + " AND " + arg(f.high),
		f.s.d.in("e.gmail_thread_id", len(args)+1),
	})
	arg(f.s.d.list(threads))
	switch {
	case f.link != "":
		where = append(where, "EXISTS (SELECT 1 FROM "+f.links+" WHERE m.pos = e.pos AND "+f.link+")")
	case f.textLeads:
		where = append(where, f.s.d.matched(f))
	case f.lens.byShare:
		where = append(where, "EXISTS (SELECT 1 FROM email_readers m WHERE m.reader = "+f.lead+" AND m.pos = e.pos)")
	case f.lead != "":
		where = append(where, "EXISTS (SELECT 1 FROM email_labels l WHERE l.label = "+f.lead+" AND l.pos = e.pos)")
	}
	found := map[string]bool{}
	err := each(ctx, f.s.reading("mail.List"), "find earlier pages", func(r scanner) error {
		thread, err := scanText(r)
		found[thread] = true
		return err
	}, "SELECT DISTINCT e.gmail_thread_id FROM synced_emails e WHERE "+strings.Join(where, " AND "), args...)
	return found, err
}
