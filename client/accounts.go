package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// EmailAccount is an e-mail account: a mailbox read by IMAP and sent from by
// SMTP.
type EmailAccount struct {
	ID           string     `json:"id"`
	ConnectionID string     `json:"connection_id" doc:"Its mail in the inbox, for connection_id of other operations."`
	Email        string     `json:"email"`
	Name         string     `json:"name" doc:"As sender."`
	IMAP         MailServer `json:"imap"`
	SMTP         MailServer `json:"smtp"`
	Folders      []string   `json:"folders" doc:"Folders that are followed, by name; empty: inbox and sent mail (at Gmail: all mail); [\"*\"]: all but spam and trash."`
	Google       bool       `json:"google" doc:"Its servers are Gmail's: it signs in with Google, and its mail stands under the Google connection."`
	HasPassword  bool       `json:"has_password"`
	Limit        int        `json:"limit" doc:"Newest messages of each folder that are imported at first; 0: all. At Gmail: that of the Google connection."`
	Visibility   string     `json:"visibility" enum:"private,metadata,subject,full"`
	Enrich       string     `json:"enrich" enum:"off,rules,model" doc:"What may read its mail to fill records. At Gmail: that of the Google connection."`
	State        string     `json:"state" enum:"waiting,active,failing,needs_login"`
	Error        string     `json:"error" doc:"What is wrong, in plain words; empty when nothing is."`
	NextStep     string     `json:"next_step"`
	ConsentURL   string     `json:"consent_url" doc:"Where to agree at Google to IMAP and SMTP; empty when nothing is missing."`
	LastSyncAt   *time.Time `json:"last_sync_at"`
	CreatedAt    time.Time  `json:"created_at"`
	UpdatedAt    time.Time  `json:"updated_at"`
}

// MailServer is where and how an account signs in.
type MailServer struct {
	Host     string `json:"host" maxLength:"253"`
	Port     int    `json:"port,omitempty" minimum:"0" maximum:"65535" doc:"0 or absent: 993 and 465 with tls, 143 and 587 with starttls."`
	Security string `json:"security,omitempty" enum:"tls,starttls,none" doc:"Absent: tls. none is refused: passwords and tokens are sent over TLS only."`
	Auth     string `json:"auth,omitempty" enum:"oauth2,password" doc:"Absent: oauth2 at Gmail, password elsewhere."`
	Username string `json:"username,omitempty" maxLength:"320" doc:"Absent: the address of the account."`
}

// NewEmailAccount is an account to be added or tested.
type NewEmailAccount struct {
	Email      string     `json:"email" maxLength:"320"`
	Name       string     `json:"name,omitempty" maxLength:"200"`
	IMAP       MailServer `json:"imap"`
	SMTP       MailServer `json:"smtp"`
	Password   string     `json:"password,omitempty" maxLength:"500" writeOnly:"true" doc:"Kept encrypted, never shown again. Refused for Gmail."`
	Folders    []string   `json:"folders,omitempty" maxItems:"200"`
	Limit      *int       `json:"limit,omitempty" minimum:"0"`
	Visibility string     `json:"visibility,omitempty" enum:"private,metadata,subject,full"`
}

// EmailAccountPatch changes an account; what is absent stays.
type EmailAccountPatch struct {
	Name       *string     `json:"name,omitempty" maxLength:"200"`
	IMAP       *MailServer `json:"imap,omitempty"`
	SMTP       *MailServer `json:"smtp,omitempty"`
	Password   string      `json:"password,omitempty" maxLength:"500" writeOnly:"true"`
	Folders    *[]string   `json:"folders,omitempty" maxItems:"200"`
	Limit      *int        `json:"limit,omitempty" minimum:"0"`
	Visibility string      `json:"visibility,omitempty" enum:"private,metadata,subject,full"`
	Enrich     string      `json:"enrich,omitempty" enum:"off,rules,model" doc:"What may read its mail to fill records."`
}

// EmailAccountTest is the way to an account's servers, step by step.
type EmailAccountTest struct {
	OK    bool              `json:"ok"`
	Steps []EmailAccountWay `json:"steps" doc:"In order; those behind a failed one are left out, but smtp is always tried."`
}

