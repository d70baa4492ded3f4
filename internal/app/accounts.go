package app

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"io"
	"os"

	"rapport/internal/access"
	"rapport/internal/config"
	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/imapsmtp"
	"rapport/internal/mail"
	"rapport/internal/mail/accounts"
	"rapport/internal/mail/outbox"
	"rapport/internal/store"
)

// buildAccounts makes e-mail accounts and joins it with its doors.
func (a *App) buildAccounts(d doors) error {
	roots, err := mailRoots(a.Config)
	if err != nil {
		return err
	}
	instead := map[string]string{}
	var trusted []string
	for host, other := range map[string]string{accounts.GmailIMAP + ":993": a.Config.GoogleIMAP, accounts.GmailSMTP + ":465": a.Config.GoogleSMTP} {
		if other != "" {
			instead[host], trusted = other, append(trusted, other)
		}
	}
	servers := imapsmtp.New(imapsmtp.Options{
		Tokens: a.Vault, Dial: imapsmtp.Guarded(a.Config.OutboundPrivate, trusted...), Roots: roots, Instead: instead, Now: a.now,
	})
	a.Mail.Lanes = servers
	a.Accounts = &accounts.Service{
		Servers: servers,
		Rows:    a.Store, Copies: a.Store, Runs: a.Store, Queue: a.Store, Sealer: d.sealer, Trail: a.Store,
		Now: a.now, Random: rand.Reader, Log: a.log, Budget: 10 * stepBudget, // each step signs in anew
	}
	a.Outbox.Posts, a.Outbox.Connections = posts{a.Outbox.Posts, a.Accounts}, senders{a.Store}
	a.Mail.Accounts = a.Accounts.Reread
	a.Mail.Mailboxes = mailboxes{a.Mail.Mailboxes, a.Accounts}
	return nil
}

// mailRoots are the system's authorities with those of MAIL_CA_FILE, nil where
// there are none besides the system's.
func mailRoots(c *config.Config) (*x509.CertPool, error) {
	if c.MailCAFile == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(c.MailCAFile)
	if err != nil {
		return nil, trouble(WithConfiguration, err, "MAIL_CA_FILE: %s cannot be read", c.MailCAFile)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	roots.AppendCertsFromPEM(pem)
	return roots, nil
}

// accountsWork is what e-mail accounts does in the background.
func (a *App) accountsWork() background {
	return background{definitions: a.Accounts.Definitions(), run: func(ctx context.Context) { a.Accounts.Listen(ctx, a.holder) }}
}

// accountsCorridors is what follows from facts there.
func (a *App) accountsCorridors() []corridor {
	return []corridor{
		{fact.ConnectionGranted, "e-mail accounts that waited for it go on", a.resumeAccounts},
		{fact.MemberRemoved, "their e-mail accounts are deleted, with their passwords", a.dropAccounts},
	}
}

func (a *App) resumeAccounts(ctx context.Context, f fact.Fact) error {
	return a.Accounts.Granted(ctx, f.ConnectionID)
}

func (a *App) dropAccounts(ctx context.Context, f fact.Fact) error {
	user, err := removedMember(f)
	if err != nil || user == "" {
		return err
	}
	if _, err := a.Store.Member(ctx, f.WorkspaceID, user); err == nil {
		return nil // they are back
	} else if !fault.Is(err, fault.NotFound) {
		return fmt.Errorf("looking for the member: %w", err)
	}
	return a.Accounts.DropMember(ctx, f.WorkspaceID, user)
}

// mailboxes opens the mailbox of a connection where it is: at Gmail, or on the
// server of an e-mail account.
type mailboxes struct {
	mail.Mailboxes
	accounts *accounts.Service
}

func (m mailboxes) Open(ctx context.Context, c crm.Connection, p mail.Priority) (mail.Mailbox, error) {
	if c.Provider == crm.ProviderIMAP {
		return onServer{connection: c, accounts: m.accounts}, nil
	}
	return m.Mailboxes.Open(ctx, c, p)
}

// posts opens the mailbox of a connection for sending where it is.
type posts struct {
	outbox.Posts
	accounts *accounts.Service
}

func (p posts) Open(ctx context.Context, c crm.Connection, priority mail.Priority) (outbox.Post, error) {
	if c.Provider == crm.ProviderIMAP {
		return p.accounts.Post(ctx, c)
	}
	return p.Posts.Open(ctx, c, priority)
}

// senders are the connections that a member may send from: Google's first.
type senders struct{ *store.Store }

func (s senders) Mine(ctx context.Context, c access.Caller) ([]crm.Connection, error) {
	return s.MailboxesOf(ctx, c)
}

// onServer is the mailbox of an e-mail account, as far as the mail room needs it:
// for attachments and changes. Its streams are those of package accounts.
type onServer struct {
	connection crm.Connection
	accounts   *accounts.Service
}

func (o onServer) Attachment(ctx context.Context, messageID, partID string, w io.Writer) error {
	return o.accounts.Attachment(ctx, o.connection.ID, messageID, partID, w)
}

// Modify writes what is changed here to the mail server.
func (o onServer) Modify(ctx context.Context, ids []string, d mail.Delta) (missing []string, err error) {
	return o.accounts.Modify(ctx, o.connection, ids, d)
}

func (onServer) CreateLabel(context.Context, string) (crm.Label, error) {
	return crm.Label{}, errElsewhere
}
func (onServer) RenameLabel(context.Context, string, string) (crm.Label, error) {
	return crm.Label{}, errElsewhere
}
func (onServer) DeleteLabel(context.Context, string) error { return errElsewhere }

// errElsewhere: nobody asks a mail server what only Gmail's API answers.
var errElsewhere = fault.New(fault.Conflict, "This is possible for Gmail alone. Do it in the mail program of this e-mail account.")

func (onServer) Profile(context.Context) (mail.Profile, error) { return mail.Profile{}, errElsewhere }
func (onServer) Labels(context.Context) ([]crm.Label, error)   { return nil, errElsewhere }
func (onServer) List(context.Context, mail.Listing, string) (mail.Listed, error) {
	return mail.Listed{}, errElsewhere
}
func (onServer) History(context.Context, uint64, string) (mail.HistoryPage, error) {
	return mail.HistoryPage{}, errElsewhere
}
func (onServer) Fetch(context.Context, []mail.Ref, func(mail.Fetched) error) error {
	return errElsewhere
}
func (onServer) Spent() int64 { return 0 }
