// Package fault names the ways an operation fails that callers act on. Errors
// are classified once, at the border where they come in; everybody else asks
// Of, and wraps.
package fault

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Kind is what a caller can do about an error.
type Kind int

const (
	Internal        Kind = iota // a mistake of ours: report with a reference number
	Invalid                     // the caller's input is wrong
	NotFound                    // no such thing, or not for this caller
	Conflict                    // the state forbids it now
	Forbidden                   // the caller may not
	Unauthenticated             // nobody is signed in
	Reconnect                   // Google's grant is gone: the user has to connect again
	Permission                  // the grant lacks a scope
	Stale                       // a cursor or revision is too old
	Throttled                   // too fast: try after After
	Unavailable                 // the other side is down or unreachable: retry
	Gone                        // the item ceased to exist
	Blocked                     // an administrator has to allow it
)

var names = [...]string{"internal", "invalid", "not_found", "conflict", "forbidden", "unauthenticated", "reconnect", "permission", "stale", "throttled", "unavailable", "gone", "blocked"}

func (k Kind) String() string { return names[k] }

// Error is a classified error. Text is in plain words and may be shown to a
// person; the wrapped error may not.
type Error struct {
	Kind   Kind
	Code   string            // stable code for API clients, optional
	Text   string            // what happened and what to do
	After  time.Duration     // Throttled: when to try again
	Fields map[string]string // Invalid: field → what is wrong
	Scopes []string          // Permission: what is missing
	Action string            // address of the way out, optional
	Err    error
}

func (e *Error) Error() string {
	switch {
	case e.Err == nil:
		return e.Text
	case e.Text == "":
		return e.Err.Error()
	}
	return e.Text + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// New makes a classified error; format is as for fmt.Errorf, %w included.
func New(k Kind, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Kind: k, Text: err.Error(), Err: errors.Unwrap(err)}
}

// Of gives the kind of an error: that of the outermost *Error in its chain. A
// cancelled context is Unavailable, everything unclassified Internal.
func Of(err error) Kind {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e.Kind
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return Unavailable
	}
	return Internal
}

// Is reports whether err is classified as k.
func Is(err error, k Kind) bool { return err != nil && Of(err) == k }

// After gives how long to wait before trying again, 0 when nobody said.
func After(err error) time.Duration {
	var e *Error
	if errors.As(err, &e) {
		return e.After
	}
	return 0
}

// Passing reports whether the same call may succeed later without anybody
// doing anything.
func Passing(err error) bool {
	k := Of(err)
	return k == Throttled || k == Unavailable
}
