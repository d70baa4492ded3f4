package httpapi

import (
	"context"

	"rapport/client"
	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/mail"
)

type (
	Owner           = client.Owner
	NamedAddress    = client.NamedAddress
	NewShare        = client.NewShare
	Share           = client.Share
	NewMailRule     = client.NewMailRule
	MailRule        = client.MailRule
	CreatedMailRule = client.CreatedMailRule
	MailPolicy      = client.MailPolicy
	MailPolicyPatch = client.MailPolicyPatch
	Suggestion      = client.Suggestion
)

// registerPrivacy is who sees what: shares, blocked and protected addresses, the workspace's rules for mail.
func (s *Server) registerPrivacy(r *router) {
	add(r, may(access.MailRead), get, g+"/gmail/shares", "list-shares", "What is shared of a mailbox of one's own", s.listShares)
	add(r, may(access.MailChange), post, g+"/gmail/shares", "share-mail", "Share a conversation or a message of one's own", once(s, "share-mail", s.share), status(201), says(shareSays))
	add(r, may(access.MailChange), remove, g+"/gmail/shares/{share_id}", "unshare-mail", "End a share", s.unshare)
	add(r, may(access.MailRead), get, g+"/gmail/suggest", "suggest-search", "How a search may go on: operators, people, labels", s.suggest,
		says("People come from the newest mail that the caller sees, the most frequent first."))
	add(r, may(access.ConnectionRead), get, w+"/mail-rules", "list-mail-rules", "Blocked and protected addresses: the workspace's and one's own", s.listMailRules)
	add(r, may(access.ConnectionManage), post, w+"/mail-rules", "add-mail-rule", "Block or protect an address or domain", s.addMailRule, status(201), says(ruleSays))
	add(r, may(access.ConnectionManage), remove, w+"/mail-rules/{rule_id}", "drop-mail-rule", "End a rule; mail that it kept out is fetched again", s.dropMailRule)
	add(r, may(access.ConnectionRead), get, w+"/mail-policy", "get-mail-policy", "What the workspace has decided about mail", s.getMailPolicy)
	add(r, may(access.WorkspaceManage), patch, w+"/mail-policy", "change-mail-policy", "Change it, for stored mail too", s.changeMailPolicy)
}

const shareSays = "Only the owner of a mailbox shares its mail. A shared conversation is open to its readers with what is yet to come. Messages with a protected address stay closed, whatever is shared. " +
	"Readers get the event mail.shared."

const ruleSays = "blocked: mail with the address, or with one of the domain, is not stored; what is stored already is deleted. protected: it is its owner's alone. " +
	"Members make rules for their own mailboxes, administrators for the workspace's."

type sharesInput struct {
	InWorkspace
	ConnectionID string `query:"connection_id" doc:"The caller's first connection when absent."`
	ThreadID     string `query:"thread_id" maxLength:"200" doc:"Gmail's thread id: shares of this conversation and its messages."`
}

func (s *Server) listShares(ctx context.Context, c access.Caller, in *sharesInput) (*bodyOf[List[Share]], error) {
	id := crm.ConnectionID(in.ConnectionID)
	if id == "" {
		conn, err := s.mine(ctx, c, "")
		if err != nil {
			return nil, err
		}
		id = conn.ID
	}
	list, err := s.Mail.Shares(ctx, c, id, in.ThreadID)
	if err != nil {
		return nil, err
	}
	return listOf(each(list, shareShape)), nil
}

func shareShape(sh crm.Share) Share {
	return Share{
		ID: string(sh.ID), ConnectionID: string(sh.ConnectionID), GmailThreadID: sh.ThreadID, EmailID: string(sh.EmailID),
		UserIDs: texts(sh.UserIDs), Workspace: sh.Workspace, CreatedBy: string(sh.CreatedBy), CreatedAt: sh.CreatedAt.UTC(),
	}
}

type shareInput struct {
	InWorkspace
	Idempotent
	Body NewShare
}

