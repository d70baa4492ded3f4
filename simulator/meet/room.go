// Package meet is the simulated Google Meet: spaces, and whether somebody is
// in them.
package meet

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"rapport/simulator/discovery"
	"rapport/simulator/front"
	"rapport/simulator/world"
)

// Room is the Meet API of a world.
type Room struct {
	world *world.World

	mu     sync.Mutex
	rand   *rand.Rand
	spaces []*space
}

type space struct {
	id, code      string
	owner, app    string // address; project number
	config        map[string]any
	conference    string // id of the conference that goes on; empty: nobody is in it
	conferenceSeq int
}

// New makes a Meet without spaces.
func New(w *world.World) *Room {
	r := &Room{world: w}
	r.Reset()
	return r
}

// Reset removes all spaces.
func (r *Room) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rand, r.spaces = r.world.Rand("meet"), nil
}

// Name is the room's name in faults and logs.
func (r *Room) Name() string { return "meet" }

// Document is Meet's discovery document.
func (r *Room) Document() []byte { return discovery.Document("meet") }

// Methods lists what is served.
func (r *Room) Methods() map[string]front.Handler {
	return map[string]front.Handler{
		"meet.spaces.create":              r.create,
		"meet.spaces.get":                 r.get,
		"meet.spaces.patch":               r.patch,
		"meet.spaces.endActiveConference": r.end,
	}
}

func (r *Room) create(c *front.Call) (any, error) {
	config, err := configOf(c.Body)
	if err != nil {
		return nil, err
	}
	s := &space{owner: c.Account, app: c.Project, config: map[string]any{"accessType": "TRUSTED", "entryPointAccess": "ALL"}}
	for k, v := range config {
		s.config[k] = v
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s.id = r.draw("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", 12)
	const small = "abcdefghijkmnopqrstuvwxyz"
	s.code = r.draw(small, 3) + "-" + r.draw(small, 4) + "-" + r.draw(small, 3)
	r.spaces = append(r.spaces, s)
	return s.view(), nil
}

func (r *Room) draw(letters string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[r.rand.IntN(len(letters))]
	}
	return string(b)
}

// configOf reads the configuration of a request, without what means "not said".
func configOf(body []byte) (map[string]any, error) {
	var in struct{ Config map[string]any }
	if len(body) > 0 {
		if err := json.Unmarshal(body, &in); err != nil {
			return nil, &front.Error{Code: 400, Status: "INVALID_ARGUMENT", Message: "Invalid JSON payload received."}
		}
	}
	for k, v := range in.Config {
		if text, ok := v.(string); ok && strings.HasSuffix(text, "_UNSPECIFIED") {
			delete(in.Config, k)
		}
	}
	return in.Config, nil
}

func (s *space) view() map[string]any {
	out := map[string]any{"name": "spaces/" + s.id, "meetingUri": "https://meet.google.com/" + s.code, "meetingCode": s.code, "config": s.config}
	if s.conference != "" {
		out["activeConference"] = map[string]string{"conferenceRecord": "conferenceRecords/" + s.conference}
	}
	return out
}

const scopes = "https://www.googleapis.com/auth/meetings.space."

// find gives the space of a name (spaces/{id} or, for reading, spaces/{code})
// that the caller may use: of the scopes, "created" covers what the application
// made, the others every space of the account.
func (r *Room) find(c *front.Call, byCode bool) (*space, error) {
	id := strings.TrimPrefix(c.Path.Get("name"), "spaces/")
	i := slices.IndexFunc(r.spaces, func(s *space) bool { return s.id == id || byCode && strings.EqualFold(s.code, id) })
	if i >= 0 {
		s := r.spaces[i]
		wide := slices.ContainsFunc(c.Scopes, func(x string) bool {
			return x == scopes+"settings" || byCode && x == scopes+"readonly"
		})
		if s.owner == c.Account && (wide || s.app == c.Project) {
			return s, nil
		}
	}
	return nil, &front.Error{Code: 403, Status: "PERMISSION_DENIED", Message: "Permission denied on resource Space (or it might not exist)"}
}

func (r *Room) get(c *front.Call) (any, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, err := r.find(c, true)
	if err != nil {
		return nil, err
	}
	return s.view(), nil
}

func (r *Room) patch(c *front.Call) (any, error) {
	config, err := configOf(c.Body)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s, err := r.find(c, false)
	if err != nil {
		return nil, err
	}
	next := map[string]any{}
	for k, v := range s.config {
		next[k] = v
	}
	mask := c.Query.Get("updateMask")
	for _, path := range strings.Split(mask, ",") {
		name, isConfig := strings.CutPrefix(strings.TrimSpace(path), "config.")
		switch {
		case mask == "", path == "*", path == "config":
			for k, v := range config {
				next[k] = v
			}
		case !isConfig || strings.Contains(name, "."):
			return nil, &front.Error{Code: 400, Status: "INVALID_ARGUMENT", Message: "Request contains an invalid argument."}
		case config[name] == nil:
			delete(next, name)
		default:
			next[name] = config[name]
		}
	}
	s.config = next
	return s.view(), nil
}

// end ends the conference that goes on in a space.
func (r *Room) end(c *front.Call) (any, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, err := r.find(c, false)
	if err != nil {
		return nil, err
	}
	if s.conference == "" {
		return nil, &front.Error{Code: 400, Status: "FAILED_PRECONDITION", Message: "There is no active conference for the given space."}
	}
	s.conference = ""
	return front.Raw("{}\n"), nil
}

// Join makes a conference go on in the space of a meeting code, as when
// somebody enters it; false when there is no such space.
func (r *Room) Join(code string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.spaces {
		if strings.EqualFold(s.code, code) {
			if s.conference == "" {
				s.conferenceSeq++
				s.conference = s.id + "-" + string(rune('a'+s.conferenceSeq%26))
			}
			return true
		}
	}
	return false
}
