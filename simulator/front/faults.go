package front

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"rapport/simulator/discovery"
)

// Fault makes some requests go wrong.
type Fault struct {
	ID      int    `json:"id"`
	API     string `json:"api"`     // gmail, calendar, oauth, …; empty: all
	Method  string `json:"method"`  // tail of the discovery id, or "batch" for a whole batch; empty: all
	Account string `json:"account"` // empty: all

	// Kind is what happens: status (an error answer), cut (the connection ends
	// in the first line of the answer, or, with When "after", in its middle), slow (the answer's second half comes late),
	// garbage (status 200 and broken JSON), html (a page instead of JSON).
	Kind    string `json:"kind"`
	Status  int    `json:"status"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
	// RetryAfter is the Retry-After header: seconds as a number or a string,
	// or an HTTP date.
	RetryAfter json.RawMessage `json:"retry_after"`
	DelayMS    int             `json:"delay_ms"`

	Rate  float64 `json:"rate"`  // share of matching requests; 0 means all
	After int     `json:"after"` // let that many matching requests pass first
	Times int     `json:"times"` // stop after that many faults; 0 means never
	// When is "before" (default) or "after": the request is carried out and
	// only its answer is lost or replaced.
	When string `json:"when"`
}

// Kinds of faults.
var faultKinds = map[string]bool{"status": true, "cut": true, "slow": true, "garbage": true, "html": true}

// Check tells what is wrong with a fault.
func (f *Fault) Check() error {
	if f.Kind == "" {
		f.Kind = "status"
	}
	if !faultKinds[f.Kind] {
		return fmt.Errorf("kind %q: use status, cut, slow, garbage or html", f.Kind)
	}
	if f.Rate < 0 || f.Rate > 1 {
		return fmt.Errorf("rate %v: use 0 to 1", f.Rate)
	}
	if f.Status != 0 && (f.Status < 200 || f.Status > 599) {
		return fmt.Errorf("status %d: use 200 to 599", f.Status)
	}
	if f.When != "" && f.When != "before" && f.When != "after" {
		return fmt.Errorf("when %q: use before or after", f.When)
	}
	return nil
}

// Faults holds the faults in force. Which requests a rate hits depends on the
// seed, the fault's id and how many matching requests came before, never on
// time.
type Faults struct {
	seed int64
	any  atomic.Bool // skip the lock when there is nothing
	mu   sync.Mutex
	next int
	list []*armed
}

type armed struct {
	Fault
	seen, done int
}

// NewFaults returns an empty set.
func NewFaults(seed int64) *Faults { return &Faults{seed: seed, next: 1} }

// Add arms a fault and returns its id.
func (s *Faults) Add(f Fault) (int, error) {
	if err := f.Check(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f.ID = s.next
	s.next++
	s.list = append(s.list, &armed{Fault: f})
	s.any.Store(true)
	return f.ID, nil
}

// Clear disarms all faults.
func (s *Faults) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list, s.next = nil, 1
	s.any.Store(false)
}

// List returns the armed faults.
func (s *Faults) List() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []Fault{}
	for _, a := range s.list {
		out = append(out, a.Fault)
	}
	return out
}

// Pick returns the fault that hits a request, nil when none does. The first
// fault that matches and is due wins.
func (s *Faults) Pick(api, method, account string) *Fault {
	if !s.any.Load() {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.list {
		if !a.matches(api, method, account) || (a.Times > 0 && a.done >= a.Times) {
			continue
		}
		a.seen++
		if a.seen <= a.After || !s.chosen(a) {
			continue
		}
		a.done++
		f := a.Fault
		return &f
	}
	return nil
}

func (a *armed) matches(api, method, account string) bool {
	return (a.API == "" || a.API == api) &&
		(a.Method == method || strings.HasSuffix(method, "."+a.Method) || (a.Method == "" && method != "batch")) &&
		(a.Account == "" || strings.EqualFold(a.Account, account))
}

func (s *Faults) chosen(a *armed) bool {
	if a.Rate == 0 || a.Rate == 1 {
		return true
	}
	h := fnv.New64a()
	var b [24]byte
	binary.LittleEndian.PutUint64(b[:], uint64(s.seed))
	binary.LittleEndian.PutUint64(b[8:], uint64(a.ID))
	binary.LittleEndian.PutUint64(b[16:], uint64(a.seen))
	h.Write(b[:])
	// FNV's low bits are the mixed ones; a final multiply spreads them.
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return float64(x>>11)/float64(1<<53) < a.Rate
}

// after tells whether the request is to be carried out all the same.
func (f *Fault) after() bool { return f.When == "after" || f.Kind == "slow" }

// Header returns the Retry-After header a fault asks for.
func (f *Fault) Header() http.Header {
	v := strings.Trim(string(f.RetryAfter), `" `)
	if v == "" || v == "null" || v == "0" {
		return nil
	}
	return http.Header{"Retry-After": {v}}
}

