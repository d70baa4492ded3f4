package store

import (
	"context"
	"fmt"
	"slices"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
)

// The one rule of who sees how much of whose mail. Everything that reads mail for
// somebody goes through sight (single messages) or boxes (lists), which say the
// same; rows lose what is above the level in conceal, before they leave the
// store.
//
//   - The owner of a mailbox sees everything, and so does our own background work.
//   - A message with a protected address is its owner's alone.
//   - A share of a message or of its conversation opens it to its readers in full.
//   - Else others see what the mailbox's visibility says: nothing, who and when,
//     the subject too, or everything. Of a mailbox that is opened in part, what is in
//     spam, trash or drafts does not exist.
//
// A key acts as the member who made it; administrators have no more rights here
// than others.
type sight struct {
	where string // on the connection c of message e: the caller sees some of it
	level string // how much, an expression of crm.Level
	// shared and owned are the other expressions of crm.View.
	shared, owned string
	args          []any
}

// sightOf gives the rule for a caller, with parameters from number n on.
func sightOf(c access.Caller, n int) sight { return sightOn(c, n, "e") }

// sightOn is sightOf for messages that a query has another name for.
func sightOn(c access.Caller, n int, e string) sight {
	none := sight{where: "FALSE", level: "''", shared: "FALSE", owned: "FALSE"}
	if c.Workspace == "" {
		return none
	}
	switch c.Via {
	case access.ViaSystem:
		return sight{where: fmt.Sprintf("c.workspace_id = $%d", n), level: "'full'", shared: sharedWith(e, ""), owned: "TRUE", args: []any{string(c.Workspace)}}
	case access.ViaWorkspace:
		c.UserID = ""
	default:
		if c.Via == access.ViaNobody || c.UserID == "" {
			return none
		}
	}
	user := fmt.Sprintf("CAST($%d AS TEXT)", n+1)
	owned := "(c.user_id = " + user + ")"
	readers := sharedWith(e, "r.reader IN ('', "+user+")")
	level := "CASE WHEN " + owned + " THEN 'full' WHEN " + e + ".protected OR " + closed + " THEN '' WHEN " + readers + " THEN 'full'" +
		" WHEN c.visibility = 'full' THEN 'full' WHEN c.visibility IN ('metadata', 'subject') AND " + e + ".shown THEN c.visibility ELSE '' END"
	return sight{
		where: fmt.Sprintf("c.workspace_id = $%d AND (%s) <> ''", n, level), level: level, owned: owned,
		shared: "CASE WHEN " + owned + " THEN " + sharedWith(e, "") + " ELSE c.visibility <> 'full' AND " + readers + " END",
		args:   []any{string(c.Workspace), string(c.UserID)},
	}
}

// sharedWith is the condition that message e is shared with somebody.
func sharedWith(e, whom string) string {
	if whom != "" {
		whom = " AND " + whom
	}
	return "EXISTS (SELECT 1 FROM email_readers r WHERE r.pos = " + e + ".pos" + whom + ")"
}

// closed: the mailbox c may hold mail that has been protected and is not marked yet.
const closed = "EXISTS (SELECT 1 FROM mail_sweeps w WHERE w.mailbox = c.no AND w.hides)"

// viewColumns are those that scanView reads; join is where they come from.
func (v sight) viewColumns() string {
	return v.level + ", c.user_id, u.name, " + v.owned + ", " + v.shared + ", e.protected AND " + v.owned
}

// ofBox joins the mailbox c of message e. The messages lead: an index that finds all
// of a mailbox's is of no use here, which the empty text keeps planners from.
const ofBox = " JOIN google_integrations c ON c.id = (e.integration_id || '')"

const viewJoin = ofBox + " JOIN users u ON u.id = c.user_id"

// everything is sight without a caller, for work within the store.
var everything = sight{where: "TRUE", level: "'full'", shared: "FALSE", owned: "FALSE"}

func viewDest(v *crm.View) []any {
	return []any{&v.Level, &v.Owner, &v.OwnerName, &v.Mine, &v.Shared, &v.Protected}
}

// harmless are the labels that say only where a message is.
var harmless = []string{"INBOX", "SENT"}

