package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/records/linking"
)

// moment is an activity of a timeline before it is read: its place in the order is
// its date, then its kind, then which one it is.
type moment struct {
	at   int64 // microseconds
	rank int   // of its kind
	id   string
	pos  int64 // of a message
}

// Ranks of kinds that happen at the same moment; meetings and calls go between.
const (
	rankEmail = iota
	rankNote
	rankTask
)

func newer(a, b moment) int {
	return cmp.Or(cmp.Compare(b.at, a.at), cmp.Compare(a.rank, b.rank), cmp.Compare(b.pos, a.pos), strings.Compare(b.id, a.id))
}

// emailMoment is a message's place; it is as exact as its position.
func emailMoment(pos int64) moment {
	t := timePart(pos)
	return moment{at: t>>slotBits*1_000_000 + t&(slots-1)*2000, rank: rankEmail, pos: pos}
}

func (m moment) cursor() string {
	id := m.id
	if m.rank == rankEmail {
		id = strconv.FormatInt(m.pos, 36)
	}
	return writeCursor(m.at, strconv.Itoa(m.rank)+"."+id)
}

// readMoment reads where a page begins.
func readMoment(cursor string) (m moment, begun bool, err error) {
	at, text, err := readCursor(cursor)
	if err != nil || cursor == "" {
		return moment{at: math.MaxInt64, rank: math.MaxInt}, false, err
	}
	rank, id, _ := strings.Cut(text, ".")
	m = moment{at: at, id: id}
	if m.rank, err = strconv.Atoi(rank); err == nil && m.rank == rankEmail {
		m.pos, err = strconv.ParseInt(id, 36, 64)
	}
	if err != nil {
		return m, true, &fault.Error{Kind: fault.Invalid, Code: "bad_cursor", Text: "The cursor is not one of this list. Begin again without it.", Err: err}
	}
	return m, true, nil
}

// after is where messages begin.
func (m moment) after(begun bool) after {
	switch {
	case !begun:
		return after{}
	case m.rank == rankEmail:
		return after{true, m.pos}
	}
	slot := (max(m.at, 0)%1_000_000 + 1999) / 2000
	return after{true, min((max(m.at, 0)/1_000_000)<<slotBits+slot, timeMask)}
}

// before is where rows of another kind begin: (date, id) below it.
func (m moment) before(rank int) (at int64, id string) {
	switch {
	case m.at == math.MaxInt64 || m.rank < rank && m.at < math.MaxInt64:
		return min(m.at, math.MaxInt64-1) + 1, ""
	case m.rank == rank:
		return m.at, m.id
	}
	return m.at, ""
}

// timeline is one Timeline under way.
type timeline struct {
	s      *Store
	c      access.Caller
	q      linking.TimelineQuery
	record int64 // 0: all
	ref    crm.RecordRef
	from   moment
	begun  bool
	limit  int
	// read are messages that were read while their copies were looked for.
	read map[int64]linking.Activity
}

// Timeline gives a page of activities (see linking.Store).
func (s *Store) Timeline(ctx context.Context, c access.Caller, q linking.TimelineQuery) ([]linking.Activity, string, error) {
	if err := access.Allow(c, access.RecordsRead); err != nil {
		return nil, "", err
	}
	v := &timeline{s: s, c: c, q: q, limit: pageLimit(q.Limit)}
	var err error
	if v.from, v.begun, err = readMoment(q.Cursor); err != nil {
		return nil, "", err
	}
	if q.Record != "" {
		x, err := one(ctx, s.steady("linking.Timeline"), "find record", func(r scanner) (x target, err error) {
			err = r.Scan(&x.no, &x.ID, &x.Type, &x.Name)
			return x, err
		}, "SELECT no, id, type, name FROM records WHERE id = $1 AND workspace_id = $2 AND merged_into = ''", clean(string(q.Record)), string(c.Workspace))
		if x, err = found(x, err, noRecord); err != nil {
			return nil, "", err
		}
		v.record, v.ref = x.no, x.RecordRef
	}
	return v.page(ctx)
}

