package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"rapport/internal/access"
)

var _ access.Trail = (*Store)(nil)

// Record adds rows to the audit trail and returns when they are durable. Rows of
// callers that come at the same time share a transaction: who finds nobody at it
// writes for all that wait, and hands over to one of those that came meanwhile.
// Nobody waits for a timer. When ctx ends first, the rows may be written or not.
func (s *Store) Record(ctx context.Context, rows ...access.Audit) error {
	if len(rows) == 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("access.Record: %w", err)
	}
	me := &recorder{rows: rows, told: make(chan verdict, 1)}
	if s.desk.join(me) {
		return s.recordAll(ctx, me)
	}
	var v verdict
	select {
	case v = <-me.told:
	case <-ctx.Done():
		if s.desk.leave(me) {
			return fmt.Errorf("access.Record: %w", ctx.Err())
		}
		v = <-me.told // somebody writes for us already, or leaves the writing to us
	}
	if v.lead {
		return s.recordAll(ctx, me)
	}
	return v.err
}

// recorder is a caller of Record.
type recorder struct {
	rows []access.Audit
	told chan verdict
}

// verdict is what a waiting recorder is told: how its rows fared, or to write
// them itself, and those of all that wait.
type verdict struct {
	lead bool
	err  error
}

// desk is where audit rows are written by one recorder at a time.
type desk struct {
	mu      sync.Mutex
	busy    bool
	waiting []*recorder
}

// join reports whether the caller is to write; otherwise it will be told.
func (d *desk) join(r *recorder) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.busy {
		d.busy = true
		return true
	}
	d.waiting = append(d.waiting, r)
	return false
}

// leave takes back a recorder that still waits.
func (d *desk) leave(r *recorder) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := slices.Index(d.waiting, r)
	if i >= 0 {
		d.waiting = slices.Delete(d.waiting, i, i+1)
	}
	return i >= 0
}

// recordersAtOnce bounds a transaction.
const recordersAtOnce = 1000

// take gives those that wait.
func (d *desk) take(most int) []*recorder {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := min(len(d.waiting), most)
	out := slices.Clone(d.waiting[:n])
	d.waiting = slices.Delete(d.waiting, 0, n)
	return out
}

// pass hands the writing over.
func (d *desk) pass() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.waiting) == 0 {
		d.busy = false
		return
	}
	next := d.waiting[0]
	d.waiting = slices.Delete(d.waiting, 0, 1)
	next.told <- verdict{lead: true}
}

// recordTimeout ends a write on a database that hangs: others wait for it.
const recordTimeout = 30 * time.Second

// recordAll writes the caller's rows and those of all that wait. It goes on when
// the caller gives up, because the others do not.
func (s *Store) recordAll(ctx context.Context, me *recorder) error {
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	var others []*recorder
	err := errors.New("access.Record: the writer panicked")
	defer func() {
		for _, r := range others {
			r.told <- verdict{err: err}
		}
		s.desk.pass()
	}()
	runtime.Gosched() // whoever can come now comes with us
	err = s.writeIn(own, "access.Record", s.d.beginRecord, func(t *tx) error {
		others = append(others, s.desk.take(recordersAtOnce-len(others))...) // as late as can be
		rows := make([]access.Audit, 0, len(me.rows)+len(others))
		rows = append(rows, me.rows...)
		for _, r := range others {
			rows = append(rows, r.rows...)
		}
		return t.record(own, rows)
	})
	return err
}

// record adds rows to the audit trail within a transaction.
func (t *tx) record(ctx context.Context, rows []access.Audit) error {
	of := func(name string, get func(*access.Audit) string) column {
		v := make([]string, len(rows))
		for i := range rows {
			v[i] = clean(get(&rows[i]))
		}
		return column{name, v}
	}
	at := make([]int64, len(rows))
	for i, r := range rows {
		if at[i] = stamp(r.At); at[i] == 0 {
			at[i] = t.now
		}
	}
	return t.insert(ctx, "insert audit", "audit_log", len(rows), "",
		column{"at", at},
		of("workspace_id", func(r *access.Audit) string { return string(r.Workspace) }),
		of("user_id", func(r *access.Audit) string { return string(r.UserID) }),
		of("key_id", func(r *access.Audit) string { return string(r.KeyID) }),
		of("via", func(r *access.Audit) string { return string(r.Via) }),
		of("action", func(r *access.Audit) string { return r.Action }),
		of("target", func(r *access.Audit) string { return r.Target }),
		of("outcome", func(r *access.Audit) string { return r.Outcome }),
		of("detail", func(r *access.Audit) string { return r.Detail }),
		of("remote", func(r *access.Audit) string { return r.Remote }))
}
