package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/records/linking"
)

// seenLink is the condition that somebody who sees message e may be told of its link
// l: they see the message s it comes from, wholly where it stands in what is not shown
// to others. on is the rule for s.
func seenLink(on sight) string {
	return "((" + on.level + ") = 'full' OR NOT l.deep AND (" + on.level + ") <> '')"
}

// ofSource joins the message that a link comes from; one in the same mailbox.
const ofSource = " JOIN synced_emails s ON s.pos = l.source"

// placed is a link of a message.
type placed struct {
	pos, source int64
	deep        bool
	via         int64
	crm.MailLink
}

// linksOf reads the links of messages that the caller sees, by record name.
func (s *Store) linksOf(ctx context.Context, from source, c access.Caller, pos []int64) (map[int64][]crm.MailLink, error) {
	list, err := s.placedLinks(ctx, from, c, pos)
	if err != nil {
		return nil, err
	}
	return s.seenLinks(ctx, from, c, list, nil)
}

// placedLinks reads the links of messages, whoever may be told of them.
func (s *Store) placedLinks(ctx context.Context, from source, c access.Caller, pos []int64) ([]placed, error) {
	if len(pos) == 0 || access.Allow(c, access.RecordsRead) != nil {
		return nil, nil
	}
	return all(ctx, from, "read links", func(r scanner) (x placed, err error) {
		var at int64
		err = r.Scan(&x.pos, &x.source, &x.deep, &x.via, &x.Record.ID, &x.Record.Type, &x.Record.Name, &x.Rule, &x.Detail, &x.By, &at)
		x.At = clock(at)
		return x, err
	}, `SELECT l.pos, l.source, l.deep, l.via_no, r.id, r.type, r.name, l.rule, l.address, l.by_user, l.linked_at FROM record_links l JOIN records r ON r.no = l.record_no
		WHERE `+s.d.in("l.pos", 1)+" AND r.workspace_id = $2 AND r.deleted_at IS NULL ORDER BY l.pos, r.type DESC, r.name_key, r.no", s.d.list(pos), string(c.Workspace))
}

// seenLinks gives the links that the caller may be told of, by message. What the caller
// sees is asked of the messages, which are few, and not of each link; known is what has
// been read of that.
func (s *Store) seenLinks(ctx context.Context, from source, c access.Caller, list []placed, known map[int64]crm.Level) (map[int64][]crm.MailLink, error) {
	if len(list) == 0 {
		return nil, nil
	}
	levels, err := s.levels(ctx, from, c, list, known)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(x placed) bool {
		return levels[x.pos] == crm.LevelNone || levels[x.source] == crm.LevelNone || x.deep && levels[x.source] != crm.LevelFull
	})
	if err := s.besideLinks(ctx, from, list); err != nil {
		return nil, err
	}
	found := map[int64][]crm.MailLink{}
	for _, x := range list {
		found[x.pos] = append(found[x.pos], x.MailLink)
	}
	return found, nil
}

// levels gives how much the caller sees of the messages of links, and of those that
// they come from, by position.
func (s *Store) levels(ctx context.Context, from source, c access.Caller, links []placed, known map[int64]crm.Level) (map[int64]crm.Level, error) {
	var pos []int64
	for _, x := range links {
		for _, p := range []int64{x.pos, x.source} {
			if _, ok := known[p]; !ok {
				pos = append(pos, p)
			}
		}
	}
	if len(pos) == 0 {
		return known, nil
	}
	slices.Sort(pos)
	v := sightOf(c, 2)
	levels := make(map[int64]crm.Level, len(links))
	maps.Copy(levels, known)
	err := each(ctx, from, "read what is seen", func(r scanner) error {
		var at int64
		var level crm.Level
		err := r.Scan(&at, &level)
		levels[at] = level
		return err
	}, "SELECT e.pos, "+v.level+" FROM synced_emails e"+ofBox+" WHERE "+s.d.in("e.pos", 1)+" AND "+v.where, append([]any{s.d.list(slices.Compact(pos))}, v.args...)...)
	return levels, err
}

