package imap

import (
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"

	"rapport/simulator/control"
	"rapport/simulator/gmail"
	"rapport/simulator/postal"
)

// DefaultConnections is how many connections an account may have at once.
const DefaultConnections = 15

// Settings of an account.
type Settings = control.IMAPSettings

// Server is Gmail's IMAP server.
type Server struct {
	door *postal.Door
	tls  *tls.Config

	mu        sync.Mutex
	accounts  map[string]*account
	listeners []net.Listener
	conns     map[net.Conn]struct{}
	closed    bool
	validity  uint32
	wg        sync.WaitGroup
}

// New makes a server. Accounts come in by door.
func New(door *postal.Door, tls *tls.Config) *Server {
	return &Server{door: door, tls: tls, accounts: map[string]*account{}, conns: map[net.Conn]struct{}{}}
}

// Listen serves at an address until Close and returns where that is. Without TLS
// clients may ask for it with STARTTLS, or sign in in the clear: for tests.
func (s *Server) Listen(address string, withTLS bool) (net.Addr, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for IMAP: %w", err)
	}
	at := l.Addr()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errors.Join(errors.New("the IMAP server is closed"), l.Close())
	}
	s.listeners = append(s.listeners, l)
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		for {
			c, err := l.Accept()
			if err != nil {
				return // closed
			}
			s.serve(c, withTLS)
		}
	}()
	return at, nil
}

func (s *Server) serve(c net.Conn, withTLS bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = c.Close()
		return
	}
	s.conns[c] = struct{}{}
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		newSession(s, c, withTLS).run()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
}

// Close ends all connections and waits for them.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	var errs []error
	for _, l := range s.listeners {
		errs = append(errs, l.Close())
	}
	for c := range s.conns {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
	return errors.Join(errs...)
}

// Reset forgets UIDs and settings. Connections end at their next command.
func (s *Server) Reset() {
	for _, a := range s.all() {
		a.mu.Lock()
		a.settings = Settings{Language: "en", Connections: DefaultConnections}
		a.changeValidity("")
		a.mu.Unlock()
	}
}

func (s *Server) all() []*account {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.accounts))
}

func (s *Server) account(email string) *account {
	email = strings.ToLower(email)
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[email]
	if a == nil {
		a = &account{server: s, email: email, box: gmail.Mailbox{}, folders: map[string]*folder{}, validity: map[string]uint32{},
			keywords: map[uint64][]string{}, settings: Settings{Language: "en", Connections: DefaultConnections}, sessions: map[*session]int{}}
		s.accounts[email] = a
	}
	return a
}

// nextValidity gives each folder another UIDVALIDITY, also after a restart.
func (s *Server) nextValidity() uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.validity = max(s.validity+1, uint32(s.door.World.Clock.Now().Unix()))
	return s.validity
}

// Settings are those of an account.
func (s *Server) Settings(email string) Settings {
	a := s.account(email)
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.settings
}

// Set changes the settings of an account; connections at work go on.
func (s *Server) Set(email string, to Settings) error {
	if _, ok := localNames[to.Language]; !ok {
		return fmt.Errorf("language %q: use one of %s", to.Language, strings.Join(Languages(), ", "))
	}
	if to.Connections < 0 {
		return errors.New("the number of connections is not negative")
	}
	a := s.account(email)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.settings = to
	return nil
}

// ChangeValidity gives the messages of a folder, or of all with "", other UIDs.
// Sessions that are in it end.
func (s *Server) ChangeValidity(email, folder string) error {
	a := s.account(email)
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.refresh() {
		return gmail.ErrNoMailbox
	}
	key := ""
	if folder != "" {
		n, ok := byName(list(a.box, a.settings.Language), folder)
		if !ok || n.key == "" {
			return fmt.Errorf("no folder %q", folder)
		}
		key = n.key
	}
	a.changeValidity(key)
	for x := range a.sessions {
		x.nudge()
	}
	return nil
}

// Sessions are those of an account that are signed in, each by which of the account's
// sign-ins it is, from 1, in order.
func (s *Server) Sessions(email string) []int {
	a := s.account(email)
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Sorted(maps.Values(a.sessions))
}

// Drop cuts the sessions of an account.
func (s *Server) Drop(email string) {
	a := s.account(email)
	a.mu.Lock()
	defer a.mu.Unlock()
	for x := range a.sessions {
		_ = x.conn.Close()
	}
}
