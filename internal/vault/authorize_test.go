package vault_test

import (
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/vault"
)

// shop is a plugin's key: made by Ada, for every service.
var shop = access.Caller{Via: access.ViaKey, UserID: "ada", KeyID: "shop-key", Workspace: "lamps", Role: crm.RoleAdmin, Scopes: []string{"tokens:vend:*"}, Remote: "192.0.2.7"}

// read takes a signed link apart as the page behind it does.
func read(t *testing.T, address string) vault.SignedLink {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	q := u.Query()
	seconds, err := strconv.ParseInt(q.Get("expires"), 10, 64)
	require.NoError(t, err)
	return vault.SignedLink{Workspace: crm.WorkspaceID(q.Get("workspace_id")), Subject: q.Get("userId"), Service: crm.Service(q.Get("service")),
		Redirect: q.Get("redirect"), Expires: time.Unix(seconds, 0), Signature: q.Get("signature")}
}

// boss administers the workspace.
var boss = access.Caller{Via: access.ViaSession, UserID: "own", Workspace: "lamps", Role: crm.RoleOwner}

// authorize walks the way of a signed link to its end, members signed in.
func (h *house) authorize(t *testing.T, subject string, service crm.Service, id vault.Identity, scopes ...string) (vault.Outcome, error) {
	t.Helper()
	address, _, err := h.AuthorizeLink(t.Context(), shop, subject, service, "")
	require.NoError(t, err)
	browser := access.Caller{}
	if _, member := h.memory.Members[crm.UserID(subject)]; member {
		browser = access.Caller{Via: access.ViaSession, UserID: crm.UserID(subject)}
	}
	started, err := h.Authorize(t.Context(), browser, read(t, address), vault.TokenRequest{})
	require.NoError(t, err)
	state, code := h.provider.Grant(started.URL, id, scopes...)
	return h.Complete(t.Context(), browser, vault.Callback{State: state, Code: code})
}

func TestALinkIsGoodOnlyAsItWasMade(t *testing.T) {
	h := build(t)
	address, expires, err := h.AuthorizeLink(t.Context(), shop, "shop-7", crm.ServiceDrive, "https://shop.example/done?x=1")
	require.NoError(t, err)
	require.Equal(t, h.now.Add(7*24*time.Hour), expires)
	require.True(t, strings.HasPrefix(address, "https://crm.example/oauth/authorize?"))
	good := read(t, address)
	other := good
	other.Subject = "shop-8"
	olderKey := h.other()
	olderKey.AllowedOrigins, olderKey.LinkKeys = h.AllowedOrigins, h.LinkKeys[1:]
	older, _, err := olderKey.AuthorizeLink(t.Context(), shop, "shop-7", crm.ServiceDrive, "")
	require.NoError(t, err)
	stranger := h.other()
	stranger.LinkKeys = [][]byte{[]byte("somebody else's key")}
	forged, _, err := stranger.AuthorizeLink(t.Context(), shop, "shop-7", crm.ServiceDrive, "")
	require.NoError(t, err)

	changed := func(change func(*vault.SignedLink)) vault.SignedLink {
		l := good
		change(&l)
		return l
	}
	for _, c := range []struct {
		what string
		link vault.SignedLink
		want string
	}{
		{"as it was made", good, ""},
		{"signed by an older key of ours", read(t, older), ""},
		{"signed by somebody else", read(t, forged), "link_invalid"},
		{"another subject", other, "link_invalid"},
		{"another service", changed(func(l *vault.SignedLink) { l.Service = crm.ServiceGmail }), "link_invalid"},
		{"another workspace", changed(func(l *vault.SignedLink) { l.Workspace = "other" }), "link_invalid"},
		{"another redirect", changed(func(l *vault.SignedLink) { l.Redirect = "https://shop.example/other" }), "link_invalid"},
		{"without its redirect", changed(func(l *vault.SignedLink) { l.Redirect = "" }), "link_invalid"},
		{"a later end", changed(func(l *vault.SignedLink) { l.Expires = l.Expires.Add(time.Second) }), "link_invalid"},
		{"letters moved from one part to the next", changed(func(l *vault.SignedLink) { l.Subject, l.Service = "shop-7d", "rive" }), "link_invalid"},
		{"no signature", changed(func(l *vault.SignedLink) { l.Signature = "" }), "link_invalid"},
		{"half a signature", changed(func(l *vault.SignedLink) { l.Signature = l.Signature[:20] }), "link_invalid"},
		{"a longer signature", changed(func(l *vault.SignedLink) { l.Signature += "AA" }), "link_invalid"},
		{"no base64", changed(func(l *vault.SignedLink) { l.Signature = "%%%" }), "link_invalid"},
		{"only an end", vault.SignedLink{Expires: good.Expires}, "link_invalid"},
	} {
		started, err := h.Authorize(t.Context(), access.Caller{}, c.link, vault.TokenRequest{})
		require.Equal(t, c.want, code(err), c.what)
		require.Equal(t, c.want == "", started.URL != "", c.what)
	}
	h.now = expires.Add(-time.Second)
	_, err = h.Authorize(t.Context(), access.Caller{}, good, vault.TokenRequest{})
	require.NoError(t, err)
	h.now = expires
	_, err = h.Authorize(t.Context(), access.Caller{}, good, vault.TokenRequest{})
	require.Equal(t, "link_expired", code(err))
	require.Equal(t, fault.Forbidden, fault.Of(err))
}

