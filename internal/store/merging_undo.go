package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/records/merging"
)

// UndoMerge puts back what MergeRecords did, but for what was changed since.
func (s *Store) UndoMerge(ctx context.Context, c access.Caller, id crm.MergeID, row access.Audit) (done merging.Undone, err error) {
	err = s.write(ctx, "merging.UndoMerge", func(t *tx) error {
		done = merging.Undone{Kept: []string{}}
		if _, err := t.lockLinking(ctx, c.Workspace); err != nil {
			return err
		}
		u, err := t.toUndo(ctx, c, id)
		if err != nil {
			return err
		}
		if done.Kept, err = u.parts(ctx); err != nil {
			return err
		}
		if err := u.f.save(ctx); err != nil {
			return err
		}
		t.recordTold(fact.RecordChanged, u.f.r, true)
		if err := t.restoreRecords(ctx, u.others); err != nil {
			return err
		}
		if err := u.giveBack(ctx); err != nil {
			return err
		}
		if err := u.save(ctx, c); err != nil {
			return err
		}
		row.Target = string(u.f.r.ID)
		if err := t.record(ctx, []access.Audit{row}); err != nil {
			return err
		}
		t.recordLinked(c.Workspace, u.f.r.ID)
		list, err := s.mergesShown(ctx, t, " WHERE m.no = $1", u.m.no)
		if err != nil {
			return err
		}
		done.Merge = list[0]
		done.Record, err = t.shownIn(ctx, c, u.f.r.no)
		return err
	})
	return done, err
}

// undoing is a merge that is being undone.
type undoing struct {
	t      *tx
	m      *storedMerge
	f      *reforming
	others []*recordRow
	beside []*storedMerge         // others into the same record that stand, the oldest first
	far    map[int64]*storedMerge // those of records that are pointed to
}

// toUndo reads a merge and its records under locks; fault.Conflict when the record that
// goes on is not there.
func (t *tx) toUndo(ctx context.Context, c access.Caller, id crm.MergeID) (*undoing, error) {
	m, err := one(ctx, t, "read merge", scanMerge, "SELECT "+mergeColumns+" FROM record_merges m WHERE m.id = $1 AND m.workspace_id = $2", clean(string(id)), string(c.Workspace))
	if m, err = found(m, err, "There is no such merge."); err != nil {
		return nil, err
	}
	rows, err := t.recordsLocked(ctx, c.Workspace, append(slices.Clone(m.body.Gone), m.survivor)...)
	if err != nil {
		return nil, err
	}
	// Once more, now that nobody else can undo it.
	if m, err = one(ctx, t, "read merge", scanMerge, "SELECT "+mergeColumns+" FROM record_merges m WHERE m.no = $1"+t.s.d.forUpdate(), m.no); err != nil {
		return nil, err
	}
	if m.undoneAt != nil {
		return nil, &fault.Error{Kind: fault.Conflict, Code: "undone", Text: "This merge was undone already."}
	}
	u := &undoing{t: t, m: m, far: map[int64]*storedMerge{}}
	for _, r := range rows {
		if r.no != m.survivor {
			u.others = append(u.others, r)
			continue
		}
		switch {
		case r.MergedInto != "":
			return nil, &fault.Error{Kind: fault.Conflict, Code: "merged", Text: r.Name + " was itself merged into another record since. Undo that first.", Fields: map[string]string{"merged_into": string(r.MergedInto)}}
		case r.DeletedAt != nil:
			return nil, &fault.Error{Kind: fault.Conflict, Code: "deleted", Text: r.Name + " was deleted since. Restore it first."}
		}
		list, err := t.listByNo(ctx, c.Workspace, r.list)
		if err != nil {
			return nil, err
		}
		if list.DeletedAt != nil {
			return nil, fault.New(fault.NotFound, noRecord)
		}
		u.f = &reforming{t: t, r: r, shown: map[int64]bool{}}
	}
	if u.f == nil {
		return nil, fault.New(fault.NotFound, noRecord)
	}
	u.beside, err = all(ctx, t, "read merges beside", scanMerge, "SELECT "+mergeColumns+" FROM record_merges m WHERE m.survivor_no = $1 AND m.undone_at IS NULL AND m.no <> $2 ORDER BY m.no", m.survivor, m.no)
	return u, err
}

