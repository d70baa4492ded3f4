package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
)

// recordList is a type of records with the number by which tables know its records.
type recordList struct {
	crm.ObjectType
	no int64
}

const listColumns = "o.no, o.id, o.workspace_id, o.key, o.name, o.plural, o.icon, o.fields, o.standard, o.live, o.created_at, o.deleted_at"

func scanList(r scanner) (*recordList, error) {
	l := &recordList{}
	var fields string
	var created int64
	var deleted *int64
	err := r.Scan(&l.no, &l.ID, &l.WorkspaceID, &l.Key, &l.Name, &l.Plural, &l.Icon, &fields, &l.Standard, &l.Count, &created, &deleted)
	l.CreatedAt, l.DeletedAt = clock(created), clockPtr(deleted)
	return l, errors.Join(err, fromJSON(fields, &l.Fields))
}

// standardTypes are in every workspace.
var standardTypes = []crm.ObjectType{
	{Key: crm.Person, Name: "Person", Plural: "People", Icon: "user", Standard: true},
	{Key: crm.Company, Name: "Company", Plural: "Companies", Icon: "building", Standard: true},
	{Key: crm.Deal, Name: "Deal", Plural: "Deals", Icon: "handshake", Standard: true},
}

const noType = "There is no such type of records."

// lists reads the types of a workspace: those that have a row.
func (s *Store) lists(ctx context.Context, from source, w crm.WorkspaceID) ([]*recordList, error) {
	return all(ctx, from, "read types", scanList, "SELECT "+listColumns+" FROM object_types o WHERE o.workspace_id = $1 AND o.deleted_at IS NULL ORDER BY o.no", string(w))
}

// listOf gives a type of a workspace, making the row of a standard one at its first
// use. fault.NotFound for a type that is none.
func (t *tx) listOf(ctx context.Context, w crm.WorkspaceID, key crm.RecordType) (*recordList, error) {
	wanted := func(l *recordList) bool { return l.WorkspaceID == w && l.Key == key }
	if at := slices.IndexFunc(t.lists, wanted); at >= 0 {
		return t.lists[at], nil
	}
	read := func() error {
		list, err := t.s.lists(ctx, t, w)
		t.lists = append(slices.DeleteFunc(t.lists, func(l *recordList) bool { return l.WorkspaceID == w }), list...)
		return err
	}
	if err := read(); err != nil {
		return nil, err
	}
	if at := slices.IndexFunc(t.lists, wanted); at >= 0 {
		return t.lists[at], nil
	}
	at := slices.IndexFunc(standardTypes, func(o crm.ObjectType) bool { return o.Key == key })
	if at < 0 {
		return nil, &fault.Error{Kind: fault.NotFound, Text: noType}
	}
	o := standardTypes[at]
	_, err := t.exec(ctx, "insert standard type", "INSERT INTO object_types (id, workspace_id, key, name, plural, icon, fields, standard, created_at) VALUES "+marks(1, 9)+" ON CONFLICT DO NOTHING",
		t.s.newID(), string(w), string(o.Key), o.Name, o.Plural, o.Icon, "[]", true, t.now)
	if err == nil {
		err = read()
	}
	if err != nil {
		return nil, err
	}
	if at := slices.IndexFunc(t.lists, wanted); at >= 0 {
		return t.lists[at], nil
	}
	return nil, fault.New(fault.Conflict, "The types of this workspace are being changed. Try again.")
}

// listByNo gives the type of a record.
func (t *tx) listByNo(ctx context.Context, w crm.WorkspaceID, no int64) (*recordList, error) {
	wanted := func(l *recordList) bool { return l.no == no }
	if at := slices.IndexFunc(t.lists, wanted); at >= 0 {
		return t.lists[at], nil
	}
	l, err := one(ctx, t, "read type", scanList, "SELECT "+listColumns+" FROM object_types o WHERE o.no = $1 AND o.workspace_id = $2", no, string(w))
	if err != nil {
		return nil, err
	}
	t.lists = append(t.lists, l)
	return l, nil
}

