package app_test

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/access"
	"rapport/internal/app/apptest"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/org"
	"rapport/internal/store/storetest"
	"rapport/internal/vault"
	"rapport/simulator/world"
)

// fewMessages starts quickly.
func fewMessages(s *apptest.Setup) { s.Messages = 2 }

// TestABlockedWorkspaceRests: its connections wait, nothing is vended, and all
// goes on by itself when it is approved again.
func TestABlockedWorkspaceRests(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		t.Parallel()
		w := apptest.Start(t, d, fewMessages)
		owner := w.SetUp()
		home := owner.Workspace(w.Home)
		require.Equal(t, "connected", w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara}))
		w.Imported(owner)
		plugin := w.Key(owner, "tokens:vend:*")
		w.Authorise(plugin, "somebody", "gmail", apptest.Mara)
		_, err := plugin.Vend(ctx, "somebody", "gmail")
		require.NoError(t, err)

		_, err = home.DecideApproval(ctx, client.ApprovalPatch{State: "blocked"})
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			_, err = plugin.Vend(ctx, "somebody", "gmail")
			return err != nil
		}, 30*time.Second, 20*time.Millisecond)
		require.Equal(t, "waiting_for_admin", problemOf(t, err).Code)
		resting := w.Until(owner, "the connection to rest", func(s client.Status) bool { return s.Status == "waiting_for_admin" })
		require.Contains(t, resting.StatusReason, "blocked")
		w.Until(owner, "its work to end", func(s client.Status) bool {
			n := 0
			require.NoError(t, w.App.Store.DB().QueryRow("SELECT COUNT(*) FROM jobs WHERE kind = 'gmail.history' AND subject = $1", s.ConnectionID).Scan(&n))
			return n == 0
		})

		_, err = home.DecideApproval(ctx, client.ApprovalPatch{State: "approved"})
		require.NoError(t, err)
		w.Until(owner, "the connection to go on", func(s client.Status) bool { return s.Status == "active" && s.StatusReason == "" })
		require.Eventually(t, func() bool {
			_, err = plugin.Vend(ctx, "somebody", "gmail")
			return err == nil
		}, 30*time.Second, 20*time.Millisecond)
	})
}

// TestGooglesRefusalOutlastsAnApproval: what waits for an administrator of
// Google Workspace is not brought back by ours.
func TestGooglesRefusalOutlastsAnApproval(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite, fewMessages)
	owner := w.SetUp()
	require.NoError(t, post(w.Sim.URL()+"/_sim/project", `{"blocked":{"domain":"northwind-lamps.example","app":true,"mode":"callback"}}`))
	w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara})
	home := owner.Workspace(w.Home)
	for _, state := range []string{"blocked", "approved"} {
		_, err := home.DecideApproval(ctx, client.ApprovalPatch{State: state})
		require.NoError(t, err)
	}
	// Facts are followed in their order: a member who is removed comes after both.
	jonas := member(t, w, owner)
	require.NoError(t, home.RemoveMember(ctx, jonas))
	w.Until(owner, "the facts to be followed", func(s client.Status) bool {
		return caughtUp(t, w) && s.Status == "waiting_for_admin"
	})
}

// caughtUp reports whether the corridors have followed every fact.
func caughtUp(t *testing.T, w *apptest.World) bool {
	t.Helper()
	var read, last int64
	require.NoError(t, w.App.Store.DB().QueryRow("SELECT COALESCE(MAX(seq), 0) FROM fact_readers").Scan(&read))
	require.NoError(t, w.App.Store.DB().QueryRow("SELECT COALESCE(MAX(seq), 0) FROM facts").Scan(&last))
	return read >= last
}

func member(t *testing.T, w *apptest.World, owner *client.Client) (id string) {
	t.Helper()
	w.AddMember(owner, apptest.Jonas, "member")
	list, err := owner.Workspace(w.Home).Members(ctx, client.MemberQuery{})
	require.NoError(t, err)
	for _, m := range list.Items {
		if m.Email == apptest.Jonas {
			return m.UserID
		}
	}
	t.Fatal("no such member")
	return ""
}

