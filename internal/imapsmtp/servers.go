package imapsmtp

import (
	"context"
	"crypto/x509"
	"net"
	"strconv"
	"sync"
	"time"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail/accounts"
	"rapport/internal/vault"
)

// Tokens gives access tokens (vault).
type Tokens interface {
	Token(ctx context.Context, g crm.GrantID) (vault.Access, error)
	// Renew gives a token other than the one that was refused.
	Renew(ctx context.Context, g crm.GrantID, refused crm.Secret) (vault.Access, error)
}

// Dial makes a connection to host:port, if it may go there.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Options of New. Tokens and Dial are required.
type Options struct {
	Tokens Tokens
	Dial   Dial
	Roots  *x509.CertPool // authorities besides the system's; nil: the system's alone
	// Instead maps host:port to the address that is dialled in its place; the
	// certificate still has to be for the host.
	Instead    map[string]string
	PerAccount int           // connections; 0: 3
	Patience   time.Duration // for one command; 0: a minute
	Now        func() time.Time
}

// Servers reaches mail servers.
type Servers struct {
	Options
	mu   sync.Mutex
	busy map[crm.AccountID]chan struct{}
}

var _ accounts.Servers = (*Servers)(nil)

// New makes the door.
func New(o Options) *Servers {
	if o.PerAccount == 0 {
		o.PerAccount = 3
	}
	if o.Patience == 0 {
		o.Patience = time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Servers{Options: o, busy: map[crm.AccountID]chan struct{}{}}
}

// seat waits until an account may have another connection.
func (s *Servers) seat(ctx context.Context, a crm.AccountID) (leave func(), err error) {
	s.mu.Lock()
	seats := s.busy[a]
	if seats == nil {
		seats = make(chan struct{}, s.PerAccount)
		s.busy[a] = seats
	}
	s.mu.Unlock()
	select {
	case seats <- struct{}{}:
		return sync.OnceFunc(func() { <-seats }), nil
	default:
	}
	wait, cancel := context.WithTimeout(ctx, s.Patience)
	defer cancel()
	select {
	case seats <- struct{}{}:
		return sync.OnceFunc(func() { <-seats }), nil
	case <-wait.Done():
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &fault.Error{Kind: fault.Throttled, Code: "too_many_connections", After: 10 * time.Second, Text: "This account is being read by others just now. Try again in a moment."}
	}
}

// address is where a server is dialled.
func (s *Servers) address(m crm.MailServer) string {
	a := net.JoinHostPort(m.Host, strconv.Itoa(m.Port))
	if other, is := s.Instead[a]; is {
		return other
	}
	return a
}
