package storetest_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/records"
	"rapport/internal/store/storetest"
)

// desk is the room of records over a store, with people who work at it.
type desk struct {
	*storetest.World
	*records.Service
	ada, ben, cleo, key access.Caller
}

func newDesk(t testing.TB, d storetest.Database) *desk {
	w := storetest.NewWorld(t, d)
	x := &desk{World: w, Service: &records.Service{Store: w.Store, Now: w.Clock.Now, Random: rand.Reader, Log: slog.New(slog.DiscardHandler)}}
	x.ada, x.ben, x.cleo = storetest.Caller(w.Home, w.Ada), storetest.Caller(w.Home, w.Ben), storetest.Caller(w.Abroad, w.Cleo)
	x.ada.Role, x.cleo.Role = crm.RoleOwner, crm.RoleOwner
	x.key = x.ada
	x.key.Via, x.key.KeyID, x.key.Scopes = access.ViaKey, "key", []string{"*"}
	return x
}

// in writes fields as JSON.
func in(t testing.TB, values map[string]any) records.Fields {
	t.Helper()
	out := records.Fields{}
	for name, v := range values {
		text, err := json.Marshal(v)
		require.NoError(t, err)
		out[name] = text
	}
	return out
}

type set = map[string]any

func (x *desk) make(kind crm.RecordType, values set) crm.Record {
	x.T.Helper()
	r, err := x.Create(context.Background(), x.ada, kind, in(x.T, values))
	require.NoError(x.T, err)
	return r
}

func (x *desk) names(q records.Query) []string {
	x.T.Helper()
	page, err := x.List(context.Background(), x.ada, q)
	require.NoError(x.T, err)
	out := []string{}
	for _, r := range page.Records {
		out = append(out, r.Name)
	}
	return out
}

func code(t testing.TB, err error) string {
	t.Helper()
	var f *fault.Error
	require.ErrorAs(t, err, &f)
	return f.Code
}

func TestRecordsAreMadeChangedDeletedAndRestored(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		ctx := context.Background()
		x := newDesk(t, d)
		require.NoError(t, x.SetRegion(ctx, x.ada, "de"))
		mill := x.make(crm.Company, set{"name": "Oakrill Mill", "domains": []string{"https://www.Oakrill-Mill.example/about"}, "website": "oakrill-mill.example"})
		require.Equal(t, []string{"oakrill-mill.example"}, mill.Domains)
		require.Equal(t, "https://oakrill-mill.example", mill.Website)
		anna := x.make(crm.Person, set{
			"first_name": "Änna", "last_name": "Berg", "emails": []any{"Anna.Berg@Oakrill-Mill.example", set{"value": "anna@bellafonte.example", "label": "home", "primary": true}},
			"phones": []any{"030 901820", "+1 (212) 555-0142 ext. 7"}, "company_id": mill.ID, "owner_id": "me", "class": set{"name": "customer"},
		})
		require.Equal(t, "Änna Berg", anna.Name)
		require.Equal(t, []crm.Contact{{Value: "anna@bellafonte.example", Label: "home", Primary: true}, {Value: "anna.berg@oakrill-mill.example", Label: "work"}}, anna.Emails, "the primary one stands first")
		require.Equal(t, "+4930901820", anna.Phones[0].Value)
		require.Equal(t, "7", anna.Phones[1].Ext)
		require.Equal(t, &crm.RecordRef{ID: mill.ID, Type: crm.Company, Name: "Oakrill Mill"}, anna.Company)
		require.Equal(t, x.Ada.ID, anna.OwnerID)
		require.Equal(t, "ada", anna.OwnerName)
		require.Equal(t, "contact", anna.Stage)
		require.Equal(t, crm.ByMember, anna.Sources["emails"].By)
		require.Equal(t, crm.Maker{By: crm.ByMember, UserID: x.Ada.ID, Name: "ada"}, anna.CreatedBy)
		require.EqualValues(t, 1, anna.Version)

		x.Clock.Move(time.Minute)
		after, err := x.Change(ctx, x.key, anna.ID, 1, in(t, set{"title": "Miller", "company_id": nil, "stage": "lead"}))
		require.NoError(t, err)
		require.Equal(t, []any{"Miller", "lead", int64(2), crm.ByAPI}, []any{after.Title, after.Stage, after.Version, after.Sources["title"].By})
		require.Nil(t, after.Company)
		require.True(t, after.UpdatedAt.After(anna.UpdatedAt))
		_, err = x.Change(ctx, x.ada, anna.ID, 1, in(t, set{"title": "Late"}))
		require.Equal(t, records.CodeChanged, code(t, err))
		same, err := x.Change(ctx, x.ada, anna.ID, 2, in(t, set{"title": "Miller"}))
		require.NoError(t, err)
		require.EqualValues(t, 2, same.Version, "what changes nothing is no change")

		require.Equal(t, []string{"Änna Berg"}, x.names(records.Query{Type: crm.Person}))
		require.NoError(t, x.Delete(ctx, x.ada, anna.ID, 0))
		require.Empty(t, x.names(records.Query{Type: crm.Person}))
		require.Empty(t, x.names(records.Query{Q: "berg"}))
		require.Equal(t, []string{"Änna Berg"}, x.names(records.Query{Deleted: true, Q: "berg"}))
		require.Equal(t, fault.NotFound, fault.Of(x.Delete(ctx, x.ada, anna.ID, 0)))
		_, err = x.Change(ctx, x.ada, anna.ID, 0, in(t, set{"title": "x"}))
		require.Equal(t, "deleted", code(t, err))
		counts, err := x.Counts(ctx, x.ada)
		require.NoError(t, err)
		require.Equal(t, map[crm.RecordType]int64{crm.Person: 0, crm.Company: 1, crm.Deal: 0}, counts)
		back, err := x.Restore(ctx, x.ada, anna.ID)
		require.NoError(t, err)
		require.Nil(t, back.DeletedAt)
		require.Equal(t, anna.Emails, back.Emails)
		require.Equal(t, []string{"Änna Berg"}, x.names(records.Query{Q: "ann ber"}))
		counts, err = x.Counts(ctx, x.ada)
		require.NoError(t, err)
		require.EqualValues(t, 1, counts[crm.Person])

		facts, err := x.FactsAfter(ctx, 0, 100)
		require.NoError(t, err)
		var told []string
		for _, f := range facts {
			if strings.HasPrefix(string(f.Kind), "record.") {
				told = append(told, string(f.Kind)+" "+fmt.Sprint(strings.Contains(string(f.Data), `"addresses":true`)))
			}
		}
		require.Equal(t, []string{"record.created false", "record.created false", "record.updated true", "record.deleted false", "record.restored false"}, told)
	})
}

