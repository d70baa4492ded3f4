package httpapi

import (
	"context"
	"slices"
	"strings"

	"rapport/client"
	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/mail"
	"rapport/internal/records"
	"rapport/internal/records/linking"
)

type (
	NewEmailLink  = client.NewEmailLink
	EmailLinks    = client.EmailLinks
	Activity      = client.Activity
	EventRef      = client.EventRef
	Why           = client.Why
	LinkingState  = client.LinkingState
	SkippedCounts = client.SkippedCounts
)

// registerLinking is which records mail belongs to, and what happened with records.
func (s *Server) registerLinking(r *router) {
	const email = g + "/gmail/emails/{email_id}/link"
	add(r, may(access.RecordsWrite), post, email, "link-email", "Tie a message to a record by hand", once(s, "link-email", s.linkEmail), status(201),
		says("It wins over every rule and over an earlier removal. With whole_thread, which is usual, the other messages of the conversation follow, those to come included."))
	add(r, may(access.RecordsWrite), remove, email+"/{record_id}", "unlink-email", "Take a message from a record", s.unlinkEmail,
		says("It is remembered: no rule links it again, nor later messages of the conversation."))
	add(r, may(access.RecordsRead), get, w+"/records/{record_id}/timeline", "list-record-timeline", "What happened with a record, newest first", s.recordTimeline,
		says("A company's has what happened with its people and deals. Of mail it shows what the caller sees of it; a message that lies in several mailboxes comes once."))
	add(r, may(access.RecordsRead), get, w+"/activities", "list-activities", "What happened with all records, newest first", s.listActivities)
	add(r, may(access.RecordsRead), get, w+"/linking", "get-linking", "How mail and records are tied, in numbers", s.getLinking)
	add(r, may(access.RecordsRead), get, w+"/linking/skipped", "list-skipped", "Messages that belong to no record, by the rule that says why", s.listSkipped)
	add(r, may(access.RecordsWrite), post, w+"/linking/relink", "relink", "Look at all mail again, in the background", s.relink, status(202))
}

type linkEmailInput struct {
	InWorkspace
	Idempotent
	EmailID string `path:"email_id"`
	Body    NewEmailLink
}

func (s *Server) linkEmail(ctx context.Context, c access.Caller, in *linkEmailInput) (*bodyOf[EmailLinks], error) {
	whole := in.Body.WholeThread == nil || *in.Body.WholeThread
	links, err := s.Linking.LinkEmail(ctx, c, crm.EmailID(in.EmailID), crm.RecordID(in.Body.RecordID), whole)
	if err != nil {
		return nil, err
	}
	return &bodyOf[EmailLinks]{EmailLinks{Links: each(links, mailLinkShape)}}, nil
}

type unlinkEmailInput struct {
	InWorkspace
	EmailID     string `path:"email_id"`
	RecordID    string `path:"record_id"`
	WholeThread bool   `query:"whole_thread" default:"true" doc:"The whole conversation, what is still to come included."`
}

func (s *Server) unlinkEmail(ctx context.Context, c access.Caller, in *unlinkEmailInput) (*struct{}, error) {
	return nil, s.Linking.UnlinkEmail(ctx, c, crm.EmailID(in.EmailID), crm.RecordID(in.RecordID), in.WholeThread)
}

// ActivityInput chooses activities.
type ActivityInput struct {
	PageInput
	Kind   string `query:"kind" maxLength:"100" doc:"email, note, task, meeting or call; several with commas between. All when absent."`
	UserID string `query:"user_id" maxLength:"64" doc:"Mail of this member's mailboxes, notes and tasks of theirs."`
}

func (in ActivityInput) query() linking.TimelineQuery {
	q := linking.TimelineQuery{User: crm.UserID(in.UserID), Limit: in.Limit, Cursor: in.Cursor}
	for kind := range strings.FieldsFuncSeq(in.Kind, func(r rune) bool { return r == ',' || r == ' ' }) {
		q.Kinds = append(q.Kinds, crm.ActivityKind(kind))
	}
	return q
}

type timelineInput struct {
	InWorkspace
	ActivityInput
	RecordID string `path:"record_id"`
}

