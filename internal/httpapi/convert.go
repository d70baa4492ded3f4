package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"rapport/internal/crm"
	"rapport/internal/mail"
)

// each converts a list; the answer is never nil, so that it is written as [].
func each[A, B any](in []A, convert func(A) B) []B {
	out := make([]B, len(in))
	for i, a := range in {
		out[i] = convert(a)
	}
	return out
}

// texts is in, written as [] when it is nil.
func texts[S ~string](in []S) []string {
	return each(in, func(s S) string { return string(s) })
}

func listOf[T any](items []T) *bodyOf[List[T]] { return &bodyOf[List[T]]{List[T]{Items: items}} }

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

// given is a time in UTC, nil for none.
func given(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return utc(&t)
}

func indentJSON(v any) ([]byte, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("writing JSON: %w", err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, plain, "", "  "); err != nil {
		return nil, fmt.Errorf("indenting JSON: %w", err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

func addresses(in []crm.Address) []string {
	return each(in, func(a crm.Address) string { return a.Email })
}

func itemShape(e mail.ListedEmail) EmailItem {
	return EmailItem{
		ID: string(e.ID), GmailID: e.GmailID, GmailThreadID: e.ThreadID, Subject: e.Subject,
		FromEmail: e.From.Email, FromName: e.From.Name, ToEmails: addresses(e.To), Cc: addresses(e.Cc),
		Snippet: e.Snippet, Labels: texts(e.Labels), IsRead: e.IsRead(), IsStarred: e.IsStarred(), GmailDate: e.Date.UTC(),
		HasAttachments: e.HasAttachments, ThreadCount: e.ThreadCount, ThreadSenders: each(e.ThreadSenders, func(a crm.Address) NamedAddress { return NamedAddress(a) }), ConnectionID: string(e.ConnectionID),
		Recipients: each(e.To, func(a crm.Address) NamedAddress { return NamedAddress(a) }), Access: string(e.View.Level),
		Records: linkedRecords(e.Links), Owner: Owner{UserID: string(e.View.Owner), Name: e.View.OwnerName, Mine: e.View.Mine}, Shared: e.View.Shared, Protected: e.View.Protected,
	}
}

func emailShape(e mail.Read, threadCount int) Email {
	return Email{
		EmailItem: itemShape(mail.ListedEmail{Email: e.Email, ThreadCount: threadCount}),
		BodyText:  e.BodyText, BodyHTML: e.BodyHTML, BlockedImages: e.Blocked, Bcc: addresses(e.Bcc), ReplyTo: addresses(e.ReplyTo),
		Attachments: each(e.Attachments, func(a crm.Attachment) Attachment {
			return Attachment{ID: string(a.ID), Name: a.Name, Type: a.Type, Size: a.Size, Inline: a.Inline}
		}),
		Links: each(e.Links, mailLinkShape),
	}
}

func runShape(r crm.Run) Run {
	return Run{
		ID: string(r.ID), ConnectionID: string(r.ConnectionID), Stream: string(r.Stream), State: string(r.State),
		StartedAt: r.StartedAt.UTC(), FinishedAt: utc(r.FinishedAt), Counts: RunCounts(r.Counts), Total: r.Total, Error: r.Error, NextStep: r.NextStep,
	}
}

func failureShape(f crm.Failure) Failure {
	return Failure{
		ID: string(f.ID), Stream: string(f.Stream), ItemID: f.ItemID, Reason: f.Reason,
		Attempts: f.Attempts, NextTryAt: f.NextTryAt.UTC(), Parked: f.Parked,
	}
}

func completenessShape(c crm.Completeness) *Completeness {
	state := "complete"
	switch {
	case c.Unexplained > 0:
		state = "incomplete"
	case c.GoogleCount != c.RapportCount:
		state = "explained"
	case c.Healed > 0:
		state = "healed"
	}
	return &Completeness{
		CheckedAt: c.CheckedAt.UTC(), GoogleCount: c.GoogleCount, RapportCount: c.RapportCount,
		Missing: c.Missing, Extra: c.Extra, Healed: c.Healed, Excluded: c.Excluded, State: state,
	}
}

func settingsShape(s crm.ConnectionSettings) Settings {
	return Settings{Labels: texts(s.Labels), LabelsOff: labelsOff(s), Limit: s.Limit, Since: utc(s.Since), PollSeconds: s.PollSeconds, Visibility: string(s.Visibility), IMAPLane: s.IMAPLane, Contacts: string(s.Contacts()), Enrich: string(s.Reading())}
}