func TestRecordsOfOthersDoNotExist(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		ctx := context.Background()
		x := newDesk(t, d)
		anna := x.make(crm.Person, set{"name": "Anna", "external_ids": set{"shop": "7"}})
		deal := x.make(crm.Deal, set{"name": "Lamps"})
		tag, err := x.CreateTag(ctx, x.ada, "vip", "", false)
		require.NoError(t, err)
		note, err := x.CreateNote(ctx, x.ada, anna.ID, "hello")
		require.NoError(t, err)
		title := "call"
		task, err := x.CreateTask(ctx, x.ada, records.TaskWish{Title: &title, Record: &anna.ID})
		require.NoError(t, err)
		done, err := x.ChangeMany(ctx, x.ada, records.Many{IDs: []crm.RecordID{anna.ID}, Add: []crm.TagID{tag.ID}}, nil)
		require.NoError(t, err)
		mine := x.ada
		mine.Workspace = x.Abroad // a key of another workspace cannot be: the tenant is the caller's
		for name, err := range map[string]error{
			"one":      second(x.One(ctx, x.cleo, anna.ID)),
			"change":   second(x.Change(ctx, x.cleo, anna.ID, 0, in(t, set{"name": "x"}))),
			"delete":   x.Delete(ctx, x.cleo, anna.ID, 0),
			"restore":  second(x.Restore(ctx, x.cleo, anna.ID)),
			"many":     second(x.ChangeMany(ctx, x.cleo, records.Many{IDs: []crm.RecordID{anna.ID}, Delete: true}, nil)),
			"undo":     second(x.Undo(ctx, x.cleo, done.UndoID)),
			"bens":     second(x.Undo(ctx, x.ben, done.UndoID)),
			"tag":      x.DropTag(ctx, x.cleo, tag.ID),
			"retag":    second(x.ChangeTag(ctx, x.cleo, tag.ID, &title, nil)),
			"note":     x.DropNote(ctx, x.cleo, note.ID),
			"task":     x.DropTask(ctx, x.cleo, task.ID),
			"done":     second(x.ChangeTask(ctx, x.cleo, task.ID, 0, records.TaskWish{Title: &title})),
			"annotate": second(x.CreateNote(ctx, x.cleo, anna.ID, "x")),
		} {
			require.Equal(t, fault.NotFound, fault.Of(err), name)
		}
		for name, err := range map[string]error{
			"company": second(x.Create(ctx, x.cleo, crm.Person, in(t, set{"name": "x", "company_id": anna.ID}))),
			"people":  second(x.Create(ctx, x.cleo, crm.Deal, in(t, set{"name": "x", "people": []any{set{"person_id": anna.ID}}}))),
			"owner":   second(x.Create(ctx, x.cleo, crm.Person, in(t, set{"name": "x", "owner_id": x.Ada.ID}))),
			"tags":    second(x.Create(ctx, x.cleo, crm.Person, in(t, set{"name": "x", "tag_ids": []any{tag.ID}}))),
			"task of": second(x.CreateTask(ctx, x.cleo, records.TaskWish{Title: &title, Record: &anna.ID})),
			"task by": second(x.CreateTask(ctx, x.cleo, records.TaskWish{Title: &title, Assignee: &x.Ada.ID})),
		} {
			require.Equal(t, fault.Invalid, fault.Of(err), name)
		}
		for _, q := range []records.Query{{}, {System: "shop", External: "7"}, {Tag: tag.ID}, {Deal: deal.ID}, {Person: anna.ID}, {Q: "anna"}} {
			page, err := x.List(ctx, x.cleo, q)
			require.NoError(t, err)
			require.Empty(t, page.Records, "%+v", q)
		}
		mirrored, made, err := x.Upsert(ctx, x.cleo, "shop", "7", crm.Person, 0, in(t, set{"name": "Another"}))
		require.NoError(t, err)
		require.True(t, made)
		require.NotEqual(t, anna.ID, mirrored.ID)
	})
}

