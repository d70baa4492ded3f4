package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// RecordRef names a record.
type RecordRef struct {
	ID   string `json:"id"`
	Type string `json:"type"`
	Name string `json:"name"`
}

// Contact is an e-mail address or a phone number of a record.
type Contact struct {
	Value   string `json:"value" doc:"An address in lower case; a number as E.164."`
	Raw     string `json:"raw,omitempty" doc:"The number as it was written."`
	Label   string `json:"label,omitempty" doc:"work, home, other; of numbers mobile and fax, too."`
	Ext     string `json:"ext,omitempty" doc:"Extension of a number."`
	Primary bool   `json:"primary" doc:"One is, and stands first."`
}

// Money is an amount in the smallest unit of a currency.
type Money struct {
	Minor    int64  `json:"minor" doc:"In the smallest unit of the currency: 125000 is 1,250.00 EUR, 125,000 JPY, and 125.000 KWD."`
	Currency string `json:"currency" doc:"ISO 4217."`
}

// DealRole is a person of a deal.
type DealRole struct {
	Person RecordRef `json:"person"`
	Role   string    `json:"role"`
}

// RecordClass is what a person is to the workspace.
type RecordClass struct {
	Name       string  `json:"name" doc:"lead, customer, vendor, partner, recruiter, personal, automated or unknown."`
	Confidence float64 `json:"confidence"`
	By         string  `json:"by" doc:"rules, model, or person: what a person says stays."`
	Why        string  `json:"why,omitempty"`
}

// RecordSource is who filled a field.
type RecordSource struct {
	By         string    `json:"by" doc:"member (typed: nothing overwrites it by itself), mail, enrichment, calendar, contacts, api, import."`
	Confidence float64   `json:"confidence,omitempty"`
	UserID     string    `json:"user_id,omitempty" doc:"Of member: who typed it."`
	Name       string    `json:"name,omitempty" doc:"Of who typed it; where one record is read."`
	At         time.Time `json:"at"`
}

// RecordMaker is who made a record.
type RecordMaker struct {
	By     string `json:"by"`
	UserID string `json:"user_id,omitempty"`
	Name   string `json:"name,omitempty"`
}

// NamedUser is a member.
type NamedUser struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Tag of a workspace, or a private one.
type Tag struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Colour string `json:"colour"`
	Mine   bool   `json:"mine" doc:"Private: the caller's own."`
}

// Record is a person, a company, a deal or a custom object. What its type does not
// have is empty.
type Record struct {
	ID          string                     `json:"id"`
	Type        string                     `json:"type" doc:"person, company, deal, or the key of a custom type."`
	Name        string                     `json:"name"`
	FirstName   string                     `json:"first_name"`
	LastName    string                     `json:"last_name"`
	Emails      []Contact                  `json:"emails"`
	Phones      []Contact                  `json:"phones"`
	Domains     []string                   `json:"domains" doc:"Of a company, registrable."`
	Title       string                     `json:"title" doc:"Of a person: the job."`
	Company     *RecordRef                 `json:"company"`
	Stage       string                     `json:"stage" doc:"Of a person: lead, contact, customer, former. Of a deal: new, qualified, proposal, negotiation, won, lost."`
	Amount      *Money                     `json:"amount"`
	CloseDate   *string                    `json:"close_date"`
	People      []DealRole                 `json:"people" doc:"Of a deal."`
	Address     string                     `json:"address"`
	LinkedIn    string                     `json:"linkedin"`
	Website     string                     `json:"website"`
	Description string                     `json:"description"`
	Class       *RecordClass               `json:"class"`
	Fields      map[string]json.RawMessage `json:"fields" doc:"Of the type's own, by key."`
	Owner       *NamedUser                 `json:"owner"`
	Tags        []Tag                      `json:"tags"`
	ExternalIDs map[string]string          `json:"external_ids" doc:"By system."`
	Sources     map[string]RecordSource    `json:"sources" doc:"Who filled a field; of the type's own as fields.<key>."`
	CreatedBy   RecordMaker                `json:"created_by"`
	CreatedAt   time.Time                  `json:"created_at"`
	UpdatedAt   time.Time                  `json:"updated_at"`
	LastAt      *time.Time                 `json:"last_at" doc:"Of the newest activity."`
	DeletedAt   *time.Time                 `json:"deleted_at"`
	MergedInto  *string                    `json:"merged_into"`
	Version     int64                      `json:"version" doc:"Also the ETag: with If-Match nothing is changed that changed meanwhile."`
}