// conceal empties what is above the level a message is seen at.
func conceal(e *crm.Email) {
	if e.View.Level == crm.LevelFull {
		return
	}
	seen := crm.Email{
		ID: e.ID, WorkspaceID: e.WorkspaceID, ConnectionID: e.ConnectionID, GmailID: e.GmailID, ThreadID: e.ThreadID,
		From: e.From, To: e.To, Cc: e.Cc, Date: e.Date, DeletedAt: e.DeletedAt, View: e.View,
	}
	for _, l := range e.Labels {
		if slices.Contains(harmless, l) {
			seen.Labels = append(seen.Labels, l)
		}
	}
	if e.View.Level == crm.LevelSubject {
		seen.Subject = e.Subject
	}
	*e = seen
}

// lens is a part of a mailbox that a caller sees in one way. What somebody sees
// of a mailbox is one lens or several that have no message in common.
type lens struct {
	level crm.Level
	// whole: every message there is. Else those without protected addresses, and of these:
	whole bool
	// reader: what is shared with it (a user, or "" for everybody) and not with
	// the caller by name, unless it is the caller.
	byShare bool
	reader  string
	// rest: what is left when shares are taken out.
	rest   bool
	caller string
	clean  bool // nothing in the mailbox is protected
}

// hides reports whether the lens shows less than everything.
func (l lens) partial() bool { return l.level != crm.LevelFull }

// box is a mailbox the caller sees at least some of.
type box struct {
	no     int64
	id     crm.ConnectionID
	lenses []lens
	as     access.Caller
}

// counted reports whether the mailbox's numbers are those of what is seen.
func (b box) counted() bool {
	return len(b.lenses) == 1 && (b.lenses[0].whole || b.lenses[0].level == crm.LevelFull && !b.lenses[0].byShare && b.lenses[0].clean)
}

// whole reports whether the caller sees every message of every mailbox.
func whole(boxes []box) bool {
	return !slices.ContainsFunc(boxes, func(b box) bool { return !b.lenses[0].whole })
}

// boxes gives the mailboxes that a caller sees some of: all, or the one asked
// for, which does not exist for those who see nothing of it. It is sight for a
// mailbox at a time, in forms that an index can follow.
func (s *Store) boxes(ctx context.Context, c access.Caller, only crm.ConnectionID) ([]box, error) {
	none := only != "" // then nothing found is an error
	var found []box
	var err error
	switch {
	case c.Workspace == "":
	case c.Via == access.ViaSystem:
		found, err = s.allBoxes(ctx, c, only)
	case c.Via == access.ViaWorkspace:
		c.UserID = ""
		found, err = s.boxesOf(ctx, c, only)
	case c.Via != access.ViaNobody && c.UserID != "":
		found, err = s.boxesOf(ctx, c, only)
	}
	if err == nil && none && len(found) == 0 {
		return nil, fault.New(fault.NotFound, noConnection)
	}
	for i := range found {
		found[i].as = c
	}
	return found, err
}

func (s *Store) allBoxes(ctx context.Context, c access.Caller, only crm.ConnectionID) ([]box, error) {
	return all(ctx, s.steady("mail"), "find mailboxes", func(r scanner) (box, error) {
		b := box{lenses: []lens{{level: crm.LevelFull, whole: true}}}
		err := r.Scan(&b.no, &b.id)
		return b, err
	}, "SELECT c.no, c.id FROM google_integrations c WHERE c.workspace_id = $1 AND ($2 = '' OR c.id = $2) ORDER BY c.no", string(c.Workspace), string(only))
}

// boxesOf reads what a member sees of each mailbox.
func (s *Store) boxesOf(ctx context.Context, c access.Caller, only crm.ConnectionID) ([]box, error) {
	inBox := func(table, more string) string {
		return fmt.Sprintf("EXISTS (SELECT 1 FROM %s WHERE %s AND x.pos BETWEEN c.no << %d AND (c.no << %d) + %d)", table, more, timeBits, timeBits, int64(timeMask))
	}
	args := []any{string(c.Workspace), string(c.UserID)}
	query := "SELECT c.no, c.id, c.user_id = $2, c.visibility" +
		", c.user_id <> $2 AND $2 <> '' AND " + inBox("email_readers x", "x.reader = $2") +
		", c.user_id <> $2 AND " + inBox("email_readers x", "x.reader = ''") +
		", c.user_id <> $2 AND c.visibility = 'full' AND NOT " + inBox("synced_emails x", "x.protected") +
		" FROM google_integrations c WHERE c.workspace_id = $1 AND (c.user_id = $2 OR NOT " + closed + ")"
	if only != "" {
		args = append(args, string(only))
		query += " AND c.id = $3"
	}
	var list []box
	err := each(ctx, s.steady("mail"), "find mailboxes", func(r scanner) error {
		var b box
		var mine, byName, byAll, clean bool
		var visibility crm.Visibility
		if err := r.Scan(&b.no, &b.id, &mine, &visibility, &byName, &byAll, &clean); err != nil {
			return err
		}
		if mine {
			b.lenses = []lens{{level: crm.LevelFull, whole: true}}
		} else {
			b.lenses = lensesOf(string(c.UserID), visibility, byName, byAll, clean)
		}
		if len(b.lenses) > 0 {
			list = append(list, b)
		}
		return nil
	}, query+" ORDER BY c.no", args...)
	return list, err
}

