package vault

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"rapport/internal/crm"
	"rapport/internal/fact"
)

// Every change of a grant or an approval tells a fact in its transaction. So what
// was read stays good until a fact says otherwise, and one look at the facts each
// second keeps thousands of tokens on the shelf without reading their rows again.
// When the look fails, what is on the shelf is not used any more.
const (
	shelfLook = time.Second     // the facts are looked at so often, while anybody vends
	shelfLife = 3 * time.Second // what another process has changed is noticed after that at the latest
	shelfSize = 50_000
	shelfGap  = time.Hour // facts are kept much longer than that
)

// place names what is on the shelf. own: the subject asks for itself, so its
// connections serve as well.
type place struct {
	workspace crm.WorkspaceID
	subject   string
	service   crm.Service
	own       bool
	maker     string // answers for an authorize link to here; "" for nobody
	// may names the services that a key may vend, where it is not all: a connection
	// that opens more is not for it.
	may string
}

// owner and slot are the parts of a place: what changes changes for a subject.
type owner struct {
	workspace crm.WorkspaceID
	subject   string
}

type slot struct {
	service crm.Service
	own     bool
	may     string
}

func (p place) owner() owner { return owner{p.workspace, p.subject} }
func (p place) slot() slot   { return slot{p.service, p.own, p.may} }

// shelved is an access token that was read from the store and unsealed.
type shelved struct {
	grant crm.GrantID
	Access
	since  time.Time
	domain string // of the Google account, see Grant.domain
	// connection: it is a connection's, whose scopes serve several services.
	connection bool
}

// onShelf is a shelved token, with the approval it is known to obey: every vend
// asks what the organisation has decided, and compares scopes once for each
// decision.
type onShelf struct {
	shelved
	obeys atomic.Pointer[shelvedApproval]
}

// shelf keeps access tokens and approvals in memory, so that a busy plugin does
// not read and unseal the same row a thousand times a second.
type shelf struct {
	mu        sync.RWMutex
	changes   uint64 // counts what was forgotten: what was read before is not shelved any more
	tokens    map[owner]map[slot]*onShelf
	kept      int                   // tokens in all
	owners    map[crm.GrantID]owner // a grant serves one subject
	approvals map[crm.WorkspaceID]*shelvedApproval

	looking   bool
	looked    bool      // position is known
	position  int64     // of the last fact seen
	confirmed time.Time // when no fact behind position was to be seen
}

// shelvedApproval is never changed: another decision is another one.
type shelvedApproval struct {
	crm.Approval
	since time.Time
}

// good reports whether what was put at since may be used: it, or all of the
// shelf, was right a moment ago. A clock that was set back makes nothing good.
func (h *shelf) good(since, now time.Time) bool {
	if h.confirmed.After(since) {
		since = h.confirmed
	}
	age := now.Sub(since)
	return age >= 0 && age < shelfLife
}

func (h *shelf) token(p place, now time.Time) (*onShelf, bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	v, ok := h.tokens[p.owner()][p.slot()]
	return v, ok && h.good(v.since, now)
}

// ready is token, when it obeys the approval that is on the shelf.
func (h *shelf) ready(p place, now time.Time) (*onShelf, bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	a := h.approvals[p.workspace]
	if a == nil || !h.good(a.since, now) {
		return nil, false
	}
	v := h.tokens[p.owner()][p.slot()]
	return v, v != nil && h.good(v.since, now) && v.obeys.Load() == a
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
	if h.tokens == nil || h.kept >= shelfSize {
		h.empty()
	}
	o := p.owner()
	if h.tokens[o] == nil {
		h.tokens[o] = map[slot]*onShelf{}
	}
	if _, ok := h.tokens[o][p.slot()]; !ok {
		h.kept++
	}
	h.tokens[o][p.slot()], h.owners[v.grant] = &onShelf{shelved: v}, o
}

// empty is called with the lock.
func (h *shelf) empty() {
	h.tokens, h.owners, h.kept = map[owner]map[slot]*onShelf{}, map[crm.GrantID]owner{}, 0
}

func (h *shelf) approval(w crm.WorkspaceID, now time.Time) (*shelvedApproval, bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	v, ok := h.approvals[w]
	return v, ok && h.good(v.since, now)
}

