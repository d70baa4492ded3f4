package records

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
)

// Service keeps records, their types, tags, notes and tasks. All fields are required.
type Service struct {
	Store  Store
	Now    func() time.Time
	Random io.Reader
	Log    *slog.Logger
}

// Fields are values by the names of the API, in JSON: null takes away, what is absent
// stays. Names of fields, with their forms, are those of Checker.Wish.
type Fields map[string]json.RawMessage

// CodeChanged is the code of the fault for a record or task that changed since it was
// read.
const CodeChanged = "changed_meanwhile"

func changedMeanwhile() error {
	return &fault.Error{Kind: fault.Conflict, Code: CodeChanged, Text: "Somebody has changed this meanwhile. Read it again, then change it."}
}

// source is how a caller fills fields.
func (s *Service) source(c access.Caller) crm.Source {
	if c.Via == access.ViaKey {
		return crm.Source{By: crm.ByAPI, At: s.Now()}
	}
	return crm.Source{By: crm.ByMember, UserID: c.UserID, At: s.Now()}
}

// maker is how a caller makes records.
func (s *Service) maker(c access.Caller) crm.Maker {
	return crm.Maker{By: s.source(c).By, UserID: c.UserID, KeyID: c.KeyID}
}

// act is the audit row of something a caller does.
func (s *Service) act(c access.Caller, action, target, detail string) access.Audit {
	return access.Audit{
		At: s.Now(), Workspace: c.Workspace, UserID: c.UserID, KeyID: c.KeyID, Via: c.Via,
		Action: action, Target: target, Outcome: "ok", Detail: detail, Remote: c.Remote,
	}
}

// checker checks values for a workspace.
func (s *Service) checker(ctx context.Context, w crm.WorkspaceID) (Checker, error) {
	region, err := s.Store.Region(ctx, w)
	return Checker{Region: region}, wrap("reading the region", err)
}

// mine puts the caller in the place of "me" in a field that names a member.
func (in Fields) mine(c access.Caller, field string) Fields {
	if string(in[field]) != `"me"` {
		return in
	}
	out := maps.Clone(in)
	out[field] = json.RawMessage(`"` + string(c.UserID) + `"`)
	return out
}

const maxQuery = 200

// List gives a page of records.
func (s *Service) List(ctx context.Context, c access.Caller, q Query) (Page, error) {
	if err := access.Allow(c, access.RecordsRead); err != nil {
		return Page{}, err
	}
	q, err := chosen(c, q)
	if err != nil {
		return Page{}, err
	}
	page, err := s.Store.ListRecords(ctx, c, q)
	return page, wrap("listing records", err)
}

// chosen checks a query, and puts the caller in the place of "me".
func chosen(c access.Caller, q Query) (Query, error) {
	if utf8.RuneCountInString(q.Q) > maxQuery {
		return q, invalid("q", fmt.Sprintf("must have at most %d characters", maxQuery))
	}
	switch q.Owner {
	case "me":
		q.Owner = c.UserID
	case "none":
		q.Owner, q.NoOwner = "", true
	}
	if q.Email != "" {
		address, wrong := Checker{}.Email(q.Email)
		if wrong != "" {
			return q, invalid("email", wrong)
		}
		q.Email = address.Value
	}
	return q, nil
}

// mostMerged is how often a record is followed to where it was merged into.
const mostMerged = 100

// One reads a record. One that was merged into another is that one.
func (s *Service) One(ctx context.Context, c access.Caller, id crm.RecordID) (crm.Record, error) {
	if err := access.Allow(c, access.RecordsRead); err != nil {
		return crm.Record{}, err
	}
	r, err := s.Store.RecordOf(ctx, c, id)
	for range mostMerged {
		if err != nil || r.MergedInto == "" {
			break
		}
		r, err = s.Store.RecordOf(ctx, c, r.MergedInto)
	}
	return r, wrap("reading the record", err)
}

// Create makes a record.
func (s *Service) Create(ctx context.Context, c access.Caller, kind crm.RecordType, in Fields) (crm.Record, error) {
	if err := access.Allow(c, access.RecordsWrite); err != nil {
		return crm.Record{}, err
	}
	k, err := s.checker(ctx, c.Workspace)
	if err != nil {
		return crm.Record{}, err
	}
	r, err := s.Store.CreateRecord(ctx, c, NewRecord{Type: kind, Maker: s.maker(c), By: s.source(c), Wish: func(o crm.ObjectType) (Wish, error) {
		return k.Wish(o, in.mine(c, "owner_id"), true)
	}}, s.act(c, "record.create", "", string(kind)))
	return r, wrap("making the record", err)
}

