package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// MergeRequest asks to take records into another of their type.
type MergeRequest struct {
	OtherIDs []string          `json:"other_ids" minItems:"1" maxItems:"20"`
	Keep     map[string]string `json:"keep,omitempty" doc:"For fields with one value: the record, one of these, whose value stays. Without, the one they are taken into keeps what it has, and gets what it has not. Of fields with several values (e-mails, phones, domains, tags, people) all come together."`
}

// Merged is what merging came to.
type Merged struct {
	MergeID string `json:"merge_id" doc:"Undoes it."`
	Record  Record `json:"record"`
}

// Merge is records that were taken into another.
type Merge struct {
	ID       string      `json:"id"`
	Into     RecordRef   `json:"into"`
	Others   []RecordRef `json:"others"`
	By       NamedUser   `json:"by"`
	At       time.Time   `json:"at"`
	UndoneAt *time.Time  `json:"undone_at"`
}

// MergeUndone is what undoing a merge came to.
type MergeUndone struct {
	Merge  Merge    `json:"merge"`
	Record Record   `json:"record" doc:"The one that the others had been taken into."`
	Kept   []string `json:"kept" doc:"Fields that were changed since the merge: they stay as they are."`
}

// Duplicate is two records that may be the same.
type Duplicate struct {
	ID      string            `json:"id"`
	Records []Record          `json:"records" doc:"Two, the older first."`
	Reasons []DuplicateReason `json:"reasons"`
	Score   float64           `json:"score" doc:"0 to 1."`
}

// DuplicateReason is why two records may be the same.
type DuplicateReason struct {
	Kind   string `json:"kind" enum:"email,phone,name_company,domain,name"`
	Detail string `json:"detail" doc:"In words."`
}

// MergeRecords takes records into another.
func (w *InWorkspace) MergeRecords(ctx context.Context, into string, in MergeRequest) (Merged, error) {
	var out Merged
	return out, w.client.Do(ctx, http.MethodPost, w.record(into)+"/merge", in, &out)
}

// UndoMerge brings them back.
func (w *InWorkspace) UndoMerge(ctx context.Context, id string) (MergeUndone, error) {
	var out MergeUndone
	return out, w.client.Do(ctx, http.MethodPost, w.path+"/merges/"+url.PathEscape(id)+"/undo", nil, &out)
}

// Merges lists merges, the newest first; of a record, when one is named.
func (w *InWorkspace) Merges(ctx context.Context, record, cursor string) (List[Merge], error) {
	var out List[Merge]
	return out, w.client.Do(ctx, http.MethodGet, w.path+"/merges"+query("record_id", record, "cursor", cursor), nil, &out)
}

// Duplicates lists records that may be the same, the likeliest first.
func (w *InWorkspace) Duplicates(ctx context.Context, kind, record, cursor string) (List[Duplicate], error) {
	var out List[Duplicate]
	return out, w.client.Do(ctx, http.MethodGet, w.path+"/duplicates"+query("type", kind, "record_id", record, "cursor", cursor), nil, &out)
}

// DismissDuplicate says that two records are not the same; they are not listed again.
func (w *InWorkspace) DismissDuplicate(ctx context.Context, id string) error {
	return w.client.Do(ctx, http.MethodPost, w.path+"/duplicates/"+url.PathEscape(id)+"/dismiss", nil, nil)
}

// NewImport is a file that is to become records: content as text, or data as it is.
type NewImport struct {
	Type    string `json:"type" maxLength:"64" doc:"person, company, deal, or the key of a custom type."`
	Format  string `json:"format" enum:"csv,vcard"`
	Name    string `json:"name,omitempty" maxLength:"300" doc:"Of the file."`
	Content string `json:"content,omitempty" doc:"The file as text."`
	Data    []byte `json:"data,omitempty" doc:"The file as it is, base64: in UTF-8, UTF-16 or Windows-1252. At most 64 MB and 200,000 rows."`
}

