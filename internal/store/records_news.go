package store

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"rapport/internal/crm"
	"rapport/internal/fact"
)

// touchRecords notes that something was linked to records that is as new as at.
func (t *tx) touchRecords(ctx context.Context, at int64, nos ...int64) error {
	_, err := t.exec(ctx, "note activity", "UPDATE records SET last_at = $1 WHERE last_at < $1 AND "+t.s.d.in("no", 2), at, t.s.d.list(nos))
	return err
}

// recordNews is what a transaction has to tell of records at its end.
type recordNews struct {
	told  []recordWord
	count map[int64]int64 // by list
}

type recordWord struct {
	kind      fact.Kind
	workspace crm.WorkspaceID
	id        crm.RecordID
	addresses bool
	into      crm.RecordID // that it was merged into
}

// recordTold lets the transaction tell of a record; addresses says that what it is
// found by has changed.
func (t *tx) recordTold(kind fact.Kind, r *recordRow, addresses bool) {
	t.records.told = append(t.records.told, recordWord{kind, r.WorkspaceID, r.ID, addresses, ""})
}

// recordCounted notes that a list has n records more.
func (t *tx) recordCounted(list int64, n int64) {
	if t.records.count == nil {
		t.records.count = map[int64]int64{}
	}
	t.records.count[list] += n
}

// mostTold is how many records one fact names.
const mostTold = 500

// recordFacts makes facts of what was told, each record once for each kind.
func (t *tx) recordFacts() {
	type group struct {
		kind      fact.Kind
		workspace crm.WorkspaceID
		addresses bool
		into      crm.RecordID
	}
	var order []group
	ids := map[group][]crm.RecordID{}
	at := map[crm.RecordID]map[fact.Kind]int{}
	for i := range t.records.told {
		w := &t.records.told[i]
		if at[w.id] == nil {
			at[w.id] = map[fact.Kind]int{}
		}
		if first, again := at[w.id][w.kind]; again {
			t.records.told[first].addresses = t.records.told[first].addresses || w.addresses
			w.id = ""
			continue
		}
		at[w.id][w.kind] = i
	}
	for _, w := range t.records.told {
		_, made := at[w.id][fact.RecordCreated]
		if w.id == "" || made && w.kind == fact.RecordChanged {
			continue
		}
		g := group{w.kind, w.workspace, w.addresses, w.into}
		if ids[g] == nil {
			order = append(order, g)
		}
		ids[g] = append(ids[g], w.id)
	}
	t.records.told = nil
	for _, g := range order {
		for piece := range slices.Chunk(ids[g], mostTold) {
			data := map[string]any{"ids": piece}
			if g.addresses && g.kind == fact.RecordChanged {
				data["addresses"] = true
			}
			if g.into != "" {
				data["merged_into"] = g.into
			}
			t.fact(fact.Fact{Kind: g.kind, WorkspaceID: g.workspace, Data: json.RawMessage(jsonText(data))})
		}
	}
}

// countRecords moves the numbers of lists; it is done with the facts, so that
// transactions wait for each other there and nowhere else.
func (t *tx) countRecords(ctx context.Context) error {
	lists := make([]int64, 0, len(t.records.count))
	for list, n := range t.records.count {
		if n != 0 {
			lists = append(lists, list)
		}
	}
	slices.SortFunc(lists, cmp.Compare)
	for _, list := range lists {
		if _, err := t.exec(ctx, "count records", "UPDATE object_types SET live = live + $2 WHERE no = $1", list, t.records.count[list]); err != nil {
			return err
		}
	}
	t.records.count = nil
	return nil
}
