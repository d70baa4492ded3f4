package mail

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/engine"
	"rapport/internal/fault"
	"rapport/internal/work"
)

// memory keeps what the store keeps, by the words of ports.go. Every write can
// be made to crash before or after it happened.
type memory struct {
	now         func() time.Time
	connections map[crm.ConnectionID]crm.Connection
	points      map[Key]engine.Checkpoint
	rows        map[string]*crm.Email // by gmail id; one connection
	ledger      map[string]*crm.Failure
	runs        []*crm.Run
	complete    *crm.Completeness
	labels      []crm.Label
	writes      int
	crash       func(operation string) error // "apply" before, "applied" after
	before      func(operation string)       // what others do in the meantime
	jobs        []work.Job
	ids         int
	polled      map[crm.ConnectionID]time.Time

	Privacy // what the steps of these tests do not ask for
	rules   *Rules
	kept    map[string]string // gmail id → rule that keeps it out
	sweeps  []crm.ConnectionID
}

func newMemory(now func() time.Time, c crm.Connection) *memory {
	return &memory{
		now: now, connections: map[crm.ConnectionID]crm.Connection{c.ID: c}, points: map[Key]engine.Checkpoint{},
		rows: map[string]*crm.Email{}, ledger: map[string]*crm.Failure{}, polled: map[crm.ConnectionID]time.Time{},
		rules: NewRules(nil, true, nil), kept: map[string]string{},
	}
}

var errCrash = errors.New("crash")

func (m *memory) write(operation string, do func() error) error {
	if m.crash != nil {
		if err := m.crash(operation); err != nil {
			return err
		}
	}
	if err := do(); err != nil {
		return err
	}
	m.writes++
	if m.crash != nil {
		return m.crash(operation + "ed")
	}
	return nil
}

func plainKey(k Key) Key { return Key{Connection: k.Connection, Stream: k.Stream} }

func (m *memory) Load(_ context.Context, k Key) (engine.Checkpoint, error) {
	return m.points[plainKey(k)], nil
}

func (m *memory) meanwhile(operation string) {
	if m.before != nil {
		m.before(operation)
	}
}

func (m *memory) Apply(_ context.Context, k Key, from engine.Checkpoint, b engine.Batch[Item]) (n crm.Counts, err error) {
	m.meanwhile("apply")
	c, ok := m.connections[k.Connection]
	if !ok || c.Status == crm.StatusDisconnected || m.points[plainKey(k)] != from {
		return n, fault.New(fault.Stale, "the position moved")
	}
	if b.Sweep {
		return n, errors.New("mail is never swept")
	}
	if len(b.Changes) == 0 && b.At == from {
		return n, nil
	}
	err = m.write("apply", func() error {
		m.points[plainKey(k)] = b.At
		for _, c := range b.Changes {
			m.take(k, c, &n)
		}
		n.Units = k.Units
		for _, r := range m.runs {
			if r.ID == k.Run {
				r.Counts = sum(r.Counts, n)
				if b.Total > 0 {
					r.Total = b.Total
				}
			}
		}
		return nil
	})
	return n, err
}

func sum(a, b crm.Counts) crm.Counts {
	return crm.Counts{
		Seen: a.Seen + b.Seen, Added: a.Added + b.Added, Updated: a.Updated + b.Updated, Deleted: a.Deleted + b.Deleted,
		Failed: a.Failed + b.Failed, Skipped: a.Skipped + b.Skipped, Units: a.Units + b.Units,
	}
}

func (m *memory) take(k Key, c engine.Change[Item], n *crm.Counts) {
	n.Seen++
	row := m.rows[c.ID]
	rev, _ := strconv.ParseUint(c.Rev, 10, 64)
	switch {
	case c.Err != nil:
		m.failed(k, c)
		n.Failed++
		return
	case c.Value != nil && c.Value.Skip:
		n.Skipped++
		return
	}
	delete(m.ledger, c.ID)
	if c.Value != nil && c.Value.Email != nil && (row == nil || row.DeletedAt != nil) {
		if rule, out := m.rules.Excludes(c.Value.Email); out {
			m.kept[c.ID] = rule
			n.Skipped++
			return
		}
	}
	older := row != nil && c.Rev != "" && rev < row.HistoryID
	switch whole := c.Value != nil && c.Value.Email != nil; {
	case older, row == nil && !whole, row != nil && row.DeletedAt != nil && !whole:
		n.Skipped++
	case c.Value == nil:
		at := m.now()
		row.DeletedAt, row.HistoryID = &at, max(row.HistoryID, rev)
		n.Deleted++
	case whole:
		e := *c.Value.Email
		if row != nil {
			e.ID = row.ID
			n.Updated++
		} else {
			n.Added++
		}
		e.HistoryID = max(e.HistoryID, rev)
		m.rows[c.ID] = &e
	default:
		row.Labels, row.HistoryID = c.Value.Labels, max(row.HistoryID, rev)
		n.Updated++
	}
}

