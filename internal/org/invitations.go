package org

import (
	"context"
	"fmt"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
)

// LinkLife is how long invitations and connect links are good for.
const LinkLife = 7 * 24 * time.Hour

// InvitationWish invites a person by a link.
type InvitationWish struct {
	Email, Name string
	Role        crm.Role // "": member
}

// Invitation of a person into a workspace. Its token is shown once and kept as
// a SHA-256.
type Invitation struct {
	ID            crm.InvitationID
	WorkspaceID   crm.WorkspaceID
	WorkspaceName string
	Email, Name   string
	Role          crm.Role
	InvitedBy     crm.UserID
	InviterName   string
	HasAccount    bool // somebody with this address can sign in already
	CreatedAt     time.Time
	ExpiresAt     time.Time
}

// InviteByLink invites a person into the workspace the caller has entered; the
// token is for the address of the link. An earlier invitation of the address
// ends. Who signs in with a Google account of the address, verified, needs no
// link.
func (s *Service) InviteByLink(ctx context.Context, c access.Caller, wish InvitationWish) (Invitation, crm.Secret, error) {
	if err := mayGive(c, &wish.Role); err != nil {
		return Invitation{}, crm.Secret{}, err
	}
	who, err := s.newUser(wish.Email, wish.Name, crm.Secret{})
	if err != nil {
		return Invitation{}, crm.Secret{}, err
	}
	if err := s.notYetMember(ctx, c.Workspace, who.Email); err != nil {
		return Invitation{}, crm.Secret{}, err
	}
	w, err := s.Store.Workspace(ctx, c.Workspace)
	if err != nil {
		return Invitation{}, crm.Secret{}, wrap("finding the workspace", err)
	}
	now := s.Now()
	in := Invitation{
		WorkspaceID: w.ID, WorkspaceName: w.Name, Email: who.Email, Name: who.Name, Role: wish.Role,
		InvitedBy: c.UserID, CreatedAt: now, ExpiresAt: now.Add(LinkLife),
	}
	if in.ID, err = newID[crm.InvitationID](s); err != nil {
		return Invitation{}, crm.Secret{}, err
	}
	token, err := s.newToken()
	if err != nil {
		return Invitation{}, crm.Secret{}, err
	}
	err = s.Store.PutInvitation(ctx, in, digest(token), s.act(c, "invitation.create", string(in.ID), "as "+string(in.Role)))
	return in, crm.NewSecret(token), wrap("storing the invitation", err)
}

func (s *Service) notYetMember(ctx context.Context, w crm.WorkspaceID, email string) error {
	u, err := s.Store.UserByEmail(ctx, email)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return wrap("finding the person", err)
	}
	if _, err = s.Store.Member(ctx, w, u.ID); err == nil {
		return isMember(nil)
	}
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return wrap("finding the member", err)
}

// OpenQuery chooses invitations or connect links.
type OpenQuery struct {
	OpenAt time.Time // those that can be used at that moment; zero: others too
	Page
}

// open is an OpenQuery for what can be used now, or for others too.
func (s *Service) open(only bool, page Page) OpenQuery {
	q := OpenQuery{Page: page}
	if only {
		q.OpenAt = s.Now()
	}
	return q
}

// Invitations gives a page of those that were neither accepted nor revoked, the
// newest first; expired ones too, unless only open ones are wanted.
func (s *Service) Invitations(ctx context.Context, c access.Caller, open bool, page Page) ([]Invitation, string, error) {
	if err := access.Allow(c, access.MembersManage); err != nil {
		return nil, "", err
	}
	list, next, err := s.Store.InvitationsOf(ctx, c.Workspace, s.open(open, page))
	return list, next, wrap("listing invitations", err)
}

// RevokeInvitation ends an invitation that nobody has accepted.
func (s *Service) RevokeInvitation(ctx context.Context, c access.Caller, id crm.InvitationID) error {
	if err := access.Allow(c, access.MembersManage); err != nil {
		return err
	}
	return wrap("revoking the invitation", s.Store.RevokeInvitation(ctx, c.Workspace, id, s.Now(), s.act(c, "invitation.revoke", string(id), "")))
}

