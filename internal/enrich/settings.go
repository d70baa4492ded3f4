package enrich

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
)

// Settings are what a workspace has decided about reading mail for its records, and
// what follows from it.
type Settings struct {
	Mode      string
	Provider  string // "": no model
	Model     string
	BaseURL   string
	HasKey    bool
	Installed bool // the model is the operator's, not the workspace's own
	Allowed   bool
	Statement string // where data goes, in words
	Trouble   string
	TroubleAt *time.Time
	UpdatedBy crm.UserID
	UpdatedAt time.Time
}

// Patch changes them; what is nil stays. An empty Provider goes back to the
// operator's model.
type Patch struct {
	Mode     *string
	Allowed  *bool
	Provider *string
	Model    *string
	BaseURL  *string
	Key      *string
}

const keyField = "model_key"

// mode is that of the workspace, else the installation's.
func (s *Service) mode(c Choice) string {
	switch {
	case slices.Contains(Modes, c.Mode):
		return c.Mode
	case slices.Contains(Modes, s.Installed.Mode):
		return s.Installed.Mode
	}
	return ModeRules
}

// model opens the model of a workspace, nil where there is none.
func (s *Service) model(w crm.WorkspaceID, c Choice) (Model, error) {
	settings := s.Installed.Model
	settings.Trusted = true
	if c.Provider != "" {
		settings = ModelSettings{Provider: c.Provider, Model: c.Model, BaseURL: c.BaseURL, Timeout: s.Installed.Model.Timeout}
		if c.SealedKey != "" {
			key, err := s.Sealer.Open(string(w), keyField, c.SealedKey)
			if err != nil {
				return nil, &fault.Error{Kind: fault.Blocked, Code: "key_unreadable", Text: "The model's API key cannot be read any more. Enter it again.", Err: err}
			}
			settings.Key = key
		}
	}
	if settings.Provider == "" {
		return nil, nil
	}
	return s.Models.Open(settings)
}

// Settings of the caller's workspace.
func (s *Service) Settings(ctx context.Context, c access.Caller) (Settings, error) {
	if err := access.Allow(c, access.RecordsRead); err != nil {
		return Settings{}, err
	}
	choice, err := s.Rows.Choice(ctx, c.Workspace)
	if err != nil {
		return Settings{}, err
	}
	return s.settings(c.Workspace, choice), nil
}

func (s *Service) settings(w crm.WorkspaceID, c Choice) Settings {
	out := Settings{
		Mode: s.mode(c), Allowed: c.Allowed, Provider: c.Provider, Model: c.Model, BaseURL: c.BaseURL, HasKey: c.SealedKey != "",
		Trouble: c.Trouble, TroubleAt: c.TroubleAt, UpdatedBy: c.UpdatedBy, UpdatedAt: c.UpdatedAt,
	}
	if c.Provider == "" {
		i := s.Installed.Model
		out.Provider, out.Model, out.BaseURL, out.HasKey, out.Installed = i.Provider, i.Model, i.BaseURL, !i.Key.IsZero(), i.Provider != ""
	}
	m, err := s.model(w, c)
	if err != nil && out.Trouble == "" {
		out.Trouble = plain(err)
	}
	out.Statement = statement(out, m)
	return out
}

// statement says where data goes.
func statement(s Settings, m Model) string {
	const here = "Signatures are read on this server, by rules: nothing of your mail leaves it."
	if m == nil {
		return here
	}
	sent := fmt.Sprintf("of each new message from a person in your CRM the sender's name and the end of what they wrote themselves (at most %d lines) %%s sent to %s (%s, model %s) and read there. "+
		"Not sent: e-mail addresses, the subject, quoted mail, attachments, bulk mail, mail of your own, mail with protected addresses, and all mail of mailboxes whose owners have not chosen it. "+
		"What becomes of it there is between you and whoever runs that server.", mostLines, m.Where(), s.Provider, s.Model)
	switch {
	case !s.Allowed:
		return here + " If a model is allowed, " + fmt.Sprintf(sent, "is")
	case s.Mode == ModeRules:
		return here + " A model is allowed, and the mode does not use it."
	}
	return strings.ToUpper(sent[:1]) + fmt.Sprintf(sent, "is")[1:]
}

// Change changes the settings of a workspace. A key belongs to the server it was
// entered for: another provider or address needs it anew.
func (s *Service) Change(ctx context.Context, c access.Caller, p Patch) (Settings, error) {
	if err := access.Allow(c, access.ObjectsManage); err != nil {
		return Settings{}, err
	}
	choice, err := s.Rows.ChangeChoice(ctx, c.Workspace, func(to *Choice) (access.Audit, error) {
		if err := s.apply(c.Workspace, to, p); err != nil {
			return access.Audit{}, err
		}
		to.Trouble, to.TroubleAt = "", nil
		detail := fmt.Sprintf("mode %s; model allowed: %t", s.mode(*to), to.Allowed)
		if to.Provider != "" {
			detail += "; " + to.Provider + "/" + to.Model
		}
		return access.Audit{
			At: s.Now(), Workspace: c.Workspace, UserID: c.UserID, KeyID: c.KeyID, Via: c.Via, Action: "enrichment.change", Target: string(c.Workspace), Outcome: "ok", Detail: detail, Remote: c.Remote,
		}, nil
	})
	if err != nil {
		return Settings{}, err
	}
	return s.settings(c.Workspace, choice), nil
}

