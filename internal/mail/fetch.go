package mail

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"rapport/internal/crm"
	"rapport/internal/engine"
	"rapport/internal/fault"
)

// fetched is what fetching one message came to.
type fetched struct {
	change engine.Change[Item]
	ref    Ref
	extra  bool
	wanted bool
	date   time.Time

	excluded bool // by the rules as read; the store decides
}

// fetch reads messages and turns each answer into a change: a message, gone,
// only labels (not wanted after all) or failed. Only what concerns the whole mailbox
// is an error.
func (x *session) fetch(ctx context.Context, refs []Ref) ([]fetched, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	if err := x.readRules(ctx); err != nil {
		return nil, err
	}
	out := make([]fetched, 0, len(refs))
	passing := 0
	err := x.box.Fetch(ctx, refs, func(f Fetched) error {
		if f.Err != nil {
			if broad(f.Err) {
				return f.Err
			}
			if fault.Passing(f.Err) {
				passing++
			}
		}
		out = append(out, x.answer(f))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("fetching %d messages: %w", len(refs), err)
	}
	if passing == len(refs) {
		// Nothing came through. One cheap call tells messages that cannot be read
		// from a mailbox that cannot.
		if _, err := x.box.Profile(ctx); err != nil {
			return nil, fmt.Errorf("looking whether the mailbox answers: %w", err)
		}
	}
	return out, nil
}

// broad says whether an error concerns the whole mailbox rather than a message.
func broad(err error) bool {
	switch fault.Of(err) {
	case fault.Reconnect, fault.Permission, fault.Blocked:
		return true
	}
	return errors.Is(err, context.Canceled)
}

func (x *session) answer(f Fetched) fetched {
	out := fetched{ref: f.Ref, extra: f.Extra, change: engine.Change[Item]{ID: f.Ref.ID}}
	switch {
	case fault.Is(f.Err, fault.Gone):
		return out
	case f.Err != nil:
		out.change.Value, out.change.Err = &Item{ThreadID: f.Ref.ThreadID}, f.Err
		return out
	}
	out.change.Rev = strconv.FormatUint(f.Message.HistoryID, 10)
	out.date = f.Message.InternalDate
	out.wanted = wanted(f.Message.Labels, x.conn.Settings.Labels) && recent(out.date, x.conn.Settings.Since)
	if !out.wanted {
		// Labels only: ignored where the message is not stored.
		out.change.Value = &Item{ThreadID: f.Ref.ThreadID, Labels: f.Message.Labels}
		return out
	}
	email, err := x.email(f.Message)
	if err != nil {
		out.change.Value, out.change.Err = &Item{ThreadID: f.Ref.ThreadID}, err
		return out
	}
	_, out.excluded = x.rules.Excludes(email)
	out.change.Value = &Item{Email: email, ThreadID: email.ThreadID, Labels: email.Labels}
	return out
}

// readRules reads what keeps messages out, so that they are not counted as
// imported. Whether one is stored the store decides, by the rules of that moment.
func (x *session) readRules(ctx context.Context) (err error) {
	if x.rules, err = x.Privacy.RulesOf(ctx, x.conn.WorkspaceID, x.conn.UserID); err != nil {
		return fmt.Errorf("reading the rules for mail: %w", err)
	}
	return nil
}

// email makes the row of a message. A message that crashes the parser is an
// item for the ledger, not the end of the process.
func (x *session) email(m *Message) (e *crm.Email, err error) {
	defer func() {
		if r := recover(); r != nil {
			e, err = nil, fault.New(fault.Internal, "This message could not be read.")
			x.log().Error("a message crashed the parser", "connection", x.conn.ID, "message", m.ID, "panic", fmt.Sprint(r))
		}
	}()
	e = ParseMessage(m)
	e.WorkspaceID, e.ConnectionID = x.conn.WorkspaceID, x.conn.ID
	if x.conn.Settings.KeepRaw && len(m.Raw) > 0 {
		e.Raw = compress(m.Raw)
	}
	return e, x.name(e)
}

// name gives a row and its attachments their ids; the store keeps the ids of a
// row it has.
func (x *session) name(e *crm.Email) error {
	id, err := crm.NewID(x.Now(), x.Random)
	if err != nil {
		return err
	}
	e.ID = crm.EmailID(id)
	for i := range e.Attachments {
		if id, err = crm.NewID(x.Now(), x.Random); err != nil {
			return err
		}
		e.Attachments[i].ID = crm.AttachmentID(id)
	}
	return nil
}
