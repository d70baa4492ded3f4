package world

import (
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"sync"
)

// Kind says whether an account belongs to an organisation of the simulated
// Google or is a private person outside (gmail.com-like).
type Kind string

const (
	Member  Kind = "member"  // Workspace account: has an hd claim and a directory
	Outside Kind = "outside" // no organisation
)

// Account is one Google account. Values are immutable: Accounts.Put replaces.
type Account struct {
	Email  string // lower case, the key
	Name   string
	Domain string // organisation of a Member, mail domain of an Outside one
	Kind   Kind
	Sub    string // stable numeric id, never reused
	Admin  bool   // may use the Directory API

	// What an administrator decides about a Member.
	Suspended bool     // cannot sign in; tokens do not work
	Archived  bool     // the same, and kept for its data only
	NoMailbox bool     // Gmail is off for the account
	OrgUnit   string   // "/Sales"; empty means "/"
	Title     string   // what the directory says of the job
	Aliases   []string // further addresses, in the directory only: mail to them is not delivered
}

// Closed tells whether nobody can sign in with the account.
func (a Account) Closed() bool { return a.Suspended || a.Archived }

// Given and Family split the name as Google's userinfo does.
func (a Account) Given() string  { g, _, _ := strings.Cut(a.Name, " "); return g }
func (a Account) Family() string { _, f, _ := strings.Cut(a.Name, " "); return f }

// ErrExists is returned by Add for an address that is taken.
var ErrExists = errors.New("account exists")

// Accounts is the registry of all accounts. Get takes no lock: every request
// the simulator serves does one.
type Accounts struct {
	seed    int64
	byEmail sync.Map   // string -> *Account
	bySub   sync.Map   // string -> address
	mu      sync.Mutex // order
	order   []string
}

// NewAccounts returns an empty registry whose subs derive from seed.
func NewAccounts(seed int64) *Accounts { return &Accounts{seed: seed} }

// Add registers an account, filling Domain, Kind, Name and Sub where empty.
// It returns ErrExists when the address is taken.
func (s *Accounts) Add(a Account) (Account, error) { return s.put(a, false) }

// Put adds or replaces an account (renamed, promoted).
func (s *Accounts) Put(a Account) (Account, error) { return s.put(a, true) }

func (s *Accounts) put(a Account, replace bool) (Account, error) {
	a.Email = strings.ToLower(strings.TrimSpace(a.Email))
	local, domain, ok := strings.Cut(a.Email, "@")
	if !ok || local == "" || domain == "" {
		return Account{}, fmt.Errorf("not an e-mail address: %q", a.Email)
	}
	if a.Domain == "" {
		a.Domain = domain
	}
	if a.Kind == "" {
		a.Kind = Member
	}
	if a.Name == "" {
		a.Name = nameFrom(local)
	}
	if a.Sub == "" {
		a.Sub = subOf(s.seed, a.Email)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, taken := s.byEmail.Load(a.Email)
	if taken && !replace {
		return Account{}, ErrExists
	}
	s.byEmail.Store(a.Email, &a)
	s.bySub.Store(a.Sub, a.Email)
	if !taken {
		s.order = append(s.order, a.Email)
	}
	return a, nil
}

// Get finds an account by address, in any case.
func (s *Accounts) Get(email string) (Account, bool) {
	a, ok := s.byEmail.Load(email)
	if !ok {
		a, ok = s.byEmail.Load(strings.ToLower(email))
	}
	if !ok {
		return Account{}, false
	}
	return *a.(*Account), true
}

// BySub finds an account by its stable id.
func (s *Accounts) BySub(sub string) (Account, bool) {
	email, ok := s.bySub.Load(sub)
	if !ok {
		return Account{}, false
	}
	a, ok := s.Get(email.(string))
	return a, ok && a.Sub == sub
}

// List returns all accounts in the order they were added.
func (s *Accounts) List() []Account {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Account, 0, len(s.order))
	for _, email := range s.order {
		if a, ok := s.byEmail.Load(email); ok {
			out = append(out, *a.(*Account))
		}
	}
	return out
}

// Remove deletes an account, as when an administrator deletes the user.
func (s *Accounts) Remove(email string) {
	email = strings.ToLower(email)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byEmail.Delete(email)
	s.order = slices.DeleteFunc(s.order, func(x string) bool { return x == email })
}

// Replace makes list the whole registry, as a reset to the seed does.
func (s *Accounts) Replace(list []Account) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byEmail.Clear()
	s.bySub.Clear()
	s.order = nil
	for _, a := range list {
		s.byEmail.Store(a.Email, &a)
		s.bySub.Store(a.Sub, a.Email)
		s.order = append(s.order, a.Email)
	}
}

// subOf derives a 21-digit id, the shape of Google's.
func subOf(seed int64, email string) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d/%s", seed, email)
	return fmt.Sprintf("1%020d", h.Sum64())
}

func nameFrom(local string) string {
	words := strings.FieldsFunc(local, func(r rune) bool { return r == '.' || r == '-' || r == '_' || r == '+' })
	for i, w := range words {
		words[i] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, " ")
}
