package scenario

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/google"
	"rapport/internal/mail"
	"rapport/internal/mail/outbox"
	"rapport/internal/org"
	"rapport/internal/store/storetest"
	"rapport/internal/work"
	"rapport/simulator/control"
	"rapport/simulator/front"
	"rapport/simulator/world"
)

// sender is the part of a process that sends.
type sender struct {
	*process
	outbox *outbox.Service
	step   work.Step
}

// sender is the outbox of a process.
func (p *process) sender() *sender {
	s := &outbox.Service{
		Rows: p.store, Posts: google.Posts{Gmail: p.mail.Mailboxes.(*google.Gmail)}, Mail: p.mail, Connections: p.store, Approvals: approved{}, People: p.store,
		Queue: p.store, Now: p.clock.Now, Random: rand.Reader, Reconnect: func(c crm.Connection) string { return "/connect?connection_id=" + string(c.ID) },
	}
	out := &sender{process: p, outbox: s}
	for _, d := range s.Definitions() {
		if d.Kind == outbox.KindSend {
			out.step = d.Step
		}
	}
	return out
}

// post is a mailbox in whose name mail is sent, and one that gets it.
type post struct {
	*house
	friend string
}

func (w *town) newPost(t testing.TB) *post {
	t.Helper()
	h := w.newHouse(t, 0)
	friend := world.Account{Email: "friend-of-" + h.account, Name: "Tove Lind", Domain: domain, Kind: world.Member}
	account, err := w.sim.World.Accounts.Put(friend)
	require.NoError(t, err)
	require.NoError(t, w.sim.Mail.Create(account, 0, int64(8)))
	return &post{house: h, friend: friend.Email}
}

// letter is a message with a subject.
func (h *post) letter(subject string) outbox.Message {
	return outbox.Message{To: []string{"Tove Lind <" + h.friend + ">"}, Subject: subject, Text: "Hello Tove"}
}

func once(key string) outbox.Once { return outbox.Once{Key: key, Fingerprint: []byte(key)} }

// ask puts a message into the outbox as a browser does: after an error it asks
// again with the same key.
func (s *sender) ask(m outbox.Message) (crm.Outgoing, error) {
	o, err := s.outbox.Send(s.ctx, s.owners, m, once(m.Subject))
	if s.dead.Load() {
		return o, errKilled
	}
	return o, err
}

// one runs the first job that is due; worked is false when there was none.
func (s *sender) one() (worked bool, err error) {
	now := s.clock.Now()
	claimed, err := s.store.Claim(s.ctx, s.holder, []work.Kind{outbox.KindSend}, now, now.Add(time.Minute), 1)
	if err != nil || len(claimed) == 0 {
		return false, err
	}
	more, err := s.step(s.ctx, claimed[0].Subject)
	if s.dead.Load() {
		return false, errKilled
	}
	return true, s.store.Finish(s.ctx, s.holder, s.outcome(claimed[0], more, err))
}

// through works until nothing waits in the outbox any more.
func (s *sender) through() error {
	for range 2000 {
		worked, err := s.one()
		if s.dead.Load() {
			return errKilled
		}
		if err != nil {
			return err
		}
		if worked {
			continue
		}
		next, err := s.ground.NextDue(context.Background(), []work.Kind{outbox.KindSend})
		if err != nil || next.IsZero() {
			return err
		}
		s.clock.Move(next.Sub(s.clock.Now()))
	}
	return errors.New("the outbox is never through")
}

// copies counts what left the mailbox, by subject.
func (h *post) copies() map[string]int {
	out := map[string]int{}
	for _, s := range h.sim.Mail.Sent() {
		if s.From == h.account && s.Why == "send" {
			out[s.Subject]++
		}
	}
	return out
}

// delivered requires that each subject has left once, the friend has as many
// messages, and every row says so.
func (h *post) delivered(subjects ...string) {
	h.t.Helper()
	copies := h.copies()
	for _, s := range subjects {
		require.Equal(h.t, 1, copies[s], "%q", s)
	}
	require.Len(h.t, copies, len(subjects))
	counts, ok := h.sim.Mail.Counts(h.friend)
	require.True(h.t, ok)
	require.EqualValues(h.t, len(subjects), counts.Messages, "the friend's mailbox")
	list, _, err := h.ground.OutgoingOf(context.Background(), h.owners, outbox.Query{Page: mail.Page{Limit: 500}})
	require.NoError(h.t, err)
	for _, o := range list {
		require.Equal(h.t, crm.OutgoingSent, o.State, "%s: %s", o.Subject, o.Error)
		require.NotEmpty(h.t, o.GmailID)
	}
}

