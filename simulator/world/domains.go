package world

import (
	"maps"
	"slices"
	"sync"
)

// Policy is what an organisation's administrator decided about applications
// (Admin console, Security, API controls).
type Policy struct {
	BlockedClients   []string // client ids that may not be used at all
	RestrictedScopes []string // scopes no application but a trusted one may hold
	TrustedClients   []string // exempt from both, and from the Testing limits
	ToCallback       bool     // report admin_policy_enforced to the redirect URI instead of a page
	DirectoryHidden  bool     // members who are no administrators do not see each other in the directory
}

// Forbids tells whether the policy keeps client from holding scopes.
func (p Policy) Forbids(client string, scopes []string) bool {
	if slices.Contains(p.TrustedClients, client) {
		return false
	}
	if slices.Contains(p.BlockedClients, client) {
		return true
	}
	for _, s := range scopes {
		if slices.Contains(p.RestrictedScopes, s) {
			return true
		}
	}
	return false
}

// Domains holds the policies of organisations; a domain without one allows all.
type Domains struct {
	mu       sync.RWMutex
	policies map[string]Policy
}

// NewDomains returns an empty set.
func NewDomains() *Domains { return &Domains{policies: map[string]Policy{}} }

// Set replaces the policy of a domain.
func (d *Domains) Set(domain string, p Policy) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.policies[domain] = p
}

// Policy returns the policy of a domain.
func (d *Domains) Policy(domain string) Policy {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.policies[domain]
}

// All returns a copy of every policy.
func (d *Domains) All() map[string]Policy {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return maps.Clone(d.policies)
}

// Replace makes all the whole set.
func (d *Domains) Replace(all map[string]Policy) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.policies = maps.Clone(all)
	if d.policies == nil {
		d.policies = map[string]Policy{}
	}
}