// besideLinks adds the records by which links came, and the names of who made them.
func (s *Store) besideLinks(ctx context.Context, from source, links []placed) error {
	var vias []int64
	var users []string
	for _, x := range links {
		if x.via != 0 {
			vias = append(vias, x.via)
		}
		if x.By != "" {
			users = append(users, string(x.By))
		}
	}
	through, names := map[int64]crm.RecordRef{}, map[crm.UserID]string{}
	if len(vias) > 0 {
		slices.Sort(vias)
		err := each(ctx, from, "read records of links", func(r scanner) error {
			var x target
			err := r.Scan(&x.no, &x.ID, &x.Type, &x.Name)
			through[x.no] = x.RecordRef
			return err
		}, "SELECT no, id, type, name FROM records WHERE "+s.d.in("no", 1)+" AND deleted_at IS NULL", s.d.list(slices.Compact(vias)))
		if err != nil {
			return err
		}
	}
	if len(users) > 0 {
		slices.Sort(users)
		err := each(ctx, from, "read who made links", func(r scanner) error {
			var id crm.UserID
			var name string
			err := r.Scan(&id, &name)
			names[id] = name
			return err
		}, "SELECT id, name FROM users WHERE "+s.d.in("id", 1), s.d.list(slices.Compact(users)))
		if err != nil {
			return err
		}
	}
	for i := range links {
		links[i].Via, links[i].ByName = through[links[i].via], names[links[i].By]
	}
	return nil
}

// linkEmails gives messages their links.
func (s *Store) linkEmails(ctx context.Context, from source, c access.Caller, list []crm.Email, pos []int64) error {
	links, err := s.placedLinks(ctx, from, c, pos)
	if err != nil {
		return err
	}
	return s.giveLinks(ctx, from, c, list, pos, links)
}

// giveLinks gives messages those of the links that the caller may be told of.
func (s *Store) giveLinks(ctx context.Context, from source, c access.Caller, list []crm.Email, pos []int64, links []placed) error {
	known := make(map[int64]crm.Level, len(list))
	for i, e := range list {
		known[pos[i]] = e.View.Level
	}
	seen, err := s.seenLinks(ctx, from, c, links, known)
	for i := range list {
		list[i].Links = seen[pos[i]]
	}
	return err
}

// linkSeen is linkEmails for messages whose positions are not known.
func (s *Store) linkSeen(ctx context.Context, c access.Caller, list []crm.Email) error {
	if access.Allow(c, access.RecordsRead) != nil {
		return nil
	}
	ids := make([]string, len(list))
	for i, e := range list {
		ids[i] = string(e.ID)
	}
	at := make(map[string]int64, len(list))
	err := each(ctx, s.steady("mail.Email"), "find emails", func(r scanner) error {
		var id string
		var pos int64
		err := r.Scan(&id, &pos)
		at[id] = pos
		return err
	}, "SELECT id, pos FROM synced_emails WHERE "+s.d.in("id", 1), s.d.list(ids))
	if err != nil {
		return err
	}
	pos := make([]int64, len(list))
	for i, id := range ids {
		pos[i] = at[id]
	}
	return s.linkEmails(ctx, s.steady("mail.Email"), c, list, pos)
}

// linkSight is the rule for link m of message e within a lens: f's parameters grow.
func (f *filter) linkSight() string {
	l := f.lens
	if l.whole {
		return ""
	}
	direct := "TRUE"
	if l.partial() {
		direct = "NOT m.deep"
	}
	on := sightOn(f.box.as, len(f.args)+1, "s")
	f.args = append(f.args, on.args...)
	return "(m.source = m.pos AND " + direct + " OR m.source <> m.pos AND EXISTS (SELECT 1 FROM synced_emails s JOIN google_integrations c ON c.id = (s.integration_id || '') WHERE s.pos = m.source AND " +
		on.where + " AND ((" + on.level + ") = 'full' OR NOT m.deep)))"
}

