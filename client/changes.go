package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// NewChange asks for a change of messages.
type NewChange struct {
	EmailIDs     []string `json:"email_ids,omitempty" maxItems:"1000" doc:"Messages, of one mailbox."`
	ThreadIDs    []string `json:"thread_ids,omitempty" maxItems:"1000" doc:"Gmail's thread ids: every message that the conversation shows."`
	ConnectionID string   `json:"connection_id,omitempty" doc:"The mailbox of the messages when absent; for threads, the caller's first connection."`
	Action       string   `json:"action" enum:"read,unread,star,unstar,archive,inbox,trash,untrash,spam,not_spam,add_label,remove_label"`
	LabelID      string   `json:"label_id,omitempty" maxLength:"300" doc:"Gmail label id, for add_label and remove_label."`
}

// Change of messages: shown here at once, at Gmail a moment later.
type Change struct {
	ID           string     `json:"id"`
	ConnectionID string     `json:"connection_id"`
	Action       string     `json:"action" enum:"read,unread,star,unstar,archive,inbox,trash,untrash,spam,not_spam,add_label,remove_label,undo"`
	LabelID      string     `json:"label_id"`
	State        string     `json:"state" enum:"waiting,done,refused,undone" doc:"waiting: on its way to Gmail or the mail server. refused: it was not taken there, and the labels are as they were."`
	Count        int64      `json:"count" doc:"Messages that it changes: those that were so already do not count."`
	Reason       string     `json:"reason" doc:"Why it was refused, in plain words."`
	UndoOf       string     `json:"undo_of" doc:"The change that this one takes back."`
	CreatedAt    time.Time  `json:"created_at"`
	FinishedAt   *time.Time `json:"finished_at"`
	LeftOut      []LeftOut  `json:"left_out,omitempty" doc:"What was asked for and is not part of the change, in the answer to the request that made it only."`
}

// LeftOut is a message or a conversation that a change does not touch.
type LeftOut struct {
	EmailID  string `json:"email_id,omitempty"`
	ThreadID string `json:"thread_id,omitempty"`
	Reason   string `json:"reason" enum:"not_found,draft" doc:"not_found: it is not in this mailbox, is not the caller's to change, or does not exist any more. draft: drafts are changed as drafts."`
}

// LabelName names a label, new or renamed.
type LabelName struct {
	Name         string `json:"name" minLength:"1" maxLength:"225" doc:"With / between the names of nested labels."`
	ConnectionID string `json:"connection_id,omitempty" doc:"The caller's first connection when absent."`
}

// ChangeMail changes messages.
func (w *InWorkspace) ChangeMail(ctx context.Context, in NewChange) (Change, error) {
	var out Change
	return out, w.client.Do(ctx, http.MethodPost, w.google+"/gmail/changes", in, &out)
}

// UndoChange takes a change back.
func (w *InWorkspace) UndoChange(ctx context.Context, id string) (Change, error) {
	var out Change
	return out, w.client.Do(ctx, http.MethodPost, w.google+"/gmail/changes/"+url.PathEscape(id)+"/undo", nil, &out)
}

// ChangeQuery chooses changes.
type ChangeQuery struct {
	State string // waiting, done, refused, undone; "": all
	Page
}

// Changes gives a page of the caller's changes, the newest first.
func (w *InWorkspace) Changes(ctx context.Context, q ChangeQuery) (List[Change], error) {
	var out List[Change]
	return out, w.client.Do(ctx, http.MethodGet, w.google+"/gmail/changes"+query("state", q.State, "cursor", q.Cursor, "limit", q.limit()), nil, &out)
}

// CreateLabel makes a label at Google.
func (w *InWorkspace) CreateLabel(ctx context.Context, in LabelName) (Label, error) {
	var out Label
	return out, w.client.Do(ctx, http.MethodPost, w.google+"/gmail/labels", in, &out)
}

// RenameLabel gives a label another name.
func (w *InWorkspace) RenameLabel(ctx context.Context, id string, in LabelName) (Label, error) {
	var out Label
	return out, w.client.Do(ctx, http.MethodPatch, w.google+"/gmail/labels/"+url.PathEscape(id), in, &out)
}

// DeleteLabel deletes a label at Google; its messages stay.
func (w *InWorkspace) DeleteLabel(ctx context.Context, id, connection string) error {
	return w.client.Do(ctx, http.MethodDelete, w.google+"/gmail/labels/"+url.PathEscape(id)+query("connection_id", connection), nil, nil)
}
