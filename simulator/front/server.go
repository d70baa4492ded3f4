package front

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"rapport/simulator/discovery"
	"rapport/simulator/world"
)

// Grant is what an access token stands for. Values are immutable.
type Grant struct {
	Account string // e-mail address, or the service account's
	Scopes  []string
	Client  string
	Project string // project number
}

// Tokens finds the grant of an access token; false when the token is unknown,
// expired or revoked. It is called once per request and must be fast.
type Tokens interface {
	Token(access string) (*Grant, bool)
}

// Server answers the APIs of all rooms.
type Server struct {
	World   *world.World
	Tokens  Tokens
	Log     *Log
	Faults  *Faults
	Quota   *Quota
	Latency *Latency
	// CheckAnswers makes every answer of a room that the discovery document
	// does not allow a 500 that says why. For the simulator's own tests.
	CheckAnswers bool

	matcher  *discovery.Matcher
	handlers map[*discovery.Method]*endpoint
	apis     map[string]*discovery.API // by "name/version" of the batch path
	prefixes map[string]string         // first path segments to API name
	uploads  uploads
	masks    sync.Map // method id + selection -> discovery.Mask
}

// endpoint is a method of a room, ready to be called.
type endpoint struct {
	room    string
	method  *discovery.Method
	handler Handler // nil: 501
}

// New assembles a server from rooms. It fails when a room's document does not
// compile, or when a room handles a method its document does not have.
func New(w *world.World, tokens Tokens, rooms ...Room) (*Server, error) {
	s := &Server{
		World:    w,
		Tokens:   tokens,
		Log:      NewLog(1 << 16),
		Faults:   NewFaults(w.Seed),
		Quota:    NewQuota(),
		Latency:  NewLatency(w.Seed),
		matcher:  discovery.NewMatcher(),
		handlers: map[*discovery.Method]*endpoint{},
		apis:     map[string]*discovery.API{},
		prefixes: map[string]string{},
	}
	s.uploads.sessions = map[string]*session{}
	for _, r := range rooms {
		if err := s.add(r); err != nil {
			return nil, fmt.Errorf("room %s: %w", r.Name(), err)
		}
	}
	return s, nil
}

func (s *Server) add(r Room) error {
	api, err := discovery.Compile(r.Document())
	if err != nil {
		return err
	}
	if err := s.matcher.Add(api); err != nil {
		return err
	}
	handlers := r.Methods()
	for id := range handlers {
		if api.Methods[id] == nil {
			return fmt.Errorf("no method %q in the discovery document", id)
		}
	}
	for id, m := range api.Methods {
		s.handlers[m] = &endpoint{room: r.Name(), method: m, handler: handlers[id]}
		s.prefixes[prefixOf(m.Template)] = r.Name()
	}
	s.apis[api.Name+"/"+api.Version] = api
	return nil
}

// Has tells whether there is a room of that name.
func (s *Server) Has(room string) bool {
	for _, ep := range s.handlers {
		if ep.room == room {
			return true
		}
	}
	return false
}

// prefixOf is the literal beginning of a template: "gmail/v1", "v1/projects".
func prefixOf(template string) string {
	segs := strings.Split(template, "/")
	first := segs[0]
	if len(segs) < 2 {
		return first
	}
	second, _, _ := strings.Cut(segs[1], ":")
	if name, shape, ok := strings.Cut(second, "="); ok && strings.HasPrefix(name, "{") {
		second, _, _ = strings.Cut(shape, "/")
	}
	if strings.HasPrefix(second, "{") {
		return first
	}
	return first + "/" + second
}

// owner names the API a path belongs to, "" when it is nobody's.
func (s *Server) owner(path string) string {
	path = strings.TrimPrefix(strings.TrimPrefix(path, "/"), "upload/")
	segs := strings.SplitN(path, "/", 3)
	if len(segs) > 1 {
		second, _, _ := strings.Cut(segs[1], ":")
		if o := s.prefixes[segs[0]+"/"+second]; o != "" {
			return o
		}
	}
	return s.prefixes[segs[0]]
}

// ServeHTTP answers one HTTP request: a call of a method, or a batch of them.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/batch") {
		s.serveBatch(w, r)
		return
	}
	var body []byte
	if r.ContentLength != 0 {
		var err error
		if body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody)); err != nil {
			s.write(w, r, errorReply(nil, &Error{Code: 413, Message: "Request payload size exceeds the limit.", Reason: "uploadTooLarge", Status: "INVALID_ARGUMENT"}))
			return
		}
	}
	s.write(w, r, s.answer(r, body, partOf{}))
}

