package org

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
)

// MemberQuery chooses members; what is empty chooses all.
type MemberQuery struct {
	Q     string // words that each stand in the name or the address
	Role  crm.Role
	Users []crm.UserID
	Page
}

// mostWords bounds what a search for members looks for.
const mostWords = 8

// Members gives a page of the members of the workspace the caller has entered,
// the oldest first.
func (s *Service) Members(ctx context.Context, c access.Caller, q MemberQuery) ([]crm.Member, string, error) {
	if len(strings.Fields(q.Q)) > mostWords {
		return nil, "", invalid("q", fmt.Sprintf("must have at most %d words", mostWords))
	}
	list, next, err := s.Store.Members(ctx, c.Workspace, q)
	return list, next, wrap("listing members", err)
}

// Member finds a member of the workspace the caller has entered, fault.NotFound
// if there is none.
func (s *Service) Member(ctx context.Context, c access.Caller, user crm.UserID) (crm.Member, error) {
	m, err := s.Store.Member(ctx, c.Workspace, user)
	return m, wrap("finding the member", notMember(err))
}

// NewMember is a person to be put into a workspace at once.
type NewMember struct {
	Email, Name string
	Role        crm.Role   // "": member
	Password    crm.Secret // zero: they sign in with Google
	Again       bool       // they may have been added before: then the member is given
}

// AddMember puts a person into the workspace the caller has entered, without
// asking them. Only owners make owners. Somebody who has an account joins by
// accepting an invitation (fault.Conflict with the code account_exists), unless
// whoever runs the installation adds them.
func (s *Service) AddMember(ctx context.Context, c access.Caller, in NewMember) (crm.Member, error) {
	if err := mayGive(c, &in.Role); err != nil {
		return crm.Member{}, err
	}
	u, err := s.Store.UserByEmail(ctx, normal(in.Email))
	isNew := fault.Is(err, fault.NotFound)
	if isNew {
		u, err = s.newUser(in.Email, in.Name, in.Password)
		u.PasswordOwn = c.Via == access.ViaSystem // by whoever runs the installation
	}
	if err != nil {
		return crm.Member{}, wrap("finding the person", err)
	}
	m := crm.Member{WorkspaceID: c.Workspace, UserID: u.ID, Email: u.Email, Name: u.Name, Role: in.Role, JoinedAt: s.Now()}
	if known, err := s.Store.Member(ctx, c.Workspace, u.ID); err == nil {
		if in.Again && known.Role == in.Role {
			return known, nil
		}
		return crm.Member{}, isMember(nil)
	}
	if !isNew && c.Via != access.ViaSystem {
		if err := s.unused(ctx, u); err != nil {
			return crm.Member{}, err
		}
	}
	err = s.Store.AddMember(ctx, m, u, s.act(c, "member.add", string(u.ID), "as "+string(in.Role)))
	if fault.Is(err, fault.Conflict) {
		return crm.Member{}, isMember(err)
	}
	s.forgetMember(c.Workspace, u.ID)
	return m, wrap("adding the member", err)
}

// unused refuses somebody who can sign in already, or belongs somewhere.
func (s *Service) unused(ctx context.Context, u crm.User) error {
	elsewhere, err := s.Store.WorkspacesOf(ctx, u.ID)
	if err != nil {
		return wrap("finding the person's workspaces", err)
	}
	if len(elsewhere) > 0 || !u.PasswordHash.IsZero() || u.GoogleSub != "" {
		return HasAccount(u.Email)
	}
	return nil
}

// HasAccount refuses to make somebody a member who has to be asked first.
func HasAccount(email string) error {
	return &fault.Error{Kind: fault.Conflict, Code: "account_exists", Text: email + " has an account here, and joins by accepting an invitation. Invite them by a link."}
}

func isMember(err error) error {
	return &fault.Error{Kind: fault.Conflict, Code: "member_exists", Text: "This person is a member already.", Err: err}
}

// mayGive checks that the caller may make somebody a member with a role; ""
// becomes member.
func mayGive(c access.Caller, role *crm.Role) error {
	if err := access.Allow(c, access.MembersManage); err != nil {
		return err
	}
	if *role == "" {
		*role = crm.RoleMember
	}
	// Who is made an administrator can be signed in as: a key would outgrow itself.
	if c.Via == access.ViaKey && (*role == crm.RoleAdmin || *role == crm.RoleOwner) && !access.Holds(c.Scopes, "*") {
		return fault.New(fault.Forbidden, "An API key makes nobody more than a member, unless it has the scope *. Sign in to make an administrator or an owner.")
	}
	switch *role {
	case crm.RoleMember, crm.RoleAdmin:
	case crm.RoleOwner:
		if c.Via != access.ViaSystem && c.Role != crm.RoleOwner {
			return fault.New(fault.Forbidden, "Only an owner can make somebody an owner.")
		}
	default:
		return invalid("role", "must be owner, admin or member")
	}
	return nil
}

