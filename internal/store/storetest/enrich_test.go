package storetest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/enrich"
	"rapport/internal/enrich/signature"
	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/records"
	"rapport/internal/store"
	"rapport/internal/work"
)

// study is a desk where signatures are read, too.
type study struct {
	*desk
	enrich *enrich.Service
	models *cabinet
}

func newStudy(t *testing.T, d Database, options ...func(*store.Options)) *study {
	w := newDesk(t, d, options...)
	s := &study{desk: w, models: &cabinet{}}
	s.enrich = &enrich.Service{
		Rows: w.Store, Runs: w.Store, Connections: w.Store, Queue: w.Store, Models: s.models, Sealer: plainSealer{}, Extract: signature.Extract,
		Now: w.Clock.Now, Random: rand.Reader, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Budget: time.Hour,
	}
	return s
}

// plainSealer seals so that tests see what is sealed.
type plainSealer struct{}

func (plainSealer) Seal(row, field string, v crm.Secret) (string, error) {
	return row + "/" + field + "/" + v.Reveal(), nil
}
func (plainSealer) Current(_, _, sealed string) bool { return !strings.HasPrefix(sealed, "old:") }
func (plainSealer) Open(row, field, sealed string) (crm.Secret, error) {
	rest, ok := strings.CutPrefix(strings.TrimPrefix(sealed, "old:"), row+"/"+field+"/")
	if !ok {
		return crm.Secret{}, errors.New("sealed for something else")
	}
	return crm.NewSecret(rest), nil
}

// cabinet opens models that say what a test wants.
type cabinet struct {
	answer func(text string) (string, error)
	opened enrich.ModelSettings
	mu     sync.Mutex // several messages are read at a time
	asked  []string
}

func (c *cabinet) Open(s enrich.ModelSettings) (enrich.Model, error) {
	if s.Model == "unknown" {
		return nil, &fault.Error{Kind: fault.Invalid, Text: "The model cannot be used like this.", Fields: map[string]string{"model": "must be another"}}
	}
	c.opened = s
	return c, nil
}
func (c *cabinet) Name() string  { return "test/" + c.opened.Model }
func (c *cabinet) Where() string { return "models.example" }
func (c *cabinet) Ask(_ context.Context, q enrich.Question) (json.RawMessage, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, q.Text)
	text, err := c.answer(q.Text)
	return json.RawMessage(text), err
}

// try follows facts and works until nothing follows any more, or something fails.
func (s *study) try() error {
	for {
		facts, err := s.FactsAfter(ctx, s.seq, 100)
		if err != nil {
			return err
		}
		for _, f := range facts {
			var data struct{ IDs []crm.RecordID }
			var mail struct{ IDs []crm.EmailID }
			switch f.Kind {
			case fact.MailArrived:
				err = errors.Join(json.Unmarshal(f.Data, &mail), s.room.Mail(ctx, f), s.enrich.MailArrived(ctx, f.ConnectionID, mail.IDs))
			case fact.MailChanged:
				err = s.room.Mail(ctx, f)
			case fact.RecordCreated, fact.RecordChanged, fact.RecordDeleted, fact.RecordRestored, fact.RecordLinked:
				if err = json.Unmarshal(f.Data, &data); err == nil {
					err = s.enrich.RecordsChanged(ctx, f.WorkspaceID, data.IDs)
				}
				if err == nil && f.Kind != fact.RecordLinked {
					err = s.room.Records(ctx, f)
				}
			}
			if err != nil {
				return err
			}
			s.seq = f.Seq
		}
		if err := s.work(); err != nil || len(facts) == 0 {
			return err
		}
	}
}

