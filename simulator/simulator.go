// Package simulator is a local Google: sign-in, Gmail, Drive, Sheets, Meet,
// Directory, Pub/Sub and room for more APIs, on one port, with a control API for tests and demonstrations.
// Start it in-process in a test, or as a program; see README.md.
package simulator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"rapport/simulator/control"
	"rapport/simulator/data"
	"rapport/simulator/files"
	"rapport/simulator/front"
	"rapport/simulator/oauth"
	"rapport/simulator/pubsub"
	"rapport/simulator/world"
)

// Options describe the world to simulate. The zero value is an empty world on
// the machine's clock.
type Options struct {
	Seed int64
	Now  func() time.Time // nil: time.Now

	// Until is when generated mail ends, whatever the clock says: with the same
	// value a simulator that starts later has the same messages. Zero: the time
	// of the clock when a mailbox is made.
	Until time.Time

	// Accounts exist from the beginning and again after a reset.
	Accounts []Account

	// Clients are registered besides the demo client. StrictClients refuses
	// client ids nobody registered; otherwise they register themselves.
	Clients       []world.Client
	StrictClients bool

	// Quota is the preset to start with: 2026 (default), legacy or none.
	Quota string

	// Issuer of id tokens; empty means the simulator's own address.
	Issuer string
	// BaseURL is where clients reach the simulator; empty means the address
	// of each request.
	BaseURL string

	// CheckAnswers turns answers the discovery documents do not allow into
	// errors that say why: for tests of rooms.
	CheckAnswers bool

	// Mail is where IMAP and SMTP listen, after Start; by default they do not.
	Mail MailAddresses

	// Rooms are further APIs, or replace the standard ones of their name. A room that implements control.Mailboxes is the
	// one the control API delivers mail to; one that implements
	// control.Expirer answers /_sim/accounts/{email}/<its name>/expire; one
	// that implements control.Resetter or io.Closer is reset and closed with
	// the simulator.
	Rooms []RoomMaker
}

// Account is an account of the seed.
type Account struct {
	Email, Name, Domain string
	Kind                world.Kind
	Admin               bool
	Suspended, Archived bool
	NoMailbox           bool // without Gmail
	OrgUnit, Title      string
	Aliases             []string
	Messages            int    // generated messages in its mailbox
	Seed                int64  // of the generated messages
	Language            string // of the folders that IMAP shows; "": en
}

// Kit is what a room is made from.
type Kit struct {
	World     *world.World
	Publisher front.Publisher
	Files     *files.Store // what Drive and Sheets share
}

// RoomMaker makes the room of an API.
type RoomMaker func(Kit) (front.Room, error)

// Simulator is one simulated Google.
type Simulator struct {
	World  *world.World
	OAuth  *oauth.Server
	PubSub *pubsub.Room
	Front  *front.Server
	Mail   control.Mailboxes // nil without a mail room

	opt      Options
	clients  []world.Client
	rooms    []front.Room
	files    *files.Store
	meetings control.Meetings // nil without Meet
	mail     protocols
	handler  http.Handler

	mu       sync.Mutex
	server   *http.Server
	listener net.Listener
	done     chan struct{}
}

// New assembles a simulator. Mailboxes of Options.Accounts are generated
// before it returns.
func New(opt Options) (*Simulator, error) {
	w := world.New(opt.Seed, world.NewClock(opt.Now))
	w.Until = opt.Until
	s := &Simulator{World: w, opt: opt}
	for _, c := range opt.Clients {
		w.Clients.Register(c)
	}
	w.Clients.SetStrict(opt.StrictClients)
	s.clients = w.Clients.List()
	s.OAuth = oauth.New(w, oauth.Options{Issuer: opt.Issuer, BaseURL: opt.BaseURL})
	s.PubSub = pubsub.New(w, oauth.ProcessKeys(), s.issuer)
	if err := s.makeRooms(); err != nil {
		s.PubSub.Close()
		return nil, err
	}
	if err := s.makeProtocols(); err != nil {
		return nil, err
	}
	s.Front.CheckAnswers = opt.CheckAnswers
	if opt.Quota != "" {
		if err := s.Front.Quota.Set(opt.Quota, nil, nil, nil, nil); err != nil {
			return nil, err
		}
	}
	if err := s.seed(); err != nil {
		return nil, err
	}
	s.handler = s.routes()
	return s, nil
}

// seed makes the accounts the world begins with.
func (s *Simulator) seed() error {
	for _, a := range withColleagues(s.opt.Accounts) {
		acc, err := s.World.Accounts.Put(world.Account{Email: a.Email, Name: a.Name, Domain: a.Domain, Kind: a.Kind, Admin: a.Admin,
			Suspended: a.Suspended, Archived: a.Archived, NoMailbox: a.NoMailbox, OrgUnit: a.OrgUnit, Title: a.Title, Aliases: a.Aliases})
		if err != nil {
			return fmt.Errorf("account of the seed: %w", err)
		}
		if err := s.furnish(acc); err != nil {
			return fmt.Errorf("files of %s: %w", acc.Email, err)
		}
		if s.Mail == nil || acc.NoMailbox {
			continue
		}
		if err := s.Mail.Create(acc, a.Messages, a.Seed); err != nil {
			return fmt.Errorf("mailbox of %s: %w", acc.Email, err)
		}
		if err := s.speak(acc.Email, a.Language); err != nil {
			return fmt.Errorf("folders of %s: %w", acc.Email, err)
		}
	}
	return nil
}

