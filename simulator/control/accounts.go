package control

import (
	"errors"
	"fmt"
	"net/http"

	"rapport/simulator/oauth"
	"rapport/simulator/world"
)

type accountView struct {
	Email     string     `json:"email"`
	Name      string     `json:"name"`
	Domain    string     `json:"domain"`
	Kind      world.Kind `json:"kind"`
	Sub       string     `json:"sub"`
	Admin     bool       `json:"admin,omitempty"`
	Suspended bool       `json:"suspended,omitempty"`
	Archived  bool       `json:"archived,omitempty"`
	NoMailbox bool       `json:"no_mailbox,omitempty"`
	OrgUnit   string     `json:"org_unit,omitempty"`
	Title     string     `json:"title,omitempty"`
	Aliases   []string   `json:"aliases,omitempty"`
	Messages  int        `json:"messages"`
	HistoryID uint64     `json:"history_id"`
}

func (s *Server) view(a world.Account) accountView {
	v := accountView{Email: a.Email, Name: a.Name, Domain: a.Domain, Kind: a.Kind, Sub: a.Sub, Admin: a.Admin,
		Suspended: a.Suspended, Archived: a.Archived, NoMailbox: a.NoMailbox, OrgUnit: a.OrgUnit, Title: a.Title, Aliases: a.Aliases}
	if s.Mail != nil {
		if c, ok := s.Mail.Counts(a.Email); ok {
			v.Messages, v.HistoryID = c.Messages, c.HistoryID
		}
	}
	return v
}

func (s *Server) accounts(*http.Request) (any, error) {
	out := []accountView{}
	for _, a := range s.World.Accounts.List() {
		out = append(out, s.view(a))
	}
	return out, nil
}

func (s *Server) createAccount(r *http.Request) (any, error) {
	var b struct {
		Email, Name, Domain string
		Kind                world.Kind
		Messages            int
		Seed                int64
		standing
	}
	if err := read(r, &b); err != nil {
		return nil, err
	}
	if b.Messages < 0 {
		return nil, bad("messages: %d is negative", b.Messages)
	}
	if b.Kind != "" && b.Kind != world.Member && b.Kind != world.Outside {
		return nil, bad("kind %q: use member or outside", b.Kind)
	}
	wanted := world.Account{Email: b.Email, Name: b.Name, Domain: b.Domain, Kind: b.Kind}
	b.apply(&wanted)
	a, err := s.World.Accounts.Add(wanted)
	if errors.Is(err, world.ErrExists) {
		return nil, problem{http.StatusConflict, "account " + b.Email + " exists"}
	}
	if err != nil {
		return nil, bad("%v", err)
	}
	if s.Mail != nil && !a.NoMailbox {
		if err := s.Mail.Create(a, b.Messages, b.Seed); err != nil {
			s.World.Accounts.Remove(a.Email)
			return nil, fmt.Errorf("create mailbox: %w", err)
		}
	}
	return s.view(a), nil
}

// standing is what an administrator decides about an account. nil: as it is.
type standing struct {
	Admin     *bool     `json:"admin"`
	Suspended *bool     `json:"suspended"`
	Archived  *bool     `json:"archived"`
	NoMailbox *bool     `json:"no_mailbox"`
	OrgUnit   *string   `json:"org_unit"`
	Title     *string   `json:"title"`
	Aliases   *[]string `json:"aliases"`
}

func (b *standing) apply(a *world.Account) {
	for to, from := range map[*bool]*bool{&a.Admin: b.Admin, &a.Suspended: b.Suspended, &a.Archived: b.Archived, &a.NoMailbox: b.NoMailbox} {
		if from != nil {
			*to = *from
		}
	}
	if b.OrgUnit != nil {
		a.OrgUnit = *b.OrgUnit
	}
	if b.Title != nil {
		a.Title = *b.Title
	}
	if b.Aliases != nil {
		a.Aliases = *b.Aliases
	}
}

// changeAccount is what an administrator does to an account.
func (s *Server) changeAccount(r *http.Request) (any, error) {
	a, err := s.account(r)
	if err != nil {
		return nil, err
	}
	var b struct {
		Name *string `json:"name"`
		standing
	}
	if err := read(r, &b); err != nil {
		return nil, err
	}
	if b.Name != nil {
		a.Name = *b.Name
	}
	had := !a.NoMailbox
	b.apply(&a)
	if a, err = s.World.Accounts.Put(a); err != nil {
		return nil, bad("%v", err)
	}
	if a.Closed() {
		s.OAuth.AccountDeleted(a.Sub) // access tokens end; refresh tokens wait
	}
	if s.Mail != nil && !had && !a.NoMailbox {
		if _, there := s.Mail.Counts(a.Email); !there {
			if err := s.Mail.Create(a, 0, 0); err != nil {
				return nil, fmt.Errorf("create mailbox: %w", err)
			}
		}
	}
	return s.view(a), nil
}

func (s *Server) deleteAccount(r *http.Request) (any, error) {
	a, err := s.account(r)
	if err != nil {
		return nil, err
	}
	s.World.Accounts.Remove(a.Email)
	s.OAuth.AccountDeleted(a.Sub)
	return nil, nil
}

// securityEvent delivers a security event about an account, as Cross-Account
// Protection does. Without "to" it only makes the token.
func (s *Server) securityEvent(r *http.Request) (any, error) {
	a, err := s.account(r)
	if err != nil {
		return nil, err
	}
	var b struct {
		Event     string   `json:"event"`
		Reason    string   `json:"reason"`
		To        string   `json:"to"`
		ClientIDs []string `json:"client_ids"`
		Token     string   `json:"token"`
		Prefix    bool     `json:"prefix"`
		State     string   `json:"state"`
		Forged    string   `json:"forged"`
	}
	if err := read(r, &b); err != nil {
		return nil, err
	}
	e := oauth.SecurityEvent{Email: a.Email, Event: b.Event, Reason: b.Reason, Clients: b.ClientIDs, Token: b.Token, Prefix: b.Prefix, State: b.State, Forged: b.Forged}
	if b.To == "" {
		token, err := s.OAuth.SignSecurityEvent(e)
		if err != nil {
			return nil, bad("%v", err)
		}
		return map[string]any{"token": token}, nil
	}
	token, status, err := s.OAuth.SendSecurityEvent(r.Context(), e, b.To)
	if err != nil {
		return nil, bad("%v", err)
	}
	return map[string]any{"token": token, "status": status}, nil
}

// join has somebody enter the space of a meeting code.
func (s *Server) join(r *http.Request) (any, error) {
	switch {
	case s.Meet == nil:
		return nil, absent("meet")
	case !s.Meet.Join(r.PathValue("code")):
		return nil, missing("meeting " + r.PathValue("code"))
	}
	return nil, nil
}
