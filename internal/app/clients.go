package app

import (
	"context"

	"rapport/internal/config"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/vault"
)

// environmentClient is the OAuth client of the settings.
const environmentClient crm.ClientID = "env"

// clients gives the OAuth client of the settings to everybody.
type clients struct{ config *config.Config }

// Client finds a client by our id for it.
func (c clients) Client(ctx context.Context, id crm.ClientID) (vault.Client, error) {
	if id != environmentClient {
		return vault.Client{}, fault.New(fault.NotFound, "This OAuth client is not configured any more.")
	}
	return c.Default(ctx, "")
}

// Default gives the client new connections of a workspace are made with.
func (c clients) Default(context.Context, crm.WorkspaceID) (vault.Client, error) {
	if !c.config.HasGoogleClient() {
		return vault.Client{}, &fault.Error{
			Kind: fault.Conflict, Code: "google_not_configured",
			Text: "No Google OAuth client is configured. An operator has to set GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET.",
		}
	}
	return vault.Client{
		ID: environmentClient, GoogleID: c.config.GoogleClientID, Secret: c.config.GoogleClientSecret, RedirectURI: c.config.GoogleRedirectURI,
	}, nil
}