// Change alters a record. With a version, nothing changes unless that is still its
// version (CodeChanged).
func (s *Service) Change(ctx context.Context, c access.Caller, id crm.RecordID, version int64, in Fields) (crm.Record, error) {
	if err := access.Allow(c, access.RecordsWrite); err != nil {
		return crm.Record{}, err
	}
	k, err := s.checker(ctx, c.Workspace)
	if err != nil {
		return crm.Record{}, err
	}
	r, err := s.Store.ChangeRecord(ctx, c, id, s.source(c), s.act(c, "record.change", string(id), names(in)), func(r crm.Record, o crm.ObjectType) (Wish, error) {
		if err := changeable(r, version); err != nil {
			return Wish{}, err
		}
		return k.Wish(o, in.mine(c, "owner_id"), false)
	})
	return r, wrap("changing the record", err)
}

// changeable refuses what was deleted, and what is not at a version any more.
func changeable(r crm.Record, version int64) error {
	switch {
	case r.MergedInto != "":
		return &fault.Error{Kind: fault.Conflict, Code: "merged", Text: "This record was merged into another. Change that one.", Fields: map[string]string{"merged_into": string(r.MergedInto)}}
	case r.DeletedAt != nil:
		return &fault.Error{Kind: fault.Conflict, Code: "deleted", Text: "This record was deleted. Restore it first."}
	case version != 0 && version != r.Version:
		return changedMeanwhile()
	}
	return nil
}

// names gives the fields of a request for the audit trail, in order.
func names(in Fields) string {
	list := slices.Sorted(maps.Keys(in))
	return strings.Join(list[:min(len(list), 30)], " ")
}

// Delete deletes a record; it can be restored.
func (s *Service) Delete(ctx context.Context, c access.Caller, id crm.RecordID, version int64) error {
	if err := access.Allow(c, access.RecordsWrite); err != nil {
		return err
	}
	err := s.Store.DeleteRecord(ctx, c, id, s.act(c, "record.delete", string(id), ""), func(r crm.Record) error {
		if version != 0 && version != r.Version {
			return changedMeanwhile()
		}
		return nil
	})
	return wrap("deleting the record", err)
}

// Restore brings back a record that was deleted.
func (s *Service) Restore(ctx context.Context, c access.Caller, id crm.RecordID) (crm.Record, error) {
	if err := access.Allow(c, access.RecordsWrite); err != nil {
		return crm.Record{}, err
	}
	r, err := s.Store.RestoreRecord(ctx, c, id, s.act(c, "record.restore", string(id), ""))
	return r, wrap("restoring the record", err)
}

// Upsert makes the record that another system calls by an id, or changes it; made says
// which. kind is of need for a new one only; a record of another type is fault.Conflict.
func (s *Service) Upsert(ctx context.Context, c access.Caller, system, external string, kind crm.RecordType, version int64, in Fields) (r crm.Record, made bool, err error) {
	if err := access.Allow(c, access.RecordsWrite); err != nil {
		return crm.Record{}, false, err
	}
	if field, wrong := CheckExternal(system, external); wrong != "" {
		return crm.Record{}, false, invalid(field, wrong)
	}
	for range 3 { // others may make, or delete, it meanwhile
		r, err = s.Store.RecordByExternal(ctx, c, system, external)
		switch {
		case err == nil && kind != "" && kind != r.Type:
			return crm.Record{}, false, &fault.Error{Kind: fault.Conflict, Code: "other_type", Text: "The record with this id is a " + string(r.Type) + "."}
		case err == nil:
			r, err = s.Change(ctx, c, r.ID, version, in)
		case fault.Is(err, fault.NotFound) && kind == "":
			return crm.Record{}, false, invalid("type", "is required for a new record")
		case fault.Is(err, fault.NotFound):
			r, err = s.Create(ctx, c, kind, in.called(system, external))
			made = true
		}
		var f *fault.Error
		if !asFault(err, &f) || f.Code != CodeTaken && f.Code != "deleted" {
			break
		}
		made = false
	}
	return r, made && err == nil, err
}