func TestWithoutKeysThereIsNoLinkAndNoneIsGood(t *testing.T) {
	h := build(t)
	address, _, err := h.AuthorizeLink(t.Context(), shop, "shop-7", crm.ServiceDrive, "")
	require.NoError(t, err)
	h.LinkKeys = nil
	_, err = h.Authorize(t.Context(), access.Caller{}, read(t, address), vault.TokenRequest{})
	require.Equal(t, "link_invalid", code(err))
	_, _, err = h.AuthorizeLink(t.Context(), shop, "shop-7", crm.ServiceDrive, "")
	require.Equal(t, fault.Internal, fault.Of(err))
}

func TestWhatALinkSaysCountsAndNothingBesides(t *testing.T) {
	h := build(t)
	address, _, err := h.AuthorizeLink(t.Context(), shop, "shop-7", crm.ServiceDrive, "/thanks")
	require.NoError(t, err)
	started, err := h.Authorize(t.Context(), ada, read(t, address), vault.TokenRequest{Subject: "ada", Service: crm.ServiceGmail, Redirect: "https://evil.example", LoginHint: "kim@harbour-tea.example"})
	require.NoError(t, err)
	q := query(t, started.URL)
	require.Empty(t, q.Get("login_hint"), "nobody has signed it")
	require.Contains(t, q.Get("scope"), vault.ScopeDriveFile)
	require.NotContains(t, q.Get("scope"), "gmail")
	state, one := h.provider.Grant(started.URL, adas)
	out, err := h.Complete(t.Context(), access.Caller{}, vault.Callback{State: state, Code: one})
	require.NoError(t, err)
	require.Equal(t, "shop-7", out.Subject)
	require.Equal(t, crm.ServiceDrive, out.Service)
	require.Equal(t, "/thanks", out.ReturnTo)
}

func TestWhoMayAuthorizeWhom(t *testing.T) {
	for _, c := range []struct {
		what    string
		who     access.Caller
		open    bool
		subject string
		want    fault.Kind
	}{
		{"one's own session", ada, false, "ada", -1},
		{"one's own session, nobody named", ada, false, "", -1},
		{"a colleague", ada, false, "bo", fault.Forbidden},
		{"a bearer, which no browser has", access.Caller{Via: access.ViaToken, UserID: "ada", Workspace: "lamps"}, false, "ada", fault.Forbidden},
		{"a key without a link", shop, false, "ada", fault.Forbidden},
		{"nobody", access.Caller{Workspace: "lamps"}, false, "ada", fault.Unauthenticated},
		{"nobody, in an open house", access.Caller{Workspace: "lamps"}, true, "anybody", -1},
		{"nobody, in no workspace of an open house", access.Caller{}, true, "anybody", fault.Unauthenticated},
		{"an id that is too long", access.Caller{Workspace: "lamps"}, true, strings.Repeat("x", 201), fault.Invalid},
		{"an id with a control character", access.Caller{Workspace: "lamps"}, true, "a\nb", fault.Invalid},
	} {
		h := build(t)
		h.Open = c.open
		_, err := h.Authorize(t.Context(), c.who, vault.SignedLink{}, vault.TokenRequest{Subject: c.subject, Service: crm.ServiceDrive})
		if c.want < 0 {
			require.NoError(t, err, c.what)
			continue
		}
		require.Error(t, err, c.what)
		require.Equal(t, c.want, fault.Of(err), c.what)
		require.Empty(t, h.memory.Consents, c.what)
	}
}

