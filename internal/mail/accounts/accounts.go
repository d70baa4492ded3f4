package accounts

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/work"
)

// Service keeps e-mail accounts. All fields but Log and Budget are required.
type Service struct {
	Servers Servers
	Rows    Rows
	Copies  Copies
	Runs    mail.Runs
	Queue   work.Queue
	Sealer  Sealer
	Trail   access.Trail
	Now     func() time.Time
	Random  io.Reader
	Log     *slog.Logger
	// Budget is how long a step goes on before others get their turn; 0: one page.
	Budget time.Duration

	mu   sync.Mutex
	wake chan struct{} // of Listen, while it runs
}

// ScopeMail is the scope that Gmail's IMAP and SMTP ask for.
const ScopeMail = mail.ScopeMail

const fieldPassword = "password"

// Wish is what somebody wants an account to be.
type Wish struct {
	Email, Name string
	IMAP, SMTP  crm.MailServer
	Password    crm.Secret // zero: the stored one, or none
	Folders     []string
	Limit       *int           // newest messages of each folder to import, 0: all; nil: as it is
	Visibility  crm.Visibility // "": as it is
	Enrich      crm.Consent    // "": as it is
}

// View is an account with what belongs to it.
type View struct {
	crm.Account
	Settings crm.ConnectionSettings // of its connection
	// Consent is where to agree at Google to what is missing; "" when nothing is.
	Consent string
}

