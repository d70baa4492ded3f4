package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// ---- people: members, invitations, colleagues, one's own account ----

// MemberPatch changes a member.
type MemberPatch struct {
	Role string `json:"role" enum:"owner,admin,member"`
}

// NewInvitation invites a person by a link.
type NewInvitation struct {
	Email string `json:"email" minLength:"3" maxLength:"320"`
	Name  string `json:"name,omitempty" maxLength:"200"`
	Role  string `json:"role,omitempty" enum:"owner,admin,member" default:"member"`
}

// Invitation is an invitation by a link, good once and for 7 days, that was
// neither accepted nor revoked.
type Invitation struct {
	ID        string    `json:"id"`
	Email     string    `json:"email"`
	Name      string    `json:"name"`
	Role      string    `json:"role" enum:"owner,admin,member"`
	InvitedBy string    `json:"invited_by" doc:"Name of the member who invited."`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at" doc:"It may be over already."`
}

// CreatedInvitation is a new invitation with its address.
type CreatedInvitation struct {
	Invitation
	URL string `json:"url" doc:"Shown this once; only its hash is stored."`
}

// InvitationView is what the invited person sees.
type InvitationView struct {
	WorkspaceName string    `json:"workspace_name"`
	Email         string    `json:"email"`
	Name          string    `json:"name"`
	Role          string    `json:"role" enum:"owner,admin,member"`
	InvitedBy     string    `json:"invited_by"`
	ExpiresAt     time.Time `json:"expires_at"`
	HasAccount    bool      `json:"has_account" doc:"Somebody with this address can sign in already: accepting asks for their present password."`
	GoogleSignIn  bool      `json:"google_sign_in" doc:"Signing in with the Google account of the address accepts, too."`
}

// AcceptInvitation makes the account of an invited person.
type AcceptInvitation struct {
	Name     string `json:"name,omitempty" maxLength:"200"`
	Password string `json:"password,omitempty" maxLength:"1024" doc:"At least 10 characters; of people who have an account the present password, or none when they are signed in with it."`
}

// Colleague is somebody in the organisation's directory at Google.
type Colleague struct {
	ID         string     `json:"id" doc:"Google's id of the person."`
	Email      string     `json:"email"`
	Name       string     `json:"name"`
	PhotoURL   string     `json:"photo_url"`
	OrgUnit    string     `json:"org_unit"`
	Suspended  bool       `json:"suspended"`
	Archived   bool       `json:"archived"`
	Admin      bool       `json:"admin" doc:"Administrator of the Google Workspace."`
	NoMailbox  bool       `json:"no_mailbox"`
	UserID     string     `json:"user_id" doc:"Empty for people who are no members here."`
	Role       string     `json:"role" doc:"In this workspace; empty for people who are no members."`
	Connected  bool       `json:"connected"`
	Status     string     `json:"status" doc:"Of their connection; empty without one."`
	LinkSentAt *time.Time `json:"link_sent_at" doc:"When the newest connect link was made."`
}

// NewConnectLinks asks for connect links.
type NewConnectLinks struct {
	People   []LinkPerson `json:"people" minItems:"1" maxItems:"200"`
	Services []string     `json:"services,omitempty" maxItems:"20" doc:"Default: gmail and calendar."`
}

// LinkPerson is who a link is for; who is no member becomes one.
type LinkPerson struct {
	Email string `json:"email" minLength:"3" maxLength:"320"`
	Name  string `json:"name,omitempty" maxLength:"200"`
}