// lensesOf is how somebody sees a mailbox of somebody else; byName and byAll say
// whether any of it is shared with them or with everybody.
func lensesOf(user string, v crm.Visibility, byName, byAll, clean bool) (list []lens) {
	if v == crm.VisibilityFull {
		return []lens{{level: crm.LevelFull, clean: clean, caller: user}}
	}
	if byName {
		list = append(list, lens{level: crm.LevelFull, byShare: true, reader: user, caller: user})
	}
	if byAll {
		list = append(list, lens{level: crm.LevelFull, byShare: true, caller: user})
	}
	if v == crm.VisibilityMetadata || v == crm.VisibilitySubject {
		list = append(list, lens{level: crm.Level(v), rest: byName || byAll, caller: user})
	}
	return list
}

// Email reads a message, as much of it as the caller sees, with bodies and
// attachments.
func (s *Store) Email(ctx context.Context, c access.Caller, id crm.EmailID) (crm.Email, error) {
	list, err := s.seen(ctx, s.reading("mail.Email"), sightOf(c, 2), "e.id = $1 AND e.deleted_at IS NULL", string(id))
	if err != nil {
		return crm.Email{}, err
	}
	if len(list) == 0 {
		return crm.Email{}, fault.New(fault.NotFound, "There is no such message.")
	}
	err = s.linkSeen(ctx, c, list)
	return list[0], err
}

// Thread reads what the caller sees of the messages of a thread, the oldest
// first, without those in spam, trash or drafts unless there are no others.
func (s *Store) Thread(ctx context.Context, c access.Caller, connection crm.ConnectionID, threadID string) ([]crm.Email, error) {
	// What lists show; else what is in the bin and the like; else what only a label that was
	// turned off hides, which its address still leads to.
	for _, which := range []string{"e.shown", "EXISTS (SELECT 1 FROM email_labels l WHERE l.label IN ('SPAM', 'TRASH', 'DRAFT') AND l.pos = e.pos)", "TRUE"} {
		list, err := s.seen(ctx, s.reading("mail.Thread"), sightOf(c, 3), "e.gmail_thread_id = $1 AND e.integration_id = $2 AND e.deleted_at IS NULL AND "+which,
			threadID, string(connection))
		if err != nil {
			return nil, err
		}
		if len(list) > 0 {
			err = s.linkSeen(ctx, c, list)
			return list, err
		}
	}
	return nil, fault.New(fault.NotFound, "There is no such conversation.")
}

// LabelsOf lists the labels of a mailbox with their numbers. Labels of a mailbox
// that is seen in part are not told.
func (s *Store) LabelsOf(ctx context.Context, c access.Caller, connection crm.ConnectionID) ([]mail.LabelCount, error) {
	found, err := s.boxes(ctx, c, connection)
	if err != nil {
		return nil, err
	}
	if len(found[0].lenses) != 1 || found[0].lenses[0].partial() || found[0].lenses[0].byShare {
		return nil, nil
	}
	protected := map[string]mail.LabelCount{}
	if !found[0].counted() {
		if protected, err = s.protectedCounts(ctx, found[0].no); err != nil {
			return nil, err
		}
	}
	return all(ctx, s.reading("mail.LabelsOf"), "list", func(r scanner) (l mail.LabelCount, err error) {
		err = r.Scan(&l.ID, &l.Name, &l.Type, &l.TextColor, &l.BackgroundColor, &l.Total, &l.Unread)
		l.Total, l.Unread = l.Total-protected[l.ID].Total, l.Unread-protected[l.ID].Unread
		return l, err
	}, `SELECT g.id, g.name, g.type, g.text_color, g.background_color, COALESCE(n.total, 0), COALESCE(n.unread, 0)
		FROM gmail_labels g LEFT JOIN mailbox_counts n ON n.mailbox = $2 AND n.label = g.id
		WHERE g.integration_id = $1 ORDER BY g.type, g.name, g.id`, string(connection), found[0].no)
}

