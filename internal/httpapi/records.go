package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"rapport/client"
	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/records"
)

type (
	Record         = client.Record
	RecordInput    = client.RecordInput
	RecordsChange  = client.RecordsChange
	RecordsChanged = client.RecordsChanged
)

// registerRecords is people, companies, deals and custom objects.
func (s *Server) registerRecords(r *router) {
	read, write := may(access.RecordsRead), may(access.RecordsWrite)
	const all, one = w + "/records", w + "/records/{record_id}"
	add(r, read, get, all, "list-records", "Records", s.listRecords, says(listRecordsSays), anyField)
	add(r, write, post, all, "create-record", "Make a record", once(s, "create-record", s.createRecord), status(201), uncheckedBody)
	add(r, read, get, all+"/counts", "count-records", "How many records of each type there are", s.countRecords)
	add(r, write, post, all+"/changes", "change-records", "Change, tag or delete many records at once", once(s, "change-records", s.changeRecords), status(200), uncheckedBody,
		says("All or none. What comes back undoes it."))
	add(r, write, post, all+"/changes/{undo_id}/undo", "undo-records-change", "Undo a change of many records", s.undoRecords)
	add(r, write, put, all+"/by-external/{system}/{external_id}", "put-record", "Make or change the record that another system calls by an id", s.putRecord, uncheckedBody,
		says("For programs that mirror their records here. The type is of need for a new one."))
	add(r, read, get, one, "get-record", "One record", s.getRecord, says("A deleted one, too: deleted_at says so."))
	add(r, write, patch, one, "change-record", "Change a record", s.changeRecord, uncheckedBody, says(patchSays))
	add(r, write, remove, one, "delete-record", "Delete a record; it can be restored", s.deleteRecord)
	add(r, write, post, one+"/restore", "restore-record", "Bring back a deleted record", s.restoreRecord)
	s.registerRecordTypes(r)
	s.registerNotes(r)
}

const (
	listRecordsSays = "q finds records by the beginnings of words in name, address, company, domain and number. field.<key> chooses by the whole value of a field of the type's own (with type). " +
		"Where a sort has no value, records come as if it were the lowest. total is on first pages, exact up to 10,000, and absent beyond and where several filters each choose very many."
	patchSays = "A merge patch: what is absent stays, null takes away. With If-Match (the ETag) nothing is changed that somebody changed meanwhile: 412, changed_meanwhile."
)

// uncheckedBody leaves it to the room to check what came in: it knows the fields.
func uncheckedBody(op *huma.Operation) { op.SkipValidateBody = true }

// anyField describes the parameters for fields of a type's own.
func anyField(op *huma.Operation) {
	op.Parameters = append(op.Parameters, &huma.Param{Name: "field", In: "query", Style: "deepObject", Description: "Written field.<key>=<value>.", Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: &huma.Schema{Type: huma.TypeString}}})
}

// recordBody is the JSON of a RecordInput, with what is null in it.
type recordBody map[string]json.RawMessage

// Schema is that of RecordInput.
func (recordBody) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[RecordInput](), true, "RecordInput")
}

// fields are those of a body, without the type; wrong JSON is told.
func (b recordBody) fields() (crm.RecordType, records.Fields, error) {
	in := records.Fields{}
	kind := ""
	for name, value := range b {
		if name != "type" {
			in[name] = value
		} else if json.Unmarshal(value, &kind) != nil {
			return "", nil, wrongField("type", "must be a text")
		}
	}
	return crm.RecordType(kind), in, nil
}

func wrongField(field, what string) error {
	return &fault.Error{Kind: fault.Invalid, Text: field + " " + what + ".", Fields: map[string]string{field: what}}
}

// Matching is the version that a change is for.
type Matching struct {
	IfMatch string `header:"If-Match" maxLength:"100" doc:"The ETag of what was read: nothing is changed that changed meanwhile."`
}

// version reads the ETag, 0 for none; what is none of ours matches nothing.
func (m Matching) version() int64 {
	text := strings.TrimSpace(m.IfMatch)
	if text == "" || text == "*" {
		return 0
	}
	n, err := strconv.ParseInt(strings.Trim(strings.TrimPrefix(text, "W/"), `"`), 10, 64)
	if err != nil || n <= 0 {
		return -1
	}
	return n
}

func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// versioned is an answer with its ETag.
type versioned[T any] struct {
	ETag string `header:"ETag"`
	Body T
}

func versionedRecord(c access.Caller, r crm.Record, err error) (*versioned[Record], error) {
	if err != nil {
		return nil, err
	}
	return &versioned[Record]{etag(r.Version), RecordShape(c, r)}, nil
}

// InRecord is a path with a record.
type InRecord struct {
	InWorkspace
	RecordID string `path:"record_id"`
}

