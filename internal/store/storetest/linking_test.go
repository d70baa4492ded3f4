package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/link"
	"rapport/internal/mail"
	"rapport/internal/records/linking"
	"rapport/internal/store"
)

// desk links the mail of a world, as the program does it: facts lead to work.
type desk struct {
	*World
	room *linking.Service
	seq  int64
}

func newDesk(t *testing.T, d Database, options ...func(*store.Options)) *desk {
	w := NewWorld(t, d, options...)
	return &desk{World: w, room: &linking.Service{Store: w.Store, Queue: w.Store, Now: w.Clock.Now, Random: rand.Reader, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Budget: time.Hour}}
}

// follow lets facts have their consequences; step does the work.
func (d *desk) follow() (any bool) {
	d.T.Helper()
	for {
		facts, err := d.FactsAfter(ctx, d.seq, 100)
		require.NoError(d.T, err)
		if len(facts) == 0 {
			return any
		}
		for _, f := range facts {
			d.seq = f.Seq
			switch f.Kind {
			case fact.MailArrived, fact.MailChanged:
				require.NoError(d.T, d.room.Mail(ctx, f))
			case fact.RecordCreated, fact.RecordChanged, fact.RecordDeleted, fact.RecordRestored:
				require.NoError(d.T, d.room.Records(ctx, f))
			default:
				continue
			}
			any = true
		}
	}
}

func (d *desk) step(w crm.WorkspaceID) {
	d.T.Helper()
	for more := true; more; {
		var err error
		more, err = d.room.Definitions()[0].Step(ctx, string(w))
		require.NoError(d.T, err)
	}
}

// settle follows and works until nothing follows any more.
func (d *desk) settle() {
	d.T.Helper()
	for d.follow() {
		d.step(d.Home)
	}
}

// person is a record by its addresses; SQL makes it, as importers of other programs do.
func (d *desk) record(kind crm.RecordType, name string, emails, domains string, company ...crm.RecordID) crm.RecordID {
	d.T.Helper()
	id := d.ID()
	d.exec(`INSERT INTO records (id, workspace_id, list_no, type, name, name_key, stage, created_at, updated_at, company_no)
		VALUES ($1, $2, 1, $3, $4, $4, $5, 1, 1, (SELECT no FROM records WHERE id = $6))`, id, string(d.Home), string(kind), name, map[crm.RecordType]string{crm.Deal: "new"}[kind], string(append(company, "")[0]))
	for e := range strings.FieldsSeq(emails) {
		d.exec("INSERT INTO record_emails (workspace_id, key, record_no) SELECT $1, $2, no FROM records WHERE id = $3", string(d.Home), link.Key(e), id)
	}
	for e := range strings.FieldsSeq(domains) {
		d.exec("INSERT INTO record_domains (workspace_id, domain, record_no) SELECT $1, $2, no FROM records WHERE id = $3", string(d.Home), e, id)
	}
	return crm.RecordID(id)
}

func (d *desk) exec(query string, args ...any) {
	d.T.Helper()
	db := d.Look()
	defer func() { _ = db.Close() }()
	_, err := db.Exec(query, args...)
	require.NoError(d.T, err)
}

func (d *desk) changed(kind fact.Kind, ids ...crm.RecordID) {
	d.T.Helper()
	require.NoError(d.T, d.room.Records(ctx, fact.Fact{Kind: kind, WorkspaceID: d.Home, Data: []byte(fmt.Sprintf(`{"ids":[%s],"addresses":true}`, quoted(ids)))}))
	d.step(d.Home)
	d.settle()
}

func quoted[T ~string](ids []T) string {
	all := make([]string, len(ids))
	for i, id := range ids {
		all[i] = fmt.Sprintf("%q", string(id))
	}
	return strings.Join(all, ",")
}

// picture is all links, in words, with what was skipped and the people there are. What is
// made from mail is known by its addresses: names depend on who wrote first.
func (d *desk) picture() (list []string) {
	d.T.Helper()
	db := d.Look()
	defer func() { _ = db.Close() }()
	read := func(query string, columns int) {
		rows, err := db.Query(query)
		require.NoError(d.T, err)
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			v, dest := make([]string, columns), make([]any, columns)
			for i := range v {
				dest[i] = &v[i]
			}
			require.NoError(d.T, rows.Scan(dest...))
			list = append(list, strings.Join(v, " "))
		}
		require.NoError(d.T, rows.Err())
	}
	const who = "COALESCE((SELECT MIN(x.key) FROM record_emails x WHERE x.record_no = %[1]s.no), (SELECT MIN(x.domain) FROM record_domains x WHERE x.record_no = %[1]s.no), %[1]s.name)"
	of := func(r string) string { return fmt.Sprintf(who, r) }
	read(`SELECT 'link', c.google_email, e.gmail_id, `+of("r")+`, l.rule, l.address, CASE WHEN v.no IS NULL THEN '' ELSE 'via ' || `+of("v")+` END, s.gmail_id, CASE WHEN l.deep THEN 'deep' ELSE '' END
		FROM record_links l JOIN synced_emails e ON e.pos = l.pos JOIN google_integrations c ON c.id = e.integration_id JOIN records r ON r.no = l.record_no AND r.deleted_at IS NULL
		JOIN synced_emails s ON s.pos = l.source LEFT JOIN records v ON v.no = l.via_no`, 9)
	read(`SELECT 'skip', c.google_email, e.gmail_id, k.rule FROM link_skips k JOIN synced_emails e ON e.pos = k.pos JOIN google_integrations c ON c.id = e.integration_id`, 4)
	read(`SELECT 'record', r.type, `+of("r")+`, COALESCE((SELECT `+of("co")+` FROM records co WHERE co.no = r.company_no), '') FROM records r WHERE r.deleted_at IS NULL`, 4)
	slices.Sort(list)
	return list
}