// work does what jobs there are.
func (s *study) work() error {
	for _, def := range append(s.room.Definitions()[:1], s.enrich.Definitions()...) {
		jobs, err := s.Claim(ctx, "test", kindsOf(def.Kind), s.Clock.Now().Add(time.Minute), s.Clock.Now().Add(time.Hour), 100)
		if err != nil {
			return err
		}
		for _, j := range jobs {
			for more := true; more && err == nil; {
				more, err = def.Step(ctx, j.Subject)
			}
			if err != nil {
				_ = s.Finish(context.WithoutCancel(ctx), "test", outcome(j, s.Clock.Now()))
				return err
			}
			if err := s.Finish(ctx, "test", outcome(j, time.Time{})); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *study) settle() {
	s.T.Helper()
	require.NoError(s.T, s.try())
}

func signed(from, name, block string, change ...func(*crm.Email)) func(*crm.Email) {
	return func(e *crm.Email) {
		e.From = crm.Address{Name: name, Email: from}
		e.BodyText = "Dear Ada,\n\nthank you for the lamps, they shine.\n\nKind regards\n" + block + "\n"
		for _, f := range change {
			f(e)
		}
	}
}

const inesMail = "ines.sommer@quarry-stone.example"

var inesBlock = "Ines Sommer\nHead of Purchasing\nQuarry Stone GmbH\nPhone: +49 40 36006 0"

// picture is all records of the workspace with what they say, and all sightings.
func (s *study) picture() (list []string) {
	s.T.Helper()
	db := s.Look()
	defer func() { _ = db.Close() }()
	for _, query := range []string{
		`SELECT r.type || ' ' || r.name || ' | ' || r.title || ' | ' || r.phones || ' | ' || COALESCE(co.name, '-') || ' | ' || r.class || ' ' || r.class_by FROM records r LEFT JOIN records co ON co.no = r.company_no WHERE r.deleted_at IS NULL`,
		`SELECT 'saw ' || r.name || ' ' || s.field || ' ' || s.value || ' ' || s.state || ' ' || s.engine FROM sightings s JOIN records r ON r.no = s.record_no`,
		`SELECT 'waits ' || pos FROM enrich_queue`, `SELECT 'asked about ' || record_no FROM enrich_people`, `SELECT 'walks ' || mailbox FROM enrich_walks`,
	} {
		rows, err := db.Query(query + " ORDER BY 1")
		require.NoError(s.T, err)
		for rows.Next() {
			var text string
			require.NoError(s.T, rows.Scan(&text))
			list = append(list, text)
		}
		require.NoError(s.T, rows.Err())
		_ = rows.Close()
	}
	return list
}

func (s *study) person(name string) crm.RecordID {
	s.T.Helper()
	db := s.Look()
	defer func() { _ = db.Close() }()
	var id crm.RecordID
	require.NoError(s.T, db.QueryRow("SELECT id FROM records WHERE name = $1 AND deleted_at IS NULL", name).Scan(&id))
	return id
}

// fill lets Ada change a record.
func (s *study) fill(id crm.RecordID, set records.Wish) {
	s.T.Helper()
	_, err := s.ChangeRecord(ctx, Caller(s.Home, s.Ada), id, crm.Source{By: crm.ByMember}, access.Audit{Workspace: s.Home, UserID: s.Ada.ID, Action: "record.change"},
		func(crm.Record, crm.ObjectType) (records.Wish, error) { return set, nil })
	require.NoError(s.T, err)
}

func text(s string) *string { return &s }

func (s *study) suggested(c access.Caller) []enrich.Suggestion {
	s.T.Helper()
	list, next, err := s.enrich.List(ctx, c, enrich.SuggestionQuery{})
	require.NoError(s.T, err)
	require.Empty(s.T, next)
	slices.SortFunc(list, func(a, b enrich.Suggestion) int { return strings.Compare(a.Field, b.Field) })
	return list
}

func words(list []enrich.Suggestion) (out []string) {
	for _, v := range list {
		out = append(out, v.Field+" "+v.Value+" ("+v.Current+") "+v.Note)
	}
	return out
}

// told reports whether a kind of fact has been told.
func (s *study) told(kind fact.Kind) bool {
	s.T.Helper()
	facts, err := s.FactsAfter(ctx, 0, 1000)
	require.NoError(s.T, err)
	return slices.ContainsFunc(facts, func(f fact.Fact) bool { return f.Kind == kind })
}

// visible lets others see so much of a mailbox.
func (s *study) visible(c crm.Connection, v crm.Visibility) {
	s.T.Helper()
	_, err := s.Change(ctx, access.System(c.WorkspaceID), c.ID, func(c *crm.Connection) error { c.Settings.Visibility = v; return nil })
	require.NoError(s.T, err)
}

func kindsOf(k work.Kind) []work.Kind { return []work.Kind{k} }

// outcome ends a job, or has it run again at once.
func outcome(j work.Claimed, next time.Time) work.Outcome { return work.Outcome{ID: j.ID, Next: next} }

var inesPicture = []string{
	`company Quarry Stone GmbH |  | [] | - |  `,
	`person Ines Sommer | Head of Purchasing | [{"value":"+4940360060","raw":"+49 40 36006 0","label":"work","primary":true}] | Quarry Stone GmbH | unknown rules`,
	`saw Ines Sommer name Ines Sommer applied rules`,
	`saw Ines Sommer phone +4940360060 applied rules`,
	`saw Ines Sommer title Head of Purchasing applied rules`,
	`saw Quarry Stone GmbH name Quarry Stone GmbH applied rules`,
}

func TestAMessageFillsAPerson(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := newStudy(t, d)
		c := w.Connect(w.Home, w.Ada, "ada", policy(crm.ContactsAll))
		w.put(c, Mail(1, signed(inesMail, "Ines Sommer", inesBlock)))
		w.settle()
		require.Empty(t, cmp.Diff(inesPicture, w.picture()))

		evidence, err := w.enrich.Evidence(ctx, Caller(w.Home, w.Ada), w.person("Ines Sommer"))
		require.NoError(t, err)
		lines := map[string]string{}
		for _, v := range evidence {
			lines[v.Field] = v.Line
			require.Equal(t, w.idOf(c, Mail(1).GmailID), v.EmailID)
			require.Equal(t, Mail(1).Date, v.SeenAt)
		}
		require.Equal(t, map[string]string{"name": "Ines Sommer", "title": "Head of Purchasing", "phone": "Phone: +49 40 36006 0"}, lines)
		r, err := w.RecordOf(ctx, Caller(w.Home, w.Ada), w.person("Ines Sommer"))
		require.NoError(t, err)
		require.Equal(t, crm.ByEnrich, r.Sources["title"].By)
		require.Equal(t, w.idOf(c, Mail(1).GmailID), r.Sources["title"].EmailID)

		// Reading everything again finds no news, and writes none.
		version := r.Version
		before := w.Dump()
		facts, err := w.LastFact(ctx)
		require.NoError(t, err)
		_, err = w.enrich.RequestRunOf(ctx, Caller(w.Home, w.Ben), c.ID)
		require.Equal(t, fault.NotFound, fault.Of(err), "a colleague's mailbox")
		_, err = w.enrich.RequestRunOf(ctx, Caller(w.Abroad, w.Ada), c.ID)
		require.Equal(t, fault.NotFound, fault.Of(err))
		run, err := w.enrich.RequestRunOf(ctx, Caller(w.Home, w.Ada), c.ID)
		require.NoError(t, err)
		require.EqualValues(t, 1, run.Total)
		w.settle()
		run, err = w.Run(ctx, w.Home, run.ID)
		require.NoError(t, err)
		require.Equal(t, crm.RunSucceeded, run.State)
		require.EqualValues(t, 1, run.Counts.Seen)
		after := w.Dump()
		for _, table := range []string{"records", "sightings", "enriched_emails", "record_phones", "enrich_queue", "enrich_people", "enrich_walks"} {
			require.Empty(t, cmp.Diff(before[table], after[table]), table)
		}
		news, err := w.FactsAfter(ctx, facts, 100)
		require.NoError(t, err)
		for _, f := range news {
			require.NotContains(t, string(f.Kind), "record.", "no news of records")
		}
		done, err := w.enrich.EnrichRecord(ctx, Caller(w.Home, w.Ada), r.ID)
		require.NoError(t, err)
		require.Equal(t, 1, done.Messages)
		require.Empty(t, done.Applied)
		w.settle()
		r, err = w.RecordOf(ctx, Caller(w.Home, w.Ada), r.ID)
		require.NoError(t, err)
		require.Equal(t, version, r.Version)
		require.Empty(t, cmp.Diff(inesPicture, w.picture()))
	})
}

