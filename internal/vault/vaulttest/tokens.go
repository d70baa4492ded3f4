package vaulttest

import (
	"context"
	"slices"
	"strings"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/vault"
)

var (
	_ vault.TokenGrants = (*Memory)(nil)
	_ vault.Leases      = (*Memory)(nil)
	_ vault.Upkeep      = (*Memory)(nil)
	_ vault.People      = (*Memory)(nil)
)

// pick gives the grants that pass, in id order.
func (m *Memory) pick(pass func(vault.Grant) bool) []vault.Grant {
	var out []vault.Grant
	for _, g := range m.Held {
		if pass(g) {
			out = append(out, g)
		}
	}
	slices.SortFunc(out, func(a, b vault.Grant) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return out
}

func (m *Memory) ServiceGrant(_ context.Context, w crm.WorkspaceID, subject string, service crm.Service) (vault.Grant, error) {
	leave, err := m.enter("ServiceGrant")
	if err != nil {
		return vault.Grant{}, err
	}
	defer leave()
	for _, g := range m.Held {
		if service != "" && g.WorkspaceID == w && string(g.UserID) == subject && g.Service == service {
			return g, nil
		}
	}
	return vault.Grant{}, none
}

func (m *Memory) ServiceGrants(_ context.Context, w crm.WorkspaceID, subject string) ([]vault.Grant, error) {
	leave, err := m.enter("ServiceGrants")
	if err != nil {
		return nil, err
	}
	defer leave()
	return m.pick(func(g vault.Grant) bool { return g.Service != "" && g.WorkspaceID == w && string(g.UserID) == subject }), nil
}

// ServiceGrantsOf has one page only.
func (m *Memory) ServiceGrantsOf(_ context.Context, w crm.WorkspaceID, _ string, _ int) ([]vault.Grant, string, error) {
	leave, err := m.enter("ServiceGrantsOf")
	if err != nil {
		return nil, "", err
	}
	defer leave()
	return m.pick(func(g vault.Grant) bool {
		return g.Service != "" && g.WorkspaceID == w && g.Status != vault.GrantRevoked
	}), "", nil
}

func (m *Memory) OwnGrants(_ context.Context, w crm.WorkspaceID, u crm.UserID) ([]vault.Grant, error) {
	leave, err := m.enter("OwnGrants")
	if err != nil {
		return nil, err
	}
	defer leave()
	return m.pick(func(g vault.Grant) bool {
		for _, c := range m.Connections {
			if c.GrantID == g.ID && g.Service == "" && c.WorkspaceID == w && c.UserID == u && c.Status != crm.StatusDisconnected {
				return true
			}
		}
		return false
	}), nil
}

func (m *Memory) EndGrant(_ context.Context, g vault.Grant, status vault.GrantStatus, at time.Time) (bool, error) {
	leave, err := m.enter("EndGrant")
	if err != nil {
		return false, err
	}
	defer leave()
	now, ok := m.Held[g.ID]
	if !ok || !now.ConsentedAt.Equal(g.ConsentedAt) {
		return false, nil
	}
	m.drop(now, status, at)
	return true, nil
}

func (m *Memory) drop(g vault.Grant, status vault.GrantStatus, at time.Time) {
	g.SealedAccess, g.SealedRefresh, g.Expiry, g.Status, g.UpdatedAt = "", "", time.Time{}, status, at
	m.hold(g)
	delete(m.leases, g.ID)
}

func (m *Memory) Person(_ context.Context, _ crm.WorkspaceID, u crm.UserID) (vault.Person, error) {
	leave, err := m.enter("Person")
	if err != nil {
		return vault.Person{}, err
	}
	defer leave()
	if p, ok := m.Members[u]; ok {
		return p, nil
	}
	return vault.Person{}, none
}

// KeyMaker of a key that nobody has ended is an owner.
func (m *Memory) KeyMaker(_ context.Context, _ crm.WorkspaceID, k crm.KeyID, _ time.Time) (vault.Person, error) {
	leave, err := m.enter("KeyMaker")
	if err != nil {
		return vault.Person{}, err
	}
	defer leave()
	if m.KeysEnded[k] {
		return vault.Person{}, none
	}
	return vault.Person{ID: "ada", Role: crm.RoleOwner}, nil
}

func (m *Memory) PutLease(_ context.Context, l vault.Lease, hash string) error {
	leave, err := m.enter("PutLease")
	if err != nil {
		return err
	}
	defer leave()
	m.Leased[hash] = &Leased{Lease: l}
	return nil
}

// LeasesOf has one page only.
func (m *Memory) LeasesOf(_ context.Context, w crm.WorkspaceID, u crm.UserID, _ string, _ int) ([]vault.Lease, string, error) {
	leave, err := m.enter("LeasesOf")
	if err != nil {
		return nil, "", err
	}
	defer leave()
	var out []vault.Lease
	for _, l := range m.Leased {
		if l.WorkspaceID == w && (u == "" || l.UserID == u) {
			out = append(out, l.Lease)
		}
	}
	slices.SortFunc(out, func(a, b vault.Lease) int { return strings.Compare(string(b.ID), string(a.ID)) })
	return out, "", nil
}

func (m *Memory) CutLease(_ context.Context, w crm.WorkspaceID, u crm.UserID, id crm.LeaseID, at time.Time) error {
	leave, err := m.enter("CutLease")
	if err != nil {
		return err
	}
	defer leave()
	for _, l := range m.Leased {
		if l.ID == id && l.WorkspaceID == w && (u == "" || l.UserID == u) {
			if l.CutAt == nil {
				l.CutAt = &at
			}
			return nil
		}
	}
	return none
}

func (m *Memory) KeyLeases(ctx context.Context, w crm.WorkspaceID, k crm.KeyID, cursor string, limit int) ([]vault.Lease, string, error) {
	list, next, err := m.LeasesOf(ctx, w, "", cursor, limit)
	return slices.DeleteFunc(list, func(l vault.Lease) bool { return k == "" || l.KeyID != k }), next, err
}

func (m *Memory) CutKeyLease(ctx context.Context, w crm.WorkspaceID, k crm.KeyID, id crm.LeaseID, at time.Time) error {
	list, _, err := m.KeyLeases(ctx, w, k, "", 0)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(list, func(l vault.Lease) bool { return l.ID == id }) {
		return none
	}
	return m.CutLease(ctx, w, "", id, at)
}

func (m *Memory) UseLease(_ context.Context, hash string, at time.Time, judge func(vault.LeaseState) (access.Audit, error)) (vault.Lease, error) {
	leave, err := m.enter("UseLease")
	if err != nil {
		return vault.Lease{}, err
	}
	defer leave()
	l, ok := m.Leased[hash]
	if !ok {
		return vault.Lease{}, none
	}
	if minute := at.Unix() / 60; l.Minute != minute {
		l.Minute, l.InMinute = minute, 0
	}
	row, refusal := judge(vault.LeaseState{Lease: l.Lease, InMinute: l.InMinute, Holder: !l.Left})
	if refusal != nil {
		l.Refused++
	} else {
		l.Calls, l.LastUsedAt = l.Calls+1, &at
	}
	l.InMinute++
	if row != (access.Audit{}) {
		m.Rows = append(m.Rows, row)
	}
	return l.Lease, refusal
}

func (m *Memory) PurgeLeases(_ context.Context, before time.Time) (int64, error) {
	leave, err := m.enter("PurgeLeases")
	if err != nil {
		return 0, err
	}
	defer leave()
	n := len(m.Leased)
	for hash, l := range m.Leased {
		if l.ExpiresAt.Before(before) {
			delete(m.Leased, hash)
		}
	}
	return int64(n - len(m.Leased)), nil
}

func (m *Memory) IdleGrants(_ context.Context, before, now time.Time, after crm.GrantID, n int) ([]crm.GrantID, error) {
	leave, err := m.enter("IdleGrants")
	if err != nil {
		return nil, err
	}
	defer leave()
	var out []crm.GrantID
	for _, g := range m.pick(func(g vault.Grant) bool {
		return g.Status == vault.GrantActive && g.LastUsedAt.Before(before) && !g.RetryAt.After(now) && g.ID > after
	}) {
		out = append(out, g.ID)
	}
	return out[:min(n, len(out))], nil
}

// ClientGrants gives Sums.
func (m *Memory) ClientGrants(context.Context, crm.WorkspaceID, time.Time) ([]vault.ClientGrants, error) {
	leave, err := m.enter("ClientGrants")
	if err != nil {
		return nil, err
	}
	defer leave()
	return m.Sums, nil
}

func (m *Memory) AccountGrants(_ context.Context, sub string) ([]vault.Grant, error) {
	leave, err := m.enter("AccountGrants")
	if err != nil {
		return nil, err
	}
	defer leave()
	return m.pick(func(g vault.Grant) bool { return g.GoogleSub == sub && living(g) }), nil
}

// AccountUsers knows Users, by their Google account.
func (m *Memory) AccountUsers(_ context.Context, sub string) ([]crm.UserID, error) {
	leave, err := m.enter("AccountUsers")
	if err != nil {
		return nil, err
	}
	defer leave()
	if id, ok := m.Users[sub]; ok {
		return []crm.UserID{id}, nil
	}
	return nil, nil
}

func (m *Memory) Distrust(_ context.Context, e vault.SecurityEvent, grants []crm.GrantID, users []crm.UserID, reason string, at time.Time) (bool, error) {
	leave, err := m.enter("Distrust")
	if err != nil {
		return false, err
	}
	defer leave()
	if m.Events[e.JTI] {
		return false, nil
	}
	m.Events[e.JTI] = true
	m.SignedOut = append(m.SignedOut, users...)
	for _, id := range grants {
		if !living(m.Held[id]) {
			continue
		}
		m.drop(m.Held[id], vault.GrantDead, at)
		for _, c := range m.Connections {
			if c.GrantID == id && c.Status != crm.StatusNeedsReauth && c.Status != crm.StatusDisconnected {
				c.Status, c.StatusReason, c.UpdatedAt = crm.StatusNeedsReauth, reason, at
				m.put(c, "connection.needs_reauth")
			}
		}
	}
	return true, nil
}

func (m *Memory) SealedClients(context.Context) ([]vault.SealedClient, error) {
	leave, err := m.enter("SealedClients")
	if err != nil {
		return nil, err
	}
	defer leave()
	var out []vault.SealedClient
	for id, secret := range m.Secrets {
		out = append(out, vault.SealedClient{ID: id, Secret: secret})
	}
	slices.SortFunc(out, func(a, b vault.SealedClient) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return out, nil
}

func (m *Memory) ResealClient(_ context.Context, id crm.ClientID, old, sealed string) (bool, error) {
	leave, err := m.enter("ResealClient")
	if err != nil {
		return false, err
	}
	defer leave()
	if m.Secrets[id] != old {
		return false, nil
	}
	m.Secrets[id] = sealed
	return true, nil
}