func second[T any](_ T, err error) error { return err }

func TestRecordsSortFilterAndPage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		ctx := context.Background()
		x := newDesk(t, d)
		o, err := x.CreateType(ctx, x.ada, records.TypeWish{Name: ptr("Machine"), Fields: &[]crm.Field{
			{Name: "Power", Type: crm.FieldNumber}, {Name: "Bought", Type: crm.FieldDate}, {Name: "Kind", Type: crm.FieldSelect, Options: []string{"Mill", "Press"}}, {Name: "Of", Key: "owned_by", Type: crm.FieldRelation, Target: crm.Company},
			{Name: "Price", Type: crm.FieldMoney, Currency: "EUR"},
		}})
		require.NoError(t, err)
		require.Equal(t, crm.RecordType("machine"), o.Key)
		mill := x.make(crm.Company, set{"name": "Oakrill"})
		for i, power := range []any{3.5, -2, nil, 100, 0} {
			fields := set{"power": power, "kind": []string{"Mill", "Press"}[i%2], "owned_by": mill.ID, "price": set{"minor": i * 100}}
			x.make("machine", set{"name": fmt.Sprintf("M%d", i), "fields": fields})
		}
		require.Equal(t, []string{"M2", "M1", "M4", "M0", "M3"}, x.names(records.Query{Type: "machine", Sort: "power"}))
		require.Equal(t, []string{"M3", "M0", "M4", "M1", "M2"}, x.names(records.Query{Type: "machine", Sort: "-power"}))
		require.Equal(t, []string{"M1", "M3"}, x.names(records.Query{Type: "machine", Fields: map[string]string{"kind": "press"}}))
		require.Equal(t, []string{"M4", "M2", "M0"}, x.names(records.Query{Type: "machine", Sort: "-price", Fields: map[string]string{"kind": "Mill"}}))
		require.Len(t, x.names(records.Query{Type: "machine", Fields: map[string]string{"owned_by": string(mill.ID)}}), 5)
		one, err := x.List(ctx, x.ada, records.Query{Type: "machine", Fields: map[string]string{"power": "100"}})
		require.NoError(t, err)
		require.JSONEq(t, `{"id":"`+string(mill.ID)+`","type":"company","name":"Oakrill"}`, string(one.Records[0].Fields["owned_by"]))
		require.Equal(t, 1, one.Total)
		for _, q := range []records.Query{{Type: "machine", Sort: "owned_by"}, {Type: "machine", Sort: "amount"}, {Sort: "power"}, {Type: "nothing"}, {Type: "machine", Fields: map[string]string{"x": "1"}}, {Type: "machine", Fields: map[string]string{"power": "much"}}, {Cursor: "x"}} {
			_, err := x.List(ctx, x.ada, q)
			require.Equal(t, fault.Invalid, fault.Of(err), "%+v", q)
		}

		for i := range 23 {
			x.Clock.Move(time.Second)
			values := set{"name": fmt.Sprintf("Deal %02d", i), "amount": set{"minor": i % 5, "currency": "EUR"}, "stage": crm.DealStages[i%3], "close_date": fmt.Sprintf("2026-11-%02d", i%7+1)}
			if i%4 == 0 {
				values["owner_id"] = "me"
				delete(values, "amount")
			}
			x.make(crm.Deal, values)
		}
		for _, sort := range []string{"", "name", "-name", "updated_at", "-updated_at", "created_at", "-last_at", "amount", "-amount", "stage", "-stage", "close_date", "-close_date"} {
			whole, err := x.List(ctx, x.ada, records.Query{Type: crm.Deal, Sort: sort, Limit: 100})
			require.NoError(t, err)
			require.Len(t, whole.Records, 23)
			require.Equal(t, 23, whole.Total)
			require.Equal(t, ids(whole.Records), ids(x.paged(t, records.Query{Type: crm.Deal, Sort: sort, Limit: 4})), sort)
			own, err := x.List(ctx, x.ada, records.Query{Type: crm.Deal, Sort: sort, Limit: 100, Owner: "me", Stage: "new"})
			require.NoError(t, err)
			want := slices.DeleteFunc(slices.Clone(whole.Records), func(r crm.Record) bool { return r.OwnerID != x.Ada.ID || r.Stage != "new" })
			require.Equal(t, ids(want), ids(own.Records), sort)
			require.Equal(t, ids(want), ids(x.paged(t, records.Query{Type: crm.Deal, Sort: sort, Limit: 1, Owner: "me", Stage: "new"})), sort)
		}
		all := x.paged(t, records.Query{Limit: 7})
		require.Len(t, all, 29, "of all types")
		require.True(t, slices.IsSortedFunc(all, func(a, b crm.Record) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) }))
	})
}