// put stores messages in one batch.
func (d *desk) put(c crm.Connection, list ...*crm.Email) { d.Put(c, Whole(list...)...) }

func written(from, to string, change ...func(*crm.Email)) func(*crm.Email) {
	return func(e *crm.Email) {
		e.From = crm.Address{Email: from}
		e.To = nil
		for a := range strings.FieldsSeq(to) {
			e.To = append(e.To, crm.Address{Email: a})
		}
		for _, f := range change {
			f(e)
		}
	}
}

func policy(p crm.ContactPolicy) func(*crm.Connection) {
	return func(c *crm.Connection) { c.Settings.ContactPolicy = p }
}

const adaMail = "ada@northwind-lamps.example"

func TestMailMakesPeopleAndTheirCompanies(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := newDesk(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		in := InThread("t")
		w.put(c, Mail(1, in, written("ines@quarry-stone.example", adaMail)))
		w.settle()
		require.Equal(t, []string{"skip ada@northwind-lamps.example 18c0000000000001 nobody"}, w.picture(), "nobody wrote to her yet")
		w.put(c, Mail(2, in, Labelled("SENT"), written(adaMail, "ines@quarry-stone.example")))
		w.settle()
		page, _, err := w.room.Activities(ctx, Caller(w.Home, w.Ada), linking.TimelineQuery{})
		require.NoError(t, err)
		require.Len(t, page, 2, "the message before counts, too")
		require.Equal(t, []string{
			"link ada@northwind-lamps.example 18c0000000000001 ines@quarry-stone.example address ines@quarry-stone.example  18c0000000000001 ",
			"link ada@northwind-lamps.example 18c0000000000001 quarry-stone.example domain ines@quarry-stone.example  18c0000000000001 ",
			"link ada@northwind-lamps.example 18c0000000000002 ines@quarry-stone.example address ines@quarry-stone.example  18c0000000000002 ",
			"link ada@northwind-lamps.example 18c0000000000002 quarry-stone.example domain ines@quarry-stone.example  18c0000000000002 ",
			"record company quarry-stone.example ",
			"record person ines@quarry-stone.example quarry-stone.example",
		}, w.picture())
		w.put(c, Mail(3, written("ines@quarry-stone.example", adaMail)), Mail(4, written("otto@quarry-stone.example", adaMail)))
		w.settle()
		require.Contains(t, w.picture(), "link ada@northwind-lamps.example 18c0000000000003 ines@quarry-stone.example address ines@quarry-stone.example  18c0000000000003 ", "later mail")
		require.Contains(t, w.picture(), "link ada@northwind-lamps.example 18c0000000000004 quarry-stone.example domain otto@quarry-stone.example  18c0000000000004 ", "of a colleague of hers")
		e, err := w.Email(ctx, Caller(w.Home, w.Ada), w.idOf(c, Mail(3).GmailID))
		require.NoError(t, err)
		require.Len(t, e.Links, 2)
		require.Equal(t, "Ines takes part in this conversation (ines@quarry-stone.example).", linking.Why(e.Links[0]))
		require.Equal(t, "Quarry Stone", e.Links[1].Record.Name)

		w.put(c, Mail(5, Labelled("SENT"), written(adaMail, "éva.örn@quarry-stone.example")))
		w.settle()
		e, err = w.Email(ctx, Caller(w.Home, w.Ada), w.idOf(c, Mail(5).GmailID))
		require.NoError(t, err)
		require.Equal(t, "Éva Örn", e.Links[0].Record.Name, "an address need not be of Latin letters without marks")
	})
}

func TestWhatSomebodyDeletedIsNotMadeAgain(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := newDesk(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		sent := func(n int) *crm.Email {
			return Mail(n, Labelled("SENT"), written(adaMail, "ines@quarry-stone.example"))
		}
		w.put(c, sent(1))
		w.settle()
		w.exec("UPDATE records SET deleted_at = 5")
		w.put(c, sent(2))
		w.settle()
		require.Equal(t, []string{"skip ada@northwind-lamps.example 18c0000000000001 nobody", "skip ada@northwind-lamps.example 18c0000000000002 nobody"}[1:], w.picture())
		w.exec("UPDATE records SET deleted_at = NULL")
		var ids []crm.RecordID
		for _, kind := range []string{"person", "company"} {
			ids = append(ids, w.only(kind))
		}
		w.changed(fact.RecordRestored, ids...)
		require.Len(t, w.picture(), 6, "restored, with what came meanwhile")
	})
}

