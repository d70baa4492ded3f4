package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"rapport/internal/crm"
	"rapport/internal/enrich"
	"rapport/internal/link"
)

var _ enrich.Rows = (*Store)(nil)

// Mail that nobody signs for others: it is not looked at. Messages with protected
// addresses are their owner's alone, and so is what stands in them.
const unsigned = "e.bulk OR e.protected OR NOT e.shown OR e.deleted_at IS NOT NULL"

// sent: the owner of the mailbox wrote it.
const sentByOwner = `e.labels LIKE '%"SENT"%'`

// unread: the owner of the mailbox of participant p does not let its mail be read.
var unread = fmt.Sprintf(`EXISTS (SELECT 1 FROM google_integrations o WHERE o.no = (p.pos >> %d) AND o.settings LIKE '%%"enrich":"off"%%')`, timeBits)

// AwaitMail lets messages wait to be considered.
func (s *Store) AwaitMail(ctx context.Context, c crm.ConnectionID, ids []crm.EmailID) error {
	return s.write(ctx, "enrich.AwaitMail", func(t *tx) error {
		_, err := t.exec(ctx, "insert", "INSERT INTO enrich_queue (pos) SELECT e.pos FROM synced_emails e WHERE "+s.d.in("e.id", 1)+
			" AND e.integration_id = $2 AND NOT ("+unsigned+") "+waitsAgain, s.d.list(ids), string(c))
		return err
	})
}

// mailPiece is how much of somebody's older mail is looked at when they become a
// record, and how many messages one piece of a walk looks at.
const (
	olderMail = 300
	walkPiece = 2000
)

// AskAbout notes that there may be news of people in the mail: those of records, and
// those of deals.
func (s *Store) AskAbout(ctx context.Context, w crm.WorkspaceID, ids []crm.RecordID) error {
	return s.write(ctx, "enrich.AskAbout", func(t *tx) error {
		people, err := all(ctx, t, "find people", scanInt, "SELECT r.no FROM records r WHERE "+s.d.in("r.id", 2)+` AND r.workspace_id = $1 AND r.type = 'person' AND r.deleted_at IS NULL
			UNION SELECT p.person_no FROM records r JOIN deal_people p ON p.deal_no = r.no WHERE `+s.d.in("r.id", 2)+" AND r.workspace_id = $1", string(w), s.d.list(ids))
		if err != nil {
			return err
		}
		return t.askAbout(ctx, w, people)
	})
}

// AwaitMailOf lets mail of people wait that has not been considered for them yet.
func (s *Store) AwaitMailOf(ctx context.Context, w crm.WorkspaceID, people []int64) ([]crm.ConnectionID, error) {
	from := s.reading("enrich.AwaitMailOf")
	var pos []int64
	var woken []crm.ConnectionID
	for _, no := range people {
		mail, err := s.mailFrom(ctx, from, w, no, olderMail, " AND NOT EXISTS (SELECT 1 FROM enriched_emails x WHERE x.pos = e.pos AND x.record_no = $2)")
		if err != nil {
			return nil, err
		}
		for _, m := range mail {
			if pos = append(pos, m.Pos); !slices.Contains(woken, m.Connection) {
				woken = append(woken, m.Connection)
			}
		}
	}
	if len(pos) == 0 {
		return nil, nil
	}
	return woken, s.write(ctx, "enrich.AwaitMailOf", func(t *tx) error { return t.await(ctx, pos) })
}

// await lets messages wait by their positions.
func (t *tx) await(ctx context.Context, pos []int64) error {
	slices.Sort(pos)
	pos = slices.Compact(pos)
	return t.insert(ctx, "insert waiting", "enrich_queue", len(pos), waitsAgain, column{"pos", pos})
}

// waitsAgain: whoever is considering it does not take it out.
const waitsAgain = "ON CONFLICT (pos) DO UPDATE SET turn = enrich_queue.turn + 1"

// askAbout notes that there may be news of people in the mail.
func (t *tx) askAbout(ctx context.Context, w crm.WorkspaceID, people []int64) error {
	people = slices.Clone(people)
	slices.Sort(people)
	people = slices.Compact(people)
	n := len(people)
	return t.insert(ctx, "ask about people", "enrich_people", n, "ON CONFLICT (workspace_id, record_no) DO UPDATE SET turn = enrich_people.turn + 1",
		column{"workspace_id", times(n, string(w))}, column{"record_no", people}, column{"turn", times(n, int64(1))})
}

