package storetest_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"flag"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"rapport/internal/crm"
	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/records"
	"rapport/internal/records/merging"
	"rapport/internal/store/storetest"
)

// mergeDesk is a desk where records are merged, too.
type mergeDesk struct {
	*desk
	m *merging.Service
}

func newMergeDesk(t testing.TB, d storetest.Database) *mergeDesk {
	x := newDesk(t, d)
	return &mergeDesk{desk: x, m: &merging.Service{Store: x.World.Store, Now: x.Clock.Now, Random: rand.Reader, Log: slog.New(slog.DiscardHandler)}}
}

func (x *mergeDesk) merge(into crm.Record, others ...crm.Record) (merging.Merge, crm.Record) {
	x.T.Helper()
	m, r, err := x.m.Merge(context.Background(), x.ada, merging.MergeWish{Into: into.ID, Others: idsOf(others)})
	require.NoError(x.T, err)
	return m, r
}

func idsOf(list []crm.Record) []crm.RecordID {
	out := make([]crm.RecordID, len(list))
	for i, r := range list {
		out[i] = r.ID
	}
	return out
}

func (x *mergeDesk) undo(m merging.Merge) merging.Undone {
	x.T.Helper()
	done, err := x.m.UndoMerge(context.Background(), x.ada, m.ID)
	require.NoError(x.T, err)
	return done
}

func (x *mergeDesk) read(id crm.RecordID) crm.Record {
	x.T.Helper()
	r, err := x.One(context.Background(), x.ada, id)
	require.NoError(x.T, err)
	return r
}

func TestTwoRecordsBecomeOneAndTwoAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		ctx, x := context.Background(), newMergeDesk(t, d)
		firm, branch := x.make(crm.Company, set{"name": "Northwind Lamps", "domains": []string{"northwind-lamps.example"}}), x.make(crm.Company, set{"name": "Northwind", "domains": []string{"northwind.example"}, "address": "Dock 3"})
		tag, err := x.CreateTag(ctx, x.ada, "Fair", "", false)
		require.NoError(t, err)
		anna := x.make(crm.Person, set{"name": "Anna Berg", "emails": []string{"anna@northwind-lamps.example"}, "company_id": firm.ID, "title": "Buyer"})
		other := x.make(crm.Person, set{
			"name": "A. Berg", "emails": []string{"a.berg@northwind.example", "anna@northwind-lamps.example"}, "phones": []string{"+4930901820"}, "company_id": branch.ID,
			"title": "Head of lamps", "linkedin": "in/anna-berg", "external_ids": set{"erp": "77"}, "tag_ids": []crm.TagID{tag.ID}, "owner_id": x.ada.UserID,
		})
		deal := x.make(crm.Deal, set{"name": "Lamps for the fair", "people": []set{{"person_id": other.ID, "role": "decides"}}})
		_, err = x.CreateNote(ctx, x.ada, other.ID, "met in May")
		require.NoError(t, err)
		title := "call her"
		_, err = x.CreateTask(ctx, x.ada, records.TaskWish{Title: &title, Record: &other.ID})
		require.NoError(t, err)
		before := x.look()
		seq := x.lastFact()

		m, both, err := x.m.Merge(ctx, x.ada, merging.MergeWish{Into: anna.ID, Others: []crm.RecordID{other.ID}, Keep: map[string]crm.RecordID{"title": other.ID, "name": anna.ID}})
		require.NoError(t, err)
		require.Equal(t, "Anna Berg", both.Name)
		require.Equal(t, "Head of lamps", both.Title)
		require.Equal(t, "https://www.linkedin.com/in/anna-berg", both.LinkedIn)
		require.Equal(t, firm.ID, both.Company.ID)
		require.Equal(t, x.ada.UserID, both.OwnerID)
		require.Equal(t, map[string]string{"erp": "77"}, both.ExternalIDs)
		require.Len(t, both.Emails, 2)
		require.True(t, both.Emails[0].Primary)
		require.Equal(t, "anna@northwind-lamps.example", both.Emails[0].Value)
		require.Len(t, both.Phones, 1)
		require.Len(t, both.Tags, 1)
		require.Equal(t, anna.ID, x.read(other.ID).ID, "the other leads to it")
		people := x.read(deal.ID).People
		require.Len(t, people, 1)
		require.Equal(t, anna.ID, people[0].Person.ID)
		require.Equal(t, "decides", people[0].Role)
		notes, _, err := x.Notes(ctx, x.ada, anna.ID, "", 10)
		require.NoError(t, err)
		require.Len(t, notes, 1)
		found, err := x.World.Store.RecordByExternal(ctx, x.ada, "erp", "77")
		require.NoError(t, err)
		require.Equal(t, anna.ID, found.ID)
		require.Equal(t, []string{"Anna Berg"}, x.names(records.Query{Type: crm.Person, Q: "30901820"}))
		kinds := x.toldOf(seq, anna.ID, other.ID)
		require.Contains(t, kinds, string(fact.RecordChanged)+" "+string(anna.ID))
		require.Contains(t, kinds, string(fact.RecordDeleted)+" "+string(other.ID))

		list, _, err := x.m.Merges(ctx, x.ben, other.ID, "", 10)
		require.NoError(t, err)
		require.Len(t, list, 1)
		require.Equal(t, anna.ID, list[0].Into.ID)
		require.Equal(t, other.ID, list[0].Others[0].ID)
		_, err = x.m.UndoMerge(ctx, x.cleo, m.ID)
		require.True(t, fault.Is(err, fault.NotFound), "another workspace's")

		done := x.undo(m)
		require.Empty(t, done.Kept)
		require.Empty(t, diff(before, x.look()))
		_, err = x.m.UndoMerge(ctx, x.ada, m.ID)
		require.Equal(t, "undone", code(t, err))
	})
}

