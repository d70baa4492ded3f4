package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/link"
	"rapport/internal/records/linking"
	"rapport/internal/work"
)

var _ linking.Store = (*Store)(nil)

// What is to be linked is noted by conversation in link_queue. Everything that
// writes links of a workspace holds its row of link_states, so that links, and
// people made from mail, are made one after the other.

// lockLinking is held until the transaction ends, by one of a workspace at a time.
func (t *tx) lockLinking(ctx context.Context, w crm.WorkspaceID) (linkState, error) {
	if _, err := t.exec(ctx, "make linking state", "INSERT INTO link_states (workspace_id) VALUES ($1) ON CONFLICT DO NOTHING", string(w)); err != nil {
		return linkState{}, err
	}
	return one(ctx, t, "lock linking", scanLinkState, "SELECT "+linkStateColumns+" FROM link_states WHERE workspace_id = $1"+t.s.d.forUpdate(), string(w))
}

const linkStateColumns = "walking, mailbox, below, seen, total, found, begun_at, audited_at, missing"

// linkState is a row of link_states.
type linkState struct {
	walking                                                         bool
	mailbox, below, seen, total, found, begunAt, auditedAt, missing int64
}

func scanLinkState(r scanner) (v linkState, err error) {
	err = r.Scan(&v.walking, &v.mailbox, &v.below, &v.seen, &v.total, &v.found, &v.begunAt, &v.auditedAt, &v.missing)
	return v, err
}

// NoteMail notes the conversations of messages.
func (s *Store) NoteMail(ctx context.Context, w crm.WorkspaceID, ids []crm.EmailID) (int, error) {
	if len(ids) == 0 {
		return 0, nil
	}
	var n int64
	err := s.write(ctx, "linking.NoteMail", func(t *tx) (err error) {
		n, err = t.noteThreads(ctx, w, s.d.in("e.id", 2), s.d.list(cleaned(ids)), false)
		return err
	})
	return int(n), err
}

// noteThreads notes the conversations of messages e, chosen by a condition on $2.
func (t *tx) noteThreads(ctx context.Context, w crm.WorkspaceID, where string, list any, audit bool) (int64, error) {
	return t.exec(ctx, "note conversations", fmt.Sprintf(`INSERT INTO link_queue (workspace_id, mailbox, thread, turn, audit)
		SELECT DISTINCT e.workspace_id, e.pos >> %d, e.gmail_thread_id, 1, %v FROM synced_emails e WHERE e.workspace_id = $1 AND %s
		ON CONFLICT (workspace_id, mailbox, thread) DO UPDATE SET turn = link_queue.turn + 1, audit = link_queue.audit AND excluded.audit`, timeBits, audit, where), string(w), list)
}

// noteGone notes the conversations of messages that are about to be deleted, and the
// records whose newest activity they are.
func (t *tx) noteGone(ctx context.Context, pos []int64) error {
	list := t.s.d.list(pos)
	_, err := t.exec(ctx, "note records", `INSERT INTO link_records (workspace_id, record_no, phase, address_no, pos)
		SELECT DISTINCT r.workspace_id, r.no, 0, 0, 0 FROM record_links l JOIN synced_emails e ON e.pos = l.pos JOIN records r ON r.no = l.record_no AND r.last_at <= e.gmail_date
		WHERE `+t.s.d.in("l.pos", 1)+" ON CONFLICT (workspace_id, record_no) DO UPDATE SET phase = 0, address_no = 0, pos = 0", list)
	if err != nil {
		return err
	}
	n, err := t.exec(ctx, "note conversations", fmt.Sprintf(`INSERT INTO link_queue (workspace_id, mailbox, thread, turn, audit)
		SELECT DISTINCT e.workspace_id, e.pos >> %d, e.gmail_thread_id, 1, FALSE FROM synced_emails e
		WHERE %s AND EXISTS (SELECT 1 FROM record_links l WHERE l.pos = e.pos)
		ON CONFLICT (workspace_id, mailbox, thread) DO UPDATE SET turn = link_queue.turn + 1, audit = FALSE`, timeBits, t.s.d.in("e.pos", 1)), list)
	if err != nil || n == 0 {
		return err
	}
	workspaces, err := all(ctx, t, "find workspaces", scanText, "SELECT DISTINCT e.workspace_id FROM synced_emails e WHERE "+t.s.d.in("e.pos", 1), list)
	if err != nil {
		return err
	}
	jobs := make([]work.Job, len(workspaces))
	for i, w := range workspaces {
		jobs[i] = linking.Job(crm.WorkspaceID(w), clock(t.now))
	}
	return t.enqueue(ctx, jobs)
}

