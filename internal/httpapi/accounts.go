package httpapi

import (
	"context"
	"fmt"
	"slices"

	"rapport/client"
	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/mail/accounts"
)

type (
	EmailAccount        = client.EmailAccount
	NewEmailAccount     = client.NewEmailAccount
	EmailAccountPatch   = client.EmailAccountPatch
	EmailAccountTest    = client.EmailAccountTest
	EmailAccountWay     = client.EmailAccountWay
	EmailFolder         = client.EmailFolder
	RemovedEmailAccount = client.RemovedEmailAccount
	MailServer          = client.MailServer
)

// registerAccounts is e-mail accounts: IMAP and SMTP.
func (s *Server) registerAccounts(r *router) {
	const e = w + "/email-accounts"
	const one = e + "/{account_id}"
	add(r, may(access.AccountsManage), get, e, "list-email-accounts", "One's own e-mail accounts", s.listAccounts)
	add(r, may(access.AccountsManage), post, e, "add-email-account", "Add an e-mail account (IMAP and SMTP)", s.addAccount, status(201),
		says("An account at Gmail (imap.gmail.com, smtp.gmail.com) takes no password: it needs a Google connection of the same address that has agreed to IMAP and SMTP. Without it the answer is 403 insufficient_permission, and action_url leads to Google."))
	add(r, may(access.AccountsManage), post, e+"/test", "test-new-email-account", "Walk the way to the servers of an account that is not stored", s.testNewAccount)
	add(r, may(access.AccountsManage), get, one, "get-email-account", "One of them", s.getAccount)
	add(r, may(access.AccountsManage), patch, one, "change-email-account", "Change an e-mail account", s.changeAccount,
		says("The address stays. Another host needs the password again."))
	add(r, may(access.AccountsManage), remove, one, "remove-email-account", "Delete an e-mail account", s.removeAccount)
	add(r, may(access.AccountsManage), post, one+"/test", "test-email-account", "Walk the way to the servers of an account", s.testAccount)
	add(r, may(access.AccountsManage), get, one+"/folders", "list-email-folders", "Folders of an account, as its server has them now", s.listFolders)
	add(r, may(access.AccountsManage), post, one+"/sync", "sync-email-account", "Look for changes now", s.syncAccount, status(202))
}

type InAccount struct {
	InWorkspace
	AccountID string `path:"account_id"`
}

func (s *Server) listAccounts(ctx context.Context, c access.Caller, _ *InWorkspace) (*bodyOf[List[EmailAccount]], error) {
	list, err := s.Accounts.List(ctx, c)
	if err != nil {
		return nil, err
	}
	return listOf(each(list, s.accountShape)), nil
}

func (s *Server) getAccount(ctx context.Context, c access.Caller, in *InAccount) (*bodyOf[EmailAccount], error) {
	return s.accountBody(s.Accounts.Get(ctx, c, crm.AccountID(in.AccountID)))
}

func (s *Server) accountBody(v accounts.View, err error) (*bodyOf[EmailAccount], error) {
	if err != nil {
		return nil, err
	}
	return &bodyOf[EmailAccount]{s.accountShape(v)}, nil
}

type newAccountInput struct {
	InWorkspace
	Body NewEmailAccount
}

func (s *Server) addAccount(ctx context.Context, c access.Caller, in *newAccountInput) (*bodyOf[EmailAccount], error) {
	return s.accountBody(s.Accounts.Add(ctx, c, wishOf(in.Body)))
}

func (s *Server) testNewAccount(ctx context.Context, c access.Caller, in *newAccountInput) (*bodyOf[EmailAccountTest], error) {
	return testShape(s.Accounts.TestWish(ctx, c, wishOf(in.Body)))
}

func (s *Server) testAccount(ctx context.Context, c access.Caller, in *InAccount) (*bodyOf[EmailAccountTest], error) {
	return testShape(s.Accounts.Test(ctx, c, crm.AccountID(in.AccountID)))
}

type changeAccountInput struct {
	InAccount
	Body EmailAccountPatch
}