// only gives the id of the one record of a type.
func (d *desk) only(kind string) (id crm.RecordID) {
	d.T.Helper()
	db := d.Look()
	defer func() { _ = db.Close() }()
	require.NoError(d.T, db.QueryRow("SELECT id FROM records WHERE type = $1", kind).Scan(&id))
	return id
}

func TestAddressesLinkThePast(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := newDesk(t, d)
		c := w.Connect(w.Home, w.Ada, "ada", policy(crm.ContactsNone))
		abroad := w.Connect(w.Abroad, w.Cleo, "cleo", policy(crm.ContactsNone))
		for n := range 7 {
			w.put(c, Mail(n, written("ines@mail.quarry.example", adaMail)))
			w.put(abroad, Mail(n, written("ines@mail.quarry.example", adaMail)))
		}
		w.settle()
		w.step(w.Abroad)
		links := func(word string) (n int) {
			for _, l := range w.picture() {
				if strings.HasPrefix(l, "link ") && strings.Contains(l, word) {
					n++
				}
			}
			return n
		}
		ines := w.record(crm.Person, "Ines", "other@quarry.example", "")
		w.changed(fact.RecordCreated, ines)
		require.Zero(t, links(""))
		w.exec("INSERT INTO record_emails (workspace_id, key, record_no) SELECT workspace_id, 'ines@mail.quarry.example', no FROM records WHERE id = $1", string(ines))
		w.changed(fact.RecordChanged, ines)
		require.Equal(t, 7, links(" address "))
		company := w.record(crm.Company, "Quarry", "", "quarry.example")
		w.changed(fact.RecordCreated, company)
		require.Equal(t, 7, links(" domain "))
		w.exec("DELETE FROM record_emails WHERE key = 'ines@mail.quarry.example'")
		w.changed(fact.RecordChanged, ines)
		require.Zero(t, links(" address "))
		require.Equal(t, 7, links(""))
		deal := w.record(crm.Deal, "Slate", "", "", company)
		w.exec("INSERT INTO record_emails (workspace_id, key, record_no) SELECT workspace_id, 'ines@mail.quarry.example', no FROM records WHERE id = $1", string(ines))
		w.exec("INSERT INTO deal_people (deal_no, person_no, role, place) SELECT d.no, p.no, '', 0 FROM records d, records p WHERE d.id = $1 AND p.id = $2", string(deal), string(ines))
		w.changed(fact.RecordChanged, deal)
		require.Equal(t, 7, links(" deal "))
		w.exec("UPDATE records SET stage = 'won' WHERE id = $1", string(deal))
		w.changed(fact.RecordChanged, deal)
		require.Zero(t, links(" deal "), "mail is linked to open deals")
		require.Equal(t, 7, links(" address "))
		w.exec("UPDATE records SET deleted_at = 3 WHERE id = $1", string(company))
		w.changed(fact.RecordDeleted, company)
		require.Equal(t, 7, links(""))
		state, err := w.LinkingState(ctx, access.System(w.Home))
		require.NoError(t, err)
		require.EqualValues(t, 7, state.Linked)
		require.Zero(t, state.Waiting)
	})
}

// The whole machine, once more with chance: all at once, one by one in any order, and
// after a look at everything are the same.
func TestLinkingDoesNotDependOnTheOrder(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		seeds := uint64(6)
		if d == PostgreSQL {
			seeds = 3
		}
		for seed := range seeds {
			want := linkedTown(t, d, seed, 0)
			require.NotEmpty(t, want)
			for order := range uint64(2) {
				require.Empty(t, cmp.Diff(want, linkedTown(t, d, seed, order+1)), "seed %d, order %d", seed, order)
			}
		}
	})
}

