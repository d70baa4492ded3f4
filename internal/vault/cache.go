package vault

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"rapport/internal/crm"
	"rapport/internal/fact"
)

const (
	shelfLife = 3 * time.Second // what another process has changed is noticed after that at the latest
	shelfSize = 20_000
)

// place names what is on the shelf. own: the subject asks for itself, so its
// connections serve as well.
type place struct {
	workspace crm.WorkspaceID
	subject   string
	service   crm.Service
	own       bool
}

// shelved is an access token that was read from the store and unsealed.
type shelved struct {
	grant crm.GrantID
	Access
	since time.Time
}

// shelf keeps access tokens and approvals for a moment, so that a busy plugin
// does not read and unseal the same row a thousand times a second.
type shelf struct {
	mu        sync.RWMutex
	changes   uint64 // counts what was forgotten: what was read before is not shelved any more
	tokens    map[place]shelved
	approvals map[crm.WorkspaceID]shelvedApproval
}

type shelvedApproval struct {
	crm.Approval
	since time.Time
}

func (h *shelf) token(p place, now time.Time) (shelved, bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	v, ok := h.tokens[p]
	return v, ok && fresh(v.since, now)
}

// fresh also holds back what a clock that was set back has left in the future.
func fresh(since, now time.Time) bool {
	age := now.Sub(since)
	return age >= 0 && age < shelfLife
}

// version is to be read before what is put is read.
func (h *shelf) version() uint64 {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.changes
}

func (h *shelf) put(p place, v shelved, version uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.changes != version {
		return
	}
	if h.tokens == nil {
		h.tokens = map[place]shelved{}
	}
	if len(h.tokens) >= shelfSize {
		for k, old := range h.tokens {
			if !fresh(old.since, v.since) {
				delete(h.tokens, k)
			}
		}
		if len(h.tokens) >= shelfSize {
			clear(h.tokens)
		}
	}
	h.tokens[p] = v
}

func (h *shelf) approval(w crm.WorkspaceID, now time.Time) (crm.Approval, bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	v, ok := h.approvals[w]
	return v.Approval, ok && fresh(v.since, now)
}

func (h *shelf) putApproval(w crm.WorkspaceID, a crm.Approval, now time.Time, version uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.changes != version {
		return
	}
	if h.approvals == nil || len(h.approvals) >= shelfSize {
		h.approvals = map[crm.WorkspaceID]shelvedApproval{}
	}
	h.approvals[w] = shelvedApproval{a, now}
}

func (h *shelf) forget(out func(p place, v shelved) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.changes++
	for p, v := range h.tokens {
		if out(p, v) {
			delete(h.tokens, p)
		}
	}
}

// Forget drops what is remembered of a grant: it has changed. Changes made
// through this Service are forgotten by themselves.
func (s *Service) Forget(id crm.GrantID) {
	s.shelf.forget(func(_ place, v shelved) bool { return v.grant == id })
}

// forgetSubject drops everything remembered of a subject: another grant may
// serve it from now on.
func (s *Service) forgetSubject(w crm.WorkspaceID, subject string) {
	s.shelf.forget(func(p place, _ shelved) bool { return p.workspace == w && p.subject == subject })
}

// ForgetApproval drops what is remembered of a workspace's approval.
func (s *Service) ForgetApproval(w crm.WorkspaceID) {
	s.shelf.forget(func(place, shelved) bool { return false })
	s.shelf.mu.Lock()
	defer s.shelf.mu.Unlock()
	delete(s.shelf.approvals, w)
}

// Heard is to be told every fact, of other processes too: what it makes
// outdated is forgotten at once.
func (s *Service) Heard(f fact.Fact) {
	switch f.Kind {
	case fact.GrantChanged:
		var g GrantChange
		if json.Unmarshal(f.Data, &g) == nil {
			s.Forget(g.GrantID)
		}
		s.forgetSubject(f.WorkspaceID, string(f.UserID))
	case fact.ApprovalDecided:
		s.ForgetApproval(f.WorkspaceID)
	}
}

// GrantChange is the data of the fact grant.changed; its UserID is the grant's
// subject.
type GrantChange struct {
	GrantID crm.GrantID `json:"grant_id"`
	Service crm.Service `json:"service,omitempty"`
	Status  GrantStatus `json:"status"`
}

// approvalOf is the workspace's approval, at most shelfLife old.
func (s *Service) approvalOf(ctx context.Context, w crm.WorkspaceID) (crm.Approval, error) {
	now := s.now()
	if a, ok := s.shelf.approval(w, now); ok {
		return a, nil
	}
	version := s.shelf.version()
	a, err := s.Approvals.Approval(ctx, w)
	if err != nil {
		return a, fmt.Errorf("reading the organisation's approval: %w", err)
	}
	s.shelf.putApproval(w, a, now, version)
	return a, nil
}
