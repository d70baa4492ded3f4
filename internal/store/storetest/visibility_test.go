package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
)

// TestWhoMayReadWhoseMail is the matrix of callers and visibilities over every
// query that reads mail: all of them agree.
func TestWhoMayReadWhoseMail(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		key := func(c access.Caller) access.Caller {
			c.Via, c.KeyID, c.Scopes = access.ViaKey, "k", []string{"*"}
			return c
		}
		admin := Caller(w.Home, w.Ben)
		admin.Role = crm.RoleOwner
		callers := []struct {
			name   string
			caller access.Caller
			sees   map[crm.Visibility]bool // of Ada's connections
		}{
			{"owner", Caller(w.Home, w.Ada), map[crm.Visibility]bool{"private": true, "metadata": true, "subject": true, "full": true, "": true}},
			{"owner's key", key(Caller(w.Home, w.Ada)), map[crm.Visibility]bool{"private": true, "metadata": true, "subject": true, "full": true, "": true}},
			{"colleague", Caller(w.Home, w.Ben), map[crm.Visibility]bool{"metadata": true, "subject": true, "full": true}},
			{"colleague's key", key(Caller(w.Home, w.Ben)), map[crm.Visibility]bool{"metadata": true, "subject": true, "full": true}},
			{"administrator", admin, map[crm.Visibility]bool{"metadata": true, "subject": true, "full": true}},
			{"system", access.System(w.Home), map[crm.Visibility]bool{"private": true, "metadata": true, "subject": true, "full": true, "": true}},
			{"other workspace", Caller(w.Abroad, w.Cleo), nil},
			{"owner in another workspace", Caller(w.Abroad, w.Ada), nil},
			{"system of another workspace", access.System(w.Abroad), nil},
			{"no workspace", access.Caller{Via: access.ViaSession, UserID: w.Ada.ID}, nil},
			{"nobody", access.Caller{Workspace: w.Home}, nil},
			{"nobody with a name", access.Caller{Workspace: w.Home, UserID: w.Ada.ID}, nil},
			{"somebody without a name", access.Caller{Via: access.ViaSession, Workspace: w.Home}, nil},
		}
		n := 0
		for _, visibility := range []crm.Visibility{"private", "metadata", "subject", "full", ""} {
			c := w.Connect(w.Home, w.Ada, fmt.Sprint("ada", n), func(c *crm.Connection) { c.Settings.Visibility = visibility })
			n++
			e := Mail(n, InThread(fmt.Sprint("t", n)), func(e *crm.Email) { e.Raw, e.BodyText = []byte("r"), "word"+fmt.Sprint(n) })
			w.Put(c, Whole(e)...)
			require.NoError(t, w.SaveLabels(ctx, c.ID, []crm.Label{{ID: "INBOX"}}))
			page, err := w.List(ctx, access.System(w.Home), mail.ListQuery{Connection: c.ID})
			require.NoError(t, err)
			id := page.Emails[0].ID
			for _, v := range callers {
				t.Run(fmt.Sprintf("%s reads %s", v.name, visibility), func(t *testing.T) {
					sees := func(found bool, err error) {
						t.Helper()
						require.Equal(t, v.sees[visibility], found)
						if !found {
							require.Equal(t, fault.NotFound, fault.Of(err))
						}
					}
					_, err := w.Email(ctx, v.caller, id)
					sees(err == nil, err)
					_, err = w.Raw(ctx, v.caller, id)
					sees(err == nil, err)
					_, err = w.Thread(ctx, v.caller, c.ID, e.ThreadID)
					sees(err == nil, err)
					_, err = w.LabelsOf(ctx, v.caller, c.ID)
					sees(err == nil, err)
					for _, q := range []mail.ListQuery{{}, {Threads: true}, {Label: "INBOX"}, {Search: &mail.Search{Root: word("word" + fmt.Sprint(n))}}, {Search: &mail.Search{Root: flag(mail.FlagAnywhere)}}} {
						q.Connection = c.ID
						page, err := w.List(ctx, v.caller, q)
						sees(err == nil && len(page.Emails) == 1, err)
						q.Connection = ""
						page, err = w.List(ctx, v.caller, q)
						require.NoError(t, err)
						found := false
						for _, e := range page.Emails {
							found = found || e.ID == id
						}
						require.Equal(t, v.sees[visibility], found)
						q.Workspace = "somewhere else"
						_, err = w.List(ctx, v.caller, q)
						require.Equal(t, fault.NotFound, fault.Of(err))
					}
				})
			}
		}
	})
}