// ContactInput is an address or a number to be stored.
type ContactInput struct {
	Value   string `json:"value"`
	Label   string `json:"label,omitempty"`
	Ext     string `json:"ext,omitempty"`
	Primary bool   `json:"primary,omitempty"`
}

// RoleInput is a person of a deal to be stored.
type RoleInput struct {
	PersonID string `json:"person_id"`
	Role     string `json:"role,omitempty"`
}

// ClassInput is a class that somebody chooses.
type ClassInput struct {
	Name string `json:"name"`
}

// RecordInput is what can be written of a record: a JSON merge patch (RFC 7396). What
// is absent stays; null takes away.
type RecordInput struct {
	Type        string                     `json:"type,omitempty" doc:"Of a new record: person, company, deal, or the key of a custom type. It never changes."`
	Name        string                     `json:"name,omitempty" doc:"A person's may come from first_name and last_name, or from the address."`
	FirstName   string                     `json:"first_name,omitempty"`
	LastName    string                     `json:"last_name,omitempty"`
	Emails      []ContactInput             `json:"emails,omitempty" doc:"Texts will do in place of objects."`
	Phones      []ContactInput             `json:"phones,omitempty" doc:"Texts will do in place of objects. Numbers without a country code are of the workspace's region."`
	Domains     []string                   `json:"domains,omitempty"`
	Title       string                     `json:"title,omitempty"`
	CompanyID   string                     `json:"company_id,omitempty"`
	Stage       string                     `json:"stage,omitempty"`
	Amount      *Money                     `json:"amount,omitempty"`
	CloseDate   string                     `json:"close_date,omitempty" doc:"2026-11-30"`
	People      []RoleInput                `json:"people,omitempty"`
	Address     string                     `json:"address,omitempty"`
	LinkedIn    string                     `json:"linkedin,omitempty"`
	Website     string                     `json:"website,omitempty"`
	Description string                     `json:"description,omitempty"`
	Class       *ClassInput                `json:"class,omitempty" doc:"What somebody says stays. null: found again."`
	Fields      map[string]json.RawMessage `json:"fields,omitempty" doc:"Of the type's own, by key: a merge patch, too."`
	OwnerID     string                     `json:"owner_id,omitempty" doc:"me is the caller."`
	TagIDs      []string                   `json:"tag_ids,omitempty" doc:"In place of those the caller sees."`
	ExternalIDs map[string]string          `json:"external_ids,omitempty" doc:"By system."`
}

// RecordPatch changes a record: names of RecordInput with their values, nil to take away.
type RecordPatch map[string]any

// RecordQuery chooses records.
type RecordQuery struct {
	Type, Q, Sort                string
	OwnerID, TagID, Stage, Class string
	CompanyID, DealID, PersonID  string
	CreatedBy                    string
	External, Email              string
	Fields                       map[string]string
	Deleted                      bool
	Limit                        int
	Cursor                       string
}

func (q RecordQuery) values() url.Values {
	v := url.Values{}
	for name, value := range map[string]string{"type": q.Type, "q": q.Q, "sort": q.Sort, "owner_id": q.OwnerID, "tag_id": q.TagID, "stage": q.Stage, "class": q.Class,
		"company_id": q.CompanyID, "deal_id": q.DealID, "person_id": q.PersonID, "created_by": q.CreatedBy, "external": q.External, "email": q.Email, "cursor": q.Cursor} {
		if value != "" {
			v.Set(name, value)
		}
	}
	for key, value := range q.Fields {
		v.Set("field."+key, value)
	}
	if q.Deleted {
		v.Set("deleted", "true")
	}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	return v
}

// RecordsChange changes many records at once, all or none.
type RecordsChange struct {
	IDs        []string                   `json:"ids,omitempty" maxItems:"500"`
	All        map[string]any             `json:"all,omitempty" doc:"In place of ids: the filters of the list, by their names there. At most 10,000 records."`
	Set        map[string]json.RawMessage `json:"set,omitempty" doc:"owner_id, stage, class."`
	AddTags    []string                   `json:"add_tags,omitempty" doc:"Ids."`
	RemoveTags []string                   `json:"remove_tags,omitempty" doc:"Ids."`
	Delete     bool                       `json:"delete,omitempty" doc:"Stands alone."`
}