// TestSendingCrashes kills the process at every call to Google, before it leaves
// and after Google has done its part, and at every commit, before and after it,
// between "send" and "sent". The recipient has exactly one copy.
func TestSendingCrashes(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		w := newTown(t, d)
		for _, at := range []struct {
			what string
			arm  func(p *process, k int) func() bool
		}{{"before a call", killBefore}, {"after a call", killAfter}, {"at a write", killAtEachWrite}} {
			t.Run(at.what, func(t *testing.T) {
				k := 1
				for ; w.sendAndDie(t, k, at.arm) && !t.Failed(); k++ {
				}
				require.Greater(t, k, 2, "there are points to be killed at")
				t.Logf("killed %d times", k-1)
			})
		}
	})
}

func (w *town) sendAndDie(t *testing.T, k int, arm func(*process, int) func() bool) (hit bool) {
	t.Run(strconv.Itoa(k), func(t *testing.T) {
		h := w.newPost(t)
		defer h.leave()
		p := h.boot()
		h.connect(p)
		s := p.sender()
		killed := arm(p, k)
		_, err := s.ask(h.letter("Offer"))
		if err == nil {
			err = s.through()
		}
		if hit = killed(); hit {
			require.Error(t, err)
			s = h.reborn(p).sender()
			_, err = s.ask(h.letter("Offer")) // whoever has seen no answer asks again
			require.NoError(t, err)
			err = s.through()
		}
		require.NoError(t, err, "%s", &p.trail)
		h.delivered("Offer")
		if t.Failed() {
			t.Log(&p.trail)
		}
	})
	return hit
}

func killBefore(p *process, k int) func() bool {
	begin := p.calls.Load()
	p.before.set(func(n int64, _ *http.Request) error {
		if n-begin == int64(k) {
			return p.kill()
		}
		return nil
	})
	return p.dead.Load
}

func killAfter(p *process, k int) func() bool {
	begin := p.calls.Load()
	p.after.set(func(n int64, _ *http.Request) error {
		if n-begin == int64(k) {
			return p.kill()
		}
		return nil
	})
	return p.dead.Load
}

func killAtEachWrite(p *process, k int) func() bool {
	seen := 0
	p.wrote.set(func(_ int64, op string) error {
		if !strings.Contains(op, "/commit") {
			return nil
		}
		if seen++; seen == k {
			return p.kill()
		}
		return nil
	})
	return p.dead.Load
}

// TestSendingFaults lets Google fail in every way it can, before it has taken the
// message and after.
func TestSendingFaults(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		w := newTown(t, d)
		for _, f := range []front.Fault{
			{Kind: "cut"}, {Kind: "cut", When: "after"}, {Kind: "garbage", When: "after"}, {Kind: "html", Status: 502}, {Kind: "html", Status: 502, When: "after"},
			{Kind: "status", Status: 500}, {Kind: "status", Status: 500, When: "after"}, {Kind: "status", Status: 503, RetryAfter: []byte("40")},
			{Kind: "status", Status: 503, RetryAfter: []byte("40"), When: "after"}, {Kind: "status", Status: 429, Reason: "rateLimitExceeded", RetryAfter: []byte("90")},
			{Kind: "status", Status: 429, Reason: "userRateLimitExceeded", When: "after"}, {Kind: "status", Status: 401, Reason: "authError"},
			{Kind: "status", Status: 403, Reason: "rateLimitExceeded"}, {Kind: "status", Status: 408, When: "after"},
		} {
			for _, times := range []int{1, 3} {
				name := fmt.Sprintf("%s %d %s times %d", f.Kind, f.Status, f.When, times)
				if f.When == "after" && times > 1 {
					continue // one that was taken is not sent again
				}
				t.Run(name, func(t *testing.T) {
					h := w.newPost(t)
					defer h.leave()
					p := h.boot()
					h.connect(p)
					s := p.sender()
					g := f
					g.Method, g.Times = "messages.send", times
					_, err := h.sim.Front.Faults.Add(g)
					require.NoError(t, err)
					began := h.clock.Now()
					_, err = s.ask(h.letter("Offer"))
					require.NoError(t, err)
					require.NoError(t, s.through(), "%s", &p.trail)
					h.delivered("Offer")
					if f.RetryAfter != nil && f.When == "" {
						wait, err := strconv.Atoi(string(f.RetryAfter))
						require.NoError(t, err)
						require.GreaterOrEqual(t, h.clock.Now().Sub(began), time.Duration(wait)*time.Second)
					}
					if t.Failed() {
						t.Log(&p.trail)
					}
				})
			}
		}
	})
}

