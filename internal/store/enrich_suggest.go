package store

import (
	"context"
	"slices"
	"strings"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/enrich"
	"rapport/internal/fault"
	"rapport/internal/records"
)

// readable says of messages how much of them a caller sees; what is not there is
// not seen. Keys that may not read mail see nothing.
func (s *Store) readable(ctx context.Context, from source, c access.Caller, ids []string) (map[crm.EmailID]crm.Level, error) {
	out := map[crm.EmailID]crm.Level{}
	if len(ids) == 0 || access.Allow(c, access.MailRead) != nil {
		return out, nil
	}
	v := sightOf(c, 2)
	err := each(ctx, from, "who sees what", func(r scanner) error {
		var id crm.EmailID
		var level crm.Level
		err := r.Scan(&id, &level)
		out[id] = level
		return err
	}, "SELECT e.id, "+v.level+" FROM synced_emails e"+ofBox+" WHERE "+s.d.in("e.id", 1)+" AND e.deleted_at IS NULL AND "+v.where, append([]any{s.d.list(ids)}, v.args...)...)
	return out, err
}

// veil takes from sightings what a caller may not see of their messages.
func (s *Store) veil(ctx context.Context, from source, c access.Caller, list []*crm.Sighting) error {
	var ids []string
	for _, v := range list {
		ids = append(ids, string(v.EmailID))
	}
	slices.Sort(ids)
	levels, err := s.readable(ctx, from, c, slices.Compact(ids))
	if err != nil {
		return err
	}
	for _, v := range list {
		switch levels[v.EmailID] {
		case crm.LevelFull:
		case crm.LevelNone:
			v.Line, v.EmailID = "", ""
		default:
			v.Line = ""
		}
	}
	return nil
}

// ListSuggestions lists what was seen and became of it, the newest first, for
// records that are there.
func (s *Store) ListSuggestions(ctx context.Context, c access.Caller, q enrich.SuggestionQuery) ([]enrich.Suggestion, string, error) {
	at, id, err := readCursor(q.Cursor)
	if err != nil {
		return nil, "", err
	}
	limit := pageLimit(q.Limit)
	from := s.reading("enrich.ListSuggestions")
	where, args := "s.workspace_id = $1 AND s.state = $2", []any{string(c.Workspace), string(q.State), at, id, int64(limit + 1)}
	if q.Record != "" {
		no, err := recordNo(ctx, from, c.Workspace, q.Record)
		if _, err = found(no, err, noRecord); err != nil {
			return nil, "", err
		}
		where, args = where+" AND s.record_no = $6", append(args, no)
	}
	rows, err := all(ctx, from, "list", scanSighting, "SELECT "+sightingColumns+" FROM sightings s JOIN records r ON r.no = s.record_no WHERE "+where+
		" AND (s.seen_at < $3 OR s.seen_at = $3 AND s.id < $4) AND r.deleted_at IS NULL ORDER BY s.seen_at DESC, s.id DESC LIMIT $5", args...)
	if err != nil {
		return nil, "", err
	}
	next := ""
	if len(rows) > limit {
		rows = rows[:limit]
		last := rows[limit-1]
		next = writeCursor(stamp(last.SeenAt), string(last.ID))
	}
	list, err := s.suggestions(ctx, from, c, rows)
	return list, next, err
}

// suggestions are sightings with their records, as the caller sees them.
func (s *Store) suggestions(ctx context.Context, from source, c access.Caller, rows []*sightingRow) ([]enrich.Suggestion, error) {
	nos := make([]int64, len(rows))
	for i, r := range rows {
		nos[i] = r.record
	}
	of := map[int64]*recordRow{}
	err := each(ctx, from, "read records", func(r scanner) error {
		row, err := scanRecord(r)
		if err == nil {
			of[row.no] = row
		}
		return err
	}, "SELECT "+recordColumns+" FROM "+recordFrom+" WHERE r.workspace_id = $1 AND "+s.d.in("r.no", 2), string(c.Workspace), s.d.list(nos))
	if err != nil {
		return nil, err
	}
	var list []enrich.Suggestion
	for _, r := range rows {
		if row := of[r.record]; row != nil { // else it was deleted meanwhile
			list = append(list, suggestionOf(r, row))
		}
	}
	seen := make([]*crm.Sighting, len(list))
	for i := range list {
		seen[i] = &list[i].Sighting
	}
	return list, s.veil(ctx, from, c, seen)
}