func TestWhatWasChangedSinceAMergeStays(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		ctx, x := context.Background(), newMergeDesk(t, d)
		a := x.make(crm.Person, set{"name": "Anna Berg"})
		b := x.make(crm.Person, set{"name": "Anna Berg", "title": "Buyer", "website": "berg.example", "emails": []string{"anna@berg.example"}})
		m, _ := x.merge(a, b)
		x.Clock.Move(1e9)
		_, err := x.Change(ctx, x.ada, a.ID, 0, in(t, set{"title": "Boss", "emails": []string{"anna@berg.example", "new@berg.example"}}))
		require.NoError(t, err)
		note, err := x.CreateNote(ctx, x.ada, a.ID, "after")
		require.NoError(t, err)
		done := x.undo(m)
		require.Equal(t, []string{"title"}, done.Kept)
		require.Equal(t, "Boss", done.Record.Title)
		require.Empty(t, done.Record.Website)
		require.Len(t, done.Record.Emails, 1)
		require.Equal(t, "new@berg.example", done.Record.Emails[0].Value)
		require.True(t, done.Record.Emails[0].Primary)
		notes, _, err := x.Notes(ctx, x.ada, a.ID, "", 10)
		require.NoError(t, err)
		require.Equal(t, note.ID, notes[0].ID)
		require.Equal(t, "Buyer", x.read(b.ID).Title)
	})
}

func TestWhatCannotBeMerged(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		ctx, x := context.Background(), newMergeDesk(t, d)
		a, b, c := x.make(crm.Person, set{"name": "A"}), x.make(crm.Person, set{"name": "B"}), x.make(crm.Person, set{"name": "C"})
		firm := x.make(crm.Company, set{"name": "F"})
		foreign, err := x.Create(ctx, x.cleo, crm.Person, in(t, set{"name": "Z"}))
		require.NoError(t, err)
		try := func(wish merging.MergeWish) error {
			_, _, err := x.m.Merge(ctx, x.ada, wish)
			return err
		}
		require.True(t, fault.Is(try(merging.MergeWish{Into: a.ID, Others: []crm.RecordID{foreign.ID}}), fault.NotFound))
		require.True(t, fault.Is(try(merging.MergeWish{Into: foreign.ID, Others: []crm.RecordID{a.ID}}), fault.NotFound))
		for name, wish := range map[string]merging.MergeWish{
			"itself":         {Into: a.ID, Others: []crm.RecordID{a.ID}},
			"nothing":        {Into: a.ID},
			"twice":          {Into: a.ID, Others: []crm.RecordID{b.ID, b.ID}},
			"another type":   {Into: a.ID, Others: []crm.RecordID{firm.ID}},
			"keep of others": {Into: a.ID, Others: []crm.RecordID{b.ID}, Keep: map[string]crm.RecordID{"title": c.ID}},
			"keep of lists":  {Into: a.ID, Others: []crm.RecordID{b.ID}, Keep: map[string]crm.RecordID{"emails": b.ID}},
		} {
			require.True(t, fault.Is(try(wish), fault.Invalid), name)
		}
		first, _ := x.merge(b, a)
		second, _ := x.merge(c, b)
		_, err = x.m.UndoMerge(ctx, x.ada, first.ID)
		require.Equal(t, "merged", code(t, err), "what it went into is itself gone")
		require.Equal(t, c.ID, x.read(a.ID).ID, "through both")
		x.undo(second)
		x.undo(first)
		require.Equal(t, a.ID, x.read(a.ID).ID)
		third, _ := x.merge(a, b)
		require.NoError(t, x.Delete(ctx, x.ada, a.ID, 0))
		_, err = x.m.UndoMerge(ctx, x.ada, third.ID)
		require.Equal(t, "deleted", code(t, err))
		_, err = x.Restore(ctx, x.ada, a.ID)
		require.NoError(t, err)
		x.undo(third)
	})
}