// page asks for all kinds at once: each is a journey or several.
func (v *timeline) page(ctx context.Context) ([]linking.Activity, string, error) {
	kinds := []struct {
		kind crm.ActivityKind
		read func(context.Context) ([]moment, error)
	}{{crm.ActivityEmail, v.emails}, {crm.ActivityNote, v.notes}, {crm.ActivityTask, v.tasks}}
	found := make([][]moment, len(kinds))
	group, of := errgroup.WithContext(ctx)
	for i, kind := range kinds {
		if len(v.q.Kinds) > 0 && !slices.Contains(v.q.Kinds, kind.kind) {
			continue
		}
		group.Go(func() (err error) {
			found[i], err = kind.read(of)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, "", err
	}
	list := slices.Concat(found...)
	slices.SortFunc(list, newer)
	next := ""
	if len(list) > v.limit {
		list = list[:v.limit]
		next = list[v.limit-1].cursor()
	}
	activities, err := v.fill(ctx, list)
	return activities, next, err
}

// emails gives the next messages, each once however many mailboxes it lies in.
func (v *timeline) emails(ctx context.Context) ([]moment, error) {
	boxes, err := v.mailboxes(ctx)
	if err != nil || len(boxes) == 0 {
		return nil, err
	}
	query := mail.ListQuery{Record: v.ref.ID}
	if v.record == 0 {
		query.Linked = &v.q.Type
	}
	var list []moment
	for at := v.from.after(v.begun); ; {
		spots, err := v.s.merged(ctx, boxes, query, at, v.limit+1)
		if err != nil {
			return nil, err
		}
		more := len(spots) > v.limit
		spots = spots[:min(len(spots), v.limit+1)]
		pos := make([]int64, len(spots))
		for i, x := range spots {
			pos[i] = x.pos
		}
		copies, err := v.readAndCompare(ctx, boxes, pos)
		if err != nil {
			return nil, err
		}
		for _, p := range pos {
			if !copies[p] {
				list = append(list, emailMoment(p))
			}
		}
		if !more || len(list) > v.limit {
			return list, nil
		}
		at = after{true, pos[len(pos)-1]}
	}
}

// readAndCompare reads messages for the page, and looks for copies meanwhile: most
// messages have none.
func (v *timeline) readAndCompare(ctx context.Context, boxes []box, pos []int64) (copies map[int64]bool, err error) {
	group, of := errgroup.WithContext(ctx)
	group.Go(func() error {
		found, err := v.readEmails(of, pos)
		if v.read == nil {
			v.read = found
		}
		maps.Copy(v.read, found)
		return err
	})
	group.Go(func() (err error) {
		copies, err = v.copies(of, boxes, pos)
		return err
	})
	return copies, group.Wait()
}

// mailboxes are those that may hold something.
func (v *timeline) mailboxes(ctx context.Context) ([]box, error) {
	boxes, err := v.s.boxes(ctx, v.c, "")
	if err != nil || len(boxes) == 0 {
		return nil, err
	}
	if v.record != 0 {
		in, err := v.s.mailboxesOf(ctx, v.record)
		if err != nil {
			return nil, err
		}
		boxes = slices.DeleteFunc(boxes, func(b box) bool { return !slices.Contains(in, b.no) })
	}
	if v.q.User != "" {
		of, err := all(ctx, v.s.steady("linking.Timeline"), "find mailboxes of a member", scanInt, "SELECT no FROM google_integrations WHERE workspace_id = $1 AND user_id = $2",
			string(v.c.Workspace), clean(string(v.q.User)))
		if err != nil {
			return nil, err
		}
		boxes = slices.DeleteFunc(boxes, func(b box) bool { return !slices.Contains(of, b.no) })
	}
	return boxes, nil
}

// copies says which messages another one stands for: the same message (RFC 5322,
// Message-ID) in another mailbox, of which the caller sees more, or the owner is the
// caller, or which came later.
func (v *timeline) copies(ctx context.Context, boxes []box, pos []int64) (map[int64]bool, error) {
	if len(boxes) < 2 || len(pos) == 0 {
		return nil, nil
	}
	s := v.s
	ids, err := all(ctx, s.steady("linking.Timeline"), "read names of messages", scanText,
		"SELECT e.rfc822_message_id FROM synced_emails e WHERE "+s.d.in("e.pos", 1), s.d.list(pos))
	ids = slices.DeleteFunc(ids, func(id string) bool { return id == "" })
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	nos := make([]int64, len(boxes))
	for i, b := range boxes {
		nos[i] = b.no
	}
	on, from := sightOf(v.c, 4), sightOn(v.c, 4, "s")
	args := append([]any{s.d.list(ids), s.d.list(nos), v.record}, on.args...)
	records := "l.record_no = $3"
	if v.record == 0 {
		records = "$3 = 0 AND EXISTS (SELECT 1 FROM records r WHERE r.no = l.record_no AND r.deleted_at IS NULL"
		if v.q.Type != "" {
			args = append(args, string(v.q.Type))
			records += fmt.Sprintf(" AND r.type = $%d", len(args))
		}
		records += ")"
	}
	type copied struct {
		pos   int64
		id    string
		level crm.Level
		mine  bool
	}
	best := map[string]copied{}
	all, err := all(ctx, s.steady("linking.Timeline"), "find copies", func(r scanner) (x copied, err error) {
		err = r.Scan(&x.pos, &x.id, &x.level, &x.mine)
		return x, err
	}, fmt.Sprintf("SELECT e.pos, e.rfc822_message_id, %s, %s FROM synced_emails e"+s.d.by("synced_emails_message_id")+"%s WHERE %s AND e.rfc822_message_id <> '' AND e.shown AND (%s) AND %s"+
		" AND EXISTS (SELECT 1 FROM record_links l%s WHERE l.pos = e.pos AND %s AND %s)", on.level, on.owned, ofBox, s.d.in("e.rfc822_message_id", 1), s.d.in(fmt.Sprintf("(e.pos >> %d)", timeBits), 2), on.where,
		ofSource, records, seenLink(from)), args...)
	if err != nil {
		return nil, err
	}
	stands := func(a, b copied) bool {
		return cmp.Or(cmp.Compare(levelRank(a.level), levelRank(b.level)), compareBool(a.mine, b.mine), cmp.Compare(timePart(a.pos), timePart(b.pos)), cmp.Compare(a.pos, b.pos)) > 0
	}
	for _, x := range all {
		if first, ok := best[x.id]; !ok || stands(x, first) {
			best[x.id] = x
		}
	}
	copies := map[int64]bool{}
	for _, x := range all {
		copies[x.pos] = best[x.id].pos != x.pos
	}
	return copies, nil
}

func levelRank(l crm.Level) int {
	return slices.Index([]crm.Level{crm.LevelNone, crm.LevelMetadata, crm.LevelSubject, crm.LevelFull}, l)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// on is the condition that a row of table x is of the timeline's records: of a
// company, those of its people and deals too. args are its parameters.
func (v *timeline) on(x string, args *[]any) string {
	arg := func(a any) string {
		*args = append(*args, a)
		return fmt.Sprintf("$%d", len(*args))
	}
	switch {
	case v.record != 0 && v.ref.Type == crm.Company:
		no := arg(v.record)
		return x + ".record_no IN (SELECT " + no + " UNION ALL SELECT o.no FROM records o WHERE o.company_no = " + no + " AND o.deleted_at IS NULL)"
	case v.record != 0:
		return x + ".record_no = " + arg(v.record)
	case v.q.Type != "":
		return "EXISTS (SELECT 1 FROM records o WHERE o.no = " + x + ".record_no AND o.deleted_at IS NULL AND o.type = " + arg(string(v.q.Type)) + ")"
	}
	return "(" + x + ".record_no IS NULL OR EXISTS (SELECT 1 FROM records o WHERE o.no = " + x + ".record_no AND o.deleted_at IS NULL))"
}

func (v *timeline) notes(ctx context.Context) ([]moment, error) {
	return v.rows(ctx, "notes", rankNote, []string{"author_id"})
}

func (v *timeline) tasks(ctx context.Context) ([]moment, error) {
	return v.rows(ctx, "tasks", rankTask, []string{"author_id", "assignee_id"})
}

// rows gives the next rows of notes or tasks, by when they were written.
func (v *timeline) rows(ctx context.Context, table string, rank int, people []string) ([]moment, error) {
	at, id := v.from.before(rank)
	args := []any{string(v.c.Workspace), at, id}
	where := v.on("x", &args)
	workspace := "x.workspace_id"
	if v.record != 0 { // the rows of few records lead, not those of the workspace
		workspace = "(x.workspace_id || '')"
	}
	if v.q.User != "" {
		args = append(args, clean(string(v.q.User)))
		var or []string
		for _, p := range people {
			or = append(or, fmt.Sprintf("x.%s = $%d", p, len(args)))
		}
		where += " AND (" + strings.Join(or, " OR ") + ")"
	}
	return all(ctx, v.s.steady("linking.Timeline"), "find "+table, func(r scanner) (m moment, err error) {
		m.rank = rank
		err = r.Scan(&m.at, &m.id)
		return m, err
	}, "SELECT x.created_at, x.id FROM "+table+" x WHERE "+workspace+" = $1 AND (x.created_at, x.id) < ($2, $3) AND "+where+" ORDER BY x.created_at DESC, x.id DESC LIMIT "+strconv.Itoa(v.limit+1), args...)
}

// fill reads what the activities of a page show.
func (v *timeline) fill(ctx context.Context, list []moment) ([]linking.Activity, error) {
	ids := map[int][]string{}
	for _, m := range list {
		if m.rank != rankEmail {
			ids[m.rank] = append(ids[m.rank], m.id)
		}
	}
	notes, err := v.readNotes(ctx, ids[rankNote])
	if err != nil {
		return nil, err
	}
	tasks, err := v.readTasks(ctx, ids[rankTask])
	if err != nil {
		return nil, err
	}
	out := make([]linking.Activity, 0, len(list))
	for _, m := range list {
		var a linking.Activity
		var ok bool
		switch m.rank {
		case rankEmail:
			a, ok = v.read[m.pos]
		case rankNote:
			a, ok = notes[m.id]
		case rankTask:
			a, ok = tasks[m.id]
		}
		if ok { // gone meanwhile
			out = append(out, a)
		}
	}
	return out, nil
}

func (v *timeline) readEmails(ctx context.Context, pos []int64) (map[int64]linking.Activity, error) {
	list, places, err := v.s.emailsAt(ctx, v.c, pos)
	if err != nil {
		return nil, err
	}
	found := make(map[int64]linking.Activity, len(list))
	for i := range list {
		e := &list[i]
		at := slices.IndexFunc(e.Links, func(l crm.MailLink) bool {
			return l.Record.ID == v.ref.ID || v.record == 0 && (v.q.Type == "" || l.Record.Type == v.q.Type)
		})
		if at < 0 {
			continue
		}
		why := e.Links[at]
		found[places[i]] = linking.Activity{Activity: crm.Activity{ID: string(e.ID), Kind: crm.ActivityEmail, At: e.Date, Record: why.Record, Email: e, Why: &why}}
	}
	return found, nil
}

// readNotes reads notes by their ids: the workspace, joined to nothing, leads to no index.
func (v *timeline) readNotes(ctx context.Context, ids []string) (map[string]linking.Activity, error) {
	found := make(map[string]linking.Activity, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	list, err := all(ctx, v.s.steady("linking.Timeline"), "read notes", scanNote, "SELECT "+noteColumns+" FROM "+noteFrom+" WHERE (n.workspace_id || '') = $1 AND "+v.s.d.in("n.id", 2),
		string(v.c.Workspace), v.s.d.list(ids))
	for _, n := range list {
		found[string(n.ID)] = linking.Activity{Activity: crm.Activity{ID: string(n.ID), Kind: crm.ActivityNote, At: n.CreatedAt, Record: n.Record, Note: &n.Note}, Author: n.Author}
	}
	return found, err
}

func (v *timeline) readTasks(ctx context.Context, ids []string) (map[string]linking.Activity, error) {
	found := make(map[string]linking.Activity, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	list, err := all(ctx, v.s.steady("linking.Timeline"), "read tasks", scanTask, "SELECT "+taskColumns+" FROM "+taskFrom+" WHERE (k.workspace_id || '') = $1 AND "+v.s.d.in("k.id", 2),
		string(v.c.Workspace), v.s.d.list(ids))
	for _, k := range list {
		a := linking.Activity{Activity: crm.Activity{ID: string(k.ID), Kind: crm.ActivityTask, At: k.CreatedAt, Task: &k.Task}, Author: k.Author, Assignee: k.Assignee}
		if k.Record != nil {
			a.Record = *k.Record
		}
		found[string(k.ID)] = a
	}
	return found, err
}
