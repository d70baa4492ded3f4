package org_test

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/org"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/vault"
)

func TestMain(m *testing.M) { storetest.Main(m) }

const password = "correct horse battery"

// room is the room of people on a store, with a clock that tests turn.
type room struct {
	*org.Service
	clock *storetest.Clock
	store *store.Store
	seen  int64 // the last fact that facts gave
	owner crm.User
	w     crm.WorkspaceID
}

func open(t testing.TB, d storetest.Database) *room {
	t.Helper()
	clock := storetest.NewClock()
	s := storetest.Open(t, d, func(o *store.Options) { o.Now = clock.Now })
	r := &room{clock: clock, store: s, Service: &org.Service{
		Store: s, Trail: s, Sealer: sealer(t), Now: clock.Now, Random: rand.Reader,
		SigningKeys: [][]byte{[]byte("first key, of thirty-two bytes!!"), []byte("an older key, of thirty-two byte")}, TokenLife: time.Hour, SessionLife: 24 * time.Hour,
		SignInDomains: []string{"northwind-lamps.example"},
	}}
	var err error
	r.owner, err = r.Setup(context.Background(), org.FirstOwner{Workspace: "Northwind Lamps", Name: "Mara Lindqvist", Email: " Mara@Northwind-Lamps.example ", Password: crm.NewSecret(password)})
	require.NoError(t, err)
	w, err := s.Only(context.Background())
	require.NoError(t, err)
	r.w = w.ID
	return r
}

func sealer(t testing.TB) *vault.Sealer {
	t.Helper()
	key, err := vault.NewKey()
	require.NoError(t, err)
	s, err := vault.NewSealer(key)
	require.NoError(t, err)
	return s
}

func (r *room) caller(t testing.TB) access.Caller {
	t.Helper()
	c, err := r.Enter(context.Background(), access.Caller{Via: access.ViaSession, UserID: r.owner.ID}, r.w)
	require.NoError(t, err)
	return c
}

func TestSessionsSlideAndEnd(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		token, end, err := r.OpenSession(ctx, r.owner, "198.51.100.7", "browser")
		require.NoError(t, err)
		present := org.Presented{Session: token}
		begun := r.clock.Now()
		for r.clock.Now().Before(begun.Add(89 * 24 * time.Hour)) { // used each 20 hours it lives on
			r.clock.Move(20 * time.Hour)
			c, err := r.Authenticate(ctx, present)
			require.NoError(t, err)
			require.Equal(t, r.owner.ID, c.UserID)
		}
		r.clock.Move(20 * time.Hour)
		require.False(t, r.clock.Now().Before(end), "the cookie ends with the session")
		_, err = r.Authenticate(ctx, present)
		require.True(t, fault.Is(err, fault.Unauthenticated), "ninety days are the most")

		token, _, err = r.OpenSession(ctx, r.owner, "", "")
		require.NoError(t, err)
		r.clock.Move(25 * time.Hour)
		_, err = r.Authenticate(ctx, org.Presented{Session: token})
		require.True(t, fault.Is(err, fault.Unauthenticated), "unused for a day")
	})
}