func (s *Server) recordTimeline(ctx context.Context, c access.Caller, in *timelineInput) (*bodyOf[List[Activity]], error) {
	q := in.query()
	q.Record = crm.RecordID(in.RecordID)
	list, next, err := s.Linking.Timeline(ctx, c, q)
	return pageOf(list, next, err, activityShape)
}

type activitiesInput struct {
	InWorkspace
	ActivityInput
	RecordType string `query:"record_type" maxLength:"64" doc:"Of records of this type alone."`
}

func (s *Server) listActivities(ctx context.Context, c access.Caller, in *activitiesInput) (*bodyOf[List[Activity]], error) {
	q := in.query()
	q.Type = crm.RecordType(in.RecordType)
	list, next, err := s.Linking.Activities(ctx, c, q)
	return pageOf(list, next, err, activityShape)
}

func activityShape(a linking.Activity) Activity {
	out := Activity{ID: a.ID, Kind: string(a.Kind), At: a.At.UTC()}
	if a.Record.ID != "" {
		out.Record = refShape(&a.Record)
	}
	if a.Email != nil {
		item := itemShape(mail.ListedEmail{Email: *a.Email, ThreadCount: 1})
		out.Email = &item
	}
	if a.Note != nil {
		note := noteShape(records.Note{Note: *a.Note, Author: a.Author})
		out.Note = &note
	}
	if a.Task != nil {
		task := taskShape(records.Task{Task: *a.Task, Author: a.Author, Assignee: a.Assignee})
		out.Task = &task
	}
	if a.Event != nil {
		out.Event = &EventRef{Title: a.Event.Title, Start: a.Event.Start.UTC(), End: a.Event.End.UTC(), Status: a.Event.Status}
	}
	if a.Why != nil {
		out.Why = &Why{Rule: string(a.Why.Rule), Text: linking.Why(*a.Why)}
	}
	return out
}

func mailLinkShape(l crm.MailLink) EmailLink {
	return EmailLink{Record: *refShape(&l.Record), Rule: string(l.Rule), Why: linking.Why(l), Manual: l.Rule == crm.LinkManual, At: l.At.UTC()}
}

// linkedRecords are the records of a message, each once.
func linkedRecords(links []crm.MailLink) []RecordRef {
	out := make([]RecordRef, 0, len(links))
	for _, l := range links {
		if ref := *refShape(&l.Record); !slices.Contains(out, ref) {
			out = append(out, ref)
		}
	}
	return out
}

func (s *Server) getLinking(ctx context.Context, c access.Caller, _ *InWorkspace) (*bodyOf[LinkingState], error) {
	state, err := s.Linking.Store.LinkingState(ctx, c)
	if err != nil {
		return nil, err
	}
	out := LinkingState{
		Linked: state.Linked, Unlinked: state.Missing, Waiting: state.Waiting, AuditAt: utc(state.Audited),
		Skipped: SkippedCounts{Blocked: state.Skipped[crm.SkipBlocked], Bulk: state.Skipped[crm.SkipBulk], Colleagues: state.Skipped[crm.SkipColleagues],
			Draft: state.Skipped[crm.SkipDraft], Nobody: state.Skipped[crm.SkipNobody]},
	}
	if at := state.Walk; at != nil {
		out.Relink = progress(at.Seen, at.Total, at.Begun, s.Now())
	}
	return &bodyOf[LinkingState]{out}, nil
}

type skippedInput struct {
	InWorkspace
	PageInput
	Rule string `query:"rule" enum:"blocked,bulk,colleagues,draft,nobody" required:"true"`
}

func (s *Server) listSkipped(ctx context.Context, c access.Caller, in *skippedInput) (*bodyOf[List[EmailItem]], error) {
	list, next, err := s.Linking.Skipped(ctx, c, crm.SkipRule(in.Rule), in.Limit, in.Cursor)
	return pageOf(list, next, err, func(e crm.Email) EmailItem { return itemShape(mail.ListedEmail{Email: e, ThreadCount: 1}) })
}

func (s *Server) relink(ctx context.Context, c access.Caller, in *InWorkspace) (*bodyOf[LinkingState], error) {
	if err := s.Linking.Relink(ctx, c); err != nil {
		return nil, err
	}
	return s.getLinking(ctx, c, in)
}