// TestSendingIsLookedForAmongOthers: while an answer is lost, the owner sends other
// mail from Gmail itself, and deletes some.
func TestSendingIsLookedForAmongOthers(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		w := newTown(t, d)
		h := w.newPost(t)
		defer h.leave()
		p := h.boot()
		h.connect(p)
		s := p.sender()
		p.after.set(func(_ int64, r *http.Request) error {
			if strings.Contains(r.URL.Path, "/messages/send") {
				p.after.clear()
				return errors.New("the answer is lost")
			}
			return nil
		})
		_, err := s.ask(h.letter("Offer"))
		require.NoError(t, err)
		_, err = s.one()
		require.NoError(t, err)
		require.Equal(t, 1, h.copies()["Offer"])
		h.deliver("", "SENT")
		h.deliver("", "INBOX")
		require.NoError(t, s.through())
		h.delivered("Offer")
	})
}

// TestSendingCannotBeTold: a message with the same subject and recipients and
// without our marks stands in Sent after an attempt whose answer was lost. It is
// not sent again, and says so; when the person insists it is.
func TestSendingCannotBeTold(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		w := newTown(t, d)
		h := w.newPost(t)
		defer h.leave()
		p := h.boot()
		h.connect(p)
		s := p.sender()
		p.before.set(func(_ int64, r *http.Request) error {
			if strings.Contains(r.URL.Path, "/messages/send") {
				p.before.clear()
				return errors.New("nothing went out")
			}
			return nil
		})
		o, err := s.ask(h.letter("Offer"))
		require.NoError(t, err)
		_, err = s.one()
		require.NoError(t, err)
		h.twin("Offer")
		require.NoError(t, s.through())
		o, err = s.outbox.Get(s.ctx, s.owners, o.ID)
		require.NoError(t, err)
		require.Equal(t, crm.OutgoingFailed, o.State)
		require.Contains(t, o.Error, "nobody can tell")
		require.Zero(t, h.copies()["Offer"])
		_, err = s.outbox.Retry(s.ctx, s.owners, o.ID)
		require.NoError(t, err)
		require.NoError(t, s.through())
		require.Equal(t, 1, h.copies()["Offer"])
	})
}

// twin puts a message like ours into Sent, without our marks.
func (h *post) twin(subject string) {
	h.t.Helper()
	raw := "From: " + h.account + "\r\nTo: Tove Lind <" + h.friend + ">\r\nSubject: " + subject + "\r\nMessage-ID: <twin@" + domain + ">\r\n\r\nHello Tove"
	_, err := h.sim.Mail.Deliver(h.account, control.Message{Raw: base64.RawURLEncoding.EncodeToString([]byte(raw)), Labels: []string{"SENT"}})
	require.NoError(h.t, err)
}

// sends is how many messages the random machine sends: all 10,000 on SQLite, where
// they take half a minute; on PostgreSQL with SENDS=10000.
func sends(t *testing.T, d storetest.Database) int {
	if text := os.Getenv("SENDS"); text != "" {
		n, err := strconv.Atoi(text)
		require.NoError(t, err)
		return n
	}
	switch {
	case testing.Short():
		return 500
	case d == storetest.PostgreSQL:
		return 1000
	}
	return 10_000
}

