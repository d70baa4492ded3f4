package scenario

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	gmail "google.golang.org/api/gmail/v1"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/store/storetest"
	"rapport/internal/work"
)

// TestMachine does things at random: what owners do to their mailboxes, what
// happens to programs and networks, and the work itself, by two processes at
// once. Now and then it lets everything calm down and compares. RAPPORT_SEED (one,
// or a range like 1-50) runs other seeds, RAPPORT_STEPS says how long.
func TestMachine(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		seeds, steps := []uint64{1, 2, 3, 4}, 300
		if d == storetest.PostgreSQL {
			seeds = []uint64{5, 6}
		}
		if testing.Short() {
			seeds, steps = seeds[:1], 100
		}
		if text := os.Getenv("RAPPORT_SEED"); text != "" {
			seeds = seedsOf(t, text)
		}
		if text := os.Getenv("RAPPORT_STEPS"); text != "" {
			var err error
			steps, err = strconv.Atoi(text)
			require.NoError(t, err)
		}
		for _, seed := range seeds {
			t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
				began := time.Now()
				m := newMachine(t, d, seed)
				t.Cleanup(func() {
					if t.Failed() {
						t.Logf("%s\nRAPPORT_SEED=%d RAPPORT_STEPS=%d runs it again", m.log.String(), seed, steps)
					}
				})
				for n := range steps {
					m.act()
					m.overlaid()
					require.False(t, t.Failed())
					if n%100 == 99 {
						m.quiet()
					}
				}
				m.quiet()
				for _, p := range m.two {
					m.calls += p.calls.Load()
				}
				t.Logf("seed %d: %d steps, %d deaths, %d calls, %v", seed, steps, m.deaths, m.calls, time.Since(began).Round(time.Millisecond))
			})
		}
	})
}

// seedsOf reads one seed, or a range like 1-50.
func seedsOf(t *testing.T, text string) []uint64 {
	t.Helper()
	from, to, many := strings.Cut(text, "-")
	first, err := strconv.ParseUint(from, 10, 64)
	require.NoError(t, err)
	last := first
	if many {
		last, err = strconv.ParseUint(to, 10, 64)
		require.NoError(t, err)
	}
	var out []uint64
	for s := first; s <= last; s++ {
		out = append(out, s)
	}
	return out
}

// machine is one mailbox, the two processes that work on it, and chance.
type machine struct {
	*house
	r       *rand.Rand
	two     [2]*process
	log     *trail
	labels  []string // the owner's own
	ours    string   // a label that only the program gives and takes
	choices int      // of labels since it was quiet
	// What heals everything hides much, so not every machine has all of it.
	doubtful  bool // Google denies things, and owners change their minds
	forgetful bool // Google forgets the history

	changes map[string]made // all there were, by id

	doubt  bool       // something has happened that only the completeness check finds
	turn   sync.Mutex // to be faster than another
	deaths int
	calls  int64
	depth  int
}

func newMachine(t *testing.T, d storetest.Database, seed uint64) *machine {
	m := &machine{r: rand.New(rand.NewPCG(seed, 9)), log: &trail{}, changes: map[string]made{}}
	m.doubtful, m.forgetful = seed%4 == 0, seed%2 == 0
	w := newTown(t, d)
	m.house = w.newHouse(t, 20+m.r.IntN(60))
	t.Cleanup(m.leave)
	if m.r.IntN(2) == 0 {
		m.page = 3 + m.r.IntN(20)
	}
	m.common = m.r.IntN(2) == 0
	for _, name := range []string{"Projects", "Later"} {
		m.labels = append(m.labels, m.label(name))
	}
	m.ours = m.label("Ours")
	for i := range m.two {
		m.start(i)
	}
	m.connect(m.two[0])
	for i, p := range m.two {
		m.hurry(i, p.calls.Load()+int64(m.r.IntN(8)), m.r.Uint64())
	}
	return m
}

// hurry lets the owner and the other process be faster than this one at many of
// its first calls: while it imports.
func (m *machine) hurry(i int, from int64, turn uint64) {
	m.two[i].after.open(func(n int64, _ *http.Request) error {
		if n >= from && n < from+20 && n%2 == 0 {
			m.meanwhile(1-i, turn+uint64(n))
		}
		return nil
	})
}

func (m *machine) start(i int) {
	m.two[i] = m.boot()
	m.two[i].shared = m.log
	m.two[i].name = string(rune('A' + i))
	if m.r.IntN(2) == 0 {
		m.two[i].mail.Budget = 0 // a page for each step
	}
	require.NoError(m.t, m.two[i].store.Enqueue(context.Background(), m.two[i].mail.Schedule()...))
}

