package httpapi

import (
	"context"
	"net/url"
	"slices"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/org"
	"rapport/internal/vault"
)

// Where an administrator allows an app (Google Workspace Admin Help, "Control
// which apps access Google Workspace data").
const (
	adminConsoleURL  = "https://admin.google.com/ac/owl/list?tab=configuredApps"
	adminConsolePath = "Security → Access and data control → API controls → Manage third-party app access"
)

func (s *Server) getApproval(ctx context.Context, c access.Caller, _ *InWorkspace) (*bodyOf[Approval], error) {
	a, err := s.Org.Approval(ctx, c.Workspace)
	if err != nil {
		return nil, err
	}
	return s.approval(ctx, c, a)
}

// approval is what a caller sees of a decision.
func (s *Server) approval(ctx context.Context, c access.Caller, a crm.Approval) (*bodyOf[Approval], error) {
	requests, err := s.Org.ApprovalRequests(ctx, c)
	if err != nil {
		return nil, err
	}
	out := Approval{
		State: string(a.State), AllowedDomains: texts(a.AllowedDomains), ScopeProfile: string(a.Profile), Products: texts(a.Products),
		DecidedBy: string(a.DecidedBy), DecidedAt: moment(a.DecidedAt), Scopes: scopesOf(a),
		RedirectURIs:      []string{s.RedirectURI, s.PublicURL + base + "/auth/google/callback", s.PublicURL + oauthCallback},
		JavaScriptOrigins: []string{originOf(s.PublicURL)}, AdminConsoleURL: adminConsoleURL, AdminConsolePath: adminConsolePath,
		Requests: []ApprovalRequest{},
	}
	if out.ScopeProfile == "" {
		out.ScopeProfile = string(crm.ProfileFull)
	}
	admin := access.Allow(c, access.WorkspaceManage) == nil
	for _, r := range requests {
		shape := requestShape(r)
		if r.UserID == c.UserID {
			out.MyRequest = &shape
		}
		if admin {
			out.Requests = append(out.Requests, shape)
		}
	}
	if out.Client, err = s.currentClient(ctx, c, admin); err != nil {
		return nil, err
	}
	if admin {
		if out.Testing, err = s.testing(ctx, c.Workspace, crm.ClientID(out.Client.ID)); err != nil {
			return nil, err
		}
	}
	return &bodyOf[Approval]{out}, nil
}

// scopesOf are the Google scopes that a workspace may ask for.
func scopesOf(a crm.Approval) []string {
	profile := a.Profile
	if profile == "" {
		profile = crm.ProfileFull
	}
	list := vault.Services(profile)
	if len(a.Products) > 0 {
		list = slices.DeleteFunc(list, func(x crm.Service) bool { return !slices.Contains(a.Products, x) })
	}
	scopes, _ := vault.ScopesOf(profile, list...)
	return append([]string{vault.ScopeOpenID, vault.ScopeEmail, vault.ScopeProfile}, scopes...)
}

func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Scheme + "://" + u.Host
}

// currentClient is the OAuth client that new connections are made with.
func (s *Server) currentClient(ctx context.Context, c access.Caller, admin bool) (ApprovalClient, error) {
	out := ApprovalClient{Source: "none"}
	used, err := s.Vault.Clients.Default(ctx, c.Workspace)
	if fault.Is(err, fault.Conflict) || fault.Is(err, fault.NotFound) {
		return out, nil
	}
	if err != nil {
		return out, err
	}
	out.ID, out.GoogleClientID, out.Source = string(used.ID), used.GoogleID, sourceOf(used.ID)
	if out.Source == "page" && admin {
		all, err := s.Org.GoogleClients(ctx, c)
		if err != nil {
			return out, err
		}
		for _, x := range all {
			if x.ID == used.ID {
				out.Name = x.Name
			}
		}
	}
	return out, nil
}

// environmentClient is the id of the OAuth client that the settings name.
const environmentClient crm.ClientID = "env"

