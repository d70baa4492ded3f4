package httpapi_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/access"
	"rapport/internal/app/apptest"
	"rapport/internal/crm"
	"rapport/internal/httpapi"
	"rapport/internal/org"
	"rapport/internal/store/storetest"
)

const nadia = "nadia@northwind-lamps.example"

// operation is one of the description of the API, with its published rule.
type operation struct {
	ID, Method, Path string
	httpapi.Access
}

// operations reads the description that a running server publishes.
func operations(t *testing.T, w *apptest.World) []operation {
	t.Helper()
	answer, text := get(t, w.URL+"/openapi.json")
	require.Equal(t, http.StatusOK, answer.StatusCode)
	var doc struct {
		Paths map[string]map[string]struct {
			ID     string          `json:"operationId"`
			Access *httpapi.Access `json:"x-rapport-access"`
		}
	}
	require.NoError(t, json.Unmarshal([]byte(text), &doc))
	var out []operation
	for path, item := range doc.Paths {
		for method, op := range item {
			require.NotNil(t, op.Access, "%s %s has no rule", method, path)
			out = append(out, operation{op.ID, strings.ToUpper(method), path, *op.Access})
		}
	}
	slices.SortFunc(out, func(a, b operation) int { return strings.Compare(a.ID, b.ID) })
	_, routes := (&httpapi.Server{}).API(http.NewServeMux())
	require.Len(t, out, len(routes), "every route is described")
	return out
}

// stranger is somebody who calls, and what we know of them.
type stranger struct {
	name   string
	token  string // bearer
	cookie string // session
	user   string // id, "" for nobody
	// what is wrong with what they show: their proof is worth nothing
	worthless bool
	home      bool     // belongs to the workspace that is called
	role      string   // there
	scopes    []string // of an API key
	key       bool
}

// strangers are all who call each operation.
func strangers(t *testing.T, w *apptest.World, owner *client.Client) []stranger {
	t.Helper()
	w.AddMember(owner, apptest.Jonas, "member")
	otherWorkspace(t, w)
	me, err := owner.Me(ctx)
	require.NoError(t, err)
	jonas, err := w.SignIn(apptest.Jonas).Me(ctx)
	require.NoError(t, err)
	elena, err := w.SignIn(apptest.Elena).Me(ctx)
	require.NoError(t, err)
	home := owner.Workspace(w.Home)
	key := func(name string, scopes ...string) client.CreatedAPIKey {
		k, err := home.CreateAPIKey(ctx, client.NewAPIKey{Name: name, Scopes: scopes})
		require.NoError(t, err)
		return k
	}
	full, narrow, revoked := key("full", "*"), key("narrow", "calendar:read"), key("revoked", "*")
	require.NoError(t, home.RevokeAPIKey(ctx, revoked.ID))
	abroad, err := w.SignIn(apptest.Elena).Workspace(elena.Workspaces[0].ID).CreateAPIKey(ctx, client.NewAPIKey{Name: "abroad", Scopes: []string{"*"}})
	require.NoError(t, err)
	bearer, session := signedOutEverywhere(t, w, owner)
	_, browser := w.Browser(apptest.Mara)
	return []stranger{
		{name: "nobody", worthless: true},
		{name: "garbage", token: "garbage", worthless: true},
		{name: "garbage key", token: org.KeyPrefix + "garbage", worthless: true},
		{name: "garbage session", cookie: "garbage", worthless: true},
		{name: "revoked key", token: revoked.Key, worthless: true},
		{name: "expired key", token: expiredKey(t, w, me.User.ID), worthless: true},
		{name: "expired bearer", token: expiredBearer(t, w, me.User.ID), worthless: true},
		{name: "signed-out-everywhere bearer", token: bearer, worthless: true},
		{name: "signed-out-everywhere session", cookie: session, worthless: true},
		{name: "owner", token: token(t, w, apptest.Mara), user: me.User.ID, home: true, role: "owner"},
		{name: "owner's browser", cookie: cookieOf(t, w, browser, "rapport_session"), user: me.User.ID, home: true, role: "owner"},
		{name: "member", token: token(t, w, apptest.Jonas), user: jonas.User.ID, home: true, role: "member"},
		{name: "other workspace's owner", token: token(t, w, apptest.Elena), user: elena.User.ID},
		{name: "key with every right", token: full.Key, user: me.User.ID, home: true, role: "owner", key: true, scopes: []string{"*"}},
		{name: "key with the wrong scope", token: narrow.Key, user: me.User.ID, home: true, role: "owner", key: true, scopes: []string{"calendar:read"}},
		{name: "key of another workspace", token: abroad.Key, user: elena.User.ID, key: true, scopes: []string{"*"}},
	}
}