// say adds a line to the trail.
func (m *machine) say(format string, args ...any) {
	m.log.add("%s"+format, append([]any{strings.Repeat("  ", m.depth)}, args...)...)
}

// pick is one of several at random.
func pick[T any](m *machine, of ...T) T { return of[m.r.IntN(len(of))] }

// act lets one thing happen.
func (m *machine) act() {
	switch n := m.r.IntN(100); {
	case n < 25:
		m.owner()
	case n < 33:
		m.change()
	case n < 70:
		m.worker(m.r.IntN(2))
	case n < 74:
		d := pick(m, time.Second, time.Minute, 10*time.Minute, time.Hour, 7*time.Hour, 25*time.Hour)
		m.say("%v pass", d)
		m.clock.Move(d)
	case n < 81:
		m.network()
	case n < 95:
		m.arm(m.r.IntN(2))
	case n < 97:
		m.wish()
	case n < 99:
		m.change()
	default:
		m.upheaval()
	}
}

// any is a message of the mailbox, mostly a recent one.
func (m *machine) any() (string, bool) {
	ids := m.ids()
	if len(ids) == 0 {
		return "", false
	}
	if m.r.IntN(3) > 0 {
		ids = ids[:min(len(ids), 6)]
	}
	return ids[m.r.IntN(len(ids))], true
}

