package org_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/org"
	"rapport/internal/store/storetest"
)

func TestWhatIsOverIsClearedAwayAMonthLater(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		owner := r.caller(t)
		r.browser(t, r.owner, "laptop")
		_, _, err := r.InviteByLink(ctx, owner, org.InvitationWish{Email: "new@x.example"})
		require.NoError(t, err)
		_, err = r.CreateConnectLinks(ctx, owner, []org.LinkWish{{Email: "jonas@x.example"}}, nil)
		require.NoError(t, err)
		tidy := func() {
			job, done := r.Schedule()[0], r.Definitions()[0]
			require.Equal(t, done.Kind, job.Kind)
			require.Equal(t, 24*time.Hour, job.Every)
			for more := true; more; {
				more, err = done.Step(ctx, job.Subject)
				require.NoError(t, err)
			}
		}
		left := func() []int {
			sessions, _, err := r.store.SessionsOf(ctx, r.owner.ID, org.Alive{}, org.Page{})
			require.NoError(t, err)
			invitations, _, err := r.Invitations(ctx, owner, false, org.Page{})
			require.NoError(t, err)
			links, _, err := r.ConnectLinks(ctx, owner, false, org.Page{})
			require.NoError(t, err)
			rows, _, err := r.AuditLog(ctx, owner, org.AuditQuery{})
			require.NoError(t, err)
			return []int{len(sessions), len(invitations), len(links), len(rows)}
		}
		before := left()
		require.NotContains(t, before, 0)
		r.clock.Move(org.LinkLife + 30*24*time.Hour)
		tidy()
		require.Equal(t, before[1:], left()[1:], "thirty days after their end they are there still")
		r.clock.Move(time.Hour)
		tidy()
		after := left()
		require.Equal(t, []int{0, 0}, after[1:3])
		require.Equal(t, before[3], after[3], "the audit log is kept for ever")
		r.AuditKept = 365 * 24 * time.Hour
		tidy()
		require.Equal(t, before[3], left()[3], "or for a year")
		r.clock.Move(365 * 24 * time.Hour)
		require.NoError(t, r.RemoveMember(ctx, owner, r.person(t, "late@x.example", crm.RoleMember).UserID))
		tidy()
		require.Len(t, r.said(t, "member.remove"), 1, "what is younger stays")
		require.Empty(t, r.said(t, "invitation.create"))
		require.Zero(t, left()[0], "sessions end, too")
	})
}
