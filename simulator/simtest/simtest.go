// Package simtest starts a simulator for the tests of its rooms, which talk to
// it with Google's own clients.
package simtest

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"

	"rapport/simulator"
	"rapport/simulator/world"
)

// Start of the clock: a Friday afternoon.
var Start = time.Date(2026, 11, 20, 15, 4, 0, 0, time.UTC)

// People of the world.
const (
	Mara  = "mara@lamps.example" // an administrator
	Jonas = "jonas@lamps.example"
	Elena = "elena@hotel.example" // of no organisation
	Other = "zoe@chairs.example"  // of another organisation
)

// House is a simulator that checks its own answers against the discovery
// documents.
type House struct {
	*simulator.Simulator
	t testing.TB
}

// Open starts one.
func Open(t testing.TB, more ...simulator.Account) *House {
	t.Helper()
	sim, err := simulator.New(simulator.Options{Seed: 1, Quota: "none", CheckAnswers: true, Now: func() time.Time { return Start },
		Accounts: append([]simulator.Account{
			{Email: Mara, Name: "Mara Lind", Admin: true, Title: "Head of Sales"},
			{Email: Jonas, Name: "Jonas Berg", OrgUnit: "/Sales/North"},
			{Email: Elena, Name: "Elena Conti", Kind: world.Outside},
			{Email: Other, Name: "Zoe Chair", Admin: true},
		}, more...)})
	require.NoError(t, err)
	require.NoError(t, sim.Start("127.0.0.1:0"))
	t.Cleanup(func() {
		require.NoError(t, sim.Close())
		http.DefaultClient.CloseIdleConnections()
	})
	return &House{sim, t}
}

const auth = "https://www.googleapis.com/auth/"

// Client is an HTTP client with a token for scopes, named without what Google
// puts before all of them. client may be empty.
func (h *House) Client(account, client string, scopes ...string) *http.Client {
	h.t.Helper()
	for i, s := range scopes {
		scopes[i] = auth + s
	}
	token, err := h.OAuth.IssueToken(account, client, scopes)
	require.NoError(h.t, err)
	return oauth2.NewClient(h.t.Context(), oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token}))
}

// Options make Google's client for an API that begins at path.
func (h *House) Options(path string, c *http.Client) []option.ClientOption {
	return []option.ClientOption{option.WithEndpoint(h.URL() + path), option.WithHTTPClient(c)}
}

// Refused requires Google's error: status, reason ("" where the API has none)
// and text.
func Refused(t testing.TB, err error, status int, reason, message string) {
	t.Helper()
	var e *googleapi.Error
	require.True(t, errors.As(err, &e), "%v", err)
	require.Equal(t, status, e.Code, "%v", err)
	require.Equal(t, message, e.Message)
	if reason != "" {
		require.NotEmpty(t, e.Errors)
		require.Equal(t, reason, e.Errors[0].Reason)
	}
}