// Somebody becomes a record while their mail is being read for nobody, as a model takes
// its time: it is read for them.
func TestMailOfWhoBecomesARecordMeanwhileIsRead(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := newStudy(t, d)
		c := w.Connect(w.Home, w.Ada, "ada", policy(crm.ContactsAll))
		w.put(c, Mail(1, signed(inesMail, "Ines Sommer", inesBlock)))
		require.NoError(t, w.AwaitMail(ctx, c.ID, []crm.EmailID{w.idOf(c, Mail(1).GmailID)}))
		list, err := w.WaitingMail(ctx, c.ID, 10)
		require.NoError(t, err)
		require.Len(t, list, 1)
		require.Empty(t, list[0].People)

		w.desk.settle() // linking makes her a person
		require.NoError(t, w.enrich.RecordsChanged(ctx, w.Home, []crm.RecordID{w.person("Ines Sommer")}))
		asked, err := w.AskedAbout(ctx, w.Home, 10)
		require.NoError(t, err)
		require.Len(t, asked, 1)
		_, err = w.AwaitMailOf(ctx, w.Home, []int64{asked[0].No})
		require.NoError(t, err)
		require.NoError(t, w.SaveClasses(ctx, w.Home, asked))

		read := func(m enrich.Candidate) {
			_, err := w.KeepSightings(ctx, enrich.Batch{Workspace: w.Home, Reads: []enrich.Read{{Pos: m.Pos, Turn: m.Turn, EmailID: m.EmailID, From: m.From, SeenAt: m.Message.Date, Engine: "rules", People: m.People}}})
			require.NoError(t, err)
			list, err = w.WaitingMail(ctx, c.ID, 10)
			require.NoError(t, err)
		}
		read(list[0])
		require.Len(t, list, 1, "it was read for nobody")
		require.Equal(t, []int64{asked[0].No}, list[0].People)
		read(list[0])
		require.Empty(t, list)
	})
}

