// Package vaulttest keeps what the vault keeps, in memory, by the same rules as
// the store: leases, states taken once, compare and swap.
package vaulttest

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/vault"
)

// Memory implements every storing port of the vault, and the trail. Fields may
// be set before use and read when nothing runs.
type Memory struct {
	Approved crm.Approval
	OAuth    vault.Client
	Others   map[crm.ClientID]vault.Client // further OAuth clients
	// Fail, when set, is asked before each call with the name of its method.
	Fail func(method string) error

	mu          sync.Mutex
	Consents    map[string]vault.Consent
	Held        map[crm.GrantID]vault.Grant
	leases      map[crm.GrantID]lease
	Connections map[crm.ConnectionID]crm.Connection
	Facts       []string    // "connection.granted <id>"
	Told        []fact.Fact // grant.changed, approval.decided
	Rows        []access.Audit
	Links       map[crm.LinkID]bool // connect links: whether they can still be used
	Users       map[string]crm.UserID
	Events      map[string]bool
	SignedOut   []crm.UserID
	Secrets     map[crm.ClientID]string
	Sums        []vault.ClientGrants
	Leased      map[string]*Leased
	Members     map[crm.UserID]vault.Person
	KeysEnded   map[crm.KeyID]bool
}

// Leased is a lease as the memory keeps it.
type Leased struct {
	vault.Lease
	Minute, InMinute int64
	Left             bool // its holder is gone
}

type lease struct {
	holder string
	until  time.Time
}

// New makes an empty memory with one OAuth client and an approving organisation.
func New(client vault.Client) *Memory {
	return &Memory{
		OAuth: client, Approved: crm.Approval{State: crm.ApprovalApproved, Profile: crm.ProfileFull},
		Consents: map[string]vault.Consent{}, Held: map[crm.GrantID]vault.Grant{},
		leases: map[crm.GrantID]lease{}, Connections: map[crm.ConnectionID]crm.Connection{},
		Others: map[crm.ClientID]vault.Client{}, Links: map[crm.LinkID]bool{}, Users: map[string]crm.UserID{},
		Events: map[string]bool{}, Secrets: map[crm.ClientID]string{}, Leased: map[string]*Leased{},
		Members: map[crm.UserID]vault.Person{}, KeysEnded: map[crm.KeyID]bool{},
	}
}

func (m *Memory) enter(method string) (func(), error) {
	if m.Fail != nil {
		if err := m.Fail(method); err != nil {
			return nil, err
		}
	}
	m.mu.Lock()
	return m.mu.Unlock, nil
}

var none = fault.New(fault.NotFound, "There is no such thing.")

// Client and Default are vault.Clients.
func (m *Memory) Client(_ context.Context, id crm.ClientID) (vault.Client, error) {
	if id == m.OAuth.ID {
		return m.OAuth, nil
	}
	if c, ok := m.Others[id]; ok {
		return c, nil
	}
	return vault.Client{}, none
}

func (m *Memory) Default(context.Context, crm.WorkspaceID) (vault.Client, error) { return m.OAuth, nil }

// Approval is vault.Approvals.
func (m *Memory) Approval(context.Context, crm.WorkspaceID) (crm.Approval, error) {
	leave, err := m.enter("Approval")
	if err != nil {
		return crm.Approval{}, err
	}
	defer leave()
	return m.Approved, nil
}

// Record is access.Trail.
func (m *Memory) Record(_ context.Context, rows ...access.Audit) error {
	leave, err := m.enter("Record")
	if err != nil {
		return err
	}
	defer leave()
	m.Rows = append(m.Rows, rows...)
	return nil
}

// Audited lists "action outcome" of the rows so far.
func (m *Memory) Audited() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []string
	for _, r := range m.Rows {
		out = append(out, r.Action+" "+r.Outcome)
	}
	return out
}

func (m *Memory) PutConsent(_ context.Context, c vault.Consent) error {
	leave, err := m.enter("PutConsent")
	if err != nil {
		return err
	}
	defer leave()
	m.Consents[c.StateHash] = c
	return nil
}

func (m *Memory) TakeConsent(_ context.Context, hash string, now time.Time) (vault.Consent, error) {
	leave, err := m.enter("TakeConsent")
	if err != nil {
		return vault.Consent{}, err
	}
	defer leave()
	c, ok := m.Consents[hash]
	delete(m.Consents, hash)
	if !ok || !now.Before(c.ExpiresAt) {
		return vault.Consent{}, none
	}
	return c, nil
}

func (m *Memory) Grant(_ context.Context, id crm.GrantID) (vault.Grant, error) {
	leave, err := m.enter("Grant")
	if err != nil {
		return vault.Grant{}, err
	}
	defer leave()
	g, ok := m.Held[id]
	if !ok {
		return g, none
	}
	return g, nil
}

func (m *Memory) FindGrant(_ context.Context, w crm.WorkspaceID, u crm.UserID, sub string, c crm.ClientID) (vault.Grant, error) {
	leave, err := m.enter("FindGrant")
	if err != nil {
		return vault.Grant{}, err
	}
	defer leave()
	for _, g := range m.Held {
		if g.WorkspaceID == w && g.UserID == u && g.GoogleSub == sub && g.ClientID == c && g.Service == "" {
			return g, nil
		}
	}
	return vault.Grant{}, none
}

