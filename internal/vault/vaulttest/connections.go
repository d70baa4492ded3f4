package vaulttest

import (
	"context"
	"slices"
	"time"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/vault"
)

func (m *Memory) Connection(_ context.Context, w crm.WorkspaceID, id crm.ConnectionID) (crm.Connection, error) {
	leave, err := m.enter("Connection")
	if err != nil {
		return crm.Connection{}, err
	}
	defer leave()
	c, ok := m.Connections[id]
	if !ok || c.WorkspaceID != w {
		return crm.Connection{}, none
	}
	return c, nil
}

func (m *Memory) FindConnection(_ context.Context, w crm.WorkspaceID, u crm.UserID, sub string) (crm.Connection, error) {
	leave, err := m.enter("FindConnection")
	if err != nil {
		return crm.Connection{}, err
	}
	defer leave()
	for _, c := range m.Connections {
		if c.WorkspaceID == w && c.UserID == u && c.GoogleSub == sub {
			return c, nil
		}
	}
	return crm.Connection{}, none
}

func (m *Memory) put(c crm.Connection, kind string) {
	m.Connections[c.ID] = c
	m.Facts = append(m.Facts, kind+" "+string(c.Status))
}

func (m *Memory) Granted(_ context.Context, c crm.Connection, g vault.Grant) error {
	leave, err := m.enter("Granted")
	if err != nil {
		return err
	}
	defer leave()
	for _, o := range m.Connections {
		if o.ID != c.ID && o.WorkspaceID == c.WorkspaceID && o.UserID == c.UserID && o.GoogleSub == c.GoogleSub {
			return fault.New(fault.Conflict, "The account is connected already.")
		}
	}
	m.hold(g)
	delete(m.leases, g.ID)
	m.put(c, "connection.granted")
	return nil
}

func (m *Memory) GrantedByLink(ctx context.Context, c crm.Connection, g vault.Grant, link crm.LinkID) error {
	leave, err := m.enter("GrantedByLink")
	if err != nil {
		return err
	}
	usable := m.Links[link]
	leave()
	if !usable {
		return &fault.Error{Kind: fault.Conflict, Code: "link_used", Text: "This link was used already."}
	}
	if err := m.Granted(ctx, c, g); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Links[link] = false
	return nil
}

func (m *Memory) Waiting(_ context.Context, c crm.Connection) error {
	leave, err := m.enter("Waiting")
	if err != nil {
		return err
	}
	defer leave()
	m.put(c, "connection.changed")
	return nil
}

func (m *Memory) Lost(_ context.Context, g crm.GrantID, reason string, at time.Time) error {
	leave, err := m.enter("Lost")
	if err != nil {
		return err
	}
	defer leave()
	if m.Held[g].Status == vault.GrantActive {
		return nil
	}
	for _, c := range m.Connections {
		if c.GrantID == g && c.Status != crm.StatusNeedsReauth && c.Status != crm.StatusDisconnected {
			c.Status, c.StatusReason, c.UpdatedAt = crm.StatusNeedsReauth, reason, at
			m.put(c, "connection.needs_reauth")
		}
	}
	return nil
}

func (m *Memory) Recovered(_ context.Context, g crm.GrantID, at time.Time) error {
	leave, err := m.enter("Recovered")
	if err != nil {
		return err
	}
	defer leave()
	for _, c := range m.Connections {
		if c.GrantID == g && c.Status == crm.StatusNeedsReauth {
			c.Status, c.StatusReason = vault.Standing(c.GrantedScopes, c.WantedScopes)
			c.UpdatedAt = at
			m.put(c, "connection.changed")
		}
	}
	return nil
}

func (m *Memory) Rescoped(_ context.Context, g crm.GrantID, scopes []string, at time.Time) error {
	leave, err := m.enter("Rescoped")
	if err != nil {
		return err
	}
	defer leave()
	for _, c := range m.Connections {
		if c.GrantID != g || slices.Equal(c.GrantedScopes, scopes) {
			continue
		}
		c.GrantedScopes, c.UpdatedAt = scopes, at
		if c.Status.Syncs() {
			c.Status, c.StatusReason = vault.Standing(scopes, c.WantedScopes)
		}
		m.put(c, "connection.changed")
	}
	return nil
}

func (m *Memory) Dropped(_ context.Context, c crm.Connection, g vault.Grant) error {
	leave, err := m.enter("Dropped")
	if err != nil {
		return err
	}
	defer leave()
	m.hold(g)
	delete(m.leases, g.ID)
	m.put(c, "connection.changed")
	return nil
}
