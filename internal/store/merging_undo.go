package store

import (
	"context"
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
	beside []*storedMerge // others into the same record that stand, the oldest first
	book   *mergeBook
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
	u := &undoing{t: t, m: m, book: t.mergeBook()}
	u.book.at[m.no], u.book.ending = m, m.no
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
	if u.beside, err = u.book.into(ctx, m.survivor); err != nil {
		return nil, err
	}
	u.beside = slices.DeleteFunc(u.beside, func(n *storedMerge) bool { return n.no == m.no })
	return u, nil
}

// parts puts parts back, and names the fields that stay as they were changed since.
func (u *undoing) parts(ctx context.Context) ([]string, error) {
	now, err := u.t.partsOf(ctx, u.f.r)
	if err == nil {
		err = u.book.origins(ctx, u.f.r.no, now)
	}
	if err != nil {
		return nil, err
	}
	kept := []string{}
	for _, x := range slices.Backward(u.m.body.Changes) {
		if now[x.Key] != x.After {
			if !u.later(x) && now[x.Key] != x.Before && alone(x.Key) {
				kept = append(kept, x.Key)
			}
			continue
		}
		to, from := x.Before, x.From
		if to == "" {
			to = u.given(x.Key, &from)
		}
		if strings.HasPrefix(x.Key, "external:") && to != "" { // first back to whose it was
			if err := u.f.set(ctx, x.Key, "", x.From); err != nil {
				return nil, err
			}
		}
		now[x.Key] = to
		if to, err = u.book.instead(ctx, u.f.r.no, x.Key, x.After, to); err != nil {
			return nil, err
		}
		if err := u.f.set(ctx, x.Key, to, from); err != nil {
			return nil, err
		}
	}
	slices.Sort(kept)
	return kept, nil
}

// later lets the next merge that changed a part further remember what was before this
// one, and says whether there is one.
func (u *undoing) later(x mergeChange) bool {
	for _, n := range u.beside {
		if n.no < u.m.no {
			continue
		}
		for i := range n.body.Changes {
			y := &n.body.Changes[i]
			if y.Key == x.Key {
				if y.Before != x.After {
					return false
				}
				y.Before, n.touched = x.Before, true
				return true
			}
		}
	}
	return false
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
	if err := u.book.save(ctx); err != nil {
		return err
	}
	_, err := u.t.exec(ctx, "end merge", "UPDATE record_merges SET undone_at = $2, undone_by = $3 WHERE no = $1", u.m.no, u.t.now, string(c.UserID))
	return err
}