// RecordsChanged is what became of it.
type RecordsChanged struct {
	Changed int    `json:"changed"`
	UndoID  string `json:"undo_id" doc:"Undoes it for seven days, but for records that were changed since. Empty where there is nothing to undo."`
}

// ObjectField is a field of a type's own.
type ObjectField struct {
	Key      string   `json:"key,omitempty" doc:"a-z, 0-9 and _; made from the name when absent. It never changes."`
	Name     string   `json:"name"`
	Type     string   `json:"type" doc:"text, number, money, date, select, email, phone, url or relation."`
	Options  []string `json:"options,omitempty" doc:"Of a select."`
	Currency string   `json:"currency,omitempty" doc:"Of money: the one currency (ISO 4217)."`
	Target   string   `json:"target,omitempty" doc:"Of a relation: the type it points to."`
	Required bool     `json:"required,omitempty"`
}

// ObjectType is a type of records.
type ObjectType struct {
	ID       string        `json:"id"`
	Key      string        `json:"key"`
	Name     string        `json:"name"`
	Plural   string        `json:"plural"`
	Icon     string        `json:"icon"`
	Fields   []ObjectField `json:"fields"`
	Standard bool          `json:"standard"`
	Count    int64         `json:"count"`
}

// NewObjectType asks for a type.
type NewObjectType struct {
	Key    string        `json:"key,omitempty" doc:"a-z, 0-9 and _; made from the name when absent. It never changes."`
	Name   string        `json:"name"`
	Plural string        `json:"plural,omitempty"`
	Icon   string        `json:"icon,omitempty"`
	Fields []ObjectField `json:"fields,omitempty"`
}

// ObjectTypePatch changes a type; what is absent stays. fields are all of them: one
// that is left out is not shown any more, its values are kept.
type ObjectTypePatch struct {
	Name   *string        `json:"name,omitempty"`
	Plural *string        `json:"plural,omitempty"`
	Icon   *string        `json:"icon,omitempty"`
	Fields *[]ObjectField `json:"fields,omitempty"`
}

// RecordSettings of a workspace.
type RecordSettings struct {
	Region string `json:"region" doc:"Where phone numbers without a country code are from (ISO 3166: DE); empty: nowhere."`
}

// NewTag asks for a tag.
type NewTag struct {
	Name   string `json:"name"`
	Colour string `json:"colour,omitempty" doc:"#2458d3"`
	Mine   bool   `json:"mine,omitempty" doc:"Private: for the caller alone."`
}

// TagPatch changes a tag; what is absent stays.
type TagPatch struct {
	Name   *string `json:"name,omitempty"`
	Colour *string `json:"colour,omitempty"`
}

// NoteInput is the text of a note.
type NoteInput struct {
	Text string `json:"text" doc:"Plain text, or Markdown."`
}

