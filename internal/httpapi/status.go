package httpapi

import (
	"context"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/vault"
	"rapport/internal/work"
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
	out, err := s.status(ctx, c, conn)
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

func (s *Server) status(ctx context.Context, c access.Caller, conn crm.Connection) (Status, error) {
	totals, err := s.Mail.Counts(ctx, c, conn.ID)
	if err != nil {
		return Status{}, err
	}
	streams, err := s.streams(ctx, conn)
	if err != nil {
		return Status{}, err
	}
	complete, err := s.completeness(ctx, c, conn.ID)
	if err != nil {
		return Status{}, err
	}
	watch, err := s.watchStatus(ctx, conn)
	if err != nil {
		return Status{}, err
	}
	lane, err := s.laneStatus(ctx, conn)
	if err != nil {
		return Status{}, err
	}
	next, action := nextStep(conn)
	return Status{
		IsConnected: conn.Status.Syncs() || conn.Status == crm.StatusPaused, ConnectionID: string(conn.ID),
		GoogleEmail: conn.GoogleEmail, Status: string(conn.Status), StatusReason: conn.StatusReason, NextStep: next, ActionURL: action,
		GrantedScopes: texts(conn.GrantedScopes), MissingScopes: missingScopes(conn),
		GmailSyncEnabled: conn.GmailSync, CalendarSyncEnabled: conn.CalendarSync, ContactsSyncEnabled: conn.ContactsSync,
		Settings:     settingsShape(conn.Settings),
		Counts:       Counts{Messages: totals.Messages, Unread: totals.Unread, Threads: totals.Threads, Failures: totals.Failures},
		Streams:      streams,
		Completeness: complete,
		Watch:        watch,
		IMAPLane:     lane,
	}, nil
}

// laneStatus tells how reading large imports by IMAP does, where that is turned on.
func (s *Server) laneStatus(ctx context.Context, conn crm.Connection) (*IMAPLane, error) {
	if !conn.Settings.IMAPLane {
		return nil, nil
	}
	at, err := s.Mail.LaneOf(ctx, conn)
	if err != nil {
		return nil, err
	}
	out := &IMAPLane{State: "ready", Messages: at.Messages, BytesToday: at.Bytes}
	switch {
	case mail.AllowLane(conn) != nil:
		out.State = "no_permission"
	case at.Why != "":
		until := time.Unix(at.Rests, 0).UTC()
		out.State, out.Reason, out.Until = "resting", at.Why, &until
	}
	return out, nil
}

func (s *Server) completeness(ctx context.Context, c access.Caller, id crm.ConnectionID) (*Completeness, error) {
	last, err := s.Mail.Completeness(ctx, c, id)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return completenessShape(last), nil
}

func missingScopes(c crm.Connection) []MissingScope {
	if c.Status == crm.StatusDisconnected {
		return []MissingScope{}
	}
	return each(vault.Describe(vault.Missing(c.GrantedScopes, c.WantedScopes)), func(f vault.Feature) MissingScope {
		return MissingScope{Scope: f.Scope, Feature: f.Name, Description: f.Text}
	})
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

// streamKinds are the streams of a mailbox in the order they are shown, with the
// work that moves them.
var streamKinds = []struct {
	stream crm.Stream
	kind   work.Kind
}{{crm.StreamGmailHistory, mail.KindHistory}, {crm.StreamGmailBackfill, mail.KindBackfill}, {crm.StreamGmailVerify, mail.KindVerify}}

func (s *Server) streams(ctx context.Context, conn crm.Connection) ([]StreamStatus, error) {
	out := []StreamStatus{}
	if !conn.GmailSync {
		return out, nil
	}
	for _, k := range streamKinds {
		last, err := s.Connections.LastRun(ctx, conn.ID, k.stream)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
		x := StreamStatus{Stream: string(k.stream), State: "idle"}
		if err == nil {
			if last.State == crm.RunRunning && k.stream == crm.StreamGmailBackfill {
				if last.Counts, err = s.imported(ctx, conn, last); err != nil {
					return nil, err
				}
			}
			describeRun(&x, last, s.Now())
			if last.FinishedAt != nil && (last.State == crm.RunSucceeded || last.State == crm.RunPartial) {
				x.SyncedAt = utc(last.FinishedAt)
			}
		}
		if err := s.nextRun(ctx, conn, k.kind, &x); err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}

// imported gives the counts of a back-fill that its progress is told by.
func (s *Server) imported(ctx context.Context, conn crm.Connection, run crm.Run) (crm.Counts, error) {
	done, err := s.Mail.Imported(ctx, conn, run)
	if run.Total > 0 {
		done = min(done, run.Total)
	}
	return crm.Counts{Added: done}, err
}

// nextRun tells when a stream moves next.
func (s *Server) nextRun(ctx context.Context, conn crm.Connection, kind work.Kind, x *StreamStatus) error {
	if !conn.Status.Syncs() {
		return nil
	}
	job, failure, err := s.Queue.Job(ctx, kind, string(conn.ID))
	if fault.Is(err, fault.NotFound) {
		if kind == mail.KindHistory {
			return s.nextPoll(ctx, conn, x)
		}
		return nil
	}
	if err != nil {
		return err
	}
	if at := job.DueAt.UTC(); at.After(s.Now()) {
		x.NextRunAt = &at
	}
	if x.State == "idle" && kind == mail.KindBackfill {
		x.State = "waiting"
	}
	if before := job.AskedAt.Add(-mail.PollEvery).UTC(); kind == mail.KindHistory && x.State != "error" {
		later(&x.SyncedAt, before, conn.CreatedAt) // the round that found nothing
	}
	if failure != "" && x.State != "error" {
		// A failure that passes ends no run: what it was stands with the job.
		x.State, x.Error, x.NextStep = "waiting", failure, "Rapport tries again by itself."
	}
	return nil
}

// nextPoll tells when the mailbox was looked at and is looked at next. A look
// that finds nothing writes no run: the round of polls that made it is on record.
func (s *Server) nextPoll(ctx context.Context, conn crm.Connection, x *StreamStatus) error {
	every := time.Duration(conn.Settings.PollSeconds) * time.Second
	if every > mail.PollEvery {
		if x.LastRunAt != nil {
			at := x.LastRunAt.Add(every)
			x.NextRunAt = &at
		}
		return nil
	}
	round, _, err := s.Queue.Job(ctx, mail.KindPoll, "")
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	next := round.DueAt.UTC()
	last := next.Add(-mail.PollEvery)
	x.NextRunAt = &next
	later(&x.LastRunAt, last, conn.CreatedAt)
	if x.State != "error" {
		later(&x.SyncedAt, last, conn.CreatedAt)
	}
	return nil
}

// later moves a time on, if the other is later than it and than the beginning.
func later(t **time.Time, other, beginning time.Time) {
	if other.After(beginning) && (*t == nil || other.After(**t)) {
		*t = &other
	}
}

// describeRun tells what the last run of a stream says about it.
func describeRun(x *StreamStatus, r crm.Run, now time.Time) {
	started := r.StartedAt.UTC()
	x.LastRunAt = &started
	switch r.State {
	case crm.RunQueued:
		x.State = "waiting"
	case crm.RunRunning:
		x.State, x.Progress = "running", progressOf(r, now)
		x.Error, x.NextStep = r.Error, r.NextStep
	case crm.RunFailed:
		x.State, x.Error, x.NextStep = "error", r.Error, r.NextStep
	case crm.RunSucceeded, crm.RunPartial:
		if r.Stream == crm.StreamGmailBackfill {
			x.State = "done"
		}
	}
}

func progressOf(r crm.Run, now time.Time) *Progress {
	return progress(r.Counts.Added+r.Counts.Updated+r.Counts.Skipped+r.Counts.Failed, r.Total, r.StartedAt, now)
}

// progress is how far something has come; total is 0 when nobody knows.
func progress(done, total int64, began, now time.Time) *Progress {
	p := &Progress{Done: done, Total: max(total, done)}
	if total == 0 {
		p.Total = 0
	}
	if past := now.Sub(began); done > 0 && p.Total > done && past > 0 {
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
	if err := s.Mail.CheckLabels(ctx, conn, in.Body.Labels); err != nil {
		return nil, err
	}
	if _, err := s.Connections.Change(ctx, c, conn.ID, func(x *crm.Connection) error { return change(x, in.Body) }); err != nil {
		return nil, err
	}
	if policy := crm.ContactPolicy(in.Body.Contacts); policy != "" && policy != conn.Settings.Contacts() && policy != crm.ContactsNone {
		if err := s.Linking.Relink(ctx, c); err != nil {
			return nil, err
		}
	}
	return s.getStatus(ctx, c, &statusInput{InWorkspace: in.InWorkspace, ConnectionID: string(conn.ID)})
}

func change(c *crm.Connection, p SettingsPatch) error {
	set(&c.GmailSync, p.GmailSyncEnabled)
	set(&c.CalendarSync, p.CalendarSyncEnabled)
	set(&c.ContactsSync, p.ContactsSyncEnabled)
	set(&c.Settings.Limit, p.Limit)
	set(&c.Settings.PollSeconds, p.PollSeconds)
	if p.IMAPLane != nil && *p.IMAPLane && !c.Settings.IMAPLane {
		if err := mail.AllowLane(*c); err != nil {
			return err
		}
	}
	set(&c.Settings.IMAPLane, p.IMAPLane)
	for l, how := range p.LabelsOff {
		if how != "hide" && how != "keep" {
			return &fault.Error{Kind: fault.Invalid, Text: "A label that is turned off is hidden or kept.", Fields: map[string]string{"labels_off." + l: "must be hide or keep"}}
		}
	}
	if p.Labels != nil || len(p.LabelsOff) > 0 {
		mail.ChooseLabels(&c.Settings, p.Labels, p.LabelsOff)
	}
	if p.Since != nil {
		c.Settings.Since = p.Since
	}
	if p.Visibility != "" {
		c.Settings.Visibility = crm.Visibility(p.Visibility)
	}
	if p.Contacts != "" {
		c.Settings.ContactPolicy = crm.ContactPolicy(p.Contacts)
	}
	if p.Enrich != "" {
		c.Settings.Enrich = crm.Consent(p.Enrich)
	}
	if p.Paused == nil {
		return nil
	}
	switch {
	case *p.Paused && c.Status.Syncs():
		c.Status, c.StatusReason = crm.StatusPaused, "Paused by its owner."
	case !*p.Paused && c.Status == crm.StatusPaused:
		c.Status, c.StatusReason = crm.StatusActive, ""
		if len(vault.Missing(c.GrantedScopes, c.WantedScopes)) > 0 {
			c.Status = crm.StatusDegraded
		}
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
