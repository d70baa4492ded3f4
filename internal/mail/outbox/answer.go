package outbox

import (
	"context"
	"fmt"
	"html"
	"slices"
	"strings"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/mail"
)

// AnswerKind is how a message is answered.
type AnswerKind string

const (
	Reply    AnswerKind = "reply"
	ReplyAll AnswerKind = "reply_all"
	Forward  AnswerKind = "forward"
)

// Begun is an answer that is begun: what a composer opens with.
type Begun struct {
	Kind        AnswerKind
	Connection  crm.ConnectionID
	From        crm.SendAs
	To, Cc      []crm.Address
	Subject     string
	Text, HTML  string // the signature above the quote
	Original    crm.EmailID
	Attachments []crm.Attachment
}

// Begin prepares an answer to a message. how says how pictures of the original are
// named for the composer, zone where the quoted time is told; without one it is in
// UTC and says so.
func (s *Service) Begin(ctx context.Context, c access.Caller, id crm.EmailID, kind AnswerKind, how mail.Reading, zone *time.Location) (Begun, error) {
	how.Images = true
	e, err := s.Mail.Email(ctx, c, id, how)
	if err != nil {
		return Begun{}, err
	}
	w := &writing{Service: s, caller: c, original: &e}
	if w.conn, err = w.connection(ctx); err != nil {
		return Begun{}, err
	}
	if w.post, err = s.open(ctx, w.conn, mail.Interactive); err != nil {
		return Begun{}, err
	}
	list, err := s.aliasesOf(ctx, w.post, w.conn)
	if err != nil {
		return Begun{}, err
	}
	out := Begun{Kind: kind, Connection: w.conn.ID, Original: id}
	if out.From, err = answersFrom(list, &e.Email); err != nil {
		return Begun{}, err
	}
	switch kind {
	case Forward:
		out.Subject = prefixed("Fwd: ", oneLine(e.Subject))
		out.Attachments = slices.DeleteFunc(slices.Clone(e.Attachments), func(a crm.Attachment) bool { return a.Inline && a.ContentID != "" })
	default:
		out.Subject = prefixed("Re: ", oneLine(e.Subject))
		out.To, out.Cc = answerTo(&e.Email, list, w.conn.GoogleEmail, kind == ReplyAll)
	}
	out.Text, out.HTML = quote(&e, kind, out.From.Signature, told(e.Date, zone))
	return out, nil
}

// answersFrom is the address a message came to, if it is one of ours, else the
// usual one.
func answersFrom(list []crm.SendAs, e *crm.Email) (crm.SendAs, error) {
	for _, field := range [][]crm.Address{e.To, e.Cc, e.Bcc, {e.From}} {
		for _, a := range field {
			for _, own := range list {
				if own.Verified && strings.EqualFold(own.Email, a.Email) {
					return own, nil
				}
			}
		}
	}
	return choose(list, "")
}

// answerTo says whom an answer goes to: whoever wrote, by Reply-To if there is
// one; to all, everybody else too. Our own addresses are left out, unless there is
// nobody else. To a message of our own the answer goes where it went.
func answerTo(e *crm.Email, aliases []crm.SendAs, account string, all bool) (to, cc []crm.Address) {
	ours := func(a crm.Address) bool {
		return strings.EqualFold(a.Email, account) || slices.ContainsFunc(aliases, func(s crm.SendAs) bool { return strings.EqualFold(s.Email, a.Email) })
	}
	others := func(list []crm.Address) []crm.Address {
		return slices.DeleteFunc(slices.Clone(list), func(a crm.Address) bool { return ours(a) || a.Email == "" })
	}
	to = e.ReplyTo
	if len(to) == 0 {
		to = []crm.Address{e.From}
	}
	if ours(e.From) && len(others(e.To)) > 0 {
		to = e.To
	}
	if kept := others(to); len(kept) > 0 {
		to = kept
	}
	if all {
		cc = append(others(e.To), others(e.Cc)...)
	}
	to = slices.Clone(to)
	distinct(&to, &cc)
	return to, cc
}

// quote writes the original below the signature, as Gmail does: for a reply as a
// quotation, forwarded with its header.
func quote(e *mail.Read, kind AnswerKind, signature, at string) (text, page string) {
	safe := mail.Sanitise(signature, mail.SafeOptions{Images: true}).HTML
	var t, h strings.Builder
	h.WriteString("<div><br></div>")
	if strings.TrimSpace(safe) != "" {
		h.WriteString(`<div class="gmail_signature">` + safe + "</div><div><br></div>")
		t.WriteString("\n\n-- \n" + mail.TextOf(safe))
	}
	body := e.BodyHTML
	if body == "" {
		body = strings.ReplaceAll(html.EscapeString(e.BodyText), "\n", "<br>")
	}
	if kind == Forward {
		head := forwardedHeader(e, at)
		t.WriteString("\n\n---------- Forwarded message ---------\n" + strings.Join(head, "\n") + "\n\n" + e.BodyText)
		h.WriteString(`<div class="gmail_quote">---------- Forwarded message ---------<br>`)
		for _, line := range head {
			h.WriteString(html.EscapeString(line) + "<br>")
		}
		h.WriteString("<br>" + body + "</div>")
		return t.String(), h.String()
	}
	line := fmt.Sprintf("On %s, %s wrote:", at, shown(e.From))
	t.WriteString("\n\n" + line + "\n\n> " + strings.ReplaceAll(strings.TrimRight(e.BodyText, "\n"), "\n", "\n> "))
	h.WriteString(`<div class="gmail_quote"><div>` + html.EscapeString(line) + `<br></div><blockquote class="gmail_quote" style="margin:0 0 0 0.8ex;border-left:1px solid #ccc;padding-left:1ex">` + body + "</blockquote></div>")
	return t.String(), h.String()
}

// told is a time as it is quoted.
func told(at time.Time, zone *time.Location) string {
	if zone == nil {
		return at.UTC().Format("Mon, 2 Jan 2006 at 15:04 UTC")
	}
	return at.In(zone).Format("Mon, 2 Jan 2006 at 15:04")
}

func shown(a crm.Address) string {
	if a.Name == "" {
		return a.Email
	}
	return oneLine(a.Name) + " <" + a.Email + ">"
}

// forwardedHeader is the quoted header of a forwarded message.
func forwardedHeader(e *mail.Read, at string) []string {
	out := []string{"From: " + shown(e.From), "Date: " + at, "Subject: " + oneLine(e.Subject)}
	for _, f := range []struct {
		name string
		list []crm.Address
	}{{"To: ", e.To}, {"Cc: ", e.Cc}} {
		if len(f.list) == 0 {
			continue
		}
		names := make([]string, len(f.list))
		for i, a := range f.list {
			names[i] = shown(a)
		}
		out = append(out, f.name+strings.Join(names, ", "))
	}
	return out
}
