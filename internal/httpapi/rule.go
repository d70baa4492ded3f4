package httpapi

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
)

// rule is who may call an operation. The zero rule is none: add panics on it.
type rule struct {
	kind   ruleKind
	action access.Action // ruleMember: what has to be allowed in the workspace of the path
	holder string        // ruleHolder: what the request has to carry
}

type ruleKind string

const (
	ruleAnyone   ruleKind = "anyone"
	ruleHolder   ruleKind = "holder"
	ruleSignedIn ruleKind = "signed_in"
	ruleInPerson ruleKind = "in_person"
	ruleTokens   ruleKind = "tokens"
	ruleMember   ruleKind = "member"
)

var (
	anyone   = rule{kind: ruleAnyone}
	signedIn = rule{kind: ruleSignedIn}
	// inPerson keeps API keys away from what belongs to the person: sessions, the password.
	inPerson = rule{kind: ruleInPerson}
	// tokens lets in keys with a right to vend, and members for themselves. Which
	// service and whose is decided with access.AllowVend.
	tokens = rule{kind: ruleTokens}
)

// may lets in members of the workspace in the path who may do the action.
func may(a access.Action) rule { return rule{kind: ruleMember, action: a} }

// holds lets in whoever carries something that is checked by the operation.
func holds(what string) rule { return rule{kind: ruleHolder, holder: what} }

// open rules need nobody to be signed in.
func (r rule) open() bool { return r.kind == ruleAnyone || r.kind == ruleHolder }

func (r rule) String() string {
	switch r.kind {
	case ruleHolder:
		return "whoever holds " + r.holder
	case ruleSignedIn:
		return "signed in"
	case ruleInPerson:
		return "signed in, with a session or a bearer token (no API key)"
	case ruleTokens:
		return "an API key with the scope tokens:vend:<service>, or the user's own session"
	case ruleMember:
		p := access.Policy[r.action]
		return "may " + string(r.action) + " (" + strings.Join(texts(p.Roles), ", ") + "; API keys need the scope " + p.Scope + ")"
	}
	return string(r.kind)
}

// Access is a rule as the description of the API publishes it, under the
// extension x-rapport-access.
type Access struct {
	Rule   string   `json:"rule"`
	Holder string   `json:"holder,omitempty"`
	Action string   `json:"action,omitempty"`
	Roles  []string `json:"roles,omitempty"` // of members who may
	Scope  string   `json:"scope,omitempty"` // that an API key needs
}

const accessExtension = "x-rapport-access"

func (r rule) published() Access {
	out := Access{Rule: string(r.kind), Holder: r.holder, Action: string(r.action)}
	switch r.kind {
	case ruleMember:
		p := access.Policy[r.action]
		out.Roles, out.Scope = texts(p.Roles), p.Scope
	case ruleTokens:
		out.Scope = "tokens:vend:<service>"
	}
	return out
}

// check panics on a rule that is none: it is a mistake in the table of routes.
func (r rule) check(id string) {
	if r.kind == "" {
		panic("the operation " + id + " has no rule")
	}
	if r.kind == ruleMember {
		if _, known := access.Policy[r.action]; !known {
			panic("the operation " + id + " asks for an action without a policy: " + string(r.action))
		}
	}
	if r.kind == ruleHolder && r.holder == "" {
		panic("the operation " + id + " does not say what its caller has to hold")
	}
}

// admitted says who a request is from, when the rule lets them in. workspace is
// that of the path, "" on paths without one.
func (s *Server) admitted(who rule, r *http.Request, workspace string) (access.Caller, error) {
	ctx := r.Context()
	nobody := access.Caller{Remote: r.RemoteAddr, RequestID: requestIDOf(ctx)}
	if r.Method == http.MethodPost && r.URL.Path == base+"/setup" && !s.ownName(r.Host) {
		return nobody, &fault.Error{Kind: fault.Forbidden, Code: "not_our_name", Text: "The first owner is made under this machine's own name or under PUBLIC_URL. Set PUBLIC_URL to the address you use, or open it as localhost."}
	}
	shown := s.presented(r)
	c, err := s.Org.Authenticate(ctx, shown)
	if err != nil {
		nothing := shown.Bearer.IsZero() && shown.Session.IsZero()
		switch {
		case who.open(): // whoever it is, they may
			return nobody, nil
		case who.kind == ruleTokens && nothing && s.Vault.Open && !forwarded(r):
			return s.anybody(r, nobody)
		}
		return nobody, err
	}
	c.Remote, c.RequestID = nobody.Remote, nobody.RequestID
	switch who.kind {
	case ruleInPerson:
		if c.Via == access.ViaKey {
			return c, fault.New(fault.Forbidden, "API keys cannot do this: sign in.")
		}
	case ruleTokens:
		return s.broker(r, c)
	case ruleMember:
		if c, err = s.Org.Enter(ctx, c, crm.WorkspaceID(workspace)); err != nil {
			return c, err
		}
		return c, access.Allow(c, who.action)
	}
	return c, nil
}

// broker puts a caller of the token service into their workspace: that of the
// key, the one of ?workspace_id=, or the caller's first.
func (s *Server) broker(r *http.Request, c access.Caller) (access.Caller, error) {
	if s.Vault.Open && forwarded(r) { // an open broker asks nobody for the right to a token
		return c, fault.New(fault.Forbidden, "The token service is open to this machine alone (BROKER_OPEN), and this request came through a proxy.")
	}
	wanted := crm.WorkspaceID("")
	if r.URL.RawQuery != "" {
		wanted = crm.WorkspaceID(r.URL.Query().Get("workspace_id"))
	}
	c, err := s.Org.EnterHome(r.Context(), c, wanted)
	if err != nil {
		return c, err
	}
	return c, access.Allow(c, access.TokensManage)
}

// forwarded reports whether a request came from elsewhere through a proxy.
func forwarded(r *http.Request) bool {
	return slices.ContainsFunc([]string{
		"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Server", "X-Real-Ip", "X-Client-Ip",
		"True-Client-Ip", "Cf-Connecting-Ip", "Cdn-Loop", "Via",
	}, func(name string) bool { return len(r.Header.Values(name)) > 0 })
}

// ownName reports whether a request names this machine or our public address. A
// page of anybody's can let its own name point here and read the answers as its
// own (DNS rebinding): where nobody has to prove who they are, the name has to.
func (s *Server) ownName(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	public, err := url.Parse(s.PublicURL)
	return loopback(name) || err == nil && name == public.Hostname()
}

// anybody is who calls an open broker (BROKER_OPEN): nobody in particular, in
// the only workspace.
func (s *Server) anybody(r *http.Request, nobody access.Caller) (access.Caller, error) {
	if !s.ownName(r.Host) {
		return nobody, fault.New(fault.Forbidden, "The token service is open to this machine alone, under its own name.")
	}
	only, err := s.Org.Store.Only(r.Context())
	if fault.Is(err, fault.NotFound) {
		return nobody, fault.New(fault.Unauthenticated, "There are several workspaces: the token service asks who you are.")
	}
	nobody.Workspace = only.ID
	return nobody, err
}
