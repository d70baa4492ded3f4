// Package access says who is calling and what they may do. The caller is an
// explicit argument everywhere, never hidden in a context.
package access

import (
	"context"
	"slices"
	"strings"
	"time"

	"rapport/internal/crm"
	"rapport/internal/fault"
)

// Via is how a caller proved who they are.
type Via string

const (
	ViaSession Via = "session"
	ViaToken   Via = "token"   // short-lived JWT
	ViaKey     Via = "api_key" // acts for the member who made it, within its scopes
	ViaSystem  Via = "system"  // our own background work
	// ViaWorkspace is nobody in particular of a workspace: it reads the mail that
	// every member sees, and may do nothing else.
	ViaWorkspace Via = "workspace"
	ViaNobody    Via = ""
)

// Caller is who asks.
type Caller struct {
	Via       Via
	UserID    crm.UserID
	KeyID     crm.KeyID
	Workspace crm.WorkspaceID // the workspace Role and Scopes are for
	Role      crm.Role
	Scopes    []string      // API keys only; "*" is every right
	Session   crm.SessionID // the browser's session, when that is how they came
	Remote    string        // address the request came from
	RequestID string
}

// System is the caller of background work in a workspace.
func System(w crm.WorkspaceID) Caller { return Caller{Via: ViaSystem, Workspace: w} }

// Everyone is the caller for what goes to a whole workspace, as a webhook of its
// does: it sees what every member sees.
func Everyone(w crm.WorkspaceID) Caller { return Caller{Via: ViaWorkspace, Workspace: w} }

// Action is something that can be allowed or not.
type Action string

const (
	MailRead           Action = "mail:read"
	MailSync           Action = "mail:sync"
	MailSend           Action = "mail:send"
	MailChange         Action = "mail:change" // labels, read state, archive, trash, shares of one's own mail
	MailExport         Action = "mail:export"
	AccountsManage     Action = "accounts:manage" // one's own e-mail accounts
	WebhooksManage     Action = "webhooks:manage"
	ConnectionRead     Action = "connection:read"
	ConnectionManage   Action = "connection:manage"    // connect, settings, disconnect one's own
	ConnectionsReadAll Action = "connections:read_all" // everybody's connections and their health, never their mail
	MembersRead        Action = "members:read"
	MembersManage      Action = "members:manage" // members, roles, invitations, connect links
	WorkspaceManage    Action = "workspace:manage"
	ApprovalRead       Action = "approval:read"
	ApprovalAsk        Action = "approval:ask"
	AuditRead          Action = "audit:read"
	DirectoryRead      Action = "directory:read"
	RecordsRead        Action = "records:read"   // records, links, timelines, suggestions; what they show of mail the mail's own rule decides
	RecordsWrite       Action = "records:write"  // make, change, link, tag, merge, delete, import
	ObjectsManage      Action = "objects:manage" // custom object types, and whether a model may read mail
	TokensManage       Action = "tokens:manage"  // take, list, lease and revoke tokens; which ones AllowVend decides
)

// Rule is who may do an action.
type Rule struct {
	Roles []crm.Role
	Scope string // scope an API key needs; one with a colon at its end: any that begins so
}

var everyone = []crm.Role{crm.RoleOwner, crm.RoleAdmin, crm.RoleMember}
var admins = []crm.Role{crm.RoleOwner, crm.RoleAdmin}

// Policy is the whole table of rights.
var Policy = map[Action]Rule{
	MailRead:           {everyone, "mail:read"},
	MailSync:           {everyone, "mail:*"},
	MailSend:           {everyone, "mail:send"},
	MailChange:         {everyone, "mail:write"},
	MailExport:         {everyone, "mail:read"},
	AccountsManage:     {everyone, "admin"},
	WebhooksManage:     {admins, "admin"},
	ConnectionRead:     {everyone, "mail:read"},
	ConnectionManage:   {everyone, "admin"},
	ConnectionsReadAll: {admins, "admin"},
	MembersRead:        {everyone, "admin"},
	MembersManage:      {admins, "admin"},
	WorkspaceManage:    {admins, "admin"},
	ApprovalRead:       {everyone, "mail:read"},
	ApprovalAsk:        {everyone, "admin"},
	AuditRead:          {admins, "admin"},
	DirectoryRead:      {admins, "admin"},
	RecordsRead:        {everyone, "records:read"},
	RecordsWrite:       {everyone, "records:write"},
	ObjectsManage:      {admins, "admin"},
	TokensManage:       {everyone, "tokens:vend:"},
}

// Allow answers nil when the caller may do the action in its workspace,
// fault.Unauthenticated for nobody, fault.Forbidden otherwise.
func Allow(c Caller, a Action) error {
	if c.Via == ViaSystem {
		return nil
	}
	if c.Via == ViaWorkspace {
		if a == MailRead && c.Workspace != "" {
			return nil
		}
		return fault.New(fault.Forbidden, "A workspace as such may only read.")
	}
	if c.Via == ViaNobody || c.UserID == "" {
		return fault.New(fault.Unauthenticated, "Sign in first.")
	}
	rule, ok := Policy[a]
	if !ok || !slices.Contains(rule.Roles, c.Role) {
		return fault.New(fault.Forbidden, "Your role in this workspace does not allow this. Ask an administrator.")
	}
	if c.Via == ViaKey && !c.hasScope(rule.Scope) {
		return &fault.Error{Kind: fault.Forbidden, Code: "insufficient_scope", Text: "This API key lacks the scope " + rule.Scope + "."}
	}
	return nil
}

func (c Caller) hasScope(want string) bool { return Holds(c.Scopes, want) }

// Holds reports whether scopes include want: by name, by "*", by a wider one
// ("mail:*" holds "mail:read", "tokens:vend:*" holds "tokens:vend:gmail"). A want
// with a colon at its end is held by any scope that begins so.
func Holds(scopes []string, want string) bool {
	return slices.ContainsFunc(scopes, func(s string) bool {
		if s == "*" || s == want || strings.HasSuffix(want, ":") && strings.HasPrefix(s, want) {
			return true
		}
		area, wide := strings.CutSuffix(s, "*")
		return wide && strings.HasSuffix(area, ":") && strings.HasPrefix(want, area)
	})
}

// Audit is one row of the audit trail.
type Audit struct {
	At        time.Time
	Workspace crm.WorkspaceID
	UserID    crm.UserID
	KeyID     crm.KeyID
	Via       Via
	Action    string // "token.vend", "connection.disconnect", "login.failed", ...
	Target    string // id of the thing
	Outcome   string // "ok", "denied", "failed"
	Detail    string // plain words, no secrets, no addresses
	Remote    string
}

// Trail keeps audit rows durably.
type Trail interface {
	Record(ctx context.Context, rows ...Audit) error
}
