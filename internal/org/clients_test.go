package org_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/org"
	"rapport/internal/store/storetest"
	"rapport/internal/vault"
)

const (
	googleID = "1234567890-abc.apps.googleusercontent.com"
	secret   = "GOCSPX-not-a-real-one"
)

func wish(id string) org.ClientWish {
	return org.ClientWish{Name: "Lamps", GoogleID: id, Secret: crm.NewSecret(secret)}
}

// granted stores a grant that was made with a client.
func (r *room) granted(t testing.TB, id crm.ClientID, subject string, scopes ...string) crm.GrantID {
	t.Helper()
	text, err := crm.NewID(r.clock.Now(), r.Random)
	require.NoError(t, err)
	g := vault.Grant{ID: crm.GrantID(text), WorkspaceID: r.w, UserID: crm.UserID(subject), GoogleSub: "sub-" + text, ClientID: id, Status: vault.GrantActive, Scopes: scopes, UpdatedAt: r.clock.Now()}
	require.NoError(t, r.store.SaveGrant(context.Background(), g))
	return g.ID
}

func TestGoogleClientsAreEnteredSealed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		owner := r.caller(t)
		_, err := r.store.DefaultGoogleClient(ctx, r.w)
		require.True(t, fault.Is(err, fault.NotFound))
		c, err := r.AddGoogleClient(ctx, owner, org.ClientWish{GoogleID: " " + googleID + "\n", Secret: crm.NewSecret(" " + secret + " ")})
		require.NoError(t, err)
		require.Equal(t, org.GoogleClient{ID: c.ID, WorkspaceID: r.w, Name: "1234567890-abc", GoogleID: googleID, CreatedAt: r.clock.Now(), UpdatedAt: r.clock.Now()}, c)
		row, err := r.store.DefaultGoogleClient(ctx, r.w)
		require.NoError(t, err)
		require.Equal(t, c, row.GoogleClient)
		require.NotContains(t, row.SealedSecret, "GOCSPX")
		opened, err := r.Sealer.(*vault.Sealer).Open(string(c.ID), org.FieldClientSecret, row.SealedSecret)
		require.NoError(t, err)
		require.Equal(t, secret, opened.Reveal())
		require.Equal(t, []string{"ok: client " + googleID + ", with a new secret"}, r.said(t, "google_client.add"))

		_, err = r.AddGoogleClient(ctx, owner, wish(googleID))
		require.Equal(t, "client_exists", codeOf(t, err))
		r.clock.Move(time.Minute)
		changed, err := r.ChangeGoogleClient(ctx, owner, c.ID, org.ClientWish{Name: "Lamps"})
		require.NoError(t, err)
		require.Equal(t, "Lamps", changed.Name)
		same, err := r.store.GoogleClientRow(ctx, c.ID)
		require.NoError(t, err)
		require.Equal(t, row.SealedSecret, same.SealedSecret, "without a new secret the old one stays")
		_, err = r.ChangeGoogleClient(ctx, owner, c.ID, org.ClientWish{Secret: crm.NewSecret("GOCSPX-another")})
		require.NoError(t, err)
		require.Equal(t, "ok: client "+googleID+", with a new secret", r.said(t, "google_client.change")[0])
	})
}

func TestGoogleClientsAreChecked(t *testing.T) {
	r, ctx := open(t, storetest.SQLite), context.Background()
	owner, member := r.caller(t), r.person(t, "m@x.example", crm.RoleMember)
	_, err := r.AddGoogleClient(ctx, member, wish(googleID))
	require.True(t, fault.Is(err, fault.Forbidden))
	_, err = r.GoogleClients(ctx, member)
	require.True(t, fault.Is(err, fault.Forbidden))
	for _, bad := range []struct{ id, secret, field string }{
		{"", secret, "google_client_id"}, {"1234", secret, "google_client_id"}, {".apps.googleusercontent.com", secret, "google_client_id"},
		{"a b.apps.googleusercontent.com", secret, "google_client_id"}, {secret, secret, "google_client_id"}, {googleID + ".example", secret, "google_client_id"},
		{strings.Repeat("a", 300) + ".apps.googleusercontent.com", secret, "google_client_id"},
		{googleID, "", "client_secret"}, {googleID, "  ", "client_secret"}, {googleID, googleID, "client_secret"}, {googleID, "two words", "client_secret"},
	} {
		_, err := r.AddGoogleClient(ctx, owner, org.ClientWish{GoogleID: bad.id, Secret: crm.NewSecret(bad.secret)})
		require.True(t, fault.Is(err, fault.Invalid), "%q %q", bad.id, bad.secret)
		require.Contains(t, fieldsOf(t, err), bad.field, "%q %q", bad.id, bad.secret)
	}
	r.AnyClientID = true
	_, err = r.AddGoogleClient(ctx, owner, wish("demo-client"))
	require.NoError(t, err, "a Google that is not Google")
}