// Import is a file that becomes records.
type Import struct {
	ID        string           `json:"id"`
	Type      string           `json:"type"`
	Format    string           `json:"format" enum:"csv,vcard"`
	Name      string           `json:"name"`
	State     string           `json:"state" enum:"ready,queued,running,done,undoing,undone" doc:"ready: looked at, nothing is stored."`
	Columns   []ImportColumn   `json:"columns"`
	OnMatch   string           `json:"on_match" enum:"update,skip,create" doc:"What becomes of a row whose record is there: by its id, an id in another system, an address (companies: a domain), or its name (people: in their company). update adds addresses and numbers, and sets other fields, those excepted that a person has typed."`
	Overwrite bool             `json:"overwrite" doc:"Fields that a person has typed are set, too."`
	Rows      int64            `json:"rows"`
	Done      int64            `json:"done" doc:"Rows that are through."`
	Preview   []ImportRow      `json:"preview" doc:"What would become of the first rows, and of the first below them that have mistakes."`
	Counts    map[string]int64 `json:"counts" doc:"Of a ready import: create, update, skip, error. Then created, updated, skipped, failed; undone and kept."`
	CreatedAt time.Time        `json:"created_at"`
	BeganAt   *time.Time       `json:"began_at"`
	EndedAt   *time.Time       `json:"ended_at"`
}

// ImportColumn is a column of a file.
type ImportColumn struct {
	Name    string   `json:"name"`
	Samples []string `json:"samples"`
	Field   string   `json:"field" doc:"What it becomes: a field of the type (email, phone, phone.mobile, company by name, owner by name or address, tags), fields.<key>, external.<system>, id; empty: nothing."`
}

// ImportRow is what would become of a row.
type ImportRow struct {
	Row    int64  `json:"row"`
	Action string `json:"action" enum:"create,update,skip,error"`
	Why    string `json:"why,omitempty"`
	Name   string `json:"name,omitempty"`
}

// ImportPatch changes an import that has not run; what is absent stays.
type ImportPatch struct {
	Mapping   map[string]string `json:"mapping,omitempty" doc:"Fields by columns; empty: nothing."`
	OnMatch   *string           `json:"on_match,omitempty" enum:"update,skip,create"`
	Overwrite *bool             `json:"overwrite,omitempty"`
}

// CreateImport lets a file be looked at. Nothing is stored.
func (w *InWorkspace) CreateImport(ctx context.Context, in NewImport) (Import, error) {
	var out Import
	return out, w.client.Do(ctx, http.MethodPost, w.path+"/imports", in, &out)
}

// Imports lists imports, the newest first.
func (w *InWorkspace) Imports(ctx context.Context, cursor string) (List[Import], error) {
	var out List[Import]
	return out, w.client.Do(ctx, http.MethodGet, w.path+"/imports"+query("cursor", cursor), nil, &out)
}

func (w *InWorkspace) anImport(id string) string { return w.path + "/imports/" + url.PathEscape(id) }

// Import reads one.
func (w *InWorkspace) Import(ctx context.Context, id string) (Import, error) {
	var out Import
	return out, w.client.Do(ctx, http.MethodGet, w.anImport(id), nil, &out)
}

// ChangeImport maps columns otherwise.
func (w *InWorkspace) ChangeImport(ctx context.Context, id string, in ImportPatch) (Import, error) {
	var out Import
	return out, w.client.Do(ctx, http.MethodPatch, w.anImport(id), in, &out)
}

// RunImport lets it be stored, in the background.
func (w *InWorkspace) RunImport(ctx context.Context, id string) (Import, error) {
	var out Import
	return out, w.client.Do(ctx, http.MethodPost, w.anImport(id)+"/run", nil, &out)
}

// UndoImport takes it back, in the background.
func (w *InWorkspace) UndoImport(ctx context.Context, id string) (Import, error) {
	var out Import
	return out, w.client.Do(ctx, http.MethodPost, w.anImport(id)+"/undo", nil, &out)
}
