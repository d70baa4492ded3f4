package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app/apptest"
	"rapport/internal/store/storetest"
	"rapport/internal/vault"
	"rapport/simulator"
)

// broker is an installation whose tokens are wanted: two processes on
// PostgreSQL, one on SQLite, and an API key that may vend everything.
type broker struct {
	t       *testing.T
	d       storetest.Database
	sim     *simulator.Simulator
	environ []string
	servers []*server
	owner   *client.Client
	home    string
	key     string
	http    *http.Client
}

func newBroker(t *testing.T, d storetest.Database, environ ...string) *broker {
	t.Helper()
	b := &broker{t: t, d: d, sim: apptest.Simulator(t, 2, "none"), http: &http.Client{Timeout: 80 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	t.Cleanup(b.http.CloseIdleConnections)
	b.environ = append(settingsFor(t, d, b.sim), append([]string{"WITHOUT_SYNC=true"}, environ...)...)
	b.start()
	w := b.servers[0].world(b.sim, "")
	b.owner = w.SetUp()
	b.home = w.Home
	made, err := b.owner.Workspace(w.Home).CreateAPIKey(ctx, client.NewAPIKey{Name: "plugin", Scopes: []string{"tokens:vend:*"}})
	require.NoError(t, err)
	b.key = made.Key
	return b
}

// start starts as many processes as the database allows.
func (b *broker) start() {
	b.t.Helper()
	b.servers = []*server{serves(b.t, b.environ)}
	if b.d == storetest.PostgreSQL {
		b.servers = append(b.servers, serves(b.t, b.environ))
	}
}

// restart starts all processes anew with other settings.
func (b *broker) restart(environ ...string) {
	b.t.Helper()
	for _, s := range b.servers {
		s.stop()
	}
	b.environ = append(b.environ, environ...)
	b.start()
}

func (b *broker) world() *apptest.World { return b.servers[0].world(b.sim, b.home) }

// database opens the installation's database beside it.
func (b *broker) database() *sql.DB {
	b.t.Helper()
	driver, address := "sqlite", "file:"+setting(b.environ, "DATABASE_PATH")+"?_pragma=busy_timeout(20000)"
	if b.d == storetest.PostgreSQL {
		driver, address = "pgx", setting(b.environ, "DATABASE_URL")
	}
	db, err := sql.Open(driver, address)
	require.NoError(b.t, err)
	b.t.Cleanup(func() { _ = db.Close() })
	return db
}

// authorise lets the person behind an account allow a service for a subject, by
// a signed link.
func (b *broker) authorise(subject, service, account string) {
	b.t.Helper()
	var link struct{ URL string }
	a := b.call(http.MethodPost, b.servers[0].url+"/api/v1/tokens/authorize-links", fmt.Sprintf(`{"user_id":%q,"service":%q}`, subject, service))
	require.Less(b.t, a.status, 300, a.text)
	require.NoError(b.t, json.Unmarshal([]byte(a.text), &link))
	jar, err := cookiejar.New(nil)
	require.NoError(b.t, err)
	browser := &http.Client{Jar: jar, Timeout: time.Minute}
	consent := b.moved(browser, http.MethodGet, b.own(link.URL), nil)
	back := b.moved(browser, http.MethodPost, consent, url.Values{"account": {account}, "decision": {"continue"}, "select_all": {"1"}})
	page, err := browser.Get(b.own(back))
	require.NoError(b.t, err)
	defer func() { _ = page.Body.Close() }()
	text, err := io.ReadAll(page.Body)
	require.NoError(b.t, err)
	require.Equal(b.t, http.StatusOK, page.StatusCode, "%s", text)
}

// own leads an address of the public one to the first server.
func (b *broker) own(address string) string {
	b.t.Helper()
	u, err := url.Parse(address)
	require.NoError(b.t, err)
	return b.servers[0].url + u.RequestURI()
}

// moved is where a page sends the browser.
func (b *broker) moved(browser *http.Client, method, address string, form url.Values) string {
	b.t.Helper()
	r, err := http.NewRequest(method, address, strings.NewReader(form.Encode()))
	require.NoError(b.t, err)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	still := *browser
	still.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	a, err := still.Do(r)
	require.NoError(b.t, err)
	defer func() { _ = a.Body.Close() }()
	text, err := io.ReadAll(a.Body)
	require.NoError(b.t, err)
	to, err := a.Location()
	require.NoError(b.t, err, "%s %s", a.Status, text)
	return to.String()
}

// reply is an answer, read.
type reply struct {
	status int
	after  time.Duration // Retry-After
	code   string        // of a problem
	token  string
	text   string
}

// call asks with the key.
func (b *broker) call(method, address, body string) reply {
	r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return reply{text: err.Error()}
	}
	r.Header.Set("Authorization", "Bearer "+b.key)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	a, err := b.http.Do(r)
	if err != nil {
		return reply{text: err.Error()}
	}
	defer func() { _ = a.Body.Close() }()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		return reply{text: err.Error()}
	}
	out := reply{status: a.StatusCode, text: string(text)}
	var says struct {
		Code  string `json:"code"`
		Token string `json:"access_token"`
	}
	_ = json.Unmarshal(text, &says) // a page says nothing
	out.code, out.token = says.Code, says.Token
	if n, err := strconv.Atoi(a.Header.Get("Retry-After")); err == nil {
		out.after = time.Duration(n) * time.Second
	}
	return out
}