// TestAFormerMemberKeepsNothing: connections are disconnected and revoked at
// Google, tokens are revoked and leases cut.
func TestAFormerMemberKeepsNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		t.Parallel()
		w := apptest.Start(t, d, fewMessages)
		owner := w.SetUp()
		home := owner.Workspace(w.Home)
		id := member(t, w, owner)
		jonas := w.SignIn(apptest.Jonas)
		require.Equal(t, "connected", w.Connect(jonas, client.ConnectWish{}, apptest.Consent{Account: apptest.Jonas}))
		w.Imported(jonas)
		w.Authorise(jonas, id, "drive", apptest.Jonas)
		token, err := jonas.Vend(ctx, id, "drive")
		require.NoError(t, err)
		lease, err := jonas.CreateLease(ctx, client.LeaseWish{Name: "report", UserID: id, Service: "drive", Paths: []string{"/drive/v3/files"}})
		require.NoError(t, err)
		messages := count(t, w, "synced_emails")
		require.Positive(t, messages)

		require.NoError(t, home.RemoveMember(ctx, id))
		_, err = jonas.Vend(ctx, id, "drive")
		require.Error(t, err, "at once")
		require.Eventually(t, func() bool {
			list, err := home.Connections(ctx, "")
			require.NoError(t, err)
			for _, c := range list.Items {
				if c.UserID == id && c.Status == "disconnected" {
					return caughtUp(t, w)
				}
			}
			return false
		}, 20*time.Second, 20*time.Millisecond)
		require.Zero(t, count(t, w, "oauth_grants WHERE subject = '"+id+"' AND (status = 'active' OR refresh_token <> '' OR access_token <> '')"))
		require.Equal(t, http.StatusUnauthorized, statusOf(t, w.Sim.URL()+"/drive/v3/files", token.AccessToken), "Google has ended it")
		require.Zero(t, count(t, w, "token_leases WHERE cut_at IS NULL AND id = '"+lease.ID+"'"))
		require.Equal(t, messages, count(t, w, "synced_emails"), "what was synced stays")
	})
}

func count(t *testing.T, w *apptest.World, from string) int {
	t.Helper()
	n := 0
	require.NoError(t, w.App.Store.DB().QueryRow("SELECT COUNT(*) FROM "+from).Scan(&n))
	return n
}

func statusOf(t *testing.T, address, token string) int {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, address, nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	a, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { _ = a.Body.Close() }()
	return a.StatusCode
}

func problemOf(t *testing.T, err error) *client.Problem {
	t.Helper()
	var p *client.Problem
	require.ErrorAs(t, err, &p)
	return p
}

func post(address, body string) error {
	a, err := http.Post(address, "application/json", strings.NewReader(body))
	if err != nil {
		return err
	}
	return a.Body.Close()
}

// TestSecurityEvents lets Google say that an account is in danger: the grant
// ends, its owner is signed out everywhere, others are not; a repetition and a
// forgery change nothing.
func TestSecurityEvents(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		t.Parallel()
		w := apptest.Start(t, d, fewMessages)
		owner := w.SetUp()
		require.Equal(t, "connected", w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara}))
		me, browser := w.Browser(apptest.Mara)
		w.Follow(browser, w.Answer(w.Follow(browser, w.URL+"/api/v1/auth/google/login"), apptest.Consent{Account: apptest.Mara})) // from now on it is her account
		other := w.AddMember(owner, apptest.Jonas, "member")
		send := func(body string) int {
			t.Helper()
			a, err := http.Post(w.Sim.URL()+"/_sim/accounts/"+apptest.Mara+"/risc", "application/json", strings.NewReader(strings.Replace(body, "{", `{"to":"`+w.URL+`/api/v1/auth/google/risc",`, 1)))
			require.NoError(t, err)
			defer func() { _ = a.Body.Close() }()
			var out struct{ Status int }
			require.NoError(t, json.NewDecoder(a.Body).Decode(&out))
			return out.Status
		}
		require.Equal(t, http.StatusBadRequest, send(`{"event":"account-disabled","forged":"key"}`))
		_, err := me.Me(ctx)
		require.NoError(t, err)
		require.Equal(t, http.StatusAccepted, send(`{"event":"account-disabled","reason":"hijacking"}`))
		_, err = me.Me(ctx)
		require.Equal(t, http.StatusUnauthorized, problemOf(t, err).Status, "the session has ended")
		_, err = owner.Me(ctx)
		require.Equal(t, http.StatusUnauthorized, problemOf(t, err).Status, "and so have bearer tokens")
		_, err = other.Me(ctx)
		require.NoError(t, err)
		require.Equal(t, 1, count(t, w, "oauth_grants WHERE status = 'dead'"))
		require.Equal(t, 1, count(t, w, "google_integrations WHERE status = 'needs_reauth'"))
	})
}

