package control

import (
	"net/http"
	"strconv"
	"time"

	"rapport/simulator/front"
	"rapport/simulator/oauth"
	"rapport/simulator/pubsub"
	"rapport/simulator/world"
)

func (s *Server) addFault(r *http.Request) (any, error) {
	var f front.Fault
	if err := read(r, &f); err != nil {
		return nil, err
	}
	id, err := s.Front.Faults.Add(f)
	if err != nil {
		return nil, bad("%v", err)
	}
	return map[string]int{"id": id}, nil
}

func (s *Server) setNotifications(r *http.Request) (any, error) {
	if s.PubSub == nil {
		return nil, absent("pubsub")
	}
	var b struct {
		Mode    pubsub.Mode `json:"mode"`
		DelayMS int         `json:"delay_ms"`
	}
	if err := read(r, &b); err != nil {
		return nil, err
	}
	if err := s.PubSub.SetBehaviour(pubsub.Behaviour{Mode: b.Mode, Delay: time.Duration(b.DelayMS) * time.Millisecond}); err != nil {
		return nil, bad("%v", err)
	}
	return s.notifications(r)
}

func (s *Server) notifications(*http.Request) (any, error) {
	if s.PubSub == nil {
		return nil, absent("pubsub")
	}
	b, stats := s.PubSub.Behaviour()
	return map[string]any{"mode": b.Mode, "delay_ms": b.Delay.Milliseconds(), "stats": stats}, nil
}

func (s *Server) forge(r *http.Request) (any, error) {
	if s.PubSub == nil {
		return nil, absent("pubsub")
	}
	var f pubsub.Forgery
	if err := read(r, &f); err != nil {
		return nil, err
	}
	status, err := s.PubSub.Forge(r.Context(), f)
	if err != nil {
		return nil, bad("%v", err)
	}
	return map[string]int{"status": status}, nil
}

func (s *Server) clock(*http.Request) (any, error) {
	return map[string]any{
		"now":    s.World.Clock.Now().Format(time.RFC3339Nano),
		"offset": s.World.Clock.Offset().String(),
	}, nil
}

func (s *Server) advance(r *http.Request) (any, error) {
	var b struct {
		Advance string `json:"advance"`
	}
	if err := read(r, &b); err != nil {
		return nil, err
	}
	d, err := time.ParseDuration(b.Advance)
	if err != nil {
		return nil, bad("advance %q: use a duration like 168h or 90s", b.Advance)
	}
	s.World.Clock.Advance(d)
	return s.clock(r)
}

func (s *Server) setQuota(r *http.Request) (any, error) {
	var b struct {
		Preset           string         `json:"preset"`
		PerUserMinute    *int           `json:"per_user_minute"`
		PerProjectMinute *int           `json:"per_project_minute"`
		Costs            map[string]int `json:"costs"`
		Concurrency      *int           `json:"concurrency"`
	}
	if err := read(r, &b); err != nil {
		return nil, err
	}
	if err := s.Front.Quota.Set(b.Preset, b.PerUserMinute, b.PerProjectMinute, b.Costs, b.Concurrency); err != nil {
		return nil, bad("%v", err)
	}
	return s.Front.Quota.Limits(), nil
}

func (s *Server) latency(r *http.Request) (any, error) {
	var b struct {
		MS       int `json:"ms"`
		JitterMS int `json:"jitter_ms"`
	}
	if err := read(r, &b); err != nil {
		return nil, err
	}
	if b.MS < 0 || b.JitterMS < 0 {
		return nil, bad("delays are not negative")
	}
	s.Front.Latency.Set(time.Duration(b.MS)*time.Millisecond, time.Duration(b.JitterMS)*time.Millisecond)
	return b, nil
}

func (s *Server) requests(r *http.Request) (any, error) {
	since := uint64(0)
	if v := r.URL.Query().Get("since"); v != "" {
		n, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			return nil, bad("since %q is not a number", v)
		}
		since = n
	}
	return s.Front.Log.Since(since), nil
}