// TestSendingMachine sends many messages while processes die and Google fails at
// random. Exactly as many are delivered, each once. SENDS is their number.
func TestSendingMachine(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		seed := mathrand.Uint64()
		if text := os.Getenv("SEED"); text != "" {
			var err error
			seed, err = strconv.ParseUint(text, 10, 64)
			require.NoError(t, err)
		}
		t.Logf("SEED=%d", seed)
		w := newTown(t, d)
		h := w.newPost(t)
		defer h.leave()
		p := h.boot()
		h.connect(p)
		m := &sendingMachine{post: h, s: p.sender(), dice: mathrand.New(mathrand.NewPCG(seed, 1))}
		began := time.Now()
		var subjects []string
		for n := sends(t, d); len(subjects) < n && !t.Failed(); {
			for range 1 + m.dice.IntN(8) {
				subject := fmt.Sprintf("Message %d", len(subjects))
				m.insist(func() error { _, err := m.s.ask(h.letter(subject)); return err })
				if subjects = append(subjects, subject); len(subjects) == n {
					break
				}
			}
			m.insist(func() error { return m.s.through() })
		}
		t.Logf("%d messages, %d deaths, %d faults of Google, %d lost answers, %d lost requests in %v",
			len(subjects), m.deaths, m.faults, m.lostAnswers, m.lostRequests, time.Since(began).Round(time.Millisecond))
		copies := h.copies()
		require.Len(t, copies, len(subjects))
		for _, s := range subjects {
			require.Equal(t, 1, copies[s], "%q", s)
		}
		counts, _ := h.sim.Mail.Counts(h.friend)
		require.EqualValues(t, len(subjects), counts.Messages)
	})
}

// sendingMachine disturbs what is sent at random.
type sendingMachine struct {
	*post
	s    *sender
	dice *mathrand.Rand

	deaths, faults, lostAnswers, lostRequests int
}

// insist does something until it is done, with disturbances, over as many
// processes as it takes.
func (m *sendingMachine) insist(do func() error) {
	for range 100 {
		m.disturb()
		err := do()
		if m.s.dead.Load() {
			m.deaths++
			m.clock.Move(61 * time.Second) // the dead one's leases end
			dead := m.s.process
			dead.stop()
			dead.client.CloseIdleConnections()
			require.NoError(m.t, dead.store.Close())
			m.processes = m.processes[:len(m.processes)-1]
			m.s = m.boot().sender()
			continue
		}
		if err != nil && !fault.Passing(err) && fault.Of(err) != fault.Internal {
			require.NoError(m.t, err)
		}
		if err == nil {
			m.s.calm()
			m.sim.Front.Faults.Clear()
			return
		}
	}
	m.t.Fatal("it never comes to an end")
}

func (m *sendingMachine) disturb() {
	m.s.calm()
	m.sim.Front.Faults.Clear()
	p, at := m.s.process, int64(1+m.dice.IntN(12))
	calls, writes := p.calls.Load(), p.writes.Load()
	switch m.dice.IntN(14) {
	case 0:
		p.before.set(func(n int64, _ *http.Request) error {
			if n-calls == at {
				return p.kill()
			}
			return nil
		})
	case 1:
		p.after.set(func(n int64, _ *http.Request) error {
			if n-calls == at {
				return p.kill()
			}
			return nil
		})
	case 2, 3:
		p.wrote.set(func(n int64, _ string) error {
			if n-writes == 2*at {
				return p.kill()
			}
			return nil
		})
	case 4:
		p.after.set(func(n int64, r *http.Request) error {
			if n-calls == at {
				m.lostAnswers++
				return errors.New("the answer is lost")
			}
			return nil
		})
	case 5:
		p.before.set(func(n int64, r *http.Request) error {
			if n-calls == at {
				m.lostRequests++
				return errors.New("the request is lost")
			}
			return nil
		})
	case 6, 7, 8:
		when := []string{"before", "after"}[m.dice.IntN(2)]
		status := []int{429, 500, 502, 503}[m.dice.IntN(4)]
		m.fault(front.Fault{Kind: "status", Status: status, When: when, Method: "messages.send", After: m.dice.IntN(4), Times: 1 + m.dice.IntN(2)})
	case 9:
		m.fault(front.Fault{Kind: "cut", When: "after", Method: "messages.send", After: m.dice.IntN(4), Times: 1})
	case 10:
		m.fault(front.Fault{Kind: "status", Status: 503, Method: "history.list", Times: 1 + m.dice.IntN(6)})
	}
}

func (m *sendingMachine) fault(f front.Fault) {
	m.faults++
	_, err := m.sim.Front.Faults.Add(f)
	require.NoError(m.t, err)
}

