package store

import (
	"context"
	"maps"
	"slices"

	"rapport/internal/crm"
	"rapport/internal/enrich"
)

// sightingRow is a sighting as it is stored.
type sightingRow struct {
	crm.Sighting
	record, pos     int64
	key             string
	domain, website string // of the company that a sighting of one tells of
	fresh, changed  bool   // is to be inserted; to be updated
}

const sightingColumns = `s.id, s.record_no, s.field, s.value_key, s.value, s.label, s.ext, s.raw, s.line, s.pos, s.email_id, s.seen_at, s.engine, s.confidence, s.state, s.note,
	s.domain, s.website, s.decided_by, s.decided_at`

func scanSighting(r scanner) (*sightingRow, error) {
	v := &sightingRow{}
	var seen int64
	var decided *int64
	err := r.Scan(&v.ID, &v.record, &v.Field, &v.key, &v.Value, &v.Label, &v.Ext, &v.Raw, &v.Line, &v.pos, &v.EmailID, &seen, &v.Engine, &v.Confidence, &v.State, &v.Note,
		&v.domain, &v.website, &v.DecidedBy, &decided)
	v.SeenAt, v.DecidedAt = clock(seen), clockPtr(decided)
	return v, err
}

// KeepSightings stores what was read in messages, settles the fields it is about, and takes
// the messages out of those that wait.
func (s *Store) KeepSightings(ctx context.Context, b enrich.Batch) (enrich.Outcome, error) {
	var out enrich.Outcome
	err := s.write(ctx, "enrich.KeepSightings", func(t *tx) error {
		out = enrich.Outcome{}
		k := keeping{t: t, w: b.Workspace, out: &out}
		return k.all(ctx, b)
	})
	return out, err
}

// keeping is KeepSightings under way.
type keeping struct {
	t       *tx
	w       crm.WorkspaceID
	out     *enrich.Outcome
	people  map[int64]*recordRow
	company map[int64]*recordRow // by its number
	seen    map[int64][]*sightingRow
	known   map[sightingKey]*sightingRow
	changed []int64        // records with new sightings
	dropped []string       // sightings that say what many others say
	news    []crm.RecordID // with new suggestions
}

// sightingKey is what there is one sighting of.
type sightingKey struct {
	record, pos int64
	field, key  string
}

func (v *sightingRow) id() sightingKey { return sightingKey{v.record, v.pos, v.Field, v.key} }

// recall reads the sightings of records that are locked.
func (k *keeping) recall(ctx context.Context, records ...int64) error {
	k.seen, k.known = map[int64][]*sightingRow{}, map[sightingKey]*sightingRow{}
	return each(ctx, k.t, "read sightings", func(r scanner) error {
		v, err := scanSighting(r)
		if err == nil {
			k.seen[v.record], k.known[v.id()] = append(k.seen[v.record], v), v
		}
		return err
	}, "SELECT "+sightingColumns+" FROM sightings s WHERE "+k.t.s.d.in("s.record_no", 1)+" ORDER BY s.record_no, s.seen_at, s.id", k.t.s.d.list(records))
}

func (k *keeping) all(ctx context.Context, b enrich.Batch) error {
	if err := k.load(ctx, b.Reads); err != nil {
		return err
	}
	living, err := k.living(ctx, b.Reads)
	if err != nil {
		return err
	}
	var counts crm.Counts
	var touched []int64
	for _, r := range b.Reads {
		if !r.Again {
			count(&counts, r)
		}
		if !living[r.Pos] {
			continue
		}
		if touched = append(touched, r.People...); r.Sent {
			continue
		}
		k.one(r)
	}
	if err := k.considered(ctx, b.Reads, living); err != nil {
		return err
	}
	if err := k.t.askAbout(ctx, k.w, touched); err != nil {
		return err
	}
	if err := k.settle(ctx); err != nil {
		return err
	}
	k.tell()
	if b.Run == "" {
		return nil
	}
	return k.t.countEnriched(ctx, b.Run, counts)
}

func count(n *crm.Counts, r enrich.Read) {
	n.Seen++
	switch {
	case r.Failed:
		n.Failed++
	case len(r.Found) > 0:
		n.Updated++
	default:
		n.Skipped++
	}
}

// load reads the records of the batch, and the companies they belong to, under a
// lock.
func (k *keeping) load(ctx context.Context, reads []enrich.Read) error {
	var nos []int64
	for _, r := range reads {
		if !r.Sent {
			nos = append(nos, r.People...)
		}
	}
	slices.Sort(nos)
	nos = slices.Compact(nos)
	companies, err := all(ctx, k.t, "find companies", scanInt, "SELECT DISTINCT company_no FROM records WHERE company_no IS NOT NULL AND "+k.t.s.d.in("no", 1), k.t.s.d.list(nos))
	if err != nil {
		return err
	}
	rows, err := k.t.recordsLocked(ctx, k.w, append(slices.Clone(nos), companies...)...)
	if err != nil {
		return err
	}
	k.people, k.company = map[int64]*recordRow{}, map[int64]*recordRow{}
	var all []int64
	for _, r := range rows {
		switch {
		case r.DeletedAt != nil:
			continue
		case r.Type == crm.Person:
			k.people[r.no] = r
		default:
			k.company[r.no] = r
		}
		all = append(all, r.no)
	}
	return k.recall(ctx, all...)
}