func ptr[T any](v T) *T { return &v }

func ids(list []crm.Record) []crm.RecordID {
	out := []crm.RecordID{}
	for _, r := range list {
		out = append(out, r.ID)
	}
	return out
}

// paged reads a list page after page.
func (x *desk) paged(t *testing.T, q records.Query) []crm.Record {
	t.Helper()
	var all []crm.Record
	for {
		page, err := x.List(context.Background(), x.ada, q)
		require.NoError(t, err)
		all = append(all, page.Records...)
		if page.Next == "" {
			return all
		}
		require.LessOrEqual(t, len(page.Records), q.Limit)
		q.Cursor = page.Next
	}
}

func TestRecordsAreFoundByWords(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		ctx := context.Background()
		x := newDesk(t, d)
		mill := x.make(crm.Company, set{"name": "Jäger & Sohn", "domains": []string{"jaeger.example"}})
		anna := x.make(crm.Person, set{"name": "Anna-Lena Straße", "emails": []any{"al@post.example"}, "phones": []any{"+49 171 2345678"}, "company_id": mill.ID})
		x.make(crm.Person, set{"name": "Bo 100%_", "emails": []any{"bo@jaeger.example"}})
		for q, want := range map[string][]string{
			"ann": {"Anna-Lena Straße"}, "strasse": {"Anna-Lena Straße"}, "lena an": {"Anna-Lena Straße"}, "jager": {"Anna-Lena Straße", "Jäger & Sohn"}, "jaeger": {"Bo 100%_", "Jäger & Sohn"},
			"al@post.ex": {"Anna-Lena Straße"}, "+49 171 234": {"Anna-Lena Straße"}, "0171-2345": {"Anna-Lena Straße"}, "nna": {}, "%": {}, "'": {}, `"* OR`: {}, "§x": {}, "100": {"Bo 100%_"}, "anna bo": {},
		} {
			require.Equal(t, want, x.names(records.Query{Q: q}), q)
		}
		_, err := x.Change(ctx, x.ada, mill.ID, 0, in(t, set{"name": "Falke"}))
		require.NoError(t, err)
		require.Equal(t, []string{"Anna-Lena Straße", "Falke"}, x.names(records.Query{Q: "falk"}), "people by the new name of their company")
		require.Equal(t, []string{"Anna-Lena Straße"}, x.names(records.Query{Email: "AL@post.example"}))
		require.Equal(t, []string{"Anna-Lena Straße"}, x.names(records.Query{Company: mill.ID}))
		deal := x.make(crm.Deal, set{"name": "Deal", "company_id": mill.ID, "people": []any{set{"person_id": anna.ID, "role": "buyer"}}})
		require.Equal(t, []crm.DealRole{{Person: crm.RecordRef{ID: anna.ID, Type: crm.Person, Name: "Anna-Lena Straße"}, Role: "buyer"}}, deal.People)
		require.Equal(t, []string{"Anna-Lena Straße"}, x.names(records.Query{Deal: deal.ID, Type: crm.Person}))
		require.Equal(t, []string{"Deal"}, x.names(records.Query{Person: anna.ID, Type: crm.Deal}))
		require.Empty(t, x.names(records.Query{Person: mill.ID}))
	})
}

func TestTagsArePrivateOrShared(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		ctx := context.Background()
		x := newDesk(t, d)
		shared, err := x.CreateTag(ctx, x.ada, "VIP", "#112233", false)
		require.NoError(t, err)
		_, err = x.CreateTag(ctx, x.ben, "vip", "", false)
		require.Equal(t, "name_taken", code(t, err))
		private, err := x.CreateTag(ctx, x.ada, "vip", "", true)
		require.NoError(t, err, "a private one may be called like a shared one")
		bens, err := x.CreateTag(ctx, x.ben, "vip", "", true)
		require.NoError(t, err)
		anna := x.make(crm.Person, set{"name": "Anna", "tag_ids": []any{shared.ID, private.ID}})
		require.Len(t, anna.Tags, 2)
		_, err = x.Change(ctx, x.ben, anna.ID, 0, in(t, set{"tag_ids": []any{bens.ID}}))
		require.NoError(t, err)
		seen := func(c access.Caller) []crm.TagID {
			r, err := x.One(ctx, c, anna.ID)
			require.NoError(t, err)
			var out []crm.TagID
			for _, tag := range r.Tags {
				out = append(out, tag.ID)
			}
			return out
		}
		require.Equal(t, []crm.TagID{private.ID}, seen(x.ada), "ben has taken off the shared one, and cannot touch ada's")
		require.Equal(t, []crm.TagID{bens.ID}, seen(x.ben))
		_, err = x.Change(ctx, x.ben, anna.ID, 0, in(t, set{"tag_ids": []any{private.ID}}))
		require.Equal(t, "bad_reference", code(t, err))
		page, err := x.List(ctx, x.ben, records.Query{Tag: private.ID})
		require.NoError(t, err)
		require.Empty(t, page.Records)
		require.Equal(t, fault.NotFound, fault.Of(x.DropTag(ctx, x.ben, private.ID)))
		list, err := x.Tags(ctx, x.ben)
		require.NoError(t, err)
		require.Len(t, list, 2)
		before, err := x.LastFact(ctx)
		require.NoError(t, err)
		_, err = x.Change(ctx, x.ada, anna.ID, 0, in(t, set{"tag_ids": []any{}}))
		require.NoError(t, err)
		after, err := x.LastFact(ctx)
		require.NoError(t, err)
		require.Equal(t, before, after, "nobody is told of private tags")
		require.NoError(t, x.DropTag(ctx, x.ada, shared.ID))
	})
}

func TestManyRecordsAreChangedAndPutBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		ctx := context.Background()
		x := newDesk(t, d)
		tag, err := x.CreateTag(ctx, x.ada, "lamps", "", false)
		require.NoError(t, err)
		var made []crm.RecordID
		for i := range 7 {
			made = append(made, x.make(crm.Person, set{"name": fmt.Sprintf("P%d", i), "tag_ids": []any{tag.ID}[:i%2]}).ID)
		}
		look := func() (out []string) {
			for _, id := range made {
				r, err := x.One(ctx, x.ada, id)
				require.NoError(t, err)
				out = append(out, fmt.Sprint(r.OwnerID, r.Stage, r.Class, len(r.Tags), r.DeletedAt != nil, r.Sources["stage"].By))
			}
			return out
		}
		before := look()
		done, err := x.ChangeMany(ctx, x.ada, records.Many{All: &records.Query{Type: crm.Person, Q: "p"}, Add: []crm.TagID{tag.ID}}, in(t, set{"owner_id": x.Ben.ID, "stage": "customer", "class": set{"name": "vendor"}}))
		require.NoError(t, err)
		require.Equal(t, 7, done.Count)
		for _, row := range look() {
			require.Contains(t, row, string(x.Ben.ID)+"customer{vendor 1 person")
		}
		_, err = x.Change(ctx, x.ben, made[3], 0, in(t, set{"stage": "former"}))
		require.NoError(t, err)
		undone, err := x.Undo(ctx, x.ada, done.UndoID)
		require.NoError(t, err)
		require.Equal(t, 6, undone.Count, "what was changed since stays")
		now := look()
		require.Contains(t, now[3], "former")
		require.Equal(t, slices.Delete(slices.Clone(before), 3, 4), slices.Delete(now, 3, 4))
		_, err = x.Undo(ctx, x.ada, done.UndoID)
		require.Equal(t, "undone", code(t, err))

		gone, err := x.ChangeMany(ctx, x.ada, records.Many{IDs: append([]crm.RecordID{"unknown"}, made...), Delete: true}, nil)
		require.NoError(t, err)
		require.Equal(t, 7, gone.Count)
		require.Empty(t, x.names(records.Query{}))
		_, err = x.Undo(ctx, x.ada, gone.UndoID)
		require.NoError(t, err)
		require.Len(t, x.names(records.Query{Q: "p"}), 7)
		deal := x.make(crm.Deal, set{"name": "D"})
		_, err = x.ChangeMany(ctx, x.ada, records.Many{IDs: []crm.RecordID{made[0], deal.ID}}, in(t, set{"stage": "lead"}))
		require.Equal(t, fault.Invalid, fault.Of(err))
		require.NotContains(t, look()[0], "lead", "all or none")
		for _, m := range []records.Many{{}, {IDs: made}, {IDs: made, All: &records.Query{}, Delete: true}, {IDs: made, Delete: true, Add: []crm.TagID{tag.ID}}, {IDs: made, Add: []crm.TagID{"none"}}} {
			_, err := x.ChangeMany(ctx, x.ada, m, nil)
			require.Equal(t, fault.Invalid, fault.Of(err), "%+v", m)
		}
	})
}

func TestMirrorsWriteByTheirOwnIDs(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		ctx := context.Background()
		x := newDesk(t, d)
		first, made, err := x.Upsert(ctx, x.key, "shop", "A/1", crm.Person, 0, in(t, set{"name": "Anna", "title": "Buyer"}))
		require.NoError(t, err)
		require.True(t, made)
		require.Equal(t, map[string]string{"shop": "A/1"}, first.ExternalIDs)
		again, made, err := x.Upsert(ctx, x.key, "shop", "A/1", crm.Person, 0, in(t, set{"title": "Head buyer"}))
		require.NoError(t, err)
		require.False(t, made)
		require.Equal(t, []any{first.ID, "Head buyer", int64(2)}, []any{again.ID, again.Title, again.Version})
		_, _, err = x.Upsert(ctx, x.key, "shop", "A/1", crm.Company, 0, nil)
		require.Equal(t, "other_type", code(t, err))
		_, _, err = x.Upsert(ctx, x.key, "shop", "A/2", "", 0, in(t, set{"name": "x"}))
		require.Equal(t, fault.Invalid, fault.Of(err))
		_, err = x.Create(ctx, x.ada, crm.Person, in(t, set{"name": "Twin", "external_ids": set{"shop": "A/1"}}))
		require.Equal(t, records.CodeTaken, code(t, err))
		require.NoError(t, x.Delete(ctx, x.ada, first.ID, 0))
		next, made, err := x.Upsert(ctx, x.key, "shop", "A/1", crm.Person, 0, in(t, set{"name": "Anna anew"}))
		require.NoError(t, err)
		require.True(t, made, "what a deleted record was called goes to the new one")
		require.NotEqual(t, first.ID, next.ID)
		var wait sync.WaitGroup
		seen := make([]crm.RecordID, 8)
		for i := range seen {
			wait.Go(func() {
				r, _, err := x.Upsert(ctx, x.key, "shop", "same", crm.Person, 0, in(t, set{"name": "Same"}))
				if err == nil {
					seen[i] = r.ID
				}
			})
		}
		wait.Wait()
		require.Len(t, slices.Compact(slices.Sorted(slices.Values(seen))), 1, "one record, however many ask at once: %v", seen)
	})
}