// linkedTown puts the messages of a seed in an order, 0 all at once, and gives the picture.
func linkedTown(t *testing.T, d Database, seed, order uint64) []string {
	r := mathrand.New(mathrand.NewPCG(seed, 11))
	w := newDesk(t, d)
	boxes := []crm.Connection{w.Connect(w.Home, w.Ada, "ada"), w.Connect(w.Home, w.Ben, "ben", policy(crm.ContactsAll)), w.Connect(w.Home, w.Ada, "quiet", policy(crm.ContactsNone))}
	harbour := w.record(crm.Company, "Harbour", "", "harbour.example")
	w.record(crm.Person, "Elena", "elena@harbour.example elena.fischer@gmail.com", "", harbour)
	w.record(crm.Person, "Twin", "elena@harbour.example", "")
	people := strings.Fields("elena@harbour.example elena.fischer@gmail.com otto@harbour.example ines@quarry.example lea@quarry.example kim@mail.consulting.example someone@gmail.com noreply@harbour.example " +
		"ada@northwind-lamps.example ben@northwind-lamps.example boss@northwind-lamps.example")
	pick := func() string { return people[r.IntN(len(people))] }
	type arrival struct {
		box  int
		mail *crm.Email
	}
	var list []arrival
	for n := range 14 {
		labels := [][]string{{"INBOX"}, {"INBOX"}, {"SENT"}, {"DRAFT"}, {"SPAM"}, {"TRASH"}}[r.IntN(6)]
		e := Mail(n, InThread(fmt.Sprint("t", r.IntN(6))), Labelled(labels...), written(pick(), pick()+" "+pick()))
		e.Cc, e.Bcc = []crm.Address{{Email: pick()}}, []crm.Address{{Email: pick()}}
		e.Bulk = r.IntN(6) == 0
		list = append(list, arrival{r.IntN(3), e})
	}
	if order == 0 {
		for i, c := range boxes {
			var all []*crm.Email
			for _, a := range list {
				if a.box == i {
					all = append(all, a.mail)
				}
			}
			w.put(c, all...)
		}
		w.settle()
		before := w.picture()
		require.NoError(t, w.room.Relink(ctx, access.System(w.Home)))
		w.step(w.Home)
		w.settle()
		require.Empty(t, cmp.Diff(before, w.picture()), "after relinking")
		state, err := w.LinkingState(ctx, access.System(w.Home))
		require.NoError(t, err)
		require.Zero(t, state.Missing)
		require.NotNil(t, state.Audited)
		return before
	}
	r = mathrand.New(mathrand.NewPCG(seed, 100+order))
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	for _, a := range list {
		early := *a.mail
		if r.IntN(3) == 0 { // it arrives with other labels
			early.Labels = []string{"INBOX", "TRASH"}
			w.put(boxes[a.box], &early)
			if r.IntN(2) == 0 {
				w.settle()
			}
			w.Put(boxes[a.box], Relabel(a.mail, a.mail.HistoryID+5000, a.mail.Labels...))
		} else {
			w.put(boxes[a.box], a.mail)
		}
		if r.IntN(2) == 0 {
			w.settle()
		}
	}
	w.settle()
	return w.picture()
}

func TestTheAuditFindsWhatWasLost(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := newDesk(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		for n := range 20 {
			w.put(c, Mail(n, Labelled("SENT"), written(adaMail, fmt.Sprintf("p%d@quarry.example", n))))
		}
		w.settle()
		want := w.picture()
		w.exec("DELETE FROM record_links WHERE pos % 7 < 3")
		w.exec("DELETE FROM mail_participants WHERE pos % 7 > 4")
		w.exec("DELETE FROM link_queue")
		w.Clock.Move(time.Hour)
		more, err := w.room.Definitions()[1].Step(ctx, "")
		require.NoError(t, err)
		require.False(t, more)
		state, err := w.LinkingState(ctx, access.System(w.Home))
		require.NoError(t, err)
		require.NotNil(t, state.Walk)
		w.step(w.Home)
		require.Empty(t, cmp.Diff(want, w.picture()))
		state, err = w.LinkingState(ctx, access.System(w.Home))
		require.NoError(t, err)
		require.Positive(t, state.Missing)
		require.Nil(t, state.Walk)
		require.EqualValues(t, 20, state.Linked)
		audited := *state.Audited
		_, err = w.room.Definitions()[1].Step(ctx, "")
		require.NoError(t, err)
		state, err = w.LinkingState(ctx, access.System(w.Home))
		require.NoError(t, err)
		require.Nil(t, state.Walk, "a start of the program asks again")
		w.Clock.Move(24 * time.Hour)
		// What has come just now is not missing: its turn is still to come.
		w.put(c, Mail(30, Labelled("SENT"), written(adaMail, "late@quarry.example")))
		_, err = w.room.Definitions()[1].Step(ctx, "")
		require.NoError(t, err)
		w.step(w.Home)
		state, err = w.LinkingState(ctx, access.System(w.Home))
		require.NoError(t, err)
		require.Zero(t, state.Missing, "the night after")
		require.EqualValues(t, 21, state.Linked)
		require.True(t, state.Audited.After(audited))
	})
}

