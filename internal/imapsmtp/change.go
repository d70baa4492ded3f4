package imapsmtp

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/emersion/go-imap"
	"github.com/emersion/go-imap/responses"

	"rapport/internal/mail/accounts"
)

// changed is how many messages one command changes.
const changed = 500

// Standing reads UID and flags of those of the messages that are there.
func (b *box) Standing(ctx context.Context, uids []uint32) ([]accounts.Head, error) {
	var out []accounts.Head
	for piece := range slices.Chunk(uids, changed) {
		heads, err := b.heads(ctx, set(piece), "UID FLAGS", "", len(piece))
		if err != nil {
			return nil, err
		}
		out = append(out, heads...)
	}
	return out, nil
}

// OfSize reads the heads of messages of exactly a size.
func (b *box) OfSize(ctx context.Context, size int64) ([]accounts.Head, error) {
	var uids []uint32
	of := fmt.Sprintf("LARGER %d SMALLER %d", max(size-1, 0), size+1)
	err := b.run(ctx, command("UID", raw("SEARCH"), raw(of)), func(r imap.Resp) error {
		name, fields, is := imap.ParseNamedResp(r)
		if !is || name != "SEARCH" {
			return responses.ErrUnhandled
		}
		for _, f := range fields {
			if n := uint32(number(f, 32)); n > 0 {
				uids = append(uids, n)
			}
		}
		return nil
	})
	if err != nil || len(uids) == 0 {
		return nil, err
	}
	return b.Heads(ctx, uids)
}

// Store sets flags, or takes them away.
func (b *box) Store(ctx context.Context, uids []uint32, add bool, flags []string) error {
	what := "-FLAGS.SILENT"
	if add {
		what = "+FLAGS.SILENT"
	}
	return b.each(ctx, uids, func(which string) imap.Commander {
		return command("UID", raw("STORE"), raw(which), raw(what), raw("("+strings.Join(flags, " ")+")"))
	})
}

// Move is UID MOVE (RFC 6851).
func (b *box) Move(ctx context.Context, uids []uint32, folder string) error {
	return b.each(ctx, uids, func(which string) imap.Commander {
		return command("UID", raw("MOVE"), raw(which), encoded(folder))
	})
}

// Copy is UID COPY.
func (b *box) Copy(ctx context.Context, uids []uint32, folder string) error {
	return b.each(ctx, uids, func(which string) imap.Commander {
		return command("UID", raw("COPY"), raw(which), encoded(folder))
	})
}

// Expunge marks messages as deleted and takes these alone away (UID EXPUNGE, RFC
// 4315).
func (b *box) Expunge(ctx context.Context, uids []uint32) error {
	if err := b.Store(ctx, uids, true, []string{imap.DeletedFlag}); err != nil {
		return err
	}
	return b.each(ctx, uids, func(which string) imap.Commander { return command("UID", raw("EXPUNGE"), raw(which)) })
}

// each makes a command for pieces of a list.
func (b *box) each(ctx context.Context, uids []uint32, make func(which string) imap.Commander) error {
	b.c.Timeout = 4 * b.patience
	defer func() { b.c.Timeout = b.patience }()
	for piece := range slices.Chunk(uids, changed) {
		if err := b.run(ctx, make(set(piece)), nil); err != nil {
			return err
		}
	}
	return nil
}