// some labels at random.
func (m *machine) some() []string {
	all := append([]string{"INBOX", "INBOX", "UNREAD", "STARRED", "IMPORTANT", "CATEGORY_UPDATES"}, m.labels...)
	out := []string{}
	for _, l := range all {
		if m.r.IntN(3) == 0 && !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	return out
}

// owner does something with the mailbox.
func (m *machine) owner() {
	id, ok := m.any()
	n := m.r.IntN(22)
	if !ok {
		n = 0
	}
	switch {
	case n < 6:
		thread, labels := "", m.some()
		if ok && m.r.IntN(2) == 0 {
			thread = m.threadOf(id)
		}
		if m.r.IntN(6) == 0 {
			labels = []string{pick(m, "SPAM", "TRASH", "DRAFT", "SENT")}
		}
		if len(labels) == 0 {
			labels = []string{"INBOX", "UNREAD"}
		}
		m.say("%s arrives, %v", m.deliver(thread, labels...), labels)
	case n < 13:
		add, remove := m.some(), m.some()
		remove = slices.DeleteFunc(remove, func(l string) bool { return slices.Contains(add, l) })
		if len(add)+len(remove) == 0 {
			return
		}
		m.say("%s gets %v and loses %v", id, add, remove)
		m.modify(id, add, remove)
	case n < 15:
		m.say("%s is deleted", id)
		m.remove(id)
	case n < 17:
		m.say("%s is trashed", id)
		m.trash(id)
	case n < 19:
		m.say("%s is taken out of the trash", id)
		m.untrash(id)
	case n < 20:
		m.relabel()
	default:
		ids, add := m.ids(), m.some()
		ids = ids[:min(len(ids), 1+m.r.IntN(30))]
		m.say("%d messages get %v", len(ids), add)
		require.NoError(m.t, m.google.Users.Messages.BatchModify("me", &gmail.BatchModifyMessagesRequest{Ids: ids, AddLabelIds: add}).Do())
	}
}

// relabel makes or deletes a label of the owner's.
func (m *machine) relabel() {
	if len(m.labels) > 2 && m.r.IntN(2) == 0 {
		last := m.labels[len(m.labels)-1]
		m.labels = m.labels[:len(m.labels)-1]
		m.say("label %s is deleted", last)
		require.NoError(m.t, m.google.Users.Labels.Delete("me", last).Do())
		return
	}
	l := m.label(fmt.Sprint("Label ", len(m.log.list)))
	m.labels = append(m.labels, l)
	m.say("label %s is made", l)
}

// worker lets a process do a job of the queue, or a step that it should not be
// doing any more: one whose lease was lost in a pause.
func (m *machine) worker(i int) {
	p := m.two[i]
	if p.dead.Load() {
		m.revive(i)
		return
	}
	m.corridors(p)
	if p.dead.Load() {
		return
	}
	if k := pick(m, kinds...); m.r.IntN(3) == 0 && m.asked(k) {
		_, err := p.step(k)
		m.expected(p, err)
		return
	}
	worked, err := p.one()
	m.expected(p, err)
	if !worked && !p.dead.Load() {
		m.clock.Move(mail.PollEvery)
	}
}

// asked reports whether a job of the kind is in the queue: nobody works without.
func (m *machine) asked(k work.Kind) bool {
	_, _, err := m.ground.Job(context.Background(), k, string(m.conn))
	return err == nil
}

// revive starts a process anew in place of a dead one.
func (m *machine) revive(i int) {
	m.deaths++
	m.calls += m.two[i].calls.Load()
	m.say("%s starts anew", m.two[i].name)
	m.start(i)
}

// expected are the errors that a step may end with.
func (m *machine) expected(p *process, err error) {
	m.t.Helper()
	if err == nil || p.dead.Load() || fault.Passing(err) {
		return
	}
	switch fault.Of(err) {
	case fault.Reconnect, fault.Stale, fault.Conflict:
		return
	case fault.Internal: // a mailbox that is not found once
		if m.doubt {
			return
		}
	}
	m.t.Errorf("%s: %v", p.name, err)
}

// corridors lets facts have their consequences, or not quite.
func (m *machine) corridors(p *process) {
	m.t.Helper()
	m.expected(p, m.house.follow(p))
}

// network makes Google fail, for a call or a few.
func (m *machine) network() {
	trouble := troubles[m.r.IntN(len(troubles))]
	if trouble.lie && !m.doubtful {
		return
	}
	f := trouble.Fault
	f.API, f.Account, f.Times, f.After = "gmail", m.account, 1+m.r.IntN(3), m.r.IntN(6)
	f.Method = pick(m, "", "", "messages.get", "threads.get", "batch", "history.list", "messages.list", "getProfile")
	switch m.r.IntN(5) {
	case 0:
		f.API, f.Method = "oauth", "token"
	case 1: // until the patience of a call ends
		f.Times = 12
	case 2: // until that of many ends, and the ledger fills
		f.Method, f.Times = pick(m, "messages.get", "threads.get"), 60
	}
	if trouble.lie { // Google denies something that exists, and is believed
		f.Times = 1
		m.doubt = true
	}
	m.say("Google is going to fail: %s of %q, %d times after %d", trouble.name, f.Method, f.Times, f.After)
	_, err := m.sim.Front.Faults.Add(f)
	require.NoError(m.t, err)
}

// arm prepares something to happen at a call or write of a process to come: its
// death, or a turn for somebody else.
func (m *machine) arm(i int) {
	p := m.two[i]
	if p.dead.Load() {
		return
	}
	at, turn := int64(1+m.r.IntN(12)), m.r.Uint64()
	switch m.r.IntN(6) {
	case 0:
		m.say("%s is going to die at call %d", p.name, at)
		at += p.calls.Load()
		p.before.set(func(n int64, _ *http.Request) error {
			if n == at {
				return p.kill()
			}
			return nil
		})
	case 1:
		at *= 4
		m.say("%s is going to die at write %d", p.name, at)
		at += p.writes.Load()
		p.wrote.set(func(n int64, _ string) error {
			if n == at {
				return p.kill()
			}
			return nil
		})
	default:
		answered := m.r.IntN(2) == 0
		m.say("somebody is going to be faster than %s at call %d, answered: %t", p.name, at, answered)
		at += p.calls.Load()
		faster := func(n int64, _ *http.Request) error {
			if n == at {
				m.meanwhile(1-i, turn)
			}
			return nil
		}
		if answered {
			p.before.clear()
			p.after.open(faster)
		} else {
			p.before.open(faster)
		}
	}
}

// meanwhile is what others do while a process waits for Google. Its chance is
// its own, since calls under way at the same time come in no certain order.
func (m *machine) meanwhile(other int, turn uint64) {
	if !m.turn.TryLock() { // somebody has it
		return
	}
	defer m.turn.Unlock()
	before := m.r
	m.r, m.depth = rand.New(rand.NewPCG(turn, 1)), 1
	for range 1 + m.r.IntN(3) {
		m.owner()
	}
	if p := m.two[other]; m.r.IntN(4) > 0 && !p.dead.Load() {
		_, err := p.step(mail.KindHistory)
		m.expected(p, err)
	} else {
		m.worker(other)
	}
	m.r, m.depth = before, 0
}

// wish is what the owner of the connection asks of the program.
func (m *machine) wish() {
	p := m.two[m.r.IntN(2)]
	if p.dead.Load() {
		return
	}
	var err error
	switch m.r.IntN(5) {
	case 0:
		m.say("a check is asked for")
		_, err = p.mail.Verify(p.ctx, m.owners, m.conn)
	case 1:
		full := m.r.IntN(2) == 0
		m.say("a sync is asked for, full: %t", full)
		_, err = p.mail.RequestSync(p.ctx, m.owners, m.conn, full)
	default:
		if m.choices > 0 && !m.doubtful {
			return
		}
		chosen := append([]string{"INBOX"}, m.some()...)
		chosen = slices.Compact(slices.Sorted(slices.Values(chosen)))
		if m.r.IntN(4) == 0 {
			chosen = []string{crm.AllLabels}
		}
		m.say("chosen labels: %v", chosen)
		m.choose(func(s *crm.ConnectionSettings) { s.Labels = chosen })
		// Whoever changes their mind before the back-fill has seen what they had
		// chosen may have to wait for the check.
		if m.choices++; m.choices > 1 {
			m.doubt = true
		}
	}
	m.expected(p, err)
}

// upheaval is what happens seldom.
func (m *machine) upheaval() {
	switch n := m.r.IntN(5); {
	case n < 2 && m.forgetful:
		m.say("Google forgets the history")
		require.NoError(m.t, m.sim.Mail.ExpireHistory(m.account))
	case n == 2 && m.forgetful:
		m.say("three weeks pass")
		m.clock.Move(21 * 24 * time.Hour)
	case n == 3:
		m.say("access is withdrawn at Google")
		m.sim.OAuth.RevokeAccount(m.account, "")
	default:
		if p := m.two[m.r.IntN(2)]; !p.dead.Load() {
			m.say("%s disconnects", p.name)
			_, err := p.vault.Disconnect(p.ctx, m.owners, m.conn)
			m.expected(p, err)
		}
	}
}

// quiet ends all trouble, lets the work come to its end and compares.
func (m *machine) quiet() {
	m.t.Helper()
	m.say("--- quiet")
	m.sim.Front.Faults.Clear()
	for i, p := range m.two {
		if p.calm(); p.dead.Load() {
			m.revive(i)
		}
	}
	p := m.two[0]
	p.unchecked = !m.doubt        // all has to be well without the check
	m.clock.Move(2 * time.Minute) // leases of the dead
	m.rest(p)
	if !m.connection().Status.Syncs() {
		m.say("the owner connects again")
		m.connect(p)
		m.rest(p)
	}
	for _, f := range m.ledger() {
		require.True(m.t, f.Parked, "%+v", f)
		require.NoError(m.t, p.mail.RetryFailure(p.ctx, m.owners, m.conn, f.ID))
	}
	m.rest(p)
	if !m.doubt {
		Equal(m.t, m.ground, m.sim, m.connection())
		require.Empty(m.t, m.ledger())
		require.False(m.t, m.t.Failed())
	}
	p.unchecked = false
	m.leftBehind(p)
	m.check(p)
	m.sound()
	m.delivered()
	p.idle()
	m.two[1].idle()
	m.doubt, m.choices = false, 0
	require.False(m.t, m.t.Failed())
}

// rest works and lets time pass until nothing is left to do.
func (m *machine) rest(p *process) {
	m.t.Helper()
	for range 20 {
		last, err := p.store.LastFact(p.ctx)
		require.NoError(m.t, err)
		m.corridors(p)
		require.NoError(m.t, p.settle())
		if now, err := p.store.LastFact(p.ctx); err == nil && now == last {
			return
		}
	}
	m.t.Fatal("it never rests")
}

// leftBehind lets runs end that somebody began who should not have been working
// any more, and died: the next job of the stream takes them over.
func (m *machine) leftBehind(p *process) {
	m.t.Helper()
	for _, r := range m.runs() {
		if r.FinishedAt == nil {
			job, _, err := m.ground.Job(context.Background(), work.Kind(r.Stream), string(m.conn))
			require.NoError(m.t, err, "nobody will ever end the run of %s", r.Stream)
			m.clock.Move(job.DueAt.Sub(m.clock.Now()))
			m.rest(p)
		}
	}
}

// check asks for the completeness check and requires that it finds nothing, or
// what Google had denied.
func (m *machine) check(p *process) {
	m.t.Helper()
	_, err := p.mail.Verify(p.ctx, m.owners, m.conn)
	require.NoError(m.t, err)
	m.rest(p)
	c, err := p.mail.Completeness(p.ctx, m.owners, m.conn)
	require.NoError(m.t, err)
	if !m.doubt {
		require.Zero(m.t, c.Missing+c.Extra+c.Relabelled, "%+v", c)
	}
	require.Zero(m.t, c.Unexplained, "%+v", c)
	require.Equal(m.t, c.GoogleCount, c.RapportCount, "%+v", c)
}
