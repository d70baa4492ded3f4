package app

import (
	"context"
	"fmt"

	"rapport/internal/config"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/org"
	"rapport/internal/vault"
)

// environmentClient is the OAuth client of the settings.
const environmentClient crm.ClientID = "env"

// clientRows are the OAuth clients that were entered on the admin page.
type clientRows interface {
	GoogleClientRow(ctx context.Context, id crm.ClientID) (org.ClientRow, error)
	DefaultGoogleClient(ctx context.Context, w crm.WorkspaceID) (org.ClientRow, error)
	SealedClients(ctx context.Context) ([]vault.SealedClient, error)
	Only(ctx context.Context) (crm.Workspace, error)
}

// clients finds OAuth clients: those of the admin page win over the one of the
// settings. A grant stays with the client it was made with.
type clients struct {
	config *config.Config
	rows   clientRows
	sealer *vault.Sealer
}

// Client finds a client by our id for it; retired ones too, since grants live on
// with them.
func (c clients) Client(ctx context.Context, id crm.ClientID) (vault.Client, error) {
	if id == environmentClient {
		return c.environment()
	}
	row, err := c.rows.GoogleClientRow(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return vault.Client{}, fault.New(fault.NotFound, "This OAuth client is not configured any more.")
	}
	if err != nil {
		return vault.Client{}, fmt.Errorf("reading an OAuth client: %w", err)
	}
	return c.opened(row)
}

// Default gives the client new connections of a workspace are made with; without
// a workspace, the one people sign in with.
func (c clients) Default(ctx context.Context, w crm.WorkspaceID) (vault.Client, error) {
	row, err := c.rows.DefaultGoogleClient(ctx, w)
	if err == nil {
		return c.opened(row)
	}
	if !fault.Is(err, fault.NotFound) {
		return vault.Client{}, fmt.Errorf("reading the OAuth client: %w", err)
	}
	client, err := c.environment()
	if fault.Is(err, fault.NotFound) && w == "" {
		// Where there is one workspace, its client is the installation's.
		if only, err := c.rows.Only(ctx); err == nil {
			return c.Default(ctx, only.ID)
		}
	}
	if fault.Is(err, fault.NotFound) {
		return vault.Client{}, &fault.Error{
			Kind: fault.Conflict, Code: "google_not_configured",
			Text: "No Google OAuth client is configured. An administrator can enter one on the page Google credentials, or an operator sets GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET.",
		}
	}
	return client, err
}

func (c clients) environment() (vault.Client, error) {
	if !c.config.HasGoogleClient() {
		return vault.Client{}, fault.New(fault.NotFound, "This OAuth client is not configured any more.")
	}
	return vault.Client{
		ID: environmentClient, GoogleID: c.config.GoogleClientID, Secret: c.config.GoogleClientSecret, RedirectURI: c.config.GoogleRedirectURI,
	}, nil
}

// opened is a stored client with its secret. The redirect URI follows the public
// address, since it is the installation that people come back to.
func (c clients) opened(row org.ClientRow) (vault.Client, error) {
	secret, err := c.sealer.Open(string(row.ID), org.FieldClientSecret, row.SealedSecret)
	if err != nil {
		return vault.Client{}, &fault.Error{Kind: fault.Unavailable, Code: "client_secret_lost", Err: err,
			Text: "The secret of the OAuth client cannot be decrypted with the configured keys. An administrator has to enter it again on the page Google credentials."}
	}
	return vault.Client{ID: row.ID, GoogleID: row.GoogleID, Secret: secret, RedirectURI: c.config.GoogleRedirectURI}, nil
}

// all are the clients that Google may mean when it says something about us.
// Their secrets are not needed for that and left out.
func (c clients) all(ctx context.Context) ([]vault.Client, error) {
	var out []vault.Client
	if env, err := c.environment(); err == nil {
		env.Secret = crm.Secret{}
		out = append(out, env)
	}
	list, err := c.rows.SealedClients(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading OAuth clients: %w", err)
	}
	for _, one := range list {
		row, err := c.rows.GoogleClientRow(ctx, one.ID)
		if fault.Is(err, fault.NotFound) {
			continue // deleted meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("reading an OAuth client: %w", err)
		}
		out = append(out, vault.Client{ID: row.ID, GoogleID: row.GoogleID, RedirectURI: c.config.GoogleRedirectURI})
	}
	return out, nil
}

// googleSignIn reports whether people can sign in with Google.
func (a *App) googleSignIn(ctx context.Context) bool {
	_, err := a.clients.Default(ctx, "")
	return err == nil
}
