package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/google"
	"rapport/internal/mail"
	"rapport/internal/store"
	"rapport/simulator"
	"rapport/simulator/world"
)

// row is a message as stored.
type row struct {
	ID       crm.EmailID
	Thread   string
	Labels   []string
	Deleted  bool
	Shown    bool
	Read     bool
	Starred  bool
	Subject  string
	Text     string
	HTML     string
	From     string
	Files    int64
	Attached bool     // has files worth showing: not only inline pictures
	Indexed  []string // labels it is found under
	RawBytes int64
}

// Equal requires that the store equals the mailbox: every message that is
// wanted is stored, with its labels and text; every stored message that is not
// a tombstone exists at Google with the same labels; and the numbers and
// indexes that are kept beside the rows say the same.
func Equal(t testing.TB, s *store.Store, sim *simulator.Simulator, c crm.Connection) {
	t.Helper()
	for _, line := range Differences(t, s, sim, c) {
		t.Errorf("%s: %s", c.GoogleEmail, line)
	}
}

// Differences are what Equal finds.
func Differences(t testing.TB, s *store.Store, sim *simulator.Simulator, c crm.Connection) []string {
	t.Helper()
	at := mailboxOf(t, sim, c.GoogleEmail)
	rows := rowsOf(t, s, c.ID)
	var out []string
	differ := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	for _, id := range slices.Sorted(maps.Keys(at)) {
		m, r := at[id], rows[id]
		if r == nil || r.Deleted {
			if isWanted(m.Labels, c.Settings.Labels) {
				differ("%s %v is not stored (tombstone: %t)", id, m.Labels, r != nil)
			}
			continue
		}
		if d := cmp.Diff(m.Labels, r.Labels); d != "" {
			differ("%s: labels (- Google, + here)\n%s", id, d)
		}
		if d := compare(m, r); d != "" {
			differ("%s: content (- Google, + here)\n%s", id, d)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		if !rows[id].Deleted && at[id] == nil {
			differ("%s is stored and not at Google", id)
		}
		out = append(out, rows[id].contradictions(id)...)
	}
	return append(out, numbers(t, s, c, rows)...)
}

// compare looks at everything but labels: it never changes at Google.
func compare(m *crm.Email, r *row) string {
	type content struct {
		Thread, Subject, From, Text, HTML string
		Files                             int64
		Attached                          bool
	}
	return cmp.Diff(content{m.ThreadID, m.Subject, m.From.Email, m.BodyText, m.BodyHTML, int64(len(m.Attachments)), m.HasAttachments},
		content{r.Thread, r.Subject, r.From, r.Text, r.HTML, r.Files, r.Attached})
}

// contradictions within a row and its index.
func (r *row) contradictions(id string) []string {
	var out []string
	want := append([]string{}, r.Labels...)
	if r.Attached {
		want = append(want, "*attachment")
	}
	if r.Deleted {
		want = nil
	}
	slices.Sort(want)
	slices.Sort(r.Indexed)
	if !slices.Equal(want, r.Indexed) {
		out = append(out, fmt.Sprintf("%s has labels %v and is found under %v", id, want, r.Indexed))
	}
	hidden := slices.ContainsFunc(r.Labels, func(l string) bool { return l == "SPAM" || l == "TRASH" || l == "DRAFT" })
	if r.Shown != (!r.Deleted && !hidden) {
		out = append(out, fmt.Sprintf("%s %v: shown is %t", id, r.Labels, r.Shown))
	}
	if r.Read == slices.Contains(r.Labels, "UNREAD") || r.Starred != slices.Contains(r.Labels, "STARRED") {
		out = append(out, fmt.Sprintf("%s %v: read %t, starred %t", id, r.Labels, r.Read, r.Starred))
	}
	if r.RawBytes == 0 {
		out = append(out, fmt.Sprintf("%s: Google's answer is not kept", id))
	}
	return out
}

// numbers compares the counts kept beside the rows with the rows.
func numbers(t testing.TB, s *store.Store, c crm.Connection, rows map[string]*row) []string {
	t.Helper()
	want := mail.Totals{}
	threads := map[string]bool{}
	labels := map[string][2]int64{}
	for _, r := range rows {
		for _, l := range r.Labels {
			if r.Deleted || !r.Shown && l != "SPAM" && l != "TRASH" && l != "DRAFT" {
				continue
			}
			n := labels[l]
			n[0]++
			if !r.Read {
				n[1]++
			}
			labels[l] = n
		}
		if !r.Shown {
			continue
		}
		want.Messages++
		threads[r.Thread] = true
		if !r.Read {
			want.Unread++
		}
	}
	want.Threads = int64(len(threads))
	got, err := s.CountsOf(context.Background(), c.ID)
	require.NoError(t, err)
	got.Failures, got.Parked = 0, 0
	var out []string
	if d := cmp.Diff(want, got); d != "" {
		out = append(out, "numbers of the mailbox (- rows, + kept)\n"+d)
	}
	kept := map[string][2]int64{}
	query(t, s, func(scan func(...any)) {
		var l string
		var n [2]int64
		scan(&l, &n[0], &n[1])
		if n[0] != 0 || n[1] != 0 {
			kept[l] = n
		}
	}, `SELECT label, total, unread FROM mailbox_counts n JOIN google_integrations g ON g.no = n.mailbox
		WHERE g.id = $1 AND label <> '' AND label <> '*attachment'`, string(c.ID))
	if d := cmp.Diff(labels, kept); d != "" {
		out = append(out, "numbers of labels (- rows, + kept)\n"+d)
	}
	return out
}

func isWanted(labels, chosen []string) bool {
	for _, never := range []string{"SPAM", "TRASH", "DRAFT", "CHAT"} {
		if slices.Contains(labels, never) {
			return false
		}
	}
	return slices.Contains(chosen, crm.AllLabels) || slices.ContainsFunc(labels, func(l string) bool { return slices.Contains(chosen, l) })
}

// query runs a statement of the tests' own.
func query(t testing.TB, s *store.Store, see func(scan func(...any)), text string, args ...any) {
	t.Helper()
	rows, err := s.DB().QueryContext(context.Background(), text, args...)
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	for rows.Next() {
		see(func(into ...any) { require.NoError(t, rows.Scan(into...)) })
	}
	require.NoError(t, rows.Err())
}

// rowsOf reads what is stored of a connection, and that nothing is there twice.
func rowsOf(t testing.TB, s *store.Store, c crm.ConnectionID) map[string]*row {
	t.Helper()
	out := map[string]*row{}
	at := map[int64]*row{}
	query(t, s, func(scan func(...any)) {
		var id, labels string
		var pos int64
		r := &row{}
		scan(&pos, &id, &r.ID, &r.Thread, &labels, &r.Deleted, &r.Shown, &r.Read, &r.Starred, &r.Subject, &r.From, &r.Text, &r.HTML, &r.Files, &r.Attached, &r.RawBytes)
		require.NoError(t, json.Unmarshal([]byte(labels), &r.Labels))
		require.Nil(t, out[id], "%s is stored twice", id)
		out[id], at[pos] = r, r
	}, `SELECT e.pos, e.gmail_id, e.id, e.gmail_thread_id, e.labels, e.deleted_at IS NOT NULL, e.shown, e.is_read, e.is_starred, e.subject, e.from_email,
			b.body_text, b.body_html, (SELECT COUNT(*) FROM email_attachments a WHERE a.pos = e.pos), e.has_attachments, COALESCE(LENGTH(w.raw), 0)
		FROM synced_emails e JOIN email_bodies b ON b.pos = e.pos LEFT JOIN email_raw w ON w.pos = e.pos WHERE e.integration_id = $1`, string(c))
	query(t, s, func(scan func(...any)) {
		var label string
		var pos int64
		scan(&pos, &label)
		at[pos].Indexed = append(at[pos].Indexed, label)
	}, "SELECT l.pos, l.label FROM email_labels l JOIN synced_emails e ON e.pos = l.pos WHERE e.integration_id = $1", string(c))
	return out
}

// mailboxOf reads a mailbox from Google with all rights, spam and trash
// included, past network, faults and quota of the product.
func mailboxOf(t testing.TB, sim *simulator.Simulator, account string) map[string]*crm.Email {
	t.Helper()
	token, err := sim.OAuth.IssueToken(account, world.DemoClientID, []string{"https://mail.google.com/"})
	require.NoError(t, err)
	get := func(path string) []byte {
		r := httptest.NewRequest("GET", "/gmail/v1/users/me/"+path, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		sim.Handler().ServeHTTP(w, r)
		require.Equal(t, 200, w.Code, "%s: %s", path, w.Body)
		return w.Body.Bytes()
	}
	out := map[string]*crm.Email{}
	for page := ""; ; {
		var list struct {
			Messages      []struct{ ID string }
			NextPageToken string
		}
		require.NoError(t, json.Unmarshal(get("messages?includeSpamTrash=true&maxResults=500&pageToken="+page), &list))
		for _, m := range list.Messages {
			message, err := google.DecodeMessage(get("messages/" + m.ID + "?format=full"))
			require.NoError(t, err)
			e := mail.ParseMessage(message)
			slices.Sort(e.Labels)
			if e.Labels == nil {
				e.Labels = []string{}
			}
			out[m.ID] = e
		}
		if page = list.NextPageToken; page == "" {
			return out
		}
	}
}

// facts of a house, in their order.
func (h *house) facts() []fact.Fact {
	h.t.Helper()
	var out []fact.Fact
	for seq := h.begun; ; {
		list, err := h.ground.FactsAfter(context.Background(), seq, 500)
		require.NoError(h.t, err)
		for _, f := range list {
			if seq = f.Seq; f.ConnectionID == h.conn {
				out = append(out, f)
			}
		}
		if len(list) < 500 {
			return out
		}
	}
}

// explained requires that facts and runs tell exactly what happened: every
// message arrived once (and once more for each time it was thought to be gone),
// and the runs' counts add up to the same.
func (h *house) explained() {
	h.t.Helper()
	rows := rowsOf(h.t, h.ground, h.conn)
	arrived := map[crm.EmailID]int{}
	total := int64(0)
	for _, f := range h.facts() {
		if f.Kind != fact.MailArrived {
			continue
		}
		var data struct{ IDs []crm.EmailID }
		require.NoError(h.t, json.Unmarshal(f.Data, &data))
		for _, id := range data.IDs {
			arrived[id]++
			total++
		}
	}
	known := map[crm.EmailID]bool{}
	for id, r := range rows {
		known[r.ID] = true
		if arrived[r.ID] == 0 {
			h.t.Errorf("nobody was told that %s arrived", id)
		}
	}
	for id := range arrived {
		if !known[id] {
			h.t.Errorf("%s arrived and is not stored", id)
		}
	}
	live := int64(0)
	for _, r := range rows {
		if !r.Deleted {
			live++
		}
	}
	runs := h.runs()
	sum := crm.Counts{}
	for _, r := range runs {
		sum.Added += r.Counts.Added
		sum.Deleted += r.Counts.Deleted
		if r.FinishedAt == nil {
			h.t.Errorf("a run of %s has never ended: %+v", r.Stream, r)
		}
	}
	if sum.Added != total {
		h.t.Errorf("runs added %d messages, %d arrived", sum.Added, total)
	}
	if sum.Added-sum.Deleted != live {
		h.t.Errorf("runs added %d messages and deleted %d, %d are there", sum.Added, sum.Deleted, live)
	}
}

// runs of a house, the newest first.
func (h *house) runs() []crm.Run {
	h.t.Helper()
	var out []crm.Run
	for page := (mail.Page{Limit: 100}); ; {
		list, next, err := h.ground.RunsOf(context.Background(), h.conn, page)
		require.NoError(h.t, err)
		out = append(out, list...)
		if page.Cursor = next; next == "" {
			return out
		}
	}
}

// ledger of a house.
func (h *house) ledger() []crm.Failure {
	h.t.Helper()
	list, _, err := h.ground.FailuresOf(context.Background(), h.conn, mail.Page{Limit: 100})
	require.NoError(h.t, err)
	return list
}

// sound is the condition at the end of every scenario.
func (h *house) sound() {
	h.t.Helper()
	Equal(h.t, h.ground, h.sim, h.connection())
	require.Empty(h.t, h.ledger())
	h.explained()
}