func TestMakingALinkNeedsTheRightToVend(t *testing.T) {
	h := build(t)
	mailOnly := shop
	mailOnly.Scopes = []string{"mail:read", "tokens:vend:gmail"}
	_, _, err := h.AuthorizeLink(t.Context(), mailOnly, "shop-7", crm.ServiceDrive, "")
	require.Equal(t, "insufficient_scope", code(err))
	_, _, err = h.AuthorizeLink(t.Context(), shop, "shop-7", "fax", "")
	require.Equal(t, "unknown_service", code(err))
	require.Contains(t, err.Error(), "gmail, drive, calendar, meet, sheets, contacts, directory")
	h.memory.Approved.State = crm.ApprovalBlocked
	_, _, err = h.AuthorizeLink(t.Context(), shop, "shop-7", crm.ServiceDrive, "")
	require.Equal(t, "waiting_for_admin", code(err))
}

func TestWhereAConsentMayLeadBackTo(t *testing.T) {
	h := build(t)
	for to, ok := range map[string]bool{
		"":                                          true,
		"/crm/settings":                             true,
		"https://shop.example":                      true,
		"https://shop.example/back?a=b#c":           true,
		"https://SHOP.example:443/back":             true,
		"http://localhost:5173/x":                   true,
		"https://crm.example/own":                   true,
		"http://shop.example/":                      false, // another scheme
		"https://shop.example:8443/":                false,
		"http://localhost/":                         false,
		"https://shop.example.evil.example/":        false,
		"https://evil.example/https://shop.example": false,
		"https://shop.example@evil.example/":        false,
		"https://user@shop.example/":                false,
		"//shop.example/":                           false,
		"/\\evil.example":                           false,
		"https:\\\\shop.example":                    false,
		"https://shop.example\\@evil.example":       false,
		"https:shop.example":                        false,
		"javascript:alert(1)//https://shop.example": false,
		"data:text/html,x":                          false,
		"https://shop.example\r\nSet-Cookie: a=b":   false,
		" https://shop.example":                     false,
		"https://":                                  false,
		"shop.example":                              false,
	} {
		_, _, err := h.AuthorizeLink(t.Context(), shop, "shop-7", crm.ServiceDrive, to)
		if ok {
			require.NoError(t, err, to)
		} else {
			require.Equal(t, "redirect_not_allowed", code(err), to)
		}
	}
}

