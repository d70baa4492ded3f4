package store

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"rapport/internal/crm"
	"rapport/internal/engine"
	"rapport/internal/fault"
	"rapport/internal/mail"
)

// Apply writes a batch of a Gmail stream in one transaction (see mail.Streams).
// Applies of one connection run one after the other.
func (s *Store) Apply(ctx context.Context, k mail.Key, from engine.Checkpoint, b engine.Batch[mail.Item]) (crm.Counts, error) {
	return s.applied(ctx, "mail.Apply", k, from, func(*tx) (engine.Batch[mail.Item], error) { return b, nil })
}

// applied writes the batch that take gives, in its transaction.
func (s *Store) applied(ctx context.Context, name string, k mail.Key, from engine.Checkpoint, take func(t *tx) (engine.Batch[mail.Item], error)) (crm.Counts, error) {
	var counts crm.Counts
	texts := 0
	err := s.write(ctx, name, func(t *tx) error {
		b, err := take(t)
		if err != nil {
			return err
		}
		a := newApply(t, k)
		err = a.run(ctx, from, b)
		counts, texts = a.counts, len(a.inserts)+len(a.contents)
		return err
	})
	if err != nil {
		return crm.Counts{}, err
	}
	if texts > 0 {
		s.index.ring()
		s.relieve(ctx)
	}
	return counts, nil
}

func newApply(t *tx, k mail.Key) *apply {
	return &apply{t: t, k: k, messages: map[string]*message{}, ledger: map[string]error{}, threads: map[string]string{}}
}

// apply is one Apply under way.
type apply struct {
	t        *tx
	k        mail.Key
	no       int64                            // number of the connection
	view     crm.ConnectionSettings           // what of the mailbox is shown
	overlaid bool                             // changes of ours are pending
	settled  []string                         // changes that are pending no longer
	lifted   func(m *message, p pending) bool // nil, or what else is taken from messages
	tells    crm.UserID                       // whose matter the facts are, "" when the mailbox is shared
	counts   crm.Counts

	messages map[string]*message // by gmail id
	order    []*message
	ledger   map[string]error  // item id → why it failed, nil: it is through
	threads  map[string]string // item id → thread id, of items that failed

	inserts, contents, relabelled, tombstones []*message
	wrote                                     bool

	privacy
}

// message is what a batch makes of one message.
type message struct {
	gmailID string
	was     *held      // as stored, nil when it is not
	email   *crm.Email // the content to store
	thread  string
	labels  []string // sorted
	history int64
	live    bool // not a tombstone
	pos     int64
	id      crm.EmailID
	files   bool
	touched bool

	remote  []string // as Google says; labels are these with what is pending on top
	pending []pending
}

// held is a message as stored.
type held struct {
	pos     int64
	id      crm.EmailID
	thread  string
	labels  []string
	history int64
	live    bool
	files   bool
	shown   bool
	remote  []string // nil where nothing is pending
}

func (a *apply) run(ctx context.Context, from engine.Checkpoint, b engine.Batch[mail.Item]) error {
	begun, err := a.begin(ctx, from)
	if err != nil {
		return err
	}
	if err := a.load(ctx, b.Changes); err != nil {
		return err
	}
	if err := a.followed(ctx, from, b.At); err != nil {
		return err
	}
	if err := a.readRules(ctx, b.Changes); err != nil {
		return err
	}
	for _, c := range b.Changes {
		a.take(c)
	}
	if err := a.write(ctx); err != nil {
		return err
	}
	if err := a.saveKept(ctx); err != nil {
		return err
	}
	if err := a.saveLedger(ctx); err != nil {
		return err
	}
	if b.At != from {
		a.wrote = true
		if err := a.t.saveCheckpoint(ctx, a.k, b.At, begun); err != nil {
			return err
		}
	}
	if err := a.saveRun(ctx, b.Total); err != nil {
		return err
	}
	a.tell()
	return nil
}

// write stores what has been made of messages.
func (a *apply) write(ctx context.Context) error {
	a.drop()
	if err := a.sort(ctx); err != nil {
		return err
	}
	if err := a.saveMessages(ctx); err != nil {
		return err
	}
	return a.savePending(ctx)
}

