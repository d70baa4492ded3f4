package vault_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/vault"
	"rapport/internal/vault/vaulttest"
)

// house is a vault with everything around it.
type house struct {
	*vault.Service
	memory   *vaulttest.Memory
	provider *vaulttest.Provider
	key      crm.Secret
	now      time.Time
}

var (
	ada  = access.Caller{Via: access.ViaSession, UserID: "ada", Workspace: "lamps", Role: crm.RoleMember}
	bo   = access.Caller{Via: access.ViaSession, UserID: "bo", Workspace: "lamps", Role: crm.RoleMember}
	adas = vault.Identity{Sub: "1001", Email: "ada.winter@northwind-lamps.example", HostedDomain: "northwind-lamps.example", EmailVerified: true}
)

func build(t *testing.T) *house {
	t.Helper()
	h := &house{now: time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return h.now }
	h.memory = vaulttest.New(vault.Client{ID: "env", GoogleID: "100-x.apps", Secret: crm.NewSecret("s"), RedirectURI: "https://crm.example/callback"})
	h.provider = vaulttest.NewProvider(clock)
	h.Service, h.key = serviceOn(t, h.memory, h.provider, clock)
	return h
}

func serviceOn(t *testing.T, m *vaulttest.Memory, p vault.Provider, now func() time.Time) (*vault.Service, crm.Secret) {
	t.Helper()
	key, err := vault.NewKey()
	require.NoError(t, err)
	sealer, err := vault.NewSealer(key)
	require.NoError(t, err)
	m.Members["ada"] = vault.Person{ID: "ada", Email: "ada.winter@northwind-lamps.example", Role: crm.RoleMember}
	m.Members["bo"] = vault.Person{ID: "bo", Email: "bo@northwind-lamps.example", Role: crm.RoleMember}
	m.Members["own"] = vault.Person{ID: "own", Email: "own@northwind-lamps.example", Role: crm.RoleOwner}
	return &vault.Service{Provider: p, Clients: m, Consents: m, Grants: m, Connections: m, Approvals: m, Trail: m,
		Sealer: sealer, Now: now, Random: rand.Reader, TokenGrants: m, Leases: m, Upkeep: m, People: m,
		PublicURL: "https://crm.example", LinkKeys: [][]byte{[]byte("the first key of links"), []byte("an older key of links")},
		AllowedOrigins: []string{"https://shop.example", "http://localhost:5173"}}, key
}

// connect walks the whole way of a consent.
func (h *house) connect(t *testing.T, who access.Caller, r vault.Request, id vault.Identity, scopes ...string) (vault.Outcome, error) {
	t.Helper()
	started, err := h.Begin(t.Context(), who, r)
	require.NoError(t, err)
	state, code := h.provider.Grant(started.URL, id, scopes...)
	require.Equal(t, started.State, state)
	return h.Complete(t.Context(), who, vault.Callback{State: state, Code: code, Issuer: "https://accounts.google.example"})
}

func query(t *testing.T, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	return u.Query()
}