func TestLinksByHand(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := newDesk(t, d)
		c := w.Connect(w.Home, w.Ada, "ada", policy(crm.ContactsNone))
		otto := w.record(crm.Person, "Otto", "otto@harbour.example", "")
		in := InThread("t")
		w.put(c, Mail(1, in, written("x@elsewhere.example", adaMail)), Mail(2, in, written("x@elsewhere.example", adaMail)))
		w.settle()
		ada := Caller(w.Home, w.Ada)
		rules := func(n int) (list []string) {
			e, err := w.Email(ctx, ada, w.idOf(c, Mail(n).GmailID))
			require.NoError(t, err)
			for _, l := range e.Links {
				list = append(list, l.Record.Name+" "+string(l.Rule))
			}
			return list
		}
		one := w.idOf(c, Mail(1).GmailID)
		links, err := w.room.LinkEmail(ctx, ada, one, otto, true)
		require.NoError(t, err)
		require.Len(t, links, 1)
		require.Equal(t, "ada linked it by hand.", linking.Why(links[0]))
		require.Equal(t, []string{"Otto manual"}, rules(1), "at once")
		require.Equal(t, []string{"Otto manual"}, rules(2))
		w.put(c, Mail(3, in, written("x@elsewhere.example", adaMail)))
		w.settle()
		require.Equal(t, []string{"Otto manual"}, rules(3), "what comes later, too")
		require.NoError(t, w.room.UnlinkEmail(ctx, ada, one, otto, true))
		require.Empty(t, rules(1))
		w.put(c, Mail(4, in, written("otto@harbour.example", adaMail)))
		w.settle()
		require.Empty(t, rules(4), "removed stays removed")
		w.put(c, Mail(5, written("otto@harbour.example", adaMail)))
		w.settle()
		require.Equal(t, []string{"Otto address"}, rules(5), "in another conversation it is another matter")
		_, err = w.room.LinkEmail(ctx, ada, one, otto, false)
		require.NoError(t, err)
		require.Equal(t, []string{"Otto manual"}, rules(1))
		require.Empty(t, rules(2))

		for _, c := range []access.Caller{Caller(w.Home, w.Ben), Caller(w.Abroad, w.Cleo)} {
			_, err = w.room.LinkEmail(ctx, c, one, otto, true)
			require.Equal(t, fault.NotFound, fault.Of(err), "who sees nothing of a message links nothing")
		}
		_, err = w.room.LinkEmail(ctx, ada, one, "nothing", true)
		require.Equal(t, fault.NotFound, fault.Of(err))
		_, err = w.room.LinkEmail(ctx, access.Everyone(w.Home), one, otto, true)
		require.Equal(t, fault.Forbidden, fault.Of(err))
	})
}

// TestLinkingIsAtomic kills a piece at each of its operations.
func TestLinkingIsAtomic(t *testing.T) {
	atomically(t, func(w *World) func() error {
		d := &desk{World: w}
		_, _, _, err := w.ChangeMailPolicy(ctx, w.Home, func(p *crm.MailPolicy) ([]access.Audit, error) {
			p.OwnDomains = []string{"northwind-lamps.example"} // else they are looked up, and remembered
			return nil, nil
		})
		require.NoError(w.T, err)
		harbour := d.record(crm.Company, "Harbour", "", "harbour.example")
		d.record(crm.Person, "Elena", "elena@harbour.example", "", harbour)
		c := w.Connect(w.Home, w.Ada, "ada", policy(crm.ContactsNone))
		named := func(e *crm.Email) { e.ID = crm.EmailID("e" + e.GmailID) }
		w.Put(c, Whole(Mail(1, named, InThread("t"), written("elena@harbour.example", adaMail)), Mail(2, named, InThread("t"), written(adaMail, "x@elsewhere.example")), Mail(3, named), Mail(4, named, InThread("t"), Labelled("DRAFT")))...)
		_, err = w.NoteMail(ctx, w.Home, []crm.EmailID{crm.EmailID("e" + Mail(1).GmailID), crm.EmailID("e" + Mail(3).GmailID)})
		require.NoError(w.T, err)
		return func() error {
			_, err := w.LinkSome(ctx, w.Home, 10)
			return err
		}
	})
}

// TestLinkingOutlivesKills kills the work at every operation in turn, with people being
// made: in the end it is as if nothing had been, and nobody is there twice.
func TestLinkingOutlivesKills(t *testing.T) {
	Each(t, func(t *testing.T, db Database) {
		k := &killer{}
		w := newDesk(t, db, func(o *store.Options) { o.Hook = k.hook })
		c := w.Connect(w.Home, w.Ada, "ada")
		for n := range 4 {
			w.put(c, Mail(n, InThread(fmt.Sprint("t", n/2)), Labelled("SENT"), written(adaMail, fmt.Sprintf("p%d@quarry.example ines@quarry.example", n))))
		}
		w.follow()
		for at := 1; ; at++ {
			k.arm(at)
			more, err := true, error(nil)
			for more && err == nil {
				more, err = w.room.Definitions()[0].Step(ctx, string(w.Home))
			}
			if err == nil {
				break
			}
			require.ErrorIs(t, err, errKilled)
			require.Less(t, at, 300)
		}
		k.arm(0)
		w.settle()
		got := w.picture()
		fresh := newDesk(t, db)
		c = fresh.Connect(fresh.Home, fresh.Ada, "ada")
		for n := range 4 {
			fresh.put(c, Mail(n, InThread(fmt.Sprint("t", n/2)), Labelled("SENT"), written(adaMail, fmt.Sprintf("p%d@quarry.example ines@quarry.example", n))))
		}
		fresh.settle()
		require.Empty(t, cmp.Diff(fresh.picture(), got))
	})
}

