package storetest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/org"
	"rapport/internal/records"
	"rapport/internal/store/storetest"
)

// leaves takes Ben out of the workspace, and gives the words of the audit trail.
func (x *desk) leaves(successor crm.UserID) string {
	x.T.Helper()
	row := x.audit("member.remove")
	row.Detail = "was member"
	err := x.RemoveMember(context.Background(), org.MemberChange{Workspace: x.Home, Actor: x.Ada.ID, Target: x.Ben.ID, At: x.Clock.Now(), Successor: successor},
		func(org.Standing) (access.Audit, error) { return row, nil })
	require.NoError(x.T, err)
	rows, _, err := x.AuditOf(context.Background(), x.Home, org.AuditQuery{Action: "member.remove"})
	require.NoError(x.T, err)
	return rows[0].Detail
}

func (x *desk) audit(action string) access.Audit {
	return access.Audit{At: x.Clock.Now(), Workspace: x.Home, UserID: x.Ada.ID, Via: access.ViaSession, Action: action, Target: string(x.Ben.ID), Outcome: "ok"}
}

// handOver does the work to its end, and says in how many steps.
func (x *desk) handOver(to crm.UserID) (steps int) {
	x.T.Helper()
	job, err := records.HandOver{Workspace: x.Home, From: x.Ben.ID, To: to, By: x.Ada.ID}.Job()
	require.NoError(x.T, err)
	for more := true; more; steps++ {
		more, err = x.Definitions()[0].Step(context.Background(), job.Subject)
		require.NoError(x.T, err)
	}
	return steps
}

func TestRecordsOfSomebodyWhoLeaves(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		ctx := context.Background()
		for _, successor := range []bool{false, true} {
			x := newDesk(t, d)
			to := crm.UserID("")
			if successor {
				to = x.Ada.ID
			}
			const many = 450 // more than two pieces
			for n := range many {
				x.make(crm.Person, set{"name": fmt.Sprintf("Person %d", n), "owner_id": x.Ben.ID})
			}
			deal := x.make(crm.Deal, set{"name": "Lobby", "owner_id": x.Ben.ID})
			hers := x.make(crm.Person, set{"name": "Hers", "owner_id": "me"})
			gone := x.make(crm.Person, set{"name": "Gone", "owner_id": x.Ben.ID})
			require.NoError(t, x.Delete(ctx, x.ada, gone.ID, 0))
			task := func(title string, done bool) records.Task {
				k, err := x.Service.CreateTask(ctx, x.ada, records.TaskWish{Title: &title, Assignee: &x.Ben.ID, Record: &deal.ID})
				require.NoError(t, err)
				if done {
					k, err = x.Service.ChangeTask(ctx, x.ada, k.ID, 0, records.TaskWish{Done: &done})
					require.NoError(t, err)
				}
				return k
			}
			open, done := task("Call", false), task("Called", true)

			words := "was member; records: 451, open tasks: 1, which are nobody's now"
			if successor {
				words = "was member; records: 451, open tasks: 1, which go to " + string(x.Ada.ID)
			}
			require.Equal(t, words, x.leaves(to))
			facts, err := x.FactsAfter(ctx, 0, 10_000)
			require.NoError(t, err)
			require.Equal(t, fact.MemberRemoved, facts[len(facts)-1].Kind)
			data := fmt.Sprintf(`{"user_id":%q}`, x.Ben.ID)
			if successor {
				data = fmt.Sprintf(`{"user_id":%q,"successor_id":%q,"by":%q}`, x.Ben.ID, to, x.Ada.ID)
			}
			require.JSONEq(t, data, string(facts[len(facts)-1].Data))

			// Meanwhile the one who has left is named still.
			r, err := x.One(ctx, x.ada, deal.ID)
			require.NoError(t, err)
			require.Equal(t, x.Ben.ID, r.OwnerID)
			require.NotEmpty(t, r.OwnerName)

			require.Equal(t, 3, x.handOver(to))
			page, err := x.List(ctx, x.ada, records.Query{Type: crm.Person, Owner: x.Ben.ID})
			require.NoError(t, err)
			require.Empty(t, page.Records)
			q := records.Query{Type: crm.Person, Owner: to, NoOwner: !successor}
			page, err = x.List(ctx, x.ada, q)
			require.NoError(t, err)
			want := many
			if successor {
				want++ // hers
			}
			require.Equal(t, want, page.Total)
			after, err := x.One(ctx, x.ada, deal.ID)
			require.NoError(t, err)
			require.Equal(t, to, after.OwnerID)
			require.Equal(t, r.Version+1, after.Version)
			_, told := after.Sources["owner"]
			require.Equal(t, successor, told)
			same, err := x.One(ctx, x.ada, hers.ID)
			require.NoError(t, err)
			require.Equal(t, hers.Version, same.Version, "what is others' is not touched")
			back, err := x.Restore(ctx, x.ada, gone.ID)
			require.NoError(t, err)
			require.Equal(t, to, back.OwnerID, "what comes back is not theirs")
			k, err := x.Service.Task(ctx, x.ada, open.ID)
			require.NoError(t, err)
			require.Equal(t, to, k.AssigneeID)
			require.Equal(t, open.Version+1, k.Version)
			k, err = x.Service.Task(ctx, x.ada, done.ID)
			require.NoError(t, err)
			require.Equal(t, x.Ben.ID, k.AssigneeID, "who has done something stays told")
			require.Equal(t, 1, x.handOver(to), "nothing is left")
		}
	})
}

func TestHandingOverWhenMembersChange(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		ctx := context.Background()
		x := newDesk(t, d)
		deal := x.make(crm.Deal, set{"name": "Lobby", "owner_id": x.Ben.ID})
		owner := func() crm.UserID {
			r, err := x.One(ctx, x.ada, deal.ID)
			require.NoError(t, err)
			return r.OwnerID
		}
		// A member keeps what is theirs.
		require.Equal(t, 1, x.handOver(x.Ada.ID))
		require.Equal(t, x.Ben.ID, owner())
		// Only members can be successors, and nobody leaves with another.
		err := x.RemoveMember(ctx, org.MemberChange{Workspace: x.Home, Actor: x.Ada.ID, Target: x.Ben.ID, At: x.Clock.Now(), Successor: x.Cleo.ID},
			func(org.Standing) (access.Audit, error) { return x.audit("member.remove"), nil })
		var f *fault.Error
		require.ErrorAs(t, err, &f)
		require.Equal(t, fault.Invalid, f.Kind)
		require.Contains(t, f.Fields, "successor_id")
		_, err = x.Member(ctx, x.Home, x.Ben.ID)
		require.NoError(t, err)
		// A successor who has left meanwhile gets nothing.
		x.leaves("")
		require.Equal(t, 1, x.handOver(x.Cleo.ID))
		require.Empty(t, owner())
	})
}
