package store

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"rapport/internal/crm"
	"rapport/internal/fact"
)

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// idsInFact bounds the ids of one fact: a batch with more makes several.
const idsInFact = 100

// tell says which messages arrived and which changed.
func (a *apply) tell() {
	var arrived, changed []crm.EmailID
	for _, m := range a.inserts {
		arrived = append(arrived, m.id)
	}
	for _, m := range a.contents {
		if m.was.live {
			changed = append(changed, m.id)
		} else {
			arrived = append(arrived, m.id)
		}
	}
	for _, m := range a.relabelled {
		if !slices.Equal(m.labels, m.was.labels) || a.shows(m) != m.was.shown {
			changed = append(changed, m.id)
		}
	}
	for _, m := range a.tombstones {
		changed = append(changed, m.id)
	}
	a.tellOf(fact.MailArrived, arrived, 0)
	a.tellOf(fact.MailChanged, changed, len(a.tombstones))
}

// tellOf tells of messages; the last ones have been deleted.
func (a *apply) tellOf(kind fact.Kind, ids []crm.EmailID, deleted int) {
	left := len(ids) - deleted
	for piece := range slices.Chunk(ids, idsInFact) {
		told := map[string]any{"stream": a.k.Stream, "ids": piece, "count": len(piece), "owner_id": a.owner}
		if gone := piece[min(max(left, 0), len(piece)):]; len(gone) > 0 {
			told["deleted"] = gone
		}
		left -= len(piece)
		data := jsonText(told)
		a.t.fact(fact.Fact{Kind: kind, WorkspaceID: a.k.Workspace, ConnectionID: a.k.Connection, UserID: a.hears, Data: json.RawMessage(data)})
	}
}

// tally is what a batch adds to one row of mailbox_counts.
type tally struct{ total, unread, threads int64 }

// saveCounts adds up what the batch does to the numbers of the mailbox. It runs
// before the rows are written: it counts what the threads hold by then.
func (a *apply) saveCounts(ctx context.Context) error {
	sums := map[string]*tally{}
	add := func(label string, by int64, unread bool) {
		t := sums[label]
		if t == nil {
			t = &tally{}
			sums[label] = t
		}
		t.total += by
		if unread {
			t.unread += by
		}
	}
	count := func(seen, live, files bool, labels []string, by int64) {
		unread := slices.Contains(labels, "UNREAD")
		if seen {
			add("", by, unread)
		}
		for _, l := range indexed(live, files, labels) {
			if seen || hides(l) {
				add(l, by, unread)
			}
		}
	}
	threads := map[string]int64{}
	for _, m := range a.touched() {
		if m.was != nil {
			count(m.was.shown, m.was.live, m.was.files, m.was.labels, -1)
			if m.was.shown {
				threads[clean(m.was.thread)]--
			}
		}
		count(a.shows(m), m.live, m.files, m.labels, 1)
		if a.shows(m) {
			threads[clean(m.thread)]++
		}
	}
	n, err := a.threadsChange(ctx, threads)
	if err != nil {
		return err
	}
	if n != 0 {
		add("", 0, false)
		sums[""].threads = n
	}
	return a.writeCounts(ctx, sums)
}

// threadsChange is how many threads appear or vanish when their numbers of
// messages change so.
func (a *apply) threadsChange(ctx context.Context, by map[string]int64) (int64, error) {
	ids := make([]string, 0, len(by))
	for id, n := range by {
		if n != 0 {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return 0, nil
	}
	has := make(map[string]int64, len(ids))
	err := each(ctx, a.t, "count threads", func(r scanner) error {
		var id string
		var n int64
		err := r.Scan(&id, &n)
		has[id] = n
		return err
	}, "SELECT gmail_thread_id, COUNT(*) FROM synced_emails WHERE "+a.t.s.d.in("gmail_thread_id", 1)+" AND pos BETWEEN $2 AND $3 AND shown GROUP BY gmail_thread_id",
		a.t.s.d.list(ids), lowest(a.no), highest(a.no))
	if err != nil {
		return 0, err
	}
	var change int64
	for _, id := range ids {
		switch before, after := has[id], has[id]+by[id]; {
		case before == 0 && after > 0:
			change++
		case before > 0 && after == 0:
			change--
		}
	}
	return change, nil
}

func (a *apply) writeCounts(ctx context.Context, sums map[string]*tally) error {
	var labels []string
	for l, t := range sums {
		if *t != (tally{}) {
			labels = append(labels, l)
		}
	}
	slices.Sort(labels)
	n := len(labels)
	boxes, total, unread, threads := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	for i, l := range labels {
		boxes[i], total[i], unread[i], threads[i] = a.no, sums[l].total, sums[l].unread, sums[l].threads
	}
	return a.t.insert(ctx, "count labels", "mailbox_counts", n, `ON CONFLICT (mailbox, label) DO UPDATE SET
			total = mailbox_counts.total + excluded.total, unread = mailbox_counts.unread + excluded.unread,
			threads = mailbox_counts.threads + excluded.threads`,
		column{"mailbox", boxes}, column{"label", labels}, column{"total", total}, column{"unread", unread}, column{"threads", threads})
}