func (i InRecord) record() crm.RecordID { return crm.RecordID(i.RecordID) }

type listRecordsInput struct {
	InWorkspace
	PageInput
	RecordFilter
}

// RecordFilter chooses records.
type RecordFilter struct {
	Type      string `query:"type" maxLength:"64" doc:"person, company, deal, or the key of a custom type; absent: all."`
	Q         string `query:"q" maxLength:"400"`
	Sort      string `query:"sort" maxLength:"64" doc:"name, updated_at, created_at, last_at; of people and deals stage; of deals amount and close_date; a key of the type's own fields. With - before it the other way round. Default name."`
	OwnerID   string `query:"owner_id" maxLength:"64" doc:"me, none, or an id."`
	TagID     string `query:"tag_id" maxLength:"64"`
	Stage     string `query:"stage" maxLength:"64"`
	Class     string `query:"class" maxLength:"64"`
	CompanyID string `query:"company_id" maxLength:"64" doc:"People and deals of a company."`
	DealID    string `query:"deal_id" maxLength:"64" doc:"People of a deal."`
	PersonID  string `query:"person_id" maxLength:"64" doc:"Deals of a person."`
	CreatedBy string `query:"created_by" enum:"member,mail,enrichment,calendar,contacts,api,import"`
	External  string `query:"external" maxLength:"300" doc:"system:id"`
	Email     string `query:"email" maxLength:"300" doc:"Whose address it is."`
	Deleted   bool   `query:"deleted" doc:"Those that were deleted, and no others, the newest first."`
	own       map[string]string
}

const mostOwnFilters = 5

// Resolve reads the filters for fields of the type's own.
func (f *RecordFilter) Resolve(ctx huma.Context) []error {
	u := ctx.URL()
	return f.readOwn(u.Query())
}

func (f *RecordFilter) readOwn(values url.Values) []error {
	for name, list := range values {
		key, is := strings.CutPrefix(name, "field.")
		if !is {
			continue
		}
		if f.own == nil {
			f.own = map[string]string{}
		}
		if f.own[key] = list[0]; len(f.own) > mostOwnFilters {
			return []error{&huma.ErrorDetail{Location: "query.field", Message: fmt.Sprintf("must stand at most %d times", mostOwnFilters)}}
		}
	}
	return nil
}

func (f *RecordFilter) query() (records.Query, error) {
	q := records.Query{
		Type: crm.RecordType(f.Type), Q: f.Q, Sort: f.Sort, Owner: crm.UserID(f.OwnerID), Tag: crm.TagID(f.TagID), Stage: f.Stage, Class: f.Class, Company: crm.RecordID(f.CompanyID),
		Deal: crm.RecordID(f.DealID), Person: crm.RecordID(f.PersonID), CreatedBy: crm.By(f.CreatedBy), Email: f.Email, Deleted: f.Deleted, Fields: f.own,
	}
	if f.External != "" {
		system, id, ok := strings.Cut(f.External, ":")
		if !ok || id == "" {
			return q, wrongField("external", "must be system:id")
		}
		q.System, q.External = system, id
	}
	return q, nil
}

func (s *Server) listRecords(ctx context.Context, c access.Caller, in *listRecordsInput) (*bodyOf[List[Record]], error) {
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	q.Cursor, q.Limit = in.Cursor, in.Limit
	page, err := s.Records.List(ctx, c, q)
	if err != nil {
		return nil, err
	}
	out := listOf(each(page.Records, func(r crm.Record) Record { return RecordShape(c, r) }))
	out.Body.NextCursor = page.Next
	if page.Total >= 0 {
		n := int64(page.Total)
		out.Body.Total = &n
	}
	return out, nil
}

type createRecordInput struct {
	InWorkspace
	Idempotent
	Body recordBody
}

func (s *Server) createRecord(ctx context.Context, c access.Caller, in *createRecordInput) (*bodyOf[Record], error) {
	kind, fields, err := in.Body.fields()
	if err != nil {
		return nil, err
	}
	if kind == "" {
		return nil, wrongField("type", "is required")
	}
	r, err := s.Records.Create(ctx, c, kind, fields)
	if err != nil {
		return nil, err
	}
	return &bodyOf[Record]{RecordShape(c, r)}, nil
}

func (s *Server) getRecord(ctx context.Context, c access.Caller, in *InRecord) (*versioned[Record], error) {
	r, err := s.Records.One(ctx, c, in.record())
	return versionedRecord(c, r, err)
}

type changeRecordInput struct {
	InRecord
	Matching
	Body recordBody
}

func (s *Server) changeRecord(ctx context.Context, c access.Caller, in *changeRecordInput) (*versioned[Record], error) {
	if _, given := in.Body["type"]; given {
		return nil, wrongField("type", "never changes")
	}
	r, err := s.Records.Change(ctx, c, in.record(), in.version(), records.Fields(in.Body))
	return versionedRecord(c, r, err)
}

