package org

import (
	"context"
	"fmt"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
)

// Session is a signed-in browser, stored under the SHA-256 of its token.
type Session struct {
	TokenHash  string
	UserID     crm.UserID
	CreatedAt  time.Time
	LastSeenAt time.Time
	ExpiresAt  time.Time
	Remote     string
	UserAgent  string
	// TokensAfter of the person as it was when they showed who they are; PutSession
	// alone looks at it.
	TokensAfter time.Time
}

// ID names a session to its person. It follows from the hash, and the hash
// cannot be told from it.
func (v Session) ID() crm.SessionID { return crm.SessionID(digest("session:" + v.TokenHash)[:32]) }

// OwnSession is a session as its person sees it.
type OwnSession struct {
	Session
	ID      crm.SessionID
	Current bool // the one that asks
}

// themselves lets people through who are here in person: an API key acts for a
// member, but does not touch how they sign in.
func themselves(c access.Caller) error {
	switch {
	case c.Via == access.ViaKey:
		return fault.New(fault.Forbidden, "An API key cannot do this. Sign in yourself.")
	case c.Via != access.ViaSession && c.Via != access.ViaToken || c.UserID == "":
		return fault.New(fault.Unauthenticated, "Sign in first.")
	}
	return nil
}

// Alive says which sessions live: those that end after Now and began after Since.
type Alive struct{ Now, Since time.Time }

func (s *Service) alive() Alive {
	now := s.Now()
	return Alive{Now: now, Since: now.Add(-sessionMax)}
}

// Sessions gives a page of the caller's own signed-in browsers, the last seen
// first. One that is used while pages are read moves to the front.
func (s *Service) Sessions(ctx context.Context, c access.Caller, page Page) ([]OwnSession, string, error) {
	if err := themselves(c); err != nil {
		return nil, "", err
	}
	rows, next, err := s.Store.SessionsOf(ctx, c.UserID, s.alive(), page)
	if err != nil {
		return nil, "", wrap("listing sessions", err)
	}
	list := make([]OwnSession, len(rows))
	for i, r := range rows {
		list[i] = OwnSession{Session: r, ID: r.ID(), Current: r.ID() == c.Session}
	}
	return list, next, nil
}

// EndSession signs one of the caller's own browsers out.
func (s *Service) EndSession(ctx context.Context, c access.Caller, id crm.SessionID) error {
	own, err := s.ownSession(ctx, c, id)
	if err != nil {
		return err
	}
	if own.TokenHash == "" {
		return fault.New(fault.NotFound, "There is no such session. It may have ended already.")
	}
	rows, err := s.personal(ctx, c.UserID, s.act(c, "session.end", string(id), "signed a browser out"))
	if err != nil {
		return err
	}
	return wrap("ending the session", s.Store.DropSession(ctx, own.TokenHash, rows...))
}

// ownSession finds a session of the caller; the zero Session when there is none.
func (s *Service) ownSession(ctx context.Context, c access.Caller, id crm.SessionID) (Session, error) {
	if err := themselves(c); err != nil {
		return Session{}, err
	}
	v, err := s.Store.SessionOf(ctx, c.UserID, s.alive(), id)
	if fault.Is(err, fault.NotFound) {
		return Session{}, nil
	}
	return v, wrap("finding the session", err)
}

// SignOutEverywhere ends all sessions of the caller, but the one that asks if
// wanted, and makes every bearer token worthless that they got before. API keys
// stay: they are revoked one by one.
func (s *Service) SignOutEverywhere(ctx context.Context, c access.Caller, exceptCurrent bool) error {
	if err := themselves(c); err != nil {
		return err
	}
	keep := ""
	if exceptCurrent && c.Session != "" {
		own, err := s.ownSession(ctx, c, c.Session)
		if err != nil {
			return err
		}
		keep = own.TokenHash
	}
	rows, err := s.personal(ctx, c.UserID, s.act(c, "session.end_all", string(c.UserID), "signed out everywhere"))
	if err != nil {
		return err
	}
	err = s.Store.SignOut(ctx, []crm.UserID{c.UserID}, keep, rows...)
	s.forgetPerson(c.UserID)
	return wrap("signing out everywhere", err)
}

// EndSessionsOf signs people out everywhere because Google says that their
// account is in danger.
func (s *Service) EndSessionsOf(ctx context.Context, users []crm.UserID) error {
	if len(users) == 0 {
		return nil
	}
	var rows []access.Audit
	for _, u := range users {
		of, err := s.personal(ctx, u, access.Audit{UserID: u, Via: access.ViaSystem, Action: "session.end_all", Target: string(u), Outcome: "ok", Detail: "signed out everywhere after a security event of Google"})
		if err != nil {
			return err
		}
		rows = append(rows, of...)
	}
	err := s.Store.SignOut(ctx, users, "", rows...)
	s.forgetPerson(users...)
	return wrap("signing people out", err)
}

// EndSessionsOfAccount is EndSessionsOf for whoever signs in with a Google
// account; nobody is fine.
func (s *Service) EndSessionsOfAccount(ctx context.Context, sub string) error {
	u, err := s.Store.UserBySub(ctx, sub)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return wrap("finding the person of a Google account", err)
	}
	return s.EndSessionsOf(ctx, []crm.UserID{u.ID})
}

