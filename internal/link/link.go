// Package link decides which records a conversation belongs to (Book.Link), and of
// whom mail makes contacts (Contacts). It is pure: what is known of the records is
// put into a Book by who keeps them.
//
// Addresses are compared without regard to case; at gmail.com and googlemail.com,
// and nowhere else, also without dots and without what follows a plus sign, as
// Google does ("Dots don't matter in Gmail addresses", Gmail Help).
package link

import (
	"bytes"
	"strings"

	"rapport/internal/crm"
)

// Rule is why a record was found.
type Rule string

const (
	ByAddress Rule = "address" // the address is one of the record's
	ByDomain  Rule = "domain"  // the address is at a domain of the record
)

// Match is a record found for an address.
type Match struct {
	Record  crm.RecordID
	Address string // as it stood in the message
	Rule    Rule
}

// Index is addresses and domains of records of a workspace. The zero
// Index is empty and ready. Match may be called from several goroutines at the
// same time, but not while the index is changed.
type Index struct {
	addresses map[string][]crm.RecordID
	domains   map[string][]crm.RecordID
	excluded  map[string]struct{}
}

// Grow prepares for n more addresses.
func (x *Index) Grow(n int) {
	if len(x.addresses) == 0 {
		x.addresses = make(map[string][]crm.RecordID, n)
	}
}

// AddAddress says that an address is one of the record's. Saying it twice is
// harmless; what is not an address is ignored.
func (x *Index) AddAddress(r crm.RecordID, email string) {
	var b key
	if k := b.of(email); k != nil {
		add(&x.addresses, string(k), r)
	}
}

// AddDomain says that a domain is one of the record's.
func (x *Index) AddDomain(r crm.RecordID, domain string) {
	if domain = fold(domain); domain != "" {
		add(&x.domains, domain, r)
	}
}

// Exclude takes domains out of ByDomain, with all below them: the workspace's own.
// Free-mail domains are out of it anyway.
func (x *Index) Exclude(domains ...string) {
	if x.excluded == nil {
		x.excluded = make(map[string]struct{}, len(domains))
	}
	for _, d := range domains {
		x.excluded[fold(d)] = struct{}{}
	}
}

// RemoveAddress takes an address from a record.
func (x *Index) RemoveAddress(r crm.RecordID, email string) {
	var b key
	if k := b.of(email); k != nil {
		remove(x.addresses, string(k), r)
	}
}

// RemoveDomain takes a domain from a record.
func (x *Index) RemoveDomain(r crm.RecordID, domain string) { remove(x.domains, fold(domain), r) }

// Match appends to found the records whose the addresses are, and those at whose
// domain they are: the domain as written, or the registrable one above it. Each
// record comes once, in the order of the addresses, and by its address rather than
// by its domain.
func (x *Index) Match(found []Match, addresses ...crm.Address) []Match {
	first := len(found)
	var b key
	for _, a := range addresses {
		k := b.of(a.Email)
		if k == nil {
			continue
		}
		for _, r := range x.addresses[string(k)] {
			found = matched(found, first, Match{Record: r, Address: a.Email, Rule: ByAddress})
		}
		for _, r := range x.byDomain(k) {
			found = matched(found, first, Match{Record: r, Address: a.Email, Rule: ByDomain})
		}
	}
	return found
}

func (x *Index) byDomain(k []byte) []crm.RecordID {
	at := len(k) - 1
	for k[at] != '@' {
		at--
	}
	host := k[at+1:]
	if len(x.domains) == 0 {
		return nil
	}
	records := x.domains[string(host)]
	if records == nil && bytes.IndexByte(host, '.') != bytes.LastIndexByte(host, '.') {
		records = x.domains[Registrable(string(host))]
	}
	if records == nil || x.closed(string(host)) || Registrable(string(host)) == "" {
		return nil
	}
	return records
}

// closed reports whether a domain says nothing about who somebody works for.
func (x *Index) closed(host string) bool {
	for d := host; d != ""; _, d, _ = strings.Cut(d, ".") {
		if _, out := x.excluded[d]; out {
			return true
		}
	}
	return FreeMail(host)
}

func matched(found []Match, first int, m Match) []Match {
	for i := first; i < len(found); i++ {
		if found[i].Record == m.Record {
			if m.Rule == ByAddress && found[i].Rule == ByDomain {
				found[i] = m
			}
			return found
		}
	}
	return append(found, m)
}

func add[K comparable](m *map[K][]crm.RecordID, k K, r crm.RecordID) {
	if *m == nil {
		*m = map[K][]crm.RecordID{}
	}
	for _, have := range (*m)[k] {
		if have == r {
			return
		}
	}
	(*m)[k] = append((*m)[k], r)
}

func remove(m map[string][]crm.RecordID, k string, r crm.RecordID) {
	kept := make([]crm.RecordID, 0, len(m[k]))
	for _, have := range m[k] {
		if have != r {
			kept = append(kept, have)
		}
	}
	if len(kept) == 0 {
		delete(m, k)
		return
	}
	m[k] = kept
}

// Key is the form in which an address is compared, "" for what is none.
func Key(email string) string {
	var b key
	return string(b.of(email))
}

// key is room to write the comparable form of an address without allocating.
type key struct{ room [128]byte }

// of gives the form in which addresses are compared, nil for what is none. It
// is good until the next call.
func (b *key) of(email string) []byte {
	email = strings.TrimSpace(email)
	at := strings.LastIndexByte(email, '@')
	if at <= 0 || at == len(email)-1 {
		return nil
	}
	local, domain := email[:at], email[at+1:]
	out := b.room[:0]
	google := strings.EqualFold(domain, "gmail.com") || strings.EqualFold(domain, "googlemail.com")
	if google {
		domain = "gmail.com"
		local, _, _ = strings.Cut(local, "+")
	}
	for i := range len(local) {
		if c := local[i]; c != '.' || !google {
			out = append(out, lower(c))
		}
	}
	if len(out) == 0 {
		return nil
	}
	out = append(out, '@')
	for i := range len(domain) {
		out = append(out, lower(domain[i]))
	}
	return out
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func fold(domain string) string {
	return strings.ToLower(strings.Trim(strings.TrimSpace(domain), "."))
}