// Whatever step is cut off: what follows ends where it would have.
func TestReadingIsCutOff(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		town := func(cut int) (picture []string, cuts int) {
			w := newStudy(t, d)
			c := w.Connect(w.Home, w.Ada, "ada", policy(crm.ContactsAll))
			broken := errors.New("the power went")
			n := 0
			w.Hook = func(_ context.Context, op string) error {
				if !strings.HasPrefix(op, "enrich.") {
					return nil
				}
				if n++; n == cut {
					return broken
				}
				return nil
			}
			w.put(c, Mail(1, signed(inesMail, "Ines Sommer", "Ines Sommer\nBuyer\nQuarry Stone GmbH\nPhone: +49 40 36006 0")),
				Mail(2, signed("otto@quarry-stone.example", "Otto Brandt", "Otto Brandt\nSales Manager\nQuarry Stone GmbH\nMobile: +49 151 23456789")),
				Mail(3, signed(inesMail, "Ines Sommer", inesBlock)))
			for range 3 {
				if err := w.try(); err != nil {
					require.ErrorIs(t, err, broken)
				}
			}
			w.settle()
			return w.picture(), n
		}
		want, n := town(0)
		require.Contains(t, strings.Join(want, "\n"), "person Otto Brandt | Sales Manager")
		step := 3
		if d == PostgreSQL {
			step = 13
		}
		for cut := 1; cut <= n; cut += step {
			got, _ := town(cut)
			require.Empty(t, cmp.Diff(want, got), "cut at %d of %d", cut, n)
		}
		t.Logf("%d places", n)
	})
}