// living are the messages that are still there.
func (k *keeping) living(ctx context.Context, reads []enrich.Read) (map[int64]bool, error) {
	pos := make([]int64, len(reads))
	for i, r := range reads {
		pos[i] = r.Pos
	}
	out := map[int64]bool{}
	err := each(ctx, k.t, "look for messages", func(r scanner) error {
		var p int64
		err := r.Scan(&p)
		out[p] = true
		return err
	}, "SELECT e.pos FROM synced_emails e WHERE "+k.t.s.d.in("e.pos", 1)+" AND NOT ("+unsigned+")", k.t.s.d.list(pos))
	return out, err
}

// one notes the sightings of a message, for each of its sender's records.
func (k *keeping) one(r enrich.Read) {
	for _, no := range r.People {
		person := k.people[no]
		if person == nil {
			continue
		}
		var company *crm.Record
		at := k.company[person.companyNo]
		if at != nil {
			company = &at.Record
		}
		for _, p := range enrich.Place(person.Record, company, r) {
			row := person
			if p.OnCompany {
				row = at
			}
			k.see(row, r, p)
		}
	}
}

// see notes a sighting, unless it is known with at least such confidence.
func (k *keeping) see(row *recordRow, r enrich.Read, p enrich.Placed) {
	v := p.Value
	key := clean(enrich.ValueKey(row.Type, p.Field, v.Value.Value))
	if key == "" {
		return
	}
	id := sightingKey{row.no, r.Pos, p.Field, key}
	if old := k.known[id]; old != nil {
		if v.Confidence <= old.Confidence {
			return
		}
		old.Engine, old.Confidence, old.changed = clean(v.Engine), v.Confidence, true
	} else {
		fresh := &sightingRow{record: row.no, pos: r.Pos, key: key, fresh: true, Sighting: crm.Sighting{
			ID: crm.SightingID(k.t.s.newID()), RecordID: row.ID, Field: p.Field, Value: clean(v.Value.Value), Label: clean(v.Label), Ext: clean(v.Ext), Raw: clean(v.Raw), EmailID: r.EmailID,
			Line: clean(v.Line), SeenAt: r.SeenAt, Engine: clean(v.Engine), Confidence: v.Confidence, State: crm.SightingSuperseded,
		}}
		if p.Field == enrich.FieldCompany {
			tells := enrich.Detect(v.Value.Value, r.From.Email, r.Found)
			fresh.domain, fresh.website = tells.Domain, clean(tells.Website)
		}
		k.known[id], k.seen[row.no] = fresh, append(k.seen[row.no], fresh)
	}
	k.changed = append(k.changed, row.no)
}

// considered notes what was considered, by what, and that it does not wait any more.
func (k *keeping) considered(ctx context.Context, reads []enrich.Read, living map[int64]bool) error {
	var pos, nos, all, turns []int64
	var engines []string
	for _, r := range reads {
		if r.Again {
			continue
		}
		all, turns = append(all, r.Pos), append(turns, r.Turn)
		if !living[r.Pos] || r.Sent {
			continue
		}
		for _, no := range r.People {
			if k.people[no] != nil {
				pos, nos, engines = append(pos, r.Pos), append(nos, no), append(engines, r.Engine)
			}
		}
	}
	err := k.t.insert(ctx, "note considered", "enriched_emails", len(pos), "ON CONFLICT (pos, record_no) DO UPDATE SET engine = excluded.engine WHERE enriched_emails.engine <> excluded.engine",
		column{"pos", pos}, column{"record_no", nos}, column{"engine", engines})
	if err != nil {
		return err
	}
	return k.t.s.d.remove(ctx, k.t, "take out", "enrich_queue", len(all), column{"pos", all}, column{"turn", turns})
}

// settle settles the records with new sightings, and stores what has changed.
func (k *keeping) settle(ctx context.Context) error {
	slices.Sort(k.changed)
	for _, no := range slices.Compact(k.changed) {
		row := k.people[no]
		if row == nil {
			row = k.company[no]
		}
		if err := k.settleOne(ctx, row); err != nil {
			return err
		}
	}
	return k.save(ctx)
}

// settleOne settles the fields of a record from all of its sightings.
func (k *keeping) settleOne(ctx context.Context, row *recordRow) error {
	by := make(map[crm.SightingID]*sightingRow, len(k.seen[row.no]))
	list := make([]crm.Sighting, len(k.seen[row.no]))
	for i, r := range k.seen[row.no] {
		by[r.ID], list[i] = r, r.Sighting
		list[i].RecordID = row.ID
	}
	verdict := enrich.SettleRecord(row.Record, list)
	if err := k.take(ctx, row, by, verdict.Take); err != nil {
		return err
	}
	k.became(row, by, verdict.Sightings)
	k.prune(by, verdict.Sightings)
	return nil
}