// TestSendingRights: whoever may not send any more when the time has come does
// not, and is told why.
func TestSendingRights(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		w := newTown(t, d)
		for _, c := range []struct {
			name, code string
			happens    func(h *post)
			words      string
		}{
			{"removed", "", func(h *post) {
				require.NoError(h.t, h.expel())
			}, "not a member"},
			{"disconnected", "", func(h *post) {
				_, err := h.ground.Change(context.Background(), h.owners, h.conn, func(c *crm.Connection) error { c.Status = crm.StatusDisconnected; return nil })
				require.NoError(h.t, err)
			}, "no longer accepts"},
			{"paused", "", func(h *post) {
				_, err := h.ground.Change(context.Background(), h.owners, h.conn, func(c *crm.Connection) error { c.Status = crm.StatusPaused; return nil })
				require.NoError(h.t, err)
			}, "paused"},
		} {
			t.Run(c.name, func(t *testing.T) {
				h := w.newPost(t)
				defer h.leave()
				p := h.boot()
				h.connect(p)
				s := p.sender()
				m := h.letter("Later")
				m.SendAt = h.clock.Now().Add(time.Hour)
				o, err := s.ask(m)
				require.NoError(t, err)
				require.Equal(t, crm.OutgoingQueued, o.State)
				c.happens(h)
				require.NoError(t, s.through())
				o, err = h.ground.Outgoing(context.Background(), o.ID)
				require.NoError(t, err)
				require.Equal(t, crm.OutgoingFailed, o.State)
				require.Contains(t, o.Error, c.words)
				require.NotEmpty(t, o.NextStep)
				require.Empty(t, h.copies())
			})
		}
	})
}

func (h *post) expel() error {
	return h.ground.RemoveMember(context.Background(), org.MemberChange{Workspace: h.owners.Workspace, Target: h.owners.UserID, At: h.clock.Now()},
		func(org.Standing) (access.Audit, error) { return access.Audit{}, nil })
}

// TestScheduledSendingSurvivesARestart: planned for tomorrow, the program stops
// tonight.
func TestScheduledSendingSurvivesARestart(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		w := newTown(t, d)
		h := w.newPost(t)
		defer h.leave()
		p := h.boot()
		h.connect(p)
		m := h.letter("Tomorrow")
		m.SendAt = h.clock.Now().Add(20 * time.Hour)
		o, err := p.sender().ask(m)
		require.NoError(t, err)
		worked, err := p.sender().one()
		require.NoError(t, err)
		require.False(t, worked)
		s := h.reborn(p).sender()
		require.NoError(t, s.through())
		require.False(t, h.clock.Now().Before(m.SendAt))
		h.delivered("Tomorrow")
		row, err := s.outbox.Get(s.ctx, s.owners, o.ID)
		require.NoError(t, err)
		require.False(t, row.SentAt.Before(m.SendAt))
	})
}

// TestSendingTwice: a double click makes one row, whatever it is.
func TestSendingTwice(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		w := newTown(t, d)
		h := w.newPost(t)
		defer h.leave()
		p := h.boot()
		h.connect(p)
		s := p.sender()
		type answer struct {
			o   crm.Outgoing
			err error
		}
		answers := make(chan answer, 8)
		for range cap(answers) {
			go func() {
				o, err := s.ask(h.letter("Offer"))
				answers <- answer{o, err}
			}()
		}
		ids := map[crm.OutgoingID]bool{}
		for range cap(answers) {
			a := <-answers
			require.NoError(t, a.err)
			ids[a.o.ID] = true
		}
		require.Len(t, ids, 1)
		require.NoError(t, s.through())
		h.delivered("Offer")
		_, err := s.outbox.Send(s.ctx, s.owners, h.letter("Another"), outbox.Once{Key: "Offer", Fingerprint: []byte("other")})
		require.True(t, fault.Is(err, fault.Conflict), "%v", err)
		_, err = s.outbox.Send(s.ctx, access.Caller{}, h.letter("Another"), once("x"))
		require.True(t, fault.Is(err, fault.Unauthenticated), "%v", err)
	})
}

// TestTwoProcessesSendOnce lets two processes work on one outbox at the same time.
func TestTwoProcessesSendOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		if d == storetest.SQLite {
			return // one process owns the file
		}
		w := newTown(t, d)
		h := w.newPost(t)
		defer h.leave()
		p := h.boot()
		h.connect(p)
		one, two := p.sender(), h.boot().sender()
		var subjects []string
		for i := range 40 {
			subject := fmt.Sprintf("Both %d", i)
			subjects = append(subjects, subject)
			_, err := one.ask(h.letter(subject))
			require.NoError(t, err)
			if i%3 == 0 {
				_, err = two.ask(h.letter(subject))
				require.NoError(t, err)
			}
		}
		// The clock stands still meanwhile: moving it would end the lease of what the
		// other has on the wire just then.
		ended := make(chan error, 2)
		for _, s := range []*sender{one, two} {
			go func() {
				worked, err := true, error(nil)
				for worked && err == nil {
					worked, err = s.one()
				}
				ended <- err
			}()
		}
		require.NoError(t, <-ended)
		require.NoError(t, <-ended)
		require.NoError(t, one.through())
		h.delivered(subjects...)
	})
}

