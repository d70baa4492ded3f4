package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/link"
)

// recordRow is a record as it is stored: with the numbers by which tables know it,
// its company and its list.
type recordRow struct {
	crm.Record
	no, list  int64
	companyNo int64 // 0: none
}

// recordColumns are those of scanRecord, from recordFrom.
const (
	recordColumns = `r.no, r.id, r.workspace_id, r.list_no, r.type, r.name, r.first_name, r.last_name, r.emails, r.phones, r.domains, r.title,
		COALESCE(r.company_no, 0), COALESCE(co.id, ''), COALESCE(co.name, ''), r.stage, r.amount_minor, r.currency, r.close_date, r.address, r.linkedin, r.website, r.description,
		r.class, r.class_confidence, r.class_by, r.class_why, r.fields, r.sources, r.owner_id, COALESCE(ou.name, ''), r.maker, r.maker_user, COALESCE(mu.name, ''), r.maker_key,
		r.created_at, r.updated_at, r.last_at, r.deleted_at, r.merged_into, r.version`
	recordJoins = ` LEFT JOIN records co ON co.no = r.company_no AND co.deleted_at IS NULL LEFT JOIN users ou ON ou.id = r.owner_id LEFT JOIN users mu ON mu.id = r.maker_user`
	recordFrom  = "records r" + recordJoins
)

func scanRecord(row scanner) (*recordRow, error) {
	r := &recordRow{}
	var emails, phones, domains, fields, sources string
	var company crm.RecordRef
	var amount, deleted *int64
	var currency string
	var created, updated, last int64
	err := row.Scan(&r.no, &r.ID, &r.WorkspaceID, &r.list, &r.Type, &r.Name, &r.FirstName, &r.LastName, &emails, &phones, &domains, &r.Title,
		&r.companyNo, &company.ID, &company.Name, &r.Stage, &amount, &currency, &r.CloseDate, &r.Address, &r.LinkedIn, &r.Website, &r.Description,
		&r.Class.Name, &r.Class.Confidence, &r.Class.By, &r.Class.Why, &fields, &sources, &r.OwnerID, &r.OwnerName, &r.CreatedBy.By, &r.CreatedBy.UserID, &r.CreatedBy.Name, &r.CreatedBy.KeyID,
		&created, &updated, &last, &deleted, &r.MergedInto, &r.Version)
	if err != nil {
		return nil, err
	}
	if company.ID != "" {
		company.Type = crm.Company
		r.Company = &company
	}
	if amount != nil {
		r.Amount = &crm.Money{Minor: *amount, Currency: currency}
	}
	r.CreatedAt, r.UpdatedAt, r.DeletedAt = clock(created), clock(updated), clockPtr(deleted)
	if last > 0 {
		r.LastAt = clockPtr(&last)
	}
	return r, errors.Join(fromJSON(emails, &r.Emails), fromJSON(phones, &r.Phones), fromJSON(domains, &r.Domains), fromObject(fields, &r.Fields), fromObject(sources, &r.Sources))
}

// fromObject is fromJSON for objects.
func fromObject(text string, into any) error {
	if text == "{}" {
		return nil
	}
	return fromJSON(text, into)
}

func objectText[K comparable, V any](m map[K]V) string {
	if len(m) == 0 {
		return "{}"
	}
	return jsonText(m)
}

func contactsText(list []crm.Contact) string {
	if len(list) == 0 {
		return "[]"
	}
	return jsonText(list)
}

// recordsLocked reads records of a workspace that the transaction changes, in the
// order of their numbers; what is not there is left out.
func (t *tx) recordsLocked(ctx context.Context, w crm.WorkspaceID, nos ...int64) ([]*recordRow, error) {
	if lock := t.s.d.forUpdate(); lock != "" {
		_, err := all(ctx, t, "lock records", scanInt, "SELECT r.no FROM records r WHERE r.workspace_id = $1 AND "+t.s.d.in("r.no", 2)+" ORDER BY r.no"+lock, string(w), t.s.d.list(nos))
		if err != nil {
			return nil, err
		}
	}
	return all(ctx, t, "read records", scanRecord, "SELECT "+recordColumns+" FROM "+recordFrom+" WHERE r.workspace_id = $1 AND "+t.s.d.in("r.no", 2)+" ORDER BY r.no",
		string(w), t.s.d.list(nos))
}