// Note on a record.
type Note struct {
	ID        string    `json:"id"`
	Record    RecordRef `json:"record"`
	Text      string    `json:"text"`
	Author    NamedUser `json:"author"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// Task on a record, or on none.
type Task struct {
	ID        string     `json:"id"`
	Record    *RecordRef `json:"record"`
	Title     string     `json:"title"`
	DueAt     *time.Time `json:"due_at"`
	DoneAt    *time.Time `json:"done_at"`
	Assignee  *NamedUser `json:"assignee"`
	Author    NamedUser  `json:"author"`
	CreatedAt time.Time  `json:"created_at"`
	UpdatedAt time.Time  `json:"updated_at"`
	Version   int64      `json:"version" doc:"Also the ETag: with If-Match nothing is changed that changed meanwhile."`
}

// TaskInput is what can be written of a task: a merge patch. What is absent stays; null
// takes away.
type TaskInput struct {
	Title      string     `json:"title,omitempty"`
	DueAt      *time.Time `json:"due_at,omitempty"`
	Done       bool       `json:"done,omitempty"`
	AssigneeID string     `json:"assignee_id,omitempty" doc:"me is the caller, who also has a new task that names nobody."`
	RecordID   string     `json:"record_id,omitempty"`
}

func (w *InWorkspace) record(id string) string { return w.path + "/records/" + url.PathEscape(id) }

// Records lists records.
func (w *InWorkspace) Records(ctx context.Context, q RecordQuery) (List[Record], error) {
	var out List[Record]
	return out, w.client.Do(ctx, http.MethodGet, w.path+"/records?"+q.values().Encode(), nil, &out)
}

// Record reads a record.
func (w *InWorkspace) Record(ctx context.Context, id string) (Record, error) {
	var out Record
	return out, w.client.Do(ctx, http.MethodGet, w.record(id), nil, &out)
}

// CreateRecord makes a record.
func (w *InWorkspace) CreateRecord(ctx context.Context, in RecordInput) (Record, error) {
	var out Record
	return out, w.client.Do(ctx, http.MethodPost, w.path+"/records", in, &out)
}

// ChangeRecord changes a record.
func (w *InWorkspace) ChangeRecord(ctx context.Context, id string, in RecordPatch) (Record, error) {
	var out Record
	return out, w.client.Do(ctx, http.MethodPatch, w.record(id), in, &out)
}

// PutRecord makes the record that another system calls by an id, or changes it.
func (w *InWorkspace) PutRecord(ctx context.Context, system, externalID string, in RecordPatch) (Record, error) {
	var out Record
	return out, w.client.Do(ctx, http.MethodPut, w.path+"/records/by-external/"+url.PathEscape(system)+"/"+url.PathEscape(externalID), in, &out)
}

// DeleteRecord deletes a record; it can be restored.
func (w *InWorkspace) DeleteRecord(ctx context.Context, id string) error {
	return w.client.Do(ctx, http.MethodDelete, w.record(id), nil, nil)
}

// RestoreRecord brings a deleted record back.
func (w *InWorkspace) RestoreRecord(ctx context.Context, id string) (Record, error) {
	var out Record
	return out, w.client.Do(ctx, http.MethodPost, w.record(id)+"/restore", nil, &out)
}

// ChangeRecords changes many records at once.
func (w *InWorkspace) ChangeRecords(ctx context.Context, in RecordsChange) (RecordsChanged, error) {
	var out RecordsChanged
	return out, w.client.Do(ctx, http.MethodPost, w.path+"/records/changes", in, &out)
}

// UndoRecordsChange undoes ChangeRecords.
func (w *InWorkspace) UndoRecordsChange(ctx context.Context, undoID string) (RecordsChanged, error) {
	var out RecordsChanged
	return out, w.client.Do(ctx, http.MethodPost, w.path+"/records/changes/"+url.PathEscape(undoID)+"/undo", nil, &out)
}

// RecordCounts gives the number of records of each type.
func (w *InWorkspace) RecordCounts(ctx context.Context) (map[string]int64, error) {
	var out map[string]int64
	return out, w.client.Do(ctx, http.MethodGet, w.path+"/records/counts", nil, &out)
}

// RecordSettings reads the settings of records.
func (w *InWorkspace) RecordSettings(ctx context.Context) (RecordSettings, error) {
	var out RecordSettings
	return out, w.client.Do(ctx, http.MethodGet, w.path+"/record-settings", nil, &out)
}

// SetRecordSettings changes them.
func (w *InWorkspace) SetRecordSettings(ctx context.Context, in RecordSettings) (RecordSettings, error) {
	var out RecordSettings
	return out, w.client.Do(ctx, http.MethodPatch, w.path+"/record-settings", in, &out)
}

// ObjectTypes lists the types of records.
func (w *InWorkspace) ObjectTypes(ctx context.Context) (List[ObjectType], error) {
	var out List[ObjectType]
	return out, w.client.Do(ctx, http.MethodGet, w.path+"/objects", nil, &out)
}

func (w *InWorkspace) object(key string) string { return w.path + "/objects/" + url.PathEscape(key) }

// ObjectType reads a type.
func (w *InWorkspace) ObjectType(ctx context.Context, key string) (ObjectType, error) {
	var out ObjectType
	return out, w.client.Do(ctx, http.MethodGet, w.object(key), nil, &out)
}

// CreateObjectType makes a type.
func (w *InWorkspace) CreateObjectType(ctx context.Context, in NewObjectType) (ObjectType, error) {
	var out ObjectType
	return out, w.client.Do(ctx, http.MethodPost, w.path+"/objects", in, &out)
}

// ChangeObjectType changes a type.
func (w *InWorkspace) ChangeObjectType(ctx context.Context, key string, in ObjectTypePatch) (ObjectType, error) {
	var out ObjectType
	return out, w.client.Do(ctx, http.MethodPatch, w.object(key), in, &out)
}

// DeleteObjectType deletes a type and its records; confirm is how many those are.
func (w *InWorkspace) DeleteObjectType(ctx context.Context, key string, confirm int64) error {
	return w.client.Do(ctx, http.MethodDelete, w.object(key)+"?confirm="+strconv.FormatInt(confirm, 10), nil, nil)
}

// Tags lists the tags that the caller sees.
func (w *InWorkspace) Tags(ctx context.Context) (List[Tag], error) {
	var out List[Tag]
	return out, w.client.Do(ctx, http.MethodGet, w.path+"/tags", nil, &out)
}

// CreateTag makes a tag.
func (w *InWorkspace) CreateTag(ctx context.Context, in NewTag) (Tag, error) {
	var out Tag
	return out, w.client.Do(ctx, http.MethodPost, w.path+"/tags", in, &out)
}

// ChangeTag changes a tag.
func (w *InWorkspace) ChangeTag(ctx context.Context, id string, in TagPatch) (Tag, error) {
	var out Tag
	return out, w.client.Do(ctx, http.MethodPatch, w.path+"/tags/"+url.PathEscape(id), in, &out)
}

// DeleteTag deletes a tag, and takes it off all records.
func (w *InWorkspace) DeleteTag(ctx context.Context, id string) error {
	return w.client.Do(ctx, http.MethodDelete, w.path+"/tags/"+url.PathEscape(id), nil, nil)
}

// Notes lists the notes of a record, the newest first.
func (w *InWorkspace) Notes(ctx context.Context, record, cursor string) (List[Note], error) {
	var out List[Note]
	return out, w.client.Do(ctx, http.MethodGet, w.record(record)+"/notes?cursor="+url.QueryEscape(cursor), nil, &out)
}

// CreateNote writes a note on a record.
func (w *InWorkspace) CreateNote(ctx context.Context, record, text string) (Note, error) {
	var out Note
	return out, w.client.Do(ctx, http.MethodPost, w.record(record)+"/notes", NoteInput{text}, &out)
}

// ChangeNote changes one's own note.
func (w *InWorkspace) ChangeNote(ctx context.Context, id, text string) (Note, error) {
	var out Note
	return out, w.client.Do(ctx, http.MethodPatch, w.path+"/notes/"+url.PathEscape(id), NoteInput{text}, &out)
}

// DeleteNote deletes a note.
func (w *InWorkspace) DeleteNote(ctx context.Context, id string) error {
	return w.client.Do(ctx, http.MethodDelete, w.path+"/notes/"+url.PathEscape(id), nil, nil)
}

// TaskQuery chooses tasks.
type TaskQuery struct {
	RecordID, AssigneeID, State, Cursor string
	Limit                               int
}

// Tasks lists tasks: open ones by when they are due, others the newest first.
func (w *InWorkspace) Tasks(ctx context.Context, q TaskQuery) (List[Task], error) {
	v := url.Values{}
	for name, value := range map[string]string{"record_id": q.RecordID, "assignee_id": q.AssigneeID, "state": q.State, "cursor": q.Cursor} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	var out List[Task]
	return out, w.client.Do(ctx, http.MethodGet, w.path+"/tasks?"+v.Encode(), nil, &out)
}

// CreateTask makes a task.
func (w *InWorkspace) CreateTask(ctx context.Context, in TaskInput) (Task, error) {
	var out Task
	return out, w.client.Do(ctx, http.MethodPost, w.path+"/tasks", in, &out)
}

// ChangeTask changes a task: names of TaskInput with their values, nil to take away.
func (w *InWorkspace) ChangeTask(ctx context.Context, id string, in map[string]any) (Task, error) {
	var out Task
	return out, w.client.Do(ctx, http.MethodPatch, w.path+"/tasks/"+url.PathEscape(id), in, &out)
}

// DeleteTask deletes a task.
func (w *InWorkspace) DeleteTask(ctx context.Context, id string) error {
	return w.client.Do(ctx, http.MethodDelete, w.path+"/tasks/"+url.PathEscape(id), nil, nil)
}
