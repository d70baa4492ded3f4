package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rapport/simulator/front"
	"rapport/simulator/oauth"
	"rapport/simulator/pubsub"
	"rapport/simulator/world"
)

// Server answers /_sim/. Parts that are nil answer 501.
type Server struct {
	World  *world.World
	Front  *front.Server
	OAuth  *oauth.Server
	PubSub *pubsub.Room
	Mail   Mailboxes
	Meet   Meetings
	IMAP   IMAP
	// Expirers by API name: calendar, people.
	Expirers map[string]Expirer
	// OnReset puts accounts, clients and rooms back to the seed.
	OnReset func() error

	routes *http.ServeMux
}

// problem is a refused call.
type problem struct {
	status int
	text   string
}

func (p problem) Error() string { return p.text }

func bad(format string, a ...any) error {
	return problem{http.StatusBadRequest, fmt.Sprintf(format, a...)}
}

func missing(what string) error { return problem{http.StatusNotFound, what + " not found"} }

func absent(what string) error {
	return problem{http.StatusNotImplemented, "this simulator has no " + what}
}

// Handler returns the API.
func (s *Server) Handler() http.Handler {
	m := http.NewServeMux()
	handle := func(pattern string, f func(*http.Request) (any, error)) {
		m.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { respond(w, r, f) })
	}
	handle("GET /_sim/accounts", s.accounts)
	handle("POST /_sim/accounts", s.createAccount)
	handle("PATCH /_sim/accounts/{email}", s.changeAccount)
	handle("DELETE /_sim/accounts/{email}", s.deleteAccount)
	handle("POST /_sim/accounts/{email}/messages", s.deliver)
	handle("POST /_sim/accounts/{email}/token", s.token)
	handle("POST /_sim/accounts/{email}/{api}/expire", s.expire)
	handle("POST /_sim/accounts/{email}/revoke", s.revoke)
	handle("POST /_sim/accounts/{email}/password", s.password)
	handle("POST /_sim/accounts/{email}/reauth", s.reauth)
	handle("POST /_sim/accounts/{email}/risc", s.securityEvent)
	handle("GET /_sim/accounts/{email}/imap", s.imap)
	handle("POST /_sim/accounts/{email}/imap", s.setIMAP)
	handle("POST /_sim/accounts/{email}/imap/uidvalidity", s.changeValidity)
	handle("POST /_sim/accounts/{email}/imap/drop", s.dropIMAP)
	handle("POST /_sim/faults", s.addFault)
	handle("GET /_sim/faults", func(*http.Request) (any, error) { return s.Front.Faults.List(), nil })
	handle("DELETE /_sim/faults", func(*http.Request) (any, error) { s.Front.Faults.Clear(); return nil, nil })
	handle("POST /_sim/notifications", s.setNotifications)
	handle("GET /_sim/notifications", s.notifications)
	handle("POST /_sim/notifications/forge", s.forge)
	handle("POST /_sim/clock", s.advance)
	handle("GET /_sim/clock", s.clock)
	handle("POST /_sim/quota", s.setQuota)
	handle("GET /_sim/quota", func(*http.Request) (any, error) { return s.Front.Quota.Limits(), nil })
	handle("POST /_sim/latency", s.latency)
	handle("GET /_sim/requests", s.requests)
	handle("GET /_sim/usage", func(*http.Request) (any, error) { return s.Front.Log.Usage(), nil })
	handle("GET /_sim/sent", s.sent)
	handle("POST /_sim/reset", s.reset)
	handle("GET /_sim/clients", s.clients)
	handle("POST /_sim/clients", s.registerClient)
	handle("GET /_sim/project", s.project)
	handle("POST /_sim/project", s.setProject)
	handle("POST /_sim/meetings/{code}/join", s.join)
	handle("POST /_sim/domains/{domain}/policy", s.setPolicy)
	handle("POST /_sim/service-accounts", s.serviceAccount)
	handle("/_sim/", func(r *http.Request) (any, error) {
		return nil, missing("control call " + r.Method + " " + r.URL.Path)
	})
	s.routes = m
	return http.HandlerFunc(s.serve)
}

// serve keeps everybody but this machine out, and browsers of other sites.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		respond(w, r, func(*http.Request) (any, error) {
			return nil, problem{http.StatusForbidden, "the control API answers on loopback only"}
		})
		return
	}
	if o := r.Header.Get("Origin"); o != "" && !loopbackOrigin(o) {
		respond(w, r, func(*http.Request) (any, error) {
			return nil, problem{http.StatusForbidden, "the control API does not answer pages of other sites"}
		})
		return
	}
	s.routes.ServeHTTP(w, r)
}

func loopbackOrigin(origin string) bool {
	u, err := url.Parse(origin)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || (ip != nil && ip.IsLoopback())
}