// TestAProcessThatWasHeldUp: one process writes down that it sends and stands still
// then; another finds that nothing was sent and sends. When the first one goes on,
// it does not send a second copy.
func TestAProcessThatWasHeldUp(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		w := newTown(t, d)
		h := w.newPost(t)
		defer h.leave()
		p := h.boot()
		h.connect(p)
		one := p.sender()
		_, err := one.ask(h.letter("Offer"))
		require.NoError(t, err)
		held, on := make(chan struct{}), make(chan struct{})
		p.wrote.open(func(_ int64, op string) error {
			if op == "outbox.MoveOutgoing/committed" {
				p.wrote.clear()
				close(held)
				<-on
			}
			return nil
		})
		ended := make(chan error, 1)
		go func() {
			_, err := one.one()
			ended <- err
		}()
		<-held
		h.clock.Move(2 * time.Minute) // its lease and its attempt have ended
		two := h.boot().sender()
		require.NoError(t, two.through())
		h.delivered("Offer")
		close(on)
		require.NoError(t, <-ended)
		require.NoError(t, one.through())
		h.delivered("Offer")
	})
}

// TestSendingIsTakenBack: while nobody knows whether Gmail has a message, it cannot
// be taken back; as soon as it is known that Gmail has not, it can.
func TestSendingIsTakenBack(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		w := newTown(t, d)
		for _, taken := range []bool{true, false} {
			t.Run(fmt.Sprint("taken ", taken), func(t *testing.T) {
				h := w.newPost(t)
				defer h.leave()
				p := h.boot()
				h.connect(p)
				s := p.sender()
				f := front.Fault{Kind: "cut", Method: "messages.send", Times: 1}
				if taken {
					f.When = "after"
				}
				_, err := h.sim.Front.Faults.Add(f)
				require.NoError(t, err)
				o, err := s.ask(h.letter("Offer"))
				require.NoError(t, err)
				_, err = s.one()
				require.NoError(t, err)
				o, err = s.outbox.Get(s.ctx, s.owners, o.ID)
				require.NoError(t, err)
				require.Equal(t, crm.OutgoingRetry, o.State)
				require.False(t, o.CanCancel())
				_, err = s.outbox.Cancel(s.ctx, s.owners, o.ID)
				require.True(t, fault.Is(err, fault.Conflict), "%v", err)
				h.clock.Move(2 * time.Minute)
				o, err = s.outbox.Cancel(s.ctx, s.owners, o.ID)
				if taken {
					require.True(t, fault.Is(err, fault.Conflict), "%v", err)
					require.NoError(t, s.through())
					h.delivered("Offer")
					return
				}
				require.NoError(t, err)
				require.Equal(t, crm.OutgoingCancelled, o.State)
				require.NoError(t, s.through())
				require.Empty(t, h.copies())
			})
		}
	})
}

// TestSendingDrafts: of a draft the same is true.
func TestSendingDrafts(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		w := newTown(t, d)
		for _, when := range []string{"before", "after"} {
			for _, kind := range []string{"cut", "status"} {
				t.Run(kind+" "+when, func(t *testing.T) {
					h := w.newPost(t)
					defer h.leave()
					p := h.boot()
					h.connect(p)
					s := p.sender()
					draft, err := s.outbox.SaveDraft(s.ctx, s.owners, h.letter("Idea"))
					require.NoError(t, err)
					_, err = h.sim.Front.Faults.Add(front.Fault{Kind: kind, Status: 503, When: when, Method: "drafts.send", Times: 1})
					require.NoError(t, err)
					o, err := s.outbox.SendDraft(s.ctx, s.owners, "", draft.ID, outbox.Once{}, 0, time.Time{})
					require.NoError(t, err)
					require.NoError(t, s.through())
					h.delivered("Idea")
					again, err := s.outbox.SendDraft(s.ctx, s.owners, "", draft.ID, outbox.Once{}, 0, time.Time{})
					require.NoError(t, err)
					require.Equal(t, o.ID, again.ID)
					require.NoError(t, s.through())
					h.delivered("Idea")
				})
			}
		}
	})
}