// freshly is how long ago people without a password may have signed in with
// Google to choose one: a session left open somewhere does not suffice.
const freshly = 15 * time.Minute

// ChangePassword replaces the caller's password by a new one, ends their other
// sessions and their bearer tokens. Wrong tries count like those of signing in.
// Who has none, and has signed in with Google just now, needs no old one.
func (s *Service) ChangePassword(ctx context.Context, c access.Caller, old, new crm.Secret) error {
	if err := themselves(c); err != nil {
		return err
	}
	u, err := s.User(ctx, c.UserID)
	if err != nil {
		return err
	}
	own, err := s.ownSession(ctx, c, c.Session)
	if err != nil {
		return err
	}
	var hash crm.Secret
	if u.PasswordHash.IsZero() {
		hash, err = s.firstPassword(u, own, new)
	} else {
		hash, err = s.checkChange(ctx, c, u, old, new)
	}
	if err != nil {
		return err
	}
	rows, err := s.personal(ctx, u.ID, s.act(c, "password.change", string(u.ID), "other sessions were ended"))
	if err != nil {
		return err
	}
	err = s.Store.SetPassword(ctx, u, hash, own.TokenHash, rows...)
	s.forgetPerson(u.ID)
	return wrap("storing the password", err)
}

// Rename gives the caller another name, the one their colleagues and the people
// they write to see.
func (s *Service) Rename(ctx context.Context, c access.Caller, name string) error {
	if err := themselves(c); err != nil {
		return err
	}
	name = plainName(name)
	switch {
	case name == "":
		return invalid("name", "must not be empty")
	case len(name) > maxName:
		return invalid("name", fmt.Sprintf("must have at most %d bytes", maxName))
	}
	rows, err := s.personal(ctx, c.UserID, s.act(c, "name.change", string(c.UserID), "now "+name))
	if err != nil {
		return err
	}
	err = s.Store.SetName(ctx, c.UserID, name, rows...)
	s.members.forget(func(k membership, _ crm.Member) bool { return k.user == c.UserID })
	s.forgetPerson(c.UserID)
	return wrap("storing the name", err)
}

// ResetPassword gives the person with an address a new password without asking
// for the old one, for whoever runs the installation. All their sessions and bearer
// tokens end, and tries that made them wait are forgotten. fault.NotFound when
// nobody has the address.
func (s *Service) ResetPassword(ctx context.Context, email string, password crm.Secret) (crm.User, error) {
	u, err := s.Store.UserByEmail(ctx, normal(email))
	if err != nil {
		return crm.User{}, wrap("finding the person", err)
	}
	hash, err := s.hashPassword(password)
	if err != nil {
		return crm.User{}, err
	}
	rows, err := s.personal(ctx, u.ID, access.Audit{Via: access.ViaSystem, Action: "password.reset", Target: string(u.ID), Outcome: "ok", Detail: "from the command line; all sessions were ended"})
	if err != nil {
		return crm.User{}, err
	}
	err = s.Store.SetPassword(ctx, u, hash, "", rows...)
	s.forgetPerson(u.ID)
	if err != nil {
		return crm.User{}, wrap("storing the password", err)
	}
	return u, wrap("clearing attempts", s.Store.Succeeded(ctx, triesOf(u.Email, "").account))
}

// firstPassword makes the hash of a password for somebody who has none.
func (s *Service) firstPassword(u crm.User, own Session, new crm.Secret) (crm.Secret, error) {
	if u.GoogleSub == "" || own.TokenHash == "" || s.Now().Sub(own.CreatedAt) > freshly {
		return crm.Secret{}, &fault.Error{Kind: fault.Conflict, Code: "no_password", Action: "/login",
			Text: "You sign in with Google and have no password here. To choose one, sign out, sign in with Google again, and do it within 15 minutes."}
	}
	if what := badPassword(new); what != "" {
		return crm.Secret{}, invalid("new_password", what)
	}
	return s.hashPassword(new)
}

// checkChange makes the hash of a new password once the old one was right.
func (s *Service) checkChange(ctx context.Context, c access.Caller, u crm.User, old, new crm.Secret) (crm.Secret, error) {
	if old.Reveal() == new.Reveal() {
		return crm.Secret{}, invalid("new_password", "must be another one than the old password")
	}
	if what := badPassword(new); what != "" {
		return crm.Secret{}, invalid("new_password", what)
	}
	tries := triesOf(u.Email, c.Remote)
	if err := s.try(ctx, tries); err != nil {
		return crm.Secret{}, err
	}
	ok, err := passwordMatches(old, u.PasswordHash)
	if err != nil {
		return crm.Secret{}, err
	}
	if !ok {
		row := s.act(c, "password.change", string(u.ID), "wrong old password")
		row.Outcome = "denied"
		if err := s.auditPerson(ctx, row); err != nil {
			return crm.Secret{}, err
		}
		return crm.Secret{}, invalid("old_password", "is not right")
	}
	if err := s.right(ctx, tries); err != nil {
		return crm.Secret{}, err
	}
	return s.hashPassword(new)
}
