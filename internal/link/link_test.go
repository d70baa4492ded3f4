package link

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
)

func addresses(list ...string) []crm.Address {
	out := make([]crm.Address, len(list))
	for i, e := range list {
		out[i] = crm.Address{Email: e}
	}
	return out
}

func TestMatchAddresses(t *testing.T) {
	var x Index
	x.AddAddress("anna", "Anna.Berg@Oakrill.example")
	x.AddAddress("anna", "anna.berg@gmail.com")
	x.AddAddress("twin", "anna.berg@oakrill.example")
	x.AddAddress("plus", "sales+eu@oakrill.example")
	x.AddDomain("oakrill", "oakrill.example")
	x.AddDomain("home", "northwind-lamps.example")
	x.AddDomain("free", "gmail.com")
	x.AddDomain("shop", "shop.co.uk")
	x.AddDomain("uk", "co.uk")
	x.AddDomain("two", "two.harbour.example") // of two companies below one domain
	x.Exclude("Northwind-Lamps.example")

	for _, c := range []struct {
		address string
		people  []crm.RecordID
		company crm.RecordID
	}{
		{"anna.berg@oakrill.example", []crm.RecordID{"anna", "twin"}, "oakrill"},
		{" ANNA.BERG@OAKRILL.EXAMPLE ", []crm.RecordID{"anna", "twin"}, "oakrill"},
		{"annaberg@oakrill.example", nil, "oakrill"}, // dots count outside Gmail
		{"a.n.n.a.berg+news@googlemail.com", []crm.RecordID{"anna"}, ""},
		{"annaberg@gmail.com", []crm.RecordID{"anna"}, ""},
		{"somebody@gmail.com", nil, ""},            // free mail never matches a company
		{"jonas@northwind-lamps.example", nil, ""}, // nor the workspace's own domain
		{"jonas@mail.northwind-lamps.example", nil, ""},
		{"sales@oakrill.example", nil, "oakrill"}, // a tag counts outside Gmail
		{"sales+eu@oakrill.example", []crm.RecordID{"plus"}, "oakrill"},
		{"x@mail.oakrill.example", nil, "oakrill"}, // below what the company registered
		{"x@mail.eu.oakrill.example", nil, "oakrill"},
		{"x@notoakrill.example", nil, ""},
		{"x@shop.co.uk", nil, "shop"},
		{"x@co.uk", nil, ""}, // a public suffix
		{"x@two.harbour.example", nil, "two"},
		{"not an address", nil, ""},
		{"@oakrill.example", nil, ""},
		{"anna@", nil, ""},
		{"...@gmail.com", nil, ""},
		{"+tag@gmail.com", nil, ""},
		{"", nil, ""},
	} {
		t.Run(c.address, func(t *testing.T) {
			var want []Match
			for _, r := range c.people {
				want = append(want, Match{Record: r, Address: c.address, Rule: ByAddress})
			}
			if c.company != "" {
				want = append(want, Match{Record: c.company, Address: c.address, Rule: ByDomain})
			}
			require.Equal(t, want, x.Match(nil, addresses(c.address)...))
		})
	}
}

func TestMatchNamesEachRecordOnceAndAppends(t *testing.T) {
	var x Index
	x.AddAddress("anna", "anna@oakrill.example")
	x.AddAddress("anna", "anna.private@bellafonte.example")
	x.AddDomain("oakrill", "oakrill.example")
	before := []Match{{Record: "anna", Rule: "manual"}}
	require.Equal(t, []Match{
		{Record: "anna", Rule: "manual"},
		{Record: "anna", Address: "anna@oakrill.example", Rule: ByAddress},
		{Record: "oakrill", Address: "anna@oakrill.example", Rule: ByDomain},
	}, x.Match(before, addresses("anna@oakrill.example", "anna.private@bellafonte.example", "x@oakrill.example", "y@oakrill.example")...))
}

func TestRemove(t *testing.T) {
	var x Index
	x.AddAddress("anna", "anna@oakrill.example")
	x.AddAddress("twin", "anna@oakrill.example")
	x.AddAddress("twin", "anna@oakrill.example")
	x.AddDomain("oakrill", "oakrill.example")
	shared := x.Match(nil, addresses("anna@oakrill.example")...)
	require.Len(t, shared, 3)
	x.RemoveAddress("anna", "ANNA@oakrill.example")
	require.Len(t, x.Match(nil, addresses("anna@oakrill.example")...), 2)
	require.Equal(t, crm.RecordID("twin"), x.Match(nil, addresses("anna@oakrill.example")...)[0].Record)
	x.RemoveAddress("twin", "anna@oakrill.example")
	require.Equal(t, ByDomain, x.Match(nil, addresses("anna@oakrill.example")...)[0].Rule)
	x.RemoveDomain("oakrill", "oakrill.example")
	require.Empty(t, x.Match(nil, addresses("anna@oakrill.example")...))
	x.RemoveDomain("oakrill", "nobody.example")
}

// A message's addresses are matched for every message stored: it must not allocate.
func TestMatchDoesNotAllocate(t *testing.T) {
	var x Index
	x.Grow(1000)
	for i := range 1000 {
		x.AddAddress(crm.RecordID(fmt.Sprint(i)), fmt.Sprintf("person%d@oakrill.example", i))
	}
	found := make([]Match, 0, 8)
	message := addresses("person7@oakrill.example", "Person.900@OAKRILL.example", "stranger@elsewhere.example", "a.b.c+d@gmail.com")
	require.Zero(t, testing.AllocsPerRun(100, func() { found = x.Match(found[:0], message...) }))
}

func FuzzMatch(f *testing.F) {
	f.Add("anna.berg+x@gmail.com")
	f.Add("@@")
	f.Fuzz(func(t *testing.T, email string) {
		var x Index
		x.AddAddress("r", email)
		got := x.Match(nil, crm.Address{Email: email})
		if len(x.addresses) == 1 {
			require.Equal(t, []Match{{Record: "r", Address: email, Rule: ByAddress}}, got)
		} else {
			require.Empty(t, got)
		}
	})
}