func sourceOf(id crm.ClientID) string {
	if id == environmentClient {
		return "environment"
	}
	return "page"
}

// testing tells whether a client's app is in testing at Google.
func (s *Server) testing(ctx context.Context, w crm.WorkspaceID, id crm.ClientID) (Testing, error) {
	all, err := s.Vault.Health(ctx, w)
	if err != nil {
		return Testing{}, err
	}
	for _, h := range all {
		if h.Client == id {
			return Testing{Detected: h.Testing, Countdown: utc(h.Countdown), Evidence: h.Evidence}, nil
		}
	}
	return Testing{}, nil
}

func requestShape(r org.ApprovalRequest) ApprovalRequest {
	return ApprovalRequest{UserID: string(r.UserID), Name: r.Name, Email: r.Email, Note: r.Note, AskedAt: r.AskedAt.UTC()}
}

type decideInput struct {
	InWorkspace
	Body ApprovalPatch
}

func (s *Server) decideApproval(ctx context.Context, c access.Caller, in *decideInput) (*bodyOf[Approval], error) {
	wish := org.ApprovalWish{AllowedDomains: in.Body.AllowedDomains}
	if in.Body.State != "" {
		state := crm.ApprovalState(in.Body.State)
		wish.State = &state
	}
	if in.Body.ScopeProfile != "" {
		profile := crm.ScopeProfile(in.Body.ScopeProfile)
		wish.Profile = &profile
	}
	if in.Body.Products != nil {
		products := each(*in.Body.Products, func(x string) crm.Service { return crm.Service(x) })
		wish.Products = &products
	}
	a, err := s.Org.Decide(ctx, c, wish)
	if err != nil {
		return nil, err
	}
	return s.approval(ctx, c, a)
}

type askApprovalInput struct {
	InWorkspace
	Body *ApprovalWish
}

func (s *Server) askApproval(ctx context.Context, c access.Caller, in *askApprovalInput) (*bodyOf[ApprovalRequest], error) {
	note := ""
	if in.Body != nil {
		note = in.Body.Note
	}
	r, err := s.Org.AskApproval(ctx, c, note)
	if err != nil {
		return nil, err
	}
	return &bodyOf[ApprovalRequest]{requestShape(r)}, nil
}

// InUser is a member of the path.
type InUser struct {
	InWorkspace
	UserID string `path:"user_id"`
}

func (s *Server) dismissRequest(ctx context.Context, c access.Caller, in *InUser) (*nothing, error) {
	return nil, s.Org.DismissRequest(ctx, c, crm.UserID(in.UserID))
}

func (s *Server) listGoogleClients(ctx context.Context, c access.Caller, _ *InWorkspace) (*bodyOf[List[GoogleClient]], error) {
	all, err := s.Org.GoogleClients(ctx, c)
	if err != nil {
		return nil, err
	}
	used, err := s.currentClient(ctx, c, false)
	if err != nil {
		return nil, err
	}
	out := each(all, func(x org.GoogleClient) GoogleClient { return googleClientShape(x, crm.ClientID(used.ID)) })
	env, err := s.Vault.Clients.Client(ctx, environmentClient)
	switch {
	case err == nil:
		out = append(out, GoogleClient{
			ID: string(env.ID), Name: "Settings of the installation", GoogleClientID: env.GoogleID, Installation: true, Source: "environment",
			Current: string(env.ID) == used.ID,
		})
		if out[len(out)-1].Grants, err = s.grantsMadeWith(ctx, c.Workspace, env.ID); err != nil {
			return nil, err
		}
	case !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.NotFound):
		return nil, err
	}
	return listOf(out), nil
}

func (s *Server) grantsMadeWith(ctx context.Context, w crm.WorkspaceID, id crm.ClientID) (int, error) {
	all, err := s.Vault.Health(ctx, w)
	for _, h := range all {
		if h.Client == id {
			return h.Grants, err
		}
	}
	return 0, err
}