// called adds the name of a record in another system.
func (in Fields) called(system, id string) Fields {
	out := maps.Clone(in)
	if out == nil {
		out = Fields{}
	}
	names := map[string]json.RawMessage{}
	if raw, given := out["external_ids"]; given && json.Unmarshal(raw, &names) != nil {
		return out // told as a mistake when it is checked
	}
	text, err := json.Marshal(id)
	if err != nil {
		return out
	}
	names[system] = text
	if raw, err := json.Marshal(names); err == nil {
		out["external_ids"] = raw
	}
	return out
}

// CodeTaken is the code of the fault for an external id that another record has.
const CodeTaken = "external_id_taken"

// Counts gives the number of records of each type.
func (s *Service) Counts(ctx context.Context, c access.Caller) (map[crm.RecordType]int64, error) {
	if err := access.Allow(c, access.RecordsRead); err != nil {
		return nil, err
	}
	list, err := s.Store.ObjectTypes(ctx, c.Workspace)
	if err != nil {
		return nil, wrap("counting records", err)
	}
	counts := make(map[crm.RecordType]int64, len(list))
	for _, o := range list {
		counts[o.Key] = o.Count
	}
	return counts, nil
}

// ChangeMany changes many records at once, all or none, and can be undone.
func (s *Service) ChangeMany(ctx context.Context, c access.Caller, m Many, set Fields) (Changed, error) {
	if err := access.Allow(c, access.RecordsWrite); err != nil {
		return Changed{}, err
	}
	for field := range set {
		if field != "owner_id" && field != "stage" && field != "class" {
			return Changed{}, invalid("set."+field, "cannot be set for many at once")
		}
	}
	nothing := len(set) == 0 && len(m.Add) == 0 && len(m.Remove) == 0 && !m.Delete
	switch {
	case (len(m.IDs) == 0) == (m.All == nil):
		return Changed{}, invalid("ids", "or all must be given, one of them")
	case len(m.IDs) > 500:
		return Changed{}, invalid("ids", "must have at most 500")
	case nothing:
		return Changed{}, invalid("set", "must not be empty when nothing else is asked for")
	case m.Delete && (len(set) > 0 || len(m.Add) > 0 || len(m.Remove) > 0):
		return Changed{}, invalid("delete", "stands alone")
	case len(m.Add) > maxTags || len(m.Remove) > maxTags:
		return Changed{}, invalid("add_tags", fmt.Sprintf("and remove_tags must have at most %d", maxTags))
	}
	if m.All != nil {
		q, err := chosen(c, *m.All)
		if err != nil {
			return Changed{}, err
		}
		if q.Deleted {
			return Changed{}, invalid("all.deleted", "cannot be changed: restore them first")
		}
		m.All = &q
	}
	wish, err := manyWish(set.mine(c, "owner_id"))
	if err != nil {
		return Changed{}, err
	}
	m.Set = wish
	detail := names(set)
	if m.Delete {
		detail = "delete"
	}
	done, err := s.Store.ChangeRecords(ctx, c, m, s.source(c), s.act(c, "records.change", "", detail))
	return done, wrap("changing records", err)
}

// manyWish reads what is set for many: a stage is one of people's or deals', and the
// store refuses it for records of which it is none.
func manyWish(set Fields) (Wish, error) {
	c := &checking{in: set, wrong: map[string]string{}}
	w := Wish{Owner: (*crm.UserID)(c.id("owner_id")), Stage: c.text("stage", maxText, false)}
	c.class(&w)
	if w.Stage != nil && !slices.Contains(crm.PersonStages, *w.Stage) && !slices.Contains(crm.DealStages, *w.Stage) {
		c.mistake("stage", "must be one of "+strings.Join(append(slices.Clone(crm.PersonStages), crm.DealStages...), ", "))
	}
	if len(c.wrong) > 0 {
		return Wish{}, Invalid(c.wrong)
	}
	return w, nil
}

// Undo puts back what ChangeMany did, but for what was changed since.
func (s *Service) Undo(ctx context.Context, c access.Caller, id crm.RecordChangeID) (Changed, error) {
	if err := access.Allow(c, access.RecordsWrite); err != nil {
		return Changed{}, err
	}
	done, err := s.Store.UndoRecords(ctx, c, id, s.act(c, "records.undo", string(id), ""))
	return done, wrap("undoing a change of records", err)
}

func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}
