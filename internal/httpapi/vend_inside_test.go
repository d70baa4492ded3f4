package httpapi

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What is written by hand is what encoding/json writes, or not written at all.
func TestAVendIsWrittenAsJSONIs(t *testing.T) {
	at := time.Date(2026, 5, 4, 9, 30, 5, 0, time.UTC)
	usual := VendedToken{AccessToken: "ya29.a0_-~+/=<&>", TokenType: "Bearer", UserID: "user 7@harbour-tea.example", Service: "gmail", ExpiresAt: at, Scopes: []string{"https://www.googleapis.com/auth/gmail.readonly", "openid"}}
	with := func(change func(*VendedToken)) VendedToken { v := usual; change(&v); return v }
	for name, c := range map[string]struct {
		v  VendedToken
		ok bool
	}{
		"usual":            {usual, true},
		"one scope":        {with(func(v *VendedToken) { v.Scopes = []string{"a"} }), true},
		"no scope":         {with(func(v *VendedToken) { v.Scopes = []string{} }), true},
		"empty":            {VendedToken{Scopes: []string{}, ExpiresAt: at}, true},
		"parts of seconds": {with(func(v *VendedToken) { v.ExpiresAt = at.Add(1500 * time.Millisecond) }), true},
		"null":             {with(func(v *VendedToken) { v.Scopes = nil }), false},
		"a quote":          {with(func(v *VendedToken) { v.UserID = `o"neill` }), false},
		"a backslash":      {with(func(v *VendedToken) { v.Service = `a\b` }), false},
		"another alphabet": {with(func(v *VendedToken) { v.UserID = "Mária" }), false},
		"a control letter": {with(func(v *VendedToken) { v.Scopes = []string{"a\nb"} }), false},
		"delete":           {with(func(v *VendedToken) { v.AccessToken = "a\x7f" }), false},
		"no UTF-8":         {with(func(v *VendedToken) { v.AccessToken = "a\xff" }), false},
		"a far year":       {with(func(v *VendedToken) { v.ExpiresAt = at.AddDate(8000, 0, 0) }), false},
		"a zone":           {with(func(v *VendedToken) { v.ExpiresAt = at.In(time.FixedZone("", 5400)) }), true},
	} {
		var want bytes.Buffer
		e := json.NewEncoder(&want)
		e.SetEscapeHTML(false)
		err := e.Encode(c.v)
		got, ok := appendVended(nil, c.v)
		require.Equal(t, c.ok, ok, name)
		if ok {
			require.NoError(t, err, name)
			require.Equal(t, want.String(), string(got), name)
		}
	}
}