func TestSuggestionsAreDecided(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := newStudy(t, d)
		ada := Caller(w.Home, w.Ada)
		c := w.Connect(w.Home, w.Ada, "ada", policy(crm.ContactsAll))
		w.put(c, Mail(1, signed(inesMail, "Ines Sommer", inesBlock)))
		w.settle()
		id := w.person("Ines Sommer")
		w.fill(id, records.Wish{Title: text("Queen of Stones")})
		w.put(c, Mail(2, signed(inesMail, "Ines Sommer", inesBlock)), Mail(3, signed(inesMail, "Ines Sommer", "Ines Sommer\nManaging Director\nQuarry Stone GmbH\nMobile: +49 151 23456789")))
		w.settle()

		list := w.suggested(ada)
		require.Equal(t, []string{"phone +4915123456789 (+4940360060) ", `title Managing Director (Queen of Stones) May have changed job: the title was "Queen of Stones".`}, words(list))
		require.Equal(t, "Ines Sommer", list[0].Record.Name)
		require.True(t, w.told(fact.RecordSuggested))

		title := list[1]
		_, err := w.enrich.Decide(ctx, Caller(w.Abroad, w.Cleo), title.ID, true)
		require.Equal(t, fault.NotFound, fault.Of(err), "another workspace's")
		got, err := w.enrich.Decide(ctx, ada, title.ID, false)
		require.NoError(t, err)
		require.Equal(t, crm.SightingDismissed, got.State)
		require.Equal(t, w.Ada.ID, got.DecidedBy)
		_, err = w.enrich.Decide(ctx, ada, title.ID, true)
		require.Equal(t, fault.Conflict, fault.Of(err))
		w.put(c, Mail(4, signed(inesMail, "Ines Sommer", "Ines Sommer\nManaging Director\nQuarry Stone GmbH")), Mail(5, signed(inesMail, "Ines Sommer", "Ines Sommer\nManaging Director\nQuarry Stone GmbH")))
		w.settle()
		list = w.suggested(ada)
		require.Equal(t, []string{"phone +4915123456789 (+4940360060) "}, words(list), "what was dismissed is not suggested again")

		got, err = w.enrich.Decide(ctx, ada, list[0].ID, true)
		require.NoError(t, err)
		require.Equal(t, crm.SightingAccepted, got.State)
		r, err := w.RecordOf(ctx, ada, id)
		require.NoError(t, err)
		require.Len(t, r.Phones, 2)
		require.Equal(t, "mobile", r.Phones[1].Label)
		require.Equal(t, "Queen of Stones", r.Title, "what a person typed stays")
		require.Empty(t, w.suggested(ada))
		w.put(c, Mail(6, signed(inesMail, "Ines Sommer", "Ines Sommer\nChief Executive Officer\nQuarry Stone GmbH")))
		w.settle()
		list = w.suggested(ada)
		require.Len(t, list, 1)
		got, err = w.enrich.Decide(ctx, ada, list[0].ID, true)
		require.NoError(t, err)
		require.Equal(t, "Chief Executive Officer", got.Current)
		r, err = w.RecordOf(ctx, ada, id)
		require.NoError(t, err)
		require.Equal(t, "Chief Executive Officer", r.Title)
		require.Equal(t, crm.ByMember, r.Sources["title"].By, "what somebody accepts, they mean")
	})
}

// Somebody who writes every day says the same every day: evidence does not grow without
// end, and what it says stays.
func TestEvidenceIsBounded(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := newStudy(t, d)
		c := w.Connect(w.Home, w.Ada, "ada", policy(crm.ContactsAll))
		for n := range 4 {
			var list []*crm.Email
			for i := range 60 {
				list = append(list, Mail(100*n+i, signed(inesMail, "Ines Sommer", inesBlock)))
			}
			w.put(c, list...)
			w.settle()
		}
		evidence, err := w.enrich.Evidence(ctx, Caller(w.Home, w.Ada), w.person("Ines Sommer"))
		require.NoError(t, err)
		titles := slices.DeleteFunc(slices.Clone(evidence), func(v crm.Sighting) bool { return v.Field != "title" })
		require.LessOrEqual(t, len(titles), 51)
		require.Equal(t, Mail(359).Date, titles[0].SeenAt, "the newest is there")
		require.Equal(t, Mail(0).Date, titles[len(titles)-1].SeenAt, "and the first")
		require.Contains(t, w.picture(), inesPicture[1])
	})
}

