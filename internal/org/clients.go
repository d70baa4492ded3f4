package org

import (
	"context"
	"fmt"
	"strings"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
)

// GoogleClient is an OAuth client entered on the admin page. Its secret is kept
// sealed and never shown again.
type GoogleClient struct {
	ID          crm.ClientID
	WorkspaceID crm.WorkspaceID // "": serves every workspace of the installation
	Name        string
	GoogleID    string // client_id at Google
	CreatedAt   time.Time
	UpdatedAt   time.Time
	RetiredAt   *time.Time // no new connections are made with it
	Grants      int        // living grants made with it
}

// ClientRow is a client as it is stored.
type ClientRow struct {
	GoogleClient
	SealedSecret string // row: the id, field: FieldClientSecret
	CreatedBy    crm.UserID
}

// FieldClientSecret is the field that secrets of OAuth clients are sealed for.
const FieldClientSecret = "client_secret"

// ClientWish is an OAuth client as an administrator enters it. When one is
// changed, what is empty stays as it is.
type ClientWish struct {
	Name, GoogleID string
	Secret         crm.Secret
	Installation   bool // for every workspace: only owners of the first workspace may
}

const (
	clientEnding = ".apps.googleusercontent.com"
	secretBegin  = "GOCSPX-" // of client secrets that Google makes today
)

// GoogleClients lists the clients of the workspace and of the installation, the
// newest first.
func (s *Service) GoogleClients(ctx context.Context, c access.Caller) ([]GoogleClient, error) {
	if err := access.Allow(c, access.WorkspaceManage); err != nil {
		return nil, err
	}
	rows, err := s.Store.GoogleClientsOf(ctx, c.Workspace)
	list := make([]GoogleClient, len(rows))
	for i, r := range rows {
		list[i] = r.GoogleClient
	}
	return list, wrap("listing OAuth clients", err)
}

// AddGoogleClient stores a client: new connections are made with it from now
// on. One that was retired comes back with its grants.
func (s *Service) AddGoogleClient(ctx context.Context, c access.Caller, wish ClientWish) (GoogleClient, error) {
	if err := access.Allow(c, access.WorkspaceManage); err != nil {
		return GoogleClient{}, err
	}
	scope := c.Workspace
	if wish.Installation {
		if err := s.runsInstallation(ctx, c); err != nil {
			return GoogleClient{}, err
		}
		scope = ""
	}
	row := ClientRow{GoogleClient: GoogleClient{WorkspaceID: scope, CreatedAt: s.Now()}, CreatedBy: c.UserID}
	if wish.GoogleID = strings.TrimSpace(wish.GoogleID); wish.GoogleID == "" {
		return GoogleClient{}, invalid("google_client_id", "must not be empty")
	}
	if strings.TrimSpace(wish.Secret.Reveal()) == "" {
		return GoogleClient{}, invalid("client_secret", "must not be empty")
	}
	known, err := s.retired(ctx, c.Workspace, scope, wish.GoogleID)
	if err != nil {
		return GoogleClient{}, err
	}
	if known != nil {
		row = *known
		row.RetiredAt, row.CreatedAt = nil, s.Now()
	} else if row.ID, err = newID[crm.ClientID](s); err != nil {
		return GoogleClient{}, err
	}
	return s.saveClient(ctx, c, row, wish, "google_client.add")
}

// retired finds a retired client with an id at Google.
func (s *Service) retired(ctx context.Context, w, scope crm.WorkspaceID, googleID string) (*ClientRow, error) {
	rows, err := s.Store.GoogleClientsOf(ctx, w)
	if err != nil {
		return nil, wrap("listing OAuth clients", err)
	}
	for _, r := range rows {
		if r.WorkspaceID == scope && r.GoogleID == googleID && r.RetiredAt != nil {
			return &r, nil
		}
	}
	return nil, nil
}

// ChangeGoogleClient changes name, secret or id. The id stays once grants were
// made with it: they would be worth nothing with another.
func (s *Service) ChangeGoogleClient(ctx context.Context, c access.Caller, id crm.ClientID, wish ClientWish) (GoogleClient, error) {
	row, err := s.ownClient(ctx, c, id)
	if err != nil {
		return GoogleClient{}, err
	}
	googleID := strings.TrimSpace(wish.GoogleID)
	if googleID != "" && googleID != row.GoogleID && row.Grants > 0 {
		return GoogleClient{}, &fault.Error{Kind: fault.Conflict, Code: "client_in_use",
			Text: fmt.Sprintf("%d connections were made with this client, and they would stop working with another id. Add the other one as a new client, and retire this one.", row.Grants)}
	}
	return s.saveClient(ctx, c, row, wish, "google_client.change")
}