// ObjectTypes lists the types of a workspace, the standard ones first.
func (s *Store) ObjectTypes(ctx context.Context, w crm.WorkspaceID) ([]crm.ObjectType, error) {
	lists, err := s.lists(ctx, s.reading("records.ObjectTypes"), w)
	if err != nil {
		return nil, err
	}
	if standard := len(slices.DeleteFunc(slices.Clone(lists), func(l *recordList) bool { return !l.Standard })); standard < len(standardTypes) {
		err = s.write(ctx, "records.ObjectTypes", func(t *tx) error {
			for _, o := range standardTypes {
				if _, err := t.listOf(ctx, w, o.Key); err != nil {
					return err
				}
			}
			lists, err = s.lists(ctx, t, w)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	place := func(l *recordList) int {
		at := slices.IndexFunc(standardTypes, func(o crm.ObjectType) bool { return o.Key == l.Key })
		if at < 0 {
			at = len(standardTypes)
		}
		return at
	}
	slices.SortStableFunc(lists, func(a, b *recordList) int { return place(a) - place(b) })
	out := make([]crm.ObjectType, len(lists))
	for i, l := range lists {
		out[i] = l.ObjectType
	}
	return out, nil
}

// ObjectType reads a type.
func (s *Store) ObjectType(ctx context.Context, w crm.WorkspaceID, key crm.RecordType) (crm.ObjectType, error) {
	list, err := s.ObjectTypes(ctx, w)
	if err != nil {
		return crm.ObjectType{}, err
	}
	at := slices.IndexFunc(list, func(o crm.ObjectType) bool { return o.Key == key })
	if at < 0 {
		return crm.ObjectType{}, fault.New(fault.NotFound, noType)
	}
	return list[at], nil
}

// PutObjectType stores a new type.
func (s *Store) PutObjectType(ctx context.Context, o crm.ObjectType, most int, row access.Audit) (crm.ObjectType, error) {
	err := s.write(ctx, "records.PutObjectType", func(t *tx) error {
		if err := s.d.lock(ctx, t, lockOf(o.WorkspaceID, "types", "")); err != nil { // two at once count as two
			return err
		}
		lists, err := s.lists(ctx, t, o.WorkspaceID)
		if err != nil {
			return err
		}
		if len(lists) >= most {
			return &fault.Error{Kind: fault.Conflict, Code: "too_many_types", Text: "This workspace has as many types as it can have. Delete one first."}
		}
		if slices.ContainsFunc(lists, func(l *recordList) bool { return l.Key == o.Key }) {
			return &fault.Error{Kind: fault.Conflict, Code: "key_taken", Text: "There is a type with this key already.", Fields: map[string]string{"key": "is taken"}}
		}
		_, err = t.exec(ctx, "insert type", "INSERT INTO object_types (id, workspace_id, key, name, plural, icon, fields, standard, created_at) VALUES "+marks(1, 9),
			string(o.ID), string(o.WorkspaceID), string(o.Key), clean(o.Name), clean(o.Plural), clean(o.Icon), fieldsText(o.Fields), false, t.now)
		if err != nil {
			return err
		}
		o.CreatedAt = clock(t.now)
		return t.record(ctx, []access.Audit{row})
	})
	return o, err
}

func fieldsText(fields []crm.Field) string {
	if len(fields) == 0 {
		return "[]"
	}
	return clean(jsonText(fields))
}

// listLocked reads a type that the transaction changes.
func (t *tx) listLocked(ctx context.Context, w crm.WorkspaceID, key crm.RecordType) (*recordList, error) {
	if _, err := t.listOf(ctx, w, crm.RecordType(clean(string(key)))); err != nil {
		return nil, err
	}
	l, err := one(ctx, t, "read type", scanList, "SELECT "+listColumns+" FROM object_types o WHERE o.workspace_id = $1 AND o.key = $2 AND o.deleted_at IS NULL"+t.s.d.forUpdate(),
		string(w), clean(string(key)))
	return found(l, err, noType)
}

// ChangeObjectType lets change alter a type. Fields that are new get their rows for
// sorting, with the values that records may have of an earlier field of the same key.
func (s *Store) ChangeObjectType(ctx context.Context, w crm.WorkspaceID, key crm.RecordType, row access.Audit, change func(*crm.ObjectType) error) (crm.ObjectType, error) {
	var after crm.ObjectType
	err := s.write(ctx, "records.ChangeObjectType", func(t *tx) error {
		l, err := t.listLocked(ctx, w, key)
		if err != nil {
			return err
		}
		before := slices.Clone(l.Fields)
		if err := change(&l.ObjectType); err != nil {
			return err
		}
		after = l.ObjectType
		_, err = t.exec(ctx, "save type", "UPDATE object_types SET name = $2, plural = $3, icon = $4, fields = $5 WHERE no = $1", l.no, clean(l.Name), clean(l.Plural), clean(l.Icon), fieldsText(l.Fields))
		if err != nil {
			return err
		}
		if err := t.sortFields(ctx, l, before); err != nil {
			return err
		}
		return t.record(ctx, []access.Audit{row})
	})
	return after, err
}

// sortFields brings record_values in line with the fields of a type.
func (t *tx) sortFields(ctx context.Context, l *recordList, before []crm.Field) error {
	has := func(list []crm.Field, key string) bool {
		return slices.ContainsFunc(list, func(f crm.Field) bool { return f.Key == key })
	}
	for _, f := range before {
		if !has(l.Fields, f.Key) {
			if _, err := t.exec(ctx, "drop values of field", "DELETE FROM record_values WHERE list_no = $1 AND field = $2", l.no, f.Key); err != nil {
				return err
			}
		}
	}
	for _, f := range l.Fields {
		if has(before, f.Key) || f.Type == crm.FieldRelation {
			continue
		}
		_, err := t.exec(ctx, "insert values of field", "INSERT INTO record_values (list_no, field, key, record_no) SELECT r.list_no, CAST($2 AS TEXT), '', r.no FROM records r WHERE r.list_no = $1", l.no, f.Key)
		if err != nil {
			return err
		}
		rows, err := all(ctx, t, "read values of field", scanRecord, "SELECT "+recordColumns+" FROM "+recordFrom+" WHERE r.list_no = $1 AND r.fields LIKE $2 ORDER BY r.no", l.no, `%"`+f.Key+`":%`)
		if err != nil {
			return err
		}
		for _, r := range rows {
			_, err := t.exec(ctx, "save value of field", "UPDATE record_values SET key = $4 WHERE list_no = $1 AND field = $2 AND key = '' AND record_no = $3", l.no, f.Key, r.no, valueKey(f.Type, r.Fields[f.Key]))
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// DropObjectType deletes a type and its records.
func (s *Store) DropObjectType(ctx context.Context, w crm.WorkspaceID, key crm.RecordType, confirm int64, row access.Audit) error {
	return s.write(ctx, "records.DropObjectType", func(t *tx) error {
		l, err := t.listLocked(ctx, w, key)
		if err != nil {
			return err
		}
		if l.Count > 0 && l.Count != confirm {
			return &fault.Error{Kind: fault.Conflict, Code: "confirm_count", Text: fmt.Sprintf("There are %d records of this type. Say so with confirm=%d to delete them, too.", l.Count, l.Count)}
		}
		for {
			rows, err := all(ctx, t, "read records of type", scanRecord, "SELECT "+recordColumns+" FROM "+recordFrom+" WHERE r.list_no = $1 AND r.deleted_at IS NULL ORDER BY r.name_key, r.no LIMIT 500", l.no)
			if err != nil {
				return err
			}
			if len(rows) == 0 {
				break
			}
			if err := t.deleteRecords(ctx, rows, ""); err != nil {
				return err
			}
		}
		if _, err := t.exec(ctx, "delete type", "UPDATE object_types SET deleted_at = $2 WHERE no = $1", l.no, t.now); err != nil {
			return err
		}
		return t.record(ctx, []access.Audit{row})
	})
}