// NoteRecords notes records, from the beginning of their past.
func (s *Store) NoteRecords(ctx context.Context, w crm.WorkspaceID, ids []crm.RecordID) error {
	if len(ids) == 0 {
		return nil
	}
	return s.write(ctx, "linking.NoteRecords", func(t *tx) error {
		_, err := t.exec(ctx, "note records", `INSERT INTO link_records (workspace_id, record_no, phase, address_no, pos)
			SELECT r.workspace_id, r.no, 0, 0, 0 FROM records r WHERE r.workspace_id = $1 AND `+s.d.in("r.id", 2)+`
			ON CONFLICT (workspace_id, record_no) DO UPDATE SET phase = 0, address_no = 0, pos = 0`, string(w), s.d.list(cleaned(ids)))
		return err
	})
}

// pastOf is how far a record's past has been gone through.
type pastOf struct{ record, phase, address, pos int64 }

// WalkRecords notes conversations of the next noted record.
func (s *Store) WalkRecords(ctx context.Context, w crm.WorkspaceID, n int) (more bool, err error) {
	waiting, err := one(ctx, s.reading("linking.WalkRecords"), "look", scanInt, "SELECT COUNT(*) FROM (SELECT 1 FROM link_records WHERE workspace_id = $1 LIMIT 1) x", string(w))
	if err != nil || waiting == 0 {
		return false, err
	}
	err = s.write(ctx, "linking.WalkRecords", func(t *tx) error {
		if _, err := t.lockLinking(ctx, w); err != nil {
			return err
		}
		p, err := one(ctx, t, "read noted record", func(r scanner) (p pastOf, err error) {
			err = r.Scan(&p.record, &p.phase, &p.address, &p.pos)
			return p, err
		}, "SELECT record_no, phase, address_no, pos FROM link_records WHERE workspace_id = $1 ORDER BY record_no LIMIT 1"+s.d.forUpdate(), string(w))
		if errors.Is(err, errNone) {
			more = false
			return nil
		}
		if err != nil {
			return err
		}
		more = true
		return t.walkPast(ctx, w, p, n)
	})
	return more, err
}

// walkPast notes the next conversations of a record, and how far that is.
func (t *tx) walkPast(ctx context.Context, w crm.WorkspaceID, p pastOf, n int) error {
	read := t.linkedOf
	if p.phase > 0 {
		read = t.writtenBy
	}
	pos, last, err := read(ctx, w, p, n)
	if err != nil {
		return err
	}
	if len(pos) > 0 {
		if _, err := t.noteThreads(ctx, w, t.s.d.in("e.pos", 2), t.s.d.list(pos), false); err != nil {
			return err
		}
	}
	switch {
	case len(pos) == n:
		_, err = t.exec(ctx, "note past", "UPDATE link_records SET address_no = $3, pos = $4 WHERE workspace_id = $1 AND record_no = $2", string(w), p.record, last.address, last.pos)
	case p.phase == 0:
		_, err = t.exec(ctx, "note past", "UPDATE link_records SET phase = 1, address_no = 0, pos = 0 WHERE workspace_id = $1 AND record_no = $2", string(w), p.record)
	default:
		if err := t.noteActivity(ctx, nil, map[int64]bool{p.record: true}); err != nil {
			return err
		}
		_, err = t.exec(ctx, "end past", "DELETE FROM link_records WHERE workspace_id = $1 AND record_no = $2", string(w), p.record)
	}
	return err
}

