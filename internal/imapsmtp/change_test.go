package imapsmtp_test

import (
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap"
	"github.com/stretchr/testify/require"

	"rapport/internal/imapsmtp/dovecottest"
	"rapport/internal/mail/accounts"
)

// changing changes the two messages of the inbox in every way that there is.
func changing(t *testing.T, b accounts.Box, archive string) {
	t.Helper()
	ctx := t.Context()
	require.True(t, b.Features().Move)
	require.True(t, b.Features().Expunge)
	flags := func(folder string) map[uint32][]string {
		_, err := b.Enter(ctx, folder)
		require.NoError(t, err)
		uids, err := b.UIDs(ctx, 1, 0)
		require.NoError(t, err)
		heads, err := b.Standing(ctx, append(uids, 4_000_000)) // one that is not there
		require.NoError(t, err)
		out := map[uint32][]string{}
		for _, h := range heads {
			out[h.UID] = nil
			for _, f := range h.Flags {
				if f != imap.RecentFlag {
					out[h.UID] = append(out[h.UID], f)
				}
			}
		}
		require.Len(t, out, len(uids))
		return out
	}
	require.Equal(t, map[uint32][]string{1: nil, 2: nil}, flags("INBOX"))
	_, err := b.Change(ctx, "INBOX")
	require.NoError(t, err)
	require.NoError(t, b.Store(ctx, []uint32{1, 2, 77}, true, []string{imap.SeenFlag, imap.FlaggedFlag}))
	require.NoError(t, b.Store(ctx, []uint32{2}, false, []string{imap.FlaggedFlag}))
	now := flags("INBOX")
	require.ElementsMatch(t, []string{imap.SeenFlag, imap.FlaggedFlag}, now[1])
	require.Equal(t, []string{imap.SeenFlag}, now[2])

	heads, err := b.Heads(ctx, []uint32{1})
	require.NoError(t, err)
	alike, err := b.OfSize(ctx, heads[0].Size)
	require.NoError(t, err)
	require.Contains(t, alike, heads[0])
	none, err := b.OfSize(ctx, heads[0].Size+10_000)
	require.NoError(t, err)
	require.Empty(t, none)

	_, err = b.Change(ctx, "INBOX")
	require.NoError(t, err)
	require.NoError(t, b.Copy(ctx, []uint32{1}, archive))
	require.Len(t, flags(archive), 1)
	_, err = b.Change(ctx, "INBOX")
	require.NoError(t, err)
	require.NoError(t, b.Move(ctx, []uint32{2, 77}, archive))
	require.Len(t, flags("INBOX"), 1)
	require.Len(t, flags(archive), 2)
	_, err = b.Change(ctx, "INBOX")
	require.NoError(t, err)
	require.NoError(t, b.Expunge(ctx, []uint32{1}))
	require.Empty(t, flags("INBOX"))
	require.Len(t, flags(archive), 2)
}

func TestChangingMailAtDovecot(t *testing.T) {
	s := dovecottest.Start(t)
	user := somebody()
	c := other(t, s, user)
	require.NoError(t, c.Create("Archiv & mehr"))
	for n := range 2 {
		require.NoError(t, c.Append("INBOX", nil, time.Now(), strings.NewReader(string(letter(n+1)))))
	}
	b, err := door(s, &tokens{}).Open(t.Context(), withPassword(user))
	require.NoError(t, err)
	defer b.Close()
	changing(t, b, "Archiv & mehr")
}

func TestChangingMailAtGmail(t *testing.T) {
	g := openGoogle(t)
	g.arrives("One", "First", "INBOX", "UNREAD", "Kunden/Süd")
	g.arrives("Two", "Second", "INBOX", "UNREAD")
	b := g.box()
	_, err := b.Enter(t.Context(), "Kunden/Süd")
	require.NoError(t, err)
	moving, err := b.Change(t.Context(), "Kunden/Süd")
	require.NoError(t, err)
	require.EqualValues(t, 1, moving.Exists)
	require.NoError(t, b.Expunge(t.Context(), []uint32{1})) // at Gmail: takes the label away
	changing(t, b, "Kunden/Süd")
}