// saveClient checks a wish, seals the secret and stores the row.
func (s *Service) saveClient(ctx context.Context, c access.Caller, row ClientRow, wish ClientWish, action string) (GoogleClient, error) {
	if v := strings.TrimSpace(wish.GoogleID); v != "" {
		row.GoogleID = v
	}
	if v := strings.TrimSpace(wish.Name); v != "" {
		row.Name = v
	}
	if row.Name == "" {
		row.Name = strings.TrimSuffix(row.GoogleID, clientEnding)
	}
	if err := s.checkGoogleID(row.GoogleID); err != nil {
		return GoogleClient{}, err
	}
	if len(row.Name) > maxName {
		return GoogleClient{}, invalid("name", fmt.Sprintf("must have at most %d bytes", maxName))
	}
	detail := "client " + row.GoogleID
	if secret := crm.NewSecret(strings.TrimSpace(wish.Secret.Reveal())); !secret.IsZero() {
		if err := checkSecret(secret); err != nil {
			return GoogleClient{}, err
		}
		sealed, err := s.Sealer.Seal(string(row.ID), FieldClientSecret, secret)
		if err != nil {
			return GoogleClient{}, wrap("sealing the client secret", err)
		}
		row.SealedSecret = sealed
		detail += ", with a new secret"
	}
	if row.WorkspaceID == "" {
		detail += ", for the installation"
	}
	row.UpdatedAt = s.Now()
	err := s.Store.SaveGoogleClient(ctx, row, s.act(c, action, string(row.ID), detail))
	if fault.Is(err, fault.Conflict) {
		return GoogleClient{}, &fault.Error{Kind: fault.Conflict, Code: "client_exists", Text: "This OAuth client has been entered already. Change that entry instead.", Err: err}
	}
	return row.GoogleClient, wrap("storing the OAuth client", err)
}

func (s *Service) checkGoogleID(id string) error {
	switch {
	case strings.HasPrefix(id, secretBegin):
		return invalid("google_client_id", "looks like the client secret; the client id ends in "+clientEnding)
	case len(id) > 255 || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }):
		return invalid("google_client_id", "must be one word, as Google shows it")
	case !s.AnyClientID && (!strings.HasSuffix(id, clientEnding) || id == clientEnding):
		return invalid("google_client_id", "must end in "+clientEnding+"; copy it from Google Cloud console, APIs & Services, Credentials")
	}
	return nil
}

func checkSecret(secret crm.Secret) error {
	text := secret.Reveal()
	switch {
	case strings.HasSuffix(text, clientEnding):
		return invalid("client_secret", "looks like the client id; the secret stands beside it in Google Cloud console")
	case len(text) > 255 || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }):
		return invalid("client_secret", "must be one word, as Google shows it")
	}
	return nil
}

// RetireGoogleClient takes a client out of use: it is deleted, or kept for the
// grants that were made with it.
func (s *Service) RetireGoogleClient(ctx context.Context, c access.Caller, id crm.ClientID) error {
	row, err := s.ownClient(ctx, c, id)
	if err != nil {
		return err
	}
	_, err = s.Store.EndGoogleClient(ctx, id, s.Now(), s.act(c, "google_client.retire", string(id), "client "+row.GoogleID))
	return wrap("retiring the OAuth client", err)
}

// ownClient finds a client that the caller may change.
func (s *Service) ownClient(ctx context.Context, c access.Caller, id crm.ClientID) (ClientRow, error) {
	if err := access.Allow(c, access.WorkspaceManage); err != nil {
		return ClientRow{}, err
	}
	row, err := s.Store.GoogleClientRow(ctx, id)
	if err != nil {
		return ClientRow{}, wrap("finding the OAuth client", err)
	}
	switch row.WorkspaceID {
	case c.Workspace:
		return row, nil
	case "":
		return row, s.runsInstallation(ctx, c)
	}
	return ClientRow{}, fault.New(fault.NotFound, "There is no such OAuth client.")
}

// runsInstallation lets owners of the first workspace through, and the system.
func (s *Service) runsInstallation(ctx context.Context, c access.Caller) error {
	if c.Via == access.ViaSystem {
		return nil
	}
	first, err := s.Store.First(ctx)
	if err != nil {
		return wrap("finding the first workspace", err)
	}
	if first.ID != c.Workspace || c.Role != crm.RoleOwner {
		return fault.New(fault.Forbidden, "Only an owner of the installation's first workspace can do this. Add the client for this workspace alone instead.")
	}
	return nil
}