func TestBearerTokens(t *testing.T) {
	r, ctx := open(t, storetest.SQLite), context.Background()
	token, life, err := r.IssueToken(r.owner)
	require.NoError(t, err)
	require.Equal(t, time.Hour, life)
	who := func(text string) error {
		_, err := r.Authenticate(ctx, org.Presented{Bearer: crm.NewSecret(text)})
		return err
	}
	require.NoError(t, who(token.Reveal()))

	old := &org.Service{Now: r.Now, SigningKeys: r.SigningKeys[1:], TokenLife: r.TokenLife}
	before, _, err := old.IssueToken(r.owner)
	require.NoError(t, err)
	require.NoError(t, who(before.Reveal()), "a token of the key before is good until it expires")

	forge := func(method jwt.SigningMethod, key any, change func(*jwt.RegisteredClaims)) string {
		now := r.clock.Now()
		claims := &jwt.RegisteredClaims{Issuer: "rapport", Audience: jwt.ClaimStrings{"rapport-api"}, Subject: string(r.owner.ID), ExpiresAt: jwt.NewNumericDate(now.Add(time.Hour))}
		change(claims)
		forged := jwt.NewWithClaims(method, claims)
		good, _, err := jwt.NewParser().ParseUnverified(token.Reveal(), &jwt.RegisteredClaims{})
		require.NoError(t, err)
		forged.Header["kid"] = good.Header["kid"]
		text, err := forged.SignedString(key)
		require.NoError(t, err)
		return text
	}
	same := func(*jwt.RegisteredClaims) {}
	require.NoError(t, who(forge(jwt.SigningMethodHS256, r.SigningKeys[0], same)))
	for name, text := range map[string]string{
		"no signature":  forge(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, same),
		"another key":   forge(jwt.SigningMethodHS256, []byte("some other key of somebody else!"), same),
		"another hash":  forge(jwt.SigningMethodHS512, r.SigningKeys[0], same),
		"another use":   forge(jwt.SigningMethodHS256, r.SigningKeys[0], func(c *jwt.RegisteredClaims) { c.Audience = jwt.ClaimStrings{"elsewhere"} }),
		"without end":   forge(jwt.SigningMethodHS256, r.SigningKeys[0], func(c *jwt.RegisteredClaims) { c.ExpiresAt = nil }),
		"changed":       strings.Replace(token.Reveal(), ".ey", ".eyJ", 1),
		"empty":         "..",
		"something odd": "x",
	} {
		require.True(t, fault.Is(who(text), fault.Unauthenticated), name)
	}
	r.clock.Move(time.Hour + time.Second)
	require.True(t, fault.Is(who(token.Reveal()), fault.Unauthenticated))
}

func TestKeysExpire(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		end := r.clock.Now().Add(time.Hour)
		_, key, err := r.CreateAPIKey(ctx, r.caller(t), org.KeyWish{Name: "k", Scopes: []string{"tokens:vend:gmail", "mail:read"}, ExpiresAt: &end})
		require.NoError(t, err)
		c, err := r.Authenticate(ctx, org.Presented{Bearer: key})
		require.NoError(t, err)
		require.Equal(t, access.ViaKey, c.Via)
		require.Equal(t, r.w, c.Workspace)
		r.clock.Move(time.Hour)
		_, err = r.Authenticate(ctx, org.Presented{Bearer: key})
		require.True(t, fault.Is(err, fault.Unauthenticated))
		_, _, err = r.CreateAPIKey(ctx, r.caller(t), org.KeyWish{Name: "k", Scopes: []string{"mail:read"}, ExpiresAt: &end})
		require.True(t, fault.Is(err, fault.Invalid), "an end in the past")
		for _, scope := range []string{"", "tokens:vend:", "mail", "mail:delete", "ADMIN"} {
			_, _, err = r.CreateAPIKey(ctx, r.caller(t), org.KeyWish{Name: "k", Scopes: []string{scope}})
			require.True(t, fault.Is(err, fault.Invalid), scope)
		}
	})
}

func TestAttemptsAreFreedByTheRightPassword(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		try := func(pw, remote string) error {
			_, err := r.SignIn(ctx, "MARA@northwind-lamps.example", crm.NewSecret(pw), remote)
			return err
		}
		var wait time.Duration
		for i := 0; wait == 0; i++ {
			require.Less(t, i, 100)
			wait = fault.After(try("guess", "198.51.100.1"))
		}
		require.True(t, fault.Is(try(password, "198.51.100.2"), fault.Throttled), "the account waits, from wherever")
		r.clock.Move(wait + time.Second)
		require.NoError(t, try(password, "198.51.100.2"))
		require.NoError(t, try(password, "198.51.100.2"))
	})
}

func TestRightPasswordsNeverMakeAnAddressWait(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		try := func(pw string) error {
			_, err := r.SignIn(ctx, "mara@northwind-lamps.example", crm.NewSecret(pw), "198.51.100.1")
			return err
		}
		for range 12 { // an office behind one address, or a program that gets a token every hour
			require.NoError(t, try(password))
		}
		for range 5 {
			require.True(t, fault.Is(try("guess"), fault.Unauthenticated))
			r.clock.Move(time.Hour)
			require.NoError(t, try(password))
		}
		require.True(t, fault.Is(try("guess"), fault.Unauthenticated))
		require.Equal(t, 2*time.Second, fault.After(try(password)), "wrong ones stay counted")
	})
}

