// Package directory is the simulated Admin SDK Directory, as far as reading an
// organisation's people goes.
package directory

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"

	"rapport/simulator/discovery"
	"rapport/simulator/front"
	"rapport/simulator/world"
)

// Room is the Directory API of a world.
type Room struct{ world *world.World }

// New makes the directory of all organisations of a world.
func New(w *world.World) *Room { return &Room{world: w} }

// Name is the room's name in faults and logs.
func (r *Room) Name() string { return "directory" }

// Document is the Directory's discovery document.
func (r *Room) Document() []byte { return discovery.Document("directory") }

// Methods lists what is served.
func (r *Room) Methods() map[string]front.Handler {
	return map[string]front.Handler{"directory.users.list": r.list, "directory.users.get": r.get}
}

// PageLife is how long a page token is good for.
const PageLife = 3 * 24 * time.Hour

func notAuthorized() *front.Error {
	return &front.Error{Code: 403, Reason: "forbidden", Status: "PERMISSION_DENIED", Message: "Not Authorized to access this resource/api"}
}

func notFound(what string) *front.Error {
	return &front.Error{Code: 404, Reason: "notFound", Status: "NOT_FOUND", Message: what}
}

func invalidInput(what string) *front.Error {
	return &front.Error{Code: 400, Reason: "invalid", Status: "INVALID_ARGUMENT", Message: "Invalid Input: " + what}
}

// CustomerID is what Google calls an organisation.
func CustomerID(domain string) string {
	h := fnv.New64a()
	h.Write([]byte(domain))
	return "C0" + strconv.FormatUint(h.Sum64(), 36)[:7]
}

// organisation finds the organisation a call asks about and checks that the
// caller may: administrators everything of their own, others what is public.
func (r *Room) organisation(c *front.Call) (string, error) {
	caller, known := r.world.Accounts.Get(c.Account)
	if !known || caller.Kind != world.Member {
		return "", notAuthorized() // no organisation: neither administrator nor colleague
	}
	customer, domain := c.Query.Get("customer"), c.Query.Get("domain")
	switch {
	case customer == "" && domain == "":
		return "", &front.Error{Code: 400, Reason: "badRequest", Status: "INVALID_ARGUMENT", Message: "Bad Request"}
	case customer != "" && customer != "my_customer" && customer != CustomerID(caller.Domain):
		return "", notAuthorized()
	case domain != "" && !strings.EqualFold(domain, caller.Domain):
		if !r.hasDomain(domain) {
			return "", notFound("Domain not found.")
		}
		return "", notAuthorized()
	}
	return caller.Domain, r.mayRead(c, caller)
}

func (r *Room) hasDomain(domain string) bool {
	return slices.ContainsFunc(r.world.Accounts.List(), func(a world.Account) bool {
		return a.Kind == world.Member && strings.EqualFold(a.Domain, domain)
	})
}

func (r *Room) mayRead(c *front.Call, caller world.Account) error {
	public := c.Query.Get("viewType") == "domain_public"
	if !caller.Admin && (!public || r.world.Domains.Policy(caller.Domain).DirectoryHidden) {
		return notAuthorized()
	}
	return nil
}

func (r *Room) get(c *front.Call) (any, error) {
	caller, known := r.world.Accounts.Get(c.Account)
	if !known || caller.Kind != world.Member {
		return nil, notAuthorized()
	}
	if err := r.mayRead(c, caller); err != nil {
		return nil, err
	}
	key := c.Path.Get("userKey")
	a, ok := r.world.Accounts.Get(key)
	if !ok {
		a, ok = r.world.Accounts.BySub(key)
	}
	if !ok {
		a, ok = r.byAlias(key)
	}
	if !ok || a.Domain != caller.Domain || a.Kind != world.Member {
		return nil, notFound("Resource Not Found: userKey")
	}
	return show(c, a), nil
}

func (r *Room) byAlias(address string) (world.Account, bool) {
	for _, a := range r.world.Accounts.List() {
		if slices.Contains(a.Aliases, strings.ToLower(address)) {
			return a, true
		}
	}
	return world.Account{}, false
}

func (r *Room) list(c *front.Call) (any, error) {
	domain, err := r.organisation(c)
	if err != nil {
		return nil, err
	}
	wanted, err := parseQuery(c.Query.Get("query"))
	if err != nil {
		return nil, err
	}
	from, err := readPage(c)
	if err != nil {
		return nil, err
	}
	public := c.Query.Get("viewType") == "domain_public"
	var all []world.Account
	for _, a := range r.world.Accounts.List() {
		if a.Kind == world.Member && a.Domain == domain && c.Query.Get("showDeleted") != "true" && !(public && a.Closed()) && wanted(a) {
			all = append(all, a)
		}
	}
	slices.SortStableFunc(all, order(c))
	size, _ := strconv.Atoi(c.Query.Get("maxResults")) // checked against the document
	out := map[string]any{"kind": "admin#directory#users", "etag": etag(fmt.Sprint(all))}
	page := all[min(from, len(all)):min(from+size, len(all))]
	var users []any
	for _, a := range page {
		users = append(users, show(c, a))
	}
	if len(users) > 0 { // Google leaves an empty list out
		out["users"] = users
	}
	if from+size < len(all) {
		out["nextPageToken"] = pageToken(c, from+size)
	}
	return out, nil
}

// order follows orderBy and sortOrder; without them by address.
func order(c *front.Call) func(a, b world.Account) int {
	key := func(a world.Account) string { return a.Email }
	switch c.Query.Get("orderBy") {
	case "familyName":
		key = func(a world.Account) string { return strings.ToLower(a.Family()) + "\x00" + a.Email }
	case "givenName":
		key = func(a world.Account) string { return strings.ToLower(a.Given()) + "\x00" + a.Email }
	}
	return func(a, b world.Account) int {
		if c.Query.Get("sortOrder") == "DESCENDING" && c.Query.Get("orderBy") != "" {
			a, b = b, a
		}
		return cmp.Compare(key(a), key(b))
	}
}

// page is what a page token says.
type page struct {
	At      int    `json:"a"`
	Listing string `json:"l"`
	Made    int64  `json:"t"`
}

func listing(c *front.Call) string {
	h := fnv.New64a()
	for _, name := range []string{"customer", "domain", "query", "orderBy", "sortOrder", "viewType"} {
		h.Write([]byte(c.Query.Get(name) + "\x00"))
	}
	return strconv.FormatUint(h.Sum64(), 36)
}

func pageToken(c *front.Call, at int) string {
	raw, _ := json.Marshal(page{at, listing(c), c.Now.Unix()}) // numbers and letters always encode
	return "~!!~" + base64.RawURLEncoding.EncodeToString(raw)
}

func readPage(c *front.Call) (int, error) {
	token := c.Query.Get("pageToken")
	if token == "" {
		return 0, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, "~!!~"))
	var p page
	if err != nil || json.Unmarshal(raw, &p) != nil || p.At < 0 || p.Listing != listing(c) || c.Now.Sub(time.Unix(p.Made, 0)) > PageLife {
		return 0, invalidInput("pageToken")
	}
	return p.At, nil
}
