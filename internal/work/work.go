// Package work says what can be done later; by whom does not matter. The local
// runner (rows in our database) and Temporal run the very same steps.
package work

import (
	"context"
	"time"
)

// Step is one bounded, idempotent, resumable piece of work on a subject. more
// asks to be called again at once.
type Step func(ctx context.Context, subject string) (more bool, err error)

// Kind names a step: "gmail.sync", "gmail.backfill", "gmail.verify", ...
type Kind string

// Job is a step to be run at a time. There is at most one waiting job per Kind
// and Subject: asking again moves an existing one earlier, never later.
type Job struct {
	Kind     Kind
	Subject  string
	Group    string // at most one job of a group runs at a time; usually the connection id
	DueAt    time.Time
	Priority int           // higher first among due jobs
	Every    time.Duration // > 0: due again so long after it ends
}

// Claimed is a job that this process holds until LeaseUntil.
type Claimed struct {
	Job
	ID         int64
	AskedAt    time.Time // since when the job stands in the queue
	Attempts   int
	Holder     string
	LeaseUntil time.Time
}

// Queue is how rooms ask for work. Asking inside a store transaction is the
// store's business (facts do it).
type Queue interface {
	Enqueue(ctx context.Context, jobs ...Job) error
	Cancel(ctx context.Context, kind Kind, subject string) error
}

// Definition binds a kind to its step and its retry limits.
type Definition struct {
	Kind    Kind
	Step    Step
	Timeout time.Duration // of one step, 0: the runner's default
	// Urgent work has places of its own: it does not wait for long work of others
	// to end.
	Urgent bool
}

// Outcome is how a claimed job ended.
type Outcome struct {
	ID       int64
	Next     time.Time // when it is to be run again; zero: it is through
	Attempts int       // failures in a row so far, 0 after a success
	Error    string    // why it failed, for people
}

// canWait marks contexts of Patient.
type canWait struct{}

// Patient marks work that nobody waits for: where it meets other work at
// something that serves one at a time, it lets that go first.
func Patient(ctx context.Context) context.Context { return context.WithValue(ctx, canWait{}, true) }

// CanWait reports whether ctx is of Patient.
func CanWait(ctx context.Context) bool { return ctx.Value(canWait{}) != nil }
