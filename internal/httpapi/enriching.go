package httpapi

import (
	"context"
	"net/http"

	"rapport/client"
	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/enrich"
)

type (
	Sighting         = client.Sighting
	RecordSuggestion = client.RecordSuggestion
	FieldEvidence    = client.FieldEvidence
	EnrichRequest    = client.EnrichRequest
	Enriched         = client.Enriched
	Enrichment       = client.Enrichment
	EnrichmentPatch  = client.EnrichmentPatch
)

// registerEnriching is records that fill themselves from signatures.
func (s *Server) registerEnriching(r *router) {
	write := may(access.RecordsWrite)
	add(r, write, post, g+"/enrich", "enrich-connection", "Read all mail of a connection of one's own that was not read yet, to fill records", s.enrichConnection, status(202))
	add(r, write, post, w+"/records/{record_id}/enrich", "enrich-record", "Read the newest mail of a record's people now", s.enrichRecord, says(enrichSays))
	add(r, write, post, g+"/records/{record_id}/enrich", "enrich-record-of-google", "The same, under the path of the integration", s.enrichRecord, says(enrichSays))
	add(r, may(access.RecordsRead), get, w+"/records/{record_id}/evidence", "get-evidence", "What was seen in mail for the fields of a record", s.getEvidence,
		says("Lines are quoted from messages that the caller may read in full. Of others stands only that the value was seen."))
	add(r, may(access.RecordsRead), get, w+"/suggestions", "list-suggestions", "Values for records that somebody is to decide about, the newest first", s.listSuggestions)
	add(r, write, post, w+"/suggestions/{suggestion_id}/accept", "accept-suggestion", "Put a suggested value into its record", s.acceptSuggestion,
		says("It counts as typed by the caller: nothing overwrites it by itself."))
	add(r, write, post, w+"/suggestions/{suggestion_id}/dismiss", "dismiss-suggestion", "Say that a value is not wanted: it is not suggested again", s.dismissSuggestion)
	add(r, may(access.RecordsRead), get, w+"/enrichment", "get-enrichment", "How signatures are read in this workspace, and where data goes", s.getEnrichment)
	add(r, may(access.ObjectsManage), patch, w+"/enrichment", "change-enrichment", "Choose how signatures are read, and whether a model may", s.changeEnrichment,
		says("Another provider or address needs the key and the permission anew."))
}

const enrichSays = "At most 30 messages, of mailboxes whose owners let their mail be read. applied and suggested are about this record alone."

type enrichInput struct {
	InWorkspace
	Body *EnrichRequest
}

func (s *Server) enrichConnection(ctx context.Context, c access.Caller, in *enrichInput) (*runOutput, error) {
	var wish EnrichRequest
	if in.Body != nil {
		wish = *in.Body
	}
	if wish.ConnectionID == "" {
		conn, err := s.mine(ctx, c, "")
		if err != nil {
			return nil, err
		}
		wish.ConnectionID = string(conn.ID)
	}
	run, err := s.Enrich.RequestRunOf(ctx, c, crm.ConnectionID(wish.ConnectionID))
	if err != nil {
		return nil, err
	}
	return &runOutput{Status: http.StatusAccepted, Body: runShape(run)}, nil
}

// InEnrichedRecord is a path with a record.
type InEnrichedRecord struct {
	InWorkspace
	RecordID string `path:"record_id"`
}

func (s *Server) enrichRecord(ctx context.Context, c access.Caller, in *InEnrichedRecord) (*bodyOf[Enriched], error) {
	done, err := s.Enrich.EnrichRecord(ctx, c, crm.RecordID(in.RecordID))
	if err != nil {
		return nil, err
	}
	return &bodyOf[Enriched]{Enriched{Messages: done.Messages, Applied: each(done.Applied, sightingShape), Suggested: each(done.Suggested, sightingShape)}}, nil
}

