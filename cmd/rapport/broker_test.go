package main

import (
	"bytes"
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
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app/apptest"
	"rapport/internal/crm"
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

// kept is the access token stored for a subject. Vending it instead would put it
// on the shelf, where nobody notices what ends changes.
func (b *broker) kept(db *sql.DB, subject string) string {
	b.t.Helper()
	var id, sealed string
	require.NoError(b.t, db.QueryRow("SELECT id, access_token FROM oauth_grants WHERE subject = $1", subject).Scan(&id, &sealed))
	key, _, _ := strings.Cut(setting(b.environ, "ENCRYPTION_KEY"), ",")
	sealer, err := vault.NewSealer(crm.NewSecret(key))
	require.NoError(b.t, err)
	token, err := sealer.Open(id, "access_token", sealed)
	require.NoError(b.t, err)
	return token.Reveal()
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

// dump is all text of a database, for tests that look for what must not be there.
func dump(t *testing.T, db *sql.DB, tables ...string) string {
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
	return out.String()
}