// Two who link at the same time, and mail of two mailboxes, make nobody twice.
func TestPeopleAreMadeOnce(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := newDesk(t, d)
		a, b := w.Connect(w.Home, w.Ada, "ada"), w.Connect(w.Home, w.Ben, "ben")
		for n := range 30 {
			w.put(a, Mail(n, Labelled("SENT"), written(adaMail, fmt.Sprintf("p%d@quarry.example", n%5))))
			w.put(b, Mail(n, Labelled("SENT"), written("ben@northwind-lamps.example", fmt.Sprintf("p%d@quarry.example", n%5))))
		}
		w.follow()
		done := make(chan error, 4)
		for range 4 {
			go func() {
				for {
					p, err := w.LinkSome(context.WithoutCancel(ctx), w.Home, 3)
					if err != nil || p.Conversations == 0 {
						done <- err
						return
					}
				}
			}()
		}
		var errs []error
		for range 4 {
			errs = append(errs, <-done)
		}
		require.NoError(t, errors.Join(errs...))
		w.settle()
		n := 0
		for _, l := range w.picture() {
			if strings.HasPrefix(l, "record ") {
				n++
			}
		}
		require.Equal(t, 6, n, "five people and their company")
	})
}

func TestLinksGoWithMessagesAndMailboxes(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := newDesk(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		in := InThread("t")
		elena := w.record(crm.Person, "Elena", "elena@harbour.example", "")
		w.put(c, Mail(1, in, written("elena@harbour.example", adaMail)), Mail(2, in, written(adaMail, "x@elsewhere.example")), Mail(3, written("elena@harbour.example", adaMail)))
		w.settle()
		count := func() int {
			list, _, err := w.room.Timeline(ctx, Caller(w.Home, w.Ada), linking.TimelineQuery{Record: elena})
			require.NoError(t, err)
			return len(list)
		}
		last := func() (at int64) {
			db := w.Look()
			defer func() { _ = db.Close() }()
			require.NoError(t, db.QueryRow("SELECT last_at FROM records WHERE id = $1", string(elena)).Scan(&at))
			return at
		}
		require.Equal(t, 3, count())
		require.Equal(t, Mail(3).Date.UnixMicro(), last())
		w.Put(c, Relabel(Mail(3), 9000, "TRASH"))
		w.settle()
		require.Equal(t, 2, count(), "in the bin")
		require.Equal(t, Mail(2).Date.UnixMicro(), last())
		w.Put(c, Relabel(Mail(3), 9001, "INBOX"))
		w.settle()
		require.Equal(t, 3, count(), "and back")
		w.Put(c, Gone(Mail(1), 9002))
		w.settle()
		require.Equal(t, 1, count(), "what was linked because of it goes, too")
		_, err := w.Age(ctx, c.ID, w.Clock.Now(), 10)
		require.NoError(t, err)
		_, err = w.DeleteData(ctx, w.Home, c.ID)
		require.NoError(t, err)
		require.Zero(t, count())
		w.step(w.Home)
		w.settle()
		require.Zero(t, last(), "nothing has happened that anybody could see")
		_, err = w.TidyLinks(ctx, 0, 100)
		require.NoError(t, err)
		require.Empty(t, w.Dump()["mail_addresses"], "no address stays of mail that is gone")
		require.Empty(t, w.Dump()["link_queue"])
	})
}