// parts puts parts back, and names the fields that stay as they were changed since.
func (u *undoing) parts(ctx context.Context) ([]string, error) {
	now, err := u.t.partsOf(ctx, u.f.r)
	if err != nil {
		return nil, err
	}
	kept := []string{}
	for _, x := range slices.Backward(u.m.body.Changes) {
		same, err := u.same(ctx, x.Key, now[x.Key], x.After)
		if err != nil {
			return nil, err
		}
		if !same {
			if later, err := u.later(ctx, x); err != nil {
				return nil, err
			} else if !later && now[x.Key] != x.Before && alone(x.Key) {
				kept = append(kept, x.Key)
			}
			continue
		}
		to, from := x.Before, x.From
		if to == "" {
			to = u.given(x.Key, &from)
		}
		if to, err = u.standing(ctx, x.Key, to); err != nil {
			return nil, err
		}
		if strings.HasPrefix(x.Key, "external:") && to != "" { // first back to whose it was
			if err := u.f.set(ctx, x.Key, "", x.From); err != nil {
				return nil, err
			}
		}
		if err := u.f.set(ctx, x.Key, to, from); err != nil {
			return nil, err
		}
		now[x.Key] = to
	}
	slices.Sort(kept)
	return kept, nil
}

// same reports whether a part is as the merge has set it, whatever became since of what
// it points to.
func (u *undoing) same(ctx context.Context, key, now, after string) (bool, error) {
	if now == after {
		return true, nil
	}
	a, b := pointsTo(key, now), pointsTo(key, after)
	if a == 0 || b == 0 || pointed(key, now, b) != after {
		return false, nil
	}
	a, err := survivorOf(ctx, u.t, a)
	if err != nil {
		return false, err
	}
	b, err = survivorOf(ctx, u.t, b)
	return a == b, err
}

// later lets the next merge that changed a part further remember what was before this
// one, and says whether there is one.
func (u *undoing) later(ctx context.Context, x mergeChange) (bool, error) {
	for _, n := range u.beside {
		if n.no < u.m.no {
			continue
		}
		for i := range n.body.Changes {
			y := &n.body.Changes[i]
			if y.Key != x.Key {
				continue
			}
			same, err := u.same(ctx, x.Key, y.Before, x.After)
			if same {
				y.Before, n.touched = x.Before, true
			}
			return same, err
		}
	}
	return false, nil
}

// given looks for a later merge that gives a part which this one gave first, and notes
// that it does.
func (u *undoing) given(key string, from *int64) string {
	for _, n := range u.beside {
		if n.no < u.m.no || slices.Contains(n.body.Chosen, key) || slices.ContainsFunc(n.body.Changes, func(y mergeChange) bool { return y.Key == key }) {
			continue
		}
		at := slices.IndexFunc(n.body.Had, func(h hadPart) bool { return h.Key == key })
		if at < 0 {
			continue
		}
		h := n.body.Had[at]
		n.body.Changes = append(n.body.Changes, mergeChange{key, "", h.Value, h.From})
		n.touched = true
		*from = h.From
		return h.Value
	}
	return ""
}