func respond(w http.ResponseWriter, r *http.Request, f func(*http.Request) (any, error)) {
	v, err := f(r)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if err != nil {
		status := http.StatusInternalServerError
		var p problem
		if errors.As(err, &p) {
			status = p.status
		}
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
		return
	}
	if v == nil {
		v = struct{}{}
	}
	_ = json.NewEncoder(w).Encode(v) // the client went away: nothing to do
}

const maxControlBody = 64 << 20

// read parses a JSON body; unknown fields are mistakes.
func read(r *http.Request, into any) error {
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxControlBody))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		if r.ContentLength == 0 {
			return nil // no body: all defaults
		}
		return bad("body: %v", err)
	}
	return nil
}

// account finds the account of the path.
func (s *Server) account(r *http.Request) (world.Account, error) {
	a, ok := s.World.Accounts.Get(r.PathValue("email"))
	if !ok {
		return a, missing("account " + r.PathValue("email"))
	}
	return a, nil
}

func (s *Server) deliver(r *http.Request) (any, error) {
	if s.Mail == nil {
		return nil, absent("mail")
	}
	a, err := s.account(r)
	if err != nil {
		return nil, err
	}
	var b struct {
		Message
		Date date `json:"date"`
	}
	if err := read(r, &b); err != nil {
		return nil, err
	}
	b.Message.Date = time.Time(b.Date)
	d, err := s.Mail.Deliver(a.Email, b.Message)
	if err != nil {
		return nil, bad("%v", err)
	}
	return d, nil
}

// date reads RFC 3339, a mail date, or nothing.
type date time.Time

func (d *date) UnmarshalJSON(raw []byte) error {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return err
	}
	if s == "" {
		return nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.RFC1123Z, time.RFC1123, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			*d = date(t)
			return nil
		}
	}
	return fmt.Errorf("date %q: use RFC 3339", s)
}

func (s *Server) token(r *http.Request) (any, error) {
	a, err := s.account(r)
	if err != nil {
		return nil, err
	}
	var b struct {
		ClientID string   `json:"client_id"`
		Scopes   []string `json:"scopes"`
		Refresh  bool     `json:"refresh"`
	}
	if err := read(r, &b); err != nil {
		return nil, err
	}
	if len(b.Scopes) == 0 {
		b.Scopes = []string{"https://mail.google.com/"}
	}
	t, err := s.OAuth.IssueToken(a.Email, b.ClientID, b.Scopes)
	if err != nil {
		return nil, bad("%v", err)
	}
	out := map[string]any{
		"access_token": t, "token_type": "Bearer", "expires_in": int(oauth.AccessLife.Seconds()),
		"scope": strings.Join(oauth.Normalise(b.Scopes), " "),
	}
	if b.Refresh {
		if out["refresh_token"], err = s.OAuth.IssueRefresh(a.Email, b.ClientID, b.Scopes); err != nil {
			return nil, bad("%v", err)
		}
	}
	return out, nil
}

func (s *Server) expire(r *http.Request) (any, error) {
	a, err := s.account(r)
	if err != nil {
		return nil, err
	}
	api := r.PathValue("api")
	if api == "history" {
		if s.Mail == nil {
			return nil, absent("mail")
		}
		return nil, s.Mail.ExpireHistory(a.Email)
	}
	e := s.Expirers[api]
	if e == nil {
		return nil, absent(api)
	}
	return nil, e.Expire(a.Email)
}

func (s *Server) revoke(r *http.Request) (any, error) {
	a, err := s.account(r)
	if err != nil {
		return nil, err
	}
	var b struct {
		ClientID string `json:"client_id"`
	}
	if err := read(r, &b); err != nil {
		return nil, err
	}
	return map[string]int{"revoked": s.OAuth.RevokeAccount(a.Email, b.ClientID)}, nil
}

func (s *Server) password(r *http.Request) (any, error) {
	a, err := s.account(r)
	if err != nil {
		return nil, err
	}
	s.OAuth.PasswordChanged(a.Email)
	return nil, nil
}

func (s *Server) reauth(r *http.Request) (any, error) {
	a, err := s.account(r)
	if err != nil {
		return nil, err
	}
	var b struct {
		Subtype string `json:"subtype"`
	}
	if err := read(r, &b); err != nil {
		return nil, err
	}
	if b.Subtype != "" && b.Subtype != "invalid_rapt" && b.Subtype != "rapt_required" {
		return nil, bad("subtype %q: use invalid_rapt, rapt_required or nothing", b.Subtype)
	}
	s.OAuth.SetReauth(a.Email, b.Subtype)
	return nil, nil
}

func (s *Server) sent(*http.Request) (any, error) {
	out := []Sent{}
	if s.Mail != nil {
		out = append(out, s.Mail.Sent()...)
	}
	return out, nil
}
