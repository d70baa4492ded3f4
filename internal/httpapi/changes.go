package httpapi

import (
	"context"

	"rapport/client"
	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/mail"
)

type (
	NewChange = client.NewChange
	Change    = client.Change
	LabelName = client.LabelName
)

// registerChanges is what changes mail: read state, labels, archive, trash.
func (s *Server) registerChanges(r *router) {
	add(r, may(access.MailChange), post, g+"/gmail/changes", "change-emails", "Change messages: read state, star, archive, trash, spam, labels",
		once(s, "change-emails", s.changeEmails), status(202), says(changesSay))
	add(r, may(access.MailRead), get, g+"/gmail/changes", "list-changes", "The caller's changes, newest first", s.listChanges)
	add(r, may(access.MailChange), post, g+"/gmail/changes/{change_id}/undo", "undo-change", "Take a change back", s.undoChange,
		says("A change that Gmail does not have yet is never sent; otherwise its inverse follows it, for the messages that it really changed. Taking it back twice changes nothing; 409 when Gmail has refused it."))
	add(r, may(access.MailChange), post, g+"/gmail/labels", "create-label", "Make a label in Gmail", once(s, "create-label", s.createLabel), status(201), says(labelsSay))
	add(r, may(access.MailChange), patch, g+"/gmail/labels/{label_id}", "rename-label", "Rename a label in Gmail", s.renameLabel, says(labelsSay))
	add(r, may(access.MailChange), remove, g+"/gmail/labels/{label_id}", "delete-label", "Delete a label in Gmail; its messages stay", s.deleteLabel)
}

const changesSay = "Only mail of the caller's own connections can be changed, at most 1,000 messages at once. Messages and conversations that are not there, and drafts, are left out: left_out names them with the reason, the others are changed; 404 when none of them is there. The answer comes when it is shown here; Gmail gets it a moment later. " +
	"If Gmail refuses, the labels are put back and the event mail.refused tells why. Without the permission to change mail nothing happens: 403 insufficient_permission, with the missing scopes and, as action_url, where to give it. " +
	"Mail of an e-mail account is changed on its server by IMAP: read state and star are flags, labels are folders. Archive moves from the inbox to the folder for archived mail, trash and spam move all copies to theirs, " +
	"add_label copies to the folder, remove_label takes the copy in it away (or archives the message, if it lies nowhere else). What the server cannot do is refused like what Gmail refuses."

const labelsSay = "409 label_exists when there is a label of this name, in whatever case Labels of an e-mail account are the folders of its server, which are made and named there: 404."

type changeInput struct {
	InWorkspace
	Idempotent
	Body NewChange
}

func (s *Server) changeEmails(ctx context.Context, c access.Caller, in *changeInput) (*bodyOf[Change], error) {
	id := in.Body.ConnectionID
	if id == "" && len(in.Body.EmailIDs) == 0 {
		conn, err := s.mine(ctx, c, "")
		if err != nil {
			return nil, err
		}
		id = string(conn.ID)
	}
	done, err := s.Mail.ChangeMail(ctx, c, mail.Wish{
		Connection: crm.ConnectionID(id), Action: crm.ChangeAction(in.Body.Action), Label: in.Body.LabelID,
		Pick: mail.Pick{Emails: each(in.Body.EmailIDs, func(id string) crm.EmailID { return crm.EmailID(id) }), Threads: in.Body.ThreadIDs},
	})
	if err != nil {
		return nil, err
	}
	return &bodyOf[Change]{changeShape(done)}, nil
}

type changesInput struct {
	InWorkspace
	PageInput
	State string `query:"state" enum:"waiting,done,refused,undone"`
}

func (s *Server) listChanges(ctx context.Context, c access.Caller, in *changesInput) (*bodyOf[List[Change]], error) {
	list, next, err := s.Mail.ChangesOf(ctx, c, crm.ChangeState(in.State), in.page())
	return pageOf(list, next, err, changeShape)
}

type undoInput struct {
	InWorkspace
	ChangeID string `path:"change_id"`
}

func (s *Server) undoChange(ctx context.Context, c access.Caller, in *undoInput) (*bodyOf[Change], error) {
	done, err := s.Mail.UndoChange(ctx, c, crm.ChangeID(in.ChangeID))
	if err != nil {
		return nil, err
	}
	return &bodyOf[Change]{changeShape(done)}, nil
}

func changeShape(c crm.Change) Change {
	return Change{
		ID: string(c.ID), ConnectionID: string(c.ConnectionID), Action: string(c.Action), LabelID: c.LabelID, State: string(c.State),
		Count: c.Count, Reason: c.Reason, UndoOf: string(c.UndoOf), CreatedAt: c.CreatedAt.UTC(), FinishedAt: utc(c.FinishedAt),
		LeftOut: each(c.LeftOut, func(l crm.LeftOut) client.LeftOut {
			return client.LeftOut{EmailID: string(l.Email), ThreadID: l.Thread, Reason: string(l.Reason)}
		}),
	}
}

type newLabelInput struct {
	InWorkspace
	Idempotent
	Body LabelName
}

func (s *Server) createLabel(ctx context.Context, c access.Caller, in *newLabelInput) (*bodyOf[Label], error) {
	conn, err := s.mine(ctx, c, in.Body.ConnectionID)
	if err != nil {
		return nil, err
	}
	l, err := s.Mail.CreateLabel(ctx, c, conn.ID, in.Body.Name)
	if err != nil {
		return nil, err
	}
	return &bodyOf[Label]{labelShape(mail.LabelCount{Label: l}, conn.Settings)}, nil
}

type labelInput struct {
	InWorkspace
	LabelID string `path:"label_id" maxLength:"300" doc:"Gmail's label id."`
	Body    LabelName
}

func (s *Server) renameLabel(ctx context.Context, c access.Caller, in *labelInput) (*bodyOf[Label], error) {
	conn, err := s.mine(ctx, c, in.Body.ConnectionID)
	if err != nil {
		return nil, err
	}
	if _, err := s.Mail.RenameLabel(ctx, c, conn.ID, in.LabelID, in.Body.Name); err != nil {
		return nil, err
	}
	labels, err := s.Mail.Labels(ctx, c, conn.ID)
	if err != nil {
		return nil, err
	}
	out := &bodyOf[Label]{Label{ID: in.LabelID, Name: in.Body.Name, Type: "user"}}
	for _, l := range labels {
		if l.ID == in.LabelID {
			out.Body = labelShape(l, conn.Settings)
		}
	}
	return out, nil
}

type dropLabelInput struct {
	InWorkspace
	LabelID      string `path:"label_id" maxLength:"300" doc:"Gmail's label id."`
	ConnectionID string `query:"connection_id" doc:"The caller's first connection when absent."`
}

func (s *Server) deleteLabel(ctx context.Context, c access.Caller, in *dropLabelInput) (*nothing, error) {
	conn, err := s.mine(ctx, c, in.ConnectionID)
	if err != nil {
		return nil, err
	}
	return nil, s.Mail.DeleteLabel(ctx, c, conn.ID, in.LabelID)
}
