package store

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
)

// What points to a record points elsewhere once that is merged, and back when that is
// undone. Merges note parts that point to records as they were before merges that
// stand: their origin.

// mergeBook is the merges that a transaction reads and alters.
type mergeBook struct {
	t  *tx
	at map[int64]*storedMerge
	// ending is the merge that is being undone.
	ending int64
}

func (t *tx) mergeBook() *mergeBook { return &mergeBook{t: t, at: map[int64]*storedMerge{}} }

// mostMergesDeep is how far a record is followed through merges.
const mostMergesDeep = 100

// known is a merge as it is being altered here.
func (b *mergeBook) known(m *storedMerge) *storedMerge {
	if b.at[m.no] == nil {
		b.at[m.no] = m
	}
	return b.at[m.no]
}

// into gives the merges that stand into a record, the oldest first.
func (b *mergeBook) into(ctx context.Context, no int64) ([]*storedMerge, error) {
	list, err := all(ctx, b.t, "read merges", scanMerge, "SELECT "+mergeColumns+" FROM record_merges m WHERE m.survivor_no = $1 AND m.undone_at IS NULL ORDER BY m.no", no)
	for i, m := range list {
		list[i] = b.known(m)
	}
	return list, err
}

// of gives the merge that a record went away by, nil when it did not.
func (b *mergeBook) of(ctx context.Context, no int64) (*storedMerge, error) {
	m, err := one(ctx, b.t, "read merge of record", scanMerge, "SELECT "+mergeColumns+" FROM merged_records x JOIN record_merges m ON m.no = x.merge_no WHERE x.record_no = $1 AND x.gone AND m.undone_at IS NULL", no)
	if errors.Is(err, errNone) || err == nil && m.no == b.ending {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return b.known(m), nil
}

// movedAs is what a merge notes of a part that points to a record.
func movedAs(record int64, key string, from int64) (kind string, x moved) {
	if field, own := strings.CutPrefix(key, "fields."); own {
		return "relations", moved{No: record, From: from, Field: field}
	}
	return "company", moved{No: record, From: from}
}

// origin is the value of a part of a record as it was before merges.
func (b *mergeBook) origin(ctx context.Context, record int64, key, text string) (string, error) {
	to := pointsTo(key, text)
	if to == 0 {
		return text, nil
	}
	for range mostMergesDeep {
		list, err := b.into(ctx, to)
		if err != nil {
			return "", err
		}
		before := int64(0)
		for _, m := range list {
			kind, x := movedAs(record, key, 0)
			at := slices.IndexFunc(m.body.Moved[kind], func(y moved) bool { return y.No == x.No && y.Field == x.Field })
			if at >= 0 {
				before = m.body.Moved[kind][at].From
			}
		}
		if before == 0 {
			break
		}
		to = before
	}
	return pointed(key, text, to), nil
}

// origins brings the parts of a record into that form.
func (b *mergeBook) origins(ctx context.Context, record int64, p recordParts) error {
	for key, text := range p {
		was, err := b.origin(ctx, record, key, text)
		if err != nil {
			return err
		}
		p[key] = was
	}
	return nil
}

// leave forgets that a part of a record went with merges: it is about to change.
func (b *mergeBook) leave(ctx context.Context, record int64, key, origin string) error {
	to := pointsTo(key, origin)
	for range mostMergesDeep {
		if to == 0 {
			break
		}
		m, err := b.of(ctx, to)
		if err != nil {
			return err
		}
		if m == nil && b.ending != 0 && slices.Contains(b.at[b.ending].body.Gone, to) {
			m = b.at[b.ending]
		}
		if m == nil {
			break
		}
		m.forget(record, key)
		to = m.survivor
	}
	return nil
}

func (m *storedMerge) forget(record int64, key string) {
	kind, x := movedAs(record, key, 0)
	before := len(m.body.Moved[kind])
	if before == 0 {
		return
	}
	m.body.Moved[kind] = slices.DeleteFunc(m.body.Moved[kind], func(y moved) bool { return y.No == x.No && y.Field == x.Field })
	m.touched = m.touched || len(m.body.Moved[kind]) < before
}

// standing is the value of a part with a record that stands: where its own went, with
// which it goes back.
func (b *mergeBook) standing(ctx context.Context, record int64, key, origin string) (string, error) {
	to := pointsTo(key, origin)
	if to == 0 {
		return origin, nil
	}
	by := map[int64]bool{}
	for range mostMergesDeep {
		m, err := b.of(ctx, to)
		if err != nil {
			return "", err
		}
		if m == nil {
			break
		}
		m.forget(record, key)
		kind, x := movedAs(record, key, to)
		if m.body.Moved == nil {
			m.body.Moved = map[string][]moved{}
		}
		m.body.Moved[kind] = append(m.body.Moved[kind], x)
		m.touched, by[m.no] = true, true
		to = m.survivor
	}
	list, err := b.into(ctx, to)
	for _, m := range list { // what was noted before somebody changed the part
		if !by[m.no] {
			m.forget(record, key)
		}
	}
	return pointed(key, origin, to), err
}

// instead lets a part of a record have another value, and gives that as it is set.
func (b *mergeBook) instead(ctx context.Context, record int64, key, before, after string) (string, error) {
	if err := b.leave(ctx, record, key, before); err != nil {
		return "", err
	}
	return b.standing(ctx, record, key, after)
}

// save stores what was altered.
func (b *mergeBook) save(ctx context.Context) error {
	for _, no := range slices.Sorted(maps.Keys(b.at)) {
		m := b.at[no]
		if !m.touched {
			continue
		}
		if _, err := b.t.exec(ctx, "save merge", "UPDATE record_merges SET body = $2 WHERE no = $1", m.no, clean(jsonText(m.body))); err != nil {
			return err
		}
	}
	return nil
}

// survivorOf is the record that a record went into, itself when it did not.
func survivorOf(ctx context.Context, from source, no int64) (int64, error) {
	for range mostMergesDeep {
		to, err := one(ctx, from, "find where it went", scanInt, "SELECT m.survivor_no FROM merged_records x JOIN record_merges m ON m.no = x.merge_no WHERE x.record_no = $1 AND x.gone AND m.undone_at IS NULL", no)
		if errors.Is(err, errNone) {
			break
		}
		if err != nil {
			return 0, err
		}
		no = to
	}
	return no, nil
}
