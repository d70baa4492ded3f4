package app

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/enrich"
	"rapport/internal/enrich/signature"
	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/llm"
)

// buildEnrich makes the room and joins it with its doors.
func (a *App) buildEnrich(d doors) error {
	c := a.Config
	installed := enrich.Installed{Mode: c.EnrichMode, Model: enrich.ModelSettings{
		Provider: c.LLMProvider, Model: c.LLMModel, BaseURL: c.LLMBaseURL, Key: c.LLMKey, Timeout: c.LLMTimeout, Trusted: true,
	}}
	models := llm.New(llm.Options{Everywhere: c.OutboundPrivate, UserAgent: a.agent(), Now: a.now, Trace: tracedTransport(c.Tracing())})
	if installed.Model.Provider != "" {
		if _, err := models.Open(installed.Model); err != nil {
			return trouble(WithConfiguration, nil, "%s", modelMistakes(err))
		}
	}
	a.Enrich = &enrich.Service{
		Rows: a.Store, Runs: a.Store, Connections: a.Store, Queue: a.Store, Models: models, Sealer: d.sealer, Extract: signature.Extract, Installed: installed,
		Now: a.now, Random: rand.Reader, Log: a.log, Budget: 4 * stepBudget,
	}
	return nil
}

// modelMistakes names the settings that are wrong.
func modelMistakes(err error) string {
	var f *fault.Error
	if !errors.As(err, &f) {
		return err.Error()
	}
	for _, v := range []struct{ field, variable string }{{"provider", "LLM_PROVIDER"}, {"model", "LLM_MODEL"}, {"base_url", "LLM_BASE_URL"}, {"key", "LLM_API_KEY"}} {
		if says := f.Fields[v.field]; says != "" {
			return v.variable + ": " + says
		}
	}
	return f.Text
}

// enrichWork is what it does in the background.
func (a *App) enrichWork() background { return background{definitions: a.Enrich.Definitions()} }

// enrichCorridors is what follows from facts there.
func (a *App) enrichCorridors() []corridor {
	return []corridor{
		{fact.MailArrived, "its signatures are read", a.readSignatures},
		{fact.RecordCreated, "mail of new people is read for them", a.readForRecords},
		{fact.RecordChanged, "mail that has become theirs is read for them", a.readForRecords},
		{fact.RecordRestored, "mail that came meanwhile is read for them", a.readForRecords},
		{fact.RecordLinked, "what people are is looked at anew", a.readForRecords},
	}
}

func (a *App) readSignatures(ctx context.Context, f fact.Fact) error {
	var arrived struct{ IDs []crm.EmailID }
	if err := json.Unmarshal(f.Data, &arrived); err != nil {
		return fmt.Errorf("reading a fact: %w", err)
	}
	return a.Enrich.MailArrived(ctx, f.ConnectionID, arrived.IDs)
}

func (a *App) readForRecords(ctx context.Context, f fact.Fact) error {
	var changed struct{ IDs []crm.RecordID }
	if err := json.Unmarshal(f.Data, &changed); err != nil {
		return fmt.Errorf("reading a fact: %w", err)
	}
	return a.Enrich.RecordsChanged(ctx, f.WorkspaceID, changed.IDs)
}

// EnrichNow reads all mail of a mailbox that was not read yet, and waits for the end.
func (a *App) EnrichNow(ctx context.Context, c crm.Connection, see func(run crm.Run, waits string)) (crm.Run, error) {
	run, err := a.Enrich.RequestRun(ctx, access.System(c.WorkspaceID), c)
	if err != nil {
		return run, err
	}
	return a.await(ctx, c, run, enrich.KindConsider, see)
}

// model looks at the model that reads signatures.
func (x *examination) model(ctx context.Context) Finding {
	w, err := x.home(ctx)
	if err != nil {
		return skipped("There is no workspace to look at yet.")
	}
	p, err := x.app.Enrich.Probe(ctx, w.ID)
	const fix = "Correct it on the page Enrichment, or LLM_PROVIDER, LLM_MODEL, LLM_BASE_URL and LLM_API_KEY."
	switch {
	case err != nil:
		return warned("Try again.", "What the workspace has chosen could not be read: %s", lastWord(err))
	case p.Name == "" && p.Err == nil:
		return skipped("No model is set up: signatures are read by rules, on this machine.")
	case p.Err != nil:
		return warned(fix, "The model cannot be used, and rules go on alone: %s", lastWord(p.Err))
	case !p.Used:
		return skipped("%s is set up, and the workspace does not let it read mail.", p.Name)
	}
	return good("%s at %s answers.", p.Name, p.Where)
}