func (s *Server) reset(*http.Request) (any, error) {
	s.World.Clock.Reset()
	s.Front.Reset()
	s.OAuth.Reset()
	if s.OnReset != nil {
		if err := s.OnReset(); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

type clientView struct {
	ID           string   `json:"client_id"`
	Secret       string   `json:"client_secret,omitempty"`
	Name         string   `json:"name"`
	Project      string   `json:"project"`
	ProjectID    string   `json:"project_id"`
	RedirectURIs []string `json:"redirect_uris"`
	Public       bool     `json:"public"`
	Publishing   string   `json:"publishing"` // production (or empty), testing, internal
	TestUsers    []string `json:"test_users"`
	Organisation string   `json:"organisation"`
	Unverified   bool     `json:"unverified"`
	Deleted      bool     `json:"deleted"`
	RefreshLife  string   `json:"refresh_life,omitempty"` // time-based access, "24h"
}

func (s *Server) clients(*http.Request) (any, error) {
	out := []clientView{}
	for _, c := range s.World.Clients.List() {
		v := clientView{ID: c.ID, Secret: c.Secret, Name: c.Name, Project: c.Project, ProjectID: c.ProjectID,
			RedirectURIs: c.RedirectURIs, Public: c.Public, Publishing: string(c.Publishing), TestUsers: c.TestUsers,
			Organisation: c.Organisation, Unverified: c.Unverified, Deleted: c.Deleted}
		if c.RefreshLife > 0 {
			v.RefreshLife = c.RefreshLife.String()
		}
		out = append(out, v)
	}
	return out, nil
}

func (s *Server) registerClient(r *http.Request) (any, error) {
	var b clientView
	if err := read(r, &b); err != nil {
		return nil, err
	}
	if b.ID == "" {
		return nil, bad("client_id is missing")
	}
	p := world.Publishing(b.Publishing)
	if p == "production" {
		p = world.Production
	}
	if p != world.Production && p != world.Testing && p != world.Internal {
		return nil, bad("publishing %q: use production, testing or internal", b.Publishing)
	}
	var life time.Duration
	if b.RefreshLife != "" {
		var err error
		if life, err = time.ParseDuration(b.RefreshLife); err != nil {
			return nil, bad("refresh_life: %v", err)
		}
	}
	s.World.Clients.Register(world.Client{ID: b.ID, Secret: b.Secret, Name: b.Name, Project: b.Project, ProjectID: b.ProjectID,
		RedirectURIs: b.RedirectURIs, Public: b.Public, Publishing: p, TestUsers: b.TestUsers,
		Organisation: b.Organisation, Unverified: b.Unverified, Deleted: b.Deleted, RefreshLife: life})
	return b, nil
}

func (s *Server) setPolicy(r *http.Request) (any, error) {
	var b struct {
		BlockedClients   []string `json:"blocked_clients"`
		RestrictedScopes []string `json:"restricted_scopes"`
		TrustedClients   []string `json:"trusted_clients"`
		ToCallback       bool     `json:"to_callback"`
		DirectoryHidden  bool     `json:"directory_hidden"`
	}
	if err := read(r, &b); err != nil {
		return nil, err
	}
	s.World.Domains.Set(r.PathValue("domain"), world.Policy{BlockedClients: b.BlockedClients,
		RestrictedScopes: oauth.Normalise(b.RestrictedScopes), TrustedClients: b.TrustedClients,
		ToCallback: b.ToCallback, DirectoryHidden: b.DirectoryHidden})
	return nil, nil
}

func (s *Server) serviceAccount(r *http.Request) (any, error) {
	var b struct {
		Email     string              `json:"email"`
		ClientID  string              `json:"client_id"`
		Project   string              `json:"project"`
		ProjectID string              `json:"project_id"`
		Delegated map[string][]string `json:"delegated"`
	}
	if err := read(r, &b); err != nil {
		return nil, err
	}
	key, err := s.OAuth.AddServiceAccount(oauth.ServiceAccount{Email: b.Email, ClientID: b.ClientID, Project: b.Project,
		ProjectID: b.ProjectID, Delegated: b.Delegated}, "http://"+r.Host)
	if err != nil {
		return nil, bad("%v", err)
	}
	return front.Raw(key), nil
}
