package store

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/link"
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
	where   string // what the index holds
	field   string // of a type's own, with record_values v
}

var (
	sortAmount = recordSort{columns: []string{"COALESCE(r.amount_minor, -9223372036854775807)", "r.no"}, texts: []bool{false, false}, index: "records_amount", where: "r.type = 'deal'"}
	sorts      = map[string]recordSort{
		"name":       {columns: []string{"r.name_key", "r.no"}, texts: []bool{true, false}, index: "records_name"},
		"updated_at": {columns: []string{"r.updated_at", "r.no"}, texts: []bool{false, false}, index: "records_updated"},
		"created_at": {columns: []string{"r.created_at", "r.no"}, texts: []bool{false, false}, index: "records_created"},
		"last_at":    {columns: []string{"r.last_at", "r.no"}, texts: []bool{false, false}, index: "records_last"},
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
	page.Records, err = s.recordsShown(ctx, c, s.reading("records.List"), nos)
	return page, err
}

// listing makes a query into SQL, probing its filters.
func (s *Store) listing(ctx context.Context, c access.Caller, q records.Query) (*listing, error) {
	all, err := s.lists(ctx, s.reading("records.List"), c.Workspace)
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

// filters adds what the query asks for, what is likely to choose few first.
func (l *listing) filters(ctx context.Context, c access.Caller) error {
	q := l.q
	for _, f := range []struct {
		asked bool
		do    func(context.Context) error
	}{
		{q.External != "", func(ctx context.Context) error {
			return l.probe(ctx, statement{"SELECT x.record_no FROM external_ids x WHERE x.workspace_id = $1 AND x.system = $2 AND x.external_id = $3", []any{string(l.w), clean(q.System), clean(q.External)}}, "", nil)
		}},
		{q.Email != "", func(ctx context.Context) error {
			return l.probe(ctx, statement{"SELECT x.record_no FROM record_emails x WHERE x.workspace_id = $1 AND x.key = $2", []any{string(l.w), link.Key(clean(q.Email))}}, "", nil)
		}},
		{q.Deal != "", func(ctx context.Context) error {
			return l.probe(ctx, statement{"SELECT x.person_no FROM records d JOIN deal_people x ON x.deal_no = d.no WHERE d.id = $1 AND d.workspace_id = $2 AND d.deleted_at IS NULL",
				[]any{clean(string(q.Deal)), string(l.w)}}, "", nil)
		}},
		{q.Person != "", func(ctx context.Context) error {
			return l.probe(ctx, statement{"SELECT x.deal_no FROM records p JOIN deal_people x ON x.person_no = p.no WHERE p.id = $1 AND p.workspace_id = $2 AND p.deleted_at IS NULL",
				[]any{clean(string(q.Person)), string(l.w)}}, "", nil)
		}},
		{q.Company != "", l.byCompany},
		{q.Tag != "", func(ctx context.Context) error { return l.byTag(ctx, c) }},
		{len(q.Fields) > 0, l.byFields},
		{strings.TrimSpace(q.Q) != "", l.byWords},
		{q.Owner != "" || q.NoOwner, func(ctx context.Context) error {
			return l.byColumn(ctx, "records_owner", "owner_id", string(q.Owner))
		}},
		{q.Class != "", func(ctx context.Context) error {
			return l.byColumn(ctx, "records_class", "class", q.Class)
		}},
		{q.Stage != "", l.byStage},
		{q.CreatedBy != "", func(ctx context.Context) error {
			return l.byColumn(ctx, "records_maker", "maker", string(q.CreatedBy))
		}},
	} {
		if !f.asked || l.never {
			continue
		}
		if err := f.do(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (l *listing) listNos() []int64 {
	nos := make([]int64, len(l.lists))
	for i, x := range l.lists {
		nos[i] = x.no
	}
	return nos
}

// probe looks whether a filter chooses few. If so they are what is chosen among;
// otherwise each record is asked: condition adds its parameters, and gives its text.
// Without one the filter never chooses many.
func (l *listing) probe(ctx context.Context, st statement, index string, condition func() (string, error)) error {
	if condition != nil {
		most := l.mostFew()
		if index != "" && l.sort.index == "records_name" && l.few == nil {
			most = sortedRecords // its index has them in order
		}
		n, err := l.bounded(ctx, st, most)
		if err != nil {
			return err
		}
		if n < 0 {
			text, err := condition()
			l.frequent(st, index, text)
			return err
		}
	}
	found, err := all(ctx, l.s.reading("records.List"), "probe", scanInt, st.sql+fmt.Sprintf(" LIMIT %d", 2*fewRecords), st.args...)
	if err != nil {
		return err
	}
	l.among(found)
	l.exact = condition != nil
	return nil
}

// mostFew is how many a filter may choose to lead here.
func (l *listing) mostFew() int {
	if l.s.d.by("") == "" {
		return fewRecordsPostgres
	}
	return fewRecords
}

// frequent asks a condition of each record.
func (l *listing) frequent(st statement, index, condition string) {
	l.and(condition)
	if index != "" && l.index == "" && l.sort.index == "records_name" {
		l.index = index
	}
	if l.many++; l.many == 1 {
		l.counted = st
	}
}

// among narrows the list to some numbers.
func (l *listing) among(found []int64) {
	l.sources++
	if l.few == nil {
		l.few = append([]int64{}, found...)
	} else {
		slices.Sort(found)
		l.few = slices.DeleteFunc(l.few, func(no int64) bool { _, has := slices.BinarySearch(found, no); return !has })
	}
	l.never = len(l.few) == 0
}

// walksFew reports whether few are looked for along the index of the order.
func (l *listing) walksFew() bool {
	return len(l.few) > sortedRecords && len(l.lists) == 1 && l.sort.field == ""
}

// alive is the condition that a record is in the list.
func (l *listing) alive() string {
	if l.q.Deleted {
		return "r.deleted_at IS NOT NULL"
	}
	return "r.deleted_at IS NULL"
}

// byColumn chooses by a column with an index.
func (l *listing) byColumn(ctx context.Context, index, column, value string) error {
	condition := func() (string, error) { return "r." + column + " = " + l.arg(clean(value)), nil }
	if l.q.Deleted {
		text, err := condition()
		l.and(text)
		return err
	}
	held := ""
	if p := partial[index]; p != "" {
		held = " AND " + p
	}
	in, nos, order := l.s.d.in("r.list_no", 1), l.s.d.list(l.listNos()), ""
	if len(l.lists) == 1 { // in the order of the index, so that PostgreSQL reads no more than it has to give
		in, nos, order = "r.list_no = $1", l.lists[0].no, " ORDER BY r.name_key"
	}
	return l.probe(ctx, statement{"SELECT r.no FROM records r" + l.s.d.by(index) + " WHERE " + in + " AND r." + column + " = $2" + held + " AND r.deleted_at IS NULL" + order,
		[]any{nos, clean(value)}}, index, condition)
}

func (l *listing) byCompany(ctx context.Context) error {
	no, err := recordNo(ctx, l.s.reading("records.List"), l.w, crm.RecordID(clean(string(l.q.Company))))
	if errors.Is(err, errNone) {
		l.never = true
		return nil
	}
	if err != nil {
		return err
	}
	return l.probe(ctx, statement{"SELECT r.no FROM records r WHERE r.company_no = $1 AND " + l.s.d.in("r.list_no", 2) + " AND " + l.alive(), []any{no, l.s.d.list(l.listNos())}},
		"records_company", func() (string, error) { return "r.company_no = " + l.arg(no), nil })
}

func (l *listing) byTag(ctx context.Context, c access.Caller) error {
	no, err := one(ctx, l.s.reading("records.List"), "find tag", scanInt, "SELECT no FROM tags WHERE id = $1 AND workspace_id = $2 AND owner_id IN ('', $3)",
		clean(string(l.q.Tag)), string(l.w), string(c.UserID))
	if errors.Is(err, errNone) {
		l.never = true
		return nil
	}
	if err != nil {
		return err
	}
	st := statement{"SELECT x.record_no FROM record_tags x WHERE x.tag_no = $1", []any{no}}
	err = l.probe(ctx, st, "", func() (string, error) {
		l.uncounted()
		return l.has(ctx, st, "(SELECT 1 FROM record_tags x WHERE x.record_no = r.no AND x.tag_no = "+l.arg(no)+")")
	})
	l.exact = false // deleted ones keep theirs
	return err
}

// mostGathered is how many records a database may gather to ask each record of an
// order whether it is one of them. Of more, the page is full before that pays.
const mostGathered = 30_000

// has asks of each record whether a query about it gives any; st chooses all of which
// it does.
func (l *listing) has(ctx context.Context, st statement, query string) (string, error) {
	if !l.s.d.gathers() {
		return "EXISTS " + query, nil
	}
	n, err := l.bounded(ctx, st, mostGathered)
	if err != nil || n < 0 {
		return "EXISTS " + query, err
	}
	return "(EXISTS " + query + ") IS TRUE", nil
}

// uncounted says that the list is not counted: a filter that chooses many would have to
// be asked for each of them.
func (l *listing) uncounted() { l.many++ }

func (l *listing) byFields(ctx context.Context) error {
	if l.q.Type == "" {
		return badField("type", "must be given with fields")
	}
	for _, key := range slices.Sorted(maps.Keys(l.q.Fields)) {
		at := slices.IndexFunc(l.lists[0].Fields, func(f crm.Field) bool { return f.Key == key })
		if at < 0 {
			return badField("field."+clean(key[:min(len(key), 64)]), "is no field of these records")
		}
		var err error
		if f := l.lists[0].Fields[at]; f.Type == crm.FieldRelation {
			err = l.probe(ctx, statement{"SELECT x.record_no FROM records t JOIN record_relations x ON x.target_no = t.no AND x.field = $1 WHERE t.id = $2 AND t.workspace_id = $3",
				[]any{key, clean(l.q.Fields[key]), string(l.w)}}, "", nil)
		} else {
			err = l.byValue(ctx, f, clean(l.q.Fields[key]))
		}
		if err != nil || l.never {
			return err
		}
	}
	return nil
}

// byValue chooses by the value of a field, given as text.
func (l *listing) byValue(ctx context.Context, f crm.Field, text string) error {
	raw := json.RawMessage(jsonText(text))
	switch f.Type {
	case crm.FieldNumber:
		raw = json.RawMessage(text)
	case crm.FieldMoney:
		raw = json.RawMessage(`{"minor":` + text + `}`)
	}
	key := valueKey(f.Type, raw)
	if key == "" && text != "" {
		return badField("field."+f.Key, "has no such value")
	}
	list := l.lists[0].no
	defer func() { l.exact = false }() // deleted ones keep theirs
	st := statement{"SELECT x.record_no FROM record_values x WHERE x.list_no = $1 AND x.field = $2 AND x.key = $3", []any{list, f.Key, key}}
	return l.probe(ctx, st, "", func() (string, error) {
		l.uncounted()
		return l.has(ctx, st, "(SELECT 1 FROM record_values x WHERE x.record_no = r.no AND x.list_no = "+l.arg(list)+" AND x.field = "+l.arg(f.Key)+" AND x.key = "+l.arg(key)+")")
	})
}

func (l *listing) byStage(ctx context.Context) error {
	stage := clean(l.q.Stage)
	rank := int64(0)
	if l.q.Type != "" {
		rank = stageRank(l.lists[0].Key, stage)
	}
	if rank == 0 || l.q.Deleted {
		l.and("r.stage = " + l.arg(stage))
		l.uncounted()
		l.uncounted()
		return nil
	}
	list := l.lists[0].no
	return l.probe(ctx, statement{"SELECT r.no FROM records r" + l.s.d.by("records_stage") + " WHERE r.list_no = $1 AND r.stage_rank = $2 AND r.stage <> '' AND r.deleted_at IS NULL ORDER BY r.name_key", []any{list, rank}},
		"records_stage", func() (string, error) { return "r.stage_rank = " + l.arg(rank), nil })
}

// mostAsked is how many words of a search count.
const mostAsked = 8

// byWords chooses records that have a word for each beginning.
func (l *listing) byWords(ctx context.Context) error {
	beginnings := askedWords(clean(l.q.Q))
	if len(beginnings) == 0 {
		l.never = true
		return nil
	}
	condition := func() string {
		parts := make([]string, len(beginnings))
		for i, b := range beginnings {
			parts[i] = "r.words LIKE " + l.arg("% "+b+"%")
		}
		return strings.Join(parts, " AND ")
	}
	if l.q.Deleted { // what is deleted is not in the index
		l.and(condition())
		return nil
	}
	look := func(beginnings []string, whole bool) statement {
		return statement{l.s.d.recordMatches(1), []any{l.s.d.recordQuery(l.listNos(), beginnings, whole)}}
	}
	if len(beginnings) > 1 { // one that is rare leads, and saves the index from what is frequent
		few, err := l.chosenFew(ctx, look([]string{rarest(beginnings)}, false))
		if err != nil {
			return err
		}
		if few != nil {
			l.among(few)
			l.and(condition())
			return nil
		}
	}
	if slices.ContainsFunc(beginnings, func(b string) bool { return len(b) > 3 }) {
		// The index gathers all that begins with a longer beginning before it gives
		// any; of whole words it gives one after the other.
		n, err := l.bounded(ctx, look(beginnings, true), records.MostCounted)
		if err != nil {
			return err
		}
		if n < 0 {
			l.and(condition())
			l.uncounted() // there are more than are counted
			l.uncounted()
			return nil
		}
	}
	return l.probe(ctx, look(beginnings, false), "", func() (string, error) { return condition(), nil })
}

// chosenFew gives what a statement chooses if that is few, nil otherwise.
func (l *listing) chosenFew(ctx context.Context, st statement) ([]int64, error) {
	n, err := l.bounded(ctx, st, l.mostFew())
	if err != nil || n < 0 {
		return nil, err
	}
	found, err := all(ctx, l.s.reading("records.List"), "probe", scanInt, st.sql+fmt.Sprintf(" LIMIT %d", fewRecords), st.args...)
	return append([]int64{}, found...), err
}

// rarest guesses which beginning of several is that of the fewest words: one with
// digits, or the longest.
func rarest(beginnings []string) string {
	weight := func(b string) int {
		if strings.ContainsAny(b, "0123456789") {
			return 2 * len(b)
		}
		return len(b)
	}
	return slices.MaxFunc(beginnings, func(a, b string) int { return weight(a) - weight(b) })
}

// askedWords gives the beginnings of words that a search asks for. A telephone number
// is one word, however it is written.
func askedWords(q string) []string {
	digits := strings.Map(func(r rune) rune {
		switch {
		case '0' <= r && r <= '9':
			return r
		case strings.ContainsRune("+-/(). ", r):
			return -1
		}
		return 'x'
	}, strings.TrimSpace(q))
	if len(digits) >= 5 && !strings.Contains(digits, "x") {
		return []string{strings.TrimLeft(digits, "0")}
	}
	return foldedWords(q, mostAsked)
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
	columns := make([]string, len(l.sort.columns))
	for i, c := range l.sort.columns {
		names[i] = fmt.Sprintf("k%d", i)
		columns[i] = c + " AS " + names[i]
	}
	direction, beyond := "", ">"
	if l.sort.falls {
		direction, beyond = " DESC", "<"
	}
	order := func(columns []string) string { return " ORDER BY " + strings.Join(columns, direction+", ") + direction }
	where := append([]string{l.alive()}, l.where...)
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
		where = append(where, "("+strings.Join(l.sort.columns, ", ")+") "+beyond+" ("+strings.Join(marks, ", ")+")")
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
		no := l.arg(list.no)
		from, in := "records r"+l.s.d.by(cmp.Or(l.index, l.sort.index)), "r.list_no = "+no
		if l.sort.field != "" {
			from, in = "record_values v CROSS JOIN records r", "r.no = v.record_no AND v.list_no = "+no+" AND v.field = "+l.arg(l.sort.field)
		}
		arms[i] = columnsOf + from + " WHERE " + in + " AND " + strings.Join(where, " AND ") + order(l.sort.columns) + limit
	}
	if len(arms) == 1 {
		return arms[0]
	}
	return "SELECT " + strings.Join(names, ", ") + " FROM (SELECT * FROM (" + strings.Join(arms, ") a UNION ALL SELECT * FROM (") + ") a) u" + order(names) + limit
}

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
	case l.few != nil && l.exact && l.sources == 1 && len(l.where) == 0:
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
