package accounts

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"rapport/internal/crm"
	"rapport/internal/engine"
	"rapport/internal/fault"
	"rapport/internal/mail"
)

// Bounds of one page.
const (
	pageMessages = 500
	pageBytes    = 12 << 20
)

// taken is what became of a piece of a folder.
type taken struct {
	changes []engine.Change[mail.Item]
	seen    []Copy
	used    int    // of the UIDs
	lowest  uint32 // of those used
	counted int64  // of those used: stored, or to be
}

// take reads messages in the order given, as many as fit on a page. What is
// known already is not fetched again; of what is not, most are imported (-1: all).
// fresh: nothing is known, so that all are fetched at once.
func (f *folderFeed) take(ctx context.Context, uids []uint32, most int64, fresh bool) (taken, error) {
	uids = uids[:min(len(uids), pageMessages)]
	if len(uids) == 0 {
		return taken{}, nil
	}
	heads, err := f.heads(ctx, uids, fresh)
	if err != nil {
		return taken{}, err
	}
	known := map[string]mail.KnownEmail{}
	if !fresh {
		if known, err = f.known(ctx, heads); err != nil {
			return taken{}, err
		}
	}
	out := taken{used: len(uids), lowest: slices.Min(uids)}
	var fetch []Head
	size := int64(0)
	for i, uid := range uids {
		h, here := heads[uid]
		if !here { // expunged since
			continue
		}
		id := identity(h)
		if k, is := known[id]; is && !k.Failed && (!k.Deleted || f.yield) {
			out.seen = append(out.seen, Copy{uid, id, f.labelsOf(h)})
			out.counted++
			continue
		}
		if most >= 0 && out.counted >= most || !f.wants(h) {
			continue
		}
		if size += min(h.Size, BodyBound); size > pageBytes && len(fetch) > 0 {
			out.used, out.lowest = i, slices.Min(uids[:i])
			break
		}
		fetch = append(fetch, h)
		out.counted++
	}
	return out, f.fetch(ctx, fetch, &out)
}

func (f *folderFeed) known(ctx context.Context, heads map[uint32]Head) (map[string]mail.KnownEmail, error) {
	ids := make([]string, 0, len(heads))
	for _, h := range heads {
		ids = append(ids, identity(h))
	}
	known, err := f.Copies.Known(ctx, f.conn.ID, ids)
	if err != nil {
		return nil, fmt.Errorf("looking up messages: %w", err)
	}
	return known, nil
}

func (f *folderFeed) heads(ctx context.Context, uids []uint32, fresh bool) (map[uint32]Head, error) {
	if f.yield && f.rewind == "" { // changes after this may pass before we write
		at, err := f.Copies.Load(ctx, mail.Key{Workspace: f.account.WorkspaceID, Connection: f.conn.ID, Stream: crm.StreamGmailHistory})
		if err != nil {
			return nil, fmt.Errorf("loading the history's checkpoint: %w", err)
		}
		f.rewind = at.Mark
	}
	read := f.box.Heads
	if fresh {
		read = f.box.Sizes
	}
	list, err := read(ctx, uids)
	if err != nil {
		return nil, err
	}
	out := make(map[uint32]Head, len(list))
	for _, h := range list {
		out[h.UID] = h
	}
	return out, nil
}

// wants says whether a message that is not stored is to be imported. Beside the
// Gmail API the labels chosen there decide.
func (f *folderFeed) wants(h Head) bool {
	if f.only {
		return false
	}
	if since := f.conn.Settings.Since; since != nil && h.Date.Before(*since) {
		return false
	}
	return !f.gmail || mail.Wanted(f.labelsOf(h), f.conn.Settings.Labels)
}

