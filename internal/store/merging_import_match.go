package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"rapport/internal/crm"
	"rapport/internal/records/merging"
)

// matched is the record that a row is about, and by what.
type matched struct {
	no  int64
	why string
}

// matchRows finds the records that rows are about: by their id, by an id in another
// system, by an address (companies: a domain), by the name (people: in their company).
func (s *Store) matchRows(ctx context.Context, from source, in merging.Import, rows []merging.Row) (map[int64]matched, error) {
	m := &matching{s: s, from: from, in: in, rows: rows, out: map[int64]matched{}}
	lists, err := s.lists(ctx, from, in.Workspace)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(lists, func(l *recordList) bool { return l.Key == in.Type })
	if at < 0 {
		return m.out, nil
	}
	m.list = lists[at].no
	for _, by := range []func(context.Context) error{m.byID, m.byExternal, m.byAddress, m.byName} {
		if err := by(ctx); err != nil {
			return nil, err
		}
	}
	return m.out, nil
}

type matching struct {
	s    *Store
	from source
	in   merging.Import
	list int64
	rows []merging.Row
	out  map[int64]matched
}

// found notes what rows are about that have no record yet; keys gives what a row is
// looked up by.
func (m *matching) found(by map[string]int64, why string, keys func(merging.Row) []string) {
	for _, row := range m.rows {
		if _, has := m.out[row.Number]; has {
			continue
		}
		for _, key := range keys(row) {
			if no := by[key]; no != 0 {
				m.out[row.Number] = matched{no, fmt.Sprintf(why, key)}
				break
			}
		}
	}
}

// wanted gives what rows without a record are looked up by.
func (m *matching) wanted(keys func(merging.Row) []string) []string {
	seen := map[string]bool{}
	for _, row := range m.rows {
		if _, has := m.out[row.Number]; !has && row.Wrong == "" {
			for _, key := range keys(row) {
				seen[key] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// look reads records by keys, the oldest of each.
func (m *matching) look(ctx context.Context, query string, args ...any) (map[string]int64, error) {
	by := map[string]int64{}
	return by, each(ctx, m.from, "match rows", func(r scanner) error {
		var key string
		var no int64
		err := r.Scan(&key, &no)
		if before := by[key]; before == 0 || no < before {
			by[key] = no
		}
		return err
	}, query, args...)
}

func (m *matching) byID(ctx context.Context) error {
	keys := func(r merging.Row) []string {
		if r.ID == "" {
			return nil
		}
		return []string{clean(string(r.ID))}
	}
	ids := m.wanted(keys)
	if len(ids) == 0 {
		return nil
	}
	by, err := m.look(ctx, "SELECT id, no FROM records WHERE list_no = $1 AND (deleted_at IS NULL OR merged_into <> '') AND "+m.s.d.in("id", 2), m.list, m.s.d.list(ids))
	for id, no := range by {
		if err == nil {
			by[id], err = survivorOf(ctx, m.from, no)
		}
	}
	m.found(by, "Is there by its id.%.0s", keys)
	return err
}

func (m *matching) byExternal(ctx context.Context) error {
	systems := map[string]bool{}
	for _, row := range m.rows {
		for system := range row.Wish.ExternalIDs {
			systems[system] = true
		}
	}
	for _, system := range slices.Sorted(maps.Keys(systems)) {
		keys := func(r merging.Row) []string {
			if id := r.Wish.ExternalIDs[system]; id != "" {
				return []string{clean(id)}
			}
			return nil
		}
		ids := m.wanted(keys)
		if len(ids) == 0 {
			continue
		}
		by, err := m.look(ctx, "SELECT x.external_id, r.no FROM external_ids x JOIN records r ON r.no = x.record_no AND r.deleted_at IS NULL AND r.list_no = $3 WHERE x.workspace_id = $1 AND x.system = $2 AND "+m.s.d.in("x.external_id", 4),
			string(m.in.Workspace), clean(system), m.list, m.s.d.list(ids))
		if err != nil {
			return err
		}
		m.found(by, "Is there by its id in "+strings.ReplaceAll(system, "%", "")+" (%s).", keys)
	}
	return nil
}

func (m *matching) byAddress(ctx context.Context) error {
	emails := func(r merging.Row) []string {
		if r.Wish.Emails == nil {
			return nil
		}
		return keysOf(*r.Wish.Emails, func(c crm.Contact) string { return contactKey("emails", c) })
	}
	domains := func(r merging.Row) []string {
		if r.Wish.Domains == nil {
			return nil
		}
		return *r.Wish.Domains
	}
	for _, q := range []struct {
		table, column, why string
		keys               func(merging.Row) []string
	}{{"record_emails", "key", "Is there with %s.", emails}, {"record_domains", "domain", "Is there with %s.", domains}} {
		values := m.wanted(q.keys)
		if len(values) == 0 {
			continue
		}
		by, err := m.look(ctx, "SELECT x."+q.column+", r.no FROM "+q.table+" x JOIN records r ON r.no = x.record_no AND r.deleted_at IS NULL AND r.list_no = $2 WHERE x.workspace_id = $1 AND "+m.s.d.in("x."+q.column, 3),
			string(m.in.Workspace), m.list, m.s.d.list(values))
		if err != nil {
			return err
		}
		m.found(by, q.why, q.keys)
	}
	return nil
}

func (m *matching) byName(ctx context.Context) error {
	const between = "\x1f"
	person := m.in.Type == crm.Person
	keys := func(r merging.Row) []string {
		name := sortKey(r.Name)
		if name == "" || person && sortKey(r.Company) == "" {
			return nil
		}
		if person {
			return []string{name + between + sortKey(r.Company)}
		}
		return []string{name + between}
	}
	var names []string
	for _, key := range m.wanted(keys) {
		name, _, _ := strings.Cut(key, between)
		names = append(names, name)
	}
	if len(names) == 0 {
		return nil
	}
	by, err := m.look(ctx, "SELECT r.name_key || '"+between+"' || "+map[bool]string{true: "COALESCE(co.name_key, '')", false: "''"}[person]+
		", r.no FROM records r LEFT JOIN records co ON co.no = r.company_no AND co.deleted_at IS NULL WHERE r.list_no = $1 AND r.deleted_at IS NULL AND "+m.s.d.in("r.name_key", 2), m.list, m.s.d.list(slices.Compact(names)))
	why := "Is there by its name.%.0s"
	if person {
		why = "Is there by name and company.%.0s"
	}
	m.found(by, why, keys)
	return err
}
