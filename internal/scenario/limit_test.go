package scenario

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/store/storetest"
)

// TestLimit imports the newest messages only, then more of them, then all.
func TestLimit(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		w := newTown(t, d)
		h := w.newHouse(t, 150)
		defer h.leave()
		h.page = 40
		p := h.boot()
		limited := func(n int) func(*crm.ConnectionSettings) {
			return func(s *crm.ConnectionSettings) { s.Limit, s.Labels = n, []string{crm.AllLabels} }
		}
		h.connect(p, limited(20))
		require.NoError(t, p.begin())
		require.NoError(t, p.settle())
		all := h.newest()
		require.Greater(t, len(all), 60)
		require.Equal(t, sorted(all[:20]), h.here())
		p.idle()

		// What happens further down stays there; what comes is not counted.
		h.modify(all[30], []string{"STARRED"}, nil)
		h.remove(all[3])
		fresh := h.deliver("", "INBOX")
		require.NoError(t, p.settle())
		newest := slices.Concat([]string{fresh}, all[:3], all[4:20])
		require.Equal(t, sorted(newest), h.here())
		p.idle()

		h.choose(limited(50))
		h.corridors(p)
		require.NoError(t, p.settle())
		all = h.newest()
		require.Equal(t, sorted(all[:50]), h.here())
		c, err := p.mail.Completeness(p.ctx, h.owners, h.conn)
		require.NoError(t, err)
		require.Equal(t, crm.Completeness{ConnectionID: h.conn, CheckedAt: c.CheckedAt, GoogleCount: 50, RapportCount: 50}, c)

		h.choose(limited(0))
		h.corridors(p)
		require.NoError(t, p.settle())
		h.sound()
		p.idle()
	})
}

func sorted(ids []string) []string {
	out := slices.Clone(ids)
	slices.Sort(out)
	return out
}

// newest are the messages that may be wanted, the newest first.
func (h *house) newest() []string {
	h.t.Helper()
	at := mailboxOf(h.t, h.sim, h.account)
	out := slices.DeleteFunc(h.ids(), func(id string) bool { return !isWanted(at[id].Labels, []string{crm.AllLabels}) })
	slices.SortStableFunc(out, func(a, b string) int { return at[b].Date.Compare(at[a].Date) })
	return out
}

// here are the ids of live rows.
func (h *house) here() []string {
	h.t.Helper()
	var out []string
	for id, r := range rowsOf(h.t, h.ground, h.conn) {
		if !r.Deleted {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}