// protectedCounts counts the protected messages of a mailbox by label, as
// mailbox_counts does.
func (s *Store) protectedCounts(ctx context.Context, no int64) (map[string]mail.LabelCount, error) {
	counts := map[string]mail.LabelCount{}
	err := each(ctx, s.reading("mail.LabelsOf"), "count protected", func(r scanner) error {
		var labels string
		var read, shown bool
		if err := r.Scan(&labels, &read, &shown); err != nil {
			return err
		}
		list, err := readList(labels)
		for _, l := range list {
			if n := counts[l]; shown || hides(l) {
				n.Total++
				if !read {
					n.Unread++
				}
				counts[l] = n
			}
		}
		return err
	}, "SELECT e.labels, e.is_read, e.shown FROM synced_emails e WHERE e.protected AND e.deleted_at IS NULL AND e.pos BETWEEN $1 AND $2", lowest(no), highest(no))
	return counts, err
}

// CountsOf gives the numbers of a connection: its messages without spam, trash
// and drafts, and its ledger. They are numbers alone, for its owner and for
// administrators.
func (s *Store) CountsOf(ctx context.Context, connection crm.ConnectionID) (mail.Totals, error) {
	v, err := one(ctx, s.reading("mail.CountsOf"), "read", func(r scanner) (v mail.Totals, err error) {
		err = r.Scan(&v.Messages, &v.Unread, &v.Threads, &v.Failures, &v.Parked)
		return v, err
	}, `SELECT COALESCE(n.total, 0), COALESCE(n.unread, 0), COALESCE(n.threads, 0),
			(SELECT COUNT(*) FROM sync_failures f WHERE f.integration_id = c.id),
			(SELECT COUNT(*) FROM sync_failures f WHERE f.integration_id = c.id AND f.parked)
		FROM google_integrations c LEFT JOIN mailbox_counts n ON n.mailbox = c.no AND n.label = '' WHERE c.id = $1`, string(connection))
	return found(v, err, noConnection)
}

// Raw reads Google's answer about a message as it was fetched (zstd),
// fault.NotFound when it was not kept or the caller does not see all of it.
func (s *Store) Raw(ctx context.Context, c access.Caller, id crm.EmailID) ([]byte, error) {
	v := sightOf(c, 2)
	raw, err := one(ctx, s.reading("mail.Raw"), "read", func(r scanner) (b []byte, err error) {
		err = r.Scan(&b)
		return b, err
	}, "SELECT r.raw FROM synced_emails e JOIN email_raw r ON r.pos = e.pos"+ofBox+
		" WHERE e.id = $1 AND e.deleted_at IS NULL AND "+v.where+" AND ("+v.level+") = 'full'", append([]any{string(id)}, v.args...)...)
	return found(raw, err, "Google's answer about this message was not kept.")
}

// VisibleIDs says how much a caller sees of messages; those they see nothing of
// are left out. Messages that are gone (deleted, or in the trash) count as seen
// by those who saw them, so that they can be told.
func (s *Store) VisibleIDs(ctx context.Context, c access.Caller, ids []crm.EmailID) (map[crm.EmailID]crm.Level, error) {
	levels := make(map[crm.EmailID]crm.Level, len(ids))
	if len(ids) == 0 {
		return levels, nil
	}
	v := sightOf(c, 2)
	gone := "SELECT x.pos, x.id, x.integration_id, x.protected, x.shown OR x.deleted_at IS NOT NULL" +
		" OR EXISTS (SELECT 1 FROM email_labels l WHERE l.label = 'TRASH' AND l.pos = x.pos) AS shown FROM synced_emails x WHERE " + s.d.in("x.id", 1)
	err := each(ctx, s.reading("mail.VisibleIDs"), "read levels", func(r scanner) error {
		var id crm.EmailID
		var level crm.Level
		err := r.Scan(&id, &level)
		levels[id] = level
		return err
	}, "SELECT e.id, "+v.level+" FROM ("+gone+") e"+ofBox+" WHERE "+v.where,
		append([]any{s.d.list(ids)}, v.args...)...)
	return levels, err
}
