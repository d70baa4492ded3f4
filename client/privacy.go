package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Owner is whose mailbox a message is in.
type Owner struct {
	UserID string `json:"user_id"`
	Name   string `json:"name"`
	Mine   bool   `json:"mine" doc:"The caller's own."`
}

// NamedAddress is an address with the name that was written with it.
type NamedAddress struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// NewShare opens a conversation or a message to others.
type NewShare struct {
	ConnectionID string   `json:"connection_id" minLength:"1" maxLength:"64"`
	ThreadID     string   `json:"thread_id,omitempty" maxLength:"200" doc:"Gmail's thread id: the conversation, with what is yet to come. One of thread_id and email_id."`
	EmailID      string   `json:"email_id,omitempty" maxLength:"64"`
	UserIDs      []string `json:"user_ids,omitempty" maxItems:"200" doc:"Members it is shared with."`
	Workspace    bool     `json:"workspace,omitempty" doc:"Share it with every member."`
}

// Share opens a conversation or a message to others.
type Share struct {
	ID            string    `json:"id"`
	ConnectionID  string    `json:"connection_id"`
	GmailThreadID string    `json:"gmail_thread_id"`
	EmailID       string    `json:"email_id" doc:"Empty for the whole conversation."`
	UserIDs       []string  `json:"user_ids"`
	Workspace     bool      `json:"workspace"`
	CreatedBy     string    `json:"created_by"`
	CreatedAt     time.Time `json:"created_at"`
}

// NewMailRule blocks or protects an address or a domain.
type NewMailRule struct {
	Kind    string `json:"kind" enum:"blocked,protected"`
	Pattern string `json:"pattern" minLength:"3" maxLength:"320" doc:"ann@shop.example, or a domain, which covers those below it: shop.example or @shop.example."`
	Scope   string `json:"scope,omitempty" enum:"workspace,mine" default:"mine" doc:"workspace: for everybody's mailboxes; administrators only."`
}

// MailRule is a blocked or protected address or domain.
type MailRule struct {
	ID        string    `json:"id"`
	Kind      string    `json:"kind" enum:"blocked,protected"`
	Pattern   string    `json:"pattern"`
	Scope     string    `json:"scope" enum:"workspace,mine"`
	CreatedBy string    `json:"created_by"`
	CreatedAt time.Time `json:"created_at"`
}

// CreatedMailRule is a new rule, with how much stored mail it is about.
type CreatedMailRule struct {
	MailRule
	Affects int64 `json:"affects" doc:"Stored messages with the address. Blocked ones are deleted in the next moments; protected ones are hidden from others at once."`
}

// MailPolicy is what a workspace has decided about the mail of all.
type MailPolicy struct {
	StoreInternal     bool     `json:"store_internal" doc:"Store mail among colleagues only, too: that whose addresses are all in own_domains."`
	OwnDomains        []string `json:"own_domains"`
	DomainsChosen     bool     `json:"domains_chosen" doc:"own_domains were chosen. Otherwise they are those of the addresses that owners and administrators sign in with and those that the organisation's approval allows, but for domains where everybody can have an address."`
	BodyRetentionDays int      `json:"body_retention_days" doc:"Texts of older messages are dropped; 0: never."`
	RetentionDays     int      `json:"retention_days" doc:"Older messages are dropped; 0: never."`
}

// MailPolicyPatch changes a policy; what is absent stays.
type MailPolicyPatch struct {
	StoreInternal     *bool     `json:"store_internal,omitempty"`
	OwnDomains        *[]string `json:"own_domains,omitempty" maxItems:"500" doc:"Empty: by the addresses of owners and administrators, and by the organisation's approval."`
	BodyRetentionDays *int      `json:"body_retention_days,omitempty" minimum:"0" maximum:"36500"`
	RetentionDays     *int      `json:"retention_days,omitempty" minimum:"0" maximum:"36500"`
}

// Suggestion is a way in which a search may go on.
type Suggestion struct {
	Text string `json:"text" doc:"What the whole query becomes."`
	Hint string `json:"hint" doc:"What it finds, or the person's name."`
	Kind string `json:"kind" enum:"operator,person,label"`
}

// Shares lists the shares of a mailbox of the caller's own, of one conversation or all.
func (w *InWorkspace) Shares(ctx context.Context, connection, thread string) (List[Share], error) {
	var out List[Share]
	return out, w.client.Do(ctx, http.MethodGet, w.google+"/gmail/shares"+query("connection_id", connection, "thread_id", thread), nil, &out)
}

// Share opens a conversation or a message of the caller's own to others.
func (w *InWorkspace) Share(ctx context.Context, in NewShare) (Share, error) {
	var out Share
	return out, w.client.Do(ctx, http.MethodPost, w.google+"/gmail/shares", in, &out)
}

// Unshare closes again what a share opened.
func (w *InWorkspace) Unshare(ctx context.Context, id string) error {
	return w.client.Do(ctx, http.MethodDelete, w.google+"/gmail/shares/"+url.PathEscape(id), nil, nil)
}

// MailRules lists the workspace's rules and the caller's own; kind "" is all.
func (w *InWorkspace) MailRules(ctx context.Context, kind string) (List[MailRule], error) {
	var out List[MailRule]
	return out, w.client.Do(ctx, http.MethodGet, w.path+"/mail-rules"+query("kind", kind), nil, &out)
}

// AddMailRule blocks or protects an address or a domain.
func (w *InWorkspace) AddMailRule(ctx context.Context, in NewMailRule) (CreatedMailRule, error) {
	var out CreatedMailRule
	return out, w.client.Do(ctx, http.MethodPost, w.path+"/mail-rules", in, &out)
}

// DropMailRule ends a rule.
func (w *InWorkspace) DropMailRule(ctx context.Context, id string) error {
	return w.client.Do(ctx, http.MethodDelete, w.path+"/mail-rules/"+url.PathEscape(id), nil, nil)
}

// MailPolicy gives what the workspace has decided about mail.
func (w *InWorkspace) MailPolicy(ctx context.Context) (MailPolicy, error) {
	var out MailPolicy
	return out, w.client.Do(ctx, http.MethodGet, w.path+"/mail-policy", nil, &out)
}

// ChangeMailPolicy changes it.
func (w *InWorkspace) ChangeMailPolicy(ctx context.Context, in MailPolicyPatch) (MailPolicy, error) {
	var out MailPolicy
	return out, w.client.Do(ctx, http.MethodPatch, w.path+"/mail-policy", in, &out)
}

// Suggest gives ways in which a search may go on.
func (w *InWorkspace) Suggest(ctx context.Context, q string) (List[Suggestion], error) {
	var out List[Suggestion]
	return out, w.client.Do(ctx, http.MethodGet, w.google+"/gmail/suggest"+query("q", q), nil, &out)
}
