package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/engine"
	"rapport/internal/mail"
	"rapport/internal/store"
)

// prose makes mail with the statistics of mail: few frequent words, many rare.
type prose struct {
	r     *rand.Rand
	words []string
	zipf  *rand.Zipf
}

func newProse(seed uint64) *prose {
	p := &prose{r: rand.New(rand.NewPCG(seed, 1))}
	for len(p.words) < 40000 {
		var b strings.Builder
		for range 1 + p.r.IntN(3) {
			b.WriteByte("bdfgklmnprstvz"[p.r.IntN(14)])
			b.WriteByte("aeiou"[p.r.IntN(5)])
			b.WriteByte("lnrst"[p.r.IntN(5)])
		}
		p.words = append(p.words, b.String())
	}
	p.zipf = rand.NewZipf(p.r, 1.1, 4, uint64(len(p.words)-1))
	return p
}

func (p *prose) say(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(p.words[p.zipf.Uint64()])
		if i%12 == 11 {
			b.WriteString(".\n")
		}
	}
	return b.String()
}

// message is the n-th of a mailbox: about 10 KB in all, as performance.md has it.
func (p *prose) message(n int) *crm.Email {
	text := p.say(300)
	who := p.r.IntN(2000)
	e := Mail(n, InThread(fmt.Sprintf("t%x", n*20/37)))
	e.Subject, e.BodyText = p.say(7), text
	e.BodyHTML = "<html><body><p>" + strings.ReplaceAll(text, ".\n", ".</p><p>") + strings.Repeat("<br class=\"x\">", 150) + "</p></body></html>"
	e.From = crm.Address{Name: p.words[who], Email: p.words[who] + "@" + p.words[who%97] + ".example"}
	e.Raw = make([]byte, 3000)
	for i := range e.Raw {
		e.Raw[i] = byte(p.r.Uint32())
	}
	e.Labels = []string{"INBOX"}
	if n%10 == 0 {
		e.Labels = append(e.Labels, "UNREAD")
	}
	if n%50 == 0 {
		e.Labels = append(e.Labels, "Label_7")
	}
	if n%12 == 0 {
		e.HasAttachments = true
		e.Attachments = []crm.Attachment{{PartID: "2", Name: p.say(2) + ".pdf", Type: "application/pdf", Size: 90000}}
	}
	return e
}

// fill puts n messages into a mailbox, newest first, a hundred in a batch.
func fill(w *World, c crm.Connection, n int) {
	const batch = 100
	p := newProse(7)
	k := Key(c, crm.StreamGmailBackfill)
	ctx := context.Background()
	at, err := w.Load(ctx, k)
	require.NoError(w.T, err)
	for from := n; from > 0; from -= batch {
		var emails []*crm.Email
		for i := from; i > max(from-batch, 0); i-- {
			emails = append(emails, p.message(i))
		}
		next := at
		next.Page = engine.Cursor(strconv.Itoa(from))
		_, err := w.Apply(ctx, k, at, engine.Batch[mail.Item]{Changes: Whole(emails...), At: next})
		require.NoError(w.T, err)
		at = next
	}
}

func eachDatabase(b *testing.B, run func(b *testing.B, d Database)) {
	for _, d := range []Database{SQLite, PostgreSQL} {
		if d == PostgreSQL && os.Getenv("TEST_DATABASE_URL") == "" {
			b.Log("TEST_DATABASE_URL is not set: PostgreSQL is not measured")
			continue
		}
		b.Run(string(d), func(b *testing.B) { run(b, d) })
	}
}

// cpuTime is what this process has used; a PostgreSQL server is not in it.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkApply brings messages of 10 KB in batches of a hundred: rows alone,
// and with their index.
func BenchmarkApply(b *testing.B) {
	p := newProse(3)
	emails := make([]*crm.Email, 4000)
	for i := range emails {
		emails[i] = p.message(len(emails) - i)
	}
	eachDatabase(b, func(b *testing.B, d Database) {
		for _, indexed := range []bool{false, true} {
			b.Run(fmt.Sprintf("indexed=%v", indexed), func(b *testing.B) {
				b.ReportAllocs()
				var took, cpu time.Duration
				for range b.N {
					b.StopTimer()
					w := NewWorld(b, d)
					c := w.Connect(w.Home, w.Ada, "ada")
					b.StartTimer()
					began, used := time.Now(), cpuTime(b)
					for i := 0; i < len(emails); i += 100 {
						w.Put(c, Whole(emails[i:i+100]...)...)
						if indexed && (i+100)%2000 == 0 {
							_, err := w.IndexPending(context.Background(), 4000)
							require.NoError(b, err)
						}
					}
					took, cpu = took+time.Since(began), cpu+cpuTime(b)-used
				}
				b.ReportMetric(float64(cpu.Microseconds())/float64(b.N*len(emails)), "cpu-µs/message")
				b.ReportMetric(float64(took.Microseconds())/float64(b.N*len(emails)), "µs/message")
			})
		}
	})
}