func TestGoogleIdentities(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		system := access.System(r.w)
		sign := func(g org.GoogleIdentity) (org.Arrival, error) { return r.SignInWithGoogle(ctx, g, "") }
		invite := func(email, pw string) {
			_, err := r.AddMember(ctx, system, org.NewMember{Email: email, Password: crm.NewSecret(pw)})
			require.NoError(t, err)
		}
		invite("ada@private-mail.example", "")
		invite("ben@private-mail.example", password)
		invite("cleo@gmail.com", password)

		_, err := sign(org.GoogleIdentity{Sub: "1", Email: "ada@private-mail.example"})
		require.True(t, fault.Is(err, fault.Forbidden), "an address that is not verified says nothing")
		_, err = sign(org.GoogleIdentity{Sub: "1", Email: "Ada@Private-Mail.example", EmailVerified: true})
		require.Equal(t, "mailbox_not_google", codeOf(t, err), "an address that Google verified once, without running its mailbox")
		ada, err := sign(hosted("1", "Ada@Private-Mail.example"))
		require.NoError(t, err)
		_, err = sign(org.GoogleIdentity{Sub: "2", Email: "ada@private-mail.example", EmailVerified: true})
		require.True(t, fault.Is(err, fault.Forbidden), "the invitation is taken")
		again, err := sign(org.GoogleIdentity{Sub: "1", Email: "ada.renamed@elsewhere.example"})
		require.NoError(t, err)
		require.Equal(t, ada.ID, again.ID, "the account is its sub, whatever its address becomes")

		_, err = sign(org.GoogleIdentity{Sub: "3", Email: "ben@private-mail.example", EmailVerified: true})
		require.True(t, fault.Is(err, fault.Forbidden), "Google does not run that mailbox, and Ben has a password")
		_, err = sign(org.GoogleIdentity{Sub: "4", Email: "cleo@gmail.com", EmailVerified: true})
		require.NoError(t, err, "Google runs this one")

		_, err = sign(org.GoogleIdentity{Sub: "5", Email: "new@northwind-lamps.example", EmailVerified: true})
		require.True(t, fault.Is(err, fault.Forbidden), "the text of an address is no domain")
		joined, err := sign(org.GoogleIdentity{Sub: "5", Email: "new@northwind-lamps.example", HostedDomain: "Northwind-Lamps.example", EmailVerified: true, Name: "New Person"})
		require.NoError(t, err)
		c, err := r.Enter(ctx, access.Caller{Via: access.ViaSession, UserID: joined.ID}, org.DefaultWorkspace)
		require.NoError(t, err)
		require.Equal(t, crm.RoleMember, c.Role)
	})
}

func TestMembersAreAdded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		owner := r.caller(t)
		m, err := r.AddMember(ctx, owner, org.NewMember{Email: "admin@x.example", Role: crm.RoleAdmin})
		require.NoError(t, err)
		require.Equal(t, "admin", m.Name, "the name is the address before the @ until it is known")
		admin, err := r.Enter(ctx, access.Caller{Via: access.ViaSession, UserID: m.UserID}, r.w)
		require.NoError(t, err)
		_, err = r.AddMember(ctx, admin, org.NewMember{Email: "king@x.example", Role: crm.RoleOwner})
		require.True(t, fault.Is(err, fault.Forbidden), "only owners make owners")
		_, err = r.AddMember(ctx, admin, org.NewMember{Email: "m@x.example"})
		require.NoError(t, err)
		_, err = r.AddMember(ctx, admin, org.NewMember{Email: "M@X.example"})
		require.True(t, fault.Is(err, fault.Conflict))
		list, _, err := r.Members(ctx, owner, org.MemberQuery{})
		require.NoError(t, err)
		require.Len(t, list, 3)
		for _, bad := range []org.NewMember{{Email: "x"}, {Email: "a@b.example, c@d.example"}, {Email: "a@b.example", Role: "god"}, {Email: "a@b.example", Password: crm.NewSecret("short")}} {
			_, err = r.AddMember(ctx, owner, bad)
			require.True(t, fault.Is(err, fault.Invalid), "%+v", bad)
		}
	})
}

func FuzzAuthenticate(f *testing.F) {
	r := &org.Service{SigningKeys: [][]byte{[]byte("first key, of thirty-two bytes!!")}, Now: time.Now}
	f.Add("eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.")
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, text string) {
		if text == "" || strings.HasPrefix(text, org.KeyPrefix) {
			return
		}
		_, err := r.Authenticate(context.Background(), org.Presented{Bearer: crm.NewSecret(text)})
		require.True(t, fault.Is(err, fault.Unauthenticated))
	})
}
