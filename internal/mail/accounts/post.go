package accounts

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/mail/outbox"
)

// Post sends from e-mail accounts: by SMTP, with a copy in the folder for sent
// mail. A mail server does not tell afterwards what it has taken: where the copy
// is missing after a crash, nobody knows whether the message went out, and that
// is what people are told. It is never sent twice by itself.
type Post struct {
	service *Service
	account crm.Account
}

var _ outbox.Post = (*Post)(nil)

// Post is the outbox's door to the account of a connection.
func (s *Service) Post(ctx context.Context, c crm.Connection) (*Post, error) {
	a, err := s.Rows.AccountOf(ctx, c.ID)
	if fault.Is(err, fault.NotFound) {
		return nil, &fault.Error{Kind: fault.Reconnect, Code: "account_deleted", Text: "The e-mail account was deleted. Add it again to send from it.", Action: settingsPage}
	}
	return &Post{s, a}, err
}

const settingsPage = "/crm/settings/integrations"

// Aliases is the one address of the account.
func (p *Post) Aliases(context.Context) ([]crm.SendAs, error) {
	return []crm.SendAs{{Email: p.account.Email, Name: p.account.Name, Default: true, Primary: true, Verified: true}}, nil
}

// Mark is where the folder for sent mail ends now.
func (p *Post) Mark(ctx context.Context) (uint64, error) {
	at := uint64(0)
	err := p.inSent(ctx, func(_ Box, _ Folder, now Position) error {
		at = uint64(now.Validity)<<32 | uint64(now.Next)
		return nil
	})
	return at, err
}

// inSent opens the folder for sent mail.
func (p *Post) inSent(ctx context.Context, do func(Box, Folder, Position) error) error {
	box, err := p.service.open(ctx, p.account)
	if err != nil {
		return p.wayOut(err)
	}
	defer box.Close()
	list, err := box.Folders(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(f Folder) bool { return f.has(RoleSent) && !f.Closed })
	if i < 0 {
		return &fault.Error{Kind: fault.Permission, Code: "no_sent_folder", Text: "The mail server has no folder for sent mail.", Action: settingsPage}
	}
	at, err := box.Enter(ctx, list[i].Name)
	if err != nil {
		return err
	}
	return do(box, list[i], at)
}

// wayOut says where an account is put right.
func (p *Post) wayOut(err error) error {
	var f *fault.Error
	if errors.As(err, &f) && f.Action == "" && (f.Kind == fault.Reconnect || f.Kind == fault.Permission) {
		return &fault.Error{Kind: f.Kind, Code: f.Code, Text: f.Text, Scopes: f.Scopes, Action: settingsPage, Err: err}
	}
	return err
}

// Send gives a message to the SMTP server and files a copy.
func (p *Post) Send(ctx context.Context, l outbox.Letter) (outbox.Sent, error) {
	raw := withBreaks(l.Raw)
	e, err := mail.ParseRaw(bytes.NewReader(raw))
	if err != nil {
		return outbox.Sent{}, &outbox.Refusal{Err: err}
	}
	to := Envelope{From: p.account.Email}
	for _, list := range [][]crm.Address{e.To, e.Cc, e.Bcc} {
		for _, a := range list {
			if !slices.Contains(to.To, a.Email) {
				to.To = append(to.To, a.Email)
			}
		}
	}
	login, err := p.service.login(ctx, p.account, p.account.SMTP)
	if err != nil {
		return outbox.Sent{}, &outbox.Refusal{Err: p.wayOut(err)}
	}
	if err := p.service.Servers.Send(ctx, login, to, withoutBcc(raw)); err != nil {
		var f *fault.Error
		if errors.As(err, &f) && f.Code == "maybe_sent" {
			return outbox.Sent{}, err
		}
		return outbox.Sent{}, &outbox.Refusal{Err: p.wayOut(err)}
	}
	p.file(ctx, raw)
	return p.sent(e, raw, l.ThreadID), nil
}

// file puts a copy into the folder for sent mail. The message is out by now:
// trouble with the copy is no trouble with the message.
func (p *Post) file(ctx context.Context, raw []byte) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), interactive)
	defer cancel()
	err := p.inSent(ctx, func(box Box, sent Folder, _ Position) error {
		if box.Features().Gmail { // Gmail files what goes through its SMTP by itself
			return nil
		}
		return box.Append(ctx, sent.Name, p.service.Now(), raw)
	})
	if err != nil {
		p.service.log().WarnContext(ctx, "filing a copy of a sent message", "account", p.account.ID, "error", err)
	}
	if err := p.service.News(ctx, p.account.ID); err != nil {
		p.service.log().WarnContext(ctx, "asking for a look at an account", "account", p.account.ID, "error", err)
	}
}