func code(err error) string {
	var e *fault.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func TestBeginAsksForTheLeastThatIsNeeded(t *testing.T) {
	for _, c := range []struct {
		profile  crm.ScopeProfile
		services []crm.Service
		want     []string
	}{
		{crm.ProfileMetadata, nil, []string{vault.ScopeGmailMetadata, vault.ScopeCalendarReadonly}},
		{crm.ProfileRead, []crm.Service{crm.ServiceGmail}, []string{vault.ScopeGmailReadonly}},
		{crm.ProfileFull, []crm.Service{crm.ServiceGmail}, []string{vault.ScopeGmailReadonly, vault.ScopeGmailModify, vault.ScopeGmailSend}},
		{crm.ProfileFull, []crm.Service{crm.ServiceContacts}, []string{vault.ScopeContacts}},
	} {
		h := build(t)
		h.memory.Approved.Profile = c.profile
		started, err := h.Begin(t.Context(), ada, vault.Request{Services: c.services})
		require.NoError(t, err)
		q := query(t, started.URL)
		require.ElementsMatch(t, append([]string{vault.ScopeOpenID, vault.ScopeEmail, vault.ScopeProfile}, c.want...), strings.Fields(q.Get("scope")))
		require.Equal(t, "true", q.Get("offline"))
		require.Equal(t, "select_account consent", q.Get("prompt"))
		require.Equal(t, "false", q.Get("include_granted_scopes"))
		require.Len(t, q.Get("code_challenge"), 43)
		require.Equal(t, "https://crm.example/callback", q.Get("redirect_uri"))
	}
}

func TestBeginRefuses(t *testing.T) {
	h := build(t)
	for what, c := range map[string]struct {
		who      access.Caller
		approval crm.Approval
		request  vault.Request
		kind     fault.Kind
	}{
		"nobody":                   {access.Caller{}, h.memory.Approved, vault.Request{}, fault.Unauthenticated},
		"before approval":          {ada, crm.Approval{State: crm.ApprovalPending}, vault.Request{}, fault.Blocked},
		"blocked":                  {ada, crm.Approval{State: crm.ApprovalBlocked}, vault.Request{}, fault.Blocked},
		"service not in profile":   {ada, crm.Approval{State: crm.ApprovalApproved, Profile: crm.ProfileMetadata}, vault.Request{Services: []crm.Service{crm.ServiceContacts}}, fault.Invalid},
		"a page of somebody else":  {ada, h.memory.Approved, vault.Request{ReturnTo: "https://evil.example"}, fault.Invalid},
		"the same in disguise":     {ada, h.memory.Approved, vault.Request{ReturnTo: "//evil.example"}, fault.Invalid},
		"and encoded":              {ada, h.memory.Approved, vault.Request{ReturnTo: "/%2fevil.example/ "}, fault.Invalid},
		"a connection of nobody's": {ada, h.memory.Approved, vault.Request{Connection: "none"}, fault.NotFound},
	} {
		h.memory.Approved = c.approval
		_, err := h.Begin(t.Context(), c.who, c.request)
		require.Equal(t, c.kind, fault.Of(err), what)
		require.Empty(t, h.memory.Consents, what)
	}
}

func TestAConsentMakesAConnection(t *testing.T) {
	h := build(t)
	out, err := h.connect(t, ada, vault.Request{ReturnTo: "/crm/inbox"}, adas)
	require.NoError(t, err)
	require.True(t, out.New)
	require.Empty(t, out.Missing)
	require.Equal(t, "/crm/inbox", out.ReturnTo)
	c, g := h.memory.Only()
	require.Equal(t, crm.StatusActive, c.Status)
	require.Equal(t, "1001", c.GoogleSub)
	require.True(t, c.GmailSync)
	require.True(t, c.CalendarSync)
	require.False(t, c.ContactsSync)
	require.Equal(t, crm.DefaultSettings(), c.Settings)
	require.NotContains(t, g.SealedRefresh+g.SealedAccess, "1//")
	require.Equal(t, []string{"connection.granted active"}, h.memory.Facts)
	require.Equal(t, []string{"connection.connect ok"}, h.memory.Audited())
	a, err := h.Token(t.Context(), g.ID)
	require.NoError(t, err)
	require.Equal(t, "ya29.2", a.Token.Reveal())
	require.Zero(t, h.provider.Count())
}

func TestAStateIsTakenOnce(t *testing.T) {
	h := build(t)
	started, err := h.Begin(t.Context(), ada, vault.Request{})
	require.NoError(t, err)
	state, one := h.provider.Grant(started.URL, adas)
	_, err = h.Complete(t.Context(), ada, vault.Callback{State: state, Code: one})
	require.NoError(t, err)
	_, err = h.Complete(t.Context(), ada, vault.Callback{State: state, Code: one})
	require.Equal(t, "consent_expired", code(err))
	_, err = h.Complete(t.Context(), ada, vault.Callback{State: "made-up", Code: one})
	require.Equal(t, "consent_expired", code(err))
	require.Equal(t, 1, h.provider.Exchanged, "the code of a bad state must not be spent")
}

func TestAnExpiredStateSpendsNoCode(t *testing.T) {
	h := build(t)
	started, err := h.Begin(t.Context(), ada, vault.Request{})
	require.NoError(t, err)
	state, one := h.provider.Grant(started.URL, adas)
	h.now = h.now.Add(11 * time.Minute)
	_, err = h.Complete(t.Context(), ada, vault.Callback{State: state, Code: one})
	require.Equal(t, "consent_expired", code(err))
	require.Zero(t, h.provider.Exchanged)
	require.Empty(t, h.memory.Connections)
}

func TestOnlyTheOneWhoBeganMayFinish(t *testing.T) {
	for _, c := range []struct {
		purpose string
		who     access.Caller
		want    string
	}{
		{vault.PurposeConnect, bo, "wrong_user"},
		{vault.PurposeConnect, access.Caller{}, "wrong_user"},
		{vault.PurposeLink, bo, "wrong_user"},
		{vault.PurposeLink, access.Caller{}, ""},
	} {
		h := build(t)
		started, err := h.Begin(t.Context(), ada, vault.Request{Purpose: c.purpose})
		require.NoError(t, err)
		state, one := h.provider.Grant(started.URL, adas)
		_, err = h.Complete(t.Context(), c.who, vault.Callback{State: state, Code: one})
		require.Equal(t, c.want, code(err))
		require.Equal(t, c.want == "", len(h.memory.Connections) == 1)
	}
}

func TestUntickedBoxesMakeItDegraded(t *testing.T) {
	h := build(t)
	out, err := h.connect(t, ada, vault.Request{}, adas, "openid", "email", vault.ScopeGmailReadonly, vault.ScopeCalendar)
	require.NoError(t, err)
	require.Equal(t, crm.StatusDegraded, out.Connection.Status)
	var names []string
	for _, f := range out.Missing {
		names = append(names, f.Name)
	}
	require.Equal(t, []string{"Change mail", "Send mail"}, names, "calendar covers calendar.events")
	require.Contains(t, out.Connection.StatusReason, "Send mail")

	// One click asks for just that, and keeps the rest.
	started, err := h.Begin(t.Context(), ada, vault.Request{Connection: out.Connection.ID, Services: []crm.Service{crm.ServiceGmail}})
	require.NoError(t, err)
	q := query(t, started.URL)
	require.ElementsMatch(t, []string{vault.ScopeOpenID, vault.ScopeEmail, vault.ScopeProfile, vault.ScopeGmailModify, vault.ScopeGmailSend}, strings.Fields(q.Get("scope")))
	require.Equal(t, "true", q.Get("include_granted_scopes"))
	require.Equal(t, "1001", q.Get("login_hint"))
	state, one := h.provider.Grant(started.URL, adas, "openid", vault.ScopeGmailReadonly, vault.ScopeCalendar, vault.ScopeGmailModify, "https://www.googleapis.com/auth/youtube")
	out, err = h.Complete(t.Context(), ada, vault.Callback{State: state, Code: one})
	require.NoError(t, err)
	require.Equal(t, crm.StatusActive, out.Connection.Status, "gmail.modify covers sending; scopes of others do no harm")
	require.False(t, out.New)
	require.Len(t, h.memory.Connections, 1)
	require.Len(t, h.memory.Held, 1)
}

func TestMetadataScopeIsNeverMixedWithABroaderOne(t *testing.T) {
	h := build(t)
	h.memory.Approved.Profile = crm.ProfileMetadata
	out, err := h.connect(t, ada, vault.Request{}, adas)
	require.NoError(t, err)
	h.memory.Approved.Profile = crm.ProfileRead
	started, err := h.Begin(t.Context(), ada, vault.Request{Connection: out.Connection.ID})
	require.NoError(t, err)
	q := query(t, started.URL)
	require.Equal(t, "false", q.Get("include_granted_scopes"))
	require.NotContains(t, q.Get("scope"), vault.ScopeGmailMetadata)
	state, one := h.provider.Grant(started.URL, adas)
	out, err = h.Complete(t.Context(), ada, vault.Callback{State: state, Code: one})
	require.NoError(t, err)
	require.Equal(t, crm.StatusActive, out.Connection.Status)
	require.NotContains(t, out.Connection.WantedScopes, vault.ScopeGmailMetadata)
}

func TestReconnectHasToBeTheSameAccount(t *testing.T) {
	h := build(t)
	out, err := h.connect(t, ada, vault.Request{}, adas)
	require.NoError(t, err)
	before, grant := h.memory.Only()
	other := vault.Identity{Sub: "2002", Email: "else@northwind-lamps.example", EmailVerified: true}
	_, err = h.connect(t, ada, vault.Request{Connection: out.Connection.ID}, other)
	require.Equal(t, "wrong_account", code(err))
	require.Equal(t, fault.Conflict, fault.Of(err))
	require.Contains(t, err.Error(), adas.Email)
	after, same := h.memory.Only()
	require.Equal(t, before, after)
	require.Equal(t, grant, same)
}

func TestTheAccountIsItsSubNotItsAddress(t *testing.T) {
	h := build(t)
	_, err := h.connect(t, ada, vault.Request{}, adas)
	require.NoError(t, err)
	renamed := adas
	renamed.Email = "ada.summer@northwind-lamps.example"
	out, err := h.connect(t, ada, vault.Request{}, renamed)
	require.NoError(t, err)
	require.False(t, out.New)
	require.Len(t, h.memory.Connections, 1)
	require.Equal(t, renamed.Email, out.Connection.GoogleEmail)
}

func TestAnAnswerWithoutRefreshTokenKeepsTheOldOne(t *testing.T) {
	h := build(t)
	out, err := h.connect(t, ada, vault.Request{}, adas)
	require.NoError(t, err)
	_, before := h.memory.Only()
	h.provider.NoRefresh = true
	_, err = h.connect(t, ada, vault.Request{Connection: out.Connection.ID}, adas)
	require.NoError(t, err)
	_, after := h.memory.Only()
	require.Equal(t, before.SealedRefresh, after.SealedRefresh)
	require.NotEqual(t, before.SealedAccess, after.SealedAccess)
}

func TestWithoutAnyRefreshTokenNothingIsStored(t *testing.T) {
	h := build(t)
	h.provider.NoRefresh = true
	_, err := h.connect(t, ada, vault.Request{}, adas)
	require.Equal(t, "refresh_token_missing", code(err))
	require.Empty(t, h.memory.Connections)
}

func TestRefusalsByGoogle(t *testing.T) {
	for _, c := range []struct {
		google, code string
		kind         fault.Kind
		status       crm.ConnectionStatus
	}{
		{"access_denied", "access_denied", fault.Forbidden, ""},
		{"admin_policy_enforced", "waiting_for_admin", fault.Blocked, crm.StatusWaitingForAdmin},
		{"org_internal", "waiting_for_admin", fault.Blocked, crm.StatusWaitingForAdmin},
		{"<script>alert(1)</script>", "consent_failed", fault.Invalid, ""},
	} {
		h := build(t)
		started, err := h.Begin(t.Context(), ada, vault.Request{ReturnTo: "/crm"})
		require.NoError(t, err)
		out, err := h.Complete(t.Context(), ada, vault.Callback{State: started.State, Error: c.google})
		require.Equal(t, c.code, code(err))
		require.Equal(t, c.kind, fault.Of(err))
		require.Equal(t, "/crm", out.ReturnTo)
		require.NotContains(t, err.Error(), "<script>")
		conn, _ := h.memory.Only()
		require.Equal(t, c.status, conn.Status)
		require.Equal(t, []string{"connection.connect denied"}, h.memory.Audited())

		// Once it is allowed, the waiting connection becomes the account's.
		done, err := h.connect(t, ada, vault.Request{}, adas)
		require.NoError(t, err)
		require.Equal(t, crm.StatusActive, done.Connection.Status)
		require.Len(t, h.memory.Connections, 1)
	}
}

func TestAnotherIssuerIsRefused(t *testing.T) {
	h := build(t)
	started, err := h.Begin(t.Context(), ada, vault.Request{})
	require.NoError(t, err)
	state, one := h.provider.Grant(started.URL, adas)
	_, err = h.Complete(t.Context(), ada, vault.Callback{State: state, Code: one, Issuer: "https://evil.example"})
	require.Equal(t, fault.Invalid, fault.Of(err))
	require.Zero(t, h.provider.Exchanged)
}

func TestOnlyAllowedDomainsConnect(t *testing.T) {
	h := build(t)
	h.memory.Approved.AllowedDomains = []string{"Northwind-Lamps.example"}
	private := vault.Identity{Sub: "3", Email: "ada@northwind-lamps.example", EmailVerified: true} // no hd: not the organisation's
	_, err := h.connect(t, ada, vault.Request{}, private)
	require.Equal(t, "domain_not_allowed", code(err))
	require.Empty(t, h.memory.Connections)
	_, err = h.connect(t, ada, vault.Request{}, adas)
	require.NoError(t, err)
}

func TestSignInOnlyLearnsWhoItIs(t *testing.T) {
	h := build(t)
	started, err := h.Begin(t.Context(), access.Caller{}, vault.Request{Purpose: vault.PurposeSignIn, RedirectURI: "https://crm.example/signed-in"})
	require.NoError(t, err)
	q := query(t, started.URL)
	require.ElementsMatch(t, []string{vault.ScopeOpenID, vault.ScopeEmail, vault.ScopeProfile}, strings.Fields(q.Get("scope")))
	require.Equal(t, "false", q.Get("offline"))
	require.Equal(t, "https://crm.example/signed-in", q.Get("redirect_uri"))
	state, one := h.provider.Grant(started.URL, adas)
	out, err := h.Complete(t.Context(), access.Caller{}, vault.Callback{State: state, Code: one})
	require.NoError(t, err)
	require.Equal(t, "1001", out.Identity.Sub)
	require.Empty(t, h.memory.Held)

	started, err = h.Begin(t.Context(), access.Caller{}, vault.Request{Purpose: vault.PurposeSignIn})
	require.NoError(t, err)
	unverified := adas
	unverified.EmailVerified = false
	state, one = h.provider.Grant(started.URL, unverified)
	_, err = h.Complete(t.Context(), access.Caller{}, vault.Callback{State: state, Code: one})
	require.Equal(t, fault.Forbidden, fault.Of(err))
}

func TestTheSameAccountInTwoWindowsIsOneConnection(t *testing.T) {
	h := build(t)
	first, err := h.Begin(t.Context(), ada, vault.Request{})
	require.NoError(t, err)
	state1, code1 := h.provider.Grant(first.URL, adas)
	// The second window finishes between the look-up and the store of the first.
	once := true
	h.memory.Fail = func(method string) error {
		if method == "Granted" && once {
			once = false
			_, err := h.connect(t, ada, vault.Request{}, adas)
			require.NoError(t, err)
		}
		return nil
	}
	out, err := h.Complete(t.Context(), ada, vault.Callback{State: state1, Code: code1})
	require.NoError(t, err)
	require.Equal(t, crm.StatusActive, out.Connection.Status)
	require.Len(t, h.memory.Connections, 1)
}

func TestNothingIsStoredWhenAStoreFails(t *testing.T) {
	for _, method := range []string{"PutConsent", "TakeConsent", "FindConnection", "FindGrant", "Granted"} {
		h := build(t)
		h.memory.Fail = func(m string) error {
			if m == method {
				return errors.New("disk full")
			}
			return nil
		}
		started, err := h.Begin(t.Context(), ada, vault.Request{})
		if err == nil {
			state, one := h.provider.Grant(started.URL, adas)
			_, err = h.Complete(t.Context(), ada, vault.Callback{State: state, Code: one})
		}
		require.ErrorContains(t, err, "disk full", method)
		require.Empty(t, h.memory.Connections)
		require.Empty(t, h.memory.Held)
	}
}

func TestDisconnect(t *testing.T) {
	h := build(t)
	out, err := h.connect(t, ada, vault.Request{}, adas)
	require.NoError(t, err)
	var stopped []crm.ConnectionID
	h.Stop = func(_ context.Context, c crm.Connection) error { stopped = append(stopped, c.ID); return nil }

	_, err = h.Disconnect(t.Context(), bo, out.Connection.ID)
	require.Equal(t, fault.NotFound, fault.Of(err))
	gone, err := h.Disconnect(t.Context(), ada, out.Connection.ID)
	require.NoError(t, err)
	require.True(t, gone.Revoked)
	require.Equal(t, []crm.ConnectionID{out.Connection.ID}, stopped)
	c, g := h.memory.Only()
	require.Equal(t, crm.StatusDisconnected, c.Status)
	require.Equal(t, vault.GrantRevoked, g.Status)
	require.Empty(t, g.SealedAccess+g.SealedRefresh)
	require.Len(t, h.provider.Revoked, 1)
	_, err = h.Token(t.Context(), g.ID)
	require.Equal(t, fault.Reconnect, fault.Of(err))

	again, err := h.Disconnect(t.Context(), ada, out.Connection.ID)
	require.NoError(t, err)
	require.False(t, again.Revoked)
	require.Len(t, h.provider.Revoked, 1)

	// Connecting the account again takes the same connection up.
	back, err := h.connect(t, ada, vault.Request{}, adas)
	require.NoError(t, err)
	require.Equal(t, out.Connection.ID, back.Connection.ID)
	require.Equal(t, crm.StatusActive, back.Connection.Status)
}

func TestDisconnectSparesAnAccountThatIsUsedElsewhere(t *testing.T) {
	h := build(t)
	first, err := h.connect(t, ada, vault.Request{}, adas)
	require.NoError(t, err)
	elsewhere := ada
	elsewhere.Workspace = "second"
	_, err = h.connect(t, elsewhere, vault.Request{}, adas)
	require.NoError(t, err)
	out, err := h.Disconnect(t.Context(), ada, first.Connection.ID)
	require.NoError(t, err)
	require.False(t, out.Revoked)
	require.Contains(t, out.Note, "another connection")
	require.Empty(t, h.provider.Revoked)
}

func TestDisconnectWorksWhileGoogleIsDown(t *testing.T) {
	h := build(t)
	first, err := h.connect(t, ada, vault.Request{}, adas)
	require.NoError(t, err)
	h.provider.Fails = fault.New(fault.Unavailable, "down")
	out, err := h.Disconnect(t.Context(), ada, first.Connection.ID)
	require.NoError(t, err)
	require.False(t, out.Revoked)
	require.Contains(t, out.Note, "myaccount.google.com")
	_, g := h.memory.Only()
	require.Empty(t, g.SealedRefresh)
}

func TestAConsentEndsWhereItsPurposeBelongs(t *testing.T) {
	h := build(t)
	for _, c := range []struct {
		begin    func() (vault.Started, error)
		purposes []string
		ok       bool
	}{
		{func() (vault.Started, error) { return h.Begin(t.Context(), ada, vault.Request{}) }, []string{vault.PurposeToken}, false},
		{func() (vault.Started, error) { return h.Begin(t.Context(), ada, vault.Request{}) }, []string{vault.PurposeConnect, vault.PurposeLink}, true},
		{func() (vault.Started, error) {
			return h.Authorize(t.Context(), ada, vault.SignedLink{}, vault.TokenRequest{Service: crm.ServiceDrive})
		}, []string{vault.PurposeConnect, vault.PurposeLink, vault.PurposeSignIn}, false},
		{func() (vault.Started, error) {
			return h.Authorize(t.Context(), ada, vault.SignedLink{}, vault.TokenRequest{Service: crm.ServiceDrive})
		}, nil, true},
	} {
		started, err := c.begin()
		require.NoError(t, err)
		state, one := h.provider.Grant(started.URL, adas)
		exchanged := h.provider.Exchanged
		cb := vault.Callback{State: state, Code: one, Purposes: c.purposes}
		out, err := h.Complete(t.Context(), ada, cb)
		if c.ok {
			require.NoError(t, err)
			continue
		}
		require.Equal(t, "consent_expired", code(err))
		require.Equal(t, vault.Outcome{}, out)
		require.Equal(t, exchanged, h.provider.Exchanged, "the code is not spent")
		cb.Purposes = nil
		_, err = h.Complete(t.Context(), ada, cb)
		require.Equal(t, "consent_expired", code(err), "and the consent is gone")
	}
}

// An address that a program or a link began may reach anybody: only the member's
// own Google account comes of it.
func TestAConsentWithoutASessionBringsTheMembersOwnAccount(t *testing.T) {
	bearer, byLink := ada, ada
	bearer.Via, byLink.Via = access.ViaToken, "link"
	stranger := vault.Identity{Sub: "2002", Email: "kim@harbour-tea.example", EmailVerified: true}
	shouting := adas
	shouting.Email = "Ada.Winter@Northwind-Lamps.example"
	unverified := adas
	unverified.EmailVerified = false
	for _, c := range []struct {
		what      string
		begun     access.Caller
		request   vault.Request
		completed access.Caller
		account   vault.Identity
		sub       string // that ada signs in with
		want      string
	}{
		{"a program's, her own address", bearer, vault.Request{Purpose: vault.PurposeLink}, access.Caller{}, shouting, "", ""},
		{"a program's, her own address unverified", bearer, vault.Request{Purpose: vault.PurposeLink}, access.Caller{}, unverified, "", "wrong_account"},
		{"a program's, a stranger's account", bearer, vault.Request{Purpose: vault.PurposeLink}, access.Caller{}, stranger, "", "wrong_account"},
		{"a program's, the account she signs in with", bearer, vault.Request{Purpose: vault.PurposeLink}, access.Caller{}, stranger, "2002", ""},
		{"a program's, any account in her own browser", bearer, vault.Request{Purpose: vault.PurposeLink}, ada, stranger, "", ""},
		{"a program's, in a colleague's browser", bearer, vault.Request{Purpose: vault.PurposeLink}, bo, adas, "", "wrong_user"},
		{"a connect link, her own address", byLink, vault.Request{Link: "link"}, byLink, adas, "", ""},
		{"a connect link, a stranger's account", byLink, vault.Request{Link: "link"}, byLink, stranger, "", "wrong_account"},
		{"a connect link, any account in her own browser", byLink, vault.Request{Link: "link"}, ada, stranger, "", ""},
		{"her own session", ada, vault.Request{}, ada, stranger, "", ""},
	} {
		h := build(t)
		h.memory.Links["link"] = true
		p := h.memory.Members["ada"]
		p.GoogleSub = c.sub
		h.memory.Members["ada"] = p
		started, err := h.Begin(t.Context(), c.begun, c.request)
		require.NoError(t, err, c.what)
		state, one := h.provider.Grant(started.URL, c.account)
		_, err = h.Complete(t.Context(), c.completed, vault.Callback{State: state, Code: one})
		require.Equal(t, c.want, code(err), c.what)
		if c.want == "" {
			require.NoError(t, err, c.what)
			continue
		}
		require.Empty(t, h.memory.Held, c.what)
		require.Empty(t, h.memory.Connections, c.what)
		require.True(t, h.memory.Links["link"], c.what)
		if c.want == "wrong_account" {
			require.Equal(t, fault.Conflict, fault.Of(err), c.what)
			require.Contains(t, err.Error(), "ada.winter@northwind-lamps.example", c.what)
		}
	}

	// An account that she connected herself may be connected again.
	h := build(t)
	_, err := h.connect(t, ada, vault.Request{}, stranger)
	require.NoError(t, err)
	started, err := h.Begin(t.Context(), bearer, vault.Request{Purpose: vault.PurposeLink})
	require.NoError(t, err)
	state, one := h.provider.Grant(started.URL, stranger)
	_, err = h.Complete(t.Context(), access.Caller{}, vault.Callback{State: state, Code: one})
	require.NoError(t, err)
}