// InvitationByToken is what the person invited sees before they accept;
// fault.NotFound when it is unknown, used, revoked or expired.
func (s *Service) InvitationByToken(ctx context.Context, token crm.Secret) (Invitation, error) {
	in, err := s.Store.InvitationByHash(ctx, digest(token.Reveal()), s.Now())
	if fault.Is(err, fault.NotFound) {
		return in, noInvitation(err)
	}
	return in, wrap("finding the invitation", err)
}

func noInvitation(err error) error {
	return &fault.Error{Kind: fault.NotFound, Code: "invitation_not_found", Err: err,
		Text: "This invitation was used, revoked or has expired. Ask for a new one, or sign in if you have an account."}
}

// AcceptInvitation makes the person invited a member and signs them in: a new
// one with the password they choose, one with an account by being signed in with
// it, or with the password they have. A link alone never opens an account that is
// there.
func (s *Service) AcceptInvitation(ctx context.Context, c access.Caller, token crm.Secret, name string, password crm.Secret) (crm.User, error) {
	in, err := s.InvitationByToken(ctx, token)
	if err != nil {
		return crm.User{}, err
	}
	user, err := s.Store.UserByEmail(ctx, in.Email)
	switch {
	case fault.Is(err, fault.NotFound):
		if password.IsZero() {
			return crm.User{}, invalid("password", fmt.Sprintf("must have at least %d characters", MinPassword))
		}
		user, err = s.newUser(in.Email, or(name, in.Name), password)
	case err != nil:
		return crm.User{}, wrap("finding the person", err)
	case c.UserID == user.ID && themselves(c) == nil:
	case user.PasswordHash.IsZero():
		return crm.User{}, &fault.Error{Kind: fault.Conflict, Code: "sign_in_with_google", Action: "/login",
			Text: "You have an account here that signs in with Google. Sign in with it, then open this link again."}
	default:
		user, err = s.SignIn(ctx, in.Email, password, c.Remote)
	}
	if err != nil {
		return crm.User{}, err
	}
	err = s.accept(ctx, user, c.Remote, "by its link", in)
	if fault.Is(err, fault.Conflict) { // an account of the address appeared meanwhile
		return crm.User{}, &fault.Error{Kind: fault.Conflict, Code: "account_exists", Text: "There is an account with this address by now. Open the invitation again.", Err: err}
	}
	return user, err
}

// accept uses invitations up for a user, who is stored when new.
func (s *Service) accept(ctx context.Context, u crm.User, remote, how string, list ...Invitation) error {
	ids := make([]crm.InvitationID, len(list))
	for i, in := range list {
		ids[i] = in.ID
	}
	now := s.Now()
	err := s.Store.AcceptInvitations(ctx, u, ids, now, func(in Invitation) access.Audit {
		return access.Audit{At: now, Workspace: in.WorkspaceID, UserID: u.ID, Action: "invitation.accept", Target: string(in.ID),
			Outcome: "ok", Detail: "joined as " + string(in.Role) + " " + how, Remote: remote}
	})
	for _, in := range list {
		s.forgetMember(in.WorkspaceID, u.ID)
	}
	if fault.Is(err, fault.NotFound) {
		return noInvitation(err)
	}
	return wrap("accepting the invitation", err)
}

// acceptWithGoogle accepts the open invitations of the address that Google runs
// the mailbox of. fault.NotFound when there are none.
func (s *Service) acceptWithGoogle(ctx context.Context, u crm.User, g GoogleIdentity, remote string) error {
	if !g.authoritative() {
		return noInvitation(nil)
	}
	list, err := s.Store.InvitationsFor(ctx, normal(g.Email), s.Now())
	if err != nil {
		return wrap("finding invitations", err)
	}
	if len(list) == 0 {
		return noInvitation(nil)
	}
	return s.accept(ctx, u, remote, "with Google", list...)
}