func TestScopesOfATokenAreBoundedByTheProfile(t *testing.T) {
	for _, c := range []struct {
		profile crm.ScopeProfile
		service crm.Service
		want    []string
	}{
		{crm.ProfileFull, crm.ServiceGmail, []string{vault.ScopeGmailSend, vault.ScopeGmailReadonly, vault.ScopeGmailModify}},
		{crm.ProfileFull, crm.ServiceDrive, []string{vault.ScopeDriveFile, vault.ScopeDriveReadonly}},
		{crm.ProfileFull, crm.ServiceCalendar, []string{vault.ScopeCalendar, vault.ScopeCalendarEvents}},
		{crm.ProfileFull, crm.ServiceMeet, []string{vault.ScopeCalendarEvents, vault.ScopeMeetCreated}},
		{crm.ProfileFull, crm.ServiceSheets, []string{vault.ScopeSheets, vault.ScopeSheetsReadonly}},
		{crm.ProfileFull, crm.ServiceContacts, []string{vault.ScopeContacts}},
		{crm.ProfileFull, crm.ServiceDirectory, []string{vault.ScopeDirectory}},
		{crm.ProfileRead, crm.ServiceGmail, []string{vault.ScopeGmailReadonly}},
		{crm.ProfileRead, crm.ServiceDrive, nil},
		{crm.ProfileRead, "tasks", nil},
		{crm.ProfileRead, "reports", []string{"https://www.googleapis.com/auth/admin.reports.audit.readonly"}},
		{crm.ProfileMetadata, crm.ServiceGmail, []string{vault.ScopeGmailMetadata}},
		{crm.ProfileMetadata, crm.ServiceContacts, nil},
		{crm.ProfileMetadata, "reports", nil},
		{crm.ProfileFull, "tasks", []string{"https://www.googleapis.com/auth/tasks"}},
		{"", crm.ServiceGmail, []string{vault.ScopeGmailSend, vault.ScopeGmailReadonly, vault.ScopeGmailModify}},
	} {
		h := build(t)
		h.Extra = map[crm.Service][]string{"tasks": {"https://www.googleapis.com/auth/tasks"}, "reports": {"https://www.googleapis.com/auth/admin.reports.audit.readonly"}}
		h.memory.Approved.Profile = c.profile
		started, err := h.Authorize(t.Context(), ada, vault.SignedLink{}, vault.TokenRequest{Service: c.service})
		if c.want == nil {
			require.Equal(t, "unknown_service", code(err), "%s %s", c.profile, c.service)
			continue
		}
		require.NoError(t, err)
		q := query(t, started.URL)
		require.ElementsMatch(t, append([]string{vault.ScopeOpenID, vault.ScopeEmail, vault.ScopeProfile}, c.want...), strings.Fields(q.Get("scope")))
		require.Equal(t, "false", q.Get("include_granted_scopes"), "a token of one service carries no other's scopes")
		require.Equal(t, "true", q.Get("offline"))
		require.Len(t, q.Get("code_challenge"), 43)
	}
}

func TestServicesOfTheOperatorComeLast(t *testing.T) {
	h := build(t)
	h.Extra = map[crm.Service][]string{"tasks": {"t"}, "forms": {"f"}, "gmail": {"never"}}
	require.Equal(t, []crm.Service{"gmail", "drive", "calendar", "meet", "sheets", "contacts", "directory", "forms", "tasks"}, h.ServiceNames())
}

func TestProductsThatAreOffAreNotAskedFor(t *testing.T) {
	h := build(t)
	h.memory.Approved.Products = []crm.Service{crm.ServiceGmail}
	_, err := h.Authorize(t.Context(), ada, vault.SignedLink{}, vault.TokenRequest{Service: crm.ServiceDrive})
	require.Equal(t, "product_not_allowed", code(err))
	_, err = h.Begin(t.Context(), ada, vault.Request{Services: []crm.Service{crm.ServiceCalendar}})
	require.Equal(t, "product_not_allowed", code(err))
	started, err := h.Begin(t.Context(), ada, vault.Request{})
	require.NoError(t, err)
	require.Contains(t, query(t, started.URL).Get("scope"), vault.ScopeGmailModify)
	require.NotContains(t, query(t, started.URL).Get("scope"), vault.ScopeCalendar)
	h.memory.Approved.Products = []crm.Service{crm.ServiceDrive}
	_, err = h.Begin(t.Context(), ada, vault.Request{})
	require.Equal(t, "product_not_allowed", code(err), "nothing is left to ask for")

	// A reconnect asks for what is still switched on.
	h.memory.Approved.Products = nil
	out, err := h.connect(t, ada, vault.Request{}, adas)
	require.NoError(t, err)
	h.memory.Approved.Products = []crm.Service{crm.ServiceGmail}
	started, err = h.Begin(t.Context(), ada, vault.Request{Connection: out.Connection.ID})
	require.NoError(t, err)
	require.NotContains(t, query(t, started.URL).Get("scope"), vault.ScopeCalendar)
}