// fetch reads whole messages and turns them into changes.
func (f *folderFeed) fetch(ctx context.Context, list []Head, out *taken) error {
	if len(list) == 0 {
		f.rewind = "" // nothing was read, so nothing can have been missed
		return nil
	}
	heads := make(map[uint32]Head, len(list))
	for _, h := range list {
		heads[h.UID] = h
	}
	made := make(map[string]bool, len(list))
	err := f.box.Bodies(ctx, list, func(uid uint32, raw []byte) error {
		h := heads[uid]
		if h.GmailID == "" && h.MessageID == "" { // it was not asked for before
			h.MessageID, h.Sent, h.From, h.Subject = headerOf(raw, "message-id"), headerOf(raw, "date"), headerOf(raw, "from"), headerOf(raw, "subject")
		}
		id := identity(h)
		out.seen = append(out.seen, Copy{uid, id, f.labelsOf(h)})
		if made[id] { // twice in this folder
			return nil
		}
		made[id] = true
		e, err := f.email(h, raw)
		if err != nil {
			out.changes = append(out.changes, engine.Change[mail.Item]{ID: id, Err: err})
			return nil
		}
		out.changes = append(out.changes, engine.Change[mail.Item]{ID: id, Value: &mail.Item{Email: e, ThreadID: e.ThreadID, Labels: e.Labels}})
		return nil
	})
	if err != nil {
		return err
	}
	return f.thread(ctx, out.changes)
}

// email is a message as it is stored.
func (f *folderFeed) email(h Head, raw []byte) (*crm.Email, error) {
	e, err := mail.ParseRaw(bytes.NewReader(raw))
	if err != nil {
		return nil, fault.New(fault.Internal, "reading a message: %w", err)
	}
	e.WorkspaceID, e.ConnectionID, e.GmailID = f.account.WorkspaceID, f.conn.ID, identity(h)
	e.ThreadID, e.Labels, e.Size = h.GmailThrid, f.labelsOf(h), h.Size
	if !h.Date.IsZero() {
		e.Date = h.Date
	}
	if e.Date.IsZero() {
		e.Date = f.Now()
	}
	if f.conn.Settings.KeepRaw {
		e.Raw = mail.Compress(raw)
	}
	return e, nil
}

// thread puts messages into conversations: that of a message they answer, where
// it is stored, else the one that their first reference names.
func (f *folderFeed) thread(ctx context.Context, changes []engine.Change[mail.Item]) error {
	var asked []string
	for _, c := range changes {
		if c.Value != nil && c.Value.Email.ThreadID == "" {
			asked = append(asked, parents(c.Value.Email)...)
		}
	}
	slices.Sort(asked)
	known := map[string]string{}
	if asked = slices.Compact(asked); len(asked) > 0 {
		var err error
		if known, err = f.Copies.ThreadsOf(ctx, f.conn.ID, asked); err != nil {
			return fmt.Errorf("looking up conversations: %w", err)
		}
	}
	for _, c := range changes {
		if c.Value == nil || c.Value.Email.ThreadID != "" {
			continue
		}
		e := c.Value.Email
		for _, p := range slices.Backward(parents(e)) {
			if e.ThreadID = known[p]; e.ThreadID != "" {
				break
			}
		}
		if e.ThreadID == "" {
			e.ThreadID = threadID(e)
		}
		c.Value.ThreadID = e.ThreadID
		if e.RFC822MessageID != "" {
			known[e.RFC822MessageID] = e.ThreadID
		}
	}
	return nil
}

// parents are the messages that one answers, the nearest last.
func parents(e *crm.Email) []string {
	list := slices.Clone(e.References)
	if len(list) > 50 {
		list = append(list[:1:1], list[len(list)-49:]...)
	}
	if e.InReplyTo != "" && !slices.Contains(list, e.InReplyTo) {
		list = append(list, e.InReplyTo)
	}
	return list
}

// threadID is the id of a conversation by the message it began with.
func threadID(e *crm.Email) string {
	root := e.RFC822MessageID
	if p := parents(e); len(p) > 0 {
		root = p[0]
	}
	if root == "" {
		return e.GmailID[:min(16, len(e.GmailID))]
	}
	return digest("thread", root)[:16]
}

// identity is by what a message is known again wherever it lies.
func identity(h Head) string {
	if h.GmailID != "" {
		return h.GmailID
	}
	size := strconv.FormatInt(h.Size, 10)
	if id := strings.TrimSpace(h.MessageID); id != "" {
		return digest("message", id, strings.Join(strings.Fields(h.Sent), " "), size)
	}
	return digest("message without an id", h.From, h.Subject, h.Sent, strconv.FormatInt(h.Date.Unix(), 10), size)
}

func digest(parts ...string) string {
	h := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(h[:16])
}
