package storetest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/org"
)

// Many fills both workspaces with so many members, keys, invitations, links and
// sessions each, three at a time with the same moment. Every third key is
// revoked and every third expired; every third link is used; every second
// invitation is over an hour later.
func (w *World) Many(n int) {
	w.T.Helper()
	for _, ws := range []struct {
		id crm.WorkspaceID
		by crm.User
	}{{w.Home, w.Ada}, {w.Abroad, w.Cleo}} {
		var links []org.NewLink
		for i := range n {
			at := Start.Add(time.Duration(i/3) * time.Minute)
			id := w.ID()
			who := crm.User{ID: crm.UserID(id), Email: fmt.Sprintf("p%d.%s@x.example", i, id), Name: fmt.Sprintf("Person %d", i), CreatedAt: at}
			require.NoError(w.T, w.PutKey(context.Background(), org.APIKey{ID: crm.KeyID(id), WorkspaceID: ws.id, UserID: ws.by.ID, Name: fmt.Sprint(i), Hash: []byte(id), CreatedAt: at, ExpiresAt: when(i%3 == 1, at.Add(time.Minute))}))
			if i%3 == 0 {
				require.NoError(w.T, w.RevokeKey(context.Background(), ws.id, crm.KeyID(id), at))
			}
			require.NoError(w.T, w.PutInvitation(context.Background(), org.Invitation{ID: crm.InvitationID(id), WorkspaceID: ws.id, Email: who.Email, Role: crm.RoleMember, InvitedBy: ws.by.ID,
				CreatedAt: at, ExpiresAt: at.Add(time.Duration(1+i%2*24) * time.Hour)}, id))
			require.NoError(w.T, w.PutSession(context.Background(), org.Session{TokenHash: id, UserID: ws.by.ID, CreatedAt: at, LastSeenAt: at, ExpiresAt: at.Add(48 * time.Hour)}))
			links = append(links, org.NewLink{Link: org.ConnectLink{ID: crm.LinkID(id), WorkspaceID: ws.id, UserID: who.ID, Email: who.Email, CreatedAt: at, ExpiresAt: at.Add(24 * time.Hour)},
				User: who, TokenHash: id, Row: access.Audit{Workspace: ws.id, Action: "connect_link.create"}})
		}
		for part := range slices.Chunk(links, 3) { // these are members since the same moment
			_, err := w.PutLinks(context.Background(), ws.id, part[0].Link.CreatedAt, part)
			require.NoError(w.T, err)
		}
		for i := 0; i < n; i += 3 {
			require.NoError(w.T, w.UseLink(context.Background(), links[i].Link.ID, Start))
		}
	}
}

func when(is bool, at time.Time) *time.Time {
	if !is {
		return nil
	}
	return &at
}
