package export

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
)

// Rows is what is stored (implemented by the store).
type Rows interface {
	// Whole reads messages with bodies, attachments and what was kept of Google's
	// answer, as far as the caller sees them; those they do not see are left out.
	Whole(ctx context.Context, c access.Caller, ids []crm.EmailID) ([]crm.Email, error)
	// RawAfter gives up to n messages of a connection of which Google's answer was
	// kept, by their position, those after `after`; 0 begins. next is 0 at the end.
	RawAfter(ctx context.Context, c crm.ConnectionID, after int64, n int) (list []crm.Email, next int64, err error)
	// RawCount counts them, and the messages without.
	RawCount(ctx context.Context, c crm.ConnectionID) (kept, without int64, err error)
}

// Originals is a mailbox that gives messages as they were sent (users.messages.get,
// format raw).
type Originals interface {
	Original(ctx context.Context, messageID string) ([]byte, error)
}

// Service exports and reparses. All fields are required.
type Service struct {
	Emails      mail.Emails
	Rows        Rows
	Mailboxes   mail.Mailboxes
	Connections mail.Connections
	Streams     mail.Streams
	// Decode reads Google's answer about a message.
	Decode func(raw []byte) (*mail.Message, error)
}

// Format of an export.
type Format string

const (
	MBOX  Format = "mbox" // mboxrd, with Gmail's labels and thread in headers
	EML   Format = "eml"  // one message; of several a ZIP archive
	JSONL Format = "jsonl"
)

// Wish is what to export: one message, one conversation, or what a list holds.
type Wish struct {
	Format     Format
	Email      crm.EmailID
	Connection crm.ConnectionID // of Thread; of the list: "" for all the caller sees
	Thread     string
	List       mail.ListQuery // Page is ignored
	// Original asks Google for each message as it was sent: 20 units of quota each.
	Original bool
}

// Single reports whether the wish is for one message.
func (w Wish) Single() bool { return w.Email != "" }

// Outcome of an export.
type Outcome struct {
	Written int64 `json:"written"`
	Partly  int64 `json:"left_out"` // seen in part only, and left out
	Rebuilt int64 `json:"rebuilt"`  // put together from what is stored
}

// piece is how many messages are read at a time.
const piece = 100

// Export writes messages, the newest first. done is called with the count so far;
// it may be nil. An error after the first byte leaves a file that is cut off.
func (s *Service) Export(ctx context.Context, c access.Caller, w Wish, out io.Writer, done func(n int64)) (Outcome, error) {
	if err := access.Allow(c, access.MailExport); err != nil {
		return Outcome{}, err
	}
	f, err := s.form(w, out)
	if err != nil {
		return Outcome{}, err
	}
	x := &export{Service: s, caller: c, wish: w, form: f, boxes: map[crm.ConnectionID]Originals{}, done: done}
	if err := x.run(ctx); err != nil {
		return x.out, err
	}
	return x.out, f.end()
}

// export is one Export under way.
type export struct {
	*Service
	caller access.Caller
	wish   Wish
	form   form
	boxes  map[crm.ConnectionID]Originals
	done   func(int64)
	out    Outcome
}

func (x *export) run(ctx context.Context) error {
	switch w := x.wish; {
	case w.Email != "":
		// By the list's way of reading it would just be missing.
		if _, err := x.Emails.Email(ctx, x.caller, w.Email); err != nil {
			return err
		}
		return x.write(ctx, []crm.EmailID{w.Email})
	case w.Thread != "":
		list, err := x.Emails.Thread(ctx, x.caller, w.Connection, w.Thread)
		if err != nil {
			return err
		}
		ids := make([]crm.EmailID, len(list))
		for i, e := range list {
			ids[i] = e.ID
		}
		return x.write(ctx, ids)
	}
	q := x.wish.List
	q.Workspace, q.Connection, q.Threads = x.caller.Workspace, x.wish.Connection, false
	q.Page = mail.Page{Limit: piece}
	for {
		page, err := x.Emails.List(ctx, x.caller, q)
		if err != nil {
			return err
		}
		ids := make([]crm.EmailID, len(page.Emails))
		for i, e := range page.Emails {
			ids[i] = e.ID
		}
		if err := x.write(ctx, ids); err != nil {
			return err
		}
		if page.Next == "" {
			return nil
		}
		q.Page.Cursor = page.Next
	}
}

// write writes messages in the order of their ids.
func (x *export) write(ctx context.Context, ids []crm.EmailID) error {
	if len(ids) == 0 {
		return nil
	}
	list, err := x.Rows.Whole(ctx, x.caller, ids)
	if err != nil {
		return fmt.Errorf("reading messages to export: %w", err)
	}
	byID := make(map[crm.EmailID]*crm.Email, len(list))
	for i := range list {
		byID[list[i].ID] = &list[i]
	}
	for _, id := range ids {
		e := byID[id]
		if e == nil { // gone meanwhile
			continue
		}
		if err := x.one(ctx, e); err != nil {
			return err
		}
	}
	if x.done != nil {
		x.done(x.out.Written)
	}
	return nil
}

func (x *export) one(ctx context.Context, e *crm.Email) error {
	if x.wish.Format == JSONL {
		x.out.Written++
		return x.form.add(e, nil)
	}
	if e.View.Level != crm.LevelFull {
		x.out.Partly++
		if x.wish.Single() {
			return fault.New(fault.Forbidden, "You see a part of this message only. Ask %s to share it.", orSomebody(e.View.OwnerName))
		}
		return nil
	}
	raw, err := x.source(ctx, e)
	if err != nil {
		return err
	}
	x.out.Written++
	return x.form.add(e, raw)
}

func orSomebody(name string) string {
	if name == "" {
		return "its owner"
	}
	return name
}

// source gives a message as it was sent, or put together again. A message that
// is gone at Google, or a mailbox that cannot be asked any more, is put together.
func (x *export) source(ctx context.Context, e *crm.Email) ([]byte, error) {
	if x.wish.Original {
		box, err := x.box(ctx, e)
		if err != nil {
			return nil, err
		}
		if box != nil {
			raw, err := box.Original(ctx, e.GmailID)
			if err == nil {
				return raw, nil
			}
			if !fault.Is(err, fault.Gone) && !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Permission) {
				return nil, fmt.Errorf("asking for the original of a message: %w", err)
			}
		}
	}
	x.out.Rebuilt++
	return x.rebuild(e)
}

// box opens the mailbox of a message once; nil when it cannot be asked.
func (x *export) box(ctx context.Context, e *crm.Email) (Originals, error) {
	if box, known := x.boxes[e.ConnectionID]; known {
		return box, nil
	}
	x.boxes[e.ConnectionID] = nil
	conn, err := x.Connections.Connection(ctx, e.WorkspaceID, e.ConnectionID)
	if err != nil {
		return nil, err
	}
	if !conn.Status.Syncs() || conn.Provider == crm.ProviderIMAP {
		return nil, nil
	}
	box, err := x.Mailboxes.Open(ctx, conn, mail.Normal)
	if fault.Is(err, fault.Reconnect) || fault.Is(err, fault.Permission) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	x.boxes[e.ConnectionID], _ = box.(Originals)
	return x.boxes[e.ConnectionID], nil
}

// dateOf is when a message came, for names and for lines of an mbox.
func dateOf(e *crm.Email) time.Time { return e.Date.UTC() }

var errUnknownFormat = errors.New("unknown format")