// lock lets nobody else write messages of the connection.
func (a *apply) lock(ctx context.Context) (crm.ConnectionStatus, error) {
	var status crm.ConnectionStatus
	var visibility crm.Visibility
	var settings string
	_, err := one(ctx, a.t, "lock connection", func(r scanner) (int, error) {
		return 0, r.Scan(&a.no, &status, &visibility, &a.tells, &settings, &a.shares)
	}, "SELECT c.no, c.status, c.visibility, c.user_id, c.settings, "+sharesSome+" FROM google_integrations c WHERE c.id = $1 AND c.workspace_id = $2"+a.t.s.d.forUpdate(),
		string(a.k.Connection), string(a.k.Workspace))
	if errors.Is(err, errNone) {
		return status, fault.New(fault.Stale, "The connection is gone.")
	}
	if err != nil {
		return status, err
	}
	if a.no > mostBoxes {
		return status, fault.New(fault.Internal, "This database holds %d connections, and no more fit", a.no)
	}
	if a.owner = a.tells; !a.open(visibility) {
		a.hears = a.owner
	}
	if visibility == crm.VisibilityFull {
		a.tells = ""
	}
	if err := fromJSON(settings, &a.view); err != nil {
		return status, err
	}
	// Asked after the lock is held: what its last holder has written counts.
	n, err := one(ctx, a.t, "look for pending", scanInt, "SELECT COUNT(*) FROM (SELECT 1 FROM email_changes WHERE integration_id = $1 AND pending LIMIT 1) p",
		string(a.k.Connection))
	a.overlaid = n > 0
	return status, err
}

// begin locks the connection and compares the checkpoint.
func (a *apply) begin(ctx context.Context, from engine.Checkpoint) (begun bool, err error) {
	status, err := a.lock(ctx)
	if err == nil && status == crm.StatusDisconnected {
		err = fault.New(fault.Stale, "The connection has been disconnected.")
	}
	if err != nil {
		return false, err
	}
	at, begun, err := checkpoint(ctx, a.t, a.k, "")
	if err != nil {
		return false, err
	}
	if at != from {
		return false, fault.New(fault.Stale, "Another worker has moved this stream on.")
	}
	return begun, nil
}

// load reads the stored state of the batch's messages.
func (a *apply) load(ctx context.Context, changes []engine.Change[mail.Item]) error {
	ids := make([]string, 0, len(changes))
	for _, c := range changes {
		ids = append(ids, c.ID)
	}
	if len(ids) == 0 {
		return nil
	}
	_, err := a.read(ctx, "integration_id = $1 AND "+a.t.s.d.in("gmail_id", 2), string(a.k.Connection), a.t.s.d.list(ids))
	return err
}

// read reads stored messages, those of them that have not been read before.
func (a *apply) read(ctx context.Context, where string, args ...any) (fresh []*message, err error) {
	err = each(ctx, a.t, "read stored", func(r scanner) error {
		var id, labels string
		h := &held{}
		err := r.Scan(&id, &h.pos, &h.id, &h.thread, &labels, &h.history, &h.live, &h.files, &h.shown)
		if err != nil || a.messages[id] != nil {
			return err
		}
		m := &message{gmailID: id, was: h, thread: h.thread, history: h.history, live: h.live, pos: h.pos, id: h.id, files: h.files}
		h.labels, err = readList(labels)
		m.labels, m.remote = h.labels, h.labels
		a.messages[id] = m
		fresh = append(fresh, m)
		return err
	}, `SELECT gmail_id, pos, id, gmail_thread_id, labels, history_id, deleted_at IS NULL, has_attachments, shown
		FROM synced_emails WHERE `+where, args...)
	if err != nil {
		return nil, err
	}
	return fresh, a.readPending(ctx, fresh)
}

// take adds one change to what shall be stored.
func (a *apply) take(c engine.Change[mail.Item]) {
	a.counts.Seen++
	if c.Err != nil {
		a.counts.Failed++
		a.ledger[c.ID] = c.Err
		if c.Value != nil {
			a.threads[c.ID] = c.Value.ThreadID
		}
		return
	}
	if c.Value != nil && c.Value.Skip {
		a.counts.Skipped++
		return
	}
	a.ledger[c.ID] = nil
	rev, known := revision(c)
	m := a.messages[c.ID]
	whole := c.Value != nil && c.Value.Email != nil
	if whole && a.keepsOut(c.Value.Email, c.ID, m) {
		a.counts.Skipped++
		return
	}
	switch {
	case m == nil && !whole, m != nil && known && rev < m.history, m != nil && !m.live && !whole:
		a.counts.Skipped++
		return
	case m == nil:
		m = &message{gmailID: c.ID}
		a.messages[c.ID] = m
	}
	if known {
		m.history = max(m.history, rev)
	}
	a.touch(m)
	switch {
	case c.Value == nil:
		m.live = false
	case whole:
		m.email, m.live = c.Value.Email, true
		m.thread, m.files = c.Value.Email.ThreadID, c.Value.Email.HasAttachments
		m.say(c.Value.Email.Labels)
	default:
		m.say(c.Value.Labels)
	}
}

