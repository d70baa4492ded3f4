package main

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/app/apptest"
	"rapport/internal/vault"
)

const crowdSize = 64

// TestACrowdRefreshesOnce lets 64 callers want a token that has ended, and one
// that is about to: one refresh, everybody has the new token or a valid one.
func TestACrowdRefreshesOnce(t *testing.T) {
	eachBroker(t, func(t *testing.T, b *broker) {
		db := b.database()
		for name, in := range map[string]time.Duration{"ended": -time.Minute, "about-to-end": 2 * time.Minute} {
			subject := "user-" + name
			b.authorise(subject, "gmail", apptest.Mara)
			b.ends(db, subject, in)
			since := b.mark()
			tokens := map[string]bool{}
			for _, a := range b.crowd(crowdSize, subject, "gmail") {
				require.Equal(t, http.StatusOK, a.status, a.text)
				tokens[a.token] = true
			}
			if in < 0 {
				require.Len(t, tokens, 1, "everybody has the same new token")
			}
			require.LessOrEqual(t, len(tokens), 2)
			for token := range tokens {
				b.works(token)
			}
			require.Equal(t, 1, b.refreshes(since), name)
			require.Equal(t, http.StatusOK, b.vend(0, subject, "gmail").status)
			require.Equal(t, 1, b.refreshes(since), "the new token is used")
		}
	})
}

// TestACrowdWhileRefreshesFail: the token endpoint fails twice, then works. A
// token that still works is given meanwhile; without one callers come back when
// they are told to. Nobody hammers.
func TestACrowdWhileRefreshesFail(t *testing.T) {
	eachBroker(t, func(t *testing.T, b *broker) {
		db := b.database()
		failing := func() {
			control(t, b.sim, http.MethodPost, "faults", `{"api":"oauth","method":"token","kind":"status","status":503,"times":2}`, nil)
		}
		b.authorise("valid", "gmail", apptest.Mara)
		old := b.kept(db, "valid")
		b.ends(db, "valid", 2*time.Minute)
		failing()
		since := b.mark()
		for _, a := range b.crowd(crowdSize, "valid", "gmail") {
			require.Equal(t, http.StatusOK, a.status, "the old token still works: %s", a.text)
		}
		require.LessOrEqual(t, b.refreshes(since), 3, "a slow crowd meets the third, too")
		require.Eventually(t, func() bool {
			a := b.vend(1, "valid", "gmail")
			require.Equal(t, http.StatusOK, a.status, a.text)
			return a.token != old
		}, 30*time.Second, 50*time.Millisecond, "it is tried again")
		require.Equal(t, 3, b.refreshes(since))

		b.authorise("ended", "gmail", apptest.Jonas)
		b.ends(db, "ended", -time.Minute)
		failing()
		since = b.mark()
		var all sync.WaitGroup
		var refused atomic.Int64
		tokens := make([]string, crowdSize)
		for i := range tokens {
			all.Go(func() {
				for until := time.Now().Add(40 * time.Second); time.Now().Before(until); {
					a := b.vend(i, "ended", "gmail")
					if a.status == http.StatusOK {
						tokens[i] = a.token
						return
					}
					if a.status != http.StatusServiceUnavailable || a.code != "google_unavailable" || a.after <= 0 {
						t.Errorf("%d %s, again after %s", a.status, a.text, a.after)
						return
					}
					refused.Add(1)
					later := time.NewTimer(a.after)
					<-later.C
				}
			})
		}
		all.Wait()
		for _, token := range tokens {
			require.Equal(t, tokens[0], token)
		}
		b.works(tokens[0])
		require.Positive(t, refused.Load())
		require.Equal(t, 3, b.refreshes(since), "two failed, one worked: nobody else asked")
	})
}