// mailByAddress is messages e by the addresses a that take part in them.
const mailByAddress = "mail_addresses a JOIN mail_participants p ON p.address_no = a.no JOIN synced_emails e ON e.pos = p.pos"

const candidateColumns = "e.pos, e.id, e.integration_id, e.subject, e.from_email, e.from_name, e.to_emails, e.cc, e.gmail_date, e.bulk, " + sentByOwner + ", " + unsigned

const notWaiting = ", 0" // its turn

// candidate is a message to consider, before the records are known.
type enrichCandidate struct {
	enrich.Candidate
	recipients []crm.Address
	unsigned   bool
}

func scanCandidate(r scanner) (enrichCandidate, error) {
	var c enrichCandidate
	var to, cc string
	var date int64
	m := &c.Message
	if err := r.Scan(&c.Pos, &c.EmailID, &c.Connection, &m.Subject, &c.From.Email, &c.From.Name, &to, &cc, &date, &m.Bulk, &c.Sent, &c.unsigned, &c.Turn); err != nil {
		return c, err
	}
	m.FromName, m.FromEmail, m.Date = c.From.Name, c.From.Email, clock(date)
	for _, list := range []string{to, cc} {
		more, err := readAddresses(list)
		if err != nil {
			return c, err
		}
		c.recipients = append(c.recipients, more...)
	}
	return c, nil
}

// mailFrom gives the newest messages that came from a person ($2), without texts.
func (s *Store) mailFrom(ctx context.Context, from source, w crm.WorkspaceID, person int64, n int, more string) ([]enrichCandidate, error) {
	keys, err := all(ctx, from, "read addresses", scanText, "SELECT key FROM record_emails WHERE record_no = $1", person)
	if err != nil || len(keys) == 0 {
		return nil, err
	}
	list, err := all(ctx, from, "read mail of a person", scanCandidate, "SELECT "+candidateColumns+notWaiting+" FROM "+mailByAddress+" WHERE e.workspace_id = $1 AND "+
		s.d.in("a.key", 3)+" AND NOT ("+unsigned+") AND NOT ("+sentByOwner+") AND NOT "+unread+" AND CAST($2 AS BIGINT) > 0"+more+fmt.Sprintf(" ORDER BY p.pos DESC LIMIT %d", n), string(w), person, s.d.list(keys))
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list, func(c enrichCandidate) bool { return !slices.Contains(keys, link.Key(c.From.Email)) }), nil
}

// ForgetWaiting lets nothing of a connection wait any more.
func (s *Store) ForgetWaiting(ctx context.Context, c crm.ConnectionID) error {
	return s.write(ctx, "enrich.ForgetWaiting", func(t *tx) error {
		no, err := s.numberOf(ctx, c)
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, "delete waiting", "DELETE FROM enrich_queue WHERE pos BETWEEN $1 AND $2", lowest(no), highest(no)); err != nil {
			return err
		}
		_, err = t.exec(ctx, "delete walk", "DELETE FROM enrich_walks WHERE mailbox = $1", no)
		return err
	})
}

// BeginEnriching begins to let all mail of a connection wait that the engine has not
// considered yet.
func (s *Store) BeginEnriching(ctx context.Context, c crm.ConnectionID, engine string) (total int64, err error) {
	no, err := s.numberOf(ctx, c)
	if err != nil {
		return 0, err
	}
	total, err = one(ctx, s.reading("enrich.BeginEnriching"), "count", scanInt, "SELECT COUNT(*) FROM synced_emails e WHERE e.pos BETWEEN $1 AND $2 AND NOT ("+unsigned+") AND NOT ("+sentByOwner+")", lowest(no), highest(no))
	if err != nil {
		return 0, err
	}
	return total, s.write(ctx, "enrich.BeginEnriching", func(t *tx) error {
		_, err := t.exec(ctx, "insert", `INSERT INTO enrich_walks (mailbox, engine, below) VALUES ($1, $2, $3)
			ON CONFLICT (mailbox) DO UPDATE SET engine = excluded.engine, below = excluded.below`, no, engine, highest(no)+1)
		return err
	})
}

