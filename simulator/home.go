package simulator

import (
	"encoding/json"
	"net/http"
)

// home says what this address is to somebody who opens it.
func (s *Simulator) home(w http.ResponseWriter, r *http.Request) {
	apis := []string{}
	for _, room := range s.rooms {
		apis = append(apis, room.Name())
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	_ = e.Encode(map[string]any{ // the client went away: nothing to do
		"what":          "a simulated Google; nothing here is real",
		"apis":          apis,
		"control":       "/_sim/accounts",
		"configuration": "/.well-known/openid-configuration",
	})
}