// TestACrowdAtADeadGrant lets access be withdrawn while tokens are vended: all
// are told to authorise again, and Google is asked once.
func TestACrowdAtADeadGrant(t *testing.T) {
	eachBroker(t, func(t *testing.T, b *broker) {
		b.authorise("plugin/7", "gmail", apptest.Mara)
		subject := url.PathEscape("plugin/7")
		b.ends(b.database(), "plugin/7", vault.DefaultAhead+20*time.Second) // then it is refreshed; access is withdrawn long before
		since := b.mark()
		var withdrawn atomic.Bool
		var all sync.WaitGroup
		var good, dead atomic.Int64
		enough, ended := make(chan struct{}), make(chan struct{})
		for i := range crowdSize {
			all.Go(func() {
				for until := time.Now().Add(90 * time.Second); time.Now().Before(until); {
					before := withdrawn.Load()
					switch a := b.vend(i, subject, "gmail"); {
					case a.status == http.StatusOK:
						if good.Add(1) == crowdSize+1 {
							close(enough)
						}
					case a.status == http.StatusConflict && a.code == "google_reauthorization_required" && strings.Contains(a.text, "/oauth/authorize"):
						if !before && !withdrawn.Load() {
							t.Error("dead before its time")
						}
						dead.Add(1)
						return
					default:
						t.Errorf("%d %s", a.status, a.text)
						return
					}
				}
				t.Errorf("it never ended: %d good, withdrawn %t", good.Load(), withdrawn.Load())
			})
		}
		go func() { all.Wait(); close(ended) }()
		select {
		case <-enough:
			withdrawn.Store(true)
			b.sim.OAuth.RevokeAccount(apptest.Mara, "")
		case <-ended:
		}
		<-ended
		require.EqualValues(t, crowdSize, dead.Load())
		require.Equal(t, 1, b.refreshes(since), "%d were served before", good.Load())
		for _, a := range b.crowd(crowdSize, subject, "gmail") {
			require.Equal(t, http.StatusConflict, a.status)
		}
		require.Equal(t, 1, b.refreshes(since), "a dead grant is not asked about again")
		b.authorise("plugin/7", "gmail", apptest.Mara)
		require.Equal(t, http.StatusOK, b.vend(0, subject, "gmail").status)
	})
}

// TestRevokedEverywhere: what one process revokes the others do not vend any
// more, although they have just vended it.
func TestRevokedEverywhere(t *testing.T) {
	eachBroker(t, func(t *testing.T, b *broker) {
		b.authorise("revoked", "gmail", apptest.Mara)
		for i := range b.servers {
			require.Equal(t, http.StatusOK, b.vend(i, "revoked", "gmail").status)
		}
		began := time.Now()
		gone := b.call(http.MethodDelete, b.servers[0].url+"/api/token/revoked/gmail", "")
		require.Equal(t, http.StatusOK, gone.status, gone.text)
		require.Contains(t, gone.text, "Token revoked for user revoked, service gmail")
		require.Equal(t, http.StatusNotFound, b.vend(0, "revoked", "gmail").status, "at once where it was revoked")
		require.Eventually(t, func() bool { return b.vend(1, "revoked", "gmail").status == http.StatusNotFound }, 20*time.Second, 5*time.Millisecond)
		t.Logf("elsewhere after %s", time.Since(began).Round(time.Millisecond))
	})
}

// TestTheRefresherIsKilled kills the process that holds the right to refresh in
// mid-call. When its lease is over another one refreshes.
func TestTheRefresherIsKilled(t *testing.T) {
	eachBroker(t, func(t *testing.T, b *broker) {
		db := b.database()
		b.authorise("killed", "gmail", apptest.Mara)
		b.ends(db, "killed", -time.Minute)
		control(t, b.sim, http.MethodPost, "latency", `{"ms":5000}`, nil) // the lease is seen within it
		limited, cancel := context.WithCancel(ctx)
		defer cancel()
		go func() { // it dies with the process
			r, _ := http.NewRequestWithContext(limited, http.MethodGet, b.servers[0].url+"/api/token/killed/gmail", nil)
			r.Header.Set("Authorization", "Bearer "+b.key)
			if a, err := b.http.Do(r); err == nil {
				_ = a.Body.Close()
			}
		}()
		require.Eventually(t, func() bool {
			var n int
			require.NoError(t, db.QueryRow("SELECT COUNT(*) FROM oauth_grants WHERE subject = 'killed' AND lease_until > $1", time.Now().UnixMicro()).Scan(&n))
			return n == 1
		}, 20*time.Second, 5*time.Millisecond, "somebody refreshes")
		b.servers[0].kill()
		control(t, b.sim, http.MethodPost, "latency", `{"ms":0}`, nil)
		if b.servers = b.servers[1:]; len(b.servers) == 0 {
			b.servers = []*server{serves(t, b.environ)}
		}
		since := b.mark()
		began := time.Now()
		for _, a := range b.crowd(crowdSize, "killed", "gmail") {
			require.Equal(t, http.StatusOK, a.status, a.text)
			b.works(a.token)
		}
		require.LessOrEqual(t, b.refreshes(since), 2, "one of its own, and perhaps the one of the dead that arrives late")
		t.Logf("served %s after the death", time.Since(began).Round(time.Millisecond))
	})
}