// became notes what became of sightings.
func (k *keeping) became(row *recordRow, by map[crm.SightingID]*sightingRow, list []crm.Sighting) {
	suggested := false
	for _, s := range list {
		r := by[s.ID]
		if r.State == s.State && r.Note == s.Note {
			continue
		}
		if s.State == crm.SightingSuggested && r.State != s.State {
			suggested = true
			k.out.Suggested = append(k.out.Suggested, s)
		}
		r.State, r.Note, r.DecidedAt, r.changed = s.State, clean(s.Note), s.DecidedAt, true
	}
	if suggested {
		k.news = append(k.news, row.ID)
	}
}

// How many sightings of one value are kept: the first and the last of them. Somebody who
// writes every day says the same every day.
const (
	firstKept = 5
	lastKept  = 20
)

// prune drops sightings that say what many others say. What somebody has decided about,
// what is asked about, and what a field was filled by stays.
func (k *keeping) prune(by map[crm.SightingID]*sightingRow, list []crm.Sighting) {
	same := map[string][]crm.SightingID{}
	for _, s := range list { // the oldest first
		if s.DecidedAt == nil && (s.State == crm.SightingConfirmed || s.State == crm.SightingSuperseded) {
			key := s.Field + "\x00" + by[s.ID].key
			same[key] = append(same[key], s.ID)
		}
	}
	for _, of := range same {
		if len(of) <= 2*(firstKept+lastKept) { // not one at a time
			continue
		}
		for _, id := range of[firstKept : len(of)-lastKept] {
			if r := by[id]; r.fresh {
				r.fresh = false
			} else {
				k.dropped = append(k.dropped, string(id))
			}
			by[id].changed = false
		}
	}
}

// save stores what is new of sightings, and what has changed.
func (k *keeping) save(ctx context.Context) error {
	var fresh, changed []*sightingRow
	for _, no := range slices.Sorted(maps.Keys(k.seen)) {
		for _, r := range k.seen[no] {
			switch {
			case r.fresh:
				fresh = append(fresh, r)
			case r.changed:
				changed = append(changed, r)
			}
		}
	}
	if err := k.t.insert(ctx, "insert sightings", "sightings", len(fresh), "ON CONFLICT DO NOTHING", append(sightingState(fresh), sightingContent(k.w, fresh)...)...); err != nil {
		return err
	}
	if err := k.t.update(ctx, "save sightings", "sightings", len(changed), sightingState(changed)...); err != nil {
		return err
	}
	if len(k.dropped) == 0 {
		return nil
	}
	slices.Sort(k.dropped)
	_, err := k.t.exec(ctx, "drop sightings", "DELETE FROM sightings WHERE "+k.t.s.d.in("id", 1), k.t.s.d.list(k.dropped))
	return err
}

// columnOf is a column of sightings.
func columnOf[T any](name string, list []*sightingRow, get func(*sightingRow) T) column {
	v := make([]T, len(list))
	for i, r := range list {
		v[i] = get(r)
	}
	return column{name, v}
}

// sightingState is what changes with a sighting, behind its id.
func sightingState(list []*sightingRow) []column {
	return []column{
		columnOf("id", list, func(r *sightingRow) string { return string(r.ID) }), columnOf("state", list, func(r *sightingRow) string { return string(r.State) }),
		columnOf("note", list, func(r *sightingRow) string { return r.Note }), columnOf("engine", list, func(r *sightingRow) string { return r.Engine }),
		columnOf("confidence", list, func(r *sightingRow) float64 { return r.Confidence }),
		columnOf("decided_at", list, func(r *sightingRow) *int64 {
			if r.DecidedAt == nil {
				return nil
			}
			at := stamp(*r.DecidedAt)
			return &at
		}),
	}
}

// sightingContent is the rest of it.
func sightingContent(w crm.WorkspaceID, list []*sightingRow) []column {
	text := func(name string, get func(*sightingRow) string) column { return columnOf(name, list, get) }
	return []column{
		text("workspace_id", func(*sightingRow) string { return string(w) }), columnOf("record_no", list, func(r *sightingRow) int64 { return r.record }),
		text("field", func(r *sightingRow) string { return r.Field }), text("value_key", func(r *sightingRow) string { return r.key }), text("value", func(r *sightingRow) string { return r.Value }),
		text("label", func(r *sightingRow) string { return r.Label }), text("ext", func(r *sightingRow) string { return r.Ext }), text("raw", func(r *sightingRow) string { return r.Raw }),
		text("line", func(r *sightingRow) string { return r.Line }), columnOf("pos", list, func(r *sightingRow) int64 { return r.pos }),
		text("email_id", func(r *sightingRow) string { return string(r.EmailID) }), columnOf("seen_at", list, func(r *sightingRow) int64 { return stamp(r.SeenAt) }),
		text("domain", func(r *sightingRow) string { return r.domain }), text("website", func(r *sightingRow) string { return r.website }),
		text("decided_by", func(r *sightingRow) string { return string(r.DecidedBy) }),
	}
}
