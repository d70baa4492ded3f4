package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// EmailLink ties a message to a record of the CRM.
type EmailLink struct {
	Record RecordRef `json:"record"`
	Rule   string    `json:"rule" enum:"manual,address,deal,domain,company,thread" doc:"Why: somebody linked it, an address is the person's, a person of the open deal takes part, an address is at the company's domain, somebody who takes part works there, another message of the conversation is linked."`
	Why    string    `json:"why" doc:"That in words."`
	Manual bool      `json:"manual"`
	At     time.Time `json:"at"`
}

// NewEmailLink ties a message to a record by hand.
type NewEmailLink struct {
	RecordID    string `json:"record_id" minLength:"1" maxLength:"64"`
	WholeThread *bool  `json:"whole_thread,omitempty" doc:"The whole conversation, what is still to come included. True when absent."`
}

// EmailLinks are the links of a message.
type EmailLinks struct {
	Links []EmailLink `json:"links"`
}

// Activity is something that happened with a record. Of its parts, the one that kind
// names is there.
type Activity struct {
	ID     string     `json:"id" doc:"Of the message, note, task or event."`
	Kind   string     `json:"kind" enum:"email,note,task,meeting,call"`
	At     time.Time  `json:"at"`
	Record *RecordRef `json:"record" doc:"The record it was found on. Null for a task of no record."`
	Email  *EmailItem `json:"email,omitempty" doc:"As the caller sees it."`
	Note   *Note      `json:"note,omitempty"`
	Task   *Task      `json:"task,omitempty"`
	Event  *EventRef  `json:"event,omitempty"`
	Why    *Why       `json:"why,omitempty" doc:"Why a message is here."`
}

// EventRef is what a timeline shows of a calendar event.
type EventRef struct {
	Title  string    `json:"title"`
	Start  time.Time `json:"start"`
	End    time.Time `json:"end"`
	Status string    `json:"status"`
}

// Why says why a message is linked to a record.
type Why struct {
	Rule string `json:"rule" enum:"manual,address,deal,domain,company,thread"`
	Text string `json:"text" doc:"In words."`
}

// LinkingState is how mail and records are tied. Its numbers are those of mailboxes that the
// caller sees all of; administrators are told those of every mailbox.
type LinkingState struct {
	Linked   int64         `json:"linked" doc:"Messages that belong to a record."`
	Unlinked int64         `json:"unlinked_linkable" doc:"Messages that the last nightly check found without a link that they should have had. It links them."`
	Skipped  SkippedCounts `json:"skipped"`
	Waiting  int64         `json:"waiting" doc:"Conversations that will be looked at in a moment."`
	Relink   *Progress     `json:"relink,omitempty" doc:"How far a look at all mail has come, nightly or asked for. Absent when there is none."`
	AuditAt  *time.Time    `json:"last_audit_at" doc:"When all mail was last looked at."`
}

// SkippedCounts are messages that belong to no record, by the rule that says why.
type SkippedCounts struct {
	Blocked    int64 `json:"blocked" doc:"With a blocked address. Most are not stored at all."`
	Bulk       int64 `json:"bulk" doc:"Newsletters, lists, automatic mail."`
	Colleagues int64 `json:"colleagues" doc:"Among colleagues. Most are not stored, unless the workspace keeps them."`
	Draft      int64 `json:"draft"`
	Nobody     int64 `json:"nobody" doc:"No address belongs to a record, and the connection's policy made none."`
}

// LinkEmail ties a message to a record by hand, and gives its links.
func (w *InWorkspace) LinkEmail(ctx context.Context, email string, in NewEmailLink) (EmailLinks, error) {
	var out EmailLinks
	return out, w.client.Do(ctx, http.MethodPost, w.google+"/gmail/emails/"+url.PathEscape(email)+"/link", in, &out)
}

// UnlinkEmail takes a message from a record, or its whole conversation; it stays so.
func (w *InWorkspace) UnlinkEmail(ctx context.Context, email, record string, whole bool) error {
	q := ""
	if !whole {
		q = "?whole_thread=false"
	}
	return w.client.Do(ctx, http.MethodDelete, w.google+"/gmail/emails/"+url.PathEscape(email)+"/link/"+url.PathEscape(record)+q, nil, nil)
}

// TimelineQuery chooses activities.
type TimelineQuery struct {
	Kinds      string // email, note, task, meeting, call, with commas between; "": all
	RecordType string // of Activities alone
	UserID     string
	Page
}

// Timeline gives a page of what happened with a record, the newest first.
func (w *InWorkspace) Timeline(ctx context.Context, record string, q TimelineQuery) (List[Activity], error) {
	var out List[Activity]
	return out, w.client.Do(ctx, http.MethodGet, w.path+"/records/"+url.PathEscape(record)+"/timeline"+query("kind", q.Kinds, "user_id", q.UserID, "cursor", q.Cursor, "limit", q.limit()), nil, &out)
}

// Activities gives a page of what happened with all records, the newest first.
func (w *InWorkspace) Activities(ctx context.Context, q TimelineQuery) (List[Activity], error) {
	var out List[Activity]
	return out, w.client.Do(ctx, http.MethodGet, w.path+"/activities"+query("kind", q.Kinds, "record_type", q.RecordType, "user_id", q.UserID, "cursor", q.Cursor, "limit", q.limit()), nil, &out)
}

// Linking says how mail and records are tied.
func (w *InWorkspace) Linking(ctx context.Context) (LinkingState, error) {
	var out LinkingState
	return out, w.client.Do(ctx, http.MethodGet, w.path+"/linking", nil, &out)
}

// Skipped gives a page of messages that belong to no record by a rule: blocked, bulk,
// colleagues, draft or nobody.
func (w *InWorkspace) Skipped(ctx context.Context, rule string, p Page) (List[EmailItem], error) {
	var out List[EmailItem]
	return out, w.client.Do(ctx, http.MethodGet, w.path+"/linking/skipped"+query("rule", rule, "cursor", p.Cursor, "limit", p.limit()), nil, &out)
}

// Relink looks at all mail again, in the background.
func (w *InWorkspace) Relink(ctx context.Context) (LinkingState, error) {
	var out LinkingState
	return out, w.client.Do(ctx, http.MethodPost, w.path+"/linking/relink", nil, &out)
}