// vend asks one of the processes.
func (b *broker) vend(process int, subject, service string) reply {
	s := b.servers[process%len(b.servers)]
	return b.call(http.MethodGet, s.url+"/api/token/"+subject+"/"+service, "")
}

// crowd vends as many times at once, spread over the processes.
func (b *broker) crowd(n int, subject, service string) []reply {
	out := make([]reply, n)
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range out {
		all.Go(func() { <-start; out[i] = b.vend(i, subject, service) })
	}
	close(start)
	all.Wait()
	return out
}

// ends moves the moment at which a subject's token ends.
func (b *broker) ends(db *sql.DB, subject string, in time.Duration) {
	b.t.Helper()
	r, err := db.Exec("UPDATE oauth_grants SET token_expiry = $1 WHERE subject = $2", time.Now().Add(in).UnixMicro(), subject)
	require.NoError(b.t, err)
	n, err := r.RowsAffected()
	require.NoError(b.t, err)
	require.EqualValues(b.t, 1, n)
}

// mark is where the simulator's log stands.
func (b *broker) mark() uint64 {
	log := requests(b.t, b.sim, 0)
	if len(log) == 0 {
		return 0
	}
	return log[len(log)-1].Number
}

// refreshes counts the calls of the token endpoint since a mark.
func (b *broker) refreshes(since uint64) int {
	n := 0
	for _, r := range requests(b.t, b.sim, since) {
		if r.API == "oauth" && r.Method == "token" {
			n++
		}
	}
	return n
}

// works proves a token at Google.
func (b *broker) works(token string) {
	b.t.Helper()
	r, err := http.NewRequest(http.MethodGet, b.sim.URL()+"/gmail/v1/users/me/profile", nil)
	require.NoError(b.t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	a, err := http.DefaultClient.Do(r)
	require.NoError(b.t, err)
	defer func() { _ = a.Body.Close() }()
	require.Equal(b.t, http.StatusOK, a.StatusCode)
}

// eachBroker runs a test on both databases at the same time.
func eachBroker(t *testing.T, test func(t *testing.T, b *broker)) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		t.Parallel()
		test(t, newBroker(t, d))
	})
}

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
		b.ends(db, "valid", 2*time.Minute)
		failing()
		since := b.mark()
		for _, a := range b.crowd(crowdSize, "valid", "gmail") {
			require.Equal(t, http.StatusOK, a.status, "the old token still works: %s", a.text)
		}
		require.LessOrEqual(t, b.refreshes(since), 2)
		old := b.vend(0, "valid", "gmail").token
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
		b.ends(b.database(), "plugin/7", vault.DefaultAhead+4*time.Second) // then it is refreshed
		since := b.mark()
		var withdrawn atomic.Bool
		var all sync.WaitGroup
		var good, dead atomic.Int64
		for i := range crowdSize {
			all.Go(func() {
				for until := time.Now().Add(30 * time.Second); time.Now().Before(until); {
					before := withdrawn.Load()
					switch a := b.vend(i, subject, "gmail"); {
					case a.status == http.StatusOK:
						good.Add(1)
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
					if i == 0 && good.Load() > 200 && !withdrawn.Swap(true) {
						b.sim.OAuth.RevokeAccount(apptest.Mara, "")
					}
				}
				t.Errorf("it never ended: %d good, withdrawn %t", good.Load(), withdrawn.Load())
			})
		}
		all.Wait()
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
		require.Eventually(t, func() bool { return b.vend(1, "revoked", "gmail").status == http.StatusNotFound }, 5*time.Second, 5*time.Millisecond)
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
		control(t, b.sim, http.MethodPost, "latency", `{"ms":1500}`, nil)
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

// dump is all text of a database, for tests that look for what must not be there.
func dump(t *testing.T, d storetest.Database, db *sql.DB, tables ...string) string {
	t.Helper()
	var out bytes.Buffer
	for _, table := range tables {
		rows, err := db.Query("SELECT * FROM " + table)
		require.NoError(t, err)
		columns, err := rows.Columns()
		require.NoError(t, err)
		for rows.Next() {
			values := make([]any, len(columns))
			for i := range values {
				values[i] = new(any)
			}
			require.NoError(t, rows.Scan(values...))
			for i, v := range values {
				if b, ok := (*v.(*any)).([]byte); ok {
					fmt.Fprintf(&out, "%s.%s=%s\n", table, columns[i], b)
					continue
				}
				fmt.Fprintf(&out, "%s.%s=%v\n", table, columns[i], *v.(*any))
			}
		}
		require.NoError(t, rows.Err())
		require.NoError(t, rows.Close())
	}
	_ = d
	return out.String()
}
