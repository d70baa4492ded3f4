package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Sighting is a value that was seen in a message, for a field of a record.
type Sighting struct {
	ID         string     `json:"id"`
	Field      string     `json:"field" enum:"name,title,company,phone,linkedin,website,address"`
	Value      string     `json:"value" doc:"As it is stored: E.164 for a phone."`
	Label      string     `json:"label" doc:"Of a phone: work, mobile, home, fax."`
	Ext        string     `json:"ext" doc:"Extension of a phone."`
	Line       string     `json:"line" doc:"The quoted line. Empty when the caller may not read the message."`
	EmailID    string     `json:"email_id" doc:"The message. Empty when the caller sees nothing of it."`
	SeenAt     time.Time  `json:"seen_at" doc:"When the message was sent."`
	Engine     string     `json:"engine" doc:"What read it: rules, or model: with provider and model."`
	Confidence float64    `json:"confidence" doc:"0 to 1."`
	State      string     `json:"state" enum:"applied,confirmed,suggested,accepted,dismissed,superseded" doc:"applied: it is the record's value by this message. confirmed: the record says so already. suggested: somebody is to decide. superseded: another value took its place."`
	Note       string     `json:"note" doc:"What a change may mean: may have changed job."`
	DecidedBy  string     `json:"decided_by" doc:"Who accepted or dismissed it."`
	DecidedAt  *time.Time `json:"decided_at"`
}

// RecordSuggestion is a value that somebody is to decide about.
type RecordSuggestion struct {
	Sighting
	Record  RecordRef `json:"record"`
	Current string    `json:"current" doc:"What the record says in this field now."`
}

// FieldEvidence is what was seen for one field, the newest first.
type FieldEvidence struct {
	Field     string     `json:"field"`
	Sightings []Sighting `json:"sightings"`
}

// EnrichRequest asks to look through the mail of a connection.
type EnrichRequest struct {
	ConnectionID string `json:"connection_id,omitempty" doc:"The caller's first connection when absent."`
}

// Enriched is what reading a record's mail came to.
type Enriched struct {
	Messages  int        `json:"messages" doc:"Messages that were read."`
	Applied   []Sighting `json:"applied"`
	Suggested []Sighting `json:"suggested"`
}

// Enrichment is what a workspace has decided about reading signatures.
type Enrichment struct {
	Mode      string     `json:"mode" enum:"rules,model,both"`
	Allowed   bool       `json:"allowed" doc:"A model may read mail of mailboxes whose owners have chosen it (settings, enrich: model)."`
	Provider  string     `json:"provider" doc:"openai (and what speaks like it), ollama, anthropic, gemini; empty: none."`
	Model     string     `json:"model"`
	BaseURL   string     `json:"base_url" doc:"Empty: the provider's own."`
	HasKey    bool       `json:"has_key"`
	Installed bool       `json:"installed" doc:"The model is that of whoever runs Rapport, not the workspace's own."`
	Statement string     `json:"statement" doc:"Where data goes, in words."`
	Trouble   string     `json:"trouble" doc:"Why the model cannot be used; empty: nothing is known. Rules go on meanwhile."`
	TroubleAt *time.Time `json:"trouble_at"`
}

// EnrichmentPatch changes it; what is absent stays. Another provider or address needs
// key and permission anew.
type EnrichmentPatch struct {
	Mode     *string `json:"mode,omitempty" enum:"rules,model,both"`
	Allowed  *bool   `json:"allowed,omitempty" doc:"Read the statement first."`
	Provider *string `json:"provider,omitempty" maxLength:"40" doc:"Empty: back to the model of whoever runs Rapport."`
	Model    *string `json:"model,omitempty" maxLength:"200"`
	BaseURL  *string `json:"base_url,omitempty" maxLength:"2000"`
	Key      *string `json:"key,omitempty" maxLength:"2000" doc:"Is kept sealed, and never shown again. Empty: taken away."`
}

// Enrich lets all mail of a connection of the caller's own be read that was not yet.
func (w *InWorkspace) Enrich(ctx context.Context, in EnrichRequest) (Run, error) {
	var out Run
	return out, w.client.Do(ctx, http.MethodPost, w.google+"/enrich", in, &out)
}

func (w *InWorkspace) enriched(record string) string {
	return w.path + "/records/" + url.PathEscape(record)
}

// EnrichRecord reads the newest mail of a record's people now.
func (w *InWorkspace) EnrichRecord(ctx context.Context, record string) (Enriched, error) {
	var out Enriched
	return out, w.client.Do(ctx, http.MethodPost, w.enriched(record)+"/enrich", nil, &out)
}

// Suggestions lists what was seen and became of it; record "" is all, state "" what is
// to be decided.
func (w *InWorkspace) Suggestions(ctx context.Context, record, state, cursor string) (List[RecordSuggestion], error) {
	var out List[RecordSuggestion]
	return out, w.client.Do(ctx, http.MethodGet, w.path+"/suggestions"+query("record_id", record, "state", state, "cursor", cursor), nil, &out)
}

// AcceptSuggestion puts a suggested value into its record.
func (w *InWorkspace) AcceptSuggestion(ctx context.Context, id string) (RecordSuggestion, error) {
	return w.decide(ctx, id, "accept")
}

// DismissSuggestion says that a value is not wanted: it is not suggested again.
func (w *InWorkspace) DismissSuggestion(ctx context.Context, id string) (RecordSuggestion, error) {
	return w.decide(ctx, id, "dismiss")
}

func (w *InWorkspace) decide(ctx context.Context, id, what string) (RecordSuggestion, error) {
	var out RecordSuggestion
	return out, w.client.Do(ctx, http.MethodPost, w.path+"/suggestions/"+url.PathEscape(id)+"/"+what, nil, &out)
}

// Evidence gives what was seen for each field of a record.
func (w *InWorkspace) Evidence(ctx context.Context, record string) (List[FieldEvidence], error) {
	var out List[FieldEvidence]
	return out, w.client.Do(ctx, http.MethodGet, w.enriched(record)+"/evidence", nil, &out)
}

// Enrichment gives what the workspace has decided about reading signatures.
func (w *InWorkspace) Enrichment(ctx context.Context) (Enrichment, error) {
	var out Enrichment
	return out, w.client.Do(ctx, http.MethodGet, w.path+"/enrichment", nil, &out)
}

// ChangeEnrichment changes it. Administrators may.
func (w *InWorkspace) ChangeEnrichment(ctx context.Context, in EnrichmentPatch) (Enrichment, error) {
	var out Enrichment
	return out, w.client.Do(ctx, http.MethodPatch, w.path+"/enrichment", in, &out)
}