func TestListsOfSeveralMailboxes(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		boxes := []crm.Connection{w.Connect(w.Home, w.Ada, "a"), w.Connect(w.Home, w.Ada, "b"), w.Connect(w.Home, w.Ben, "c", Shared), w.Connect(w.Home, w.Ben, "hidden")}
		for i := range 60 {
			e := Mail(i, InThread(fmt.Sprint("t", i/2)), func(e *crm.Email) { e.Date = Start.Add(time.Duration(i/2) * time.Minute) }) // two at a time
			w.Put(boxes[i%4], Whole(e)...)
		}
		for _, threads := range []bool{false, true} {
			for _, search := range []*mail.Search{nil, {Root: word("message")}} {
				for _, size := range []int{1, 7, 45, 50} {
					seen, cursor := []string{}, ""
					for {
						page, err := w.List(ctx, Caller(w.Home, w.Ada), mail.ListQuery{Threads: threads, Search: search, Page: mail.Page{Limit: size, Cursor: cursor}})
						require.NoError(t, err)
						seen = append(seen, subjects(page)...)
						if cursor = page.Next; cursor == "" {
							break
						}
					}
					require.Len(t, seen, 45, "threads %v, %d at a time", threads, size)
					unique := map[string]bool{}
					for _, s := range seen {
						unique[s] = true
					}
					require.Len(t, unique, 45)
					require.Contains(t, []string{"Message 58", "Message 57"}, seen[0])
				}
			}
		}
	})
}

func TestThreads(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		w.Put(c, Whole(Mail(1, InThread("t")), Mail(2, InThread("t"), Labelled("SENT")), Mail(3, InThread("t"), Labelled("TRASH")), Mail(4, InThread("bin"), Labelled("TRASH")), Mail(5))...)
		page, err := w.List(ctx, Caller(w.Home, w.Ada), mail.ListQuery{Connection: c.ID, Threads: true})
		require.NoError(t, err)
		require.Equal(t, []string{"Message 5", "Message 2"}, subjects(page))
		require.Equal(t, 2, page.Emails[1].ThreadCount)
		require.Equal(t, 1, page.Emails[0].ThreadCount)
		require.Equal(t, []string{"Message 5", "Message 1"}, w.listed(c, mail.ListQuery{Label: "INBOX", Threads: true}), "the newest of the label")
		list, err := w.Thread(ctx, Caller(w.Home, w.Ada), c.ID, "t")
		require.NoError(t, err)
		require.Len(t, list, 2)
		require.Equal(t, "Message 1", list[0].Subject, "the oldest first")
		require.Equal(t, "Body of message 2.", list[1].BodyText)
		list, err = w.Thread(ctx, Caller(w.Home, w.Ada), c.ID, "bin")
		require.NoError(t, err)
		require.Len(t, list, 1, "a thread of the bin alone is shown")
		w.Put(c, Gone(Mail(4), 0))
		_, err = w.Thread(ctx, Caller(w.Home, w.Ada), c.ID, "bin")
		require.Equal(t, fault.NotFound, fault.Of(err))
		_, err = w.Email(ctx, Caller(w.Home, w.Ada), page.Emails[0].ID)
		require.NoError(t, err)
		w.Put(c, Gone(Mail(5), 0))
		_, err = w.Email(ctx, Caller(w.Home, w.Ada), page.Emails[0].ID)
		require.Equal(t, fault.NotFound, fault.Of(err))
	})
}

func TestTotalsOfLists(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		var emails []*crm.Email
		for i := range 20 {
			labels := []string{"INBOX"}
			if i%4 == 0 {
				labels = append(labels, "UNREAD")
			}
			emails = append(emails, Mail(i, InThread(fmt.Sprint("t", i/2)), Labelled(labels...)))
		}
		w.Put(c, Whole(emails...)...)
		yes, no := true, false
		for _, v := range []struct {
			q    mail.ListQuery
			want int64
		}{
			{mail.ListQuery{}, 20}, {mail.ListQuery{Threads: true}, 10}, {mail.ListQuery{Label: "INBOX"}, 20}, {mail.ListQuery{Unread: &yes}, 5}, {mail.ListQuery{Unread: &no}, -1},
			{mail.ListQuery{Label: "INBOX", Threads: true}, -1}, {mail.ListQuery{Search: &mail.Search{Root: word("message")}}, -1}, {mail.ListQuery{Search: &mail.Search{Root: word("17")}}, 1},
		} {
			v.q.Page.Limit = 3
			page, err := w.List(ctx, Caller(w.Home, w.Ada), v.q)
			require.NoError(t, err)
			require.Equal(t, v.want, page.Total, "%+v", v.q)
		}
	})
}
