package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// ---- what an organisation decides ----

// Approval is what the organisation of a workspace has decided about Google, and
// what an administrator needs for allowing the app in Google's Admin console.
type Approval struct {
	State             string            `json:"state" enum:"pending,approved,blocked"`
	AllowedDomains    []string          `json:"allowed_domains" doc:"Google Workspace domains whose accounts may be connected; empty: every domain."`
	ScopeProfile      string            `json:"scope_profile" enum:"metadata,read,full"`
	Products          []string          `json:"products" doc:"Services that members may connect; empty: all that the profile offers."`
	DecidedBy         string            `json:"decided_by" doc:"User id of the administrator; empty before the first decision."`
	DecidedAt         *time.Time        `json:"decided_at"`
	Client            ApprovalClient    `json:"client"`
	Scopes            []string          `json:"scopes" doc:"Google scopes that connections of this workspace may ask for."`
	RedirectURIs      []string          `json:"redirect_uris" doc:"To be registered with the OAuth client, exactly so."`
	JavaScriptOrigins []string          `json:"javascript_origins"`
	AdminConsoleURL   string            `json:"admin_console_url"`
	AdminConsolePath  string            `json:"admin_console_path" doc:"Where to click in Google's Admin console."`
	MyRequest         *ApprovalRequest  `json:"my_request,omitempty" doc:"The caller's own open request."`
	Requests          []ApprovalRequest `json:"requests" doc:"Open requests; empty for members."`
	Testing           Testing           `json:"testing"`
}

// ApprovalClient is the OAuth client that new connections are made with.
type ApprovalClient struct {
	ID             string `json:"id"`
	GoogleClientID string `json:"google_client_id" doc:"The client id at Google, which is no secret."`
	Name           string `json:"name"`
	Source         string `json:"source" enum:"page,environment,none"`
}

// ApprovalRequest is a member who waits for an administrator.
type ApprovalRequest struct {
	UserID  string    `json:"user_id"`
	Name    string    `json:"name"`
	Email   string    `json:"email"`
	Note    string    `json:"note"`
	AskedAt time.Time `json:"asked_at"`
}

// Testing says whether Google treats the OAuth client as an app in testing,
// whose permissions end 7 days after they were given. Members see zero values.
type Testing struct {
	Detected  bool       `json:"detected"`
	Countdown *time.Time `json:"countdown" doc:"When the next permission ends."`
	Evidence  string     `json:"evidence" doc:"How that is known, in plain words."`
}

// ApprovalPatch changes the decision; what is absent stays.
type ApprovalPatch struct {
	State          string    `json:"state,omitempty" enum:"pending,approved,blocked"`
	AllowedDomains *[]string `json:"allowed_domains,omitempty" maxItems:"100"`
	ScopeProfile   string    `json:"scope_profile,omitempty" enum:"metadata,read,full"`
	Products       *[]string `json:"products,omitempty" maxItems:"50"`
}

// ApprovalWish is a member's request.
type ApprovalWish struct {
	Note string `json:"note,omitempty" maxLength:"1000" doc:"For the administrator."`
}

// GoogleClient is an OAuth client: credentials of an app registered with Google.
// The secret is never given back.
type GoogleClient struct {
	ID             string     `json:"id"`
	Name           string     `json:"name"`
	GoogleClientID string     `json:"google_client_id"`
	Installation   bool       `json:"installation" doc:"Serves every workspace of this installation."`
	Source         string     `json:"source" enum:"page,environment"`
	Current        bool       `json:"current" doc:"New connections are made with it."`
	Grants         int        `json:"grants" doc:"Connections and tokens that were made with it."`
	CreatedAt      *time.Time `json:"created_at"`
	UpdatedAt      *time.Time `json:"updated_at"`
	RetiredAt      *time.Time `json:"retired_at"`
}

// NewGoogleClient enters credentials.
type NewGoogleClient struct {
	Name           string `json:"name,omitempty" maxLength:"200"`
	GoogleClientID string `json:"google_client_id" minLength:"1" maxLength:"300"`
	ClientSecret   string `json:"client_secret" minLength:"1" maxLength:"300" doc:"Stored encrypted and never shown again."`
	Installation   bool   `json:"installation,omitempty" doc:"For every workspace of this installation: for its owner only."`
}

// GoogleClientPatch changes credentials; what is absent stays.
type GoogleClientPatch struct {
	Name           string `json:"name,omitempty" maxLength:"200"`
	GoogleClientID string `json:"google_client_id,omitempty" maxLength:"300"`
	ClientSecret   string `json:"client_secret,omitempty" maxLength:"300"`
}