// GoOnEnriching goes on with the walk through a connection's mail by a piece. What is nobody's
// is counted as looked at, in the run going on.
func (s *Store) GoOnEnriching(ctx context.Context, c crm.ConnectionID) (more bool, err error) {
	no, err := s.numberOf(ctx, c)
	if err != nil {
		return false, err
	}
	err = s.write(ctx, "enrich.GoOnEnriching", func(t *tx) error {
		var engine, workspace string
		below, err := one(ctx, t, "read walk", func(r scanner) (b int64, err error) { return b, r.Scan(&b, &engine, &workspace) },
			"SELECT w.below, w.engine, c.workspace_id FROM enrich_walks w JOIN google_integrations c ON c.no = w.mailbox WHERE w.mailbox = $1", no)
		if errors.Is(err, errNone) {
			more = false
			return nil
		}
		if err != nil {
			return err
		}
		list, err := all(ctx, t, "read mail", scanCandidate, "SELECT "+candidateColumns+notWaiting+" FROM synced_emails e WHERE e.pos >= $1 AND e.pos < $2 AND NOT ("+unsigned+") AND NOT ("+sentByOwner+
			") ORDER BY e.pos DESC LIMIT $3", lowest(no), below, int64(walkPiece))
		if err != nil {
			return err
		}
		if more = len(list) == walkPiece; !more {
			_, err = t.exec(ctx, "end walk", "DELETE FROM enrich_walks WHERE mailbox = $1", no)
		} else {
			_, err = t.exec(ctx, "move walk", "UPDATE enrich_walks SET below = $2 WHERE mailbox = $1", no, list[len(list)-1].Pos)
		}
		if err != nil {
			return err
		}
		return s.walked(ctx, t, c, crm.WorkspaceID(workspace), engine, list)
	})
	return more, err
}

// walked lets those of a piece wait that are of somebody's and have not been
// considered by the engine.
func (s *Store) walked(ctx context.Context, t *tx, c crm.ConnectionID, w crm.WorkspaceID, engine string, list []enrichCandidate) error {
	if err := s.findPeople(ctx, t, w, list); err != nil {
		return err
	}
	var pos []int64
	for _, m := range list {
		if len(m.People) > 0 {
			pos = append(pos, m.Pos)
		}
	}
	done := map[int64]map[int64]bool{}
	err := each(ctx, t, "read what was considered", func(r scanner) error {
		var p, record int64
		err := r.Scan(&p, &record)
		if done[p] == nil {
			done[p] = map[int64]bool{}
		}
		done[p][record] = true
		return err
	}, "SELECT pos, record_no FROM enriched_emails WHERE "+s.d.in("pos", 1)+" AND engine = $2", s.d.list(pos), engine)
	if err != nil {
		return err
	}
	pos = pos[:0]
	for _, m := range list {
		if slices.ContainsFunc(m.People, func(no int64) bool { return !done[m.Pos][no] }) {
			pos = append(pos, m.Pos)
		}
	}
	if err := t.await(ctx, pos); err != nil {
		return err
	}
	run, err := t.goingOn(ctx, c, crm.StreamEnrich)
	if errors.Is(err, errNone) || len(list) == len(pos) {
		return nil
	}
	if err != nil {
		return err
	}
	return t.countEnriched(ctx, run.ID, crm.Counts{Seen: int64(len(list) - len(pos)), Skipped: int64(len(list) - len(pos))})
}

// countEnriched adds to the numbers of a run that goes on.
func (t *tx) countEnriched(ctx context.Context, id crm.RunID, n crm.Counts) error {
	run, err := one(ctx, t, "count", scanRun, `UPDATE sync_runs SET seen = seen + $2, updated = updated + $3, failed = failed + $4, skipped = skipped + $5
		WHERE id = $1 AND finished_at IS NULL RETURNING `+runColumns, string(id), n.Seen, n.Updated, n.Failed, n.Skipped)
	if errors.Is(err, errNone) {
		return nil
	}
	if err != nil {
		return err
	}
	return t.progress(ctx, run)
}

// WaitingMail gives messages that wait, the oldest first, with their texts.
func (s *Store) WaitingMail(ctx context.Context, c crm.ConnectionID, n int) ([]enrich.Candidate, error) {
	no, err := s.numberOf(ctx, c)
	if err != nil {
		return nil, err
	}
	from := s.reading("enrich.WaitingMail")
	list, err := all(ctx, from, "read", scanCandidate, "SELECT "+candidateColumns+", q.turn FROM enrich_queue q JOIN synced_emails e ON e.pos = q.pos WHERE q.pos BETWEEN $1 AND $2 ORDER BY q.pos LIMIT $3",
		lowest(no), highest(no), int64(n))
	if err != nil || len(list) == 0 {
		return nil, err
	}
	w, err := one(ctx, from, "read workspace", scanText, "SELECT workspace_id FROM google_integrations WHERE id = $1", string(c))
	if err != nil {
		return nil, err
	}
	return s.complete(ctx, from, crm.WorkspaceID(w), list)
}

