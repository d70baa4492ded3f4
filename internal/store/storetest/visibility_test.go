package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
)

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

func writersOf(e mail.ListedEmail) (list []string) {
	for _, a := range e.ThreadSenders {
		list = append(list, a.Email)
	}
	return list
}

func TestThreads(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		answer := Mail(2, InThread("t"), Labelled("SENT"))
		answer.From = crm.Address{Name: "Ada Quill", Email: "ada@northwind-lamps.example"}
		stray := Mail(3, InThread("t"), Labelled("TRASH"))
		stray.From.Email = "stray@harbour-tea.example"
		w.Put(c, Whole(Mail(1, InThread("t")), answer, stray, Mail(4, InThread("bin"), Labelled("TRASH")), Mail(5))...)
		page, err := w.List(ctx, Caller(w.Home, w.Ada), mail.ListQuery{Connection: c.ID, Threads: true})
		require.NoError(t, err)
		require.Equal(t, []string{"Message 5", "Message 2"}, subjects(page))
		require.Equal(t, 2, page.Emails[1].ThreadCount)
		require.Equal(t, 1, page.Emails[0].ThreadCount)
		writers := []string{"mira@harbour-tea.example", "ada@northwind-lamps.example"}
		require.Equal(t, writers, writersOf(page.Emails[1]), "once each, by their first message, without the bin's")
		require.Equal(t, writers[:1], writersOf(page.Emails[0]))
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

// TestThreadsWithoutWhatIsHidden: what a label that was turned off hides is not shown
// within a conversation that is shown either.
func TestThreadsWithoutWhatIsHidden(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		w.Put(c, Whole(Mail(1, InThread("t")), Mail(2, InThread("t"), Labelled("Label_1")), Mail(3, InThread("t"), Labelled("INBOX", "Label_1")), Mail(4, InThread("t"), Labelled("TRASH")),
			Mail(5, InThread("half"), Labelled("Label_1")), Mail(6, InThread("half"), Labelled("Label_1", "TRASH")), Mail(7, InThread("whole"), Labelled("Label_1")))...)
		inThread := func(id string) (list []string) {
			emails, err := w.Thread(ctx, Caller(w.Home, w.Ada), c.ID, id)
			require.NoError(t, err)
			for _, e := range emails {
				list = append(list, e.Subject)
			}
			return list
		}
		require.Equal(t, []string{"Message 1", "Message 2", "Message 3"}, inThread("t"))
		hide := func(off ...string) {
			_, err := w.Change(ctx, Caller(w.Home, w.Ada), c.ID, func(c *crm.Connection) error {
				c.Settings.Labels, c.Settings.Hidden = []string{"INBOX"}, off
				return nil
			})
			require.NoError(t, err)
			for more := true; more; {
				n, err := w.Reshow(ctx, c.ID, 2)
				require.NoError(t, err)
				more = n > 0
			}
		}
		hide("Label_1")
		require.Equal(t, []string{"Message 1", "Message 3"}, inThread("t"), "what also has a label that is on stays")
		require.Equal(t, []string{"Message 6"}, inThread("half"), "as the bin shows it")
		require.Equal(t, []string{"Message 7"}, inThread("whole"), "its address still leads there")
		hide()
		require.Equal(t, []string{"Message 1", "Message 2", "Message 3"}, inThread("t"))
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