// EmailAccountWay is one step of EmailAccountTest.
type EmailAccountWay struct {
	Name     string `json:"name" enum:"dns,tls,login,permission,mailbox,smtp"`
	OK       bool   `json:"ok"`
	Detail   string `json:"detail"`
	NextStep string `json:"next_step" doc:"What to do when it failed."`
}

// EmailFolder is a folder of an account.
type EmailFolder struct {
	Name     string `json:"name"`
	Role     string `json:"role" enum:"inbox,sent,drafts,trash,spam,archive,all,starred," doc:"As the server says; empty for others."`
	Followed bool   `json:"followed"`
}

// RemovedEmailAccount is what became of an account's mail.
type RemovedEmailAccount struct {
	DeletedMessages int64  `json:"deleted_messages"`
	Message         string `json:"message"`
}

const accountsPath = "/email-accounts"

// EmailAccounts lists one's own e-mail accounts.
func (w *InWorkspace) EmailAccounts(ctx context.Context) (List[EmailAccount], error) {
	var out List[EmailAccount]
	return out, w.client.Do(ctx, http.MethodGet, w.path+accountsPath, nil, &out)
}

// AddEmailAccount adds an e-mail account.
func (w *InWorkspace) AddEmailAccount(ctx context.Context, in NewEmailAccount) (EmailAccount, error) {
	var out EmailAccount
	return out, w.client.Do(ctx, http.MethodPost, w.path+accountsPath, in, &out)
}

// EmailAccount gives one of one's own e-mail accounts.
func (w *InWorkspace) EmailAccount(ctx context.Context, id string) (EmailAccount, error) {
	var out EmailAccount
	return out, w.client.Do(ctx, http.MethodGet, w.path+accountsPath+"/"+url.PathEscape(id), nil, &out)
}

// ChangeEmailAccount changes one.
func (w *InWorkspace) ChangeEmailAccount(ctx context.Context, id string, in EmailAccountPatch) (EmailAccount, error) {
	var out EmailAccount
	return out, w.client.Do(ctx, http.MethodPatch, w.path+accountsPath+"/"+url.PathEscape(id), in, &out)
}

// RemoveEmailAccount deletes one, and its mail if wanted.
func (w *InWorkspace) RemoveEmailAccount(ctx context.Context, id string, data bool) (RemovedEmailAccount, error) {
	var out RemovedEmailAccount
	return out, w.client.Do(ctx, http.MethodDelete, w.path+accountsPath+"/"+url.PathEscape(id)+"?delete_data="+strconv.FormatBool(data), nil, &out)
}

// TestEmailAccount walks the way to the servers of a stored account.
func (w *InWorkspace) TestEmailAccount(ctx context.Context, id string) (EmailAccountTest, error) {
	var out EmailAccountTest
	return out, w.client.Do(ctx, http.MethodPost, w.path+accountsPath+"/"+url.PathEscape(id)+"/test", nil, &out)
}

// TestNewEmailAccount walks the way to the servers of an account to be added.
func (w *InWorkspace) TestNewEmailAccount(ctx context.Context, in NewEmailAccount) (EmailAccountTest, error) {
	var out EmailAccountTest
	return out, w.client.Do(ctx, http.MethodPost, w.path+accountsPath+"/test", in, &out)
}

// EmailFolders lists the folders of an account as its server has them now.
func (w *InWorkspace) EmailFolders(ctx context.Context, id string) (List[EmailFolder], error) {
	var out List[EmailFolder]
	return out, w.client.Do(ctx, http.MethodGet, w.path+accountsPath+"/"+url.PathEscape(id)+"/folders", nil, &out)
}

// SyncEmailAccount asks for a look at an account now.
func (w *InWorkspace) SyncEmailAccount(ctx context.Context, id string) (Run, error) {
	var out Run
	return out, w.client.Do(ctx, http.MethodPost, w.path+accountsPath+"/"+url.PathEscape(id)+"/sync", nil, &out)
}