type deleteRecordInput struct {
	InRecord
	Matching
}

func (s *Server) deleteRecord(ctx context.Context, c access.Caller, in *deleteRecordInput) (*nothing, error) {
	return nil, s.Records.Delete(ctx, c, in.record(), in.version())
}

func (s *Server) restoreRecord(ctx context.Context, c access.Caller, in *InRecord) (*versioned[Record], error) {
	r, err := s.Records.Restore(ctx, c, in.record())
	return versionedRecord(c, r, err)
}

type putRecordInput struct {
	InWorkspace
	Matching
	System     string `path:"system" doc:"a-z, 0-9, dots, dashes and underscores."`
	ExternalID string `path:"external_id" maxLength:"600"`
	Body       recordBody
}

type putRecordOutput struct {
	Status int
	ETag   string `header:"ETag"`
	Body   Record
}

func (s *Server) putRecord(ctx context.Context, c access.Caller, in *putRecordInput) (*putRecordOutput, error) {
	kind, fields, err := in.Body.fields()
	if err != nil {
		return nil, err
	}
	r, made, err := s.Records.Upsert(ctx, c, in.System, in.ExternalID, kind, in.version(), fields)
	if err != nil {
		return nil, err
	}
	out := &putRecordOutput{Status: http.StatusOK, ETag: etag(r.Version), Body: RecordShape(c, r)}
	if made {
		out.Status = http.StatusCreated
	}
	return out, nil
}

func (s *Server) countRecords(ctx context.Context, c access.Caller, _ *InWorkspace) (*bodyOf[map[string]int64], error) {
	counts, err := s.Records.Counts(ctx, c)
	if err != nil {
		return nil, err
	}
	out := make(map[string]int64, len(counts))
	for kind, n := range counts {
		out[string(kind)] = n
	}
	return &bodyOf[map[string]int64]{out}, nil
}

type changeRecordsInput struct {
	InWorkspace
	Idempotent
	Body RecordsChange
}

func (s *Server) changeRecords(ctx context.Context, c access.Caller, in *changeRecordsInput) (*bodyOf[RecordsChanged], error) {
	b := in.Body
	m := records.Many{
		IDs: each(b.IDs, func(id string) crm.RecordID { return crm.RecordID(id) }), Add: each(b.AddTags, func(id string) crm.TagID { return crm.TagID(id) }),
		Remove: each(b.RemoveTags, func(id string) crm.TagID { return crm.TagID(id) }), Delete: b.Delete,
	}
	if b.All != nil {
		q, err := filterOf(b.All)
		if err != nil {
			return nil, err
		}
		m.All = &q
	}
	done, err := s.Records.ChangeMany(ctx, c, m, records.Fields(b.Set))
	if err != nil {
		return nil, err
	}
	return &bodyOf[RecordsChanged]{RecordsChanged{Changed: done.Count, UndoID: string(done.UndoID)}}, nil
}

// filterOf reads the filters of a list from JSON.
func filterOf(in map[string]any) (records.Query, error) {
	f := RecordFilter{}
	texts := map[string]*string{
		"type": &f.Type, "q": &f.Q, "sort": &f.Sort, "owner_id": &f.OwnerID, "tag_id": &f.TagID, "stage": &f.Stage, "class": &f.Class, "company_id": &f.CompanyID,
		"deal_id": &f.DealID, "person_id": &f.PersonID, "created_by": &f.CreatedBy, "external": &f.External, "email": &f.Email,
	}
	own := url.Values{}
	for name, value := range in {
		text, isText := value.(string)
		at := texts[name]
		switch {
		case name == "deleted" && value == false, name == "limit", name == "cursor", value == nil:
		case name == "deleted":
			f.Deleted = true
		case isText && strings.HasPrefix(name, "field."):
			own.Set(name, text)
		case isText && at != nil:
			*at = text
		default:
			return records.Query{}, wrongField("all."+name[:min(len(name), 64)], "is no filter")
		}
	}
	if wrong := f.readOwn(own); len(wrong) > 0 {
		return records.Query{}, wrongField("all", "has too many filters")
	}
	return f.query()
}

type undoRecordsInput struct {
	InWorkspace
	UndoID string `path:"undo_id"`
}

func (s *Server) undoRecords(ctx context.Context, c access.Caller, in *undoRecordsInput) (*bodyOf[RecordsChanged], error) {
	done, err := s.Records.Undo(ctx, c, crm.RecordChangeID(in.UndoID))
	if err != nil {
		return nil, err
	}
	return &bodyOf[RecordsChanged]{RecordsChanged{Changed: done.Count, UndoID: string(done.UndoID)}}, nil
}