func TestEvidenceShowsWhatTheCallerMayRead(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := newStudy(t, d)
		c := w.Connect(w.Home, w.Ada, "ada", policy(crm.ContactsAll))
		w.put(c, Mail(1, signed(inesMail, "Ines Sommer", inesBlock)))
		w.settle()
		id := w.person("Ines Sommer")
		see := func(u crm.User) (line, email string, n int) {
			list, err := w.enrich.Evidence(ctx, Caller(w.Home, u), id)
			require.NoError(t, err)
			for _, v := range list {
				if v.Field == "title" {
					line, email = v.Line, string(v.EmailID)
				}
			}
			return line, email, len(list)
		}
		line, email, n := see(w.Ben)
		require.Equal(t, []any{"", "", 3}, []any{line, email, n}, "a private mailbox: the values, and nothing of the message")
		w.visible(c, crm.VisibilitySubject)
		line, email, _ = see(w.Ben)
		require.Empty(t, line)
		require.NotEmpty(t, email)
		w.visible(c, crm.VisibilityFull)
		line, _, _ = see(w.Ben)
		require.Equal(t, "Head of Purchasing", line)
		key := Caller(w.Home, w.Ada)
		key.Via, key.KeyID, key.Scopes = access.ViaKey, "key", []string{"records:*"}
		list, err := w.enrich.Evidence(ctx, key, id)
		require.NoError(t, err)
		for _, v := range list {
			require.Equal(t, []string{"", ""}, []string{v.Line, string(v.EmailID)}, "a key that may not read mail")
		}
		w.Put(c, Gone(Mail(1), 5000))
		line, email, _ = see(w.Ada)
		require.Equal(t, []string{"", ""}, []string{line, email}, "a message that was deleted shows nothing")
		_, err = w.enrich.Evidence(ctx, Caller(w.Abroad, w.Cleo), id)
		require.Equal(t, fault.NotFound, fault.Of(err))
	})
}

func TestMailThatIsNotRead(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := newStudy(t, d)
		w.settle()
		off := w.Connect(w.Home, w.Ada, "ada", policy(crm.ContactsAll), func(c *crm.Connection) { c.Settings.Enrich = crm.ConsentOff })
		w.put(off, Mail(1, signed(inesMail, "Ines Sommer", "Could you send me a quote?\n"+inesBlock)))
		w.settle()
		require.NotContains(t, strings.Join(w.picture(), "\n"), "saw", "its owner does not want it")
		require.NotContains(t, strings.Join(w.picture(), "\n"), "lead", "nor is it read to say what they are")
		_, err := w.enrich.RequestRun(ctx, access.System(w.Home), off)
		require.Equal(t, fault.Conflict, fault.Of(err))
		done, err := w.enrich.EnrichRecord(ctx, Caller(w.Home, w.Ada), w.only("person"))
		require.NoError(t, err)
		require.Zero(t, done.Messages)

		c := w.Connect(w.Home, w.Ben, "ben", policy(crm.ContactsAll))
		w.exec("INSERT INTO mail_rules (id, workspace_id, user_id, kind, pattern, created_by, created_at) VALUES ('r', $1, '', 'protected', 'lawyer@quarry-stone.example', '', 1)", string(w.Home))
		w.put(c, Mail(2, signed(inesMail, "Ines Sommer", inesBlock, func(e *crm.Email) { e.Bulk = true })),
			Mail(3, signed(inesMail, "Ines Sommer", inesBlock, Labelled("SPAM"))), Mail(4, signed(inesMail, "Ines Sommer", inesBlock, Labelled("SENT"))),
			Mail(5, signed(inesMail, "Ines Sommer", inesBlock, func(e *crm.Email) { e.Cc = []crm.Address{{Email: "lawyer@quarry-stone.example"}} })))
		w.settle()
		require.NotContains(t, strings.Join(w.picture(), "\n"), "saw")
		w.put(c, Mail(6, signed(inesMail, "Jonas Weber", "Jonas Weber\nTrainee\nQuarry Stone GmbH\nPhone: +49 40 111222", func(e *crm.Email) { e.From.Name = "Ines Sommer" })))
		w.settle()
		require.NotContains(t, strings.Join(w.picture(), "\n"), "Trainee", "somebody else has signed")
	})
}

