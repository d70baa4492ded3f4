package storetest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/records"
	"rapport/internal/records/merging"
	"rapport/internal/store/storetest"
	"rapport/internal/work"
)

// newImportDesk is a desk whose work is done by hand.
func newImportDesk(t testing.TB, d storetest.Database) *mergeDesk {
	x := newMergeDesk(t, d)
	x.m.Lister, x.m.Queue, x.m.Budget = x.desk.Service, x.World.Store, time.Hour
	return x
}

// work does what is to be done of a kind.
func (x *mergeDesk) work(kind work.Kind, subject string) {
	x.T.Helper()
	for _, d := range x.m.Definitions() {
		if d.Kind != kind {
			continue
		}
		for more := true; more; {
			var err error
			more, err = d.Step(context.Background(), subject)
			require.NoError(x.T, err)
		}
	}
}

func (x *mergeDesk) file(kind crm.RecordType, format, text string) merging.Import {
	x.T.Helper()
	in, err := x.m.CreateImport(context.Background(), x.ada, merging.File{Type: kind, Format: format, Name: "file", Data: []byte(text)})
	require.NoError(x.T, err)
	return in
}

func (x *mergeDesk) run(in merging.Import) merging.Import {
	x.T.Helper()
	_, err := x.m.RunImport(context.Background(), x.ada, in.ID)
	require.NoError(x.T, err)
	x.work(merging.KindImport, string(in.ID))
	in, err = x.m.Import(context.Background(), x.ada, in.ID)
	require.NoError(x.T, err)
	require.Equal(x.T, merging.ImportDone, in.State)
	return in
}

const contacts = "Vorname;Nachname;E-Mail;Firma;Telefon;Funktion;Notizen\r\n" +
	"Anna;Berg;anna@northwind-lamps.example;Northwind Lamps;+49 30 901820;Einkauf;\"Zeile eins\r\nZeile zwei; mit Strichpunkt\"\r\n" +
	"Jörg;Müller;joerg@northwind-lamps.example;Northwind Lamps;0000;;=1+2\r\n" +
	";;;;;;nobody\r\n" +
	"Anna;Berg;ANNA@northwind-lamps.example;;;Leitung;\r\n"

func TestAFileBecomesRecordsAndIsTakenBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		ctx, x := context.Background(), newImportDesk(t, d)
		known := x.make(crm.Person, set{"name": "J. Müller", "emails": []string{"joerg@northwind-lamps.example"}})
		_, err := x.Types(ctx, x.ada)
		require.NoError(t, err)
		before := x.look()
		in := x.file(crm.Person, "csv", contacts)
		fields := map[string]string{}
		for _, c := range in.Columns {
			fields[c.Name] = c.Field
		}
		require.Equal(t, map[string]string{"Vorname": "first_name", "Nachname": "last_name", "E-Mail": "email", "Firma": "company", "Telefon": "phone", "Funktion": "title", "Notizen": "description"}, fields)
		require.EqualValues(t, 4, in.Rows)
		require.Equal(t, map[string]int64{"create": 1, "update": 2, "error": 1}, in.Counts)
		require.Equal(t, "Is there with joerg@northwind-lamps.example. Left out: phone (0000) needs its country code, such as +49.", in.Preview[1].Why)
		require.Equal(t, "There is no name.", in.Preview[2].Why)
		require.Contains(t, in.Preview[3].Why, "line 1")
		require.Equal(t, before, x.look(), "nothing is stored yet")

		done := x.run(in)
		require.Equal(t, map[string]int64{"created": 1, "updated": 2, "failed": 1}, done.Counts)
		page, err := x.List(ctx, x.ada, records.Query{Type: crm.Person, Email: "anna@northwind-lamps.example"})
		require.NoError(t, err)
		require.Len(t, page.Records, 1)
		anna := page.Records[0]
		require.Equal(t, "Anna Berg", anna.Name)
		require.Equal(t, "Leitung", anna.Title)
		require.Equal(t, "Northwind Lamps", anna.Company.Name)
		require.Equal(t, "+4930901820", anna.Phones[0].Value)
		require.Equal(t, "Zeile eins\nZeile zwei; mit Strichpunkt", anna.Description)
		require.Equal(t, crm.ByImport, anna.CreatedBy.By)
		joerg := x.read(known.ID)
		require.Equal(t, "J. Müller", joerg.Name, "somebody typed it")
		require.Equal(t, "=1+2", joerg.Description)
		require.Equal(t, "Northwind Lamps", joerg.Company.Name)
		mistakes, err := x.m.Mistakes(ctx, x.ada, in.ID, 0)
		require.NoError(t, err)
		require.Len(t, mistakes, 2)
		_, err = x.m.RunImport(ctx, x.ada, in.ID)
		require.Equal(t, "import_began", code(t, err))
		_, err = x.m.Import(ctx, x.cleo, in.ID)
		require.True(t, fault.Is(err, fault.NotFound))

		_, err = x.m.UndoImport(ctx, x.ada, in.ID)
		require.NoError(t, err)
		x.work(merging.KindImport, string(in.ID))
		after, err := x.m.Import(ctx, x.ada, in.ID)
		require.NoError(t, err)
		require.Equal(t, merging.ImportUndone, after.State)
		joerg = x.read(known.ID)
		require.Nil(t, joerg.Company)
		require.Empty(t, joerg.Description)
		require.Equal(t, []string{"J. Müller"}, x.names(records.Query{Type: crm.Person}))
		require.Empty(t, x.names(records.Query{Type: crm.Company}), "the company it made is gone, too")
	})
}