func (h *shelf) putApproval(w crm.WorkspaceID, a *shelvedApproval, version uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.changes != version {
		return
	}
	if h.approvals == nil || len(h.approvals) >= shelfSize {
		h.approvals = map[crm.WorkspaceID]*shelvedApproval{}
	}
	h.approvals[w] = a
}

// forget drops what is kept of the subjects and of those the grants serve.
func (h *shelf) forget(grants []crm.GrantID, subjects ...owner) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.changes++
	for _, id := range grants {
		if o, ok := h.owners[id]; ok {
			subjects = append(subjects, o)
			delete(h.owners, id)
		}
	}
	for _, o := range subjects {
		for _, v := range h.tokens[o] {
			delete(h.owners, v.grant)
		}
		h.kept -= len(h.tokens[o])
		delete(h.tokens, o)
	}
}

// due reports whether the caller is to look at the facts now.
func (h *shelf) due(now time.Time) bool {
	h.mu.RLock()
	age := now.Sub(h.confirmed)
	due := !h.looking && (age >= shelfLook || age < 0)
	h.mu.RUnlock()
	if !due {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.looking {
		return false
	}
	h.looking = true
	return true
}

// look brings the shelf in step with the facts of all processes.
func (s *Service) look(ctx context.Context, now time.Time) {
	h := &s.shelf
	h.mu.RLock()
	after, known := h.position, h.looked && now.Sub(h.confirmed) < shelfGap
	h.mu.RUnlock()
	if !known {
		after = -1
	}
	facts, position, err := s.TokenGrants.GrantFacts(ctx, after)
	for _, f := range facts {
		s.Heard(f)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.looking = false
	if err != nil {
		s.log().Warn("looking for changed grants", "err", err)
		return
	}
	if !known { // nobody knows what has happened to what was read before
		h.changes++
		h.empty()
		clear(h.approvals)
	}
	h.looked, h.position, h.confirmed = true, position, now
}

// keepStep lets one caller a second look at the facts, beside its own work.
func (s *Service) keepStep(ctx context.Context, now time.Time) {
	if !s.shelf.due(now) {
		return
	}
	go func() {
		own, cancel := context.WithTimeout(context.WithoutCancel(ctx), refreshTimeout)
		defer cancel()
		s.look(own, now)
	}()
}

// Forget drops what is remembered of a grant: it has changed. Changes made
// through this Service are forgotten by themselves.
func (s *Service) Forget(id crm.GrantID) { s.shelf.forget([]crm.GrantID{id}) }

// forgetGrant drops what is remembered of a grant and of its subject, whom
// another grant may serve from now on.
func (s *Service) forgetGrant(id crm.GrantID, w crm.WorkspaceID, subject string) {
	s.shelf.forget([]crm.GrantID{id}, owner{w, subject})
}

// ForgetApproval drops what is remembered of a workspace's approval.
func (s *Service) ForgetApproval(w crm.WorkspaceID) {
	s.shelf.mu.Lock()
	defer s.shelf.mu.Unlock()
	s.shelf.changes++
	delete(s.shelf.approvals, w)
}

// Heard may be told facts as they come, of other processes too: what they make
// outdated is forgotten at once. Without it, it is within shelfLife.
func (s *Service) Heard(f fact.Fact) {
	switch f.Kind {
	case fact.GrantChanged:
		var g GrantChange
		if json.Unmarshal(f.Data, &g) != nil {
			g.GrantID = ""
		}
		s.forgetGrant(g.GrantID, f.WorkspaceID, string(f.UserID))
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

// approvalOf is the workspace's approval, as it was shelfLife ago or later.
func (s *Service) approvalOf(ctx context.Context, w crm.WorkspaceID) (*shelvedApproval, error) {
	now := s.now()
	if a, ok := s.shelf.approval(w, now); ok {
		return a, nil
	}
	version := s.shelf.version()
	read, err := s.Approvals.Approval(ctx, w)
	if err != nil {
		return nil, fmt.Errorf("reading the organisation's approval: %w", err)
	}
	a := &shelvedApproval{read, now}
	s.shelf.putApproval(w, a, version)
	return a, nil
}
