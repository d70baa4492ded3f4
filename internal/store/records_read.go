package store

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"rapport/internal/access"
	"rapport/internal/crm"
)

// recordsShown reads records by their numbers, in their order, with what stands beside
// them as a caller sees it. What is not there is left out.
func (s *Store) recordsShown(ctx context.Context, c access.Caller, from source, nos []int64) ([]crm.Record, error) {
	out := make([]crm.Record, 0, len(nos))
	if len(nos) == 0 {
		return out, nil
	}
	rows, err := all(ctx, from, "read records", scanRecord, "SELECT "+recordColumns+" FROM "+recordFrom+" WHERE r.workspace_id = $1 AND "+s.d.in("r.no", 2), string(c.Workspace), s.d.list(nos))
	if err != nil {
		return nil, err
	}
	at := make(map[int64]*recordRow, len(rows))
	for _, r := range rows {
		at[r.no] = r
	}
	if err := s.beside(ctx, c, from, at); err != nil {
		return nil, err
	}
	for _, no := range nos {
		if r := at[no]; r != nil {
			out = append(out, r.Record)
		}
	}
	return out, nil
}

// beside fills in tags, names in other systems, people of deals, and what fields point to.
func (s *Store) beside(ctx context.Context, c access.Caller, from source, at map[int64]*recordRow) error {
	if len(at) == 0 {
		return nil
	}
	nos := s.d.list(slices.Sorted(maps.Keys(at)))
	err := each(ctx, from, "read tags of records", func(row scanner) error {
		var no int64
		var t crm.Tag
		if err := row.Scan(&no, &t.ID, &t.Name, &t.Colour, &t.OwnerID); err != nil {
			return err
		}
		at[no].Tags = append(at[no].Tags, t)
		return nil
	}, "SELECT x.record_no, t.id, t.name, t.colour, t.owner_id FROM record_tags x JOIN tags t ON t.no = x.tag_no WHERE "+s.d.in("x.record_no", 1)+
		" AND t.workspace_id = $2 AND t.owner_id IN ('', $3) ORDER BY t.name_key, t.no", nos, string(c.Workspace), string(c.UserID))
	if err != nil {
		return err
	}
	err = each(ctx, from, "read external ids", func(row scanner) error {
		var no int64
		var system, id string
		if err := row.Scan(&no, &system, &id); err != nil {
			return err
		}
		if at[no].ExternalIDs == nil {
			at[no].ExternalIDs = map[string]string{}
		}
		at[no].ExternalIDs[system] = id
		return nil
	}, "SELECT x.record_no, x.system, x.external_id FROM external_ids x WHERE "+s.d.in("x.record_no", 1), nos)
	if err != nil {
		return err
	}
	if len(at) == 1 { // lists do not show who typed what
		for _, r := range at {
			if err := s.typists(ctx, from, r); err != nil {
				return err
			}
		}
	}
	deals, fields := false, false
	for _, r := range at {
		deals = deals || r.Type == crm.Deal
		fields = fields || len(r.Fields) > 0
	}
	if deals {
		if err := s.dealsBeside(ctx, from, at, nos); err != nil {
			return err
		}
	}
	if !fields {
		return nil
	}
	return s.fieldsBeside(ctx, c, from, at, nos)
}

// typists names who typed the values of a record, those who have left, too.
func (s *Store) typists(ctx context.Context, from source, r *recordRow) error {
	ids := map[string]bool{}
	for _, source := range r.Sources {
		if source.UserID != "" {
			ids[string(source.UserID)] = true
		}
	}
	if len(ids) == 0 {
		return nil
	}
	names := map[crm.UserID]string{}
	err := each(ctx, from, "read who typed", func(row scanner) error {
		var id crm.UserID
		var name string
		err := row.Scan(&id, &name)
		names[id] = name
		return err
	}, "SELECT u.id, u.name FROM users u WHERE "+s.d.in("u.id", 1), s.d.list(slices.Sorted(maps.Keys(ids))))
	for field, source := range r.Sources {
		source.Name = names[source.UserID]
		r.Sources[field] = source
	}
	return err
}

func (s *Store) dealsBeside(ctx context.Context, from source, at map[int64]*recordRow, nos any) error {
	return each(ctx, from, "read people of deals", func(row scanner) error {
		var no int64
		p := crm.DealRole{Person: crm.RecordRef{Type: crm.Person}}
		if err := row.Scan(&no, &p.Person.ID, &p.Person.Name, &p.Role); err != nil {
			return err
		}
		at[no].People = append(at[no].People, p)
		return nil
	}, "SELECT x.deal_no, p.id, p.name, x.role FROM deal_people x JOIN records p ON p.no = x.person_no AND p.deleted_at IS NULL WHERE "+s.d.in("x.deal_no", 1)+" ORDER BY x.place", nos)
}

// fieldsBeside leaves the fields that the types have, and puts names to what they point
// to; what is gone is shown as nothing.
func (s *Store) fieldsBeside(ctx context.Context, c access.Caller, from source, at map[int64]*recordRow, nos any) error {
	lists, err := s.lists(ctx, from, c.Workspace)
	if err != nil {
		return err
	}
	names := map[int64]map[string]crm.RecordRef{}
	err = each(ctx, from, "read relations", func(row scanner) error {
		var no int64
		var field string
		var ref crm.RecordRef
		if err := row.Scan(&no, &field, &ref.ID, &ref.Type, &ref.Name); err != nil {
			return err
		}
		if names[no] == nil {
			names[no] = map[string]crm.RecordRef{}
		}
		names[no][field] = ref
		return nil
	}, "SELECT x.record_no, x.field, t.id, t.type, t.name FROM record_relations x JOIN records t ON t.no = x.target_no AND t.deleted_at IS NULL WHERE "+s.d.in("x.record_no", 1), nos)
	if err != nil {
		return err
	}
	for no, r := range at {
		kept := map[string]json.RawMessage{}
		for _, f := range fieldsOfList(lists, r.list) {
			value, has := r.Fields[f.Key]
			if ref, there := names[no][f.Key]; f.Type == crm.FieldRelation {
				has = has && there
				value = json.RawMessage(jsonText(ref))
			}
			if has {
				kept[f.Key] = value
			}
		}
		r.Fields = kept
	}
	return nil
}

func fieldsOfList(lists []*recordList, no int64) []crm.Field {
	for _, l := range lists {
		if l.no == no {
			return l.Fields
		}
	}
	return nil
}