// maxBody bounds a request: 35 MB of mail in base64 inside JSON and something.
const maxBody = 64 << 20

// partOf tells which part of which batch a request is; zero for none.
type partOf struct {
	batch  uint64
	part   int
	grant  *Grant // of the outer request
	outer  *http.Request
	held   bool // a place under the concurrency limit was taken by the batch
	denied bool // no place was left
}

// reply is an answer before it is written.
type reply struct {
	status int
	header http.Header // may be nil
	kind   string      // content type; empty means JSON
	body   []byte
	mode   string        // "", cut, slow: how a fault has it written
	delay  time.Duration // of slow
}

// answer takes a request through the pipeline.
func (s *Server) answer(r *http.Request, body []byte, p partOf) reply {
	now := s.World.Clock.Now()
	entry := Entry{Time: now, HTTP: r.Method, Path: r.URL.RequestURI(), Part: p.part, Batch: p.batch}
	rep := s.pipeline(r, body, p, now, &entry)
	entry.Status = rep.status
	if rep.mode == "cut" {
		entry.Status = 0
	}
	s.Log.Add(entry)
	return rep
}

func (s *Server) pipeline(r *http.Request, body []byte, p partOf, now time.Time, entry *Entry) reply {
	httpMethod := r.Method
	if o := r.Header.Get("X-HTTP-Method-Override"); o != "" && httpMethod == "POST" {
		httpMethod = strings.ToUpper(o)
	}
	if up := s.uploads.find(r); up != nil {
		httpMethod = up.method.HTTP // chunks come as PUT or POST
	}
	match, known, found := s.matcher.Find(httpMethod, r.URL.EscapedPath())
	if !found {
		entry.API = s.owner(r.URL.Path)
		return s.unknownPath(r, entry.API, known)
	}
	m := match.Method
	ep := s.handlers[m]
	entry.API, entry.Method, entry.ID = ep.room, m.Short, m.ID

	query := r.URL.Query()
	grant, state := s.authenticate(r, query, p)
	if grant != nil {
		entry.Account, entry.Client = grant.Account, grant.Client
	}
	s.Latency.Wait(r.Context())

	fault := s.Faults.Pick(ep.room, m.ID, entry.Account)
	if fault != nil && !fault.after() {
		return fault.reply(m.API, s, now)
	}
	rep := s.checked(r, body, p, now, entry, match, query, grant, state)
	if fault != nil {
		return fault.applied(rep)
	}
	return rep
}

// checked is the pipeline from authorisation on.
func (s *Server) checked(r *http.Request, body []byte, p partOf, now time.Time, entry *Entry,
	match discovery.Match, query url.Values, grant *Grant, state authState) reply {
	m := match.Method
	api := m.API
	if len(m.Scopes) > 0 && grant == nil {
		return errorReply(api, unauthenticated(state, m))
	}
	ep := s.handlers[m]
	if grant != nil && s.World.Projects.Lacks(grant.Project, ep.room) {
		return errorReply(api, notEnabled(ep.room, grant.Project, m))
	}
	sent, body, uploadErr := s.receive(r, m, match.Upload, query, body)
	if uploadErr != nil {
		return *uploadErr
	}
	if v := checkRequest(m, match.Path, query, body); v != nil {
		return errorReply(api, violation(api, v))
	}
	mask, v := s.mask(m, query.Get("fields"))
	if v != nil {
		return errorReply(api, violation(api, v))
	}
	if grant == nil {
		grant = &Grant{}
	} else if !m.Allows(grant.Scopes) {
		return errorReply(api, insufficientScope(m))
	}
	if ep.handler == nil {
		return errorReply(api, &Error{Code: 501, Message: "The simulator does not implement " + m.ID + ".", Reason: "notImplemented", Status: "UNIMPLEMENTED"})
	}
	release, refused := s.enter(p, grant)
	if refused != nil {
		s.Log.Refuse(grant.Account, ep.room, m.Short)
		return errorReply(api, refused)
	}
	defer release()
	cost, refused := s.Quota.Charge(ep.room, m.ID, grant, now)
	if refused != nil {
		s.Log.Refuse(grant.Account, ep.room, m.Short)
		return errorReply(api, refused)
	}
	entry.Units = cost
	call := &Call{
		Method: m.ID, Path: match.Path, Query: query, Body: body, Media: sent.data, Type: sent.kind,
		Account: grant.Account, Scopes: grant.Scopes, Client: grant.Client, Project: grant.Project,
		Now: now, Request: r, Cost: cost,
	}
	return s.call(ep, call, mask)
}