func (m *memory) failed(k Key, c engine.Change[Item]) {
	f := m.ledger[c.ID]
	if f == nil {
		m.ids++
		f = &crm.Failure{ID: crm.FailureID(strconv.Itoa(m.ids)), ConnectionID: k.Connection, WorkspaceID: k.Workspace, ItemID: c.ID, CreatedAt: m.now()}
		m.ledger[c.ID] = f
	}
	f.Stream, f.Reason = k.Stream, c.Err.Error()
	f.Attempts++
	f.NextTryAt, f.Parked = NextTry(f.Attempts, m.now())
}

func (m *memory) Known(_ context.Context, _ crm.ConnectionID, ids []string) (map[string]KnownEmail, error) {
	m.meanwhile("known")
	out := map[string]KnownEmail{}
	for _, id := range ids {
		if r := m.rows[id]; r != nil {
			out[id] = KnownEmail{Date: r.Date, Labels: r.Labels, Shown: r.Labels, HistoryID: r.HistoryID, Deleted: r.DeletedAt != nil}
		} else if m.ledger[id] != nil {
			out[id] = KnownEmail{Failed: true}
		} else if m.kept[id] != "" {
			out[id] = KnownEmail{Excluded: true}
		}
	}
	return out, nil
}

func (m *memory) MailPolicy(context.Context, crm.WorkspaceID) (crm.MailPolicy, error) {
	return crm.MailPolicy{}, nil
}

func (m *memory) RulesOf(context.Context, crm.WorkspaceID, crm.UserID) (*Rules, error) {
	return m.rules, nil
}

func (m *memory) PendingSweeps(context.Context, int) ([]crm.ConnectionID, error) {
	return m.sweeps, nil
}