// List gives the caller's accounts, the oldest first.
func (s *Service) List(ctx context.Context, caller access.Caller) ([]View, error) {
	if err := access.Allow(caller, access.AccountsManage); err != nil {
		return nil, err
	}
	list, err := s.Rows.AccountsOf(ctx, caller.Workspace, caller.UserID)
	if err != nil {
		return nil, err
	}
	out := make([]View, len(list))
	for i, a := range list {
		if out[i], err = s.view(ctx, a); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Get gives one of the caller's accounts.
func (s *Service) Get(ctx context.Context, caller access.Caller, id crm.AccountID) (View, error) {
	a, err := s.own(ctx, caller, id)
	if err != nil {
		return View{}, err
	}
	return s.view(ctx, a)
}

func (s *Service) own(ctx context.Context, caller access.Caller, id crm.AccountID) (crm.Account, error) {
	if err := access.Allow(caller, access.AccountsManage); err != nil {
		return crm.Account{}, err
	}
	return s.Rows.Account(ctx, caller.Workspace, caller.UserID, id)
}

func (s *Service) view(ctx context.Context, a crm.Account) (View, error) {
	c, err := s.Rows.Connection(ctx, a.WorkspaceID, a.ConnectionID)
	if err != nil {
		return View{}, fmt.Errorf("reading the account's connection: %w", err)
	}
	v := View{Account: a, Settings: c.Settings}
	if a.IMAP.Auth == crm.AuthOAuth2 && !permitted(c) {
		v.Consent = consentLink(a.WorkspaceID, c.ID, a.Email)
	}
	return v, nil
}

// permitted says whether a connection of Google's may use IMAP and SMTP.
func permitted(c crm.Connection) bool {
	return c.Status.Syncs() && slices.Contains(c.GrantedScopes, ScopeMail)
}

// Add stores an account and begins to sync it. A Gmail account needs a Google
// connection of its address that may use IMAP and SMTP; fault.Permission with the
// way to consent otherwise.
func (s *Service) Add(ctx context.Context, caller access.Caller, w Wish) (View, error) {
	if err := access.Allow(caller, access.AccountsManage); err != nil {
		return View{}, err
	}
	w, err := w.complete(nil)
	if err != nil {
		return View{}, err
	}
	a, conn, err := s.made(ctx, caller, w)
	if err != nil {
		return View{}, err
	}
	if a, err = s.Rows.AddAccount(ctx, a, conn); err != nil {
		return View{}, err
	}
	if err := s.settle(ctx, a, w); err != nil {
		return View{}, err
	}
	s.audit(ctx, caller, "account.add", a)
	if err := s.Start(ctx, a.ID); err != nil {
		return View{}, err
	}
	return s.view(ctx, a)
}

// made is the account of a wish, with the connection that its mail stands under.
func (s *Service) made(ctx context.Context, caller access.Caller, w Wish) (crm.Account, crm.Connection, error) {
	id, err := crm.NewID(s.Now(), s.Random)
	if err != nil {
		return crm.Account{}, crm.Connection{}, err
	}
	now := s.Now()
	a := crm.Account{
		ID: crm.AccountID(id), WorkspaceID: caller.Workspace, UserID: caller.UserID, Email: w.Email, Name: w.Name, IMAP: w.IMAP, SMTP: w.SMTP,
		Folders: w.Folders, State: crm.AccountWaiting, CreatedAt: now, UpdatedAt: now,
	}
	if w.gmail() {
		c, err := s.google(ctx, caller, w.Email)
		a.Shared, a.ConnectionID = true, c.ID
		return a, c, err
	}
	if a.Sealed, err = s.Sealer.Seal(id, fieldPassword, w.Password); err != nil {
		return a, crm.Connection{}, err
	}
	cid, err := crm.NewID(now, s.Random)
	c := crm.Connection{
		ID: crm.ConnectionID(cid), WorkspaceID: a.WorkspaceID, UserID: a.UserID, Provider: crm.ProviderIMAP,
		GoogleSub: "imap:" + w.Email, GoogleEmail: w.Email, Status: crm.StatusActive, Settings: crm.DefaultSettings(), CreatedAt: now, UpdatedAt: now,
	}
	c.Settings.Labels = []string{crm.AllLabels}
	return a, c, err
}

// google is the caller's connection of a Google account that may use IMAP.
func (s *Service) google(ctx context.Context, caller access.Caller, email string) (crm.Connection, error) {
	c, err := s.Rows.GoogleConnection(ctx, caller.Workspace, caller.UserID, email)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return c, err
	}
	if err != nil || !permitted(c) {
		return c, &fault.Error{Kind: fault.Permission, Code: "insufficient_permission", Scopes: []string{ScopeMail},
			Text:   "Gmail lets Rapport in by IMAP and SMTP only after you agree at Google. Choose Connect with Google and leave the box for mail ticked.",
			Action: consentLink(caller.Workspace, c.ID, email)}
	}
	return c, nil
}

// settle brings the settings of a connection of an account's own in line.
func (s *Service) settle(ctx context.Context, a crm.Account, w Wish) error {
	if a.Shared || w.Limit == nil && w.Visibility == "" && w.Enrich == "" {
		return nil
	}
	_, err := s.Rows.SetMailbox(ctx, a.ConnectionID, func(c *crm.ConnectionSettings) {
		if w.Limit != nil {
			c.Limit = *w.Limit
		}
		if w.Visibility != "" {
			c.Visibility = w.Visibility
		}
		if w.Enrich != "" {
			c.Enrich = w.Enrich
		}
	})
	return err
}

// Change changes an account of the caller's. Its address stays; another host
// needs the password again.
func (s *Service) Change(ctx context.Context, caller access.Caller, id crm.AccountID, change func(*Wish)) (View, error) {
	a, err := s.own(ctx, caller, id)
	if err != nil {
		return View{}, err
	}
	w := Wish{Email: a.Email, Name: a.Name, IMAP: a.IMAP, SMTP: a.SMTP, Folders: a.Folders}
	change(&w)
	if w, err = w.complete(&a); err != nil {
		return View{}, err
	}
	if a.Shared != w.gmail() {
		return View{}, fault.New(fault.Conflict, "An account cannot move to or away from Gmail. Delete it and add the other one.")
	}
	sealed := a.Sealed
	if !w.Password.IsZero() {
		if sealed, err = s.Sealer.Seal(string(a.ID), fieldPassword, w.Password); err != nil {
			return View{}, err
		}
	}
	a, err = s.Rows.ChangeAccount(ctx, a.ID, func(now *crm.Account) error {
		now.Name, now.IMAP, now.SMTP, now.Folders, now.Sealed = w.Name, w.IMAP, w.SMTP, w.Folders, sealed
		if now.State == crm.AccountRefused {
			now.State = crm.AccountWaiting
		}
		return nil
	})
	if err != nil {
		return View{}, err
	}
	if err := s.settle(ctx, a, w); err != nil {
		return View{}, err
	}
	s.audit(ctx, caller, "account.change", a)
	if err := s.Start(ctx, a.ID); err != nil {
		return View{}, err
	}
	return s.view(ctx, a)
}

// Remove deletes an account of the caller's. Its mail stays unless data is to go
// too; that of a shared connection always stays.
func (s *Service) Remove(ctx context.Context, caller access.Caller, id crm.AccountID, data bool) (deleted int64, err error) {
	a, err := s.own(ctx, caller, id)
	if err != nil {
		return 0, err
	}
	if err := s.drop(ctx, a); err != nil {
		return 0, err
	}
	s.audit(ctx, caller, "account.remove", a)
	if data && !a.Shared {
		return s.Rows.DeleteData(ctx, a.WorkspaceID, a.ConnectionID)
	}
	return 0, nil
}

func (s *Service) drop(ctx context.Context, a crm.Account) error {
	if err := s.Queue.Cancel(ctx, KindSync, string(a.ID)); err != nil {
		return err
	}
	return s.Rows.DropAccount(ctx, a.ID)
}

// DropMember deletes the accounts of somebody who left a workspace, with their
// passwords. Their mail stays as that of their other connections does.
func (s *Service) DropMember(ctx context.Context, w crm.WorkspaceID, u crm.UserID) error {
	list, err := s.Rows.AccountsOf(ctx, w, u)
	if err != nil {
		return err
	}
	for _, a := range list {
		if err := s.drop(ctx, a); err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	return nil
}

// Folders lists the folders of an account as its server has them now.
func (s *Service) Folders(ctx context.Context, caller access.Caller, id crm.AccountID) ([]FolderView, error) {
	a, err := s.own(ctx, caller, id)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, interactive)
	defer cancel()
	box, err := s.open(ctx, a)
	if err != nil {
		return nil, err
	}
	defer box.Close()
	list, err := box.Folders(ctx)
	if err != nil {
		return nil, err
	}
	followed := chosen(list, a.Folders, box.Features().Gmail)
	var out []FolderView
	for _, f := range list {
		if f.Closed {
			continue
		}
		out = append(out, FolderView{Name: f.Name, Role: roleOf(f), Followed: slices.ContainsFunc(followed, func(c Folder) bool { return c.Name == f.Name })})
	}
	return out, nil
}

// FolderView is a folder as people see it.
type FolderView struct {
	Name     string
	Role     string // "inbox", "sent", "drafts", "trash", "spam", "archive", "all", "starred", ""
	Followed bool
}

// interactive is how long somebody waits for a mail server.
const interactive = 40 * time.Second

// Sync asks for a look at an account now and answers its run.
func (s *Service) Sync(ctx context.Context, caller access.Caller, id crm.AccountID) (crm.Run, error) {
	a, err := s.own(ctx, caller, id)
	if err != nil {
		return crm.Run{}, err
	}
	if a.State == crm.AccountRefused { // perhaps it was put right at the server
		if a, err = s.Rows.ChangeAccount(ctx, a.ID, func(a *crm.Account) error { a.State = crm.AccountWaiting; return nil }); err != nil {
			return crm.Run{}, err
		}
	}
	run, err := s.begin(ctx, a, crm.RunQueued)
	if err != nil {
		return crm.Run{}, err
	}
	return run, s.News(ctx, a.ID)
}

// Test walks the way to the servers of a stored account.
func (s *Service) Test(ctx context.Context, caller access.Caller, id crm.AccountID) ([]Step, error) {
	a, err := s.own(ctx, caller, id)
	if err != nil {
		return nil, err
	}
	return s.examine(ctx, caller, Wish{Email: a.Email, IMAP: a.IMAP, SMTP: a.SMTP}, func(server crm.MailServer) (Login, error) { return s.login(ctx, a, server) })
}

// TestWish walks the way to the servers of an account that is not stored.
func (s *Service) TestWish(ctx context.Context, caller access.Caller, w Wish) ([]Step, error) {
	if err := access.Allow(caller, access.AccountsManage); err != nil {
		return nil, err
	}
	w, err := w.complete(nil)
	if err != nil {
		return nil, err
	}
	return s.examine(ctx, caller, w, func(server crm.MailServer) (Login, error) {
		l := Login{Account: crm.AccountID("test:" + string(caller.UserID)), Server: server, Password: w.Password}
		if server.Auth == crm.AuthOAuth2 {
			c, err := s.google(ctx, caller, w.Email)
			if err != nil {
				return l, err
			}
			l.Grant = c.GrantID
		}
		return l, nil
	})
}

func (s *Service) examine(ctx context.Context, caller access.Caller, w Wish, login func(crm.MailServer) (Login, error)) ([]Step, error) {
	ctx, cancel := context.WithTimeout(ctx, interactive)
	defer cancel()
	imap, err := login(w.IMAP)
	var missing error
	if w.gmail() { // what a stored account had may have been taken back
		_, missing = s.google(ctx, caller, w.Email)
	}
	if missing == nil && err != nil {
		return nil, err
	}
	smtp, err := login(w.SMTP)
	if missing == nil && err != nil {
		return nil, err
	}
	if missing != nil {
		imap.Server, smtp.Server, imap.Grant, smtp.Grant = w.IMAP, w.SMTP, "", ""
	}
	steps := s.Servers.Examine(ctx, imap, smtp)
	if missing != nil && !slices.ContainsFunc(steps, func(s Step) bool { return !s.OK }) {
		steps = append(steps, Step{Name: "permission", Detail: "Google has not been asked for IMAP and SMTP yet, or it was taken back.", NextStep: "Choose Connect with Google and leave the box for mail ticked."})
	}
	return steps, nil
}

// open signs in to the IMAP server of an account.
func (s *Service) open(ctx context.Context, a crm.Account) (Box, error) {
	l, err := s.login(ctx, a, a.IMAP)
	if err != nil {
		return nil, err
	}
	return s.Servers.Open(ctx, l)
}

// login is how an account signs in to one of its servers.
func (s *Service) login(ctx context.Context, a crm.Account, server crm.MailServer) (Login, error) {
	l := Login{Account: a.ID, Server: server}
	if server.Auth != crm.AuthOAuth2 {
		var err error
		if l.Password, err = s.Sealer.Open(string(a.ID), fieldPassword, a.Sealed); err != nil {
			return l, &fault.Error{Kind: fault.Reconnect, Code: "decryption_failed", Err: err, Text: "The stored password cannot be decrypted with the configured keys. Enter it again."}
		}
		return l, nil
	}
	c, err := s.Rows.ConnectionByID(ctx, a.ConnectionID)
	if err != nil {
		return l, fmt.Errorf("reading the account's connection: %w", err)
	}
	if !permitted(c) {
		return l, &fault.Error{Kind: fault.Permission, Code: "insufficient_permission", Scopes: []string{ScopeMail},
			Text: "Google does not let Rapport use IMAP and SMTP for this account any more. Choose Connect with Google again.", Action: consentLink(a.WorkspaceID, c.ID, a.Email)}
	}
	l.Grant = c.GrantID
	return l, nil
}

// begin starts the run of an account, or gives the one going on.
func (s *Service) begin(ctx context.Context, a crm.Account, state crm.RunState) (crm.Run, error) {
	id, err := crm.NewID(s.Now(), s.Random)
	if err != nil {
		return crm.Run{}, err
	}
	run, _, err := s.Runs.BeginRun(ctx, crm.Run{
		ID: crm.RunID(id), WorkspaceID: a.WorkspaceID, ConnectionID: a.ConnectionID, Stream: crm.StreamIMAP, State: state, StartedAt: s.Now(),
	})
	return run, err
}

func (s *Service) audit(ctx context.Context, caller access.Caller, action string, a crm.Account) {
	err := s.Trail.Record(ctx, access.Audit{
		At: s.Now(), Workspace: caller.Workspace, UserID: caller.UserID, KeyID: caller.KeyID, Via: caller.Via,
		Action: action, Target: string(a.ID), Outcome: "ok", Remote: caller.Remote,
	})
	if err != nil {
		s.log().ErrorContext(ctx, "writing the audit trail", "action", action, "error", err)
	}
}

func (s *Service) log() *slog.Logger {
	if s.Log != nil {
		return s.Log
	}
	return slog.New(slog.DiscardHandler)
}

// consentLink is where a member agrees at Google to IMAP and SMTP.
func consentLink(w crm.WorkspaceID, c crm.ConnectionID, email string) string {
	link := "/api/v1/workspaces/" + string(w) + "/integrations/google/connect?services=imap&redirect=true&return_to=%2Fcrm%2Fsettings%2Fintegrations"
	if c != "" {
		return link + "&connection_id=" + string(c)
	}
	return link + "&login_hint=" + strings.ReplaceAll(strings.ReplaceAll(email, "+", "%2B"), "&", "%26")
}

// Granted lets accounts go on that stand under a connection of Google's that has
// just been given, again.
func (s *Service) Granted(ctx context.Context, c crm.ConnectionID) error {
	a, err := s.Rows.AccountOf(ctx, c)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("finding the account of a connection: %w", err)
	}
	if a.State == crm.AccountRefused {
		_, err = s.Rows.ChangeAccount(ctx, a.ID, func(a *crm.Account) error { a.State = crm.AccountWaiting; return nil })
		if err != nil {
			return fmt.Errorf("letting an account go on: %w", err)
		}
	}
	return s.Start(ctx, a.ID)
}

// Reread lists all folders of a connection's account again: what is stored stays
// as it is, what is missing is fetched.
func (s *Service) Reread(ctx context.Context, c crm.ConnectionID) error {
	a, err := s.Rows.AccountOf(ctx, c)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err == nil {
		err = s.Copies.ForgetPositions(ctx, a)
	}
	if err != nil {
		return fmt.Errorf("forgetting where folders were read to: %w", err)
	}
	return s.Start(ctx, a.ID)
}
