package store

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/records"
)

// How a list of records is read. Each order has an index, and each filter is probed:
// one that chooses few leads, and what it chooses is sorted; when all choose many, the
// index of the order is walked and each record looked at, and the page is soon full.
// Filters with an index in the order of names are walked by that one.

// fewRecords is how many a filter may choose to lead. PostgreSQL walks an index and reads
// rows about as fast, so that there it is less.
const (
	fewRecords         = 5000
	fewRecordsPostgres = 2000
)

// sortedRecords is how many of these are read and sorted. Of more, SQLite walks the
// index of the order and asks of each number whether it is among them: reading the
// rows, which lie anywhere, would take longer.
const sortedRecords = 800

// recordSort is an order of records.
type recordSort struct {
	name    string   // as it is asked for
	columns []string // the last is the number
	texts   []bool   // which of them are texts
	falls   bool
	index   string
	where   string   // what the index holds
	field   string   // of a type's own, with record_values v
	tagged  []string // its columns beside tags x, where they have them
}

var (
	sortAmount = recordSort{columns: []string{"COALESCE(r.amount_minor, -9223372036854775807)", "r.no"}, texts: []bool{false, false}, index: "records_amount", where: "r.type = 'deal'"}
	sorts      = map[string]recordSort{
		"name":       {columns: []string{"r.name_key", "r.no"}, texts: []bool{true, false}, index: "records_name", tagged: []string{"x.name_key", "x.record_no"}},
		"updated_at": {columns: []string{"r.updated_at", "r.no"}, texts: []bool{false, false}, index: "records_updated", tagged: []string{"x.updated_at", "x.record_no"}},
		"created_at": {columns: []string{"r.created_at", "r.no"}, texts: []bool{false, false}, index: "records_created", tagged: []string{"x.created_at", "x.record_no"}},
		"last_at":    {columns: []string{"r.last_at", "r.no"}, texts: []bool{false, false}, index: "records_last", tagged: []string{"x.last_at", "x.record_no"}},
		"stage":      {columns: []string{"r.stage_rank", "r.name_key", "r.no"}, texts: []bool{false, true, false}, index: "records_stage", where: "r.stage <> ''"},
		"amount":     sortAmount,
		"close_date": {columns: []string{"r.close_date", "r.no"}, texts: []bool{true, false}, index: "records_close", where: "r.type = 'deal'"},
	}
	sortDeleted = recordSort{name: "deleted", columns: []string{"r.deleted_at", "r.no"}, texts: []bool{false, false}, falls: true, index: "records_deleted"}
	sortField   = recordSort{columns: []string{"v.key", "v.record_no"}, texts: []bool{true, false}}
)

// sortOf reads the order that is asked for, of the lists.
func sortOf(q records.Query, lists []*recordList) (recordSort, error) {
	if q.Deleted {
		return sortDeleted, nil
	}
	name := cmp.Or(q.Sort, "name")
	plain, falls := strings.CutPrefix(name, "-")
	one := len(lists) == 1
	sort, known := sorts[plain]
	deals := plain == "amount" || plain == "close_date"
	if plain == "stage" && (!one || lists[0].Key != crm.Person && lists[0].Key != crm.Deal) || deals && (!one || lists[0].Key != crm.Deal) {
		known = false
	}
	if !known && one {
		at := slices.IndexFunc(lists[0].Fields, func(f crm.Field) bool { return f.Key == plain && f.Type != crm.FieldRelation })
		if known = at >= 0; known {
			sort = sortField
			sort.field = plain
		}
	}
	if !known {
		return sort, badField("sort", "is no order of these records")
	}
	sort.name, sort.falls = name, falls
	return sort, nil
}

func badField(field, what string) error {
	return &fault.Error{Kind: fault.Invalid, Text: field + " " + what + ".", Fields: map[string]string{field: what}}
}

// partial is what indexes of filters hold; it has to be said for them to be used.
var partial = map[string]string{"records_stage": "r.stage <> ''", "records_class": "r.class <> ''"}

// listing is one run of a list.
type listing struct {
	s     *Store
	w     crm.WorkspaceID
	q     records.Query
	lists []*recordList
	sort  recordSort

	args  []any
	where []string // on record r
	// A filter that chooses many and whose index is in the order of names.
	index string
	// few are the numbers of records that are chosen among, nil for all.
	few []int64
	// many is how many filters choose many; counted are the records of the first.
	many    int
	counted statement
	// A tag that many have, 0 for none.
	tag     int64
	never   bool
	sources int  // filters that gave few
	exact   bool // the first of them gave what is in the lists, and nothing else
}

// statement is SQL with its parameters.
type statement struct {
	sql  string
	args []any
}

func (l *listing) arg(v any) string {
	l.args = append(l.args, v)
	return parameter(len(l.args))
}

func (l *listing) and(condition string) { l.where = append(l.where, condition) }