// linkedOf gives the next messages that a record is linked to.
func (t *tx) linkedOf(ctx context.Context, _ crm.WorkspaceID, p pastOf, n int) (pos []int64, last pastOf, err error) {
	pos, err = all(ctx, t, "read links", scanInt, "SELECT l.pos FROM record_links l WHERE l.record_no = $1 AND l.pos > $2 ORDER BY l.pos LIMIT $3", p.record, p.pos, int64(n))
	if len(pos) > 0 {
		last.pos = pos[len(pos)-1]
	}
	return pos, last, err
}

// writtenBy gives the next messages that a record may be linked to by its addresses
// and domains, or by those of its people.
func (t *tx) writtenBy(ctx context.Context, w crm.WorkspaceID, p pastOf, n int) (pos []int64, last pastOf, err error) {
	domains, err := all(ctx, t, "read domains", scanText, "SELECT domain FROM record_domains WHERE record_no = $1", p.record)
	if err != nil {
		return nil, last, err
	}
	for i, d := range domains {
		if above := link.Registrable(d); above != "" {
			domains[i] = above
		}
	}
	err = each(ctx, t, "read what they wrote", func(r scanner) error {
		err := r.Scan(&last.address, &last.pos)
		pos = append(pos, last.pos)
		return err
	}, fmt.Sprintf(`SELECT p.address_no, p.pos FROM (
			SELECT a.no FROM record_emails x JOIN mail_addresses a ON a.key = x.key WHERE x.record_no IN (
				SELECT $1 UNION SELECT c.no FROM records c WHERE c.company_no = $1 UNION SELECT d.person_no FROM deal_people d WHERE d.deal_no = $1)
			UNION SELECT a.no FROM mail_addresses a WHERE %s
		) a JOIN mail_participants p ON p.address_no = a.no JOIN google_integrations c ON c.no = (p.pos >> %d)
		WHERE c.workspace_id = $2 AND (p.address_no, p.pos) > ($4, $5) ORDER BY p.address_no, p.pos LIMIT $6`, t.s.d.in("a.domain", 3), timeBits),
		p.record, string(w), t.s.d.list(append([]string{}, domains...)), p.address, p.pos, int64(n))
	return pos, last, err
}

// BeginLinkWalk begins a walk through all mail of a workspace.
func (s *Store) BeginLinkWalk(ctx context.Context, w crm.WorkspaceID, since time.Time) error {
	return s.write(ctx, "linking.BeginLinkWalk", func(t *tx) error {
		at, err := t.lockLinking(ctx, w)
		if err != nil || at.walking || !since.IsZero() && at.auditedAt >= stamp(since) {
			return err
		}
		_, err = t.exec(ctx, "begin walk", `UPDATE link_states SET walking = TRUE, mailbox = 0, below = 0, seen = 0, found = 0, begun_at = $2, total = COALESCE((
				SELECT CAST(SUM(n.total) AS BIGINT) FROM mailbox_counts n JOIN google_integrations c ON c.no = n.mailbox WHERE c.workspace_id = $1 AND n.label = ''), 0)
			WHERE workspace_id = $1`, string(w), t.now)
		return err
	})
}

// LinkWalk notes conversations of the next messages of a walk.
func (s *Store) LinkWalk(ctx context.Context, w crm.WorkspaceID, n int) (more bool, err error) {
	walking, err := one(ctx, s.reading("linking.LinkWalk"), "look", scanInt, "SELECT COUNT(*) FROM link_states WHERE workspace_id = $1 AND walking", string(w))
	if err != nil || walking == 0 {
		return false, err
	}
	err = s.write(ctx, "linking.LinkWalk", func(t *tx) error {
		at, err := t.lockLinking(ctx, w)
		if more = at.walking; err != nil || !more {
			return err
		}
		return t.walk(ctx, w, at, n)
	})
	return more, err
}

