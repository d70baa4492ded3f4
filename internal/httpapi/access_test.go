package httpapi_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/access"
	"rapport/internal/app/apptest"
	"rapport/internal/crm"
	"rapport/internal/org"
	"rapport/internal/store/storetest"
)

// ask makes a request and gives its status and the code of the problem.
func ask(t *testing.T, method, address, token, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	require.NoError(t, err)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	h := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := h.Do(r)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	if answer.Header.Get("Content-Type") == "text/event-stream" {
		return answer.StatusCode, ""
	}
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	_, code, _ := strings.Cut(string(text), `"code":"`)
	code, _, _ = strings.Cut(code, `"`)
	return answer.StatusCode, code
}

func token(t *testing.T, w *apptest.World, email string) string {
	t.Helper()
	var out client.Token
	require.NoError(t, w.Nobody().Do(ctx, http.MethodPost, "/api/v1/auth/token", client.Credentials{Email: email, Password: apptest.Password}, &out))
	require.Equal(t, 3600, out.ExpiresIn)
	require.Equal(t, "Bearer", out.TokenType)
	return out.AccessToken
}

// otherWorkspace makes a second workspace, of Elena.
func otherWorkspace(t *testing.T, w *apptest.World) string {
	t.Helper()
	id := crm.WorkspaceID("01900000-aaaa-7000-8000-000000000001")
	require.NoError(t, w.App.Store.SaveWorkspace(ctx, crm.Workspace{ID: id, Name: "Bellafonte", Approval: crm.Approval{State: crm.ApprovalApproved, Profile: crm.ProfileFull}}))
	_, err := w.App.Org.AddMember(ctx, access.System(id), org.NewMember{Email: apptest.Elena, Role: crm.RoleOwner, Password: crm.NewSecret(apptest.Password)})
	require.NoError(t, err)
	return string(id)
}

func TestDefaultIsTheOnlyWorkspace(t *testing.T) {
	w := apptest.Start(t, storetest.SQLite)
	owner := w.SetUp()
	s, err := owner.Workspace("default").Status(ctx, "")
	require.NoError(t, err)
	require.Equal(t, "none", s.Status)
	key, err := owner.Workspace("default").CreateAPIKey(ctx, client.NewAPIKey{Name: "k", Scopes: []string{"*"}})
	require.NoError(t, err)

	otherWorkspace(t, w)
	_, err = owner.Workspace("default").Status(ctx, "")
	require.Equal(t, "not_found", client.Code(err), "with two, nobody knows which")
	_, err = client.New(w.URL, client.WithToken(key.Key)).Workspace("default").Status(ctx, "")
	require.NoError(t, err, "a key knows its own")
}

func TestAPIKeys(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d)
		owner := w.SetUp()
		home := owner.Workspace(w.Home)
		made, err := home.CreateAPIKey(ctx, client.NewAPIKey{Name: "reader", Scopes: []string{"mail:read"}})
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(made.Key, made.Prefix))
		program := client.New(w.URL, client.WithToken(made.Key))
		_, err = program.Workspace(w.Home).Emails(ctx, client.EmailQuery{})
		require.NoError(t, err)
		_, err = program.Workspace(w.Home).Members(ctx, client.MemberQuery{})
		require.Equal(t, "insufficient_scope", client.Code(err))

		listed, err := home.APIKeys(ctx, client.KeyQuery{})
		require.NoError(t, err)
		require.Len(t, listed.Items, 1)
		require.NotNil(t, listed.Items[0].LastUsedAt)

		require.NoError(t, home.RevokeAPIKey(ctx, made.ID))
		_, err = program.Workspace(w.Home).Emails(ctx, client.EmailQuery{})
		require.Equal(t, "invalid_token", client.Code(err))

		_, err = home.CreateAPIKey(ctx, client.NewAPIKey{Name: "x", Scopes: []string{"everything"}})
		require.Equal(t, "validation_failed", client.Code(err))
		narrow, err := home.CreateAPIKey(ctx, client.NewAPIKey{Name: "narrow", Scopes: []string{"admin"}})
		require.NoError(t, err)
		_, err = client.New(w.URL, client.WithToken(narrow.Key)).Workspace(w.Home).CreateAPIKey(ctx, client.NewAPIKey{Name: "wide", Scopes: []string{"*"}})
		require.Equal(t, "access_denied", client.Code(err), "no key makes a stronger one")
	})
}

func TestAskingTwiceWithAnIdempotencyKey(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d)
		w.SetUp()
		bearer := token(t, w, apptest.Mara)
		post := func(path, key, body string) string {
			r, err := http.NewRequest(http.MethodPost, w.URL+"/api/v1/workspaces/"+w.Home+path, strings.NewReader(body))
			require.NoError(t, err)
			r.Header.Set("Authorization", "Bearer "+bearer)
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Idempotency-Key", key)
			answer, err := http.DefaultClient.Do(r)
			require.NoError(t, err)
			defer func() { _ = answer.Body.Close() }()
			text, err := io.ReadAll(answer.Body)
			require.NoError(t, err)
			return answer.Status + string(text)
		}
		first := post("/api-keys", "k1", `{"name":"a","scopes":["mail:read"]}`)
		require.Contains(t, first, "201")
		require.Equal(t, first, post("/api-keys", "k1", `{"name":"a","scopes":["mail:read"]}`))
		require.Contains(t, post("/api-keys", "k1", `{"name":"b","scopes":["mail:read"]}`), "idempotency_mismatch")
		require.NotEqual(t, first, post("/api-keys", "k2", `{"name":"a","scopes":["mail:read"]}`))

		member := post("/members", "m1", `{"email":"`+apptest.Jonas+`"}`)
		require.Contains(t, member, "201")
		require.Equal(t, member, post("/members", "m1", `{"email":"`+apptest.Jonas+`"}`))
		require.Contains(t, post("/members", "", `{"email":"`+apptest.Jonas+`"}`), "409")
	})
}
