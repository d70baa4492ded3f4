package world

import (
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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
}

// Given and Family split the name as Google's userinfo does.
func (a Account) Given() string  { g, _, _ := strings.Cut(a.Name, " "); return g }
func (a Account) Family() string { _, f, _ := strings.Cut(a.Name, " "); return f }

// ErrExists is returned by Add for an address that is taken.
var ErrExists = errors.New("account exists")

// Accounts is the registry of all accounts. Reads take no lock: every request
// the simulator serves does one.
type Accounts struct {
	seed int64
	mu   sync.Mutex // writers
	now  atomic.Pointer[registry]
}

type registry struct {
	byEmail map[string]*Account
	order   []*Account
}

// NewAccounts returns an empty registry whose subs derive from seed.
func NewAccounts(seed int64) *Accounts {
	a := &Accounts{seed: seed}
	a.now.Store(&registry{byEmail: map[string]*Account{}})
	return a
}

// Add registers an account, filling Domain, Kind, Name and Sub where empty.
// It returns ErrExists when the address is taken.
func (s *Accounts) Add(a Account) (Account, error) {
	return s.put(a, false)
}

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
	old := s.now.Load()
	_, taken := old.byEmail[a.Email]
	if taken && !replace {
		return Account{}, ErrExists
	}
	next := &registry{byEmail: make(map[string]*Account, len(old.byEmail)+1), order: slices.Clone(old.order)}
	for k, v := range old.byEmail {
		next.byEmail[k] = v
	}
	next.byEmail[a.Email] = &a
	if taken {
		i := slices.IndexFunc(next.order, func(x *Account) bool { return x.Email == a.Email })
		next.order[i] = &a
	} else {
		next.order = append(next.order, &a)
	}
	s.now.Store(next)
	return a, nil
}

// Get finds an account by address, in any case.
func (s *Accounts) Get(email string) (Account, bool) {
	r := s.now.Load()
	a, ok := r.byEmail[email]
	if !ok {
		a, ok = r.byEmail[strings.ToLower(email)]
	}
	if !ok {
		return Account{}, false
	}
	return *a, true
}

// BySub finds an account by its stable id.
func (s *Accounts) BySub(sub string) (Account, bool) {
	for _, a := range s.now.Load().order {
		if a.Sub == sub {
			return *a, true
		}
	}
	return Account{}, false
}

// List returns all accounts in the order they were added.
func (s *Accounts) List() []Account {
	r := s.now.Load()
	out := make([]Account, len(r.order))
	for i, a := range r.order {
		out[i] = *a
	}
	return out
}

// Remove deletes an account, as when an administrator deletes the user.
func (s *Accounts) Remove(email string) {
	email = strings.ToLower(email)
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.now.Load()
	next := &registry{byEmail: make(map[string]*Account, len(old.byEmail))}
	for _, a := range old.order {
		if a.Email != email {
			next.byEmail[a.Email] = a
			next.order = append(next.order, a)
		}
	}
	s.now.Store(next)
}

// Replace makes list the whole registry, as a reset to the seed does.
func (s *Accounts) Replace(list []Account) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := &registry{byEmail: make(map[string]*Account, len(list))}
	for _, a := range list {
		next.byEmail[a.Email] = &a
		next.order = append(next.order, &a)
	}
	s.now.Store(next)
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