func TestTheConsentPageIsForcedUntilARefreshTokenIsHeld(t *testing.T) {
	h := build(t)
	ask := func() url.Values {
		started, err := h.Authorize(t.Context(), ada, vault.SignedLink{}, vault.TokenRequest{Service: crm.ServiceDrive})
		require.NoError(t, err)
		return query(t, started.URL)
	}
	require.Equal(t, "select_account consent", ask().Get("prompt"))
	_, err := h.authorize(t, "ada", crm.ServiceDrive, adas)
	require.NoError(t, err)
	q := ask()
	require.Empty(t, q.Get("prompt"))
	require.Equal(t, adas.Sub, q.Get("login_hint"))
	h.memory.Approved.Profile = crm.ProfileFull
	g, err := h.memory.ServiceGrant(t.Context(), "lamps", "ada", crm.ServiceDrive)
	require.NoError(t, err)
	h.memory.Update(g.ID, func(g *vault.Grant) { g.Scopes = []string{vault.ScopeDriveFile} })
	require.Equal(t, "select_account consent", ask().Get("prompt"), "a scope is missing")
	h.memory.Update(g.ID, func(g *vault.Grant) {
		g.Scopes, g.Status = []string{vault.ScopeDriveFile, vault.ScopeDriveReadonly}, vault.GrantDead
	})
	require.Equal(t, "select_account consent", ask().Get("prompt"), "the grant is dead")
}

func TestATokenConsentMakesAServiceGrantAndNeverAConnection(t *testing.T) {
	h := build(t)
	out, err := h.authorize(t, "shop-7", crm.ServiceDrive, adas)
	require.NoError(t, err)
	require.Equal(t, vault.PurposeToken, out.Purpose)
	require.Empty(t, out.Connection.ID)
	require.Empty(t, h.memory.Connections)
	require.Empty(t, h.memory.Facts)
	g, err := h.memory.ServiceGrant(t.Context(), "lamps", "shop-7", crm.ServiceDrive)
	require.NoError(t, err)
	require.Equal(t, crm.UserID("shop-7"), g.UserID)
	require.Equal(t, h.now, g.ConsentedAt)
	require.NotContains(t, g.SealedAccess+g.SealedRefresh, "1//")
	require.Equal(t, []string{"token.link ok", "token.authorize ok"}, h.memory.Audited())

	// A connection of the same account is another grant.
	_, err = h.connect(t, ada, vault.Request{}, adas)
	require.NoError(t, err)
	require.Len(t, h.memory.Held, 2)
	c, _ := h.memory.Only()
	require.NotEqual(t, g.ID, c.GrantID)
}

func TestAuthorizingAgainReplacesTheGrant(t *testing.T) {
	h := build(t)
	_, err := h.authorize(t, "shop-7", crm.ServiceDrive, adas)
	require.NoError(t, err)
	first, err := h.memory.ServiceGrant(t.Context(), "lamps", "shop-7", crm.ServiceDrive)
	require.NoError(t, err)

	// Without a consent page Google gives no refresh token: the one we hold stays.
	h.provider.NoRefresh = true
	h.now = h.now.Add(time.Minute)
	_, err = h.authorize(t, "shop-7", crm.ServiceDrive, adas)
	require.NoError(t, err)
	second, err := h.memory.ServiceGrant(t.Context(), "lamps", "shop-7", crm.ServiceDrive)
	require.NoError(t, err)
	require.Equal(t, first.ID, second.ID)
	require.Equal(t, first.SealedRefresh, second.SealedRefresh)
	require.Equal(t, first.ConsentedAt, second.ConsentedAt, "the refresh token is as old as before")
	require.NotEqual(t, first.SealedAccess, second.SealedAccess)

}

// kim is another Google account than Ada's.
var kim = vault.Identity{Sub: "2002", Email: "kim@harbour-tea.example", EmailVerified: true}

// A link is passed on, and good for a week: who holds it renews an authorisation,
// and does not put another account in its place.
func TestALinkNeverExchangesTheAccount(t *testing.T) {
	h := build(t)
	address, _, err := h.AuthorizeLink(t.Context(), shop, "shop-7", crm.ServiceDrive, "")
	require.NoError(t, err)
	open := func(as vault.Identity) error {
		started, err := h.Authorize(t.Context(), access.Caller{}, read(t, address), vault.TokenRequest{})
		require.NoError(t, err)
		u, err := url.Parse(started.URL)
		require.NoError(t, err)
		require.Empty(t, u.Query().Get("login_hint"), "the holder does not learn whose account it is")
		state, one := h.provider.Grant(started.URL, as)
		_, err = h.Complete(t.Context(), access.Caller{}, vault.Callback{State: state, Code: one})
		return err
	}
	require.NoError(t, open(adas))
	first, err := h.memory.ServiceGrant(t.Context(), "lamps", "shop-7", crm.ServiceDrive)
	require.NoError(t, err)
	require.Equal(t, "wrong_account", code(open(kim)))
	still, err := h.memory.ServiceGrant(t.Context(), "lamps", "shop-7", crm.ServiceDrive)
	require.NoError(t, err)
	require.Equal(t, first, still)
	require.Empty(t, h.provider.Revoked)
	require.NoError(t, open(adas))
	h.memory.Update(first.ID, func(g *vault.Grant) { g.Status = vault.GrantDead })
	require.NoError(t, open(kim), "what Google has ended may be begun anew")
}

