package store

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/link"
	"rapport/internal/mail"
	"rapport/internal/records/linking"
)

// LinkSome links noted conversations (see linking.Store).
func (s *Store) LinkSome(ctx context.Context, w crm.WorkspaceID, n int) (done linking.Piece, err error) {
	waiting, err := one(ctx, s.reading("linking.LinkSome"), "look", scanInt, "SELECT COUNT(*) FROM (SELECT 1 FROM link_queue WHERE workspace_id = $1 LIMIT 1) x", string(w))
	if err != nil || waiting == 0 {
		return done, err
	}
	err = s.write(ctx, "linking.LinkSome", func(t *tx) error {
		done = linking.Piece{}
		at, err := t.lockLinking(ctx, w)
		if err != nil {
			return err
		}
		noted, err := all(ctx, t, "read noted", func(r scanner) (v notedThread, err error) {
			err = r.Scan(&v.box, &v.thread, &v.turn, &v.audit)
			return v, err
		}, "SELECT mailbox, thread, turn, audit FROM link_queue WHERE workspace_id = $1 ORDER BY mailbox, thread LIMIT $2", string(w), int64(n))
		if err != nil || len(noted) == 0 {
			return err
		}
		l := &linker{t: t, w: w, noted: noted, late: at.begunAt - int64(underway/time.Microsecond)}
		if err := l.run(ctx); err != nil {
			return err
		}
		done = l.done
		return l.crossOff(ctx)
	})
	return done, err
}

// underway is how long mail may wait for being linked before it counts as missed.
const underway = time.Minute

// notedThread is a conversation of a mailbox that is to be linked.
type notedThread struct {
	box    int64
	thread string
	turn   int64
	audit  bool
}

func (v notedThread) key() threadOf { return threadOf{v.box, v.thread} }

// linker links conversations within a transaction.
type linker struct {
	t     *tx
	w     crm.WorkspaceID
	noted []notedThread
	done  linking.Piece
	found int64 // messages that the audit found without a link
	late  int64 // those stored since then are not: their turn may be still to come

	boxes   map[int64]*linkBox
	threads map[threadOf]*link.Conversation
	pos     []int64 // of all messages
	dates   map[int64]int64
	stored  map[int64]int64
	hidden  map[int64]bool // messages that are their owner's alone

	book    link.Book
	records map[crm.RecordID]int64 // numbers of those in the book
	ids     map[int64]crm.RecordID
	people  map[string]bool // addresses that are somebody's, deleted ones included
}

// linkBox is a mailbox as far as linking looks at it.
type linkBox struct {
	id     crm.ConnectionID
	owner  crm.UserID
	policy crm.ContactPolicy
	open   bool // others than its owner see some of it
	circle link.Circle
}

