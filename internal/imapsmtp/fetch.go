package imapsmtp

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-imap"
	"github.com/emersion/go-imap/responses"

	"rapport/internal/fault"
	"rapport/internal/mail/accounts"
)

// UIDs lists those from first to last, ascending.
func (b *box) UIDs(ctx context.Context, first, last uint32) ([]uint32, error) {
	end := "*"
	if last > 0 {
		end = strconv.FormatUint(uint64(last), 10)
	}
	var out []uint32
	err := b.run(ctx, command("UID", raw("SEARCH"), raw("UID"), raw(fmt.Sprintf("%d:%s", first, end))), func(r imap.Resp) error {
		name, fields, is := imap.ParseNamedResp(r)
		if !is || name != "SEARCH" {
			return responses.ErrUnhandled
		}
		for _, f := range fields {
			// "n:*" names the last message even where its UID is lower (RFC 3501, 6.4.8).
			if n := uint32(number(f, 32)); n >= first && (last == 0 || n <= last) {
				out = append(out, n)
			}
		}
		return nil
	})
	slices.Sort(out)
	return slices.Compact(out), err
}

const gmailItems = " X-GM-MSGID X-GM-THRID X-GM-LABELS"

// Heads reads what is needed to know messages. At Gmail that is their number; of
// others the fields of the header as written are read, which are the same on
// every server.
func (b *box) Heads(ctx context.Context, uids []uint32) ([]accounts.Head, error) {
	items := "UID FLAGS INTERNALDATE RFC822.SIZE"
	if b.features.Gmail {
		items += gmailItems
	} else {
		items += " BODY.PEEK[HEADER.FIELDS (MESSAGE-ID DATE FROM SUBJECT)]"
	}
	return b.heads(ctx, set(uids), items, "", len(uids))
}

// Sizes reads what a server knows without opening messages.
func (b *box) Sizes(ctx context.Context, uids []uint32) ([]accounts.Head, error) {
	return b.heads(ctx, set(uids), "UID FLAGS INTERNALDATE RFC822.SIZE", "", len(uids))
}

// Flags reads flags and labels of messages; since: of those changed after it
// (CONDSTORE, RFC 7162).
func (b *box) Flags(ctx context.Context, first, last uint32, since uint64) ([]accounts.Head, error) {
	items := "UID FLAGS"
	if b.features.Gmail {
		items += gmailItems
	}
	changed := ""
	if since > 0 && b.features.Condstore {
		changed = fmt.Sprintf("CHANGEDSINCE %d", since)
	}
	return b.heads(ctx, fmt.Sprintf("%d:%d", first, last), items, changed, int(last-first)+1)
}

func (b *box) heads(ctx context.Context, which, items, modifier string, most int) ([]accounts.Head, error) {
	var out []accounts.Head
	err := b.fetch(ctx, which, items, modifier, func(f map[string]any) error {
		h, err := head(f)
		if err != nil || h.UID == 0 { // somebody else's news
			return err
		}
		if len(out) > 4*most+100 {
			return errTooMuch
		}
		out = append(out, h)
		return nil
	})
	return out, err
}

// fetch is UID FETCH; see gets the items of each message by their names.
func (b *box) fetch(ctx context.Context, which, items, modifier string, see func(map[string]any) error) error {
	args := []any{raw("FETCH"), raw(which), raw("(" + items + ")")}
	if modifier != "" {
		args = append(args, raw("("+modifier+")"))
	}
	b.c.Timeout = 4 * b.patience
	defer func() { b.c.Timeout = b.patience }()
	return b.run(ctx, command("UID", args...), func(r imap.Resp) error {
		name, fields, is := imap.ParseNamedResp(r)
		if !is || name != "FETCH" || len(fields) < 2 {
			return responses.ErrUnhandled
		}
		list, is := fields[1].([]any)
		if !is {
			return responses.ErrUnhandled
		}
		got := make(map[string]any, len(list)/2)
		for i := 0; i+1 < len(list); i += 2 {
			if key, is := list[i].(string); is {
				got[strings.ToUpper(key)] = list[i+1]
			}
		}
		return see(got)
	})
}

