package oauth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"rapport/simulator/front"
	"rapport/simulator/world"
)

// Lives of what the server issues.
const (
	CodeLife    = 10 * time.Minute
	AccessLife  = 3599 * time.Second
	TestingLife = 7*24*time.Hour - time.Second // Google answers 604799
	IdleLife    = 182 * 24 * time.Hour         // six months without use
	MaxRefresh  = 100                          // live refresh tokens of a user for one client
)

// store keeps codes, tokens and grants.
type store struct {
	world  *world.World
	secret []byte // signs refresh tokens, so that they outlive a restart
	access sync.Map

	mu      sync.Mutex
	epoch   int
	codes   map[string]*code
	refresh map[string]*refreshToken
	grants  map[grantKey]*grant
	reauth  map[string]string // sub -> error_subtype of its refreshes
	issued  int               // access tokens since the last sweep
}

// grantKey: consent is given to a Cloud project, not to one of its clients.
type grantKey struct{ project, sub string }

type code struct {
	client, redirect, sub, email string
	scopes                       []string
	challenge, challengeMethod   string
	nonce                        string
	offline                      bool // access_type=offline and a consent page was shown
	expires                      time.Time
	used                         bool
}

type refreshToken struct {
	token, client, project, sub, email string
	scopes                             []string
	created, used                      time.Time
	expires                            time.Time // zero: not time-based
	dead                               bool
}

type accessToken struct {
	front.Grant
	sub     string
	expires time.Time
	refresh *refreshToken // nil for online tokens
}

func newStore(w *world.World) *store {
	var seed [8]byte
	binary.LittleEndian.PutUint64(seed[:], uint64(w.Seed))
	secret := sha256.Sum256(append([]byte("refresh tokens of simulator "), seed[:]...))
	s := &store{world: w, secret: secret[:]}
	s.reset()
	s.epoch = 0
	return s
}

func (s *store) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch++
	s.codes = map[string]*code{}
	s.refresh = map[string]*refreshToken{}
	s.grants = map[grantKey]*grant{}
	s.reauth = map[string]string{}
	s.access.Clear()
}

func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// addCode remembers a code and returns its text.
func (s *store) addCode(c *code) string {
	text := "4/0A" + random(48)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.world.Clock.Now()
	for k, old := range s.codes {
		if now.Sub(old.expires) > time.Hour {
			delete(s.codes, k)
		}
	}
	s.codes[text] = c
	return text
}

// issueAccess makes an access token.
func (s *store) issueAccess(cl world.Client, sub, email string, scopes []string, from *refreshToken) string {
	now := s.world.Clock.Now()
	text := "ya29.a0" + random(96)
	s.access.Store(text, &accessToken{
		Grant:   front.Grant{Account: email, Scopes: slices.Clone(scopes), Client: cl.ID, Project: cl.Project},
		sub:     sub,
		expires: now.Add(AccessLife), refresh: from,
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.grant(cl.Project, sub)
	g.access = append(g.access, text)
	if s.issued++; s.issued >= 10000 {
		s.issued = 0
		s.sweep(now)
	}
	return text
}

// sweep forgets expired access tokens.
func (s *store) sweep(now time.Time) {
	for _, g := range s.grants {
		g.access = slices.DeleteFunc(g.access, func(t string) bool {
			a, ok := s.access.Load(t)
			if ok && now.After(a.(*accessToken).expires) {
				s.access.Delete(t)
				ok = false
			}
			return !ok
		})
	}
}

// Token implements front.Tokens.
func (s *Server) Token(access string) (*front.Grant, bool) {
	a, ok := s.store.access.Load(access)
	if !ok {
		return nil, false
	}
	t := a.(*accessToken)
	if !s.world.Clock.Now().Before(t.expires) {
		return nil, false
	}
	return &t.Grant, true
}

// Expires tells until when an access token is good, revoked or not; false when
// it is unknown.
func (s *Server) Expires(access string) (time.Time, bool) {
	a, ok := s.store.access.Load(access)
	if !ok {
		return time.Time{}, false
	}
	return a.(*accessToken).expires, true
}

// issueRefresh makes a refresh token. The oldest of more than MaxRefresh of
// the same user and client dies without a word.
func (s *store) issueRefresh(cl world.Client, sub, email string, scopes []string, expires time.Time) *refreshToken {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.world.Clock.Now()
	t := &refreshToken{client: cl.ID, project: cl.Project, sub: sub, email: email, scopes: slices.Clone(scopes),
		created: now, used: now, expires: expires}
	t.token = s.sign(t)
	s.keep(t)
	return t
}

func (s *store) keep(t *refreshToken) {
	s.refresh[t.token] = t
	g := s.grant(t.project, t.sub)
	g.refresh = slices.DeleteFunc(append(g.refresh, t), func(x *refreshToken) bool { return x.dead })
	g.scopes = union(g.scopes, t.scopes)
	var same []*refreshToken
	for _, x := range g.refresh {
		if x.client == t.client {
			same = append(same, x)
		}
	}
	for i := 0; i < len(same)-MaxRefresh; i++ {
		same[i].dead = true
	}
}

// sealed is what a refresh token says about itself. The simulator keeps
// nothing on disk; a token that explains itself survives its restart, as the
// real Google's survive everything.
type sealed struct {
	Sub     string `json:"s"`
	Client  string `json:"c"`
	Scopes  string `json:"o"`
	Created int64  `json:"t"`
	Expires int64  `json:"x,omitempty"`
	Epoch   int    `json:"e,omitempty"`
	Nonce   string `json:"n"`
}

const scopePrefix = "https://www.googleapis.com/auth/"

func (s *store) sign(t *refreshToken) string {
	short := make([]string, len(t.scopes))
	for i, sc := range t.scopes {
		short[i] = strings.Replace(sc, scopePrefix, "~", 1)
	}
	p := sealed{Sub: t.sub, Client: t.client, Scopes: strings.Join(short, " "), Created: t.created.Unix(), Epoch: s.epoch, Nonce: random(6)}
	if !t.expires.IsZero() {
		p.Expires = t.expires.Unix()
	}
	body, _ := json.Marshal(p) // strings and numbers always encode
	text := "1//" + base64.RawURLEncoding.EncodeToString(append(s.mac(body), body...))
	if len(text) > 512 { // Google's limit; such a token does not survive a restart
		text = "1//0" + random(64)
	}
	return text
}

func (s *store) mac(body []byte) []byte {
	h := hmac.New(sha256.New, s.secret)
	h.Write(body)
	return h.Sum(nil)[:12]
}

// restore rebuilds a refresh token an earlier run of the simulator issued.
func (s *store) restore(text string) *refreshToken {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(text, "1//"))
	if err != nil || len(raw) < 12 || !hmac.Equal(raw[:12], s.mac(raw[12:])) {
		return nil
	}
	var p sealed
	if json.Unmarshal(raw[12:], &p) != nil || p.Epoch != s.epoch {
		return nil
	}
	account, ok := s.world.Accounts.BySub(p.Sub)
	if !ok {
		return nil
	}
	cl, err := s.world.Clients.Get(p.Client)
	if err != nil {
		return nil
	}
	t := &refreshToken{token: text, client: cl.ID, project: cl.Project, sub: p.Sub, email: account.Email,
		scopes: strings.Fields(strings.ReplaceAll(p.Scopes, "~", scopePrefix)), created: time.Unix(p.Created, 0), used: s.world.Clock.Now()}
	if p.Expires != 0 {
		t.expires = time.Unix(p.Expires, 0)
	}
	s.keep(t)
	return t
}

// findRefresh returns a refresh token, nil when nobody issued it.
func (s *store) findRefresh(text string) *refreshToken {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.refresh[text]; t != nil {
		return t
	}
	return s.restore(text)
}

// usable tells whether a refresh token still works, and marks it used.
func (s *store) usable(t *refreshToken) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.world.Clock.Now()
	if t.dead || now.Sub(t.used) > IdleLife || (!t.expires.IsZero() && !now.Before(t.expires)) {
		return false
	}
	t.used = now
	return true
}

// owner tells whose token or code a text is, "" when unknown.
func (s *store) owner(text string, now time.Time) (email, client string) {
	if a, ok := s.access.Load(text); ok {
		t := a.(*accessToken)
		return t.Account, t.Client
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.refresh[text]; t != nil {
		return t.email, t.client
	}
	if c := s.codes[text]; c != nil {
		return c.email, c.client
	}
	return "", ""
}

func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, x := range b {
		if !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	sort.Strings(out)
	return out
}