func TestALinkEndsWithItsMakerWhileItsConsentGoesOn(t *testing.T) {
	h := build(t)
	address, _, err := h.AuthorizeLink(t.Context(), boss, "shop-7", crm.ServiceDrive, "")
	require.NoError(t, err)
	started, err := h.Authorize(t.Context(), access.Caller{}, read(t, address), vault.TokenRequest{})
	require.NoError(t, err)
	state, one := h.provider.Grant(started.URL, adas)
	h.memory.Members["own"] = vault.Person{ID: "own", Role: crm.RoleMember}
	_, err = h.Complete(t.Context(), access.Caller{}, vault.Callback{State: state, Code: one})
	require.Equal(t, "link_expired", code(err), "no administrator any more")
	require.Empty(t, h.memory.Held)
}

// The text of an address is no organisation.
func TestAnAccountOfNoOrganisationIsOfNoDomain(t *testing.T) {
	h := build(t)
	sly := vault.Identity{Sub: "3003", Email: "sly@northwind-lamps.example", EmailVerified: true}
	_, err := h.authorize(t, "shop-7", crm.ServiceDrive, sly)
	require.NoError(t, err)
	_, err = h.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
	require.NoError(t, err)
	h.memory.Approved.AllowedDomains = []string{"northwind-lamps.example"}
	h.now = h.now.Add(time.Minute)
	_, err = h.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
	require.Equal(t, "not_allowed_by_organisation", code(err))
	g, err := h.memory.ServiceGrant(t.Context(), "lamps", "shop-7", crm.ServiceDrive)
	require.NoError(t, err)
	h.memory.Update(g.ID, func(g *vault.Grant) { g.HostedDomain = nil })
	h.now = h.now.Add(time.Minute)
	_, err = h.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
	require.NoError(t, err, "of grants from before, the address is all that is known")
}

func TestAuthorizingForOneselfMayExchangeTheAccount(t *testing.T) {
	h := build(t)
	own := func(as vault.Identity) error {
		started, err := h.Authorize(t.Context(), ada, vault.SignedLink{}, vault.TokenRequest{Service: crm.ServiceDrive})
		require.NoError(t, err)
		state, one := h.provider.Grant(started.URL, as)
		_, err = h.Complete(t.Context(), ada, vault.Callback{State: state, Code: one})
		return err
	}
	require.NoError(t, own(adas))
	second, err := h.memory.ServiceGrant(t.Context(), "lamps", "ada", crm.ServiceDrive)
	require.NoError(t, err)

	// Another account takes its place with a refresh token of its own, or not at all.
	h.provider.NoRefresh = true
	require.Equal(t, "refresh_token_missing", code(own(kim)))
	still, err := h.memory.ServiceGrant(t.Context(), "lamps", "ada", crm.ServiceDrive)
	require.NoError(t, err)
	require.Equal(t, second, still)
	require.NoError(t, own(kim))
	third, err := h.memory.ServiceGrant(t.Context(), "lamps", "ada", crm.ServiceDrive)
	require.NoError(t, err)
	require.Equal(t, "2002", third.GoogleSub)
	require.Len(t, h.memory.Held, 1)
	require.Len(t, h.provider.Revoked, 1, "nothing uses the earlier account any more")
	last := h.memory.Rows[len(h.memory.Rows)-1]
	for i := len(h.memory.Rows) - 1; last.Action != "token.authorize"; i-- {
		last = h.memory.Rows[i]
	}
	require.Equal(t, "drive: the Google account changed", last.Detail)
}