// Two who change one record at the same time: one wins when both name its version, and
// without a version both are kept.
func TestRecordsAreChangedAtTheSameTime(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		ctx := context.Background()
		x := newDesk(t, d)
		anna := x.make(crm.Person, set{"name": "Anna"})
		var wait sync.WaitGroup
		won := make([]bool, 8)
		for i := range won {
			wait.Go(func() {
				_, err := x.Change(ctx, x.ada, anna.ID, 1, in(t, set{"title": fmt.Sprint(i)}))
				won[i] = err == nil
			})
		}
		wait.Wait()
		require.Len(t, slices.DeleteFunc(won, func(w bool) bool { return !w }), 1)
		fields := []string{"title", "address", "website", "description", "first_name"}
		for _, f := range fields {
			wait.Go(func() { _, _ = x.Change(ctx, x.ada, anna.ID, 0, in(t, set{f: "both.example"})) })
		}
		wait.Wait()
		r, err := x.One(ctx, x.ada, anna.ID)
		require.NoError(t, err)
		require.Equal(t, []any{"both.example", "both.example", "https://both.example", "both.example", "both.example"}, []any{r.Title, r.Address, r.Website, r.Description, r.FirstName})
		require.EqualValues(t, 2+len(fields), r.Version)
	})
}

func TestTypesOfRecords(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		ctx := context.Background()
		x := newDesk(t, d)
		list, err := x.Types(ctx, x.ben)
		require.NoError(t, err)
		require.Len(t, list, 3)
		for name, wish := range map[string]records.TypeWish{
			"none": {}, "key": {Key: "Bad Key", Name: ptr("x")}, "standard": {Key: crm.Person, Name: ptr("x")}, "long": {Name: ptr(strings.Repeat("x", 61))},
			"field":    {Name: ptr("X"), Fields: &[]crm.Field{{Name: "A", Type: "colour"}}},
			"twice":    {Name: ptr("X"), Fields: &[]crm.Field{{Name: "A", Type: crm.FieldText}, {Name: "a", Type: crm.FieldText}}},
			"options":  {Name: ptr("X"), Fields: &[]crm.Field{{Name: "A", Type: crm.FieldSelect}}},
			"standing": {Name: ptr("X"), Fields: &[]crm.Field{{Key: "name", Name: "A", Type: crm.FieldText}}},
			"target":   {Name: ptr("X"), Fields: &[]crm.Field{{Name: "A", Type: crm.FieldRelation, Target: "nothing"}}},
			"currency": {Name: ptr("X"), Fields: &[]crm.Field{{Name: "A", Type: crm.FieldMoney, Currency: "XXXX"}}},
		} {
			_, err := x.CreateType(ctx, x.ada, wish)
			require.Equal(t, fault.Invalid, fault.Of(err), name)
		}
		_, err = x.CreateType(ctx, x.ben, records.TypeWish{Name: ptr("Boat")})
		require.Equal(t, fault.Forbidden, fault.Of(err), "members do not make types")
		_, err = x.CreateType(ctx, x.ada, records.TypeWish{Name: ptr("Boat"), Fields: &[]crm.Field{{Name: "Length", Type: crm.FieldNumber, Required: true}, {Name: "Sister", Type: crm.FieldRelation, Target: "boat"}}})
		require.NoError(t, err, "a type may point to itself")
		_, err = x.CreateType(ctx, x.ada, records.TypeWish{Name: ptr("boat")})
		require.Equal(t, "key_taken", code(t, err))
		_, err = x.Create(ctx, x.ada, "boat", in(t, set{"name": "Gull"}))
		require.Equal(t, fault.Invalid, fault.Of(err), "length is required")
		gull := x.make("boat", set{"name": "Gull", "fields": set{"length": 7}})
		_, err = x.Change(ctx, x.ada, gull.ID, 0, in(t, set{"fields": set{"sister": gull.ID}}))
		require.NoError(t, err, "a circle is no harm")
		_, err = x.Change(ctx, x.ada, gull.ID, 0, in(t, set{"fields": set{"length": nil}}))
		require.Equal(t, fault.Invalid, fault.Of(err))
		_, err = x.ChangeType(ctx, x.ada, "boat", records.TypeWish{Fields: &[]crm.Field{{Key: "length", Name: "Length", Type: crm.FieldText}}})
		require.Equal(t, fault.Invalid, fault.Of(err), "a field keeps its type")
		_, err = x.ChangeType(ctx, x.ada, "boat", records.TypeWish{Plural: ptr("Fleet"), Fields: &[]crm.Field{{Key: "crew", Name: "Crew", Type: crm.FieldNumber}}})
		require.NoError(t, err)
		r, err := x.One(ctx, x.ada, gull.ID)
		require.NoError(t, err)
		require.Empty(t, r.Fields, "fields that were taken out are not shown")
		require.Equal(t, []string{"Gull"}, x.names(records.Query{Type: "boat", Sort: "crew"}), "records from before a field are in its order")
		_, err = x.ChangeType(ctx, x.ada, "boat", records.TypeWish{Fields: &[]crm.Field{{Key: "length", Name: "Length", Type: crm.FieldNumber}}})
		require.NoError(t, err)
		require.Equal(t, []string{"Gull"}, x.names(records.Query{Type: "boat", Fields: map[string]string{"length": "7"}}), "values were kept")
		_, err = x.ChangeType(ctx, x.ada, crm.Person, records.TypeWish{Fields: &[]crm.Field{{Name: "Shoe size", Type: crm.FieldNumber}}})
		require.NoError(t, err, "standard types get fields, too")
		require.Equal(t, "confirm_count", code(t, x.DropType(ctx, x.ada, "boat", 0)))
		require.Equal(t, fault.Conflict, fault.Of(x.DropType(ctx, x.ada, crm.Person, 0)))
		require.NoError(t, x.DropType(ctx, x.ada, "boat", 1))
		_, err = x.One(ctx, x.ada, gull.ID)
		require.Equal(t, fault.NotFound, fault.Of(err))
		_, err = x.Restore(ctx, x.ada, gull.ID)
		require.Equal(t, fault.NotFound, fault.Of(err))
		_, err = x.List(ctx, x.ada, records.Query{Type: "boat"})
		require.Equal(t, fault.Invalid, fault.Of(err))
		for _, key := range []crm.RecordType{"object", "object_2"} {
			o, err := x.CreateType(ctx, x.ada, records.TypeWish{Name: ptr("Проект"), Fields: &[]crm.Field{{Name: "Name", Type: crm.FieldText}, {Name: "Größe", Type: crm.FieldText}, {Name: "Цвет", Type: crm.FieldText}, {Name: "2.", Type: crm.FieldText}}})
			require.NoError(t, err, "names of any script")
			require.Equal(t, key, o.Key)
			require.Equal(t, []string{"name_2", "groe", "field", "field_2"}, []string{o.Fields[0].Key, o.Fields[1].Key, o.Fields[2].Key, o.Fields[3].Key})
		}
		again, err := x.CreateType(ctx, x.ada, records.TypeWish{Name: ptr("Boat")})
		require.NoError(t, err)
		require.Zero(t, again.Count, "another type that has the same name")
		require.Empty(t, x.names(records.Query{Type: "boat"}))
	})
}

