package google

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
)

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
func (m *mailbox) call(ctx context.Context, s spend, paid bool, do attempt) error {
	pauses := m.pauses()
	renewed := false
	for tries := 1; ; tries++ {
		token, err := m.token(ctx)
		if err != nil {
			return err
		}
		if !paid {
			if err := m.account.take(ctx, s.units, m.priority); err != nil {
				return err
			}
		}
		paid = false
		err = m.once(ctx, s, token, do)
		if err == nil || ctx.Err() != nil {
			return err
		}
		if codeOf(err) == codeUnauthenticated && !renewed {
			renewed = true
			if err := m.renew(ctx, token); err != nil {
				return err
			}
			continue
		}
		if !fault.Passing(err) || codeOf(err) == codeUnauthenticated || tries > m.tries() {
			return err
		}
		if err := m.cool(ctx, err, pauses.NextBackOff()); err != nil {
			return err
		}
	}
}

// attempt is one try; succeeded is how many of its requests Google carried out.
type attempt func(ctx context.Context, token crm.Secret) (succeeded int, err error)

// once makes one attempt and lets limiter and gate learn from it.
func (m *mailbox) once(ctx context.Context, s spend, token crm.Secret, do attempt) error {
	epoch, err := m.account.gate.enter(ctx, s.places, m.priority)
	if err != nil {
		return err
	}
	succeeded, err := do(ctx, token)
	m.account.gate.leave(s.places, succeeded, epoch, codeOf(err) == codeConcurrent)
	if s.method != "" {
		m.note(s.method, s.units, err)
	}
	return err
}

// note counts one attempt of one call.
func (m *mailbox) note(method string, units int64, err error) {
	m.spent.Add(units)
	if m.door.OnUsage != nil {
		code := codeOf(err)
		refused := code == codeUserRate || code == codeProjectRate || code == codeConcurrent
		m.door.OnUsage(Usage{m.connection.ID, method, m.priority, units, refused})
	}
}

// cool waits before another try: for a refusal of quota by cooling the mailbox
// (or project) down for all, otherwise alone.
func (m *mailbox) cool(ctx context.Context, err error, pause time.Duration) error {
	after := fault.After(err)
	switch codeOf(err) {
	case codeUserRate:
		m.account.units.refused(max(after, leastPause(after, pause)))
		return nil // the next take waits
	case codeProjectRate:
		m.account.project.refused(max(after, leastPause(after, pause)))
		return nil
	}
	if after > m.patience() {
		return err
	}
	return m.door.sleep(ctx, max(after, pause))
}

// leastPause is the pause when Google names no moment.
func leastPause(after, pause time.Duration) time.Duration {
	if after > 0 {
		return 0
	}
	return pause
}

func (m *mailbox) patience() time.Duration {
	if m.priority == mail.Interactive {
		return 5 * time.Second
	}
	return longestNap
}

func (m *mailbox) tries() int {
	if m.priority == mail.Interactive {
		return 2
	}
	return 4
}

// pauses grow 1-2, 2-4, 4-8 … 32 seconds: Gmail's min(2^n + random, 32 s).
func (m *mailbox) pauses() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.RandomizationFactor, b.Multiplier, b.MaxInterval = 1500*time.Millisecond, 1.0/3, 2, 32*time.Second
	b.Reset()
	return b
}

// token gives the access token, asking the vault now and then, so that a grant
// that ended meanwhile is noticed.
func (m *mailbox) token(ctx context.Context) (crm.Secret, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.door.now()
	if !m.access.Token.IsZero() && now.Sub(m.asked) < askVault && m.access.Expiry.Sub(now) > askVault {
		return m.access.Token, nil
	}
	a, err := m.door.Tokens.Token(ctx, m.connection.GrantID)
	if err != nil {
		return crm.Secret{}, err
	}
	m.access, m.asked = a, now
	return a.Token, nil
}

const askVault = 30 * time.Second

func (m *mailbox) renew(ctx context.Context, refused crm.Secret) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.access.Token != refused {
		return nil // another call of this mailbox has done it
	}
	a, err := m.door.Tokens.Renew(ctx, m.connection.GrantID, refused)
	if err != nil {
		return err
	}
	m.access, m.asked = a, m.door.now()
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
func (g *Gmail) sleep(ctx context.Context, d time.Duration) error {
	over := make(chan struct{})
	stop := later(g.after, d, func() { close(over) })
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
