package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app/apptest"
	"rapport/internal/config/configtest"
	"rapport/internal/crm"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/vault"
)

// subjects stores n grants of the token service, sealed with the first key.
func (b *broker) subjects(n int) {
	b.t.Helper()
	where := setting(b.environ, "DATABASE_PATH")
	if b.d == storetest.PostgreSQL {
		where = setting(b.environ, "DATABASE_URL")
	}
	s, err := store.Open(ctx, store.Options{URL: where})
	require.NoError(b.t, err)
	defer func() { require.NoError(b.t, s.Close()) }()
	first, _, _ := strings.Cut(setting(b.environ, "ENCRYPTION_KEY"), ",")
	sealer, err := vault.NewSealer(crm.NewSecret(first))
	require.NoError(b.t, err)
	scopes, _ := vault.ScopesOf(crm.ProfileFull, crm.ServiceGmail)
	refresh, err := b.sim.OAuth.IssueRefresh(apptest.Mara, setting(b.environ, "GOOGLE_CLIENT_ID"), scopes)
	require.NoError(b.t, err)
	for i := range n {
		now := time.Now().UTC()
		id, err := crm.NewID(now, rand.Reader)
		require.NoError(b.t, err)
		g := vault.Grant{ID: crm.GrantID(id), WorkspaceID: crm.WorkspaceID(b.home), UserID: crm.UserID(fmt.Sprintf("subject%04d", i)), Service: crm.ServiceGmail, GoogleSub: "1",
			GoogleEmail: apptest.Mara, ClientID: "env", Expiry: now.Add(time.Hour), Scopes: scopes, Status: vault.GrantActive, ConsentedAt: now, CreatedAt: now, UpdatedAt: now}
		if i%10 == 0 {
			g.Expiry = now.Add(-time.Minute) // these are refreshed under way
		}
		g.SealedAccess, err = sealer.Seal(id, "access_token", crm.NewSecret(fmt.Sprintf("ya29.token-of-subject%04d", i)))
		require.NoError(b.t, err)
		g.SealedRefresh, err = sealer.Seal(id, "refresh_token", crm.NewSecret(refresh))
		require.NoError(b.t, err)
		require.NoError(b.t, s.SaveGrant(ctx, g))
	}
}

// under vends all the time, to the end of what is done meanwhile, and requires
// that no vend fails.
func (b *broker) under(n int, meanwhile func()) (served int64) {
	b.t.Helper()
	var over atomic.Bool
	var all sync.WaitGroup
	var count atomic.Int64
	for i := range 8 {
		all.Go(func() {
			for k := i; !over.Load(); k += 7 {
				a := b.vend(k, fmt.Sprintf("subject%04d", k%n), "gmail")
				if a.status != http.StatusOK {
					b.t.Errorf("%d %s", a.status, a.text)
					return
				}
				count.Add(1)
			}
		})
	}
	meanwhile()
	over.Store(true)
	all.Wait()
	require.False(b.t, b.t.Failed())
	return count.Load()
}

type rotated struct {
	Seen, Resealed, Clients int64
	Failed                  []string
}

func (b *broker) rotate() rotated {
	b.t.Helper()
	r := runs(b.t, b.environ, "keys", "rotate", "--json")
	require.Equal(b.t, exitOK, r.code, "%s%s", r.out, r.errs)
	var out rotated
	require.NoError(b.t, json.Unmarshal([]byte(r.out), &out), r.out)
	return out
}

// TestKeysRotateUnderLoad changes the encryption key while tokens are vended and
// refreshed: no vend fails, and afterwards the old key is not needed.
func TestKeysRotateUnderLoad(t *testing.T) {
	eachBroker(t, func(t *testing.T, b *broker) {
		const n = 300
		b.subjects(n)
		_, err := b.owner.Workspace(b.home).AddGoogleClient(ctx, client.NewGoogleClient{GoogleClientID: "100000000077-page.apps.googleusercontent.com", ClientSecret: "GOCSPX-of-the-page"})
		require.NoError(t, err)
		b.restart("ENCRYPTION_KEY=" + newKey + "," + configtest.Key)
		var done rotated
		served := b.under(n, func() { done = b.rotate() })
		require.EqualValues(t, n, done.Seen)
		require.Greater(t, done.Resealed, int64(n/2), "what was refreshed meanwhile is under the new key already")
		require.Empty(t, done.Failed)
		require.EqualValues(t, 1, done.Clients)
		t.Logf("%d vends meanwhile", served)
		require.Zero(t, b.rotate().Resealed, "it is complete")
		b.restart("ENCRYPTION_KEY=" + newKey)
		for i := range n {
			a := b.vend(i, fmt.Sprintf("subject%04d", i), "gmail")
			require.Equal(t, http.StatusOK, a.status, a.text)
		}
		b.authorise("by-the-client-of-the-page", "gmail", apptest.Jonas)
	})
}