func (m *memory) EachExcluded(_ context.Context, _ crm.ConnectionID, yield func(string) error) error {
	for _, id := range slices.Sorted(maps.Keys(m.kept)) {
		if err := yield(id); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) Restart(_ context.Context, k Key) error {
	return m.write("restart", func() error { delete(m.points, plainKey(k)); return nil })
}

func (m *memory) EachStored(_ context.Context, _ crm.ConnectionID, yield func(string, time.Time, []string) error) error {
	ids := make([]string, 0, len(m.rows))
	for id, r := range m.rows {
		if r.DeletedAt == nil {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	for _, id := range ids {
		if err := yield(id, m.rows[id].Date, m.rows[id].Labels); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) SaveLabels(_ context.Context, _ crm.ConnectionID, l []crm.Label) error {
	return m.write("labels", func() error { m.labels = l; return nil })
}

func (m *memory) SaveCompleteness(_ context.Context, _ Key, c crm.Completeness) error {
	return m.write("completeness", func() error { m.complete = &c; return nil })
}

func (m *memory) Completeness(context.Context, crm.ConnectionID) (crm.Completeness, error) {
	if m.complete == nil {
		return crm.Completeness{}, fault.New(fault.NotFound, "never checked")
	}
	return *m.complete, nil
}

func (m *memory) BeginRun(ctx context.Context, r crm.Run) (crm.Run, bool, error) {
	if going, err := m.Running(ctx, r.ConnectionID, r.Stream); err == nil {
		return going, false, nil
	}
	err := m.write("begin", func() error { m.runs = append(m.runs, &r); return nil })
	return r, true, err
}

func (m *memory) Running(_ context.Context, c crm.ConnectionID, s crm.Stream) (crm.Run, error) {
	for _, r := range m.runs {
		if r.ConnectionID == c && r.Stream == s && r.FinishedAt == nil {
			return *r, nil
		}
	}
	return crm.Run{}, fault.New(fault.NotFound, "no run")
}

func (m *memory) LastRun(_ context.Context, c crm.ConnectionID, s crm.Stream) (crm.Run, error) {
	for _, r := range slices.Backward(m.runs) {
		if r.ConnectionID == c && r.Stream == s {
			return *r, nil
		}
	}
	return crm.Run{}, fault.New(fault.NotFound, "no run")
}

func (m *memory) EndRun(_ context.Context, r crm.Run) error {
	for _, have := range m.runs {
		if have.ID == r.ID && have.FinishedAt == nil {
			return m.write("end", func() error {
				have.State, have.Error, have.NextStep, have.FinishedAt = r.State, r.Error, r.NextStep, r.FinishedAt
				return nil
			})
		}
	}
	return nil
}

func (m *memory) Run(_ context.Context, _ crm.WorkspaceID, id crm.RunID) (crm.Run, error) {
	for _, r := range m.runs {
		if r.ID == id {
			return *r, nil
		}
	}
	return crm.Run{}, fault.New(fault.NotFound, "no run")
}

func (m *memory) RunsOf(context.Context, crm.ConnectionID, Page) (out []crm.Run, next string, err error) {
	for _, r := range m.runs {
		out = append([]crm.Run{*r}, out...)
	}
	return out, "", nil
}

func (m *memory) DueFailures(_ context.Context, _ crm.ConnectionID, now time.Time, limit int) (out []crm.Failure, err error) {
	for _, f := range m.ledger {
		if !f.Parked && !f.NextTryAt.After(now) {
			out = append(out, *f)
		}
	}
	slices.SortFunc(out, func(a, b crm.Failure) int {
		return cmp.Or(a.NextTryAt.Compare(b.NextTryAt), cmp.Compare(a.ItemID, b.ItemID))
	})
	return out[:min(limit, len(out))], nil
}

func (m *memory) FailuresOf(context.Context, crm.ConnectionID, Page) (out []crm.Failure, next string, err error) {
	for _, f := range m.ledger {
		out = append(out, *f)
	}
	return out, "", nil
}

func (m *memory) RetryFailure(_ context.Context, _ crm.WorkspaceID, _ crm.ConnectionID, id crm.FailureID, now time.Time) error {
	for _, f := range m.ledger {
		if f.ID == id {
			return m.write("unpark", func() error { f.Parked, f.NextTryAt = false, now; return nil })
		}
	}
	return fault.New(fault.NotFound, "no such item")
}

func (m *memory) Connection(ctx context.Context, w crm.WorkspaceID, id crm.ConnectionID) (crm.Connection, error) {
	c, err := m.ConnectionByID(ctx, id)
	if err == nil && c.WorkspaceID != w {
		return crm.Connection{}, fault.New(fault.NotFound, "no such connection")
	}
	return c, err
}

func (m *memory) ConnectionByID(_ context.Context, id crm.ConnectionID) (crm.Connection, error) {
	c, ok := m.connections[id]
	if !ok {
		return c, fault.New(fault.NotFound, "no such connection")
	}
	return c, nil
}

func (m *memory) DueConnections(_ context.Context, now time.Time, after crm.ConnectionID, limit int) (out []crm.ConnectionID, err error) {
	for id, c := range m.connections {
		if id > after && c.Status.Syncs() && c.GmailSync && !m.polled[id].After(now) {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out[:min(limit, len(out))], nil
}

func (m *memory) Polled(_ context.Context, id crm.ConnectionID, next time.Time) error {
	return m.write("polled", func() error { m.polled[id] = next; return nil })
}

func (m *memory) Enqueue(_ context.Context, jobs ...work.Job) error {
	return m.write("enqueue", func() error {
		for _, j := range jobs {
			i := slices.IndexFunc(m.jobs, func(h work.Job) bool { return h.Kind == j.Kind && h.Subject == j.Subject })
			if i < 0 {
				m.jobs = append(m.jobs, j)
			} else if j.DueAt.Before(m.jobs[i].DueAt) {
				m.jobs[i] = j
			}
		}
		return nil
	})
}

func (m *memory) Cancel(_ context.Context, k work.Kind, subject string) error {
	m.jobs = slices.DeleteFunc(m.jobs, func(h work.Job) bool { return h.Kind == k && h.Subject == subject })
	return nil
}

func (m *memory) due(k work.Kind) (work.Job, bool) {
	for _, j := range m.jobs {
		if j.Kind == k {
			return j, true
		}
	}
	return work.Job{}, false
}

// emails reads for the verbs that show mail.
type emails struct{ *memory }

func (m emails) List(context.Context, access.Caller, ListQuery) (EmailPage, error) {
	return EmailPage{}, nil
}

func (m emails) Email(_ context.Context, c access.Caller, id crm.EmailID) (crm.Email, error) {
	for _, r := range m.rows {
		if r.ID == id && (c.Via == access.ViaSystem || m.connections[r.ConnectionID].UserID == c.UserID) {
			return *r, nil
		}
	}
	return crm.Email{}, fault.New(fault.NotFound, "no such message")
}

func (m emails) Thread(_ context.Context, _ access.Caller, _ crm.ConnectionID, thread string) (out []crm.Email, err error) {
	for _, r := range m.rows {
		if r.ThreadID == thread {
			out = append(out, *r)
		}
	}
	slices.SortFunc(out, func(a, b crm.Email) int { return a.Date.Compare(b.Date) })
	return out, nil
}

func (m emails) LabelsOf(context.Context, access.Caller, crm.ConnectionID) ([]LabelCount, error) {
	return nil, nil
}

func (m emails) VisibleIDs(context.Context, access.Caller, []crm.EmailID) (map[crm.EmailID]crm.Level, error) {
	return nil, nil
}

func (m emails) CountsOf(context.Context, crm.ConnectionID) (Totals, error) {
	return Totals{Messages: int64(len(m.rows))}, nil
}