// recordLocked is recordsLocked for one; errNone when it is not there.
func (t *tx) recordLocked(ctx context.Context, w crm.WorkspaceID, no int64) (*recordRow, error) {
	list, err := t.recordsLocked(ctx, w, no)
	if err == nil && len(list) == 0 {
		err = errNone
	}
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

// recordNo finds a record that is there and not deleted by its id; errNone else.
func recordNo(ctx context.Context, from source, w crm.WorkspaceID, id crm.RecordID) (int64, error) {
	return one(ctx, from, "find record", scanInt, "SELECT no FROM records WHERE id = $1 AND workspace_id = $2 AND deleted_at IS NULL", string(id), string(w))
}

// columns are those that change with a record.
func (r *recordRow) columns(now int64) []column {
	amount, currency := (*int64)(nil), ""
	if r.Amount != nil {
		amount, currency = &r.Amount.Minor, r.Amount.Currency
	}
	company := (*int64)(nil)
	if r.companyNo != 0 {
		company = &r.companyNo
	}
	one := func(name, v string) column { return column{name, []string{clean(v)}} }
	return []column{
		one("name", r.Name), one("name_key", sortKey(r.Name)), one("first_name", r.FirstName), one("last_name", r.LastName),
		one("emails", contactsText(r.Emails)), one("phones", contactsText(r.Phones)), one("domains", listText(r.Domains)), one("title", r.Title),
		{"company_no", []*int64{company}}, one("stage", r.Stage), {"stage_rank", []int64{stageRank(r.Type, r.Stage)}},
		{"amount_minor", []*int64{amount}}, one("currency", currency), one("close_date", r.CloseDate),
		one("address", r.Address), one("linkedin", r.LinkedIn), one("website", r.Website), one("description", r.Description),
		one("class", r.Class.Name), {"class_confidence", []float64{r.Class.Confidence}}, one("class_by", r.Class.By), one("class_why", r.Class.Why),
		one("fields", objectText(r.Fields)), one("sources", objectText(r.Sources)), one("owner_id", string(r.OwnerID)), one("words", r.words()),
		{"updated_at", []int64{now}}, {"version", []int64{r.Version}},
	}
}

// sortKey is a text as lists are sorted by it.
func sortKey(text string) string {
	key := strings.Join(foldedWords(text, 12), " ")
	for len(key) > 120 {
		key = key[:strings.LastIndexByte(key[:120], ' ')+1]
		if key == "" {
			return strings.ToValidUTF8(strings.Join(foldedWords(text, 1), "")[:64], "")
		}
		key = strings.TrimSpace(key)
	}
	return key
}

// stageRank is the place of a stage among those of its type.
func stageRank(t crm.RecordType, stage string) int64 {
	stages := crm.PersonStages
	if t == crm.Deal {
		stages = crm.DealStages
	}
	return int64(slices.Index(stages, stage) + 1)
}

// mostWords of a record are found.
const mostWords = 80

// words is what a search finds a record by: folded words of its name, addresses,
// company, domains and numbers, each with a space before it.
func (r *recordRow) words() string {
	var b strings.Builder
	seen := map[string]bool{}
	add := func(w string) {
		if w != "" && !seen[w] && len(seen) < mostWords {
			seen[w] = true
			b.WriteByte(' ')
			b.WriteString(w)
		}
	}
	texts := []string{r.Name, r.FirstName, r.LastName}
	for _, e := range r.Emails {
		texts = append(texts, e.Value)
	}
	texts = append(texts, r.Domains...)
	if r.Company != nil {
		texts = append(texts, r.Company.Name)
	}
	for _, text := range texts {
		for _, w := range foldedWords(text, 24) {
			add(w)
		}
	}
	for _, p := range r.Phones {
		// A number is looked for with its country code and without.
		digits := strings.TrimPrefix(p.Value, "+")
		for n := range min(4, len(digits)) {
			add(digits[n:])
		}
	}
	return b.String()
}

// listWord is a word of every record of a list in the index; no text has it.
func listWord(list int64) string { return fmt.Sprintf("§%d", list) }

// addRecord stores a new record with its rows beside it, and tells of it.
func (t *tx) addRecord(ctx context.Context, r *recordRow) error {
	list, err := t.listOf(ctx, r.WorkspaceID, r.Type)
	if err != nil {
		return err
	}
	if r.ID == "" {
		r.ID = crm.RecordID(t.s.newID())
	}
	r.list, r.Version, r.CreatedAt, r.UpdatedAt = list.no, 1, clock(t.now), clock(t.now)
	columns := append([]column{
		{"id", []string{string(r.ID)}}, {"workspace_id", []string{string(r.WorkspaceID)}}, {"list_no", []int64{r.list}}, {"type", []string{string(r.Type)}},
		{"maker", []string{string(r.CreatedBy.By)}}, {"maker_user", []string{string(r.CreatedBy.UserID)}}, {"maker_key", []string{string(r.CreatedBy.KeyID)}},
		{"created_at", []int64{t.now}},
	}, r.columns(t.now)...)
	values := make([]any, len(columns))
	for i, c := range columns {
		values[i] = c.at(0)
	}
	if err := t.called(ctx, "insert record"); err != nil {
		return err
	}
	r.no, err = one(ctx, t, "insert record", scanInt, "INSERT INTO records ("+names(columns)+") VALUES "+marks(1, len(columns))+" RETURNING no", values...)
	if err != nil {
		return err
	}
	t.recordCounted(r.list, 1)
	t.recordTold(fact.RecordCreated, r, true)
	return t.putBeside(ctx, r, list, everyPart)
}

// saveRecord stores a record that recordsLocked has read, with the parts beside it
// that changed, and tells of it.
func (t *tx) saveRecord(ctx context.Context, r *recordRow, p parts) error {
	r.Version++
	r.UpdatedAt = clock(t.now)
	list, err := t.listByNo(ctx, r.WorkspaceID, r.list)
	if err != nil {
		return err
	}
	if err := t.update(ctx, "save record", "records", 1, append([]column{{"no", []int64{r.no}}}, r.columns(t.now)...)...); err != nil {
		return err
	}
	t.recordTold(fact.RecordChanged, r, p&(partEmails|partDomains|partCompany|partPeople|partStage) != 0)
	if err := t.putBeside(ctx, r, list, p); err != nil {
		return err
	}
	if p&partName != 0 && r.Type == crm.Company {
		return t.renameIn(ctx, r)
	}
	return nil
}

// parts of a record that stand in tables of their own, or matter to those.
type parts int

const (
	partName parts = 1 << iota
	partEmails
	partPhones
	partDomains
	partCompany
	partPeople
	partFields
	partStage
	everyPart parts = math.MaxInt
)

// putBeside writes the rows beside a record. People of deals and relations have
// numbers that the record does not know: see putDealPeople and putRelations.
func (t *tx) putBeside(ctx context.Context, r *recordRow, list *recordList, p parts) error {
	if p&partEmails != 0 {
		keys := keysOf(r.Emails, func(c crm.Contact) string { return link.Key(c.Value) })
		if err := t.replaceBeside(ctx, r, "record_emails", "key", keys, p); err != nil {
			return err
		}
	}
	if p&partPhones != 0 {
		if err := t.replaceBeside(ctx, r, "record_phones", "e164", keysOf(r.Phones, func(c crm.Contact) string { return c.Value }), p); err != nil {
			return err
		}
	}
	if p&partDomains != 0 {
		if err := t.replaceBeside(ctx, r, "record_domains", "domain", keysOf(r.Domains, func(d string) string { return d }), p); err != nil {
			return err
		}
	}
	if p&partFields != 0 && len(list.Fields) > 0 {
		if err := t.putValues(ctx, r, list); err != nil {
			return err
		}
	}
	if p&(partName|partEmails|partPhones|partDomains|partCompany) != 0 {
		return t.s.d.indexRecords(ctx, t, []int64{r.no}, []string{listWord(r.list) + r.words()})
	}
	return nil
}

// keysOf gives the values of a list without what is empty, each once.
func keysOf[T any](list []T, key func(T) string) []string {
	var out []string
	for _, v := range list {
		if k := clean(key(v)); k != "" && !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	return out
}

// replaceBeside gives a record the rows of a table that finds it.
func (t *tx) replaceBeside(ctx context.Context, r *recordRow, table, name string, keys []string, p parts) error {
	if p != everyPart { // a new one has none
		if _, err := t.exec(ctx, "drop "+table, "DELETE FROM "+table+" WHERE record_no = $1", r.no); err != nil {
			return err
		}
	}
	return t.insert(ctx, "insert "+table, table, len(keys), "ON CONFLICT DO NOTHING",
		column{"workspace_id", times(len(keys), string(r.WorkspaceID))}, column{name, keys}, column{"record_no", times(len(keys), r.no)})
}

// times is a column of one value.
func times[T any](n int, v T) []T {
	list := make([]T, n)
	for i := range list {
		list[i] = v
	}
	return list
}

// putValues stores the sortable values of a record's own fields.
func (t *tx) putValues(ctx context.Context, r *recordRow, list *recordList) error {
	if _, err := t.exec(ctx, "drop values", "DELETE FROM record_values WHERE record_no = $1", r.no); err != nil {
		return err
	}
	var fields, keys []string
	for _, f := range list.Fields {
		if f.Type != crm.FieldRelation {
			fields, keys = append(fields, f.Key), append(keys, valueKey(f.Type, r.Fields[f.Key]))
		}
	}
	return t.insert(ctx, "insert values", "record_values", len(fields), "", column{"list_no", times(len(fields), r.list)}, column{"field", fields},
		column{"key", keys}, column{"record_no", times(len(fields), r.no)})
}

// valueKey is a value of a field as text that sorts as the values do, "" for none.
func valueKey(kind crm.FieldType, raw json.RawMessage) string {
	switch kind {
	case crm.FieldNumber:
		var n *float64
		if json.Unmarshal(raw, &n) != nil || n == nil {
			return ""
		}
		return sortableNumber(*n)
	case crm.FieldMoney:
		var m *crm.Money
		if json.Unmarshal(raw, &m) != nil || m == nil {
			return ""
		}
		return sortableNumber(float64(m.Minor))
	}
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return ""
	}
	if kind == crm.FieldDate {
		return text
	}
	return sortKey(text)
}

// sortableNumber writes a number so that texts sort as the numbers do (the bits of
// IEEE 754 with the sign turned).
func sortableNumber(n float64) string {
	bits := math.Float64bits(n + 0) // -0 is 0
	if bits>>63 == 1 {
		bits = ^bits
	} else {
		bits |= 1 << 63
	}
	return fmt.Sprintf("%016x", bits)
}

// renameIn brings the words of people in line with the new name of their company.
func (t *tx) renameIn(ctx context.Context, company *recordRow) error {
	const piece = 500
	for after := int64(0); ; {
		people, err := all(ctx, t, "read people", scanRecord, "SELECT "+recordColumns+" FROM "+recordFrom+" WHERE r.company_no = $1 AND r.no > $2 ORDER BY r.no LIMIT $3",
			company.no, after, int64(piece))
		if err != nil || len(people) == 0 {
			return err
		}
		nos, texts, docs := make([]int64, len(people)), make([]string, len(people)), make([]string, len(people))
		for i, p := range people {
			nos[i], texts[i] = p.no, p.words()
			docs[i] = listWord(p.list) + texts[i]
		}
		if err := t.update(ctx, "save words", "records", len(nos), column{"no", nos}, column{"words", texts}); err != nil {
			return err
		}
		if err := t.s.d.indexRecords(ctx, t, nos, docs); err != nil {
			return err
		}
		after = nos[len(nos)-1]
	}
}