// ChangeRole gives a member another role. Only owners change owners or make
// them, and the last owner stays one.
func (s *Service) ChangeRole(ctx context.Context, c access.Caller, user crm.UserID, role crm.Role) error {
	if role == "" {
		return invalid("role", "must be owner, admin or member")
	}
	if err := mayGive(c, &role); err != nil {
		return err
	}
	err := s.Store.ChangeRole(ctx, s.memberChange(c, user), role, func(st Standing) (access.Audit, error) {
		detail := fmt.Sprintf("from %s to %s", st.Target.Role, role)
		return s.act(c, "member.role", string(user), detail), st.allows(c, role)
	})
	s.forgetMember(c.Workspace, user)
	return wrap("changing the role", notMember(err))
}

// RemoveMember takes a member out of the workspace; who leaves by themselves
// names themselves. Their keys of this workspace end, their connections are
// disconnected by what follows from the fact; nothing synced is deleted. Without
// any workspace left they are signed out. Their records and open tasks are nobody's
// then, which takes a while.
func (s *Service) RemoveMember(ctx context.Context, c access.Caller, user crm.UserID) error {
	return s.ReplaceMember(ctx, c, user, "")
}

// ReplaceMember is RemoveMember with a successor, who gets their records and open tasks.
// fault.Invalid (successor_id) for one who is no other member.
func (s *Service) ReplaceMember(ctx context.Context, c access.Caller, user, successor crm.UserID) error {
	if successor == user && successor != "" {
		return invalid("successor_id", "must be another member")
	}
	leaving := c.UserID == user && (c.Via == access.ViaSession || c.Via == access.ViaToken)
	if !leaving {
		if c.Role == crm.RoleMember {
			return &fault.Error{Kind: fault.Forbidden, Code: "only_yourself", Text: "Members take themselves out of a workspace, in person. Ask an administrator to take out others."}
		}
		if err := access.Allow(c, access.MembersManage); err != nil {
			return err
		}
	}
	change := s.memberChange(c, user)
	change.Successor = successor
	err := s.Store.RemoveMember(ctx, change, func(st Standing) (access.Audit, error) {
		detail := "was " + string(st.Target.Role)
		if leaving {
			detail += ", left by themselves"
			if st.Target.Role != crm.RoleOwner || st.Owners > 1 {
				return s.act(c, "member.remove", string(user), detail), nil
			}
		}
		return s.act(c, "member.remove", string(user), detail), st.allows(c, "")
	})
	s.forgetMember(c.Workspace, user)
	return wrap("removing the member", notMember(err))
}

func (s *Service) memberChange(c access.Caller, user crm.UserID) MemberChange {
	m := MemberChange{Workspace: c.Workspace, Actor: c.UserID, Target: user, At: s.Now()}
	if c.Via == access.ViaSystem {
		m.Actor = ""
	}
	return m
}

// allows judges a change of the target to a role, "" for none, by how things
// stand now: what the caller was when the request began may be over.
func (st Standing) allows(c access.Caller, to crm.Role) error {
	if c.Via != access.ViaSystem {
		switch {
		case st.Actor == nil || st.Actor.Role == crm.RoleMember:
			return fault.New(fault.Forbidden, "Your role in this workspace does not allow this. Ask an administrator.")
		case st.Actor.Role != crm.RoleOwner && (st.Target.Role == crm.RoleOwner || to == crm.RoleOwner):
			return fault.New(fault.Forbidden, "Only an owner can change or remove an owner, or make one.")
		}
	}
	if st.Target.Role == crm.RoleOwner && to != crm.RoleOwner && st.Owners <= 1 {
		return &fault.Error{Kind: fault.Conflict, Code: "last_owner", Text: "A workspace needs an owner, and this is the last one. Make somebody else an owner first."}
	}
	return nil
}

func notMember(err error) error {
	var f *fault.Error
	if errors.As(err, &f) && f.Kind == fault.NotFound {
		return fault.New(fault.NotFound, "There is no such member in this workspace.")
	}
	return err
}

// forgetMember drops what is remembered of a member, and of their keys there.
func (s *Service) forgetMember(w crm.WorkspaceID, u crm.UserID) {
	s.members.forget(func(k membership, _ crm.Member) bool { return k == membership{w, u} })
	s.keys.forget(func(_ [32]byte, k APIKey) bool { return k.WorkspaceID == w && k.UserID == u })
	s.forgetPerson(u)
}

func (s *Service) forgetPerson(users ...crm.UserID) {
	for _, u := range users {
		s.people.forget(func(k crm.UserID, _ crm.User) bool { return k == u })
	}
}