// TestMergesAndUndosEndWhereTheyBegan: records of three types that refer to each other
// are merged and brought back in any order; in the end all is as it was.
func TestMergesAndUndosEndWhereTheyBegan(t *testing.T) {
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue { // each makes a small world in a database
		require.NoError(t, flag.Set("rapid.checks", "25"))
		t.Cleanup(func() { require.NoError(t, flag.Set("rapid.checks", f.DefValue)) })
	}
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		x := newMergeDesk(t, d)
		ctx := context.Background()
		_, err := x.CreateType(ctx, x.ada, records.TypeWish{Name: ptr("Site"), Plural: ptr("Sites"), Fields: &[]crm.Field{
			{Key: "keeper", Name: "Keeper", Type: crm.FieldRelation, Target: crm.Person}, {Key: "size", Name: "Size", Type: crm.FieldNumber}}})
		require.NoError(t, err)
		var tags []crm.TagID
		for i := range 3 {
			tag, err := x.CreateTag(ctx, x.ada, fmt.Sprintf("T%d", i), "", false)
			require.NoError(t, err)
			tags = append(tags, tag.ID)
		}
		rapid.Check(t, func(rt *rapid.T) {
			pick := func(label string, n int) int { return rapid.IntRange(0, n-1).Draw(rt, label) }
			kinds := []crm.RecordType{crm.Person, crm.Company, crm.Deal, "site"}
			var all []crm.Record
			var people, firms []crm.Record
			for i := range 5 {
				v := set{"name": fmt.Sprintf("Firm %d", i), "domains": []string{fmt.Sprintf("firm%d.example", pick("domain", 3))}}
				if pick("has address", 2) == 1 {
					v["address"] = fmt.Sprintf("Dock %d", i)
				}
				firms = append(firms, x.make(crm.Company, v))
			}
			for i := range 6 {
				v := set{"name": fmt.Sprintf("Person %d", i), "emails": []string{fmt.Sprintf("p%d@mail.example", pick("mail", 4)), fmt.Sprintf("q%d@mail.example", i)}}
				if pick("has firm", 3) > 0 {
					v["company_id"] = firms[pick("firm", 5)].ID
				}
				if pick("has title", 2) == 1 {
					v["title"] = fmt.Sprintf("Title %d", pick("title", 3))
				}
				if pick("has tag", 2) == 1 {
					v["tag_ids"] = []crm.TagID{tags[pick("tag", 3)]}
				}
				if pick("has erp", 2) == 1 {
					v["external_ids"] = set{"erp": fmt.Sprintf("%s-%d", strings.ReplaceAll(string(firms[0].ID), "-", ""), i)}
				}
				p := x.make(crm.Person, v)
				if pick("has note", 2) == 1 {
					_, err := x.CreateNote(ctx, x.ada, p.ID, "note")
					require.NoError(rt, err)
				}
				people = append(people, p)
			}
			all = append(append(all, firms...), people...)
			for i := range 3 {
				all = append(all, x.make(crm.Deal, set{"name": fmt.Sprintf("Deal %d", i), "company_id": firms[pick("firm of deal", 5)].ID,
					"people": []set{{"person_id": people[i].ID, "role": "one"}, {"person_id": people[i+pick("other", 2)+1].ID}}}))
				all = append(all, x.make("site", set{"name": fmt.Sprintf("Site %d", i), "fields": set{"keeper": set{"id": people[pick("keeper", 6)].ID}, "size": i}}))
			}
			before := x.look()
			var done []merging.Merge
			for step := range rapid.IntRange(1, 12).Draw(rt, "steps") {
				x.Clock.Move(1e9)
				if len(done) > 0 && pick("undo", 3) == 0 {
					at := pick("which", len(done))
					if _, err := x.m.UndoMerge(ctx, x.ada, done[at].ID); err == nil {
						done = slices.Delete(done, at, at+1)
					} else {
						require.True(rt, fault.Is(err, fault.Conflict), "%v", err)
					}
					continue
				}
				kind := kinds[pick("kind", len(kinds))]
				var live []crm.Record
				for _, r := range all {
					if r.Type == kind && x.alive(r.ID) {
						live = append(live, r)
					}
				}
				if len(live) < 2 {
					continue
				}
				a := pick("a", len(live))
				b := (a + 1 + pick("b", len(live)-1)) % len(live)
				wish := merging.MergeWish{Into: live[a].ID, Others: []crm.RecordID{live[b].ID}, Keep: map[string]crm.RecordID{}}
				if pick("keep", 2) == 1 {
					wish.Keep["name"] = live[b].ID
					if kind == crm.Person {
						wish.Keep["title"], wish.Keep["company_id"] = live[b].ID, live[b].ID
					}
				}
				m, _, err := x.m.Merge(ctx, x.ada, wish)
				require.NoError(rt, err, "step %d", step)
				done = append(done, m)
			}
			for len(done) > 0 { // in any order that is possible
				at := pick("undone", len(done))
				_, err := x.m.UndoMerge(ctx, x.ada, done[at].ID)
				if err != nil {
					require.True(rt, fault.Is(err, fault.Conflict), "%v", err)
					at = len(done) - 1 // the last one always is
					_, err = x.m.UndoMerge(ctx, x.ada, done[at].ID)
					require.NoError(rt, err)
				}
				done = slices.Delete(done, at, at+1)
			}
			require.Empty(rt, diff(before, x.look()))
		})
	})
}

