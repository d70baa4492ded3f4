package outbox

import (
	"context"
	"strings"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
)

// aliasesKept is how long the addresses of a mailbox are remembered.
const aliasesKept = 5 * time.Minute

// SendAs lists the addresses that the caller's connection may send from.
func (s *Service) SendAs(ctx context.Context, c access.Caller, id crm.ConnectionID) ([]crm.SendAs, error) {
	if err := access.Allow(c, access.MailSend); err != nil {
		return nil, err
	}
	conn, err := s.mine(ctx, c, id)
	if err != nil {
		return nil, err
	}
	post, err := s.open(ctx, conn, mail.Interactive)
	if err != nil {
		return nil, err
	}
	return s.aliasesOf(ctx, post, conn)
}

// mine gives a connection of the caller's own, the first one when id is "".
func (s *Service) mine(ctx context.Context, c access.Caller, id crm.ConnectionID) (crm.Connection, error) {
	all, err := s.Connections.Mine(ctx, c)
	if err != nil {
		return crm.Connection{}, err
	}
	first := crm.Connection{}
	for _, conn := range all {
		switch {
		case conn.ID == id && id != "":
			return conn, nil
		case conn.Status == crm.StatusDisconnected:
		case first.ID == "", first.GrantID == "" && conn.GrantID != "" && first.Provider != crm.ProviderIMAP: // one that waits for consent sends nothing
			first = conn
		}
	}
	if id == "" && first.ID != "" {
		return first, nil
	}
	if id != "" {
		return crm.Connection{}, fault.New(fault.NotFound, "There is no such connection.")
	}
	return crm.Connection{}, &fault.Error{Kind: fault.NotFound, Code: "not_connected", Text: "No Google account is connected yet.", Action: "/crm/onboarding/connect"}
}

// aliasesOf gives the addresses of a mailbox, from memory when they are fresh.
// Where the grant does not let them be read there is the account's own only.
func (s *Service) aliasesOf(ctx context.Context, post Post, conn crm.Connection) ([]crm.SendAs, error) {
	now := s.Now()
	s.aliases.Lock()
	known, ok := s.aliases.of[conn.ID]
	s.aliases.Unlock()
	if ok && now.Sub(known.at) < aliasesKept && !now.Before(known.at) {
		return known.list, nil
	}
	list, err := post.Aliases(ctx)
	if fault.Is(err, fault.Permission) {
		list, err = []crm.SendAs{{Email: conn.GoogleEmail, Default: true, Primary: true, Verified: true}}, nil
	}
	if err != nil {
		return nil, err
	}
	s.aliases.Lock()
	defer s.aliases.Unlock()
	if s.aliases.of == nil || len(s.aliases.of) > 10_000 {
		s.aliases.of = map[crm.ConnectionID]aliases{}
	}
	s.aliases.of[conn.ID] = aliases{list, now}
	return list, nil
}

// choose finds the address to send from: the wanted one, which has to be verified
// (Gmail would quietly put the account's own in its place), else Gmail's default.
func choose(list []crm.SendAs, wanted string) (crm.SendAs, error) {
	var usual crm.SendAs
	for _, a := range list {
		if wanted != "" && strings.EqualFold(a.Email, wanted) {
			if !a.Verified {
				return a, &fault.Error{Kind: fault.Invalid, Code: "alias_not_verified", Fields: map[string]string{"from": "is not verified"},
					Text: "Gmail has not verified " + a.Email + " yet, and would send from the account's own address instead. Finish its verification in Gmail's settings."}
			}
			return a, nil
		}
		if a.Default && a.Verified || usual.Email == "" && a.Primary {
			usual = a
		}
	}
	if wanted != "" {
		return crm.SendAs{}, &fault.Error{Kind: fault.Invalid, Code: "unknown_alias", Fields: map[string]string{"from": "is none of the account's addresses"},
			Text: "This account does not send from that address: Gmail would put the account's own in its place."}
	}
	if usual.Email == "" {
		return crm.SendAs{}, fault.New(fault.Unavailable, "Gmail names no address to send from.")
	}
	return usual, nil
}

// maySendAs looks again, right before sending, whether the address is good.
func (s *Service) maySendAs(ctx context.Context, post Post, id crm.ConnectionID, email string) error {
	conn, err := s.Connections.ConnectionByID(ctx, id)
	if err != nil {
		return err
	}
	list, err := s.aliasesOf(ctx, post, conn)
	if err != nil {
		return err
	}
	_, err = choose(list, email)
	return err
}
