package control

import (
	"net/http"
	"slices"

	"rapport/simulator/oauth"
	"rapport/simulator/world"
)

// projectView is a Cloud project as its owner and the administrators of an
// organisation set it up: everything that makes a set-up work or not.
type projectView struct {
	ClientID     string   `json:"client_id"`
	ClientSecret string   `json:"secret"`
	Project      string   `json:"project"`
	Publishing   string   `json:"publishing"`
	Organisation string   `json:"organisation"`
	TestUsers    []string `json:"test_users"`
	RedirectURIs []string `json:"redirect_uris"`
	DisabledAPIs []string `json:"disabled_apis"`
	Deleted      bool     `json:"deleted"`
	Mode         string   `json:"mode"`
}

func (s *Server) projectOf(c world.Client) projectView {
	v := projectView{ClientID: c.ID, ClientSecret: c.Secret, Project: c.Project, Publishing: string(c.Publishing), Organisation: c.Organisation,
		TestUsers: list(c.TestUsers), RedirectURIs: list(c.RedirectURIs), DisabledAPIs: list(s.World.Projects.Disabled(c.Project)), Deleted: c.Deleted}
	if c.Publishing == world.Production {
		v.Publishing = "production"
	}
	v.Mode = "page"
	if c.ToCallback {
		v.Mode = "callback"
	}
	return v
}

func list(l []string) []string {
	if l == nil {
		return []string{}
	}
	return l
}

func (s *Server) clientNamed(id string) (world.Client, error) {
	if id == "" {
		id = world.DemoClientID
	}
	c, err := s.World.Clients.Get(id)
	if err != nil {
		return c, missing("client " + id)
	}
	return c, nil
}

func (s *Server) project(r *http.Request) (any, error) {
	c, err := s.clientNamed(r.URL.Query().Get("client_id"))
	if err != nil {
		return nil, err
	}
	return s.projectOf(c), nil
}

// projectChange says what is to be different. nil: as it is.
type projectChange struct {
	ClientID     string    `json:"client_id"`
	Secret       *string   `json:"secret"`
	Publishing   *string   `json:"publishing"`
	Organisation *string   `json:"organisation"`
	TestUsers    *[]string `json:"test_users"`
	RedirectURIs *[]string `json:"redirect_uris"`
	DisabledAPIs *[]string `json:"disabled_apis"`
	Deleted      *bool     `json:"deleted"`
	Mode         *string   `json:"mode"` // page or callback: where refusals are said
	Blocked      *blocked  `json:"blocked"`
}

// blocked is what the administrator of an organisation forbids the client.
type blocked struct {
	Domain string   `json:"domain"`
	App    bool     `json:"app"`    // altogether
	Scopes []string `json:"scopes"` // or these scopes
	Mode   string   `json:"mode"`   // page or callback: where consent says so
}

func (s *Server) setProject(r *http.Request) (any, error) {
	var b projectChange
	if err := read(r, &b); err != nil {
		return nil, err
	}
	c, err := s.clientNamed(b.ClientID)
	if err != nil {
		return nil, err
	}
	if err := b.apply(&c); err != nil {
		return nil, err
	}
	if b.DisabledAPIs != nil {
		for _, api := range *b.DisabledAPIs {
			if !s.Front.Has(api) {
				return nil, bad("disabled_apis: there is no API %q here", api)
			}
		}
		s.World.Projects.Disable(c.Project, *b.DisabledAPIs)
	}
	if b.Blocked != nil {
		if err := s.block(c.ID, *b.Blocked); err != nil {
			return nil, err
		}
	}
	return s.projectOf(s.World.Clients.Register(c)), nil
}

func (b *projectChange) apply(c *world.Client) error {
	if b.Publishing != nil {
		p, ok := map[string]world.Publishing{"production": world.Production, "testing": world.Testing, "internal": world.Internal}[*b.Publishing]
		if !ok {
			return bad("publishing %q: use production, testing or internal", *b.Publishing)
		}
		c.Publishing = p
	}
	for to, from := range map[*string]*string{&c.Secret: b.Secret, &c.Organisation: b.Organisation} {
		if from != nil {
			*to = *from
		}
	}
	for to, from := range map[*[]string]*[]string{&c.TestUsers: b.TestUsers, &c.RedirectURIs: b.RedirectURIs} {
		if from != nil {
			*to = *from
		}
	}
	if b.Deleted != nil {
		c.Deleted = *b.Deleted
	}
	if b.Mode != nil {
		if *b.Mode != "page" && *b.Mode != "callback" {
			return bad("mode %q: use page or callback", *b.Mode)
		}
		c.ToCallback = *b.Mode == "callback"
	}
	if c.Publishing == world.Internal && c.Organisation == "" {
		return bad("organisation: an internal application belongs to one")
	}
	return nil
}

// block changes what an organisation's policy says of one client; nothing
// blocked lifts it. Other decisions of the organisation stay.
func (s *Server) block(client string, b blocked) error {
	if b.Domain == "" {
		return bad("blocked: domain is missing")
	}
	if b.Mode != "" && b.Mode != "page" && b.Mode != "callback" {
		return bad("blocked: mode %q: use page or callback", b.Mode)
	}
	p := s.World.Domains.Policy(b.Domain)
	p.BlockedClients = slices.DeleteFunc(slices.Clone(p.BlockedClients), func(x string) bool { return x == client })
	if b.App {
		p.BlockedClients = append(p.BlockedClients, client)
	}
	p.RestrictedScopes = oauth.Normalise(b.Scopes)
	p.ToCallback = b.Mode == "callback"
	s.World.Domains.Set(b.Domain, p)
	return nil
}