// TestSendingWhenHistoryIsForgotten: Google has dropped the history since the
// attempt, as it may after a week without us. Sent itself is read.
func TestSendingWhenHistoryIsForgotten(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		w := newTown(t, d)
		for _, taken := range []bool{true, false} {
			t.Run(fmt.Sprint("taken ", taken), func(t *testing.T) {
				h := w.newPost(t)
				defer h.leave()
				p := h.boot()
				h.connect(p)
				s := p.sender()
				hook := &p.before
				if taken {
					hook = &p.after
				}
				hook.set(func(_ int64, r *http.Request) error {
					if strings.Contains(r.URL.Path, "/messages/send") {
						return p.kill()
					}
					return nil
				})
				_, err := s.ask(h.letter("Offer"))
				require.NoError(t, err)
				require.Error(t, s.through())
				s = h.reborn(p).sender()
				require.NoError(t, h.sim.Mail.ExpireHistory(h.account))
				h.clock.Move(48 * time.Hour)
				require.NoError(t, s.through())
				h.delivered("Offer")
			})
		}
	})
}

// TestSendingWithoutTheRightToRead: where the mailbox may not be read, nobody can
// look, and nothing is sent again by itself.
func TestSendingWithoutTheRightToRead(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		w := newTown(t, d)
		h := w.newPost(t)
		defer h.leave()
		p := h.boot()
		h.connect(p)
		s := p.sender()
		s.outbox.Posts = blind{s.outbox.Posts}
		o, err := s.ask(h.letter("Fine"))
		require.NoError(t, err)
		require.NoError(t, s.through())
		h.delivered("Fine")
		_, err = h.sim.Front.Faults.Add(front.Fault{Kind: "cut", Method: "messages.send", Times: 1})
		require.NoError(t, err)
		o, err = s.ask(h.letter("Offer"))
		require.NoError(t, err)
		require.NoError(t, s.through())
		o, err = s.outbox.Get(s.ctx, s.owners, o.ID)
		require.NoError(t, err)
		require.Equal(t, crm.OutgoingFailed, o.State)
		require.Contains(t, o.Error, "nobody can tell")
		require.Zero(t, h.copies()["Offer"])
	})
}

// blind are mailboxes that may not be read.
type blind struct{ outbox.Posts }

func (b blind) Open(ctx context.Context, c crm.Connection, p mail.Priority) (outbox.Post, error) {
	post, err := b.Posts.Open(ctx, c, p)
	return blindPost{post}, err
}

type blindPost struct{ outbox.Post }

func (blindPost) Mark(context.Context) (uint64, error) {
	return 0, fault.New(fault.Permission, "not given")
}

// TestUndoAgainstTheClock: a message is taken back at the moment it is sent. Either
// it is cancelled and nobody gets it, or it was too late and it arrives once.
func TestUndoAgainstTheClock(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		w := newTown(t, d)
		h := w.newPost(t)
		defer h.leave()
		p := h.boot()
		h.connect(p)
		s := p.sender()
		cancelled := 0
		for i := range 30 {
			subject := fmt.Sprintf("Undo %d", i)
			o, err := s.ask(h.letter(subject))
			require.NoError(t, err)
			p.before.open(func(_ int64, r *http.Request) error { // several moments of the attempt
				if i%3 == 0 && strings.Contains(r.URL.Path, "/profile") || i%3 == 1 && strings.Contains(r.URL.Path, "/messages/send") {
					p.before.clear()
					_, err = s.outbox.Cancel(s.ctx, s.owners, o.ID)
				}
				return nil
			})
			ended := make(chan error, 1)
			go func() { ended <- s.through() }()
			if i%3 == 2 {
				_, err = s.outbox.Cancel(s.ctx, s.owners, o.ID)
			}
			require.NoError(t, <-ended)
			p.calm()
			o, got := s.outbox.Get(s.ctx, s.owners, o.ID)
			require.NoError(t, got)
			if err == nil {
				cancelled++
				require.Equal(t, crm.OutgoingCancelled, o.State)
				require.Zero(t, h.copies()[subject])
				continue
			}
			require.True(t, fault.Is(err, fault.Conflict), "%v", err)
			require.Equal(t, crm.OutgoingSent, o.State)
			require.Equal(t, 1, h.copies()[subject])
		}
		require.NotZero(t, cancelled)
		require.NotEqual(t, 30, cancelled)
	})
}