func TestTimeline(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := newDesk(t, d)
		a, b := w.Connect(w.Home, w.Ada, "ada", policy(crm.ContactsNone)), w.Connect(w.Home, w.Ben, "ben", policy(crm.ContactsNone), Shared)
		harbour := w.record(crm.Company, "Harbour", "", "harbour.example")
		elena := w.record(crm.Person, "Elena", "elena@harbour.example", "", harbour)
		other := w.record(crm.Person, "Other", "other@elsewhere.example", "")
		for n := range 9 {
			e := Mail(n, written("elena@harbour.example", adaMail))
			w.put(a, e)
			if n%3 == 0 { // a copy, a moment later
				second := *e
				second.GmailID, second.ThreadID, second.Date = "copy"+e.GmailID, "copy"+e.ThreadID, e.Date.Add(3*time.Second)
				w.put(b, &second)
			}
		}
		at := func(n int) int64 { return Start.Add(time.Duration(n)*time.Minute + 30*time.Second).UnixMicro() }
		for n := range 4 {
			w.exec(`INSERT INTO notes (id, workspace_id, record_no, text, author_id, created_at, updated_at) SELECT $1, workspace_id, no, $2, $3, $4, $4 FROM records WHERE id = $5`,
				w.ID(), fmt.Sprint("note ", n), string(w.Ben.ID), at(2*n), string(elena))
			w.exec(`INSERT INTO tasks (id, workspace_id, record_no, title, assignee_id, author_id, created_at, updated_at, version) SELECT $1, workspace_id, no, $2, $3, $3, $4, $4, 1 FROM records WHERE id = $5`,
				w.ID(), fmt.Sprint("task ", n), string(w.Ada.ID), at(2*n), string(elena))
		}
		w.settle()
		ada := Caller(w.Home, w.Ada)
		read := func(c access.Caller, q linking.TimelineQuery) (list []string) {
			for {
				page, next, err := w.room.Timeline(ctx, c, q)
				require.NoError(t, err)
				require.LessOrEqual(t, len(page), max(q.Limit, 1)+200*max(0, 1-q.Limit))
				for i, x := range page {
					if i > 0 {
						require.False(t, page[i-1].At.Truncate(time.Second).Before(x.At.Truncate(time.Second)), "newest first")
					}
					switch x.Kind {
					case crm.ActivityEmail:
						list = append(list, x.Email.Subject)
						require.NotEmpty(t, linking.Why(*x.Why))
					case crm.ActivityNote:
						list = append(list, x.Note.Text)
					case crm.ActivityTask:
						list = append(list, x.Task.Title)
					}
				}
				if q.Cursor = next; next == "" {
					return list
				}
			}
		}
		want := []string{"Message 8", "Message 7", "note 3", "task 3", "Message 6", "Message 5", "note 2", "task 2", "Message 4", "Message 3", "note 1", "task 1", "Message 2", "Message 1", "note 0", "task 0", "Message 0"}
		for _, limit := range []int{0, 1, 2, 3, 5, 100} {
			require.Equal(t, want, read(ada, linking.TimelineQuery{Record: elena, Limit: limit}), "%d at a time", limit)
			require.Equal(t, want, read(ada, linking.TimelineQuery{Record: harbour, Limit: limit}), "a company's has its people's")
			require.Equal(t, want, read(ada, linking.TimelineQuery{Limit: limit}), "of all")
		}
		require.Equal(t, []string{"Message 6", "Message 3", "Message 0"}, read(Caller(w.Home, w.Ben), linking.TimelineQuery{Record: elena, Limit: 2, Kinds: []crm.ActivityKind{crm.ActivityEmail}}), "his own copies")
		require.Equal(t, []string{"note 3", "note 2", "note 1", "note 0"}, read(ada, linking.TimelineQuery{Record: elena, Kinds: []crm.ActivityKind{crm.ActivityNote}}))
		require.Equal(t, []string{"note 3", "Message 6", "note 2", "Message 3", "note 1", "note 0", "Message 0"}, read(ada, linking.TimelineQuery{Record: elena, User: w.Ben.ID, Limit: 2}), "of Ben")
		require.Empty(t, read(ada, linking.TimelineQuery{Record: other}))
		require.Empty(t, read(ada, linking.TimelineQuery{Record: elena, Kinds: []crm.ActivityKind{crm.ActivityMeeting}}))
		require.Empty(t, read(ada, linking.TimelineQuery{Type: crm.Deal}))
		_, _, err := w.room.Timeline(ctx, ada, linking.TimelineQuery{Record: elena, Kinds: []crm.ActivityKind{"smoke"}})
		require.Equal(t, fault.Invalid, fault.Of(err))
		_, _, err = w.room.Timeline(ctx, ada, linking.TimelineQuery{Record: elena, Cursor: "x"})
		require.Equal(t, fault.Invalid, fault.Of(err))
		_, _, err = w.room.Timeline(ctx, Caller(w.Abroad, w.Cleo), linking.TimelineQuery{Record: elena})
		require.Equal(t, fault.NotFound, fault.Of(err))
	})
}