// LinkingState gives numbers about linking.
func (s *Store) LinkingState(ctx context.Context, c access.Caller) (linking.State, error) {
	state := linking.State{Skipped: map[crm.SkipRule]int64{crm.SkipBlocked: 0, crm.SkipBulk: 0, crm.SkipColleagues: 0, crm.SkipDraft: 0, crm.SkipNobody: 0}}
	if err := access.Allow(c, access.RecordsRead); err != nil {
		return state, err
	}
	from := s.reading("linking.State")
	boxes, err := s.numbered(ctx, c)
	if err != nil {
		return state, err
	}
	nos, ids := make([]int64, len(boxes)), make([]string, len(boxes))
	for i, b := range boxes {
		nos[i], ids[i] = b.no, string(b.id)
	}
	shown, err := one(ctx, from, "count mail", scanInt, "SELECT CAST(COALESCE(SUM(total), 0) AS BIGINT) FROM mailbox_counts WHERE label = '' AND "+s.d.in("mailbox", 1), s.d.list(nos))
	if err != nil {
		return state, err
	}
	for _, no := range nos {
		err := each(ctx, from, "count skipped", func(r scanner) error {
			var rule crm.SkipRule
			var n int64
			err := r.Scan(&rule, &n)
			state.Skipped[rule] += n
			if rule != crm.SkipDraft {
				shown -= n
			}
			return err
		}, `SELECT v.rule, (SELECT COUNT(*) FROM link_skips k WHERE k.rule = v.rule AND k.pos BETWEEN $1 AND $2)
			FROM (SELECT 'blocked' AS rule UNION ALL SELECT 'bulk' UNION ALL SELECT 'colleagues' UNION ALL SELECT 'draft' UNION ALL SELECT 'nobody') v`, lowest(no), highest(no))
		if err != nil {
			return state, err
		}
	}
	state.Linked = max(0, shown)
	// What rules for mail keep out is not stored, and counted as what it is.
	err = each(ctx, from, "count what is kept out", func(r scanner) error {
		var colleagues bool
		var n int64
		err := r.Scan(&colleagues, &n)
		if colleagues {
			state.Skipped[crm.SkipColleagues] += n
		} else {
			state.Skipped[crm.SkipBlocked] += n
		}
		return err
	}, "SELECT x.rule = 'internal', COUNT(*) FROM excluded_emails x WHERE x.rule <> 'retention' AND "+s.d.in("x.integration_id", 1)+" GROUP BY 1", s.d.list(ids))
	if err != nil {
		return state, err
	}
	return state, s.linkProgress(ctx, c.Workspace, &state)
}

// numbered gives the mailboxes whose numbers somebody is told: those they see all of;
// administrators those of everybody.
func (s *Store) numbered(ctx context.Context, c access.Caller) ([]box, error) {
	if c.Via == access.ViaSystem || c.Role == crm.RoleOwner || c.Role == crm.RoleAdmin {
		return s.allBoxes(ctx, c, "")
	}
	boxes, err := s.boxes(ctx, c, "")
	return slices.DeleteFunc(boxes, func(b box) bool { return !b.counted() }), err
}

func (s *Store) linkProgress(ctx context.Context, w crm.WorkspaceID, state *linking.State) error {
	from := s.reading("linking.State")
	var err error
	if state.Waiting, err = one(ctx, from, "count waiting", scanInt, "SELECT COUNT(*) FROM link_queue WHERE workspace_id = $1", string(w)); err != nil {
		return err
	}
	rows, err := all(ctx, from, "read state", scanLinkState, "SELECT "+linkStateColumns+" FROM link_states WHERE workspace_id = $1", string(w))
	if err != nil || len(rows) == 0 {
		return err
	}
	at := rows[0]
	state.Missing = at.missing
	if at.auditedAt > 0 {
		state.Audited = clockPtr(&at.auditedAt)
	}
	if at.walking {
		state.Walk = &linking.Walk{Seen: at.seen, Total: max(at.total, at.seen), Begun: clock(at.begunAt)}
	}
	return nil
}

// SkippedMail gives a page of skipped messages.
func (s *Store) SkippedMail(ctx context.Context, c access.Caller, rule crm.SkipRule, limit int, cursor string) ([]crm.Email, string, error) {
	if err := access.Allow(c, access.RecordsRead); err != nil {
		return nil, "", err
	}
	at, err := readPlace(cursor)
	if err != nil {
		return nil, "", err
	}
	boxes, err := s.boxes(ctx, c, "")
	if err != nil {
		return nil, "", err
	}
	limit = pageLimit(limit)
	v := sightOf(c, 5)
	var pos []int64
	for _, b := range boxes {
		top := at.top(b.no)
		if top < lowest(b.no) {
			continue
		}
		found, err := all(ctx, s.reading("linking.SkippedMail"), "find", scanInt, "SELECT k.pos FROM link_skips k JOIN synced_emails e ON e.pos = k.pos"+ofBox+
			" WHERE k.rule = $1 AND k.pos BETWEEN $2 AND $3 AND e.deleted_at IS NULL AND "+v.where+" ORDER BY k.pos DESC LIMIT $4",
			append([]any{string(rule), lowest(b.no), top, int64(limit + 1)}, v.args...)...)
		if err != nil {
			return nil, "", err
		}
		pos = append(pos, found...)
	}
	slices.SortFunc(pos, func(x, y int64) int { return cmp.Or(cmp.Compare(timePart(y), timePart(x)), cmp.Compare(y, x)) })
	next := ""
	if len(pos) > limit {
		pos = pos[:limit]
		next = writePlace(pos[limit-1])
	}
	list, _, err := s.emailsAt(ctx, c, pos)
	return list, next, err
}

// emailsAt reads what a caller sees of messages, without bodies, in the order asked for,
// with their positions.
func (s *Store) emailsAt(ctx context.Context, c access.Caller, pos []int64) (list []crm.Email, at []int64, err error) {
	if len(pos) == 0 {
		return nil, nil, nil
	}
	from := s.steady("linking")
	byPos, links, err := s.headsWithLinks(ctx, from, c, pos)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range pos {
		if e, ok := byPos[p]; ok {
			list, at = append(list, e), append(at, p)
		}
	}
	return list, at, s.giveLinks(ctx, from, c, list, at, links)
}

// headsWithLinks reads what a caller sees of messages, and all of their links, at once.
func (s *Store) headsWithLinks(ctx context.Context, from source, c access.Caller, pos []int64) (heads map[int64]crm.Email, links []placed, err error) {
	group, of := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		links, err = s.placedLinks(of, from, c, pos)
		return err
	})
	v := sightOf(c, 2)
	heads = make(map[int64]crm.Email, len(pos))
	group.Go(func() error {
		return each(of, from, "read emails", func(r scanner) error {
			h, err := scanHead(r)
			heads[h.pos] = h.email
			return err
		}, "SELECT "+headColumns+", "+v.viewColumns()+" FROM synced_emails e"+viewJoin+" WHERE "+s.d.in("e.pos", 1)+" AND "+v.where, append([]any{s.d.list(pos)}, v.args...)...)
	})
	return heads, links, group.Wait()
}

// Choose stores what somebody decided about a message and a record (see linking.Store).
func (s *Store) Choose(ctx context.Context, c access.Caller, d linking.Choice) (links []crm.MailLink, err error) {
	if err := access.Allow(c, access.RecordsWrite); err != nil {
		return nil, err
	}
	err = s.write(ctx, "linking.Choose", func(t *tx) error {
		if _, err := t.lockLinking(ctx, c.Workspace); err != nil {
			return err
		}
		v := sightOf(c, 2)
		var pos int64
		thread, err := one(ctx, t, "find email", func(r scanner) (thread string, err error) {
			err = r.Scan(&pos, &thread)
			return thread, err
		}, "SELECT e.pos, e.gmail_thread_id FROM synced_emails e"+ofBox+" WHERE e.id = $1 AND e.deleted_at IS NULL AND "+v.where, append([]any{clean(string(d.Email))}, v.args...)...)
		if thread, err = found(thread, err, "There is no such message."); err != nil {
			return err
		}
		no, err := recordNo(ctx, t, c.Workspace, crm.RecordID(clean(string(d.Record))))
		if no, err = found(no, err, noRecord); err != nil {
			return err
		}
		at := notedThread{box: pos >> timeBits, thread: thread}
		if err := t.choose(ctx, c, d, at, no, pos); err != nil {
			return err
		}
		l := &linker{t: t, w: c.Workspace, noted: []notedThread{at}}
		if err := l.run(ctx); err != nil {
			return err
		}
		of, err := s.linksOf(ctx, t, c, []int64{pos})
		links = of[pos]
		return err
	})
	return links, err
}