// touch remembers the order in which messages came.
func (a *apply) touch(m *message) {
	if !m.touched {
		m.touched = true
		a.order = append(a.order, m)
	}
}

// revision is the history id up to which a change is known.
func revision(c engine.Change[mail.Item]) (rev int64, known bool) {
	n, err := strconv.ParseUint(c.Rev, 10, 63)
	if err != nil && c.Value != nil && c.Value.Email != nil && c.Value.Email.HistoryID != 0 {
		return int64(c.Value.Email.HistoryID), true
	}
	return int64(n), err == nil
}

// labelSet is labels in the form they are stored in: sorted, each once.
func labelSet(labels []string) []string {
	set := cleanAll(labels)
	slices.Sort(set)
	return slices.Compact(set)
}

// sort decides what has to be written for each message.
func (a *apply) sort(ctx context.Context) error {
	var again []*message // stored, and came whole
	for _, m := range a.order {
		switch {
		case m.was == nil && m.live:
			a.inserts = append(a.inserts, m)
			a.counts.Added++
		case m.was == nil: // came and went within the batch
		case !m.live && m.was.live:
			a.tombstones = append(a.tombstones, m)
			a.counts.Deleted++
		case !m.live:
			a.historyOnly(m)
		case !m.was.live:
			a.contents = append(a.contents, m)
			a.counts.Added++
		case m.email != nil:
			again = append(again, m)
		case !slices.Equal(m.labels, m.was.labels):
			a.relabelled = append(a.relabelled, m)
			a.counts.Updated++
		case a.shows(m) != m.was.shown:
			a.relabelled = append(a.relabelled, m)
		default:
			a.historyOnly(m)
		}
	}
	return a.sortAgain(ctx, again)
}

// historyOnly: nothing to see has changed, but what is known has moved on.
func (a *apply) historyOnly(m *message) {
	if m.history > m.was.history {
		a.relabelled = append(a.relabelled, m)
	}
}

// sortAgain compares messages that came whole though they are stored.
func (a *apply) sortAgain(ctx context.Context, again []*message) error {
	if len(again) == 0 {
		return nil
	}
	at := make([]int64, len(again))
	for i, m := range again {
		at[i] = m.was.pos
	}
	stored, err := a.t.s.whole(ctx, a.t, a.t.s.d.in("e.pos", 1), a.t.s.d.list(at))
	if err != nil {
		return err
	}
	byID := make(map[string]crm.Email, len(stored))
	for _, e := range stored {
		byID[e.GmailID] = e
	}
	for _, m := range again {
		switch {
		case !sameContent(byID[m.gmailID], *m.email):
			a.contents = append(a.contents, m)
			a.counts.Updated++
		case !slices.Equal(m.labels, m.was.labels):
			a.relabelled = append(a.relabelled, m)
			a.counts.Updated++
		default:
			a.historyOnly(m)
		}
	}
	return nil
}

// sameContent compares everything but labels, identifiers of ours and the raw answer.
func sameContent(a, b crm.Email) bool {
	return jsonText(contentOf(a)) == jsonText(contentOf(b))
}

func contentOf(e crm.Email) crm.Email {
	c := crm.Email{
		GmailID: e.GmailID, ThreadID: clean(e.ThreadID), RFC822MessageID: clean(e.RFC822MessageID), InReplyTo: clean(e.InReplyTo),
		Subject: clean(e.Subject), Snippet: clean(e.Snippet), BodyText: clean(e.BodyText), BodyHTML: clean(e.BodyHTML),
		From: crm.Address{Name: clean(e.From.Name), Email: clean(e.From.Email)},
		Date: clock(stamp(e.Date)), Size: e.Size, Bulk: e.Bulk, HasAttachments: e.HasAttachments,
		References: cleanAll(e.References), To: addresses(e.To), Cc: addresses(e.Cc), Bcc: addresses(e.Bcc), ReplyTo: addresses(e.ReplyTo),
		Attachments: make([]crm.Attachment, len(e.Attachments)),
	}
	for i, f := range e.Attachments {
		f.ID, f.PartID, f.Name, f.Type, f.ContentID = "", clean(f.PartID), clean(f.Name), clean(f.Type), clean(f.ContentID)
		c.Attachments[i] = f
	}
	slices.SortFunc(c.Attachments, func(x, y crm.Attachment) int { return comparePart(x.PartID, y.PartID) })
	return c
}

// comparePart sorts "2" before "10".
func comparePart(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