func (t *tx) walk(ctx context.Context, w crm.WorkspaceID, at linkState, n int) error {
	var pos []int64
	var err error
	if at.mailbox > 0 {
		pos, err = all(ctx, t, "read emails", scanInt, "SELECT e.pos FROM synced_emails e WHERE e.pos >= $1 AND e.pos < $2 ORDER BY e.pos DESC LIMIT $3", lowest(at.mailbox), at.below, int64(n))
		if err != nil {
			return err
		}
	}
	if len(pos) > 0 {
		if _, err := t.noteThreads(ctx, w, t.s.d.in("e.pos", 2), t.s.d.list(pos), true); err != nil {
			return err
		}
		_, err = t.exec(ctx, "note walk", "UPDATE link_states SET below = $2, seen = seen + $3 WHERE workspace_id = $1", string(w), pos[len(pos)-1], int64(len(pos)))
		return err
	}
	next, err := one(ctx, t, "find next mailbox", scanInt, "SELECT COALESCE(MIN(no), 0) FROM google_integrations WHERE workspace_id = $1 AND no > $2", string(w), at.mailbox)
	if err != nil {
		return err
	}
	if next > 0 {
		_, err = t.exec(ctx, "note walk", "UPDATE link_states SET mailbox = $2, below = $3 WHERE workspace_id = $1", string(w), next, highest(next)+1)
		return err
	}
	left, err := one(ctx, t, "look for what it noted", scanInt, "SELECT COUNT(*) FROM (SELECT 1 FROM link_queue WHERE workspace_id = $1 AND audit LIMIT 1) x", string(w))
	if err != nil || left > 0 {
		return err
	}
	_, err = t.exec(ctx, "end walk", "UPDATE link_states SET walking = FALSE, audited_at = $2, missing = found WHERE workspace_id = $1", string(w), t.now)
	return err
}

// Workspaces lists workspaces by id.
func (s *Store) Workspaces(ctx context.Context, after crm.WorkspaceID, limit int) ([]crm.WorkspaceID, error) {
	return all(ctx, s.reading("linking.Workspaces"), "list", func(r scanner) (id crm.WorkspaceID, err error) { return id, r.Scan(&id) },
		"SELECT id FROM workspaces WHERE id > $1 ORDER BY id LIMIT $2", string(after), int64(limit))
}

// TidyLinks drops addresses that no mail has any more.
func (s *Store) TidyLinks(ctx context.Context, after int64, n int) (next int64, err error) {
	list, err := all(ctx, s.reading("linking.TidyLinks"), "list", scanInt, "SELECT no FROM mail_addresses WHERE no > $1 ORDER BY no LIMIT $2", after, int64(n))
	if err != nil || len(list) == 0 {
		return 0, err
	}
	alone, err := all(ctx, s.reading("linking.TidyLinks"), "find", scanInt, "SELECT a.no FROM mail_addresses a WHERE "+s.d.in("a.no", 1)+
		" AND NOT EXISTS (SELECT 1 FROM mail_participants p WHERE p.address_no = a.no)", s.d.list(list))
	if err != nil || len(alone) == 0 {
		return list[len(list)-1], err
	}
	err = s.write(ctx, "linking.TidyLinks", func(t *tx) error {
		_, err := t.exec(ctx, "drop addresses", "DELETE FROM mail_addresses WHERE "+s.d.in("no", 1)+
			" AND NOT EXISTS (SELECT 1 FROM mail_participants p WHERE p.address_no = mail_addresses.no)", s.d.list(alone))
		return err
	})
	if fault.Is(err, fault.Conflict) { // somebody wrote from one just now
		err = nil
	}
	return list[len(list)-1], err
}