// standing is a value that points to a record that stands: where its record was merged
// meanwhile, it points to where that went, and goes back with it.
func (u *undoing) standing(ctx context.Context, key, text string) (string, error) {
	to := pointsTo(key, text)
	if to == 0 {
		return text, nil
	}
	for range mostMergesDeep {
		m, err := u.t.mergeOf(ctx, to)
		if errors.Is(err, errNone) {
			break
		}
		if err != nil {
			return "", err
		}
		if m.no == u.m.no {
			break
		}
		m = u.known(m)
		kind, x := "company", moved{No: u.f.r.no, From: to}
		if field, own := strings.CutPrefix(key, "fields."); own {
			kind, x.Field = "relations", field
		}
		if m.body.Moved == nil {
			m.body.Moved = map[string][]moved{}
		}
		if !slices.Contains(m.body.Moved[kind], x) {
			m.body.Moved[kind] = append(m.body.Moved[kind], x)
		}
		m.touched, to = true, m.survivor
	}
	return pointed(key, text, to), nil
}

// known is a merge as it is being altered here.
func (u *undoing) known(m *storedMerge) *storedMerge {
	if at := slices.IndexFunc(u.beside, func(n *storedMerge) bool { return n.no == m.no }); at >= 0 {
		return u.beside[at]
	}
	if u.far[m.no] == nil {
		u.far[m.no] = m
	}
	return u.far[m.no]
}

// mostMergesDeep is how far a record is followed through merges.
const mostMergesDeep = 100

// mergeOf is the merge that a record went away by; errNone when it did not.
func (t *tx) mergeOf(ctx context.Context, no int64) (*storedMerge, error) {
	return one(ctx, t, "read merge of record", scanMerge, "SELECT "+mergeColumns+" FROM merged_records x JOIN record_merges m ON m.no = x.merge_no WHERE x.record_no = $1 AND x.gone AND m.undone_at IS NULL", no)
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

// giveBack moves back what went over.
func (u *undoing) giveBack(ctx context.Context) error {
	for _, key := range slices.Sorted(maps.Keys(u.m.body.Names)) {
		table, number, _ := strings.Cut(key, ":")
		from, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return fmt.Errorf("reading a merge: %w", err)
		}
		if err := u.t.moveIDs(ctx, table, u.m.body.Names[key], u.m.survivor, from); err != nil {
			return err
		}
	}
	dates := map[int64]bool{u.m.survivor: true}
	for _, o := range u.others {
		dates[o.no] = true
		var people []int64
		for _, x := range u.m.body.Moved["company"] {
			if x.From == o.no {
				people = append(people, x.No)
			}
		}
		if err := u.t.belongTo(ctx, o.WorkspaceID, people, u.m.survivor, o); err != nil {
			return err
		}
		if err := u.t.returnLinks(ctx, o.no, u.m.survivor); err != nil {
			return err
		}
	}
	for _, n := range u.beside { // what both had is still theirs
		for _, gone := range n.body.Gone {
			if err := u.t.moveLinks(ctx, gone, u.m.survivor); err != nil {
				return err
			}
		}
	}
	var pointing []int64
	for _, x := range u.m.body.Moved["relations"] {
		n, err := u.t.exec(ctx, "point back", "UPDATE record_relations SET target_no = $4 WHERE record_no = $1 AND field = $2 AND target_no = $3", x.No, x.Field, u.m.survivor, x.From)
		if err != nil {
			return err
		}
		if n > 0 {
			pointing = append(pointing, x.No)
		}
	}
	if err := u.t.showAnew(ctx, u.f.r.WorkspaceID, pointing); err != nil {
		return err
	}
	return u.t.noteActivity(ctx, nil, dates)
}

// save notes that the merge is undone, and what others remember now.
func (u *undoing) save(ctx context.Context, c access.Caller) error {
	for _, n := range append(slices.Clone(u.beside), slices.Collect(maps.Values(u.far))...) {
		if !n.touched {
			continue
		}
		if _, err := u.t.exec(ctx, "save merge", "UPDATE record_merges SET body = $2 WHERE no = $1", n.no, clean(jsonText(n.body))); err != nil {
			return err
		}
	}
	_, err := u.t.exec(ctx, "end merge", "UPDATE record_merges SET undone_at = $2, undone_by = $3 WHERE no = $1", u.m.no, u.t.now, string(c.UserID))
	return err
}