func (m *Memory) SaveGrant(_ context.Context, g vault.Grant) error {
	leave, err := m.enter("SaveGrant")
	if err != nil {
		return err
	}
	defer leave()
	for _, o := range m.Held {
		if o.ID != g.ID && g.Service != "" && o.WorkspaceID == g.WorkspaceID && o.UserID == g.UserID && o.Service == g.Service {
			return &fault.Error{Kind: fault.Conflict, Code: "exists", Text: "There is one already."}
		}
	}
	if old := m.Held[g.ID]; old.Status != g.Status || old.SealedRefresh != g.SealedRefresh {
		delete(m.leases, g.ID)
	}
	m.hold(g)
	return nil
}

func (m *Memory) LeaseGrant(_ context.Context, id crm.GrantID, holder string, now, until time.Time) (vault.Grant, bool, error) {
	leave, err := m.enter("LeaseGrant")
	if err != nil {
		return vault.Grant{}, false, err
	}
	defer leave()
	g, ok := m.Held[id]
	if !ok {
		return g, false, none
	}
	if l := m.leases[id]; l.holder != "" && l.holder != holder && now.Before(l.until) {
		return g, false, nil
	}
	m.leases[id] = lease{holder, until}
	return g, true, nil
}

func (m *Memory) SaveRefreshed(_ context.Context, g vault.Grant, holder string) error {
	leave, err := m.enter("SaveRefreshed")
	if err != nil {
		return err
	}
	defer leave()
	if m.leases[g.ID].holder != holder {
		return fault.New(fault.Conflict, "The lease is lost.")
	}
	delete(m.leases, g.ID)
	if old := m.Held[g.ID]; old.Status == g.Status && slices.Equal(old.Scopes, g.Scopes) {
		m.Held[g.ID] = g // the usual refresh is no fact
		return nil
	}
	m.hold(g)
	return nil
}

// hold keeps a grant and tells grant.changed.
func (m *Memory) hold(g vault.Grant) {
	m.Held[g.ID] = g
	data, _ := json.Marshal(vault.GrantChange{GrantID: g.ID, Service: g.Service, Status: g.Status})
	m.tell(fact.Fact{Kind: fact.GrantChanged, WorkspaceID: g.WorkspaceID, UserID: g.UserID, Data: data})
}

func (m *Memory) tell(f fact.Fact) {
	f.Seq = int64(len(m.Told)) + 1
	m.Told = append(m.Told, f)
}

// Decide changes the approval, as an administrator does in another process.
func (m *Memory) Decide(a crm.Approval) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Approved = a
	m.tell(fact.Fact{Kind: fact.ApprovalDecided, WorkspaceID: "lamps"})
}

func (m *Memory) GrantFacts(_ context.Context, after int64) ([]fact.Fact, int64, error) {
	leave, err := m.enter("GrantFacts")
	if err != nil {
		return nil, 0, err
	}
	defer leave()
	last := int64(len(m.Told))
	if after < 0 || after >= last {
		return nil, last, nil
	}
	return slices.Clone(m.Told[after:]), last, nil
}

func (m *Memory) OtherUses(_ context.Context, g vault.Grant) (map[crm.ClientID]int, error) {
	leave, err := m.enter("OtherUses")
	if err != nil {
		return nil, err
	}
	defer leave()
	out := map[crm.ClientID]int{}
	for _, o := range m.Held {
		if o.ID != g.ID && o.GoogleSub == g.GoogleSub && living(o) {
			out[o.ClientID]++
		}
	}
	return out, nil
}

func living(g vault.Grant) bool {
	return g.Status == vault.GrantActive || g.Status == vault.GrantSealed
}

func (m *Memory) ResealPage(_ context.Context, after crm.GrantID, n int) ([]vault.Grant, error) {
	leave, err := m.enter("ResealPage")
	if err != nil {
		return nil, err
	}
	defer leave()
	var out []vault.Grant
	for _, g := range m.Held {
		if g.ID > after {
			out = append(out, g)
		}
	}
	slices.SortFunc(out, func(a, b vault.Grant) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return out[:min(n, len(out))], nil
}

func (m *Memory) Reseal(_ context.Context, old, new vault.Grant) (bool, error) {
	leave, err := m.enter("Reseal")
	if err != nil {
		return false, err
	}
	defer leave()
	g := m.Held[old.ID]
	if g.SealedAccess != old.SealedAccess || g.SealedRefresh != old.SealedRefresh {
		return false, nil
	}
	g.SealedAccess, g.SealedRefresh = new.SealedAccess, new.SealedRefresh
	m.Held[old.ID] = g
	return true, nil
}

// Only gives the one connection there is, and its grant.
func (m *Memory) Only() (crm.Connection, vault.Grant) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.Connections {
		return c, m.Held[c.GrantID]
	}
	return crm.Connection{}, vault.Grant{}
}

// Update changes a grant behind everybody's back.
func (m *Memory) Update(id crm.GrantID, change func(*vault.Grant)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	g := m.Held[id]
	change(&g)
	m.Held[id] = g
}