// TestPrivacyOfLinks: of every way to links, against the matrix of who sees what. Mira
// wrote every letter; Boss has a blind copy of each; Counsel has a copy of the protected ones,
// and so every conversation with one is theirs for who sees it.
func TestPrivacyOfLinks(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := newDesk(t, d)
		dora := crm.User{ID: crm.UserID(w.ID()), Email: "dora@northwind-lamps.example", Name: "dora", CreatedAt: Start}
		require.NoError(t, w.AddMember(ctx, crm.Member{WorkspaceID: w.Home, UserID: dora.ID, Role: crm.RoleMember, JoinedAt: Start}, dora))
		letters := w.matrix()
		_, boxes := w.rule(w.Home, "", crm.RuleProtected, "@law.example")
		w.sweepAll(boxes)
		w.exec("UPDATE synced_emails SET bulk = FALSE, rfc822_message_id = ''")
		mira := w.record(crm.Person, "Mira", "mira@harbour-tea.example", "")
		boss := w.record(crm.Person, "Boss", "boss@hidden.example", "")
		counsel := w.record(crm.Person, "Counsel", "counsel@law.example", "")
		w.settle()
		for _, r := range w.readers(dora) {
			t.Run(r.name, func(t *testing.T) {
				want := map[crm.RecordID]map[crm.EmailID]crm.Level{mira: {}, boss: {}, counsel: {}}
				inThread := map[string]bool{}
				for _, l := range letters {
					if l.protected {
						inThread[l.ThreadID] = true
					}
				}
				for _, l := range letters {
					level := l.level(r)
					if l.trash || level == crm.LevelNone {
						continue
					}
					want[mira][l.id] = level
					if level == crm.LevelFull {
						want[boss][l.id] = level
					}
					if r.all && inThread[l.ThreadID] {
						want[counsel][l.id] = level
					}
				}
				for id, wanted := range want {
					got := map[crm.EmailID]crm.Level{}
					q := linking.TimelineQuery{Record: id, Limit: 37}
					for {
						page, next, err := w.room.Timeline(ctx, r.caller, q)
						if !r.all && !r.member || r.caller.Via == access.ViaWorkspace {
							require.Error(t, err)
							break
						}
						require.NoError(t, err)
						for _, x := range page {
							got[x.Email.ID] = x.Email.View.Level
							for _, l := range x.Email.Links {
								_, told := want[l.Record.ID][x.Email.ID]
								require.True(t, told, "%s is told that a letter is linked to %s", r.name, l.Record.Name)
							}
						}
						if q.Cursor = next; next == "" {
							break
						}
					}
					if r.caller.Via == access.ViaWorkspace || !r.all && !r.member {
						continue
					}
					require.Empty(t, cmp.Diff(wanted, got), "the timeline of %s", id)
					listed := map[crm.EmailID]crm.Level{}
					for _, e := range w.everyPage(t, r.caller, mail.ListQuery{Record: id}, 50) {
						listed[e.ID] = e.View.Level
					}
					require.Empty(t, cmp.Diff(wanted, listed), "the list of %s", id)
				}
				for i, l := range letters {
					if i%3 > 0 {
						continue
					}
					e, err := w.Email(ctx, r.caller, l.id)
					if l.level(r) == crm.LevelNone {
						require.Error(t, err)
						continue
					}
					got := map[crm.RecordID]bool{}
					for _, x := range e.Links {
						got[x.Record.ID] = true
					}
					for id := range want {
						_, told := want[id][l.id]
						require.Equal(t, told && r.caller.Via != access.ViaWorkspace, got[id], "%s, letter %d, %s", r.name, i, id)
					}
				}
			})
		}
		state, err := w.LinkingState(ctx, Caller(w.Home, dora))
		require.NoError(t, err)
		require.Zero(t, state.Linked, "numbers are of mailboxes that one sees all of")
	})
}

func TestSkippedIsCountedAndShown(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := newDesk(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		w.put(c, Mail(1, func(e *crm.Email) { e.Bulk = true }), Mail(2, Labelled("DRAFT"), written(adaMail, "x@elsewhere.example")), Mail(3, written(adaMail, "boss@northwind-lamps.example")),
			Mail(4), Mail(5), Mail(6, Labelled("SPAM")), Mail(7, Labelled("SENT"), written(adaMail, "ines@quarry.example")))
		w.settle()
		state, err := w.LinkingState(ctx, Caller(w.Home, w.Ada))
		require.NoError(t, err)
		require.Equal(t, map[crm.SkipRule]int64{"bulk": 1, "draft": 1, "colleagues": 1, "nobody": 2, "blocked": 0}, state.Skipped)
		require.EqualValues(t, 1, state.Linked)
		list, next, err := w.SkippedMail(ctx, Caller(w.Home, w.Ada), crm.SkipNobody, 1, "")
		require.NoError(t, err)
		require.Equal(t, "Message 5", list[0].Subject)
		list, next, err = w.SkippedMail(ctx, Caller(w.Home, w.Ada), crm.SkipNobody, 1, next)
		require.NoError(t, err)
		require.Equal(t, "Message 4", list[0].Subject)
		require.Empty(t, next)
		list, _, err = w.SkippedMail(ctx, Caller(w.Home, w.Ben), crm.SkipNobody, 10, "")
		require.NoError(t, err)
		require.Empty(t, list)
		key := Caller(w.Home, w.Ada)
		key.Via, key.KeyID, key.Scopes = access.ViaKey, "key", []string{"records:*"}
		_, _, err = w.room.Skipped(ctx, key, crm.SkipNobody, 10, "")
		require.Equal(t, fault.Forbidden, fault.Of(err), "a key that may not read mail")
		page, _, err := w.room.Activities(ctx, key, linking.TimelineQuery{})
		require.NoError(t, err)
		require.Empty(t, page)
		_, _, err = w.room.Activities(ctx, key, linking.TimelineQuery{Kinds: []crm.ActivityKind{crm.ActivityEmail}})
		require.Equal(t, fault.Forbidden, fault.Of(err))
		state, err = w.LinkingState(ctx, Caller(w.Home, w.Ben))
		require.NoError(t, err)
		require.Zero(t, state.Skipped["nobody"])
	})
}