// TestClientsOfThePageWin walks an installation from the client of the settings
// to one that an administrator enters, and back.
func TestClientsOfThePageWin(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		t.Parallel()
		const page = "100000000077-page.apps.googleusercontent.com"
		w := apptest.Start(t, d, fewMessages)
		require.NoError(t, post(w.Sim.URL()+"/_sim/clients", `{"client_id":"`+page+`","client_secret":"GOCSPX-page","name":"Page"}`))
		owner := w.SetUp()
		home := owner.Workspace(w.Home)
		require.Equal(t, "connected", w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara}))
		made, err := home.AddGoogleClient(ctx, client.NewGoogleClient{Name: "Ours", GoogleClientID: page, ClientSecret: "GOCSPX-page"})
		require.NoError(t, err)

		member(t, w, owner)
		jonas := w.SignIn(apptest.Jonas)
		address, err := jonas.Workspace(w.Home).Connect(ctx, client.ConnectWish{Services: []string{"gmail"}})
		require.NoError(t, err)
		u, err := url.Parse(address)
		require.NoError(t, err)
		require.Equal(t, page, u.Query().Get("client_id"))
		require.Equal(t, w.Config.GoogleRedirectURI, u.Query().Get("redirect_uri"))
		require.Equal(t, "connected", w.Connect(jonas, client.ConnectWish{}, apptest.Consent{Account: apptest.Jonas}))
		clientOf := func(email string) (id string) {
			require.NoError(t, w.App.Store.DB().QueryRow("SELECT client_id FROM oauth_grants WHERE google_email = $1", email).Scan(&id))
			return id
		}
		require.Equal(t, "env", clientOf(apptest.Mara), "who was connected stays with the client it was made with")
		require.Equal(t, made.ID, clientOf(apptest.Jonas))
		status, err := home.Status(ctx, "")
		require.NoError(t, err)
		again, err := home.Connect(ctx, client.ConnectWish{ConnectionID: status.ConnectionID})
		require.NoError(t, err)
		require.Contains(t, again, world.DemoClientID, "also at a repair")

		for _, email := range []string{apptest.Mara, apptest.Jonas} { // each is refreshed with its own client
			var id string
			require.NoError(t, w.App.Store.DB().QueryRow("SELECT id FROM oauth_grants WHERE google_email = $1", email).Scan(&id))
			a, err := w.App.Vault.Token(ctx, crm.GrantID(id))
			require.NoError(t, err)
			_, err = w.App.Vault.Renew(ctx, crm.GrantID(id), a.Token)
			require.NoError(t, err, email)
		}
		require.NoError(t, home.RetireGoogleClient(ctx, made.ID))
		elena := w.AddMember(owner, apptest.Elena, "member")
		address, err = elena.Workspace(w.Home).Connect(ctx, client.ConnectWish{Services: []string{"gmail"}})
		require.NoError(t, err)
		require.Contains(t, address, world.DemoClientID, "a retired client gets no new connections")
	})
}