func (l *linker) run(ctx context.Context) error {
	l.done.Conversations = len(l.noted)
	for _, step := range []func(context.Context) error{l.readBoxes, l.readMessages, l.readCircles, l.readChoices, l.readRecords, l.makeContacts, l.write} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// crossOff takes what was linked from the list, but for what was noted once more.
func (l *linker) crossOff(ctx context.Context) error {
	n := len(l.noted)
	boxes, threads, turns := make([]int64, n), make([]string, n), make([]int64, n)
	for i, v := range l.noted {
		boxes[i], threads[i], turns[i] = v.box, v.thread, v.turn
	}
	err := l.t.s.d.remove(ctx, l.t, "cross off", "link_queue", n, column{"workspace_id", times(n, string(l.w))}, column{"mailbox", boxes}, column{"thread", threads}, column{"turn", turns})
	if err != nil || l.found == 0 {
		return err
	}
	_, err = l.t.exec(ctx, "count what was missing", "UPDATE link_states SET found = found + $2 WHERE workspace_id = $1 AND walking", string(l.w), l.found)
	return err
}

func (l *linker) readBoxes(ctx context.Context) error {
	var nos []int64
	l.threads = make(map[threadOf]*link.Conversation, len(l.noted))
	for _, v := range l.noted {
		nos = append(nos, v.box)
		l.threads[v.key()] = &link.Conversation{}
	}
	slices.Sort(nos)
	l.boxes = map[int64]*linkBox{}
	return each(ctx, l.t, "read mailboxes", func(r scanner) error {
		var no int64
		var settings string
		var b linkBox
		if err := r.Scan(&no, &b.id, &b.owner, &settings, &b.open); err != nil {
			return err
		}
		var s crm.ConnectionSettings
		err := fromJSON(settings, &s)
		b.policy = s.Contacts()
		l.boxes[no] = &b
		return err
	}, "SELECT c.no, c.id, c.user_id, c.settings, c.visibility NOT IN ('', 'private') OR "+sharesSome+" FROM google_integrations c WHERE c.workspace_id = $1 AND "+l.t.s.d.in("c.no", 2),
		string(l.w), l.t.s.d.list(slices.Compact(nos)))
}

func (l *linker) readMessages(ctx context.Context) error {
	threads := make([]string, len(l.noted))
	for i, v := range l.noted {
		threads[i] = v.thread
	}
	l.dates, l.stored, l.hidden = map[int64]int64{}, map[int64]int64{}, map[int64]bool{}
	return each(ctx, l.t, "read conversations", func(r scanner) error {
		m := link.Message{}
		var thread, to, cc, bcc, replyTo, labels string
		var date, stored int64
		var live bool
		err := r.Scan(&m.ID, &thread, &m.From.Email, &m.From.Name, &to, &cc, &bcc, &replyTo, &labels, &date, &m.Bulk, &m.Protected, &m.Shown, &live, &stored)
		if err != nil {
			return err
		}
		c := l.threads[threadOf{m.ID >> timeBits, thread}]
		if c == nil { // the same name in another mailbox
			return nil
		}
		var errs [5]error
		m.To, errs[0] = readAddresses(to)
		m.Cc, errs[1] = readAddresses(cc)
		m.Bcc, errs[2] = readAddresses(bcc)
		m.ReplyTo, errs[3] = readAddresses(replyTo)
		list, err := readList(labels)
		errs[4] = err
		m.Sent = slices.Contains(list, "SENT")
		m.Draft = live && slices.Contains(list, "DRAFT") && !slices.Contains(list, "TRASH")
		c.Messages = append(c.Messages, m)
		l.pos = append(l.pos, m.ID)
		l.dates[m.ID], l.stored[m.ID], l.hidden[m.ID] = date, stored, m.Protected
		l.done.Messages++
		return errors.Join(errs[:]...)
	}, `SELECT e.pos, e.gmail_thread_id, e.from_email, e.from_name, e.to_emails, e.cc, e.bcc, e.reply_to, e.labels, e.gmail_date, e.bulk, e.protected, e.shown, e.deleted_at IS NULL, e.created_at
		FROM synced_emails e WHERE e.workspace_id = $1 AND `+l.t.s.d.in("e.gmail_thread_id", 2), string(l.w), l.t.s.d.list(threads))
}

// readCircles reads who of the workspace and its rules stands beside the mail.
func (l *linker) readCircles(ctx context.Context) error {
	members := map[string]bool{}
	err := each(ctx, l.t, "read addresses of members", func(r scanner) error {
		email, err := scanText(r)
		members[link.Key(email)] = true
		return err
	}, `SELECT u.email FROM members m JOIN users u ON u.id = m.user_id WHERE m.workspace_id = $1
		UNION SELECT c.google_email FROM google_integrations c WHERE c.workspace_id = $1`, string(l.w))
	if err != nil {
		return err
	}
	policy, err := l.t.s.mailPolicy(ctx, l.t, l.w)
	if err != nil {
		return err
	}
	own := policy.OwnDomains
	if len(own) == 0 {
		if own, err = l.t.s.ownDomains(ctx, l.t, l.w); err != nil {
			return err
		}
	}
	l.book.Exclude(own...)
	ours := mail.NewRules(nil, false, own)
	circles := map[crm.UserID]link.Circle{}
	for _, no := range slices.Sorted(maps.Keys(l.boxes)) {
		b := l.boxes[no]
		circle, known := circles[b.owner]
		if !known {
			rules, err := l.t.s.rulesOf(ctx, l.t, l.w, b.owner)
			if err != nil {
				return err
			}
			circle = link.Circle{Colleague: ours.Ours, Member: func(email string) bool { return members[link.Key(email)] }, Blocked: rules.Blocks}
			circles[b.owner] = circle
		}
		b.circle = circle
	}
	return nil
}

// readChoices reads what people decided about the conversations.
func (l *linker) readChoices(ctx context.Context) error {
	boxes, threads := make([]int64, 0, len(l.boxes)), make([]string, 0, len(l.noted))
	for no := range l.boxes {
		boxes = append(boxes, no)
	}
	for _, v := range l.noted {
		threads = append(threads, v.thread)
	}
	l.records, l.ids = map[crm.RecordID]int64{}, map[int64]crm.RecordID{}
	return each(ctx, l.t, "read choices", func(r scanner) error {
		var at threadOf
		var c link.Choice
		var no, when int64
		var company crm.RecordID
		var companyNo int64
		if err := r.Scan(&at.no, &at.thread, &c.Message, &c.Removed, &c.By, &when, &no, &c.Record, &companyNo, &company); err != nil {
			return err
		}
		c.At = clock(when)
		if conversation := l.threads[at]; conversation != nil {
			conversation.Choices = append(conversation.Choices, c)
			l.know(c.Record, no)
			if companyNo != 0 {
				l.know(company, companyNo)
				l.book.WorksAt(c.Record, company)
			}
		}
		return nil
	}, `SELECT x.mailbox, x.thread, x.pos, x.removed, x.by_user, x.at, r.no, r.id, COALESCE(co.no, 0), COALESCE(co.id, '') FROM link_choices x JOIN records r ON r.no = x.record_no
		LEFT JOIN records co ON co.no = r.company_no AND co.deleted_at IS NULL
		WHERE r.workspace_id = $1 AND r.deleted_at IS NULL AND `+l.t.s.d.in("x.mailbox", 2)+" AND "+l.t.s.d.in("x.thread", 3), string(l.w), l.t.s.d.list(boxes), l.t.s.d.list(threads))
}

func (l *linker) know(id crm.RecordID, no int64) { l.records[id], l.ids[no] = no, id }

// addresses of all messages, and the domains that they may be known by.
func (l *linker) addresses() (keys, domains []string) {
	seen, at := map[string]bool{}, map[string]bool{}
	for _, c := range l.threads {
		for i := range c.Messages {
			for _, k := range c.Messages[i].Keys() {
				if seen[k] {
					continue
				}
				seen[k] = true
				host := link.Host(k)
				at[host] = true
				if d := link.Registrable(host); d != "" {
					at[d] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(seen)), slices.Sorted(maps.Keys(at))
}

// readRecords fills the book with the records of all addresses.
func (l *linker) readRecords(ctx context.Context) error {
	keys, domains := l.addresses()
	for i, k := range keys {
		keys[i] = clean(k)
	}
	for i, d := range domains {
		domains[i] = clean(d)
	}
	if len(keys) == 0 {
		return nil
	}
	known, err := l.t.s.recordsBy(ctx, l.t, l.w, recordKeys{Emails: keys, Domains: domains})
	if err != nil {
		return err
	}
	l.people = map[string]bool{}
	var nos []int64
	for _, k := range known {
		l.know(k.ID, k.No)
		if k.By == "domain" {
			l.book.AddDomain(k.ID, k.Key)
			continue
		}
		l.people[k.Key] = true
		l.book.AddAddress(k.ID, k.Key)
		nos = append(nos, k.No)
		if k.CompanyNo != 0 {
			l.know(k.Company.ID, k.CompanyNo)
			l.book.WorksAt(k.ID, k.Company.ID)
		}
	}
	if len(nos) == 0 {
		return nil
	}
	return each(ctx, l.t, "read deals", func(r scanner) error {
		var person, no, companyNo int64
		var deal, company crm.RecordID
		var stage string
		if err := r.Scan(&person, &no, &deal, &stage, &companyNo, &company); err != nil || !crm.Open(stage) {
			return err
		}
		l.know(deal, no)
		l.book.InDeal(l.ids[person], deal)
		if companyNo != 0 {
			l.know(company, companyNo)
			l.book.WorksAt(deal, company)
		}
		return nil
	}, `SELECT p.person_no, d.no, d.id, d.stage, COALESCE(co.no, 0), COALESCE(co.id, '') FROM deal_people p JOIN records d ON d.no = p.deal_no
		LEFT JOIN records co ON co.no = d.company_no AND co.deleted_at IS NULL
		WHERE d.deleted_at IS NULL AND `+l.t.s.d.in("p.person_no", 1)+" ORDER BY p.person_no, d.no", l.t.s.d.list(nos))
}

// makeContacts makes the people that the policies of the mailboxes want, and puts them
// into the book.
func (l *linker) makeContacts(ctx context.Context) error {
	type wanted struct {
		link.Contact
		box *linkBox
	}
	list := map[string]wanted{}
	for at, c := range l.threads {
		b := l.boxes[at.no]
		if b == nil {
			continue
		}
		for _, p := range link.Contacts(*c, b.circle, b.policy) {
			// Of several, the oldest message makes them, wherever it lies.
			if first, ok := list[p.Key]; !l.people[clean(p.Key)] && (!ok || timePart(p.Message) < timePart(first.Message) || timePart(p.Message) == timePart(first.Message) && p.Message < first.Message) {
				list[p.Key] = wanted{p, b}
			}
		}
	}
	if len(list) == 0 {
		return nil
	}
	gone, err := l.deleted(ctx, slices.Sorted(maps.Keys(list)))
	if err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(list)) { // in this order everywhere: no two wait for each other
		p := list[key]
		if gone[key] {
			continue
		}
		if err := l.makeContact(ctx, p.Contact, p.box, gone); err != nil {
			return err
		}
	}
	return nil
}

// deleted says which of the addresses, and of their domains ("@" before them), are of
// records that somebody deleted: mail does not make those again.
func (l *linker) deleted(ctx context.Context, keys []string) (map[string]bool, error) {
	var domains []string
	for _, k := range keys {
		if d := link.CompanyDomain(k); d != "" {
			domains = append(domains, clean(d))
		}
	}
	gone := map[string]bool{}
	err := each(ctx, l.t, "look for deleted records", func(r scanner) error {
		key, err := scanText(r)
		gone[key] = true
		return err
	}, `SELECT x.key FROM record_emails x JOIN records r ON r.no = x.record_no WHERE x.workspace_id = $1 AND r.deleted_at IS NOT NULL AND r.merged_into = '' AND `+l.t.s.d.in("x.key", 2)+`
		UNION SELECT '@' || d.domain FROM record_domains d JOIN records r ON r.no = d.record_no WHERE d.workspace_id = $1 AND r.deleted_at IS NOT NULL AND r.merged_into = '' AND `+l.t.s.d.in("d.domain", 3),
		string(l.w), l.t.s.d.list(cleaned(keys)), l.t.s.d.list(append([]string{}, domains...)))
	return gone, err
}

func (l *linker) makeContact(ctx context.Context, p link.Contact, b *linkBox, gone map[string]bool) error {
	id, err := one(ctx, l.t, "read email", scanText, "SELECT id FROM synced_emails WHERE pos = $1", p.Message)
	if err != nil {
		return err
	}
	maker := crm.Maker{By: crm.ByMail, UserID: b.owner}
	source := crm.Source{By: crm.ByMail, EmailID: crm.EmailID(id), At: clock(l.dates[p.Message])}
	var company int64
	if p.Domain != "" && !gone["@"+p.Domain] {
		no, id, made, err := l.t.companyOf(ctx, l.w, newCompany{Domain: clean(p.Domain), Maker: maker, Source: source})
		if err != nil {
			return err
		}
		company = no
		l.know(id, no)
		l.book.AddDomain(id, p.Domain)
		if made {
			l.done.Companies++
		}
	}
	no, person, made, err := l.t.makePerson(ctx, l.w, newPerson{Email: clean(p.Email), Name: clean(p.Name), Company: company, Maker: maker, Source: source})
	if err != nil {
		return err
	}
	if made {
		l.done.People++
	}
	l.know(person, no)
	l.book.AddAddress(person, p.Email)
	if made && company != 0 {
		l.book.WorksAt(person, l.ids[company])
	}
	return nil
}

// tellLinked tells that the timelines of records have changed: everybody, or only the
// owner of a mailbox that others see nothing of.
func (l *linker) tellLinked(of map[crm.UserID]map[int64]bool) {
	for _, user := range slices.Sorted(maps.Keys(of)) {
		var ids []crm.RecordID
		for no := range of[user] {
			if id := l.ids[no]; id != "" {
				ids = append(ids, id)
			}
		}
		slices.SortFunc(ids, func(a, b crm.RecordID) int { return strings.Compare(string(a), string(b)) })
		for piece := range slices.Chunk(ids, mostTold) {
			l.t.fact(fact.Fact{Kind: fact.RecordLinked, WorkspaceID: l.w, UserID: user, Data: json.RawMessage(jsonText(map[string]any{"ids": piece}))})
		}
	}
}

func sortedPos(set map[int64]bool) []int64 { return slices.Sorted(maps.Keys(set)) }

func sortedKeys(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }
