package oauth

import (
	"slices"
	"strings"
	"time"

	"rapport/simulator/world"
)

type grant struct {
	scopes  []string
	refresh []*refreshToken
	access  []string
}

// grantOf returns the scopes a user granted to a project so far.
func (s *store) grantOf(project, sub string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.grants[grantKey{project, sub}]; g != nil {
		return slices.Clone(g.scopes)
	}
	return nil
}

// addGrant adds scopes to what a user granted to a project.
func (s *store) addGrant(project, sub string, scopes []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.grant(project, sub)
	g.scopes = union(g.scopes, scopes)
}

func (s *store) grant(project, sub string) *grant {
	k := grantKey{project, sub}
	if s.grants[k] == nil {
		s.grants[k] = &grant{}
	}
	return s.grants[k]
}

// kill ends the whole grant of a user to a project.
func (s *store) kill(k grantKey) {
	g := s.grants[k]
	if g == nil {
		return
	}
	for _, t := range g.refresh {
		t.dead = true
	}
	for _, a := range g.access {
		s.access.Delete(a)
	}
	delete(s.grants, k)
}

// revokeToken ends the grant an access or refresh token belongs to; false
// when the token is dead or unknown.
func (s *store) revokeToken(text string) bool {
	now := s.world.Clock.Now()
	if a, ok := s.access.Load(text); ok {
		t := a.(*accessToken)
		if !now.Before(t.expires) {
			return false
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.kill(grantKey{t.Project, t.sub})
		return true
	}
	t := s.findRefresh(text)
	if t == nil || !s.usable(t) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kill(grantKey{t.project, t.sub})
	return true
}

// RevokeAccount ends every grant of an account, as when the user removes the
// applications in the account's settings. client limits it to one client's
// project; empty means all.
func (s *Server) RevokeAccount(email, client string) int {
	a, ok := s.world.Accounts.Get(email)
	if !ok {
		return 0
	}
	project := ""
	if client != "" {
		if cl, err := s.world.Clients.Get(client); err == nil {
			project = cl.Project
		}
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	n := 0
	for k := range s.store.grants {
		if k.sub == a.Sub && (project == "" || k.project == project) {
			s.store.kill(k)
			n++
		}
	}
	return n
}

// PasswordChanged kills every refresh token of an account that carries a Gmail
// scope; other tokens survive, and so do access tokens until they expire.
func (s *Server) PasswordChanged(email string) {
	a, ok := s.world.Accounts.Get(email)
	if !ok {
		return
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	for _, t := range s.store.refresh {
		if t.sub == a.Sub && slices.ContainsFunc(t.scopes, isGmail) {
			t.dead = true
		}
	}
}

func isGmail(scope string) bool {
	return scope == "https://mail.google.com/" || strings.HasPrefix(scope, scopePrefix+"gmail.")
}

// SetReauth makes every refresh of an account fail with a session-control
// error: "invalid_rapt" or "rapt_required"; empty ends that.
func (s *Server) SetReauth(email, subtype string) {
	a, ok := s.world.Accounts.Get(email)
	if !ok {
		return
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	if subtype == "" {
		delete(s.store.reauth, a.Sub)
		return
	}
	s.store.reauth[a.Sub] = subtype
}

// IssueToken gives an access token without any consent, for calling the APIs
// directly from a test.
func (s *Server) IssueToken(email, clientID string, scopes []string) (string, error) {
	a, ok := s.world.Accounts.Get(email)
	if !ok {
		return "", errNoAccount
	}
	if clientID == "" {
		clientID = world.DemoClientID
	}
	cl, err := s.world.Clients.Get(clientID)
	if err != nil {
		return "", err
	}
	return s.store.issueAccess(cl, a.Sub, a.Email, Normalise(scopes), nil), nil
}

// IssueRefresh gives a refresh token without any consent: a connection that
// was made earlier. The scopes count as granted.
func (s *Server) IssueRefresh(email, clientID string, scopes []string) (string, error) {
	a, ok := s.world.Accounts.Get(email)
	if !ok {
		return "", errNoAccount
	}
	if clientID == "" {
		clientID = world.DemoClientID
	}
	cl, err := s.world.Clients.Get(clientID)
	if err != nil {
		return "", err
	}
	return s.store.issueRefresh(cl, a.Sub, a.Email, Normalise(scopes), time.Time{}).token, nil
}

// AccountDeleted kills the access tokens of a deleted or suspended account; its
// refresh tokens answer for themselves.
func (s *Server) AccountDeleted(sub string) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	for k, g := range s.store.grants {
		if k.sub == sub {
			for _, a := range g.access {
				s.store.access.Delete(a)
			}
			g.access = nil
		}
	}
}