func TestATokenConsentRefuses(t *testing.T) {
	h := build(t)
	_, err := h.authorize(t, "shop-7", crm.ServiceDrive, adas, "openid", "email")
	require.Equal(t, "insufficient_scope", code(err), "every box was left unticked")
	require.Empty(t, h.memory.Held)
	out, err := h.authorize(t, "shop-7", crm.ServiceDrive, adas, "openid", vault.ScopeDriveFile)
	require.NoError(t, err, "some were ticked")
	require.Len(t, out.Missing, 1)

	h.memory.Approved.AllowedDomains = []string{"other.example"}
	_, err = h.authorize(t, "shop-8", crm.ServiceDrive, adas)
	require.Equal(t, "domain_not_allowed", code(err))
	h.memory.Approved.AllowedDomains = nil

	// Blocked while the consent page was open.
	started, err := h.Authorize(t.Context(), ada, vault.SignedLink{}, vault.TokenRequest{Service: crm.ServiceSheets})
	require.NoError(t, err)
	state, one := h.provider.Grant(started.URL, adas)
	exchanged := h.provider.Exchanged
	h.memory.Approved.State = crm.ApprovalBlocked
	_, err = h.Complete(t.Context(), ada, vault.Callback{State: state, Code: one})
	require.Equal(t, "waiting_for_admin", code(err))
	require.Equal(t, exchanged, h.provider.Exchanged, "the code is not spent")
	h.memory.Approved.State = crm.ApprovalApproved

	// One's own consent ends in one's own session.
	started, err = h.Authorize(t.Context(), ada, vault.SignedLink{}, vault.TokenRequest{Service: crm.ServiceSheets})
	require.NoError(t, err)
	for _, who := range []access.Caller{bo, {}} {
		state, one = h.provider.Grant(started.URL, adas)
		_, err = h.Complete(t.Context(), who, vault.Callback{State: state, Code: one})
		require.Error(t, err)
		started, err = h.Authorize(t.Context(), ada, vault.SignedLink{}, vault.TokenRequest{Service: crm.ServiceSheets})
		require.NoError(t, err)
	}

	// A refusal by the organisation makes no connection.
	out, err = h.Complete(t.Context(), ada, vault.Callback{State: started.State, Error: "admin_policy_enforced"})
	require.Equal(t, "waiting_for_admin", code(err))
	require.Equal(t, crm.ServiceSheets, out.Service)
	require.Empty(t, h.memory.Connections)
}

func TestAConnectLinkIsUsedUpByTheConsentThatSucceeds(t *testing.T) {
	h := build(t)
	h.memory.Links["link"] = true
	started, err := h.Begin(t.Context(), ada, vault.Request{Link: "link"})
	require.NoError(t, err)
	_, err = h.Complete(t.Context(), ada, vault.Callback{State: started.State, Error: "access_denied"})
	require.Error(t, err)
	require.True(t, h.memory.Links["link"], "a consent that fails leaves it usable")
	out, err := h.connect(t, ada, vault.Request{Link: "link"}, adas)
	require.NoError(t, err)
	require.Equal(t, crm.LinkID("link"), out.Link)
	require.False(t, h.memory.Links["link"])
	other := vault.Identity{Sub: "2002", Email: "kim@harbour-tea.example", EmailVerified: true}
	_, err = h.connect(t, ada, vault.Request{Link: "link"}, other)
	require.Equal(t, "link_used", code(err))
	require.Len(t, h.memory.Connections, 1)
}

func TestWhoMayMakeLinks(t *testing.T) {
	members := shop
	members.Role = crm.RoleMember
	bearer := boss
	bearer.Via = access.ViaToken
	for _, c := range []struct {
		what, subject string
		who           access.Caller
		want          string
	}{
		{"an administrator's key", "shop-7", shop, ""},
		{"an administrator's key, for a member", "bo", shop, ""},
		{"an administrator", "shop-7", boss, ""},
		{"an administrator, for a member", "bo", boss, ""},
		{"a plain member's key", "shop-7", members, "not_your_tokens"},
		{"a plain member's key, for its maker", "ada", members, "administrator_needed"},
		{"a member, for themselves", "ada", ada, "administrator_needed"},
		{"a member, for a colleague", "bo", ada, "administrator_needed"},
		{"a bearer", "shop-7", bearer, "administrator_needed"},
	} {
		h := build(t)
		_, _, err := h.AuthorizeLink(t.Context(), c.who, c.subject, crm.ServiceDrive, "")
		if c.want == "" {
			require.NoError(t, err, c.what)
			continue
		}
		require.Equal(t, fault.Forbidden, fault.Of(err), c.what)
		require.Equal(t, c.want, code(err), c.what)
	}
	_, _, err := build(t).AuthorizeLink(t.Context(), access.Caller{Workspace: "lamps"}, "shop-7", crm.ServiceDrive, "")
	require.Equal(t, fault.Unauthenticated, fault.Of(err))
}

