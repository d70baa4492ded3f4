package httpapi

import (
	"context"
	"slices"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
)

type statusInput struct {
	InWorkspace
	ConnectionID string `query:"connection_id" doc:"The caller's first connection when absent."`
}

func (s *Server) getStatus(ctx context.Context, c access.Caller, in *statusInput) (*bodyOf[Status], error) {
	all, err := s.Connections.Mine(ctx, c)
	if err != nil {
		return nil, err
	}
	w, err := s.Org.Workspace(ctx, c)
	if err != nil {
		return nil, err
	}
	conn, err := s.mine(ctx, c, in.ConnectionID)
	if fault.Is(err, fault.NotFound) && in.ConnectionID == "" {
		return &bodyOf[Status]{noConnection(w)}, nil
	}
	if err != nil {
		return nil, err
	}
	out, err := s.status(ctx, conn)
	if err != nil {
		return nil, err
	}
	out.Approval = string(w.Approval.State)
	out.Connections = each(all, func(x crm.Connection) ConnectionShort {
		return ConnectionShort{ID: string(x.ID), GoogleEmail: x.GoogleEmail, Status: string(x.Status)}
	})
	return &bodyOf[Status]{out}, nil
}

func noConnection(w crm.Workspace) Status {
	out := Status{
		Status: "none", NextStep: "Connect your Google account.", ActionURL: "/crm/onboarding/connect",
		GrantedScopes: []string{}, MissingScopes: []MissingScope{}, Settings: settingsShape(crm.DefaultSettings()),
		GmailSyncEnabled: true, CalendarSyncEnabled: true, Streams: []StreamStatus{}, Connections: []ConnectionShort{},
		Approval: string(w.Approval.State),
	}
	if w.Approval.State != crm.ApprovalApproved {
		out.StatusReason = "An administrator of this workspace has to approve Google first."
		out.NextStep, out.ActionURL = "Ask your administrator to approve it.", ""
	}
	return out
}

func (s *Server) status(ctx context.Context, conn crm.Connection) (Status, error) {
	totals, err := s.Mail.Totals(ctx, conn.ID)
	if err != nil {
		return Status{}, err
	}
	streams, err := s.Mail.Streams(ctx, conn)
	if err != nil {
		return Status{}, err
	}
	complete, err := s.Mail.Completeness(ctx, conn.ID)
	if err != nil {
		return Status{}, err
	}
	next, action := nextStep(conn)
	now := s.Now()
	return Status{
		IsConnected: conn.Status.Syncs() || conn.Status == crm.StatusPaused, ConnectionID: string(conn.ID),
		GoogleEmail: conn.GoogleEmail, Status: string(conn.Status), StatusReason: conn.StatusReason, NextStep: next, ActionURL: action,
		GrantedScopes: texts(conn.GrantedScopes), MissingScopes: each(s.Google.Missing(conn), func(m MissingScope) MissingScope { return m }),
		GmailSyncEnabled: conn.GmailSync, CalendarSyncEnabled: conn.CalendarSync, ContactsSyncEnabled: conn.ContactsSync,
		Settings:     settingsShape(conn.Settings),
		Counts:       Counts{Messages: totals.Messages, Unread: totals.Unread, Threads: totals.Threads, Failures: totals.Failures},
		Streams:      each(streams, func(x StreamState) StreamStatus { return streamShape(x, now) }),
		Completeness: completenessShape(complete),
	}, nil
}

// nextStep is what the owner of a connection can do about its state, and where.
func nextStep(c crm.Connection) (text, action string) {
	reconnect := "/api/v1/workspaces/" + string(c.WorkspaceID) + "/integrations/google/connect?redirect=1&connection_id=" + string(c.ID)
	switch c.Status {
	case crm.StatusDegraded:
		return "Allow what is missing with one click.", reconnect
	case crm.StatusNeedsReauth:
		return "Reconnect this Google account. Nothing is lost.", reconnect
	case crm.StatusWaitingForAdmin:
		return "Ask the administrator of your Google Workspace to allow this application, then connect again.", reconnect
	case crm.StatusPaused:
		return "Resume the connection in its settings.", ""
	case crm.StatusDisconnected:
		return "Connect it again to go on.", reconnect
	}
	return "", ""
}

func streamShape(x StreamState, now time.Time) StreamStatus {
	out := StreamStatus{Stream: string(x.Stream), State: "idle", NextRunAt: utc(x.NextRun), Error: x.Error, NextStep: x.NextStep}
	if r := x.Run; r != nil {
		started := r.StartedAt.UTC()
		out.LastRunAt = &started
		if out.Error == "" && r.State == crm.RunFailed {
			out.Error, out.NextStep = r.Error, r.NextStep
		}
		if r.State == crm.RunRunning || r.State == crm.RunQueued {
			out.Progress = progressOf(*r, now)
		}
	}
	switch {
	case out.Progress != nil:
		out.State = "running"
	case out.Error != "":
		out.State = "error"
	case x.Waiting:
		out.State = "waiting"
	case x.Done:
		out.State = "done"
	}
	return out
}

func progressOf(r crm.Run, now time.Time) *Progress {
	done := r.Counts.Added + r.Counts.Updated + r.Counts.Skipped + r.Counts.Failed
	p := &Progress{Done: done, Total: max(r.Total, done)}
	if r.Total == 0 {
		p.Total = 0
	}
	if past := now.Sub(r.StartedAt); done > 0 && p.Total > done && past > 0 {
		p.ETASeconds = int64(past.Seconds()*float64(p.Total-done)/float64(done)) + 1
	}
	return p
}

type settingsInput struct {
	InWorkspace
	Body SettingsPatch
}

func (s *Server) updateSettings(ctx context.Context, c access.Caller, in *settingsInput) (*bodyOf[Status], error) {
	conn, err := s.mine(ctx, c, in.Body.ConnectionID)
	if err != nil {
		return nil, err
	}
	if _, err := s.Connections.Change(ctx, c, conn.ID, func(x *crm.Connection) error { return change(x, in.Body) }); err != nil {
		return nil, err
	}
	return s.getStatus(ctx, c, &statusInput{InWorkspace: in.InWorkspace, ConnectionID: string(conn.ID)})
}

func change(c *crm.Connection, p SettingsPatch) error {
	set(&c.GmailSync, p.GmailSyncEnabled)
	set(&c.CalendarSync, p.CalendarSyncEnabled)
	set(&c.ContactsSync, p.ContactsSyncEnabled)
	set(&c.Settings.Limit, p.Limit)
	set(&c.Settings.PollSeconds, p.PollSeconds)
	if p.Labels != nil {
		c.Settings.Labels = slices.Compact(slices.Sorted(slices.Values(p.Labels)))
	}
	if p.Since != nil {
		c.Settings.Since = p.Since
	}
	if p.Visibility != "" {
		c.Settings.Visibility = crm.Visibility(p.Visibility)
	}
	if p.Paused == nil {
		return nil
	}
	switch {
	case *p.Paused && c.Status.Syncs():
		c.Status, c.StatusReason = crm.StatusPaused, "Paused by its owner."
	case !*p.Paused && c.Status == crm.StatusPaused:
		c.Status, c.StatusReason = crm.StatusActive, ""
	case *p.Paused && c.Status != crm.StatusPaused:
		return fault.New(fault.Conflict, "This connection is not running, so it cannot be paused.")
	}
	return nil
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}