// signedOutEverywhere gives a bearer token and a session that were good until
// their person signed out everywhere.
func signedOutEverywhere(t *testing.T, w *apptest.World, owner *client.Client) (bearer, session string) {
	t.Helper()
	w.AddMember(owner, nadia, "admin")
	bearer = token(t, w, nadia)
	c, h := w.Browser(nadia)
	session = cookieOf(t, w, h, "rapport_session")
	require.NoError(t, c.SignOutEverywhere(ctx, client.SignOutEverywhere{}))
	return bearer, session
}

func expiredKey(t *testing.T, w *apptest.World, user string) string {
	t.Helper()
	ended := time.Now().Add(-time.Second).UTC()
	past := service(w)
	past.Now = func() time.Time { return ended.Add(-time.Hour).Truncate(time.Microsecond) }
	_, secret, err := past.CreateAPIKey(ctx, access.Caller{Via: access.ViaSession, UserID: crm.UserID(user), Workspace: crm.WorkspaceID(w.Home), Role: crm.RoleOwner},
		org.KeyWish{Name: "expired", Scopes: []string{"*"}, ExpiresAt: &ended})
	require.NoError(t, err)
	return secret.Reveal()
}

func expiredBearer(t *testing.T, w *apptest.World, user string) string {
	t.Helper()
	past := service(w)
	past.Now = func() time.Time { return time.Now().Add(-past.TokenLife - time.Second) }
	secret, _, err := past.IssueToken(crm.User{ID: crm.UserID(user)})
	require.NoError(t, err)
	return secret.Reveal()
}

// service is the room of people of a world once more, for another clock.
func service(w *apptest.World) *org.Service {
	o := w.App.Org
	return &org.Service{Store: o.Store, Trail: o.Trail, Now: o.Now, Random: o.Random, Sealer: o.Sealer, SigningKeys: o.SigningKeys, TokenLife: o.TokenLife, SessionLife: o.SessionLife}
}

// address fills the path of an operation for a caller.
func (o operation) address(w *apptest.World, who stranger) string {
	user := who.user
	if user == "" {
		user = "u"
	}
	path := o.idless()
	if o.ID == "dismiss-google-approval-request" { // members put their own away
		path = strings.Replace(o.Path, "{user_id}", user, 1)
	}
	return w.URL + strings.NewReplacer("{workspace_id}", w.Home, "{userId}", user, "{service}", "gmail",
		"{lease}", "rapl_made-up", "{path}", "gmail/v1/users/me/profile", "{token}", "made-up").Replace(path)
}

// idless has an id that nothing has in place of other parameters.
func (o operation) idless() string {
	const none = "01900000-0000-7000-8000-000000000000"
	parts := strings.Split(o.Path, "/")
	for i, part := range parts {
		if strings.HasSuffix(part, "_id}") && part != "{workspace_id}" {
			parts[i] = none
		}
	}
	return strings.Join(parts, "/")
}

// verdict is what the rule of an operation has for a caller.
type verdict struct {
	status int // 0: they may; what comes of it is not the rule's
	code   string
}

func (o operation) verdict(who stranger) verdict {
	switch o.Rule {
	case "anyone", "holder":
		return verdict{}
	}
	if who.worthless {
		return verdict{status: 401}
	}
	switch o.Rule {
	case "signed_in":
		return verdict{}
	case "in_person":
		if who.key {
			return verdict{403, "access_denied"}
		}
	case "tokens":
		if who.key && !access.Holds(who.scopes, "tokens:vend:") {
			return verdict{403, "insufficient_scope"}
		}
	case "member":
		switch {
		case !who.home:
			return verdict{404, "not_found"}
		case !slices.Contains(o.Roles, who.role):
			return verdict{403, "access_denied"}
		case who.key && !access.Holds(who.scopes, o.Scope):
			return verdict{403, "insufficient_scope"}
		}
	}
	return verdict{}
}