// TestKeysRotateIsKilled kills the rotation with -9 in the middle, twice, under
// load; run again it goes to the end.
func TestKeysRotateIsKilled(t *testing.T) {
	eachBroker(t, func(t *testing.T, b *broker) {
		const n = 2000
		b.subjects(n)
		b.restart("ENCRYPTION_KEY=" + newKey + "," + configtest.Key)
		var last rotated
		b.under(n, func() {
			for _, place := range []int{n / 8, n / 4} {
				c := command(t, b.environ, "keys", "rotate", "--json")
				require.NoError(t, c.Start())
				b.killedWhen(c, fmt.Sprintf("subject%04d", place-place%10+1)) // one that no vend refreshes
			}
			last = b.rotate()
		})
		require.EqualValues(t, n, last.Seen)
		require.Positive(t, last.Resealed, "it was killed in the middle")
		require.Less(t, last.Resealed, int64(n), "what was done is kept")
		b.restart("ENCRYPTION_KEY=" + newKey)
		for i := range n {
			a := b.vend(i, fmt.Sprintf("subject%04d", i), "gmail")
			require.Equal(t, http.StatusOK, a.status, a.text)
		}
	})
}

// killedWhen kills a rotation when it has come to the grant of a subject.
func (b *broker) killedWhen(c *exec.Cmd, subject string) {
	b.t.Helper()
	db := b.database()
	sealer, err := vault.NewSealer(crm.NewSecret(newKey))
	require.NoError(b.t, err)
	var id string
	require.NoError(b.t, db.QueryRow("SELECT id FROM oauth_grants WHERE subject = $1", subject).Scan(&id))
	there := func() bool {
		var value string
		require.NoError(b.t, db.QueryRow("SELECT refresh_token FROM oauth_grants WHERE id = $1", id).Scan(&value))
		return sealer.Current(id, "refresh_token", value)
	}
	for until := time.Now().Add(30 * time.Second); !there(); {
		require.True(b.t, time.Now().Before(until), "it does not get on")
	}
	require.NoError(b.t, c.Process.Kill())
	require.Error(b.t, c.Wait(), "it had ended")
}

// TestALostKey starts with a key that opens nothing: each vend says so and how
// to go on, the rest of the service runs, and new access works.
func TestALostKey(t *testing.T) {
	eachBroker(t, func(t *testing.T, b *broker) {
		b.authorise("old", "gmail", apptest.Mara)
		b.restart("ENCRYPTION_KEY=" + newKey)
		for range 3 {
			for i := range b.servers {
				a := b.vend(i, "old", "gmail")
				require.Equal(t, http.StatusConflict, a.status, a.text)
				require.Equal(t, "decryption_failed", a.code, a.text)
				require.Contains(t, a.text, "/oauth/authorize")
			}
		}
		for _, s := range b.servers {
			require.Equal(t, http.StatusOK, b.call(http.MethodGet, s.url+"/ready", "").status)
		}
		audited := dump(t, b.database(), "audit_log")
		require.Contains(t, audited, "token.unseal")
		b.authorise("new", "gmail", apptest.Jonas)
		require.Equal(t, http.StatusOK, b.vend(0, "new", "gmail").status)
		b.restart("ENCRYPTION_KEY=" + newKey + "," + configtest.Key)
		require.Equal(t, http.StatusOK, b.vend(0, "old", "gmail").status, "the key is back")
		require.Equal(t, http.StatusOK, b.vend(0, "new", "gmail").status)
	})
}
