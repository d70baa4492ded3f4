package oauth

import (
	_ "embed"
	"net/http"
	"slices"
	"strings"

	"rapport/simulator/world"
)

//go:embed style.css
var styles markup

// errorPage is an error Google shows itself instead of sending it back.
type errorPage struct {
	Status  int
	Code    string
	Message string
	App     string
	Account string
}

// person is an account as the pages show it.
type person struct {
	Email, Name, Initial, Organisation string
	Colour                             string
	Suggested                          bool
}

func asPerson(a world.Account) person {
	p := person{Email: a.Email, Name: a.Name, Initial: initial(a), Colour: avatarColour(a.Sub)}
	if a.Kind == world.Member {
		p.Organisation = a.Domain
	}
	return p
}

// box is one permission on the consent page.
type box struct {
	Scope, Title, Detail, Service string
	Ticked                        bool
}

// view is everything a page shows.
type view struct {
	Title      string
	Action     string
	App        string
	Host       string // where the browser is sent afterwards
	People     []person
	More       int // accounts not shown
	Hint       string
	Domain     string
	Who        person
	Identity   []box
	Boxes      []box
	Single     bool
	Unverified bool
	Error      *errorPage
}

func (s *Server) show(w http.ResponseWriter, status int, page markup) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(page)) // the browser went away: nothing to do
}

func (s *Server) showError(w http.ResponseWriter, e *errorPage) {
	s.show(w, e.Status, errorCard(view{Title: "Error " + e.title(), App: e.App, Error: e}))
}

// maxShown keeps the chooser usable in a world of a thousand mailboxes; any
// other account can be typed in.
const maxShown = 12

func (s *Server) showChooser(w http.ResponseWriter, q *request) {
	v := view{Title: "Choose an account", Action: "?" + q.raw, App: q.client.Name, Host: q.redirect.Host, Domain: q.hd, Hint: q.hint}
	hinted, isHinted := s.hinted(q)
	var list []world.Account
	for _, a := range s.world.Accounts.List() {
		if a.Closed() {
			continue
		}
		if q.hd != "" && q.hd != "*" && a.Domain != q.hd {
			continue
		}
		if q.hd == "*" && a.Kind != world.Member {
			continue
		}
		list = append(list, a)
	}
	if isHinted {
		list = slices.DeleteFunc(list, func(a world.Account) bool { return a.Email == hinted.Email })
		list = append([]world.Account{hinted}, list...)
	}
	if len(list) > maxShown {
		v.More = len(list) - maxShown
		list = list[:maxShown]
	}
	for i, a := range list {
		p := asPerson(a)
		p.Suggested = isHinted && i == 0
		v.People = append(v.People, p)
	}
	s.show(w, http.StatusOK, chooserPage(v))
}

func (s *Server) showConsent(w http.ResponseWriter, q *request, a world.Account) {
	identity, others := split(q.asked)
	held := s.store.grantOf(q.client.Project, a.Sub)
	v := view{
		Title: q.client.Name + " wants access to your account", Action: "?" + q.raw, App: q.client.Name,
		Host: q.redirect.Host, Who: asPerson(a), Unverified: q.client.Unverified, Single: len(others) == 1,
	}
	for _, sc := range identity {
		if sc == ScopeOpenID {
			continue
		}
		title, _ := describe(sc)
		v.Identity = append(v.Identity, box{Scope: sc, Title: title})
	}
	for _, sc := range others {
		title, detail := describe(sc)
		v.Boxes = append(v.Boxes, box{Scope: sc, Title: title, Detail: detail, Service: service(sc), Ticked: slices.Contains(held, sc)})
	}
	s.show(w, http.StatusOK, consentPage(v))
}

// service names the product a scope belongs to, for its icon.
func service(scope string) string {
	name := strings.TrimPrefix(scope, scopePrefix)
	for prefix, service := range map[string]string{
		"https://mail.google.com": "mail", "gmail": "mail", "calendar": "calendar", "contacts": "contacts", "directory": "contacts",
		"admin": "admin", "drive": "drive", "spreadsheets": "drive", "meetings": "meet",
	} {
		if strings.HasPrefix(name, prefix) {
			return service
		}
	}
	return "other"
}