// BenchmarkRead reads pages of 50 and searches in a mailbox of 100,000 messages
// (or RAPPORT_BENCH_MESSAGES).
func BenchmarkRead(b *testing.B) {
	n := 20000
	if v := os.Getenv("RAPPORT_BENCH_MESSAGES"); v != "" {
		var err error
		n, err = strconv.Atoi(v)
		require.NoError(b, err)
	}
	eachDatabase(b, func(b *testing.B, d Database) {
		w := NewWorld(b, d, func(o *store.Options) { o.CacheBytes = 1 << 20 })
		c := w.Connect(w.Home, w.Ada, "ada")
		began := time.Now()
		fill(w, c, n)
		b.Logf("filled with %d messages in %s", n, time.Since(began))
		_, err := w.IndexPending(context.Background(), n)
		require.NoError(b, err)
		if d == PostgreSQL {
			b.Logf("indexed after %s", time.Since(began))
		}
		yes, p := true, newProse(7)
		rare, middle, common := p.words[9000], p.words[300], p.words[2]
		word := func(text string) *mail.Search { return &mail.Search{Root: mail.Words{Text: text}} }
		for _, q := range []struct {
			name string
			q    mail.ListQuery
			skip int // pages before the one that is read
		}{
			{"all", mail.ListQuery{}, 0},
			{"inbox", mail.ListQuery{Label: "INBOX"}, 0},
			{"inbox threads", mail.ListQuery{Label: "INBOX", Threads: true}, 0},
			{"inbox unread", mail.ListQuery{Label: "INBOX", Unread: &yes}, 0},
			{"label", mail.ListQuery{Label: "Label_7"}, 0},
			{"rare word", mail.ListQuery{Search: word(rare)}, 0},
			{"middle word", mail.ListQuery{Search: word(middle)}, 0},
			{"common word", mail.ListQuery{Search: word(common)}, 0},
			{"two words", mail.ListQuery{Search: &mail.Search{Root: mail.And{Nodes: []mail.Node{mail.Words{Text: common}, mail.Words{Text: middle}}}}}, 0},
			{"from", mail.ListQuery{Search: &mail.Search{Root: mail.Field{Name: mail.FieldFrom, Text: p.words[40]}}}, 0},
			{"word and attachment", mail.ListQuery{Search: &mail.Search{Root: mail.And{Nodes: []mail.Node{mail.Words{Text: middle}, mail.Flag{Name: mail.FlagAttachment}}}}}, 0},
			{"word threads", mail.ListQuery{Search: word(middle), Threads: true}, 0},
			{"common word and no such label", mail.ListQuery{Label: "Label_none", Search: word(common)}, 0},
			{"message id", mail.ListQuery{Search: &mail.Search{Root: mail.Field{Name: mail.FieldMessageID, Text: "m77@harbour-tea.example"}}}, 0},
			{"unknown word or label", mail.ListQuery{Search: &mail.Search{Root: mail.Or{Nodes: []mail.Node{mail.Words{Text: "nosuchword"}, mail.Flag{Name: mail.FlagStarred}}}}}, 0},
			{"inbox threads, page 100", mail.ListQuery{Label: "INBOX", Threads: true}, 100},
			{"word threads, page 30", mail.ListQuery{Search: word(middle), Threads: true}, 30},
			{"prefix", mail.ListQuery{Search: &mail.Search{Root: mail.Words{Text: middle[:3], Prefix: true}}}, 0},
		} {
			b.Run(q.name, func(b *testing.B) {
				b.ReportAllocs()
				q.q.Connection = c.ID
				for range q.skip {
					page, err := w.List(context.Background(), Caller(w.Home, w.Ada), q.q)
					require.NoError(b, err)
					q.q.Page.Cursor = page.Next
				}
				rows, used := 0, cpuTime(b)
				for b.Loop() {
					page, err := w.List(context.Background(), Caller(w.Home, w.Ada), q.q)
					require.NoError(b, err)
					rows = len(page.Emails)
				}
				b.ReportMetric(float64((cpuTime(b)-used).Microseconds())/float64(b.N), "cpu-µs/op")
				b.ReportMetric(float64(rows), "rows")
			})
		}
	})
}