// Delay is the delay a fault asks for.
func (f *Fault) Delay() time.Duration { return time.Duration(f.DelayMS) * time.Millisecond }

// reply is the answer of a fault that replaces the request.
func (f *Fault) reply(api *discovery.API, s *Server, now time.Time) reply {
	switch f.Kind {
	case "cut":
		return reply{mode: "cut"}
	case "garbage":
		return reply{status: orStatus(f.Status, 200), header: f.Header(), body: []byte(`{"id": "18c3f2a9b7d4e601", "payload": {"headers": [{"name": "Subj`)}
	case "html":
		code := orStatus(f.Status, 502)
		return reply{status: code, header: f.Header(), kind: "text/html; charset=UTF-8", body: []byte(errorPage(code))}
	}
	return errorReply(api, f.googleError(now))
}

// applied changes the answer of a request that was carried out.
func (f *Fault) applied(rep reply) reply {
	switch f.Kind {
	case "slow":
		rep.mode, rep.delay = "slow", f.Delay()
		return rep
	case "cut":
		rep.mode = "cut"
		return rep
	case "garbage":
		rep.body = append([]byte(nil), rep.body[:len(rep.body)/2]...)
		return rep
	}
	return f.reply(nil, nil, time.Time{})
}

func orStatus(s, d int) int {
	if s == 0 {
		return d
	}
	return s
}

// googleError is the error answer of a status fault, completed to what Google
// sends for that status and reason.
func (f *Fault) googleError(now time.Time) *Error {
	e := &Error{Code: orStatus(f.Status, 500), Reason: f.Reason, Message: f.Message, Header: f.Header()}
	if e.Reason == "" {
		e.Reason = reasonOf[e.Code]
	}
	switch e.Reason {
	case "rateLimitExceeded", "userRateLimitExceeded", "dailyLimitExceeded", "quotaExceeded":
		e.Domain = "usageLimits"
	case "authError":
		e.Location = "Authorization"
		if e.Message == "" {
			e.Message = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
			e.ErrorMessage = "Invalid Credentials"
		}
	case "insufficientPermissions":
		if e.Message == "" {
			e.Message, e.ErrorMessage = "Request had insufficient authentication scopes.", "Insufficient Permission"
		}
		e.Details = []any{map[string]any{"@type": "type.googleapis.com/google.rpc.ErrorInfo",
			"reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "domain": "googleapis.com"}}
	case "failedPrecondition":
		e.Status = "FAILED_PRECONDITION"
	}
	if e.Message == "" {
		e.Message = faultMessages[e.Reason]
	}
	if e.Message == "" && (e.Reason == "rateLimitExceeded" || e.Reason == "userRateLimitExceeded") {
		e.Message = "User-rate limit exceeded.  Retry after " + now.Add(f.wait()).Format("2006-01-02T15:04:05.000Z")
	}
	return e
}

// wait is how far ahead a rate fault says to retry: Retry-After when that is
// a number, otherwise a second.
func (f *Fault) wait() time.Duration {
	if h := f.Header(); h != nil {
		if n, err := strconv.Atoi(h.Get("Retry-After")); err == nil {
			return time.Duration(n) * time.Second
		}
	}
	return time.Second
}

var faultMessages = map[string]string{
	"dailyLimitExceeded":  "Daily Limit Exceeded",
	"quotaExceeded":       "Calendar usage limits exceeded.",
	"domainPolicy":        "The domain administrators have disabled third-party access.",
	"failedPrecondition":  "Precondition check failed.",
	"accessNotConfigured": "The API has not been used in project 100000000001 before or it is disabled. Enable it by visiting https://console.developers.google.com/apis/ then retry. If you enabled this API recently, wait a few minutes for the action to propagate to our systems and retry.",
}

func errorPage(code int) string {
	return fmt.Sprintf(`<!DOCTYPE html>
<html lang=en>
  <meta charset=utf-8>
  <title>Error %d (Server Error)!!1</title>
  <p><b>%d.</b> <ins>That’s an error.</ins>
  <p>The server encountered a temporary error and could not complete your request. <p>Please try again in 30 seconds.  <ins>That’s all we know.</ins>
`, code, code)
}