// ListRecords gives a page of records.
func (s *Store) ListRecords(ctx context.Context, c access.Caller, q records.Query) (records.Page, error) {
	limit := pageLimit(q.Limit)
	l, err := s.listing(ctx, c, q)
	if err != nil || l.never {
		return records.Page{Records: []crm.Record{}}, err
	}
	after, err := l.cursor(q.Cursor)
	if err != nil {
		return records.Page{}, err
	}
	read := limit + 1
	if l.few != nil && after == nil && len(l.few) <= sortedRecords {
		read = len(l.few) + 1 // all of them: then they are counted, too
	}
	at, err := l.walk(ctx, after, read)
	if err != nil {
		return records.Page{}, err
	}
	page := records.Page{Total: -1}
	if after == nil {
		if page.Total, err = l.total(ctx, len(at)); err != nil {
			return records.Page{}, err
		}
	}
	if len(at) > limit {
		at = at[:limit]
		page.Next = l.writeCursor(at[limit-1])
	}
	nos := make([]int64, len(at))
	for i, p := range at {
		nos[i] = p.no
	}
	page.Records, err = s.recordsShown(ctx, c, s.steady("records.List"), nos)
	return page, err
}

// listing makes a query into SQL, probing its filters.
func (s *Store) listing(ctx context.Context, c access.Caller, q records.Query) (*listing, error) {
	all, err := s.lists(ctx, s.steady("records.List"), c.Workspace)
	if err != nil {
		return nil, err
	}
	l := &listing{s: s, w: c.Workspace, q: q, lists: all}
	if q.Type != "" {
		l.lists = slices.DeleteFunc(slices.Clone(all), func(x *recordList) bool { return x.Key != q.Type })
		standard := slices.ContainsFunc(standardTypes, func(o crm.ObjectType) bool { return o.Key == q.Type })
		if len(l.lists) == 0 && !standard {
			return nil, badField("type", "is no type of records")
		}
		if len(l.lists) == 0 {
			l.lists = []*recordList{{ObjectType: crm.ObjectType{Key: q.Type}}}
			l.never = true
		}
	}
	if l.sort, err = sortOf(q, l.lists); err != nil {
		return nil, err
	}
	l.never = l.never || len(l.lists) == 0
	if err := l.filters(ctx, c); err != nil {
		return nil, err
	}
	return l, nil
}

// recordSpot is where a record stands in an order.
type recordSpot struct {
	no  int64
	key []any
}

// walk gives up to n records behind a recordSpot, in order.
func (l *listing) walk(ctx context.Context, after []any, n int) ([]recordSpot, error) {
	query := l.statement(after, n)
	return all(ctx, l.s.reading("records.List"), "walk", func(r scanner) (recordSpot, error) {
		texts, numbers := make([]string, len(l.sort.columns)), make([]int64, len(l.sort.columns))
		dest := make([]any, len(l.sort.columns))
		for i, text := range l.sort.texts {
			if dest[i] = &numbers[i]; text {
				dest[i] = &texts[i]
			}
		}
		if err := r.Scan(dest...); err != nil {
			return recordSpot{}, err
		}
		at := recordSpot{no: numbers[len(numbers)-1]}
		for i, text := range l.sort.texts {
			if text {
				at.key = append(at.key, texts[i])
			} else {
				at.key = append(at.key, numbers[i])
			}
		}
		return at, nil
	}, query, l.args...)
}

// statement writes the SQL of walk.
func (l *listing) statement(after []any, n int) string {
	names := make([]string, len(l.sort.columns))
	keys, alive := l.sort.columns, l.alive()
	if l.walksTag() {
		keys, alive = l.sort.tagged, "x.deleted_at IS NULL"
	} else if l.tag != 0 {
		l.and("EXISTS (SELECT 1 FROM record_tags x WHERE x.record_no = r.no AND x.tag_no = " + l.arg(l.tag) + ")")
	}
	columns := make([]string, len(l.sort.columns))
	for i, c := range keys {
		names[i] = fmt.Sprintf("k%d", i)
		columns[i] = c + " AS " + names[i]
	}
	direction, beyond := "", ">"
	if l.sort.falls {
		direction, beyond = " DESC", "<"
	}
	order := func(columns []string) string { return " ORDER BY " + strings.Join(columns, direction+", ") + direction }
	where := append([]string{alive}, l.where...)
	if l.sort.where != "" {
		where = append(where, l.sort.where)
	}
	if held := partial[l.index]; l.few == nil && held != "" {
		where = append(where, held)
	}
	if after != nil {
		marks := make([]string, len(after))
		for i, v := range after {
			marks[i] = l.arg(v)
		}
		where = append(where, "("+strings.Join(keys, ", ")+") "+beyond+" ("+strings.Join(marks, ", ")+")")
	}
	columnsOf := "SELECT " + strings.Join(columns, ", ") + " FROM "
	limit := fmt.Sprintf(" LIMIT %d", n)
	if l.walksFew() {
		where = append(where, "("+l.s.d.in("r.no", l.place(l.s.d.list(l.few)))+") IS TRUE") // so that no index of numbers leads
		l.index = ""
	} else if l.few != nil {
		from := "records r"
		if l.sort.field != "" {
			from = "records r JOIN record_values v ON v.record_no = r.no AND v.list_no = r.list_no AND v.field = " + l.arg(l.sort.field)
		}
		return "WITH m AS MATERIALIZED (" + columnsOf + from + " WHERE " + l.s.d.in("r.no", l.place(l.s.d.list(l.few))) + " AND " + l.s.d.in("r.list_no", l.place(l.s.d.list(l.listNos()))) +
			" AND " + strings.Join(where, " AND ") + ") SELECT " + strings.Join(names, ", ") + " FROM m" + order(names) + limit
	}
	arms := make([]string, len(l.lists))
	for i, list := range l.lists {
		from, in := l.from(list)
		arms[i] = columnsOf + from + " WHERE " + in + " AND " + strings.Join(where, " AND ") + order(keys) + limit
	}
	if len(arms) == 1 {
		return arms[0]
	}
	return "SELECT " + strings.Join(names, ", ") + " FROM (SELECT * FROM (" + strings.Join(arms, ") a UNION ALL SELECT * FROM (") + ") a) u" + order(names) + limit
}