// Nobody's Google account becomes a member's by a link that was sent around.
func TestALinkForAMemberNeedsThatMember(t *testing.T) {
	for _, maker := range []access.Caller{shop, boss} {
		h := build(t)
		address, _, err := h.AuthorizeLink(t.Context(), maker, "bo", crm.ServiceDrive, "")
		require.NoError(t, err)
		link := read(t, address)
		bearer := bo
		bearer.Via = access.ViaToken
		for what, c := range map[string]struct {
			who  access.Caller
			kind fault.Kind
			code string
		}{
			"nobody":           {access.Caller{}, fault.Unauthenticated, "sign_in_first"},
			"bo's bearer":      {bearer, fault.Unauthenticated, "sign_in_first"},
			"somebody else":    {ada, fault.Forbidden, "wrong_user"},
			"the link's maker": {boss, fault.Forbidden, "wrong_user"},
		} {
			_, err := h.Authorize(t.Context(), c.who, link, vault.TokenRequest{})
			require.Equal(t, c.kind, fault.Of(err), what)
			require.Equal(t, c.code, code(err), what)
			require.Empty(t, h.memory.Consents, what)
		}
		for _, who := range []access.Caller{{}, ada, boss, bo} {
			started, err := h.Authorize(t.Context(), bo, link, vault.TokenRequest{})
			require.NoError(t, err)
			state, one := h.provider.Grant(started.URL, adas)
			_, err = h.Complete(t.Context(), who, vault.Callback{State: state, Code: one})
			if who.UserID == "bo" {
				require.NoError(t, err)
				continue
			}
			require.Equal(t, "wrong_user", code(err))
			require.Empty(t, h.memory.Held)
		}
	}
}

func TestALinkEndsWithWhoeverMadeIt(t *testing.T) {
	h := build(t)
	open := func(l vault.SignedLink) error {
		_, err := h.Authorize(t.Context(), access.Caller{}, l, vault.TokenRequest{})
		return err
	}
	address, _, err := h.AuthorizeLink(t.Context(), shop, "shop-7", crm.ServiceDrive, "")
	require.NoError(t, err)
	byKey := read(t, address)
	require.NoError(t, open(byKey))
	h.memory.KeysEnded[shop.KeyID] = true
	require.Equal(t, "link_expired", code(open(byKey)), "the key was revoked")
	another := byKey
	another.Signature = strings.Replace(another.Signature, string(shop.KeyID), "another", 1)
	require.NotEqual(t, byKey, another)
	require.Equal(t, "link_invalid", code(open(another)))

	address, _, err = h.AuthorizeLink(t.Context(), boss, "shop-7", crm.ServiceDrive, "")
	require.NoError(t, err)
	byBoss := read(t, address)
	require.NoError(t, open(byBoss))
	h.memory.Members["own"] = vault.Person{ID: "own", Role: crm.RoleMember}
	require.Equal(t, "link_expired", code(open(byBoss)), "no administrator any more")
	delete(h.memory.Members, "own")
	require.Equal(t, "link_expired", code(open(byBoss)), "gone")
}

func TestTheWayOutForOneselfIsNoSignedLink(t *testing.T) {
	h := build(t)
	members := shop
	members.Role = crm.RoleMember
	bearer := ada
	bearer.Via = access.ViaToken
	for _, who := range []access.Caller{ada, bearer, members} {
		_, err := h.Vend(t.Context(), who, "ada", crm.ServiceDrive)
		require.Equal(t, "token_not_found", code(err))
		require.Equal(t, "https://crm.example/oauth/authorize?service=drive&userId=ada&workspace_id=lamps", faultOf(t, err).Action)
	}
	_, err := h.Vend(t.Context(), shop, "shop-7", crm.ServiceDrive)
	require.Contains(t, faultOf(t, err).Action, "signature=")
}