// choose stores a decision. One about a whole conversation takes the place of those
// about its messages.
func (t *tx) choose(ctx context.Context, c access.Caller, d linking.Choice, at notedThread, record, pos int64) error {
	if d.Whole {
		pos = 0
		if _, err := t.exec(ctx, "drop choices", "DELETE FROM link_choices WHERE mailbox = $1 AND thread = $2 AND record_no = $3", at.box, at.thread, record); err != nil {
			return err
		}
	}
	_, err := t.exec(ctx, "store choice", `INSERT INTO link_choices (mailbox, thread, record_no, pos, removed, by_user, at) VALUES `+marks(1, 7)+`
		ON CONFLICT (mailbox, thread, record_no, pos) DO UPDATE SET removed = excluded.removed, by_user = excluded.by_user, at = excluded.at, was_no = 0`,
		at.box, at.thread, record, pos, d.Removed, string(c.UserID), t.now)
	return err
}

// moveLinks lets a record have the links of another that is merged into it, and what
// was decided about it. The other's stay as they are, so that returnLinks can undo it:
// what is linked to a record that is not there is not looked at.
func (t *tx) moveLinks(ctx context.Context, from, to int64) error {
	_, err := t.exec(ctx, "take links over", `INSERT INTO record_links (record_no, pos, rule, address, via_no, source, deep, by_user, linked_at, was_no)
		SELECT $2, l.pos, l.rule, l.address, l.via_no, l.source, l.deep, l.by_user, l.linked_at, $1 FROM record_links l WHERE l.record_no = $1
		ON CONFLICT (record_no, pos) DO NOTHING`, from, to)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, "take choices over", `INSERT INTO link_choices (mailbox, thread, record_no, pos, removed, by_user, at, was_no)
		SELECT x.mailbox, x.thread, $2, x.pos, x.removed, x.by_user, x.at, $1 FROM link_choices x WHERE x.record_no = $1
		ON CONFLICT (mailbox, thread, record_no, pos) DO NOTHING`, from, to)
	return err
}

// returnLinks takes back what moveLinks gave a record.
func (t *tx) returnLinks(ctx context.Context, from, to int64) error {
	for _, table := range []string{"record_links", "link_choices"} {
		if _, err := t.exec(ctx, "give "+table+" back", "DELETE FROM "+table+" WHERE record_no = $2 AND was_no = $1", from, to); err != nil {
			return err
		}
	}
	return nil
}

// mailboxesOf gives the numbers of the mailboxes that a record has mail in, by a look
// at each instead of at all links.
func (s *Store) mailboxesOf(ctx context.Context, record int64) ([]int64, error) {
	return all(ctx, s.steady("linking.Timeline"), "find mailboxes", scanInt, fmt.Sprintf(`WITH RECURSIVE b (no) AS (
			SELECT (SELECT MIN(pos) FROM record_links WHERE record_no = $1) >> %[1]d
			UNION ALL SELECT (SELECT MIN(pos) FROM record_links WHERE record_no = $1 AND pos >= (b.no + 1) << %[1]d) >> %[1]d FROM b WHERE b.no IS NOT NULL)
		SELECT no FROM b WHERE no IS NOT NULL`, timeBits), record)
}

// boxesLinked keeps the mailboxes that a record has mail in.
func (s *Store) boxesLinked(ctx context.Context, c access.Caller, boxes []box, id crm.RecordID) ([]box, error) {
	if err := access.Allow(c, access.RecordsRead); err != nil {
		return nil, err
	}
	no, err := recordNo(ctx, s.reading("mail.List"), c.Workspace, crm.RecordID(clean(string(id))))
	if no, err = found(no, err, noRecord); err != nil {
		return nil, err
	}
	in, err := s.mailboxesOf(ctx, no)
	return slices.DeleteFunc(boxes, func(b box) bool { return !slices.Contains(in, b.no) }), err
}