// MailOf gives the newest messages that a record's people have sent.
func (s *Store) MailOf(ctx context.Context, w crm.WorkspaceID, id crm.RecordID, n int) ([]enrich.Candidate, error) {
	from := s.reading("enrich.MailOf")
	no, err := recordNo(ctx, from, w, id)
	if _, err = found(no, err, noRecord); err != nil {
		return nil, err
	}
	const mostPeople = 50
	people, err := all(ctx, from, "find people", scanInt, `SELECT no FROM records WHERE no = $1 AND type = 'person'
		UNION SELECT no FROM records WHERE company_no = $1 AND type = 'person' AND deleted_at IS NULL
		UNION SELECT p.person_no FROM deal_people p WHERE p.deal_no = $1 ORDER BY 1 LIMIT $2`, no, int64(mostPeople))
	if err != nil {
		return nil, err
	}
	var list []enrichCandidate
	for _, p := range people {
		mail, err := s.mailFrom(ctx, from, w, p, n, "")
		if err != nil {
			return nil, err
		}
		for _, m := range mail {
			if !slices.ContainsFunc(list, func(have enrichCandidate) bool { return have.Pos == m.Pos }) {
				list = append(list, m)
			}
		}
	}
	slices.SortFunc(list, func(a, b enrichCandidate) int { return b.Message.Date.Compare(a.Message.Date) })
	list = list[:min(len(list), n)]
	return s.complete(ctx, from, w, list)
}

// complete adds records, texts and regions to candidates; what is not to be looked at
// has no records.
func (s *Store) complete(ctx context.Context, from source, w crm.WorkspaceID, list []enrichCandidate) ([]enrich.Candidate, error) {
	if err := s.findPeople(ctx, from, w, list); err != nil {
		return nil, err
	}
	region, err := one(ctx, from, "read region", scanText, "SELECT region FROM record_settings WHERE workspace_id = $1", string(w))
	if err != nil && !errors.Is(err, errNone) {
		return nil, err
	}
	var pos []int64
	for _, m := range list {
		if len(m.People) > 0 && !m.Sent {
			pos = append(pos, m.Pos)
		}
	}
	texts := make(map[int64]string, len(pos))
	err = each(ctx, from, "read texts", func(r scanner) error {
		var p int64
		var text string
		err := r.Scan(&p, &text)
		texts[p] = text
		return err
	}, "SELECT pos, body_text FROM email_bodies WHERE "+s.d.in("pos", 1), s.d.list(pos))
	out := make([]enrich.Candidate, len(list))
	for i, m := range list {
		m.Message.Text, m.Message.Region = texts[m.Pos], region
		out[i] = m.Candidate
	}
	return out, err
}

// findPeople finds the records of senders, and of the recipients of what was sent.
func (s *Store) findPeople(ctx context.Context, from source, w crm.WorkspaceID, list []enrichCandidate) error {
	var keys []string
	addresses := func(m *enrichCandidate) []string {
		if m.unsigned {
			return nil
		}
		if !m.Sent {
			return []string{link.Key(m.From.Email)}
		}
		var out []string
		for _, a := range m.recipients {
			out = append(out, link.Key(a.Email))
		}
		return out
	}
	for i := range list {
		keys = append(keys, addresses(&list[i])...)
	}
	keys = slices.DeleteFunc(keys, func(k string) bool { return k == "" })
	slices.Sort(keys)
	known, err := s.recordsBy(ctx, from, w, recordKeys{Emails: slices.Compact(keys)})
	if err != nil {
		return err
	}
	by := map[string][]int64{}
	for _, k := range known {
		if k.Type == crm.Person {
			by[k.Key] = append(by[k.Key], k.No)
		}
	}
	for i := range list {
		m := &list[i]
		for _, k := range addresses(m) {
			for _, no := range by[k] {
				if !slices.Contains(m.People, no) {
					m.People = append(m.People, no)
				}
			}
		}
	}
	return nil
}
