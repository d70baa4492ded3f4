package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// InWorkspace calls the operations of one workspace.
type InWorkspace struct {
	client *Client
	path   string // of the workspace
	google string // of its Google integration
}

// Workspace gives the operations of a workspace; "default" where there is one.
func (c *Client) Workspace(id string) *InWorkspace {
	path := base + "/workspaces/" + url.PathEscape(id)
	return &InWorkspace{client: c, path: path, google: path + "/integrations/google"}
}

// MemberQuery chooses members; what is empty chooses all.
type MemberQuery struct {
	Q       string // words that each stand in the name or the address
	Role    string
	UserIDs []string
	Page
}

// Members gives a page of the members, the oldest first.
func (w *InWorkspace) Members(ctx context.Context, q MemberQuery) (List[Member], error) {
	var out List[Member]
	text := query("q", q.Q, "role", q.Role, "user_ids", strings.Join(q.UserIDs, ","), "cursor", q.Cursor, "limit", q.limit())
	return out, w.client.Do(ctx, http.MethodGet, w.path+"/members"+text, nil, &out)
}

// AddMember invites a person.
func (w *InWorkspace) AddMember(ctx context.Context, in NewMember) (Member, error) {
	var out Member
	return out, w.client.Do(ctx, http.MethodPost, w.path+"/members", in, &out)
}

// CreateAPIKey makes a key.
func (w *InWorkspace) CreateAPIKey(ctx context.Context, in NewAPIKey) (CreatedAPIKey, error) {
	var out CreatedAPIKey
	return out, w.client.Do(ctx, http.MethodPost, w.path+"/api-keys", in, &out)
}

// KeyQuery chooses API keys.
type KeyQuery struct {
	State string // active or ended; "": all
	Page
}

// APIKeys gives a page of the keys, the oldest first.
func (w *InWorkspace) APIKeys(ctx context.Context, q KeyQuery) (List[APIKey], error) {
	var out List[APIKey]
	return out, w.client.Do(ctx, http.MethodGet, w.path+"/api-keys"+query("state", q.State, "cursor", q.Cursor, "limit", q.limit()), nil, &out)
}

// RevokeAPIKey ends a key.
func (w *InWorkspace) RevokeAPIKey(ctx context.Context, id string) error {
	return w.client.Do(ctx, http.MethodDelete, w.path+"/api-keys/"+url.PathEscape(id), nil, nil)
}

// ConnectWish is what to connect.
type ConnectWish struct {
	Services     []string // gmail, calendar, contacts; empty: the server's choice
	ConnectionID string   // reconnect this one
	ReturnTo     string   // path of the pages to come back to
}

// Connect gives the address of Google's consent page.
func (w *InWorkspace) Connect(ctx context.Context, in ConnectWish) (string, error) {
	var out Connect
	q := query("services", strings.Join(in.Services, ","), "connection_id", in.ConnectionID, "return_to", in.ReturnTo)
	return out.AuthorizationURL, w.client.Do(ctx, http.MethodGet, w.google+"/connect"+q, nil, &out)
}

// Status gives the state of a connection, the caller's first when connection is "".
func (w *InWorkspace) Status(ctx context.Context, connection string) (Status, error) {
	var out Status
	return out, w.client.Do(ctx, http.MethodGet, w.google+"/status"+query("connection_id", connection), nil, &out)
}

// UpdateSettings changes settings and gives the new state.
func (w *InWorkspace) UpdateSettings(ctx context.Context, in SettingsPatch) (Status, error) {
	var out Status
	return out, w.client.Do(ctx, http.MethodPatch, w.google+"/settings", in, &out)
}

// Disconnect ends a connection.
func (w *InWorkspace) Disconnect(ctx context.Context, in DisconnectRequest) (Disconnected, error) {
	var out Disconnected
	return out, w.client.Do(ctx, http.MethodPost, w.google+"/disconnect", in, &out)
}

// Sync asks for a sync and waits up to wait for its end.
func (w *InWorkspace) Sync(ctx context.Context, in SyncRequest, wait time.Duration) (Run, error) {
	var out Run
	return out, w.client.Do(ctx, http.MethodPost, w.google+"/gmail/sync"+waiting(wait), in, &out)
}