// TestAClientWhoseSecretIsLost is named, and keeps nobody else from working.
func TestAClientWhoseSecretIsLost(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite, fewMessages)
	owner := w.SetUp()
	require.NoError(t, post(w.Sim.URL()+"/_sim/clients", `{"client_id":"100000000077-page.apps.googleusercontent.com","client_secret":"GOCSPX-page"}`))
	key, err := vault.NewKey()
	require.NoError(t, err)
	lost, err := vault.NewSealer(key)
	require.NoError(t, err)
	sealed, err := lost.Seal("c1", org.FieldClientSecret, crm.NewSecret("GOCSPX-page"))
	require.NoError(t, err)
	require.NoError(t, w.App.Store.SaveGoogleClient(ctx, org.ClientRow{GoogleClient: org.GoogleClient{ID: "c1", WorkspaceID: crm.WorkspaceID(w.Home), Name: "Page",
		GoogleID: "100000000077-page.apps.googleusercontent.com", CreatedAt: time.Now(), UpdatedAt: time.Now()}, SealedSecret: sealed}))
	_, err = w.App.Vault.Clients.Client(ctx, "c1")
	require.Equal(t, fault.Unavailable, fault.Of(err))
	_, err = owner.Workspace(w.Home).Connect(ctx, client.ConnectWish{Services: []string{"gmail"}})
	require.Contains(t, problemOf(t, err).Detail, "secret of the OAuth client")
	report, err := owner.Workspace(w.Home).Examine(ctx)
	require.NoError(t, err)
	require.Equal(t, "oauth_client", report.Broken)
	require.Contains(t, finding(report, "oauth_client").Text, "cannot be decrypted")
	_, err = w.App.Vault.Clients.Client(ctx, "env")
	require.NoError(t, err)
	_, err = w.App.Org.GoogleClients(ctx, access.System(crm.WorkspaceID(w.Home)))
	require.NoError(t, err)
}

// TestSigningInWithAClientOfThePage: without settings, the client that was
// entered for the only workspace signs people in, from the moment it is there.
func TestSigningInWithAClientOfThePage(t *testing.T) {
	const page = "100000000077-page.apps.googleusercontent.com"
	w := apptest.Start(t, storetest.SQLite, fewMessages, func(s *apptest.Setup) { s.Environ = []string{"GOOGLE_CLIENT_ID=", "GOOGLE_CLIENT_SECRET="} })
	require.NoError(t, post(w.Sim.URL()+"/_sim/clients", `{"client_id":"`+page+`","client_secret":"GOCSPX-page"}`))
	owner := w.SetUp()
	before, err := w.Nobody().NeedsSetup(ctx)
	require.NoError(t, err)
	require.False(t, before.GoogleSignIn)
	_, err = owner.Workspace(w.Home).AddGoogleClient(ctx, client.NewGoogleClient{GoogleClientID: page, ClientSecret: "GOCSPX-page"})
	require.NoError(t, err)
	after, err := w.Nobody().NeedsSetup(ctx)
	require.NoError(t, err)
	require.True(t, after.GoogleSignIn)
	require.Contains(t, w.Follow(http.DefaultClient, w.URL+"/api/v1/auth/google/login"), page)
}

// TestUnusedTokensAreKeptAlive lets the schedule refresh what nobody has used
// for a month, once.
func TestUnusedTokensAreKeptAlive(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		t.Parallel()
		w := apptest.Start(t, d, fewMessages)
		owner := w.SetUp()
		w.Authorise(w.Key(owner, "tokens:vend:*"), "idle", "drive", apptest.Mara)
		db := database(t, w)
		_, err := db.Exec("UPDATE oauth_grants SET last_used_at = $1, token_expiry = $2", time.Now().AddDate(0, 0, -31).UnixMicro(), time.Now().AddDate(0, 0, -31).UnixMicro())
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			// Again and again: a run under way at the first time puts its job off when it ends.
			_, err := db.Exec("UPDATE jobs SET due_at = 0 WHERE kind = $1 AND lease_until IS NULL", string(vault.KindKeepAlive))
			require.NoError(t, err)
			return count(t, w, "oauth_grants WHERE last_used_at > "+strconv.FormatInt(time.Now().Add(-time.Hour).UnixMicro(), 10)) == 1
		}, 30*time.Second, 20*time.Millisecond)
		require.Eventually(t, func() bool {
			return count(t, w, "jobs WHERE kind = '"+string(vault.KindKeepAlive)+"' AND due_at > "+strconv.FormatInt(time.Now().Add(23*time.Hour).UnixMicro(), 10)) == 1
		}, 30*time.Second, 20*time.Millisecond, "tomorrow again")
	})
}

// database opens the installation's database beside it, for writing.
func database(t *testing.T, w *apptest.World) *sql.DB {
	t.Helper()
	driver, at := "sqlite", "file:"+w.Config.DatabasePath+"?_pragma=busy_timeout(20000)"
	if !w.Config.DatabaseURL.IsZero() {
		driver, at = "pgx", w.Config.DatabaseURL.Reveal()
	}
	db, err := sql.Open(driver, at)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}