func TestNotesAndTasks(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		ctx := context.Background()
		x := newDesk(t, d)
		anna := x.make(crm.Person, set{"name": "Anna"})
		for i := range 5 {
			x.Clock.Move(time.Second)
			_, err := x.CreateNote(ctx, x.ada, anna.ID, fmt.Sprintf("note %d", i))
			require.NoError(t, err)
		}
		page, next, err := x.Notes(ctx, x.ben, anna.ID, "", 3)
		require.NoError(t, err)
		require.Equal(t, "note 4", page[0].Text)
		require.Equal(t, records.Person{ID: x.Ada.ID, Name: "ada"}, page[0].Author)
		rest, end, err := x.Notes(ctx, x.ben, anna.ID, next, 3)
		require.NoError(t, err)
		require.Len(t, rest, 2)
		require.Empty(t, end)
		_, err = x.ChangeNote(ctx, x.ben, page[0].ID, "mine")
		require.Equal(t, fault.Forbidden, fault.Of(err))
		require.Equal(t, fault.Forbidden, fault.Of(x.DropNote(ctx, x.ben, page[0].ID)))
		require.NoError(t, x.DropNote(ctx, x.ada, page[0].ID))
		r, err := x.One(ctx, x.ada, anna.ID)
		require.NoError(t, err)
		require.NotNil(t, r.LastAt)
		require.EqualValues(t, 1, r.Version, "a note is no change of the record")

		due := func(h int) *time.Time { return ptr(x.Clock.Now().Add(time.Duration(h) * time.Hour)) }
		for i, at := range []*time.Time{due(2), nil, due(-1), due(1)} {
			_, err := x.CreateTask(ctx, x.ada, records.TaskWish{Title: ptr(fmt.Sprintf("t%d", i)), DueAt: at, Record: &anna.ID})
			require.NoError(t, err)
		}
		titles := func(q records.TaskQuery) (out []string) {
			for q.Limit = 1; ; {
				list, next, err := x.Tasks(ctx, x.ada, q)
				require.NoError(t, err)
				for _, k := range list {
					out = append(out, k.Title)
				}
				if q.Cursor = next; next == "" {
					return out
				}
			}
		}
		require.Equal(t, []string{"t2", "t3", "t0", "t1"}, titles(records.TaskQuery{State: records.TasksOpen, Assignee: "me"}))
		require.Equal(t, []string{"t2"}, titles(records.TaskQuery{State: records.TasksOverdue, Record: anna.ID}))
		list, _, err := x.Tasks(ctx, x.ada, records.TaskQuery{State: records.TasksOverdue})
		require.NoError(t, err)
		k, err := x.ChangeTask(ctx, x.ben, list[0].ID, 1, records.TaskWish{Done: ptr(true), Assignee: ptr(x.Ben.ID), Record: ptr(crm.RecordID(""))})
		require.NoError(t, err)
		require.NotNil(t, k.DoneAt)
		require.Nil(t, k.Record)
		_, err = x.ChangeTask(ctx, x.ben, k.ID, 1, records.TaskWish{Done: ptr(false)})
		require.Equal(t, records.CodeChanged, code(t, err))
		require.Equal(t, []string{"t2"}, titles(records.TaskQuery{State: records.TasksDone}))
		require.Len(t, titles(records.TaskQuery{}), 4)
		require.NoError(t, x.DropTask(ctx, x.ada, k.ID))
		_, err = x.Task(ctx, x.ada, k.ID)
		require.Equal(t, fault.NotFound, fault.Of(err))
	})
}