// furnish puts the files of a seat of the demo into its Drive.
func (s *Simulator) furnish(a world.Account) error {
	now := s.World.Clock.Now()
	if !s.World.Until.IsZero() {
		now = s.World.Until.UTC()
	}
	return s.files.Do(func(t *files.Tree) error {
		folders := map[string]*files.File{}
		for _, p := range data.Papers(a.Email) {
			at := now.AddDate(0, 0, -p.DaysOld)
			f := &files.File{Name: p.Name, Type: p.Type, Original: p.Name, Owner: a.Email, Content: []byte(p.Text), Created: at, Modified: at}
			if p.Type == "text/csv" {
				book, err := files.FromCSV(f.Content)
				if err != nil {
					return err
				}
				f.Type, f.Content, f.Original, f.Book = files.Spreadsheet, nil, "", book
			}
			if p.Folder != "" {
				if folders[p.Folder] == nil {
					folders[p.Folder] = t.Add(&files.File{Name: p.Folder, Type: files.Folder, Owner: a.Email, Created: at, Modified: at}, at)
				}
				f.Parents = []string{folders[p.Folder].ID}
			}
			t.Add(f, at)
		}
		return nil
	})
}

// withColleagues adds the people of the demo's organisation who have no seat,
// where the demo's first seat is there: its directory has more people than its
// mail.
func withColleagues(accounts []Account) []Account {
	first := data.Demo()[0].Email
	if !slices.ContainsFunc(accounts, func(a Account) bool { return a.Email == first }) {
		return accounts
	}
	out := slices.Clone(accounts)
	for _, c := range data.Colleagues() {
		out = append(out, Account{Email: c.Email, Name: c.Name, Domain: data.HomeDomain, Title: c.Title, OrgUnit: c.OrgUnit,
			Suspended: c.Suspended, Archived: c.Archived, NoMailbox: c.NoMailbox})
	}
	return out
}

// reset puts accounts, clients, policies and rooms back to the seed.
func (s *Simulator) reset() error {
	s.World.Accounts.Replace(nil)
	s.World.Clients.Replace(s.clients)
	s.World.Domains.Replace(nil)
	s.World.Projects.Reset()
	if s.mail.imap != nil {
		s.mail.imap.Reset()
	}
	for _, r := range s.rooms {
		if x, ok := r.(control.Resetter); ok {
			x.Reset()
		}
	}
	if s.opt.Quota != "" {
		if err := s.Front.Quota.Set(s.opt.Quota, nil, nil, nil, nil); err != nil {
			return err
		}
	}
	return s.seed()
}

// routes joins everything under one address.
func (s *Simulator) routes() http.Handler {
	ctl := &control.Server{World: s.World, Front: s.Front, OAuth: s.OAuth, PubSub: s.PubSub, Mail: s.Mail, Meet: s.meetings,
		Expirers: map[string]control.Expirer{}, OnReset: s.reset}
	if s.mail.imap != nil {
		ctl.IMAP = s.mail.imap
	}
	for _, r := range s.rooms {
		if e, ok := r.(control.Expirer); ok {
			ctl.Expirers[r.Name()] = e
		}
	}
	own := ctl.Handler()
	exact := map[string]http.Handler{}
	for _, e := range s.OAuth.Endpoints() {
		exact[e.Path] = s.Front.Plain(e.Name, s.OAuth.Who, e.Handler)
	}
	avatar := http.HandlerFunc(s.OAuth.Avatar)
	home := http.HandlerFunc(s.home)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path
		switch {
		case strings.HasPrefix(path, "/_sim/"):
			own.ServeHTTP(w, r)
		case exact[path] != nil:
			exact[path].ServeHTTP(w, r)
		case strings.HasPrefix(path, oauth.AvatarPath):
			avatar.ServeHTTP(w, r)
		case path == "/":
			home.ServeHTTP(w, r)
		default:
			s.Front.ServeHTTP(w, r)
		}
	})
}

// Handler answers every address of the simulator, for callers with a server of
// their own.
func (s *Simulator) Handler() http.Handler { return s.handler }

// Start listens on address ("127.0.0.1:0" for any free port) and serves until
// Close.
func (s *Simulator) Start(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listen for the simulator: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server != nil {
		_ = l.Close()
		return errors.New("the simulator is started already")
	}
	if err := s.listenForMail(); err != nil {
		return errors.Join(err, l.Close(), s.closeMail())
	}
	s.listener = l
	s.server = &http.Server{Handler: s.handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	s.done = make(chan struct{})
	server, done := s.server, s.done
	go func() {
		defer close(done)
		_ = server.Serve(l) // always ErrServerClosed after Close
	}()
	return nil
}

// URL is the address of the simulator, without a slash at the end; empty
// before Start unless Options.BaseURL is set.
func (s *Simulator) URL() string {
	if s.opt.BaseURL != "" {
		return strings.TrimSuffix(s.opt.BaseURL, "/")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return ""
	}
	return "http://" + s.listener.Addr().String()
}

func (s *Simulator) issuer() string {
	if s.opt.Issuer != "" {
		return s.opt.Issuer
	}
	return s.URL()
}

// Close stops serving, cuts requests that are under way, and ends every
// goroutine of the simulator.
func (s *Simulator) Close() error {
	s.mu.Lock()
	server, done := s.server, s.done
	s.mu.Unlock()
	errs := []error{s.closeMail()}
	if server != nil {
		errs = append(errs, server.Close())
		<-done
	}
	s.PubSub.Close()
	for _, r := range s.rooms {
		if c, ok := r.(interface{ Close() error }); ok {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}

// Shutdown is Close that lets requests finish until ctx ends.
func (s *Simulator) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	server := s.server
	s.mu.Unlock()
	var err error
	if server != nil {
		err = server.Shutdown(ctx)
	}
	return errors.Join(err, s.Close())
}