// TestSecurityMatrix walks every operation of the published description as
// everybody who might call it. What they get follows from the operation's rule.
func TestSecurityMatrix(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d, func(s *apptest.Setup) { s.Environ = append(s.Environ, "METRICS_TOKEN=let-me-see") })
		owner := w.SetUp()
		all, callers := operations(t, w), strangers(t, w, owner)
		require.Greater(t, len(all), 80)
		checked := 0
		for _, op := range all {
			if slices.Contains([]string{"sign-out-everywhere", "logout"}, op.ID) { // would end who calls next
				continue
			}
			t.Run(op.ID, func(t *testing.T) {
				for _, who := range callers {
					judge(t, w, op, who)
					checked++
				}
			})
		}
		t.Logf("%d operations, %d callers, %d answers judged", len(all), len(callers), checked)
		for _, op := range all { // the last, as they end things
			if op.ID == "sign-out-everywhere" {
				for _, who := range callers {
					if op.verdict(who).status != 0 {
						judge(t, w, op, who)
					}
				}
			}
		}
	})
}

// judge calls an operation and compares the answer with the rule's.
func judge(t *testing.T, w *apptest.World, op operation, who stranger) {
	t.Helper()
	var header []string
	if who.token != "" {
		header = append(header, "Authorization", "Bearer "+who.token)
	}
	if who.cookie != "" {
		header = append(header, "Cookie", "rapport_session="+who.cookie)
	}
	if op.ID == "stream-events" && op.verdict(who).status == 0 {
		return // never ends: TestLiveEvents reads it
	}
	answer, text := send(t, op.Method, op.address(w, who), "", header...)
	got := struct{ Code string }{}
	_ = json.Unmarshal([]byte(text), &got) // no JSON has no code
	want := op.verdict(who)
	switch {
	case want.status != 0:
		require.Equal(t, want.status, answer.StatusCode, "%s: %s", who.name, text)
		require.Equal(t, "application/problem+json", answer.Header.Get("Content-Type"))
		if want.code != "" {
			require.Equal(t, want.code, got.Code, who.name)
		}
	case op.Rule == "holder":
		// They hold nothing: they get no further than an error, or a page of ours that says so.
		if answer.StatusCode == http.StatusFound {
			require.Regexp(t, `^/(connect|crm|login)`, answer.Header.Get("Location"), who.name)
			return
		}
		require.GreaterOrEqual(t, answer.StatusCode, 400, "%s: %s", who.name, text)
		require.Less(t, answer.StatusCode, 500, "%s: %s", who.name, text)
	default:
		require.Less(t, answer.StatusCode, 500, "%s: %s", who.name, text)
		if op.Rule != "anyone" {
			require.NotEqual(t, 401, answer.StatusCode, "%s: %s", who.name, text)
			require.NotEqual(t, "insufficient_scope", got.Code, who.name)
			require.NotEqual(t, "access_denied", got.Code, "%s: %s", who.name, text)
		}
	}
}

// TestUnknownAndForeignWorkspacesLookTheSame: an address tells nothing about
// what there is.
func TestUnknownAndForeignWorkspacesLookTheSame(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite)
	owner := w.SetUp()
	abroad := otherWorkspace(t, w)
	bearer := token(t, w, apptest.Mara)
	for _, op := range operations(t, w) {
		if op.Rule != "member" {
			continue
		}
		at := func(id string) string {
			return strings.Replace(op.address(w, stranger{}), w.Home, id, 1)
		}
		foreign, foreignText := send(t, op.Method, at(abroad), "", "Authorization", "Bearer "+bearer, "X-Request-Id", "the-same-one")
		unknown, unknownText := send(t, op.Method, at("01900000-0000-7000-8000-000000000000"), "", "Authorization", "Bearer "+bearer, "X-Request-Id", "the-same-one")
		require.Equal(t, 404, foreign.StatusCode, op.ID)
		require.Equal(t, unknown.StatusCode, foreign.StatusCode, op.ID)
		require.Equal(t, unknownText, foreignText, op.ID)
	}
	_, err := owner.Me(ctx)
	require.NoError(t, err)
}

