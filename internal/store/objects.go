package store

import (
	"context"
	"errors"
	"slices"

	"rapport/internal/crm"
	"rapport/internal/fault"
)

// recordList is a type of records with the number by which tables know its records.
type recordList struct {
	crm.ObjectType
	no int64
}

const listColumns = "o.no, o.id, o.workspace_id, o.key, o.name, o.plural, o.icon, o.fields, o.standard, o.live, o.created_at"

func scanList(r scanner) (*recordList, error) {
	l := &recordList{}
	var fields string
	var created int64
	err := r.Scan(&l.no, &l.ID, &l.WorkspaceID, &l.Key, &l.Name, &l.Plural, &l.Icon, &fields, &l.Standard, &l.Count, &created)
	l.CreatedAt = clock(created)
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