func TestModelsReadWhereEverybodyAgrees(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := newStudy(t, d)
		ben := Caller(w.Home, w.Ben)
		ben.Role = crm.RoleAdmin
		w.models.answer = func(string) (string, error) {
			return `{"name":"Ines Sommer","title":"Lady of Stones","company":"","phones":[{"number":"+49 40 999999","label":"work"}],"linkedin":"","website":"","address":""}`, nil
		}
		agrees := w.Connect(w.Home, w.Ada, "ada", policy(crm.ContactsAll), func(c *crm.Connection) { c.Settings.Enrich = crm.ConsentModel })
		usual := w.Connect(w.Home, w.Ben, "ben", policy(crm.ContactsAll))
		next := 0
		read := func(c crm.Connection) int {
			next++
			before := len(w.models.asked)
			w.put(c, Mail(next, signed(inesMail, "Ines Sommer", "Ines Sommer\nLady of Stones")))
			w.settle()
			return len(w.models.asked) - before
		}
		change := func(p enrich.Patch) enrich.Settings {
			t.Helper()
			got, err := w.enrich.Change(ctx, ben, p)
			require.NoError(t, err)
			return got
		}
		yes, no, both, provider, model, key, other := true, false, enrich.ModeBoth, enrich.OpenAI, "tiny", "sk-1", "https://models.example/v1"
		require.Zero(t, read(agrees), "no model")
		_, err := w.enrich.Change(ctx, ben, enrich.Patch{Allowed: &yes})
		require.Equal(t, fault.Conflict, fault.Of(err), "there is none to allow")
		_, err = w.enrich.Change(ctx, Caller(w.Home, w.Ada), enrich.Patch{Mode: &both})
		require.Equal(t, fault.Forbidden, fault.Of(err), "administrators decide")
		got := change(enrich.Patch{Mode: &both, Provider: &provider, Model: &model, Key: &key})
		require.Contains(t, got.Statement, "nothing of your mail leaves it. If a model is allowed, of each new message")
		require.Zero(t, read(agrees), "not allowed yet")
		got = change(enrich.Patch{Allowed: &yes})
		require.True(t, got.HasKey)
		require.Contains(t, got.Statement, "is sent to models.example (openai, model tiny)")
		require.NotContains(t, fmt.Sprint(got), "sk-1")
		require.Zero(t, read(usual), "its owner has not agreed")
		require.Equal(t, 1, read(agrees))
		require.Equal(t, "sk-1", w.models.opened.Key.Reveal())
		require.False(t, w.models.opened.Trusted)
		require.Contains(t, strings.Join(w.picture(), "\n"), "Lady of Stones applied model:test/tiny")
		require.NotContains(t, strings.Join(w.picture(), "\n"), "999999", "what a model invents")

		// Reading everything again asks about what only rules have read.
		asked := len(w.models.asked)
		_, err = w.enrich.RequestRun(ctx, access.System(w.Home), agrees)
		require.NoError(t, err)
		w.settle()
		require.Equal(t, 2, len(w.models.asked)-asked)
		_, err = w.enrich.RequestRun(ctx, access.System(w.Home), agrees)
		require.NoError(t, err)
		w.settle()
		require.Equal(t, 2, len(w.models.asked)-asked, "and not twice")

		// Another server needs key and permission anew.
		got = change(enrich.Patch{BaseURL: &other})
		require.False(t, got.Allowed || got.HasKey)
		change(enrich.Patch{Allowed: &yes, Key: &key})

		w.models.answer = func(string) (string, error) {
			return "", &fault.Error{Kind: fault.Forbidden, Code: "model_key_refused", Text: "The provider refuses the API key."}
		}
		require.Equal(t, 1, read(agrees))
		got, err = w.enrich.Settings(ctx, ben)
		require.NoError(t, err)
		require.Equal(t, "The provider refuses the API key.", got.Trouble)
		require.NotContains(t, strings.Join(w.picture(), "\n"), "waits", "rules go on alone")

		w.models.answer = func(string) (string, error) {
			return "", &fault.Error{Kind: fault.Throttled, Text: "Slower.", After: time.Minute}
		}
		next++
		w.put(agrees, Mail(next, signed(inesMail, "Ines Sommer", inesBlock)))
		err = w.try()
		require.Equal(t, fault.Throttled, fault.Of(err))
		require.Equal(t, time.Minute, fault.After(err))
		require.Contains(t, strings.Join(w.picture(), "\n"), "Head of Purchasing", "what rules find is there at once")
		require.Contains(t, strings.Join(w.picture(), "\n"), "waits", "and the message is asked about again")

		w.models.answer = func(string) (string, error) {
			return "", &fault.Error{Kind: fault.Invalid, Code: enrich.CodeRefused, Text: "No."}
		}
		w.settle()
		got, err = w.enrich.Settings(ctx, ben)
		require.NoError(t, err)
		require.NotContains(t, strings.Join(w.picture(), "\n"), "waits", "a text it does not answer for is read by rules")
		change(enrich.Patch{Allowed: &no})
		require.Zero(t, read(agrees))
	})
}