func (s *Server) changeAccount(ctx context.Context, c access.Caller, in *changeAccountInput) (*bodyOf[EmailAccount], error) {
	p := in.Body
	return s.accountBody(s.Accounts.Change(ctx, c, crm.AccountID(in.AccountID), func(w *accounts.Wish) {
		if p.Name != nil {
			w.Name = *p.Name
		}
		if p.IMAP != nil {
			w.IMAP = serverOf(*p.IMAP)
		}
		if p.SMTP != nil {
			w.SMTP = serverOf(*p.SMTP)
		}
		if p.Folders != nil {
			w.Folders = *p.Folders
		}
		w.Password, w.Limit, w.Visibility = crm.NewSecret(p.Password), p.Limit, crm.Visibility(p.Visibility)
		w.Enrich = crm.Consent(p.Enrich)
	}))
}

type removeAccountInput struct {
	InAccount
	DeleteData bool `query:"delete_data" doc:"Delete its mail here too. That of a Google connection stays."`
}

func (s *Server) removeAccount(ctx context.Context, c access.Caller, in *removeAccountInput) (*bodyOf[RemovedEmailAccount], error) {
	n, err := s.Accounts.Remove(ctx, c, crm.AccountID(in.AccountID), in.DeleteData)
	if err != nil {
		return nil, err
	}
	out := RemovedEmailAccount{DeletedMessages: n, Message: "The account was deleted. What was synced stays."}
	if n > 0 {
		out.Message = fmt.Sprintf("The account was deleted, and %d messages with it. Nothing was deleted on the mail server.", n)
	}
	return &bodyOf[RemovedEmailAccount]{out}, nil
}

func (s *Server) listFolders(ctx context.Context, c access.Caller, in *InAccount) (*bodyOf[List[EmailFolder]], error) {
	list, err := s.Accounts.Folders(ctx, c, crm.AccountID(in.AccountID))
	if err != nil {
		return nil, err
	}
	return listOf(each(list, func(f accounts.FolderView) EmailFolder { return EmailFolder(f) })), nil
}

func (s *Server) syncAccount(ctx context.Context, c access.Caller, in *InAccount) (*bodyOf[Run], error) {
	run, err := s.Accounts.Sync(ctx, c, crm.AccountID(in.AccountID))
	if err != nil {
		return nil, err
	}
	return &bodyOf[Run]{runShape(run)}, nil
}

func wishOf(in NewEmailAccount) accounts.Wish {
	return accounts.Wish{
		Email: in.Email, Name: in.Name, IMAP: serverOf(in.IMAP), SMTP: serverOf(in.SMTP), Password: crm.NewSecret(in.Password),
		Folders: in.Folders, Limit: in.Limit, Visibility: crm.Visibility(in.Visibility),
	}
}

func serverOf(in MailServer) crm.MailServer {
	return crm.MailServer{Host: in.Host, Port: in.Port, Security: crm.MailSecurity(in.Security), Auth: crm.MailAuth(in.Auth), Username: in.Username}
}

func serverShape(s crm.MailServer) MailServer {
	return MailServer{Host: s.Host, Port: s.Port, Security: string(s.Security), Auth: string(s.Auth), Username: s.Username}
}

func (s *Server) accountShape(v accounts.View) EmailAccount {
	out := EmailAccount{
		ID: string(v.ID), ConnectionID: string(v.ConnectionID), Email: v.Email, Name: v.Name, IMAP: serverShape(v.IMAP), SMTP: serverShape(v.SMTP),
		Folders: texts(v.Folders), Google: v.Shared, HasPassword: v.Sealed != "", Limit: v.Settings.Limit, Visibility: string(v.Settings.Visibility), Enrich: string(v.Settings.Reading()),
		State: string(v.State), Error: v.Error, NextStep: v.NextStep, LastSyncAt: utc(v.LastSyncAt), CreatedAt: v.CreatedAt.UTC(), UpdatedAt: v.UpdatedAt.UTC(),
	}
	if v.Consent != "" {
		out.ConsentURL = s.PublicURL + v.Consent
	}
	return out
}

func testShape(steps []accounts.Step, err error) (*bodyOf[EmailAccountTest], error) {
	if err != nil {
		return nil, err
	}
	return &bodyOf[EmailAccountTest]{EmailAccountTest{
		OK:    !slices.ContainsFunc(steps, func(s accounts.Step) bool { return !s.OK }),
		Steps: each(steps, func(s accounts.Step) EmailAccountWay { return EmailAccountWay(s) }),
	}}, nil
}