func (s *Server) share(ctx context.Context, c access.Caller, in *shareInput) (*bodyOf[Share], error) {
	b := in.Body
	sh, err := s.Mail.Share(ctx, c, crm.Share{
		ConnectionID: crm.ConnectionID(b.ConnectionID), ThreadID: b.ThreadID, EmailID: crm.EmailID(b.EmailID), Workspace: b.Workspace,
		UserIDs: each(b.UserIDs, func(id string) crm.UserID { return crm.UserID(id) }),
	})
	if err != nil {
		return nil, err
	}
	return &bodyOf[Share]{shareShape(sh)}, nil
}

type unshareInput struct {
	InWorkspace
	ShareID string `path:"share_id"`
}

func (s *Server) unshare(ctx context.Context, c access.Caller, in *unshareInput) (*struct{}, error) {
	return nil, s.Mail.Unshare(ctx, c, crm.ShareID(in.ShareID))
}

type suggestInput struct {
	InWorkspace
	Q     string `query:"q" maxLength:"2000" doc:"What has been typed."`
	Limit int    `query:"limit" minimum:"1" maximum:"50" default:"10"`
}

func (s *Server) suggest(ctx context.Context, c access.Caller, in *suggestInput) (*bodyOf[List[Suggestion]], error) {
	list, err := s.Mail.SuggestFor(ctx, c, in.Q, in.Limit)
	if err != nil {
		return nil, err
	}
	return listOf(each(list, func(v mail.Suggestion) Suggestion { return Suggestion(v) })), nil
}

type mailRulesInput struct {
	InWorkspace
	Kind string `query:"kind" enum:"blocked,protected"`
}

func (s *Server) listMailRules(ctx context.Context, c access.Caller, in *mailRulesInput) (*bodyOf[List[MailRule]], error) {
	list, err := s.Mail.MailRules(ctx, c, crm.RuleKind(in.Kind))
	if err != nil {
		return nil, err
	}
	return listOf(each(list, mailRuleShape)), nil
}

const (
	scopeWorkspace = "workspace"
	scopeMine      = "mine"
)

func mailRuleShape(r crm.MailRule) MailRule {
	scope := scopeMine
	if r.UserID == "" {
		scope = scopeWorkspace
	}
	return MailRule{ID: string(r.ID), Kind: string(r.Kind), Pattern: r.Pattern, Scope: scope, CreatedBy: string(r.CreatedBy), CreatedAt: r.CreatedAt.UTC()}
}

type newMailRuleInput struct {
	InWorkspace
	Body NewMailRule
}

func (s *Server) addMailRule(ctx context.Context, c access.Caller, in *newMailRuleInput) (*bodyOf[CreatedMailRule], error) {
	r, affects, err := s.Mail.AddMailRule(ctx, c, crm.RuleKind(in.Body.Kind), in.Body.Pattern, in.Body.Scope == scopeWorkspace)
	if err != nil {
		return nil, err
	}
	return &bodyOf[CreatedMailRule]{CreatedMailRule{MailRule: mailRuleShape(r), Affects: affects}}, nil
}

type mailRuleInput struct {
	InWorkspace
	RuleID string `path:"rule_id"`
}

func (s *Server) dropMailRule(ctx context.Context, c access.Caller, in *mailRuleInput) (*struct{}, error) {
	return nil, s.Mail.DropMailRule(ctx, c, crm.RuleID(in.RuleID))
}

func (s *Server) getMailPolicy(ctx context.Context, c access.Caller, _ *InWorkspace) (*bodyOf[MailPolicy], error) {
	p, chosen, err := s.Mail.MailPolicy(ctx, c)
	if err != nil {
		return nil, err
	}
	return &bodyOf[MailPolicy]{MailPolicy{
		StoreInternal: p.StoreInternal, OwnDomains: texts(p.OwnDomains), DomainsChosen: chosen, BodyRetentionDays: p.BodyRetentionDays, RetentionDays: p.RetentionDays,
	}}, nil
}

type mailPolicyInput struct {
	InWorkspace
	Body MailPolicyPatch
}

func (s *Server) changeMailPolicy(ctx context.Context, c access.Caller, in *mailPolicyInput) (*bodyOf[MailPolicy], error) {
	if err := s.Mail.ChangeMailPolicy(ctx, c, mail.PolicyPatch(in.Body)); err != nil {
		return nil, err
	}
	return s.getMailPolicy(ctx, c, &in.InWorkspace)
}