func TestWhichGoogleClientServes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		owner, admin := r.caller(t), r.person(t, "admin@x.example", crm.RoleAdmin)
		r.clock.Move(time.Minute)
		require.NoError(t, r.store.SaveWorkspace(ctx, crm.Workspace{ID: "abroad", Name: "Harbour Tea", CreatedAt: r.clock.Now()}))
		cleo, err := r.AddMember(ctx, access.System("abroad"), org.NewMember{Email: "cleo@x.example", Role: crm.RoleOwner})
		require.NoError(t, err)
		abroad, err := r.Enter(ctx, access.Caller{Via: access.ViaSession, UserID: cleo.UserID}, "abroad")
		require.NoError(t, err)

		everywhere := wish("1-all" + googleID)
		everywhere.Installation = true
		_, err = r.AddGoogleClient(ctx, admin, everywhere)
		require.True(t, fault.Is(err, fault.Forbidden), "an owner has to")
		_, err = r.AddGoogleClient(ctx, abroad, everywhere)
		require.True(t, fault.Is(err, fault.Forbidden), "of the first workspace")
		all, err := r.AddGoogleClient(ctx, owner, everywhere)
		require.NoError(t, err)
		r.clock.Move(time.Minute)
		own, err := r.AddGoogleClient(ctx, abroad, wish("2-"+googleID))
		require.NoError(t, err)
		serves := func(w crm.WorkspaceID) crm.ClientID {
			row, err := r.store.DefaultGoogleClient(ctx, w)
			require.NoError(t, err)
			return row.ID
		}
		require.Equal(t, all.ID, serves(r.w))
		require.Equal(t, own.ID, serves("abroad"), "the workspace's own before the installation's")
		r.clock.Move(time.Minute)
		newer, err := r.AddGoogleClient(ctx, abroad, wish("3-"+googleID))
		require.NoError(t, err)
		require.Equal(t, newer.ID, serves("abroad"), "the newest")
		list, err := r.GoogleClients(ctx, abroad)
		require.NoError(t, err)
		require.Equal(t, []org.GoogleClient{newer, own, all}, list)

		r.clock.Move(time.Minute)
		everywhere.GoogleID = "4-" + googleID
		later, err := r.AddGoogleClient(ctx, owner, everywhere)
		require.NoError(t, err)
		require.Equal(t, newer.ID, serves("abroad"), "however new the installation's is")
		require.Equal(t, later.ID, serves(r.w))

		_, err = r.ChangeGoogleClient(ctx, owner, own.ID, org.ClientWish{Name: "x"})
		require.True(t, fault.Is(err, fault.NotFound), "another workspace's does not exist")
		require.True(t, fault.Is(r.RetireGoogleClient(ctx, abroad, all.ID), fault.Forbidden))
		require.NoError(t, r.RetireGoogleClient(ctx, abroad, newer.ID))
		require.Equal(t, own.ID, serves("abroad"))
	})
}

func TestGoogleClientsInUseAreKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		owner := r.caller(t)
		unused, err := r.AddGoogleClient(ctx, owner, wish("1-"+googleID))
		require.NoError(t, err)
		used, err := r.AddGoogleClient(ctx, owner, wish("2-"+googleID))
		require.NoError(t, err)
		r.granted(t, used.ID, string(r.owner.ID))
		require.NoError(t, r.RetireGoogleClient(ctx, owner, unused.ID))
		_, err = r.store.GoogleClientRow(ctx, unused.ID)
		require.True(t, fault.Is(err, fault.NotFound), "deleted")
		begun, err := r.AddGoogleClient(ctx, owner, wish("5-"+googleID))
		require.NoError(t, err)
		require.NoError(t, r.store.PutConsent(ctx, vault.Consent{StateHash: "s", ClientID: begun.ID, ExpiresAt: r.clock.Now().Add(time.Minute)}))
		require.NoError(t, r.RetireGoogleClient(ctx, owner, begun.ID))
		_, err = r.store.GoogleClientRow(ctx, begun.ID)
		require.NoError(t, err, "somebody is at Google with it just now")
		r.clock.Move(time.Minute)
		require.NoError(t, r.RetireGoogleClient(ctx, owner, begun.ID))
		_, err = r.store.GoogleClientRow(ctx, begun.ID)
		require.True(t, fault.Is(err, fault.NotFound), "nothing came of it")
		require.NoError(t, r.RetireGoogleClient(ctx, owner, used.ID))
		row, err := r.store.GoogleClientRow(ctx, used.ID)
		require.NoError(t, err, "its grants need it")
		require.NotNil(t, row.RetiredAt)
		require.Equal(t, 1, row.Grants)
		_, err = r.store.DefaultGoogleClient(ctx, r.w)
		require.True(t, fault.Is(err, fault.NotFound))
		_, err = r.ChangeGoogleClient(ctx, owner, used.ID, org.ClientWish{GoogleID: "3-" + googleID})
		require.Equal(t, "client_in_use", codeOf(t, err))
		_, err = r.ChangeGoogleClient(ctx, owner, used.ID, org.ClientWish{Secret: crm.NewSecret("GOCSPX-rotated")})
		require.NoError(t, err, "its secret may change")
		back, err := r.AddGoogleClient(ctx, owner, wish("2-"+googleID))
		require.NoError(t, err)
		require.Equal(t, used.ID, back.ID, "entered again it is the same client, with its grants")
		require.Nil(t, back.RetiredAt)
		require.True(t, fault.Is(r.RetireGoogleClient(ctx, owner, "env"), fault.NotFound))
	})
}
