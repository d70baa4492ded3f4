package oauth

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"rapport/simulator/world"
)

// request is a checked authorisation request.
type request struct {
	client      world.Client
	redirect    *url.URL
	state       string
	scopes      []string
	asked       []string // the same in the order of the request
	offline     bool
	prompt      []string
	hint, hd    string
	nonce       string
	challenge   string
	method      string // plain or S256
	incremental bool   // include_granted_scopes
	raw         string // the query as it came: forms post back to it
}

// authorize is the authorisation endpoint. GET shows the account chooser; the
// forms post back to the same address, so that every step carries the whole
// request and nothing is kept here between steps.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	q, page := s.parse(r)
	if page != nil {
		s.showError(w, page)
		return
	}
	if code := q.invalid(r.URL.Query()); code != "" {
		s.redirectError(w, r, q, code)
		return
	}
	if r.Method == http.MethodPost {
		s.step(w, r, q)
		return
	}
	if slices.Contains(q.prompt, "none") {
		s.silent(w, r, q)
		return
	}
	if a, ok := s.hinted(q); ok && len(q.prompt) == 0 && !s.needsConsent(q, a) {
		s.decide(w, r, q, a) // nothing to ask: as Google, straight back
		return
	}
	s.showChooser(w, q)
}

// parse reads the request and checks everything that Google reports on its own
// page, because the redirect URI cannot be trusted yet.
func (s *Server) parse(r *http.Request) (*request, *errorPage) {
	v := r.URL.Query()
	missing := func(name string) *errorPage {
		return &errorPage{Status: 400, Code: "invalid_request", Message: "Missing required parameter: " + name}
	}
	if v.Get("client_id") == "" {
		return nil, missing("client_id")
	}
	cl, err := s.world.Clients.Get(v.Get("client_id"))
	if err != nil {
		return nil, &errorPage{Status: 401, Code: "invalid_client", Message: "The OAuth client was not found."}
	}
	if cl.Deleted {
		return nil, &errorPage{Status: 401, Code: "deleted_client", Message: "The OAuth client was deleted."}
	}
	uri := v.Get("redirect_uri")
	if uri == "" {
		return nil, missing("redirect_uri")
	}
	redirect, err := url.Parse(uri)
	if err != nil || !cl.AllowsRedirect(uri) {
		return nil, &errorPage{Status: 400, Code: "redirect_uri_mismatch", App: cl.Name,
			Message: "The redirect URI in the request, " + uri + ", does not match the ones authorized for the OAuth client."}
	}
	asked := longForms(strings.FieldsFunc(v.Get("scope"), func(r rune) bool { return r == ' ' || r == '+' }))
	scopes := Normalise(asked)
	if len(scopes) == 0 {
		return nil, missing("scope")
	}
	if bad := unknownScopes(scopes); len(bad) > 0 {
		return nil, &errorPage{Status: 400, Code: "invalid_scope", App: cl.Name,
			Message: "Some requested scopes were invalid. {invalid=[" + strings.Join(bad, ", ") + "]}"}
	}
	if v.Get("prompt") != "" && v.Get("approval_prompt") != "" {
		return nil, &errorPage{Status: 400, Code: "invalid_request", App: cl.Name, Message: "Conflict params: approval_prompt and prompt"}
	}
	q := &request{
		client: cl, redirect: redirect, state: v.Get("state"), scopes: scopes, asked: asked,
		offline: v.Get("access_type") == "offline",
		prompt:  strings.FieldsFunc(v.Get("prompt"), func(r rune) bool { return r == ' ' || r == ',' }),
		hint:    v.Get("login_hint"), hd: v.Get("hd"), nonce: v.Get("nonce"),
		challenge: v.Get("code_challenge"), method: v.Get("code_challenge_method"),
		incremental: v.Get("include_granted_scopes") == "true", raw: r.URL.RawQuery,
	}
	if v.Get("approval_prompt") == "force" {
		q.prompt = []string{"consent"}
	}
	if q.method == "" {
		q.method = "plain"
	}
	return q, nil
}

// invalid names what is wrong with the rest of a request, "" when it is fine.
func (q *request) invalid(v url.Values) string {
	switch rt := v.Get("response_type"); {
	case rt == "":
		return "invalid_request"
	case rt != "code":
		return "unsupported_response_type"
	}
	if q.method != "plain" && q.method != "S256" {
		return "invalid_request"
	}
	if q.challenge != "" && q.method == "S256" && len(q.challenge) != 43 {
		return "invalid_request"
	}
	for _, p := range q.prompt {
		if p != "none" && p != "consent" && p != "select_account" {
			return "invalid_request"
		}
	}
	if t := v.Get("access_type"); t != "" && t != "online" && t != "offline" {
		return "invalid_request"
	}
	if slices.Contains(q.prompt, "none") && len(q.prompt) > 1 {
		return "invalid_request"
	}
	return ""
}

// hinted finds the account login_hint means, by address or by id.
func (s *Server) hinted(q *request) (world.Account, bool) {
	if q.hint == "" {
		return world.Account{}, false
	}
	if a, ok := s.world.Accounts.Get(q.hint); ok {
		return a, true
	}
	return s.world.Accounts.BySub(q.hint)
}

// needsConsent tells whether a page has to ask: something is asked for that
// the user never granted to the project, or the application insists.
func (s *Server) needsConsent(q *request, a world.Account) bool {
	if slices.Contains(q.prompt, "consent") {
		return true
	}
	held := s.store.grantOf(q.client.Project, a.Sub)
	return slices.ContainsFunc(q.scopes, func(x string) bool { return !slices.Contains(held, x) })
}

