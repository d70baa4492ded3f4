package google

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/vault"
)

// line is what calls of one of Google's APIs with one grant go through: a share
// of quota, the token, another try.
type line struct {
	tokens   Tokens
	grant    crm.GrantID
	usedBy   crm.ConnectionID // for metrics; may be empty
	account  *account
	priority mail.Priority
	onUsage  func(Usage) // may be nil
	now      func() time.Time
	after    func(d time.Duration, do func())
	spent    atomic.Int64

	mu     sync.Mutex
	access vault.Access
	asked  time.Time
}

// Usage is one attempt of a call, for metrics.
type Usage struct {
	Connection crm.ConnectionID
	Method     string // "messages.get"
	Priority   mail.Priority
	Units      int64
	Refused    bool // by Google's quota
}

// spend is what one attempt costs.
type spend struct {
	method string // "" for a batch, whose parts are noted one by one
	units  int64
	places int // requests Google runs at a time for it: the parts of a batch
}

// call makes a call with all that goes around it: units, a place among the
// requests under way, a token, and another try for errors that pass. do makes
// one attempt and returns classified errors. paid: the units of the first
// attempt have been taken.
//
//	401                 the token is renewed once, then the call made again
//	quota               the mailbox cools down until Google's moment, then again
//	too many at a time  the gate closes by half, again after a pause
//	5xx, cut, garbled   again after a growing pause (Google: 1 s at least)
func (l *line) call(ctx context.Context, s spend, paid bool, do attempt) error {
	pauses := l.pauses()
	renewed := false
	for tries := 1; ; tries++ {
		token, err := l.token(ctx)
		if err != nil {
			return err
		}
		if !paid {
			if err := l.account.take(ctx, s.units, l.priority); err != nil {
				return err
			}
		}
		paid = false
		err = l.once(ctx, s, token, do)
		if err == nil || ctx.Err() != nil {
			return err
		}
		if codeOf(err) == codeUnauthenticated && !renewed {
			renewed = true
			if err := l.renew(ctx, token); err != nil {
				return err
			}
			continue
		}
		if !fault.Passing(err) || codeOf(err) == codeUnauthenticated || tries > l.tries() {
			return err
		}
		if err := l.cool(ctx, err, pauses.NextBackOff()); err != nil {
			return err
		}
	}
}

// attempt is one try; succeeded is how many of its requests Google carried out.
type attempt func(ctx context.Context, token crm.Secret) (succeeded int, err error)

// once makes one attempt and lets limiter and gate learn from it.
func (l *line) once(ctx context.Context, s spend, token crm.Secret, do attempt) error {
	epoch, err := l.account.gate.enter(ctx, s.places, l.priority)
	if err != nil {
		return err
	}
	succeeded, err := do(ctx, token)
	l.account.gate.leave(s.places, succeeded, epoch, codeOf(err) == codeConcurrent)
	if s.method != "" {
		l.note(s.method, s.units, err)
	}
	return err
}

// note counts one attempt of one call.
func (l *line) note(method string, units int64, err error) {
	l.spent.Add(units)
	if l.onUsage != nil {
		code := codeOf(err)
		refused := code == codeUserRate || code == codeProjectRate || code == codeConcurrent
		l.onUsage(Usage{l.usedBy, method, l.priority, units, refused})
	}
}

// cool waits before another try: for a refusal of quota by cooling the mailbox
// (or project) down for all, otherwise alone.
func (l *line) cool(ctx context.Context, err error, pause time.Duration) error {
	after := fault.After(err)
	switch codeOf(err) {
	case codeUserRate:
		l.account.units.refused(max(after, leastPause(after, pause)))
		return nil // the next take waits
	case codeProjectRate:
		l.account.project.refused(max(after, leastPause(after, pause)))
		return nil
	}
	if after > l.patience() {
		return err
	}
	return l.sleep(ctx, max(after, pause))
}

// leastPause is the pause when Google names no moment.
func leastPause(after, pause time.Duration) time.Duration {
	if after > 0 {
		return 0
	}
	return pause
}

func (l *line) patience() time.Duration {
	if l.priority == mail.Interactive {
		return 5 * time.Second
	}
	return longestNap
}

func (l *line) tries() int {
	if l.priority == mail.Interactive {
		return 2
	}
	return 4
}

// pauses grow 1-2, 2-4, 4-8 … 32 seconds: Gmail's min(2^n + random, 32 s).
func (l *line) pauses() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.RandomizationFactor, b.Multiplier, b.MaxInterval = 1500*time.Millisecond, 1.0/3, 2, 32*time.Second
	b.Reset()
	return b
}

// token gives the access token, asking the vault now and then, so that a grant
// that ended meanwhile is noticed.
func (l *line) token(ctx context.Context) (crm.Secret, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if !l.access.Token.IsZero() && now.Sub(l.asked) < askVault && l.access.Expiry.Sub(now) > askVault {
		return l.access.Token, nil
	}
	a, err := l.tokens.Token(ctx, l.grant)
	if err != nil {
		return crm.Secret{}, err
	}
	l.access, l.asked = a, now
	return a.Token, nil
}

const askVault = 30 * time.Second

func (l *line) renew(ctx context.Context, refused crm.Secret) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.access.Token != refused {
		return nil // another call of this mailbox has done it
	}
	a, err := l.tokens.Renew(ctx, l.grant, refused)
	if err != nil {
		return err
	}
	l.access, l.asked = a, l.now()
	return nil
}

func codeOf(err error) string {
	var e *fault.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// sleep waits for d or the end of ctx.
func (l *line) sleep(ctx context.Context, d time.Duration) error {
	over := make(chan struct{})
	stop := later(l.after, d, func() { close(over) })
	defer stop()
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// later is after, or time.AfterFunc where there is none. stop spares a call
// that nobody needs any more.
func later(after func(time.Duration, func()), d time.Duration, do func()) (stop func()) {
	if after != nil {
		after(d, do)
		return func() {}
	}
	t := time.AfterFunc(d, do)
	return func() { t.Stop() }
}