func head(f map[string]any) (accounts.Head, error) {
	h := accounts.Head{UID: uint32(number(f["UID"], 32)), Size: int64(number(f["RFC822.SIZE"], 62))}
	if list, is := f["FLAGS"].([]any); is {
		h.Flags, _ = imap.ParseStringList(list) // a flag that is no word is none
	}
	if text, is := f["INTERNALDATE"].(string); is {
		h.Date, _ = time.Parse(imap.DateTimeLayout, text) // zero: the header's date stands in
		h.Date = h.Date.UTC()
	}
	if n := number(f["X-GM-MSGID"], 64); n > 0 {
		h.GmailID, h.GmailThrid = strconv.FormatUint(n, 16), strconv.FormatUint(number(f["X-GM-THRID"], 64), 16)
	}
	if list, is := f["X-GM-LABELS"].([]any); is {
		for _, l := range list {
			if text, err := imap.ParseString(l); err == nil && text != "" {
				h.GmailLabel = append(h.GmailLabel, decoded(text))
			}
		}
	}
	for key, v := range f {
		if strings.HasPrefix(key, "BODY[HEADER.FIELDS") {
			if text, err := text(v); err == nil {
				readHeader(&h, text)
			}
		}
	}
	return h, nil
}

// text is the bytes of a field.
func text(f any) ([]byte, error) {
	switch v := f.(type) {
	case nil:
		return nil, nil
	case string:
		return []byte(v), nil
	case *bytes.Buffer: // a literal, as go-imap reads it
		return v.Bytes(), nil
	case imap.Literal:
		return io.ReadAll(v)
	}
	return nil, fault.New(fault.Unavailable, "The mail server answers in a form that is not known.")
}

// readHeader takes the fields of a header as written, unfolded.
func readHeader(h *accounts.Head, data []byte) {
	fields := map[string]*string{"message-id": &h.MessageID, "date": &h.Sent, "from": &h.From, "subject": &h.Subject}
	var at *string
	for line := range bytes.Lines(data) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) > 0 && (line[0] == ' ' || line[0] == '\t') {
			if at != nil {
				*at += " " + string(bytes.TrimSpace(line))
			}
			continue
		}
		name, value, is := bytes.Cut(line, []byte(":"))
		at = fields[strings.ToLower(string(bytes.TrimSpace(name)))]
		if at != nil && (!is || *at != "") { // the first counts
			at = nil
		}
		if at != nil {
			*at = string(bytes.TrimSpace(value))
		}
	}
}

// Bodies reads whole messages; those that are too large up to the bound.
func (b *box) Bodies(ctx context.Context, heads []accounts.Head, yield func(uid uint32, raw []byte) error) error {
	var whole, large []uint32
	for _, h := range heads {
		if h.Size > accounts.BodyBound {
			large = append(large, h.UID)
		} else {
			whole = append(whole, h.UID)
		}
	}
	see := func(f map[string]any) error {
		uid := uint32(number(f["UID"], 32))
		if uid == 0 {
			return nil
		}
		for key, v := range f {
			if !strings.HasPrefix(key, "BODY[]") {
				continue
			}
			data, err := text(v)
			if err != nil {
				return err
			}
			return yield(uid, data)
		}
		return nil
	}
	if len(whole) > 0 {
		if err := b.fetch(ctx, set(whole), "UID BODY.PEEK[]", "", see); err != nil {
			return err
		}
	}
	for _, uid := range large {
		if err := b.fetch(ctx, set([]uint32{uid}), fmt.Sprintf("UID BODY.PEEK[]<0.%d>", accounts.BodyBound), "", see); err != nil {
			return err
		}
	}
	return nil
}

// set writes UIDs as a sequence set, ranges drawn together.
func set(uids []uint32) string {
	s := slices.Clone(uids)
	slices.Sort(s)
	var out strings.Builder
	for i := 0; i < len(s); {
		j := i
		for j+1 < len(s) && s[j+1] <= s[j]+1 {
			j++
		}
		if out.Len() > 0 {
			out.WriteByte(',')
		}
		out.WriteString(strconv.FormatUint(uint64(s[i]), 10))
		if s[j] != s[i] {
			out.WriteByte(':')
			out.WriteString(strconv.FormatUint(uint64(s[j]), 10))
		}
		i = j + 1
	}
	return out.String()
}