// alive reports whether a record is there, not deleted nor merged.
func (x *mergeDesk) alive(id crm.RecordID) bool {
	r, err := x.World.Store.RecordOf(context.Background(), x.ada, id)
	require.NoError(x.T, err)
	return r.DeletedAt == nil
}

// look reads all that records are, but for their versions and when they were changed.
func (x *mergeDesk) look() []string {
	x.T.Helper()
	db := x.Look()
	defer func() { _ = db.Close() }()
	var out []string
	for _, query := range []string{
		`SELECT id, name, name_key, first_name, last_name, emails, phones, domains, title, COALESCE(company_no, 0), stage, stage_rank, COALESCE(amount_minor, 0), currency, close_date, address, linkedin,
			website, description, class, fields, sources, owner_id, words, deleted_at IS NULL, merged_into, last_at FROM records`,
		"SELECT 'email', key, record_no FROM record_emails", "SELECT 'phone', e164, record_no FROM record_phones", "SELECT 'domain', domain, record_no FROM record_domains",
		"SELECT 'deal', deal_no, person_no, role, place FROM deal_people", "SELECT 'relation', record_no, field, target_no FROM record_relations",
		"SELECT 'value', list_no, field, key, record_no FROM record_values", "SELECT 'external', system, external_id, record_no FROM external_ids",
		"SELECT 'tag', tag_no, record_no FROM record_tags", "SELECT 'note', id, record_no FROM notes", "SELECT 'task', id, record_no FROM tasks",
		"SELECT 'link', record_no, pos, rule, was_no FROM record_links", "SELECT 'type', key, live FROM object_types",
	} {
		rows, err := db.Query(query)
		require.NoError(x.T, err)
		columns, err := rows.Columns()
		require.NoError(x.T, err)
		for rows.Next() {
			values := make([]sql.NullString, len(columns))
			dest := make([]any, len(columns))
			for i := range values {
				dest[i] = &values[i]
			}
			require.NoError(x.T, rows.Scan(dest...))
			var b strings.Builder
			for _, v := range values {
				b.WriteString(v.String + "|")
			}
			out = append(out, b.String())
		}
		require.NoError(x.T, rows.Close())
	}
	slices.Sort(out)
	return out
}

// diff gives the lines that only one of two lists has.
func diff(a, b []string) []string {
	var out []string
	for _, line := range a {
		if _, has := slices.BinarySearch(b, line); !has {
			out = append(out, "- "+line)
		}
	}
	for _, line := range b {
		if _, has := slices.BinarySearch(a, line); !has {
			out = append(out, "+ "+line)
		}
	}
	return out
}

func (x *mergeDesk) lastFact() int64 {
	seq := int64(0)
	for {
		list, err := x.FactsAfter(context.Background(), seq, 500)
		require.NoError(x.T, err)
		if len(list) == 0 {
			return seq
		}
		seq = list[len(list)-1].Seq
	}
}

// toldOf gives what was told of records since a fact.
func (x *mergeDesk) toldOf(since int64, ids ...crm.RecordID) []string {
	list, err := x.FactsAfter(context.Background(), since, 500)
	require.NoError(x.T, err)
	var out []string
	for _, f := range list {
		for _, id := range ids {
			if strings.Contains(string(f.Data), string(id)) {
				out = append(out, string(f.Kind)+" "+string(id))
			}
		}
	}
	return out
}