// Verify asks for a completeness check and waits up to wait for its end.
func (w *InWorkspace) Verify(ctx context.Context, in VerifyRequest, wait time.Duration) (Verification, error) {
	var out Verification
	return out, w.client.Do(ctx, http.MethodPost, w.google+"/verify"+waiting(wait), in, &out)
}

func waiting(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return "?wait=" + d.String()
}

// Preview says what an import would be.
func (w *InWorkspace) Preview(ctx context.Context, in PreviewRequest) (Preview, error) {
	var out Preview
	return out, w.client.Do(ctx, http.MethodPost, w.google+"/preview", in, &out)
}

// EmailQuery chooses messages.
type EmailQuery struct {
	Q, Label, ConnectionID, Cursor string
	RecordID                       string // linked to a record
	Unread                         *bool
	Threads                        bool
	Sort                           string // newest (also when empty), relevance
	Limit                          int
}

// Emails gives a page of messages, newest first.
func (w *InWorkspace) Emails(ctx context.Context, in EmailQuery) (List[EmailItem], error) {
	limit, unread, threads := "", "", ""
	if in.Limit > 0 {
		limit = strconv.Itoa(in.Limit)
	}
	if in.Unread != nil {
		unread = strconv.FormatBool(*in.Unread)
	}
	if in.Threads {
		threads = "true"
	}
	var out List[EmailItem]
	q := query("q", in.Q, "label", in.Label, "connection_id", in.ConnectionID, "record_id", in.RecordID, "cursor", in.Cursor, "limit", limit, "is_unread", unread, "threads", threads, "sort", in.Sort)
	return out, w.client.Do(ctx, http.MethodGet, w.google+"/gmail/emails"+q, nil, &out)
}

// EachEmail walks all pages of a query until see fails.
func (w *InWorkspace) EachEmail(ctx context.Context, in EmailQuery, see func(EmailItem) error) error {
	for {
		page, err := w.Emails(ctx, in)
		if err != nil {
			return err
		}
		for _, e := range page.Items {
			if err := see(e); err != nil {
				return err
			}
		}
		if page.NextCursor == "" {
			return nil
		}
		in.Cursor = page.NextCursor
	}
}

// Email gives one message.
func (w *InWorkspace) Email(ctx context.Context, id string) (Email, error) {
	var out Email
	return out, w.client.Do(ctx, http.MethodGet, w.google+"/gmail/emails/"+url.PathEscape(id), nil, &out)
}

// Thread gives a conversation, oldest message first.
func (w *InWorkspace) Thread(ctx context.Context, id, connection string) (Thread, error) {
	var out Thread
	return out, w.client.Do(ctx, http.MethodGet, w.google+"/gmail/threads/"+url.PathEscape(id)+query("connection_id", connection), nil, &out)
}

// Attachment copies the bytes of an attachment to out.
func (w *InWorkspace) Attachment(ctx context.Context, email, attachment string, out io.Writer) error {
	path := w.google + "/gmail/emails/" + url.PathEscape(email) + "/attachments/" + url.PathEscape(attachment)
	answer, err := w.client.send(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if _, err := io.Copy(out, answer.Body); err != nil {
		return fmt.Errorf("reading the attachment: %w", err)
	}
	return nil
}

// Labels lists the labels of a mailbox.
func (w *InWorkspace) Labels(ctx context.Context, connection string) ([]Label, error) {
	var out List[Label]
	return out.Items, w.client.Do(ctx, http.MethodGet, w.google+"/gmail/labels"+query("connection_id", connection), nil, &out)
}

// Runs gives a page of runs, newest first.
func (w *InWorkspace) Runs(ctx context.Context, connection, cursor string) (List[Run], error) {
	var out List[Run]
	return out, w.client.Do(ctx, http.MethodGet, w.google+"/runs"+query("connection_id", connection, "cursor", cursor), nil, &out)
}

// Failures gives a page of what could not be imported.
func (w *InWorkspace) Failures(ctx context.Context, connection, cursor string) (List[Failure], error) {
	var out List[Failure]
	return out, w.client.Do(ctx, http.MethodGet, w.google+"/failures"+query("connection_id", connection, "cursor", cursor), nil, &out)
}

// RetryFailure tries an item again now.
func (w *InWorkspace) RetryFailure(ctx context.Context, id string) error {
	return w.client.Do(ctx, http.MethodPost, w.google+"/failures/"+url.PathEscape(id)+"/retry", nil, nil)
}