func (s *Service) apply(w crm.WorkspaceID, to *Choice, p Patch) error {
	if p.Mode != nil {
		if !slices.Contains(Modes, *p.Mode) {
			return &fault.Error{Kind: fault.Invalid, Text: "There is no such mode.", Fields: map[string]string{"mode": "must be one of " + strings.Join(Modes, ", ")}}
		}
		to.Mode = *p.Mode
	}
	before := *to
	for _, f := range []struct{ to, from *string }{{&to.Provider, p.Provider}, {&to.Model, p.Model}, {&to.BaseURL, p.BaseURL}} {
		if f.from != nil {
			*f.to = strings.TrimSpace(*f.from)
		}
	}
	if to.Provider == "" {
		to.Model, to.BaseURL, to.SealedKey = "", "", ""
	}
	moved := to.Provider != before.Provider || to.BaseURL != before.BaseURL
	if moved {
		to.SealedKey = ""
	}
	if p.Key != nil && to.Provider != "" {
		to.SealedKey = ""
		if key := strings.TrimSpace(*p.Key); key != "" {
			sealed, err := s.Sealer.Seal(string(w), keyField, crm.NewSecret(key))
			if err != nil {
				return fmt.Errorf("sealing the key of a model: %w", err)
			}
			to.SealedKey = sealed
		}
	}
	if p.Allowed != nil {
		to.Allowed = *p.Allowed
	}
	if moved && p.Allowed == nil { // what was allowed was another server
		to.Allowed = false
	}
	if !to.Allowed && p.Provider == nil && p.Model == nil && p.BaseURL == nil && p.Key == nil {
		return nil // who takes the permission back needs no model that works
	}
	m, err := s.model(w, *to)
	if err != nil {
		return err
	}
	if to.Allowed && m == nil {
		return &fault.Error{Kind: fault.Conflict, Code: "no_model", Text: "There is no model to allow. Choose a provider and a model first."}
	}
	return nil
}

// Probe is what asking a model something made up came to.
type Probe struct {
	Used  bool   // the workspace lets a model read
	Name  string // of the model; "" for none
	Where string
	Err   error
}

// Probe asks the model of a workspace something made up, to see whether it answers.
func (s *Service) Probe(ctx context.Context, w crm.WorkspaceID) (Probe, error) {
	choice, err := s.Rows.Choice(ctx, w)
	if err != nil {
		return Probe{}, err
	}
	out := Probe{Used: choice.Allowed && s.mode(choice) != ModeRules}
	m, err := s.model(w, choice)
	if err != nil {
		out.Err = err
		return out, nil
	}
	if m == nil {
		return out, nil
	}
	out.Name, out.Where = m.Name(), m.Where()
	if out.Used {
		_, out.Err = m.Ask(ctx, Question{Instructions: instructions, Text: madeUp, Name: "contact", Shape: contactShape, Most: mostWords})
	}
	return out, nil
}

// madeUp is a question about nobody.
var madeUp = func() string {
	b, _ := json.Marshal(map[string]string{"sender": "Mara Example", "text": "Kind regards\nMara Example\nExample Lamps"})
	return string(b)
}()

// Resealed is what sealing all keys anew came to.
type Resealed struct {
	Resealed int64
	Failed   []crm.WorkspaceID // no key opens theirs: it has to be entered again
}

// Reseal seals all keys of models under the first key of the installation, while the
// service runs.
func (s *Service) Reseal(ctx context.Context) (Resealed, error) {
	var r Resealed
	all, err := s.Rows.SealedKeys(ctx)
	if err != nil {
		return r, fmt.Errorf("reading keys of models: %w", err)
	}
	for w, old := range all {
		if s.Sealer.Current(string(w), keyField, old) {
			continue
		}
		key, err := s.Sealer.Open(string(w), keyField, old)
		if err != nil {
			r.Failed = append(r.Failed, w)
			continue
		}
		sealed, err := s.Sealer.Seal(string(w), keyField, key)
		if err != nil {
			return r, fmt.Errorf("sealing the key of a model: %w", err)
		}
		if err := s.Rows.ResealKey(ctx, w, old, sealed); err != nil {
			return r, fmt.Errorf("swapping the key of a model: %w", err)
		}
		r.Resealed++
	}
	return r, nil
}