// sent names a message by what it will be known by.
func (p *Post) sent(e *crm.Email, raw []byte, thread string) outbox.Sent {
	h := Head{Size: int64(len(raw)), MessageID: headerOf(raw, "message-id"), Sent: headerOf(raw, "date")}
	e.GmailID = identity(h)
	if thread == "" {
		thread = threadID(e)
	}
	return outbox.Sent{ID: e.GmailID, ThreadID: thread}
}

// arrivedMost bounds what Arrived looks through.
const arrivedMost = 2000

// Arrived looks into the folder for sent mail. What is not there may have been
// sent all the same, so the list is never whole.
func (p *Post) Arrived(ctx context.Context, mark uint64, _ time.Time) ([]outbox.Trace, bool, error) {
	var found []outbox.Trace
	err := p.inSent(ctx, func(box Box, _ Folder, now Position) error {
		first := uint32(mark)
		if uint32(mark>>32) != now.Validity {
			first = 1
		}
		uids, err := box.UIDs(ctx, first, 0)
		if err != nil || len(uids) == 0 {
			return err
		}
		heads, err := box.Heads(ctx, uids[max(0, len(uids)-arrivedMost):])
		if err != nil {
			return err
		}
		for _, h := range heads {
			id := strings.Trim(strings.TrimSpace(h.MessageID), "<>")
			found = append(found, outbox.Trace{ID: identity(h), ThreadID: digest("thread", id)[:16], MessageIDs: []string{id, "<" + id + ">"}, Subject: h.Subject})
		}
		return nil
	})
	return found, false, err
}

var errNoDrafts = &fault.Error{Kind: fault.Conflict, Code: "no_drafts", Text: "Drafts are kept at Gmail; for other e-mail accounts there are none."}

// Drafts is empty: drafts are Gmail's.
func (p *Post) Drafts(context.Context, string, int) ([]outbox.Draft, string, error) {
	return nil, "", nil
}

func (p *Post) Draft(context.Context, string) (outbox.Draft, error) {
	return outbox.Draft{}, fault.New(fault.NotFound, "There is no such draft.")
}

func (p *Post) RawDraft(context.Context, string) (outbox.Draft, []byte, error) {
	return outbox.Draft{}, nil, fault.New(fault.NotFound, "There is no such draft.")
}

func (p *Post) SaveDraft(context.Context, string, outbox.Letter) (outbox.Draft, error) {
	return outbox.Draft{}, errNoDrafts
}
func (p *Post) DeleteDraft(context.Context, string) error {
	return fault.New(fault.NotFound, "There is no such draft.")
}
func (p *Post) DraftPart(context.Context, outbox.Draft, string, io.Writer) error { return errNoDrafts }

// withBreaks ends every line as mail does.
func withBreaks(raw []byte) []byte {
	raw = bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))
	return bytes.ReplaceAll(raw, []byte("\n"), []byte("\r\n"))
}

// withoutBcc takes the field out that recipients must not see.
func withoutBcc(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	dropping, body := false, false
	for line := range bytes.Lines(raw) {
		switch {
		case body:
		case len(bytes.TrimRight(line, "\r\n")) == 0:
			body, dropping = true, false
		case line[0] != ' ' && line[0] != '\t':
			name, _, _ := bytes.Cut(line, []byte(":"))
			dropping = strings.EqualFold(string(bytes.TrimSpace(name)), "bcc")
		}
		if !dropping {
			out = append(out, line...)
		}
	}
	return out
}

// headerOf is a field of the header as written, unfolded; "" where there is none.
func headerOf(raw []byte, name string) string {
	value, is := "", false
	for line := range bytes.Lines(raw) {
		text := string(bytes.TrimRight(line, "\r\n"))
		if text == "" {
			break
		}
		if text[0] == ' ' || text[0] == '\t' {
			if is {
				value += " " + strings.TrimSpace(text)
			}
			continue
		}
		if is {
			break
		}
		field, rest, _ := strings.Cut(text, ":")
		if is = strings.EqualFold(strings.TrimSpace(field), name); is {
			value = strings.TrimSpace(rest)
		}
	}
	return value
}