// TestAnImportGoesOnWhereItWasKilled: whichever statement the program dies at, every row
// is stored once.
func TestAnImportGoesOnWhereItWasKilled(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		x := newImportDesk(t, d)
		var file strings.Builder
		file.WriteString("name,email\n")
		for i := range 170 {
			fmt.Fprintf(&file, "Person %d,p%d@mail.example\n", i, i)
		}
		in := x.file(crm.Company, "csv", file.String())
		_, err := x.m.RunImport(context.Background(), x.ada, in.ID)
		require.NoError(t, err)
		step := x.m.Definitions()[1].Step
		calls, dies := 0, 37
		x.Hook = func(_ context.Context, op string) error {
			if !strings.HasPrefix(op, "merging.ImportSome/") {
				return nil
			}
			if calls++; calls == dies {
				calls, dies = 0, dies+211
				return fmt.Errorf("killed")
			}
			return nil
		}
		killed := 0
		for more := true; more; {
			if more, err = step(context.Background(), string(in.ID)); err != nil {
				killed++
				more = true
			}
			require.Less(t, killed, 100)
		}
		x.Hook = nil
		require.Greater(t, killed, 1)
		done, err := x.m.Import(context.Background(), x.ada, in.ID)
		require.NoError(t, err)
		require.Equal(t, merging.ImportDone, done.State)
		require.EqualValues(t, 170, done.Done)
		require.Equal(t, map[string]int64{"created": 170}, done.Counts)
		page, err := x.List(context.Background(), x.ada, records.Query{Type: crm.Company, Limit: 200})
		require.NoError(t, err)
		require.Equal(t, 170, page.Total)
	})
}

func TestAnExportThatIsImportedChangesNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		ctx, x := context.Background(), newImportDesk(t, d)
		_, err := x.ChangeType(ctx, x.ada, crm.Person, records.TypeWish{Fields: &[]crm.Field{{Key: "size", Name: "Size", Type: crm.FieldNumber}, {Key: "fee", Name: "Fee", Type: crm.FieldMoney, Currency: "EUR"}, {Key: "born", Name: "Born", Type: crm.FieldDate}}})
		require.NoError(t, err)
		firm := x.make(crm.Company, set{"name": "Lamps; \"and\" more, Ltd", "domains": []string{"lamps.example"}, "address": "Dock 3\n20095 Hamburg"})
		tag, err := x.CreateTag(ctx, x.ada, "Fair", "", false)
		require.NoError(t, err)
		x.make(crm.Person, set{
			"name": "=Anna Berg", "emails": []set{{"value": "anna@lamps.example"}, {"value": "a@berg.example", "label": "home"}}, "phones": []set{{"value": "+491711234567"}, {"value": "+4930901820", "label": "fax"}},
			"company_id": firm.ID, "title": "+Buyer", "address": "Dock 3\n20095 Hamburg, Germany", "description": "one\ntwo; three", "linkedin": "in/anna", "website": "berg.example", "owner_id": "me",
			"tag_ids": []crm.TagID{tag.ID}, "fields": set{"size": 12.5, "fee": set{"minor": 123456, "currency": "EUR"}, "born": "1980-02-29"}, "class": set{"name": "customer"},
		})
		x.make(crm.Person, set{"first_name": "Bo", "last_name": "van Dyk"})
		x.make(crm.Deal, set{"name": "Deal", "amount": set{"minor": -5, "currency": "KWD"}, "close_date": "2026-12-01", "company_id": firm.ID})
		before := x.look()
		for _, c := range []struct {
			kind   crm.RecordType
			format merging.Format
			rows   int64
		}{{crm.Person, merging.CSV, 2}, {crm.Person, merging.VCard, 2}, {crm.Company, merging.CSV, 1}, {crm.Company, merging.VCard, 1}, {crm.Deal, merging.CSV, 1}} {
			var file bytes.Buffer
			require.NoError(t, x.m.Export(ctx, x.ada, c.format, records.Query{Type: c.kind}, &file, nil))
			in := x.file(c.kind, string(c.format), file.String())
			require.Equal(t, c.rows, in.Rows)
			done := x.run(in)
			require.Equal(t, map[string]int64{"skipped": c.rows}, done.Counts, "%s %s: %s", c.kind, c.format, diff(before, x.look()))
			require.Empty(t, diff(before, x.look()), "%s %s", c.kind, c.format)
		}
		var csv, lines bytes.Buffer
		require.NoError(t, x.m.Export(ctx, x.ada, merging.CSV, records.Query{Type: crm.Person}, &csv, nil))
		require.Contains(t, csv.String(), "'=Anna Berg")
		require.Contains(t, csv.String(), "'+Buyer")
		require.NoError(t, x.m.Export(ctx, x.ada, merging.JSONL, records.Query{}, &lines, func(r crm.Record) any { return map[string]string{"name": r.Name} }))
		require.Len(t, strings.Split(strings.TrimSpace(lines.String()), "\n"), 4)
		require.True(t, json.Valid([]byte(strings.Split(lines.String(), "\n")[0])))
		require.True(t, fault.Is(x.m.Export(ctx, x.ada, merging.VCard, records.Query{Type: crm.Deal}, &lines, nil), fault.Invalid))
	})
}