// Whatever is sent, a refusal names the fields, and nothing is changed.
func TestHostileInputIsRefused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		ctx := context.Background()
		x := newDesk(t, d)
		anna := x.make(crm.Person, set{"name": "Anna\x00 \u202eB\n"})
		require.Equal(t, "Anna B", anna.Name)
		huge := strings.Repeat("x", 10<<20)
		for name, values := range map[string]set{
			"huge name": {"name": huge}, "number": {"name": 7}, "list": {"name": []any{}}, "empty": {"name": "  "}, "unknown": {"naem": "x"}, "emails": {"emails": "a@b.example"}, "email": {"emails": []any{"a b@c.example"}},
			"no dot": {"emails": []any{"a@b"}}, "two": {"emails": []any{"a@b.example, c@d.example"}}, "phone": {"phones": []any{"call me"}}, "no country": {"phones": []any{"030 1234567"}}, "url": {"website": "javascript:alert(1)"},
			"userinfo": {"website": "https://a:b@c.example"}, "linkedin": {"linkedin": "https://evil.example/in/x"}, "stage": {"stage": "emperor"}, "class": {"class": set{"name": "king"}}, "owner": {"owner_id": "nobody"},
			"company": {"company_id": anna.ID}, "amount of a person": {"amount": set{"minor": 1, "currency": "EUR"}}, "tags": {"tag_ids": []any{"x"}}, "field": {"fields": set{"x": 1}}, "many": {"emails": slices.Repeat([]any{"a@b.example"}, 51)},
			"system": {"external_ids": set{"Bad System": "1"}}, "control": {"external_ids": set{"shop": "a\x01"}},
		} {
			_, err := x.Change(ctx, x.ada, anna.ID, 0, in(t, values))
			require.Equal(t, fault.Invalid, fault.Of(err), name)
			var f *fault.Error
			require.ErrorAs(t, err, &f, name)
			require.NotEmpty(t, f.Fields, name)
			require.Less(t, len(f.Text), 1000, name)
		}
		for name, values := range map[string]set{
			"domain": {"domains": []any{"com"}}, "free mail": {"domains": []any{"gmail.com"}}, "title": {"title": "x"},
		} {
			_, err := x.Create(ctx, x.ada, crm.Company, in(t, values))
			require.Equal(t, fault.Invalid, fault.Of(err), name)
		}
		for name, values := range map[string]set{
			"date": {"close_date": "2026-02-30"}, "currency": {"amount": set{"minor": 1, "currency": "XQX"}}, "fraction": {"amount": set{"minor": 1.5, "currency": "EUR"}}, "person": {"people": []any{set{"person_id": "x"}}},
		} {
			values["name"] = "D"
			_, err := x.Create(ctx, x.ada, crm.Deal, in(t, values))
			require.Equal(t, fault.Invalid, fault.Of(err), name)
		}
		r, err := x.One(ctx, x.ada, anna.ID)
		require.NoError(t, err)
		require.EqualValues(t, 1, r.Version)
		_, err = x.List(ctx, x.ada, records.Query{Q: huge})
		require.Equal(t, fault.Invalid, fault.Of(err))
		_, err = x.List(ctx, x.ada, records.Query{Type: "\x00", Tag: "\x00\xff", Company: "\xff"})
		require.Equal(t, fault.Invalid, fault.Of(err))
	})
}
