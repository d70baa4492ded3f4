package vault_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/store/storetest"
	"rapport/internal/vault"
	"rapport/internal/vault/vaulttest"
)

// BenchmarkToken gives out a stored access token, as a caller in the background
// gets it: one read of the grant and the unsealing.
func BenchmarkToken(b *testing.B) {
	s := storetest.Open(b, storetest.SQLite)
	key, err := vault.NewKey()
	require.NoError(b, err)
	sealer, err := vault.NewSealer(key)
	require.NoError(b, err)
	memory := vaulttest.New(vault.Client{ID: "env"})
	v := &vault.Service{Provider: vaulttest.NewProvider(time.Now), Clients: memory, Consents: memory, Grants: s, Connections: memory, Approvals: memory, Trail: memory, Sealer: sealer}
	ctx := context.Background()
	require.NoError(b, s.Setup(ctx, crm.Workspace{ID: workspace, Name: "Lamps"}, crm.User{ID: user, Email: "ada@northwind-lamps.example"}))
	const id = "0198c0de-0000-7000-8000-000000000003"
	g := vault.Grant{ID: id, WorkspaceID: workspace, UserID: user, ClientID: "env", Status: vault.GrantActive, Expiry: time.Now().Add(time.Hour), Scopes: []string{"openid"}}
	g.SealedAccess, err = sealer.Seal(id, "access_token", crm.NewSecret("ya29.a0AfH6SMBx-invented-token-of-a-usual-length-0123456789"))
	require.NoError(b, err)
	g.SealedRefresh, err = sealer.Seal(id, "refresh_token", crm.NewSecret("1//0e-invented-refresh-token"))
	require.NoError(b, err)
	require.NoError(b, s.SaveGrant(ctx, g))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := v.Token(ctx, id); err != nil {
				b.Fatal(err)
			}
		}
	})
}