// ConnectionHealth is a member's connection as administrators see it: how it
// does, and nothing of what is in it.
type ConnectionHealth struct {
	ID               string         `json:"id"`
	UserID           string         `json:"user_id"`
	UserName         string         `json:"user_name"`
	UserEmail        string         `json:"user_email"`
	GoogleEmail      string         `json:"google_email"`
	Status           string         `json:"status" enum:"connecting,active,degraded,needs_reauth,waiting_for_admin,paused,disconnected"`
	StatusReason     string         `json:"status_reason"`
	GrantedScopes    []string       `json:"granted_scopes"`
	MissingScopes    []MissingScope `json:"missing_scopes"`
	LastSyncAt       *time.Time     `json:"last_sync_at"`
	RefreshExpiresAt *time.Time     `json:"refresh_expires_at" doc:"When Google ends the permission by itself, as it does for apps in testing."`
	CreatedAt        time.Time      `json:"created_at"`
}

// DoctorReport is a walk along the chain from the settings to Google.
type DoctorReport struct {
	Findings []Finding `json:"findings"`
	Broken   string    `json:"broken" doc:"Id of the first broken link, empty when there is none."`
}

// Finding is one link of the chain.
type Finding struct {
	ID        string `json:"id" doc:"Stable."`
	Name      string `json:"name"`
	State     string `json:"state" enum:"ok,warning,broken,skipped"`
	Text      string `json:"text" doc:"What was found, in plain words."`
	Fix       string `json:"fix" doc:"What to do about it; empty when there is nothing to do."`
	ActionURL string `json:"action_url" doc:"Where to do it."`
}

// GoogleApproval gives what the organisation has decided.
func (w *InWorkspace) GoogleApproval(ctx context.Context) (Approval, error) {
	var out Approval
	return out, w.client.Do(ctx, http.MethodGet, w.path+"/google-approval", nil, &out)
}

// DecideApproval changes the decision.
func (w *InWorkspace) DecideApproval(ctx context.Context, in ApprovalPatch) (Approval, error) {
	var out Approval
	return out, w.client.Do(ctx, http.MethodPatch, w.path+"/google-approval", in, &out)
}

// AskApproval tells the administrators that the caller waits.
func (w *InWorkspace) AskApproval(ctx context.Context, note string) (ApprovalRequest, error) {
	var out ApprovalRequest
	return out, w.client.Do(ctx, http.MethodPost, w.path+"/google-approval/request", ApprovalWish{Note: note}, &out)
}

// DismissApprovalRequest puts a member's request away.
func (w *InWorkspace) DismissApprovalRequest(ctx context.Context, user string) error {
	return w.client.Do(ctx, http.MethodDelete, w.path+"/google-approval/requests/"+url.PathEscape(user), nil, nil)
}

// GoogleClients lists the OAuth clients of the workspace.
func (w *InWorkspace) GoogleClients(ctx context.Context) ([]GoogleClient, error) {
	var out List[GoogleClient]
	return out.Items, w.client.Do(ctx, http.MethodGet, w.path+"/google-clients", nil, &out)
}

// AddGoogleClient enters credentials, for new connections from now on.
func (w *InWorkspace) AddGoogleClient(ctx context.Context, in NewGoogleClient) (GoogleClient, error) {
	var out GoogleClient
	return out, w.client.Do(ctx, http.MethodPost, w.path+"/google-clients", in, &out)
}

// ChangeGoogleClient changes credentials.
func (w *InWorkspace) ChangeGoogleClient(ctx context.Context, id string, in GoogleClientPatch) (GoogleClient, error) {
	var out GoogleClient
	return out, w.client.Do(ctx, http.MethodPatch, w.path+"/google-clients/"+url.PathEscape(id), in, &out)
}

// RetireGoogleClient stops making new connections with a client.
func (w *InWorkspace) RetireGoogleClient(ctx context.Context, id string) error {
	return w.client.Do(ctx, http.MethodDelete, w.path+"/google-clients/"+url.PathEscape(id), nil, nil)
}

// Connections gives a page of all members' connections.
func (w *InWorkspace) Connections(ctx context.Context, cursor string) (List[ConnectionHealth], error) {
	var out List[ConnectionHealth]
	return out, w.client.Do(ctx, http.MethodGet, w.path+"/connections"+query("cursor", cursor), nil, &out)
}

// Examine walks the chain and names the first broken link.
func (w *InWorkspace) Examine(ctx context.Context) (DoctorReport, error) {
	var out DoctorReport
	return out, w.client.Do(ctx, http.MethodPost, w.path+"/doctor", nil, &out)
}