// ConnectLink lets a person connect Google without signing in here, once and
// within 7 days. Revoked ones are not listed.
type ConnectLink struct {
	ID        string     `json:"id"`
	UserID    string     `json:"user_id"`
	Email     string     `json:"email"`
	Name      string     `json:"name"`
	Services  []string   `json:"services"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt time.Time  `json:"expires_at"`
	UsedAt    *time.Time `json:"used_at"`
}

// CreatedConnectLink is a new link with its address.
type CreatedConnectLink struct {
	ConnectLink
	URL string `json:"url" doc:"Shown this once; only its hash is stored."`
}

// ConnectLinkView is what the person sees who opens a connect link.
type ConnectLinkView struct {
	WorkspaceName string    `json:"workspace_name"`
	Email         string    `json:"email"`
	Services      []string  `json:"services"`
	ExpiresAt     time.Time `json:"expires_at"`
	SignedInAs    string    `json:"signed_in_as,omitempty" doc:"Address of somebody else who is signed in in this browser: the link does not start until they sign out."`
}

// Session is a browser that is signed in.
type Session struct {
	ID         string    `json:"id"`
	CreatedAt  time.Time `json:"created_at"`
	LastSeenAt time.Time `json:"last_seen_at"`
	Remote     string    `json:"remote" doc:"Address it signed in from."`
	UserAgent  string    `json:"user_agent"`
	Current    bool      `json:"current" doc:"The one that asks."`
}

// SignOutEverywhere ends sessions and bearer tokens.
type SignOutEverywhere struct {
	KeepThis bool `json:"keep_this,omitempty" doc:"Keep the session that asks."`
}

// MePatch changes who is signed in.
type MePatch struct {
	Name string `json:"name" minLength:"1" maxLength:"200" doc:"What colleagues see, and those one writes to."`
}

// PasswordChange changes one's own password.
type PasswordChange struct {
	OldPassword string `json:"old_password,omitempty" maxLength:"1024" doc:"Empty for people who had none."`
	NewPassword string `json:"new_password" minLength:"10" maxLength:"1024"`
}

// AuditRow is a line of the audit trail.
type AuditRow struct {
	ID       string    `json:"id"`
	At       time.Time `json:"at"`
	UserID   string    `json:"user_id"`
	UserName string    `json:"user_name"`
	KeyID    string    `json:"key_id"`
	Via      string    `json:"via"`
	Action   string    `json:"action" doc:"token.vend, connection.disconnect, login.failed, ..."`
	Target   string    `json:"target"`
	Outcome  string    `json:"outcome" doc:"ok, denied or failed."`
	Detail   string    `json:"detail"`
	Remote   string    `json:"remote"`
}

// AuditQuery chooses lines of the audit trail.
type AuditQuery struct {
	UserID, Action, Cursor string
	Since, Until           time.Time
}

// ChangeRole changes what a member may do.
func (w *InWorkspace) ChangeRole(ctx context.Context, user, role string) (Member, error) {
	var out Member
	return out, w.client.Do(ctx, http.MethodPatch, w.path+"/members/"+url.PathEscape(user), MemberPatch{Role: role}, &out)
}

// RemoveMember ends a membership; keys of the person end, too. Their records and open
// tasks are nobody's then.
func (w *InWorkspace) RemoveMember(ctx context.Context, user string) error {
	return w.ReplaceMember(ctx, user, "")
}

// ReplaceMember is RemoveMember with a successor, who gets their records and open tasks.
func (w *InWorkspace) ReplaceMember(ctx context.Context, user, successor string) error {
	return w.client.Do(ctx, http.MethodDelete, w.path+"/members/"+url.PathEscape(user)+query("successor_id", successor), nil, nil)
}

// Invite makes an invitation.
func (w *InWorkspace) Invite(ctx context.Context, in NewInvitation) (CreatedInvitation, error) {
	var out CreatedInvitation
	return out, w.client.Do(ctx, http.MethodPost, w.path+"/invitations", in, &out)
}

// Page asks for a part of a list: what follows the cursor, at most Limit rows (0:
// the server's choice).
type Page struct {
	Cursor string
	Limit  int
}

func (p Page) limit() string {
	if p.Limit == 0 {
		return ""
	}
	return strconv.Itoa(p.Limit)
}

// OpenQuery chooses invitations or connect links.
type OpenQuery struct {
	Open bool // only those that can be used still
	Page
}

func (q OpenQuery) query() string {
	open := ""
	if q.Open {
		open = "true"
	}
	return query("open", open, "cursor", q.Cursor, "limit", q.limit())
}

// Invitations gives a page of the invitations, the newest first.
func (w *InWorkspace) Invitations(ctx context.Context, q OpenQuery) (List[Invitation], error) {
	var out List[Invitation]
	return out, w.client.Do(ctx, http.MethodGet, w.path+"/invitations"+q.query(), nil, &out)
}

// RevokeInvitation ends an invitation.
func (w *InWorkspace) RevokeInvitation(ctx context.Context, id string) error {
	return w.client.Do(ctx, http.MethodDelete, w.path+"/invitations/"+url.PathEscape(id), nil, nil)
}

// Invitation gives what the holder of an invitation's token may see.
func (c *Client) Invitation(ctx context.Context, token string) (InvitationView, error) {
	var out InvitationView
	return out, c.Do(ctx, http.MethodGet, base+"/invitations/"+url.PathEscape(token), nil, &out)
}

// AcceptInvitation makes the account of an invited person and signs them in
// (session cookie: WithHTTP with a jar).
func (c *Client) AcceptInvitation(ctx context.Context, token string, in AcceptInvitation) (Me, error) {
	var out Me
	return out, c.Do(ctx, http.MethodPost, base+"/invitations/"+url.PathEscape(token)+"/accept", in, &out)
}

// Colleagues gives a page of the organisation's directory.
func (w *InWorkspace) Colleagues(ctx context.Context, q, cursor string) (List[Colleague], error) {
	var out List[Colleague]
	return out, w.client.Do(ctx, http.MethodGet, w.path+"/directory"+query("q", q, "cursor", cursor), nil, &out)
}

// CreateConnectLinks makes a link for each person.
func (w *InWorkspace) CreateConnectLinks(ctx context.Context, in NewConnectLinks) ([]CreatedConnectLink, error) {
	var out List[CreatedConnectLink]
	return out.Items, w.client.Do(ctx, http.MethodPost, w.path+"/connect-links", in, &out)
}

// ConnectLinks gives a page of the connect links, the newest first.
func (w *InWorkspace) ConnectLinks(ctx context.Context, q OpenQuery) (List[ConnectLink], error) {
	var out List[ConnectLink]
	return out, w.client.Do(ctx, http.MethodGet, w.path+"/connect-links"+q.query(), nil, &out)
}

// RevokeConnectLink ends a connect link.
func (w *InWorkspace) RevokeConnectLink(ctx context.Context, id string) error {
	return w.client.Do(ctx, http.MethodDelete, w.path+"/connect-links/"+url.PathEscape(id), nil, nil)
}

// ConnectLink gives what the holder of a link's token may see.
func (c *Client) ConnectLink(ctx context.Context, token string) (ConnectLinkView, error) {
	var out ConnectLinkView
	return out, c.Do(ctx, http.MethodGet, base+"/connect-links/"+url.PathEscape(token), nil, &out)
}

// Sessions gives a page of the caller's signed-in browsers, the last seen first.
func (c *Client) Sessions(ctx context.Context, p Page) (List[Session], error) {
	var out List[Session]
	return out, c.Do(ctx, http.MethodGet, base+"/me/sessions"+query("cursor", p.Cursor, "limit", p.limit()), nil, &out)
}

// EndSession signs one of the caller's browsers out.
func (c *Client) EndSession(ctx context.Context, id string) error {
	return c.Do(ctx, http.MethodDelete, base+"/me/sessions/"+url.PathEscape(id), nil, nil)
}

// SignOutEverywhere ends the caller's sessions and bearer tokens.
func (c *Client) SignOutEverywhere(ctx context.Context, in SignOutEverywhere) error {
	return c.Do(ctx, http.MethodPost, base+"/me/sign-out-everywhere", in, nil)
}

// ChangePassword changes the caller's password; their other sessions end.
func (c *Client) ChangePassword(ctx context.Context, in PasswordChange) error {
	return c.Do(ctx, http.MethodPost, base+"/me/password", in, nil)
}

// Audit gives a page of the audit trail, newest first.
func (w *InWorkspace) Audit(ctx context.Context, in AuditQuery) (List[AuditRow], error) {
	when := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339Nano)
	}
	var out List[AuditRow]
	q := query("user_id", in.UserID, "action", in.Action, "cursor", in.Cursor, "since", when(in.Since), "until", when(in.Until))
	return out, w.client.Do(ctx, http.MethodGet, w.path+"/audit"+q, nil, &out)
}
