package store

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"rapport/internal/crm"
	"rapport/internal/enrich"
	"rapport/internal/fact"
	"rapport/internal/records"
)

// sightingRow is a sighting as it is stored.
type sightingRow struct {
	crm.Sighting
	record, pos     int64
	key             string
	domain, website string // of the company that a sighting of one tells of
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
		k := keeping{t: t, w: b.Workspace, out: &out, changed: map[int64]bool{}}
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
	changed map[int64]bool       // records with new sightings
	news    []crm.RecordID       // with new suggestions
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
		if err := k.one(ctx, r); err != nil {
			return err
		}
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
	for _, r := range rows {
		switch {
		case r.DeletedAt != nil:
		case r.Type == crm.Person:
			k.people[r.no] = r
		default:
			k.company[r.no] = r
		}
	}
	return nil
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

// one stores the sightings of a message, for each of its sender's records.
func (k *keeping) one(ctx context.Context, r enrich.Read) error {
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
			if err := k.see(ctx, row, r, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// see stores a sighting, unless it is known with at least such confidence.
func (k *keeping) see(ctx context.Context, row *recordRow, r enrich.Read, p enrich.Placed) error {
	v := p.Value
	key := enrich.ValueKey(row.Type, p.Field, v.Value.Value)
	if key == "" {
		return nil
	}
	var tells enrich.Detected
	if p.Field == enrich.FieldCompany {
		tells = enrich.Detect(v.Value.Value, r.From.Email, r.Found)
	}
	n, err := k.t.exec(ctx, "insert sighting", `INSERT INTO sightings (id, workspace_id, record_no, field, value_key, value, label, ext, raw, line, pos, email_id, seen_at, engine, confidence, state, note,
			domain, website, decided_by) VALUES `+marks(1, 20)+` ON CONFLICT (record_no, field, value_key, pos) DO UPDATE SET engine = excluded.engine, confidence = excluded.confidence
			WHERE excluded.confidence > sightings.confidence`,
		k.t.s.newID(), string(k.w), row.no, p.Field, clean(key), clean(v.Value.Value), clean(v.Label), clean(v.Ext), clean(v.Raw), clean(v.Line), r.Pos, string(r.EmailID), stamp(r.SeenAt),
		clean(v.Engine), v.Confidence, string(crm.SightingSuperseded), "", tells.Domain, clean(tells.Website), "")
	if n > 0 {
		k.changed[row.no] = true
	}
	return err
}

// considered notes what was considered, by what, and that it does not wait any more.
func (k *keeping) considered(ctx context.Context, reads []enrich.Read, living map[int64]bool) error {
	var pos, nos, all []int64
	var engines []string
	for _, r := range reads {
		if r.Again {
			continue
		}
		all = append(all, r.Pos)
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
	_, err = k.t.exec(ctx, "take out", "DELETE FROM enrich_queue WHERE "+k.t.s.d.in("pos", 1), k.t.s.d.list(all))
	return err
}

// settle settles the records with new sightings: people first, since they may get a
// company.
func (k *keeping) settle(ctx context.Context) error {
	var nos []int64
	for no := range k.changed {
		nos = append(nos, no)
	}
	slices.Sort(nos)
	for _, no := range nos {
		row := k.people[no]
		if row == nil {
			row = k.company[no]
		}
		if err := k.settleOne(ctx, row); err != nil {
			return err
		}
	}
	return nil
}

// settleOne settles the fields of a record from all of its sightings.
func (k *keeping) settleOne(ctx context.Context, row *recordRow) error {
	rows, err := all(ctx, k.t, "read sightings", scanSighting, "SELECT "+sightingColumns+" FROM sightings s WHERE s.record_no = $1 ORDER BY s.seen_at, s.id", row.no)
	if err != nil {
		return err
	}
	by := make(map[crm.SightingID]*sightingRow, len(rows))
	list := make([]crm.Sighting, len(rows))
	for i, r := range rows {
		by[r.ID], list[i] = r, r.Sighting
		list[i].RecordID = row.ID
	}
	verdict := enrich.SettleRecord(row.Record, list)
	if err := k.take(ctx, row, by, verdict.Take); err != nil {
		return err
	}
	if err := k.saveStates(ctx, row, by, verdict.Sightings); err != nil {
		return err
	}
	return k.prune(ctx, verdict.Sightings)
}

// How many sightings of one value are kept: the first and the last of them. Somebody who
// writes every day says the same every day.
const (
	firstKept = 5
	lastKept  = 20
)

// prune drops sightings that say what many others say. What somebody has decided about,
// what is asked about, and what a field was filled by stays.
func (k *keeping) prune(ctx context.Context, list []crm.Sighting) error {
	same := map[string][]crm.SightingID{}
	for _, s := range list { // the oldest first
		if s.DecidedAt == nil && (s.State == crm.SightingConfirmed || s.State == crm.SightingSuperseded) {
			key := s.Field + "\x00" + s.Value
			same[key] = append(same[key], s.ID)
		}
	}
	var ids []string
	for _, of := range same {
		if len(of) <= 2*(firstKept+lastKept) { // not one at a time
			continue
		}
		for _, id := range of[firstKept : len(of)-lastKept] {
			ids = append(ids, string(id))
		}
	}
	if len(ids) == 0 {
		return nil
	}
	slices.Sort(ids)
	_, err := k.t.exec(ctx, "drop sightings", "DELETE FROM sightings WHERE "+k.t.s.d.in("id", 1), k.t.s.d.list(ids))
	return err
}

// take puts values into their record, those of one message at once.
func (k *keeping) take(ctx context.Context, row *recordRow, by map[crm.SightingID]*sightingRow, list []crm.Sighting) error {
	slices.SortStableFunc(list, func(a, b crm.Sighting) int { return a.SeenAt.Compare(b.SeenAt) })
	for i := 0; i < len(list); {
		source := crm.Source{By: crm.ByEnrich, Confidence: list[i].Confidence, EmailID: list[i].EmailID}
		var set records.Wish
		for ; i < len(list) && list[i].EmailID == source.EmailID; i++ {
			source.Confidence = min(source.Confidence, list[i].Confidence)
			if err := k.t.wish(ctx, row, by[list[i].ID], &set); err != nil {
				return err
			}
			k.out.Applied = append(k.out.Applied, list[i])
		}
		if err := k.t.enrichedWith(ctx, row, source, set); err != nil {
			return err
		}
	}
	return nil
}

// enrichedWith fills a record with what follows from mail. What its type does not
// allow, or somebody has typed, is left as it is.
func (t *tx) enrichedWith(ctx context.Context, row *recordRow, by crm.Source, set records.Wish) error {
	_, err := t.fillRow(ctx, row, by, &set)
	return err
}

// wish adds a sighting to what is wished for its record.
func (t *tx) wish(ctx context.Context, row *recordRow, s *sightingRow, set *records.Wish) error {
	v := s.Value
	switch s.Field {
	case enrich.FieldName:
		set.Name = &v
	case enrich.FieldTitle:
		set.Title = &v
	case enrich.FieldLinkedIn:
		set.LinkedIn = &v
	case enrich.FieldWebsite:
		set.Website = &v
	case enrich.FieldAddress:
		set.Address = &v
	case enrich.FieldPhone:
		set.AddPhones = append(set.AddPhones, crm.Contact{Value: v, Raw: s.Raw, Label: s.Label, Ext: s.Ext})
	case enrich.FieldCompany:
		id, err := t.companyFor(ctx, row.WorkspaceID, s)
		if err != nil {
			return err
		}
		set.Company = &id
	}
	return nil
}

// companyFor gives the company that a sighting tells of: that with its domain, else
// that of its name, else a new one.
func (t *tx) companyFor(ctx context.Context, w crm.WorkspaceID, s *sightingRow) (crm.RecordID, error) {
	by := crm.Source{By: crm.ByEnrich, Confidence: s.Confidence, EmailID: s.EmailID}
	maker := crm.Maker{By: crm.ByEnrich}
	if s.domain != "" {
		no, id, made, err := t.companyOf(ctx, w, newCompany{Domain: s.domain, Name: s.Value, Maker: maker, Source: by})
		if err == nil && made {
			_, err = t.fill(ctx, w, no, by, records.Wish{Website: orNone(s.website)})
		}
		return id, err
	}
	if err := t.s.d.lock(ctx, t, lockOf(w, "company", s.key)); err != nil {
		return "", err
	}
	list, err := t.listOf(ctx, w, crm.Company)
	if err != nil {
		return "", err
	}
	named, err := all(ctx, t, "find company by name", func(r scanner) (crm.RecordRef, error) {
		var ref crm.RecordRef
		err := r.Scan(&ref.ID, &ref.Name)
		return ref, err
	}, "SELECT id, name FROM records WHERE list_no = $1 AND name_key >= $2 AND name_key < $3 AND deleted_at IS NULL ORDER BY name_key, no LIMIT 50", list.no, sortKey(s.key), sortKey(s.key)+"~")
	if err != nil {
		return "", err
	}
	for _, n := range named {
		if enrich.ValueKey(crm.Company, enrich.FieldName, n.Name) == s.key {
			return n.ID, nil
		}
	}
	name := s.Value
	row, err := t.makeRecord(ctx, w, crm.Company, maker, by, records.Wish{Name: &name, Website: orNone(s.website)})
	if err != nil {
		return "", err
	}
	return row.ID, nil
}

func orNone(s string) *string {
	if s = strings.TrimSpace(s); s == "" {
		return nil
	}
	return &s
}

// saveStates stores what became of sightings, where that has changed.
func (k *keeping) saveStates(ctx context.Context, row *recordRow, by map[crm.SightingID]*sightingRow, list []crm.Sighting) error {
	var ids, states, notes []string
	var decided []*int64
	suggested := false
	for _, s := range list {
		was := by[s.ID]
		if was.State == s.State && was.Note == s.Note {
			continue
		}
		var at *int64
		if s.DecidedAt != nil {
			stamped := stamp(*s.DecidedAt)
			at = &stamped
		}
		decided = append(decided, at)
		ids, states, notes = append(ids, string(s.ID)), append(states, string(s.State)), append(notes, clean(s.Note))
		if s.State == crm.SightingSuggested && was.State != s.State {
			suggested = true
			k.out.Suggested = append(k.out.Suggested, s)
		}
	}
	if suggested {
		k.news = append(k.news, row.ID)
	}
	return k.t.update(ctx, "save states", "sightings", len(ids), column{"id", ids}, column{"state", states}, column{"note", notes}, column{"decided_at", decided})
}

// tell says which records have new suggestions.
func (k *keeping) tell() {
	for piece := range slices.Chunk(k.news, mostTold) {
		k.t.fact(fact.Fact{Kind: fact.RecordSuggested, WorkspaceID: k.w, Data: json.RawMessage(jsonText(map[string]any{"ids": piece}))})
	}
}

func classWish(c crm.Class) records.Wish { return records.Wish{Class: &c} }
