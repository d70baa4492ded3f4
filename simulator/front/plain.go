package front

import (
	"encoding/json"
	"net/http"
	"time"
)

// Plain serves an endpoint that is no method of a discovery document (token,
// consent page, certificates) under the same log, latency and faults. Its API
// name in the log and in faults is "oauth". who, when not nil, tells whose
// request it is before it is answered.
func (s *Server) Plain(method string, who func(*http.Request) (account, client string), h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := Entry{Time: s.World.Clock.Now(), API: "oauth", Method: method, ID: "oauth." + method, HTTP: r.Method, Path: r.URL.Path}
		if who != nil {
			e.Account, e.Client = who(r)
		}
		s.Latency.Wait(r.Context())
		rep := s.plain(r, &e, h)
		e.Status = rep.status
		if rep.mode == "cut" {
			e.Status = 0
		}
		s.Log.Add(e)
		s.write(w, r, rep)
	})
}

func (s *Server) plain(r *http.Request, e *Entry, h http.Handler) reply {
	f := s.Faults.Pick("oauth", e.ID, e.Account)
	if f != nil && !f.after() {
		return f.plainReply()
	}
	rec := &recorder{header: http.Header{}}
	h.ServeHTTP(rec, r)
	rep := rec.reply()
	switch {
	case f == nil:
		return rep
	case f.Kind == "slow" || f.Kind == "garbage":
		return f.applied(rep)
	}
	return f.plainReply()
}

// plainReply is a fault in the shape of the OAuth endpoints.
func (f *Fault) plainReply() reply {
	if f.Kind != "status" {
		return f.reply(nil, nil, time.Time{})
	}
	code := orStatus(f.Status, 503)
	body := map[string]string{"error": f.Reason, "error_description": f.Message}
	if f.Reason == "" {
		usual := oauthErrors[code]
		if usual[0] == "" {
			usual = [2]string{"internal_failure", "Backend Error"}
		}
		body["error"] = usual[0]
		if f.Message == "" {
			body["error_description"] = usual[1]
		}
	}
	for _, sub := range []string{"invalid_rapt", "rapt_required"} {
		if f.Message == "reauth related error ("+sub+")" {
			body["error_subtype"] = sub
		}
	}
	if body["error_description"] == "" {
		delete(body, "error_description")
	}
	out, _ := json.Marshal(body) // a map of strings always encodes
	return reply{status: code, header: f.Header(), body: out}
}

var oauthErrors = map[int][2]string{
	400: {"invalid_grant", "Token has been expired or revoked."},
	401: {"invalid_client", "Unauthorized"},
	403: {"access_denied", "Account restricted"},
	429: {"rate_limit_exceeded", "Rate Limit Exceeded"},
}

// recorder keeps what a handler writes, so that a fault can change it.
type recorder struct {
	header http.Header
	status int
	body   []byte
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(code int) {
	if r.status == 0 {
		r.status = code
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	r.body = append(r.body, b...)
	return len(b), nil
}

func (r *recorder) reply() reply {
	r.WriteHeader(http.StatusOK)
	kind := r.header.Get("Content-Type")
	r.header.Del("Content-Type")
	return reply{status: r.status, header: r.header, kind: kind, body: r.body}
}