func suggestionOf(v *sightingRow, row *recordRow) enrich.Suggestion {
	out := enrich.Suggestion{Sighting: v.Sighting, Record: crm.RecordRef{ID: row.ID, Type: row.Type, Name: row.Name}}
	out.RecordID = row.ID
	out.Current = strings.Join(enrich.Haves(row.Record)[v.Field].Values, ", ")
	return out
}

// Evidence gives the sightings of a record, the newest first.
func (s *Store) Evidence(ctx context.Context, c access.Caller, id crm.RecordID) ([]crm.Sighting, error) {
	const most = 500
	from := s.reading("enrich.Evidence")
	no, err := recordNo(ctx, from, c.Workspace, id)
	if _, err = found(no, err, noRecord); err != nil {
		return nil, err
	}
	rows, err := all(ctx, from, "read", scanSighting, "SELECT "+sightingColumns+" FROM sightings s WHERE s.record_no = $1 AND s.workspace_id = $2 ORDER BY s.seen_at DESC, s.id DESC LIMIT $3",
		no, string(c.Workspace), int64(most))
	if err != nil {
		return nil, err
	}
	list := make([]crm.Sighting, len(rows))
	seen := make([]*crm.Sighting, len(rows))
	for i, r := range rows {
		list[i] = r.Sighting
		list[i].RecordID = id
		seen[i] = &list[i]
	}
	return list, s.veil(ctx, from, c, seen)
}

const noSuggestion = "There is no such suggestion."

// DecideSuggestion accepts or dismisses a suggestion. What is accepted counts as typed by the
// caller; numbers stand beside those that are there.
func (s *Store) DecideSuggestion(ctx context.Context, c access.Caller, id crm.SightingID, accept bool) (enrich.Suggestion, error) {
	var out enrich.Suggestion
	err := s.write(ctx, "enrich.DecideSuggestion", func(t *tx) error {
		no, err := one(ctx, t, "find suggestion", scanInt, "SELECT s.record_no FROM sightings s WHERE s.id = $1 AND s.workspace_id = $2", string(id), string(c.Workspace))
		if _, err = found(no, err, noSuggestion); err != nil {
			return err
		}
		row, err := t.recordLocked(ctx, c.Workspace, no)
		if err == nil && row.DeletedAt != nil {
			err = errNone
		}
		if _, err = found(row, err, noSuggestion); err != nil {
			return err
		}
		v, err := one(ctx, t, "read suggestion", scanSighting, "SELECT "+sightingColumns+" FROM sightings s WHERE s.id = $1", string(id))
		if err != nil {
			return err
		}
		if v.State != crm.SightingSuggested {
			return &fault.Error{Kind: fault.Conflict, Code: "already_decided", Text: "This is no suggestion any more."}
		}
		v.State = crm.SightingDismissed
		if accept {
			v.State = crm.SightingAccepted
			if err := t.accept(ctx, c, row, v); err != nil {
				return err
			}
		}
		if _, err := t.exec(ctx, "decide", "UPDATE sightings SET state = $2, decided_by = $3, decided_at = $4 WHERE id = $1", string(id), string(v.State), string(c.UserID), t.now); err != nil {
			return err
		}
		v.DecidedBy, v.DecidedAt = c.UserID, clockPtr(&t.now)
		var settled enrich.Outcome
		k := keeping{t: t, w: c.Workspace, out: &settled}
		if err := k.recall(ctx, row.no); err != nil {
			return err
		}
		if err := k.settleOne(ctx, row); err != nil {
			return err
		}
		if err := k.save(ctx); err != nil {
			return err
		}
		k.tell()
		out = suggestionOf(v, row)
		return nil
	})
	if err != nil {
		return out, err
	}
	return out, s.veil(ctx, s.reading("enrich.DecideSuggestion"), c, []*crm.Sighting{&out.Sighting})
}

// accept puts a value into its record by somebody's word.
func (t *tx) accept(ctx context.Context, c access.Caller, row *recordRow, v *sightingRow) error {
	var set records.Wish
	if err := t.wish(ctx, row, v, &set); err != nil {
		return err
	}
	by := crm.Source{By: crm.ByMember, UserID: c.UserID, Confidence: v.Confidence, EmailID: v.EmailID}
	if c.Via == access.ViaKey {
		by.By, by.UserID = crm.ByAPI, ""
	}
	if v.Field == enrich.FieldPhone && !records.Deliberate(row.Sources["phones"].By) {
		by.By, by.UserID = crm.ByEnrich, "" // one number that is wanted says nothing of others
	}
	_, err := t.fillRow(ctx, row, by, &set)
	return err
}