// silent answers prompt=none: a code without any page, or why not.
func (s *Server) silent(w http.ResponseWriter, r *http.Request, q *request) {
	a, ok := s.hinted(q)
	if !ok {
		if all := s.world.Accounts.List(); q.hint == "" && len(all) == 1 {
			a, ok = all[0], true
		}
	}
	switch {
	case !ok:
		s.redirectError(w, r, q, "interaction_required")
	case s.needsConsent(q, a):
		s.redirectError(w, r, q, "consent_required")
	default:
		s.decide(w, r, q, a)
	}
}

// step handles the forms: an account was chosen, or the consent decided.
func (s *Server) step(w http.ResponseWriter, r *http.Request, q *request) {
	if err := r.ParseForm(); err != nil {
		s.showError(w, &errorPage{Status: 400, Code: "invalid_request", Message: "Could not read the form."})
		return
	}
	if r.PostForm.Get("decision") == "cancel" {
		s.redirectError(w, r, q, "access_denied")
		return
	}
	a, ok := s.world.Accounts.Get(r.PostForm.Get("account"))
	if !ok {
		s.showChooser(w, q)
		return
	}
	if r.PostForm.Get("decision") == "continue" {
		if s.refused(w, r, q, a) {
			return
		}
		s.consented(w, r, q, a)
		return
	}
	s.decide(w, r, q, a)
}

// decide goes on with a chosen account: refusal, consent page, or straight back.
func (s *Server) decide(w http.ResponseWriter, r *http.Request, q *request, a world.Account) {
	if s.refused(w, r, q, a) {
		return
	}
	if s.needsConsent(q, a) {
		s.showConsent(w, q, a)
		return
	}
	s.giveCode(w, r, q, a, q.scopes, false)
}

// refused answers for accounts that may not use the application at all: on
// Google's page, or, as some have seen it, at the redirect URI.
func (s *Server) refused(w http.ResponseWriter, r *http.Request, q *request, a world.Account) bool {
	page, callback := s.refusal(q.client, a, q.scopes)
	switch {
	case page == nil:
		return false
	case callback:
		s.redirectError(w, r, q, page.Code)
	default:
		page.App, page.Account = q.client.Name, a.Email
		s.showError(w, page)
	}
	return true
}

func (s *Server) refusal(cl world.Client, a world.Account, scopes []string) (page *errorPage, callback bool) {
	policy := s.world.Domains.Policy(a.Domain)
	switch {
	case a.Closed():
		return &errorPage{Status: 403, Code: "account_suspended", Message: "Your account was suspended by the administrator of your organization."}, false
	case a.Kind == world.Member && policy.Forbids(cl.ID, scopes):
		return &errorPage{Status: 400, Code: "admin_policy_enforced",
				Message: "Access to your account data is restricted by policies within your organization. Please contact the administrator of your organization for more information."},
			policy.ToCallback || cl.ToCallback
	case cl.Publishing == world.Internal && a.Domain != cl.Organisation:
		return &errorPage{Status: 403, Code: "org_internal", Message: cl.Name + " is restricted to users within its organization."}, cl.ToCallback
	case cl.Publishing == world.Testing && len(cl.TestUsers) > 0 && !slices.Contains(cl.TestUsers, a.Email) && !slices.Contains(policy.TrustedClients, cl.ID):
		return &errorPage{Status: 403, Code: "access_denied",
			Message: cl.Name + " has not completed the Google verification process. The app is currently being tested, and can only be accessed by developer-approved testers."}, cl.ToCallback
	}
	return nil, false
}

// consented takes the ticked boxes of the consent page.
func (s *Server) consented(w http.ResponseWriter, r *http.Request, q *request, a world.Account) {
	identity, others := split(q.scopes)
	granted := slices.Clone(identity)
	all := len(others) == 1 || r.PostForm.Get("select_all") != ""
	for _, sc := range others {
		if all || slices.Contains(r.PostForm["scope"], sc) {
			granted = append(granted, sc)
		}
	}
	if len(granted) == 0 {
		s.redirectError(w, r, q, "access_denied")
		return
	}
	s.giveCode(w, r, q, a, Normalise(granted), true)
}

// giveCode sends the browser back with a code.
func (s *Server) giveCode(w http.ResponseWriter, r *http.Request, q *request, a world.Account, scopes []string, shown bool) {
	s.store.addGrant(q.client.Project, a.Sub, scopes)
	if q.incremental {
		scopes = union(scopes, s.store.grantOf(q.client.Project, a.Sub))
	}
	text := s.store.addCode(&code{
		client: q.client.ID, redirect: q.redirect.String(), sub: a.Sub, email: a.Email, scopes: scopes,
		challenge: q.challenge, challengeMethod: q.method, nonce: q.nonce,
		offline: q.offline && shown, expires: s.world.Clock.Now().Add(CodeLife),
	})
	out := url.Values{"code": {text}, "scope": {strings.Join(scopes, " ")}, "authuser": {"0"}, "iss": {s.issuer(r)}}
	if a.Kind == world.Member {
		out.Set("hd", a.Domain)
	}
	out.Set("prompt", "none")
	if shown {
		out.Set("prompt", "consent")
	}
	s.back(w, r, q, out)
}

func (s *Server) redirectError(w http.ResponseWriter, r *http.Request, q *request, code string) {
	s.back(w, r, q, url.Values{"error": {code}, "iss": {s.issuer(r)}})
}

func (s *Server) back(w http.ResponseWriter, r *http.Request, q *request, out url.Values) {
	u := *q.redirect
	v := u.Query()
	for k, values := range out {
		v[k] = values
	}
	if q.state != "" {
		v.Set("state", q.state)
	}
	u.RawQuery = v.Encode()
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", u.String())
	w.WriteHeader(http.StatusSeeOther)
}

func (e *errorPage) title() string { return strconv.Itoa(e.Status) + " " + e.Code }
