package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/link"
)

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
func (l *listing) probe(ctx context.Context, st statement, index string, condition func() string) error {
	if condition == nil {
		return l.take(ctx, st)
	}
	most := l.mostFew()
	if index != "" && l.sort.index == "records_name" && l.few == nil {
		most = sortedRecords // its index has them in order
	}
	n, err := l.bounded(ctx, st, most)
	if err != nil {
		return err
	}
	if n < 0 {
		l.frequent(st, index, condition())
		return nil
	}
	l.exact = true
	return l.take(ctx, st)
}

// take has what a statement chooses chosen among.
func (l *listing) take(ctx context.Context, st statement) error {
	found, err := all(ctx, l.s.reading("records.List"), "probe", scanInt, st.sql+fmt.Sprintf(" LIMIT %d", 2*fewRecords), st.args...)
	if err == nil {
		l.among(found)
	}
	return err
}

// mostGathered is how many records a database may gather to ask each record of an
// order whether it is one of them. Of more, the page is full before that pays.
const mostGathered = 30_000

// beside are rows x of a table beside the records. where gives the condition on them,
// with its parameters named by arg.
type beside struct {
	table string
	where func(arg func(any) string) string
}

// probeRows is probe for records that have a row beside them. What deleted ones have is
// chosen too, so that nothing is counted.
func (l *listing) probeRows(ctx context.Context, b beside) error {
	var st statement
	st.sql = "SELECT x.record_no FROM " + b.table + " x WHERE " + b.where(func(v any) string {
		st.args = append(st.args, v)
		return parameter(len(st.args))
	})
	most := l.mostFew()
	if l.s.d.gathers() {
		most = mostGathered
	}
	n, err := l.bounded(ctx, st, most)
	if err != nil {
		return err
	}
	if 0 <= n && n <= l.mostFew() {
		return l.take(ctx, st)
	}
	condition := "EXISTS (SELECT 1 FROM " + b.table + " x WHERE x.record_no = r.no AND " + b.where(l.arg) + ")"
	if n >= 0 {
		condition = "(" + condition + ") IS TRUE"
	}
	l.uncounted()
	l.frequent(st, "", condition)
	return nil
}

// mostFew is how many a filter may choose to lead here.
func (l *listing) mostFew() int {
	if l.s.d.gathers() {
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
	condition := func() string { return "r." + column + " = " + l.arg(clean(value)) }
	if l.q.Deleted {
		l.and(condition())
		return nil
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
	no, err := recordNo(ctx, l.s.steady("records.List"), l.w, crm.RecordID(clean(string(l.q.Company))))
	if errors.Is(err, errNone) {
		l.never = true
		return nil
	}
	if err != nil {
		return err
	}
	return l.probe(ctx, statement{"SELECT r.no FROM records r WHERE r.company_no = $1 AND " + l.s.d.in("r.list_no", 2) + " AND " + l.alive(), []any{no, l.s.d.list(l.listNos())}},
		"records_company", func() string { return "r.company_no = " + l.arg(no) })
}

func (l *listing) byTag(ctx context.Context, c access.Caller) error {
	no, err := one(ctx, l.s.steady("records.List"), "find tag", scanInt, "SELECT no FROM tags WHERE id = $1 AND workspace_id = $2 AND owner_id IN ('', $3)",
		clean(string(l.q.Tag)), string(l.w), string(c.UserID))
	if errors.Is(err, errNone) {
		l.never = true
		return nil
	}
	if err != nil {
		return err
	}
	if l.sort.tagged == nil {
		return l.probeRows(ctx, beside{"record_tags", func(arg func(any) string) string { return "x.tag_no = " + arg(no) }})
	}
	st := statement{"SELECT x.record_no FROM record_tags x WHERE x.tag_no = $1 AND " + l.s.d.in("x.list_no", 2) + " AND x.deleted_at IS NULL", []any{no, l.s.d.list(l.listNos())}}
	n, err := l.bounded(ctx, st, sortedRecords)
	if err != nil {
		return err
	}
	if n >= 0 {
		l.exact = true
		return l.take(ctx, st)
	}
	l.tag = no
	if l.many++; l.many == 1 {
		l.counted = st
	}
	return nil
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
	return l.probeRows(ctx, beside{"record_values", func(arg func(any) string) string {
		return "x.list_no = " + arg(list) + " AND x.field = " + arg(f.Key) + " AND x.key = " + arg(key)
	}})
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
		"records_stage", func() string { return "r.stage_rank = " + l.arg(rank) })
}
