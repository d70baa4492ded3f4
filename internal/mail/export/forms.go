package export

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"rapport/internal/crm"
)

// form is one way to write messages. raw is nil for JSON lines.
type form interface {
	add(e *crm.Email, raw []byte) error
	end() error
}

func (s *Service) form(w Wish, out io.Writer) (form, error) {
	switch {
	case w.Format == MBOX:
		return &mbox{out: bufio.NewWriterSize(out, 64<<10)}, nil
	case w.Format == JSONL:
		return &lines{out: bufio.NewWriterSize(out, 64<<10)}, nil
	case w.Format == EML && w.Single():
		return single{out}, nil
	case w.Format == EML:
		return &archive{zip: zip.NewWriter(out), names: map[string]int{}}, nil
	}
	return nil, fmt.Errorf("%w %q", errUnknownFormat, w.Format)
}

// single is one message by itself.
type single struct{ out io.Writer }

func (f single) add(_ *crm.Email, raw []byte) error {
	_, err := f.out.Write(raw)
	return err
}

func (f single) end() error { return nil }

// mbox is the format mboxrd: each line of a message that would look like the
// beginning of the next gets one more ">".
type mbox struct{ out *bufio.Writer }

func (f *mbox) add(e *crm.Email, raw []byte) error {
	from := strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7f {
			return -1
		}
		return r
	}, e.From.Email)
	if from == "" {
		from = "MAILER-DAEMON"
	}
	fmt.Fprintf(f.out, "From %s %s\n", from, dateOf(e).Format(time.ANSIC))
	fmt.Fprintf(f.out, "X-GM-THRID: %s\nX-Gmail-Labels: %s\n", oneLine(e.ThreadID), oneLine(strings.Join(e.Labels, ",")))
	for line := range bytes.Lines(raw) {
		line = bytes.TrimRight(line, "\r\n")
		if bytes.HasPrefix(bytes.TrimLeft(line, ">"), []byte("From ")) {
			_ = f.out.WriteByte('>')
		}
		_, _ = f.out.Write(line)
		_ = f.out.WriteByte('\n')
	}
	_, err := f.out.WriteString("\n") // the writer keeps the first error
	return err
}

func (f *mbox) end() error { return f.out.Flush() }

// archive is a ZIP of messages.
type archive struct {
	zip   *zip.Writer
	names map[string]int
}

func (f *archive) add(e *crm.Email, raw []byte) error {
	subject := fileName(e.Subject)
	if subject == "" {
		subject = "no subject"
	}
	name := dateOf(e).Format("2006-01-02 1504") + " " + subject
	f.names[name]++
	if n := f.names[name]; n > 1 {
		name = fmt.Sprintf("%s (%d)", name, n)
	}
	w, err := f.zip.CreateHeader(&zip.FileHeader{Name: name + ".eml", Method: zip.Deflate, Modified: dateOf(e)})
	if err != nil {
		return err
	}
	_, err = w.Write(raw)
	return err
}

func (f *archive) end() error { return f.zip.Close() }

// fileName is a subject as a name of a file that every system takes.
func fileName(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || strings.ContainsRune(`/\:*?"<>|`, r) {
			return ' '
		}
		return r
	}, s)
	s = strings.Trim(strings.Join(strings.Fields(s), " "), ". ")
	runes := []rune(s)
	return strings.TrimSpace(string(runes[:min(len(runes), 80)]))
}

// lines is one JSON object a line.
type lines struct{ out *bufio.Writer }

// line is a message in JSON lines. Fields that the caller does not see are absent.
type line struct {
	ID          crm.EmailID      `json:"id"`
	GmailID     string           `json:"gmail_id"`
	ThreadID    string           `json:"gmail_thread_id"`
	MessageID   string           `json:"rfc822_message_id,omitempty"`
	InReplyTo   string           `json:"in_reply_to,omitempty"`
	References  []string         `json:"references,omitempty"`
	Access      crm.Level        `json:"access"`
	Date        time.Time        `json:"gmail_date"`
	From        crm.Address      `json:"from"`
	To          []crm.Address    `json:"to,omitempty"`
	Cc          []crm.Address    `json:"cc,omitempty"`
	Bcc         []crm.Address    `json:"bcc,omitempty"`
	ReplyTo     []crm.Address    `json:"reply_to,omitempty"`
	Subject     string           `json:"subject,omitempty"`
	Labels      []string         `json:"labels,omitempty"`
	Size        int64            `json:"size,omitempty"`
	Text        string           `json:"body_text,omitempty"`
	HTML        string           `json:"body_html,omitempty"`
	Attachments []crm.Attachment `json:"attachments,omitempty"`
}

func (f *lines) add(e *crm.Email, _ []byte) error {
	b, err := json.Marshal(line{
		ID: e.ID, GmailID: e.GmailID, ThreadID: e.ThreadID, MessageID: e.RFC822MessageID, InReplyTo: e.InReplyTo, References: e.References, Access: e.View.Level,
		Date: dateOf(e), From: e.From, To: e.To, Cc: e.Cc, Bcc: e.Bcc, ReplyTo: e.ReplyTo, Subject: e.Subject, Labels: e.Labels, Size: e.Size,
		Text: e.BodyText, HTML: e.BodyHTML, Attachments: e.Attachments,
	})
	if err != nil {
		return fmt.Errorf("writing a message as JSON: %w", err)
	}
	_, _ = f.out.Write(b)
	return f.out.WriteByte('\n')
}

func (f *lines) end() error { return f.out.Flush() }

// oneLine keeps a value within its line of a header.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}
