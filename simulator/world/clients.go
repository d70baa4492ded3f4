package world

import (
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// The client that exists in every world, so that a demo needs no registration.
const (
	DemoClientID     = "100000000001-demo.apps.googleusercontent.com"
	DemoClientSecret = "GOCSPX-simulated-demo-secret"
	DemoProject      = "100000000001"
	DemoProjectID    = "rapport-demo"
)

// Publishing is the publishing status of the project's consent screen.
type Publishing string

const (
	Production Publishing = ""         // no limits
	Testing    Publishing = "testing"  // listed test users, refresh tokens live 7 days
	Internal   Publishing = "internal" // accounts of Client.Organisation only
)

// Client is an OAuth client registered in a Cloud project.
type Client struct {
	ID        string
	Secret    string
	Name      string // what the consent page calls the application
	Project   string // project number
	ProjectID string // project id, the P of projects/P/topics/T

	RedirectURIs []string // exact; empty means any loopback address
	Public       bool     // native application: no secret needed

	Publishing   Publishing
	TestUsers    []string      // of Testing; empty means everybody
	Organisation string        // domain of Internal
	Unverified   bool          // show the "not verified" warning
	Deleted      bool          // answers deleted_client
	ToCallback   bool          // report org_internal and the like to the redirect URI instead of a page
	RefreshLife  time.Duration // time-based access: refresh tokens live that long
}

// AllowsRedirect tells whether uri may receive codes of this client: listed
// exactly, or, when nothing is listed, on a loopback address.
func (c *Client) AllowsRedirect(uri string) bool {
	if len(c.RedirectURIs) > 0 {
		return slices.Contains(c.RedirectURIs, uri)
	}
	return isLoopback(uri)
}

func isLoopback(uri string) bool {
	u, err := url.Parse(uri)
	if err != nil || u.Fragment != "" || u.User != nil || (u.Scheme != "http" && u.Scheme != "https") {
		return false
	}
	host := u.Hostname()
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// ErrNoClient is returned for a client id nobody registered.
var ErrNoClient = errors.New("no such client")

// Clients is the registry of OAuth clients. Unless Strict, an unknown client
// id registers itself when it is first used and the first secret it shows is
// its secret from then on: a demo works with any configuration, and a secret
// that changes is still refused.
type Clients struct {
	mu     sync.RWMutex
	strict bool
	byID   map[string]*Client
}

// NewClients returns a registry with the demo client.
func NewClients() *Clients {
	c := &Clients{byID: map[string]*Client{}}
	c.Register(Client{ID: DemoClientID, Secret: DemoClientSecret, Name: "Rapport", Project: DemoProject, ProjectID: DemoProjectID})
	return c
}

// SetStrict decides whether unknown clients are refused.
func (c *Clients) SetStrict(strict bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.strict = strict
}

// Register adds or replaces a client. Project defaults to the digits before
// the first dash of the id, as in Google's client ids, ProjectID to
// "project-<Project>".
func (c *Clients) Register(cl Client) Client {
	cl = withDefaults(cl)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byID[cl.ID] = &cl
	return cl
}

// Get finds a client; unknown ones are registered unless the registry is strict.
func (c *Clients) Get(id string) (Client, error) {
	c.mu.RLock()
	cl, ok := c.byID[id]
	strict := c.strict
	c.mu.RUnlock()
	if ok {
		return *cl, nil
	}
	if strict || id == "" {
		return Client{}, ErrNoClient
	}
	return c.Register(Client{ID: id, Name: "Your application"}), nil
}

// CheckSecret compares a presented secret; a client without one adopts it.
func (c *Clients) CheckSecret(id, secret string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	cl, ok := c.byID[id]
	if !ok {
		return false
	}
	if cl.Secret == "" && !c.strict {
		next := *cl
		next.Secret = secret
		c.byID[id] = &next
		return true
	}
	return cl.Secret == secret
}

// List returns all clients, sorted by id.
func (c *Clients) List() []Client {
	c.mu.RLock()
	defer c.mu.RUnlock()
	out := make([]Client, 0, len(c.byID))
	for _, cl := range c.byID {
		out = append(out, *cl)
	}
	slices.SortFunc(out, func(a, b Client) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// Replace makes list the whole registry.
func (c *Clients) Replace(list []Client) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byID = make(map[string]*Client, len(list))
	for _, cl := range list {
		c.byID[cl.ID] = &cl
	}
}

// OfProject tells whether name (number or id) is the project of the client.
func (c *Client) OfProject(name string) bool { return name == c.Project || name == c.ProjectID }

func withDefaults(cl Client) Client {
	if cl.Project == "" {
		head, _, found := strings.Cut(cl.ID, "-")
		if found && head != "" && strings.Trim(head, "0123456789") == "" {
			cl.Project = head
		} else {
			h := fnv.New32a()
			h.Write([]byte(cl.ID))
			cl.Project = fmt.Sprintf("2%011d", h.Sum32())
		}
	}
	if cl.ProjectID == "" {
		cl.ProjectID = "project-" + cl.Project
	}
	return cl
}