// from says what is walked for one list, and the condition that it is of it.
func (l *listing) from(list *recordList) (from, in string) {
	no := l.arg(list.no)
	switch {
	case l.sort.field != "":
		return "record_values v CROSS JOIN records r", "r.no = v.record_no AND v.list_no = " + no + " AND v.field = " + l.arg(l.sort.field)
	case !l.walksTag():
		return "records r" + l.s.d.by(cmp.Or(l.index, l.sort.index)), "r.list_no = " + no
	}
	from = "record_tags x" + l.s.d.by("record_tags"+strings.TrimPrefix(l.sort.index, "records"))
	in = "x.list_no = " + no + " AND x.tag_no = " + l.arg(l.tag)
	if len(l.where) > 0 {
		from, in = from+" CROSS JOIN records r", in+" AND r.no = x.record_no"
	}
	return from, in
}

// walksTag reports whether the records of a tag are walked in the order, which stands
// beside the tag.
func (l *listing) walksTag() bool { return l.tag != 0 && l.few == nil && l.sort.tagged != nil }

// place adds a parameter and gives its number.
func (l *listing) place(v any) int {
	l.args = append(l.args, v)
	return len(l.args)
}

// total counts what the list has, given how many were read of few; -1 for many.
func (l *listing) total(ctx context.Context, read int) (int, error) {
	switch {
	case l.few != nil && len(l.few) <= sortedRecords:
		return read, nil
	case l.few != nil && l.exact && l.sources == 1 && len(l.where) == 0 && l.tag == 0:
		return len(l.few), nil
	case l.few != nil:
		return -1, nil
	case l.q.Deleted && len(l.where) == 0:
		return l.bounded(ctx, statement{"SELECT r.no FROM records r WHERE " + l.s.d.in("r.list_no", 1) + " AND r.deleted_at IS NOT NULL", []any{l.s.d.list(l.listNos())}}, records.MostCounted)
	case l.q.Deleted:
		return -1, nil
	case l.many == 0:
		n := int64(0)
		for _, list := range l.lists {
			n += list.Count
		}
		if n > records.MostCounted {
			return -1, nil
		}
		return int(n), nil
	case l.many == 1:
		return l.bounded(ctx, l.counted, records.MostCounted)
	}
	return -1, nil
}

// bounded counts what a statement chooses, -1 for more than so many.
func (l *listing) bounded(ctx context.Context, st statement, most int) (int, error) {
	n, err := one(ctx, l.s.reading("records.List"), "count", scanInt, fmt.Sprintf("SELECT COUNT(*) FROM (%s LIMIT %d) x", st.sql, most+1), st.args...)
	if n > int64(most) {
		n = -1
	}
	return int(n), err
}

// writeCursor packs where a page ends.
func (l *listing) writeCursor(at recordSpot) string {
	return base64.RawURLEncoding.EncodeToString([]byte(jsonText(append([]any{l.sort.name}, at.key...))))
}

// cursor reads one, nil for the first page.
func (l *listing) cursor(text string) ([]any, error) {
	if text == "" {
		return nil, nil
	}
	bad := &fault.Error{Kind: fault.Invalid, Code: "bad_cursor", Text: "The cursor is not one of this list. Begin again without it."}
	plain, err := base64.RawURLEncoding.DecodeString(text)
	var parts []json.RawMessage
	if err != nil || json.Unmarshal(plain, &parts) != nil || len(parts) != len(l.sort.columns)+1 {
		return nil, bad
	}
	var name string
	if json.Unmarshal(parts[0], &name) != nil || name != l.sort.name {
		return nil, bad
	}
	after := make([]any, len(l.sort.columns))
	for i, isText := range l.sort.texts {
		if isText {
			var v string
			if json.Unmarshal(parts[i+1], &v) != nil {
				return nil, bad
			}
			after[i] = clean(v)
			continue
		}
		var v int64
		if json.Unmarshal(parts[i+1], &v) != nil {
			return nil, bad
		}
		after[i] = v
	}
	return after, nil
}
