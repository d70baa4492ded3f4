package org_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/org"
	"rapport/internal/store/storetest"
)

// rights is the rule of who may do what to whom, written a second time: the
// outcome of a change of user to a role ("" removes), and -1 for yes.
func rights(roles map[crm.UserID]crm.Role, actor, user crm.UserID, to crm.Role) fault.Kind {
	owners := 0
	for _, r := range roles {
		if r == crm.RoleOwner {
			owners++
		}
	}
	mine, theirs := roles[actor], roles[user]
	leaving := to == "" && actor == user
	switch {
	case mine == "" || mine == crm.RoleMember && !leaving:
		return fault.Forbidden
	case mine != crm.RoleOwner && to == crm.RoleOwner: // asked before anything is looked up
		return fault.Forbidden
	case theirs == "":
		return fault.NotFound
	case mine != crm.RoleOwner && theirs == crm.RoleOwner:
		return fault.Forbidden
	case theirs == crm.RoleOwner && to != crm.RoleOwner && owners == 1:
		return fault.Conflict
	}
	return -1
}

// Whatever people do to each other goes by the rule, and an owner is left.
func TestPeopleAtRandom(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(seed, 0))
		model := map[crm.UserID]crm.Role{r.owner.ID: crm.RoleOwner}
		people, emails := []crm.UserID{r.owner.ID}, map[crm.UserID]string{r.owner.ID: r.owner.Email}
		for i := range 4 {
			c := r.person(t, fmt.Sprintf("p%d@x.example", i), []crm.Role{crm.RoleOwner, crm.RoleAdmin, crm.RoleMember, crm.RoleMember}[i])
			people, model[c.UserID], emails[c.UserID] = append(people, c.UserID), c.Role, fmt.Sprintf("p%d@x.example", i)
		}
		for step := range 250 {
			actor, user := people[random.IntN(5)], people[random.IntN(5)]
			to := []crm.Role{"", crm.RoleMember, crm.RoleAdmin, crm.RoleOwner}[random.IntN(4)]
			if model[actor] == "" {
				_, err := r.AddMember(ctx, access.System(r.w), org.NewMember{Email: emails[actor], Role: crm.RoleMember})
				require.NoError(t, err)
				model[actor] = crm.RoleMember
			}
			c, err := r.Enter(ctx, access.Caller{Via: access.ViaSession, UserID: actor}, r.w)
			require.NoError(t, err)
			want := rights(model, actor, user, to)
			if to == "" {
				err = r.RemoveMember(ctx, c, user)
			} else {
				err = r.ChangeRole(ctx, c, user, to)
			}
			if want >= 0 {
				require.Error(t, err, "step %d: %s makes %s %q", step, model[actor], model[user], to)
				require.Equal(t, want, fault.Of(err), "step %d: %s makes %s %q: %v", step, model[actor], model[user], to, err)
				continue
			}
			require.NoError(t, err, "step %d: %s makes %s %q", step, model[actor], model[user], to)
			if model[user] = to; to == "" {
				delete(model, user)
			}
			require.Equal(t, model, r.roles(t), "step %d", step)
		}
	})
}

// The same with everybody at once, each from what they believed a moment ago.
func TestPeopleAtRandomAllAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		r, ctx := open(t, d), context.Background()
		callers := []access.Caller{r.caller(t)}
		for i := range 3 {
			callers = append(callers, r.person(t, fmt.Sprintf("p%d@x.example", i), crm.RoleOwner))
		}
		var wg sync.WaitGroup
		for n := range 4 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				random := rand.New(rand.NewPCG(uint64(n), 7))
				for range 40 {
					c, user := callers[random.IntN(4)], callers[random.IntN(4)].UserID
					role := []crm.Role{crm.RoleMember, crm.RoleAdmin, crm.RoleOwner, crm.RoleOwner}[random.IntN(4)]
					if err := r.ChangeRole(ctx, c, user, role); err != nil && !fault.Is(err, fault.Forbidden) && !fault.Is(err, fault.Conflict) {
						t.Error(err)
					}
					list, _, err := r.store.Members(ctx, r.w, org.MemberQuery{})
					owners := 0
					for _, m := range list {
						if m.Role == crm.RoleOwner {
							owners++
						}
					}
					if err != nil || owners == 0 {
						t.Errorf("no owner is left: %v %v", list, err)
					}
				}
			}()
		}
		wg.Wait()
	})
}