func TestWhatPeopleAre(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := newStudy(t, d)
		c := w.Connect(w.Home, w.Ada, "ada", policy(crm.ContactsAll))
		w.put(c, Mail(1, signed(inesMail, "Ines Sommer", inesBlock, func(e *crm.Email) { e.BodyText = "Hello,\n\ncould you send me a quote for 40 lamps?\n\n" + inesBlock })))
		w.settle()
		id := w.person("Ines Sommer")
		class := func() string {
			r, err := w.RecordOf(ctx, Caller(w.Home, w.Ada), id)
			require.NoError(t, err)
			return r.Class.Name + " " + r.Class.By + " " + r.Class.Why
		}
		require.Equal(t, `lead rules Writes of "send me a quote".`, class())
		deal := w.record(crm.Deal, "Forty lamps", "", "")
		w.exec("INSERT INTO deal_people (deal_no, person_no, role, place) SELECT d.no, p.no, '', 0 FROM records d, records p WHERE d.id = $1 AND p.id = $2", string(deal), string(id))
		w.exec("UPDATE records SET stage = 'won' WHERE id = $1", string(deal))
		require.NoError(t, w.enrich.RecordsChanged(ctx, w.Home, []crm.RecordID{deal}))
		w.settle()
		require.Equal(t, "customer rules Takes part in a deal that was won.", class())
		w.fill(id, records.Wish{Class: &crm.Class{Name: "partner", Confidence: 1, By: enrich.ByPerson}})
		w.put(c, Mail(2, signed(inesMail, "Ines Sommer", inesBlock)))
		w.settle()
		require.Equal(t, "partner person ", class(), "what somebody says stays")
	})
}

func TestKeysOfModelsAreSealedAnew(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := newStudy(t, d)
		ben := Caller(w.Home, w.Ben)
		ben.Role = crm.RoleAdmin
		provider, model, key := enrich.OpenAI, "tiny", "sk-1"
		_, err := w.enrich.Change(ctx, ben, enrich.Patch{Provider: &provider, Model: &model, Key: &key})
		require.NoError(t, err)
		w.exec("UPDATE enrich_choices SET sealed_key = 'old:' || sealed_key")
		done, err := w.enrich.Reseal(ctx)
		require.NoError(t, err)
		require.EqualValues(t, 1, done.Resealed)
		done, err = w.enrich.Reseal(ctx)
		require.NoError(t, err)
		require.Zero(t, done.Resealed)
		w.exec("UPDATE enrich_choices SET sealed_key = 'old:broken'")
		done, err = w.enrich.Reseal(ctx)
		require.NoError(t, err)
		require.Equal(t, []crm.WorkspaceID{w.Home}, done.Failed)
		got, err := w.enrich.Settings(ctx, ben)
		require.NoError(t, err)
		require.Contains(t, got.Trouble, "Enter it again")
	})
}