// TestTheBrokerStaysInItsWorkspace: the token service takes a workspace as a
// parameter; naming another one's is no way in.
func TestTheBrokerStaysInItsWorkspace(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite)
	owner := w.SetUp()
	callers := strangers(t, w, owner)
	for _, op := range operations(t, w) {
		if op.Rule != "tokens" {
			continue
		}
		for _, who := range callers {
			if who.worthless || who.home {
				continue
			}
			address := op.address(w, who) + "?workspace_id=" + w.Home
			answer, text := send(t, op.Method, address, "", "Authorization", "Bearer "+who.token)
			require.Equal(t, 404, answer.StatusCode, "%s as %s: %s", op.ID, who.name, text)
		}
	}
	me, err := owner.Me(ctx)
	require.NoError(t, err)
	for _, who := range callers {
		if who.worthless || who.user == me.User.ID || who.key {
			continue
		}
		status, code := ask(t, http.MethodGet, w.URL+"/api/token/"+me.User.ID+"/gmail", who.token, "")
		require.Equal(t, 403, status, "%s asks for the owner's token", who.name)
		require.Equal(t, "not_your_tokens", code)
	}
}

// TestWhatIsOpenToWhom is the list to change when a door is opened wider:
// whatever is not named here needs an administrator.
func TestWhatIsOpenToWhom(t *testing.T) {
	want := map[string][]string{
		"anyone": {
			"about", "create-token", "docs", "get-setup", "google-login", "health", "login", "logout", "openapi", "ready", "setup",
		},
		"holder": {
			"accept-invitation", "authorize", "authorize-callback", "google-callback", "google-callback-any", "google-login-callback",
			"lease-delete", "lease-get", "lease-patch", "lease-post", "lease-put", "metrics",
			"receive-gmail-notification", "receive-security-event", "start-connect-link", "view-connect-link", "view-invitation",
		},
		"signed_in": {
			"get-me", "list-workspaces",
		},
		"in_person": {
			"change-me", "change-password", "end-session", "list-sessions", "sign-out-everywhere",
		},
		"tokens": {
			"create-authorize-link", "create-lease", "cut-lease", "list-authorized-services", "list-leases", "revoke-token", "vend-token",
		},
		"every member": {
			"accept-suggestion", "add-email-account", "add-mail-rule", "ask-google-approval", "cancel-outgoing", "change-email-account", "change-emails",
			"change-import", "change-note", "change-record", "change-records", "change-tag", "change-task", "compose-answer", "connect-google", "count-records",
			"create-draft", "create-import", "create-label", "create-note", "create-record", "create-tag", "create-task", "delete-draft", "delete-label",
			"delete-note", "delete-record", "delete-tag", "delete-task", "disconnect-google", "dismiss-duplicate", "dismiss-google-approval-request",
			"dismiss-suggestion", "drop-mail-rule", "enrich-connection", "enrich-record", "enrich-record-of-google", "export-emails", "export-records",
			"get-attachment", "get-draft", "get-email", "get-email-account", "get-enrichment", "get-evidence", "get-google-approval", "get-google-status",
			"get-import", "get-linking", "get-mail-policy", "get-object", "get-outgoing", "get-record", "get-record-settings", "get-run", "get-task", "get-thread",
			"get-workspace", "link-email", "list-activities", "list-changes", "list-drafts", "list-duplicates", "list-email-accounts", "list-email-folders",
			"list-emails", "list-failures", "list-import-mistakes", "list-imports", "list-labels", "list-mail-rules", "list-members", "list-merges", "list-notes",
			"list-objects", "list-outbox", "list-record-timeline", "list-records", "list-runs", "list-send-as", "list-shares", "list-skipped", "list-suggestions",
			"list-tags", "list-tasks", "merge-records", "preview-google", "put-record", "relink", "remove-email-account", "remove-member", "rename-label",
			"reschedule-outgoing", "restore-record", "retry-failure", "retry-outgoing", "run-import", "send-draft", "send-email", "share-mail", "stream-events",
			"suggest-search", "sync-email-account", "sync-gmail", "test-email-account", "test-new-email-account", "undo-change", "undo-import", "undo-merge",
			"undo-records-change", "unlink-email", "unshare-mail", "update-draft", "update-google-settings", "verify-google",
		},
	}
	got := map[string][]string{}
	_, routes := (&httpapi.Server{}).API(http.NewServeMux())
	for _, r := range routes {
		who := r.Access.Rule
		if who == "member" {
			if !slices.Contains(r.Access.Roles, "member") {
				continue
			}
			who = "every member"
		}
		got[who] = append(got[who], r.ID)
	}
	for who, ids := range got {
		slices.Sort(ids)
		require.Equal(t, want[who], ids, who)
	}
	require.Len(t, got, len(want))
}