func googleClientShape(x org.GoogleClient, current crm.ClientID) GoogleClient {
	return GoogleClient{
		ID: string(x.ID), Name: x.Name, GoogleClientID: x.GoogleID, Installation: x.WorkspaceID == "", Source: "page", Current: x.ID == current,
		Grants: x.Grants, CreatedAt: moment(x.CreatedAt), UpdatedAt: moment(x.UpdatedAt), RetiredAt: utc(x.RetiredAt),
	}
}

type addClientInput struct {
	InWorkspace
	Idempotent
	Body NewGoogleClient
}

func (s *Server) addGoogleClient(ctx context.Context, c access.Caller, in *addClientInput) (*bodyOf[GoogleClient], error) {
	b := in.Body
	x, err := s.Org.AddGoogleClient(ctx, c, org.ClientWish{Name: b.Name, GoogleID: b.GoogleClientID, Secret: crm.NewSecret(b.ClientSecret), Installation: b.Installation})
	return s.googleClient(ctx, c, x, err)
}

// InClient is an OAuth client of the path.
type InClient struct {
	InWorkspace
	ClientID string `path:"client_id"`
}

type changeClientInput struct {
	InClient
	Body GoogleClientPatch
}

func (s *Server) changeGoogleClient(ctx context.Context, c access.Caller, in *changeClientInput) (*bodyOf[GoogleClient], error) {
	if in.ClientID == string(environmentClient) {
		return nil, fault.New(fault.Conflict, "This client comes from the settings of the installation and is changed there.")
	}
	b := in.Body
	x, err := s.Org.ChangeGoogleClient(ctx, c, crm.ClientID(in.ClientID), org.ClientWish{Name: b.Name, GoogleID: b.GoogleClientID, Secret: crm.NewSecret(b.ClientSecret)})
	return s.googleClient(ctx, c, x, err)
}

func (s *Server) googleClient(ctx context.Context, c access.Caller, x org.GoogleClient, err error) (*bodyOf[GoogleClient], error) {
	if err != nil {
		return nil, err
	}
	used, err := s.currentClient(ctx, c, false)
	if err != nil {
		return nil, err
	}
	return &bodyOf[GoogleClient]{googleClientShape(x, crm.ClientID(used.ID))}, nil
}

func (s *Server) retireGoogleClient(ctx context.Context, c access.Caller, in *InClient) (*nothing, error) {
	if in.ClientID == string(environmentClient) {
		return nil, fault.New(fault.Conflict, "This client comes from the settings of the installation and is changed there.")
	}
	return nil, s.Org.RetireGoogleClient(ctx, c, crm.ClientID(in.ClientID))
}

type connectionsInput struct {
	InWorkspace
	PageInput
}

func (s *Server) listConnections(ctx context.Context, c access.Caller, in *connectionsInput) (*bodyOf[List[ConnectionHealth]], error) {
	found, next, err := s.Connections.ConnectionsOf(ctx, c.Workspace, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	out := listOf(each(found, healthShape))
	out.Body.NextCursor = next
	return out, nil
}

func healthShape(h vault.ConnectionHealth) ConnectionHealth {
	return ConnectionHealth{
		ID: string(h.ID), UserID: string(h.UserID), UserName: h.UserName, UserEmail: h.UserEmail, GoogleEmail: h.GoogleEmail,
		Status: string(h.Status), StatusReason: h.StatusReason, GrantedScopes: texts(h.GrantedScopes), MissingScopes: missingScopes(h.Connection),
		LastSyncAt: utc(h.LastSyncAt), RefreshExpiresAt: utc(h.RefreshExpiresAt), CreatedAt: h.CreatedAt.UTC(),
	}
}

func (s *Server) examine(ctx context.Context, c access.Caller, _ *InWorkspace) (*bodyOf[DoctorReport], error) {
	report, err := s.Doctor.Examine(ctx, c)
	if err != nil {
		return nil, err
	}
	if report.Findings == nil {
		report.Findings = []Finding{}
	}
	return &bodyOf[DoctorReport]{report}, nil
}