// enter takes a place among the requests of a user that run at the same time.
func (s *Server) enter(p partOf, g *Grant) (func(), *Error) {
	switch {
	case p.denied:
		return nil, tooManyConcurrent()
	case p.held:
		return func() {}, nil
	}
	release, ok := s.Quota.Enter(g)
	if !ok {
		return nil, tooManyConcurrent()
	}
	return release, nil
}

func checkRequest(m *discovery.Method, path, query url.Values, body []byte) *discovery.Violation {
	if v := m.CheckPath(path); v != nil {
		return v
	}
	if v := m.CheckQuery(query); v != nil {
		return v
	}
	return m.CheckBody(body)
}

// call runs the handler and renders what it answers.
func (s *Server) call(ep *endpoint, c *Call, mask discovery.Mask) (rep reply) {
	defer func() {
		if p := recover(); p != nil {
			slog.Error("simulator: handler panicked", "method", c.Method, "panic", p, "stack", string(debug.Stack()))
			rep = errorReply(ep.method.API, &Error{Code: 500, Message: "Internal error encountered.", Reason: "backendError", Status: "INTERNAL"})
		}
	}()
	answer, err := ep.handler(c)
	if err != nil {
		return errorReply(ep.method.API, asError(err))
	}
	rep = render(answer, mask, c.Query)
	if s.CheckAnswers && rep.kind == "" && rep.status < 300 && mask == nil {
		if v := ep.method.CheckResponse(rep.body); v != nil {
			return errorReply(ep.method.API, &Error{Code: 500, Reason: "badAnswer", Status: "INTERNAL",
				Message: "The simulator's answer to " + c.Method + " is wrong: " + v.Message})
		}
	}
	return rep
}

// unknownPath answers for a path no method has: 400 inside a known API, so
// that a caller's mistake shows, and Google's 404 page elsewhere.
func (s *Server) unknownPath(r *http.Request, api string, known bool) reply {
	if api == "" {
		return reply{status: 404, kind: "text/html; charset=UTF-8", body: []byte(notFoundPage(r.URL.Path))}
	}
	msg := fmt.Sprintf("No method of the %s API has the path %s.", api, r.URL.Path)
	if known {
		msg = fmt.Sprintf("The %s API has no method %s %s.", api, r.Method, r.URL.Path)
	}
	return errorReply(nil, &Error{Code: 400, Message: msg, Reason: "badRequest", Status: "INVALID_ARGUMENT"})
}

func (s *Server) mask(m *discovery.Method, selection string) (discovery.Mask, *discovery.Violation) {
	if selection == "" {
		return nil, nil
	}
	key := m.ID + "\x00" + selection
	if k, ok := s.masks.Load(key); ok {
		return k.(discovery.Mask), nil
	}
	k, v := m.ParseFields(selection)
	if v == nil && len(selection) < 1000 {
		s.masks.Store(key, k)
	}
	return k, v
}

// Reset drops what requests left behind: log, faults, quota, latency, uploads.
func (s *Server) Reset() {
	s.Log.Reset()
	s.Faults.Clear()
	s.Quota.Reset()
	s.Latency.Set(0, 0)
	s.uploads.reset()
}

// Latency delays every request.
type Latency struct {
	base, jitter atomic.Int64
	mu           sync.Mutex
	rand         interface{ Int64N(int64) int64 }
}

// NewLatency returns no delay.
func NewLatency(seed int64) *Latency {
	return &Latency{rand: world.Rand(seed, "latency")}
}

// Set makes every request wait base plus up to jitter.
func (l *Latency) Set(base, jitter time.Duration) {
	l.base.Store(int64(base))
	l.jitter.Store(int64(jitter))
}

// Wait delays the caller, or returns at once when there is nothing to wait for.
func (l *Latency) Wait(ctx context.Context) {
	d, j := l.base.Load(), l.jitter.Load()
	if d == 0 && j == 0 {
		return
	}
	if j > 0 {
		l.mu.Lock()
		d += l.rand.Int64N(j + 1)
		l.mu.Unlock()
	}
	pause(ctx, time.Duration(d))
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