func sightingShape(v crm.Sighting) Sighting {
	return Sighting{
		ID: string(v.ID), Field: v.Field, Value: v.Value, Label: v.Label, Ext: v.Ext, Line: v.Line, EmailID: string(v.EmailID), SeenAt: v.SeenAt.UTC(), Engine: v.Engine,
		Confidence: v.Confidence, State: string(v.State), Note: v.Note, DecidedBy: string(v.DecidedBy), DecidedAt: utc(v.DecidedAt),
	}
}

func (s *Server) getEvidence(ctx context.Context, c access.Caller, in *InEnrichedRecord) (*bodyOf[List[FieldEvidence]], error) {
	list, err := s.Enrich.Evidence(ctx, c, crm.RecordID(in.RecordID))
	if err != nil {
		return nil, err
	}
	at := map[string]int{}
	out := []FieldEvidence{}
	for _, v := range list {
		i, known := at[v.Field]
		if !known {
			i = len(out)
			at[v.Field] = i
			out = append(out, FieldEvidence{Field: v.Field})
		}
		out[i].Sightings = append(out[i].Sightings, sightingShape(v))
	}
	return listOf(out), nil
}

type suggestionsInput struct {
	InWorkspace
	PageInput
	RecordID string `query:"record_id"`
	State    string `query:"state" enum:"applied,confirmed,suggested,accepted,dismissed,superseded" default:"suggested"`
}

func (s *Server) listSuggestions(ctx context.Context, c access.Caller, in *suggestionsInput) (*bodyOf[List[RecordSuggestion]], error) {
	list, next, err := s.Enrich.List(ctx, c, enrich.SuggestionQuery{Record: crm.RecordID(in.RecordID), State: crm.SightingState(in.State), Cursor: in.Cursor, Limit: in.Limit})
	return pageOf(list, next, err, suggestionShape)
}

func suggestionShape(v enrich.Suggestion) RecordSuggestion {
	return RecordSuggestion{
		Sighting: sightingShape(v.Sighting), Record: client.RecordRef{ID: string(v.Record.ID), Type: string(v.Record.Type), Name: v.Record.Name}, Current: v.Current,
	}
}

type suggestionInput struct {
	InWorkspace
	SuggestionID string `path:"suggestion_id"`
}

func (s *Server) acceptSuggestion(ctx context.Context, c access.Caller, in *suggestionInput) (*bodyOf[RecordSuggestion], error) {
	return s.decideSuggestion(ctx, c, in, true)
}

func (s *Server) dismissSuggestion(ctx context.Context, c access.Caller, in *suggestionInput) (*bodyOf[RecordSuggestion], error) {
	return s.decideSuggestion(ctx, c, in, false)
}

func (s *Server) decideSuggestion(ctx context.Context, c access.Caller, in *suggestionInput, accept bool) (*bodyOf[RecordSuggestion], error) {
	v, err := s.Enrich.Decide(ctx, c, crm.SightingID(in.SuggestionID), accept)
	if err != nil {
		return nil, err
	}
	return &bodyOf[RecordSuggestion]{suggestionShape(v)}, nil
}

func (s *Server) getEnrichment(ctx context.Context, c access.Caller, _ *InWorkspace) (*bodyOf[Enrichment], error) {
	v, err := s.Enrich.Settings(ctx, c)
	if err != nil {
		return nil, err
	}
	return &bodyOf[Enrichment]{enrichmentShape(v)}, nil
}

func enrichmentShape(v enrich.Settings) Enrichment {
	return Enrichment{
		Mode: v.Mode, Allowed: v.Allowed, Provider: v.Provider, Model: v.Model, BaseURL: v.BaseURL, HasKey: v.HasKey, Installed: v.Installed, Statement: v.Statement,
		Trouble: v.Trouble, TroubleAt: utc(v.TroubleAt),
	}
}

type enrichmentInput struct {
	InWorkspace
	Body EnrichmentPatch
}

func (s *Server) changeEnrichment(ctx context.Context, c access.Caller, in *enrichmentInput) (*bodyOf[Enrichment], error) {
	v, err := s.Enrich.Change(ctx, c, enrich.Patch(in.Body))
	if err != nil {
		return nil, err
	}
	return &bodyOf[Enrichment]{enrichmentShape(v)}, nil
}