func TestRecordsThatMayBeTheSameAreFound(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		ctx, x := context.Background(), newImportDesk(t, d)
		seq := int64(0)
		follow := func() {
			for {
				facts, err := x.FactsAfter(ctx, seq, 200)
				require.NoError(t, err)
				if len(facts) == 0 {
					break
				}
				for _, f := range facts {
					seq = f.Seq
					switch f.Kind {
					case fact.RecordCreated, fact.RecordChanged, fact.RecordDeleted, fact.RecordRestored:
						require.NoError(t, x.m.RecordsChanged(ctx, f))
					}
				}
			}
			x.work(merging.KindCompare, string(x.Home))
		}
		found := func(kind crm.RecordType) []string {
			follow()
			out := []string{}
			cursor := ""
			for {
				list, next, err := x.m.Duplicates(ctx, x.ada, merging.DuplicateQuery{Type: kind, Cursor: cursor, Limit: 2})
				require.NoError(t, err)
				for _, p := range list {
					out = append(out, p.Records[0].Name+" = "+p.Records[1].Name+" by "+p.Reasons[0].Kind)
				}
				if next == "" {
					return out
				}
				cursor = next
			}
		}
		firm, other := x.make(crm.Company, set{"name": "Northwind Lamps GmbH"}), x.make(crm.Company, set{"name": "Oakrill"})
		x.make(crm.Person, set{"name": "Robert Miller", "company_id": firm.ID})
		bob := x.make(crm.Person, set{"name": "Bob Miller", "company_id": firm.ID})
		x.make(crm.Person, set{"name": "Bob Miller", "company_id": other.ID})
		x.make(crm.Person, set{"name": "Anna Berg", "emails": []string{"anna@mail.example"}})
		anne := x.make(crm.Person, set{"name": "A. B.", "emails": []string{"anna@mail.example"}, "phones": []string{"+4930901820"}})
		x.make(crm.Person, set{"name": "Zoe Quist", "phones": []string{"+4930901820"}})
		require.ElementsMatch(t, []string{"Robert Miller = Bob Miller by name_company", "Anna Berg = A. B. by email", "A. B. = Zoe Quist by phone"}, found(crm.Person))
		require.Empty(t, found(crm.Company))
		x.make(crm.Company, set{"name": "Northwind Lamps"})
		require.Equal(t, []string{"Northwind Lamps GmbH = Northwind Lamps by name"}, found(crm.Company))

		list, _, err := x.m.Duplicates(ctx, x.ada, merging.DuplicateQuery{Record: bob.ID})
		require.NoError(t, err)
		require.Len(t, list, 1)
		require.True(t, fault.Is(x.m.DismissDuplicate(ctx, x.cleo, list[0].ID), fault.NotFound))
		require.NoError(t, x.m.DismissDuplicate(ctx, x.ada, list[0].ID))
		_, err = x.Change(ctx, x.ada, bob.ID, 0, in(t, set{"title": "Boss"}))
		require.NoError(t, err)
		require.Len(t, found(crm.Person), 2, "dismissed stays dismissed")
		_, err = x.Change(ctx, x.ada, anne.ID, 0, in(t, set{"phones": nil}))
		require.NoError(t, err)
		require.Equal(t, []string{"Anna Berg = A. B. by email"}, found(crm.Person))
		require.NoError(t, x.Delete(ctx, x.ada, anne.ID, 0))
		require.Empty(t, found(crm.Person))
		_, err = x.Restore(ctx, x.ada, anne.ID)
		require.NoError(t, err)
		require.Len(t, found(crm.Person), 1)
	})
}
