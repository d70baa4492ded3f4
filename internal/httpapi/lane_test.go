package httpapi_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app/apptest"
	"rapport/internal/store/storetest"
)

func TestTheIMAPLaneNeedsItsPermission(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w := apptest.Start(t, d, func(s *apptest.Setup) { s.IMAP = true })
		owner := w.SetUp()
		w.Connect(owner, client.ConnectWish{Services: []string{"gmail"}}, apptest.Consent{Account: apptest.Mara})
		before := w.Imported(owner)
		require.False(t, before.Settings.IMAPLane)
		require.Nil(t, before.IMAPLane)
		home := owner.Workspace(w.Home)
		_, err := home.UpdateSettings(ctx, client.SettingsPatch{IMAPLane: ptr(true)})
		var p *client.Problem
		require.ErrorAs(t, err, &p)
		require.Equal(t, 403, p.Status)
		require.Equal(t, "insufficient_permission", p.Code)
		require.Contains(t, p.ActionURL, "services=imap")
		require.Contains(t, p.ActionURL, "connection_id="+before.ConnectionID)

		w.Connect(owner, client.ConnectWish{Services: []string{"gmail", "imap"}, ConnectionID: before.ConnectionID}, apptest.Consent{Account: apptest.Mara})
		on, err := home.UpdateSettings(ctx, client.SettingsPatch{IMAPLane: ptr(true)})
		require.NoError(t, err)
		require.True(t, on.Settings.IMAPLane)
		require.Equal(t, &client.IMAPLane{State: "ready"}, on.IMAPLane)
		off, err := home.UpdateSettings(ctx, client.SettingsPatch{IMAPLane: ptr(false)})
		require.NoError(t, err)
		require.Nil(t, off.IMAPLane)
	})
}
