package scenario

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/imapsmtp"
	"rapport/internal/mail"
	"rapport/internal/mail/accounts"
	"rapport/internal/store/storetest"
	"rapport/internal/vault"
	"rapport/simulator/front"
	"rapport/simulator/world"
)

// servers are the mail servers as a process reaches them.
func (h *house) servers(p *process) *imapsmtp.Servers {
	h.t.Helper()
	roots, err := h.sim.CertPool()
	require.NoError(h.t, err)
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		return &spokenTo{Conn: c, p: p}, err
	}
	return imapsmtp.New(imapsmtp.Options{Tokens: p.vault, Dial: dial, Roots: roots, Patience: 10 * time.Second,
		Instead: map[string]string{"imap.gmail.com:993": h.sim.IMAPAddr()}})
}

// spokenTo is a connection of a process to an IMAP server.
type spokenTo struct {
	net.Conn
	p *process
}

func (c *spokenTo) Write(b []byte) (int, error) {
	if err := c.ask("write"); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

func (c *spokenTo) Read(b []byte) (int, error) {
	if err := c.ask("read"); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

func (c *spokenTo) ask(what string) error {
	if c.p.dead.Load() {
		return errKilled
	}
	return c.p.spoken.ask(c.p.words.Add(1), what)
}

// carried is the state of the lane.
func (h *house) carried(p *process) mail.LaneState {
	h.t.Helper()
	s, err := p.mail.LaneOf(context.Background(), h.connection())
	require.NoError(h.t, err)
	return s
}

// gets counts the messages asked for by the API.
func (h *house) gets(after uint64) (n int) {
	for _, r := range h.sim.Front.Log.Since(after) {
		if r.Method == "messages.get" || r.Method == "threads.get" {
			n++
		}
	}
	return n
}

// laneHouse is a mailbox that is imported by IMAP, with labels that IMAP does
// not tell and names that it writes in its own way.
func (w *town) laneHouse(t *testing.T, n int) (*house, *process) {
	t.Helper()
	h := w.newHouse(t, n)
	h.lane = true
	h.furnish()
	p := h.boot()
	h.connect(p, func(s *crm.ConnectionSettings) { s.Labels, s.Limit = []string{crm.AllLabels}, 0 })
	return h, p
}

// TestLane imports by IMAP what is by itself the same as by the API: the check
// that would heal differences is left out.
func TestLane(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		h, p := newTown(t, d).laneHouse(t, 300)
		defer h.leave()
		p.unchecked = true
		require.NoError(t, p.begin())
		require.NoError(t, p.settle())
		require.Less(t, h.gets(0), 120, "the others come by IMAP")
		require.Greater(t, h.carried(p).Messages, int64(150))
		require.Positive(t, h.carried(p).Bytes)
		h.sound()
		h.same()
		require.Eventually(t, func() bool { return len(h.sim.IMAP().Sessions(h.account)) == 0 }, 30*time.Second, time.Millisecond, "no connection is left open")
		p.idle()

		// All of it again: nothing is read twice, nothing is there twice.
		before := h.carried(p).Messages
		_, err := p.mail.RequestSync(p.ctx, h.owners, h.conn, true)
		require.NoError(t, err)
		require.NoError(t, p.settle())
		require.Equal(t, before, h.carried(p).Messages)
		h.sound()

		// The check finds nothing to heal.
		p.unchecked = false
		_, err = p.mail.Verify(p.ctx, h.owners, h.conn)
		require.NoError(t, err)
		require.NoError(t, p.settle())
		c, err := p.mail.Completeness(p.ctx, h.owners, h.conn)
		require.NoError(t, err)
		require.Equal(t, crm.Completeness{ConnectionID: h.conn, CheckedAt: c.CheckedAt, GoogleCount: c.GoogleCount, RapportCount: c.GoogleCount}, c)
	})
}

// same requires that every row is what the API's answer would make, field by
// field, but for the history id, which is that of the moment, for the time's fractions of a
// second, which IMAP does not have, and for the snippet, which Google makes in its own way.
func (h *house) same() {
	h.t.Helper()
	at := mailboxOf(h.t, h.sim, h.account)
	for id, r := range rowsOf(h.t, h.ground, h.conn) {
		got, err := h.ground.Email(context.Background(), h.owners, r.ID)
		require.NoError(h.t, err)
		want := *at[id]
		same := func(e crm.Email) crm.Email {
			return crm.Email{GmailID: e.GmailID, ThreadID: e.ThreadID, RFC822MessageID: e.RFC822MessageID, InReplyTo: e.InReplyTo, References: e.References,
				Subject: e.Subject, From: e.From, To: e.To, Cc: e.Cc, Bcc: e.Bcc, ReplyTo: e.ReplyTo, BodyText: e.BodyText, BodyHTML: e.BodyHTML, Labels: e.Labels,
				Date: e.Date.UTC().Truncate(time.Second), HasAttachments: e.HasAttachments, Bulk: e.Bulk, Size: e.Size}
		}
		slices.Sort(want.Labels)
		slices.Sort(got.Labels)
		if diff := cmp.Diff(same(want), same(got), cmpopts.EquateEmpty()); diff != "" {
			h.t.Errorf("%s (- API, + IMAP)\n%s", id, diff)
		}
		type file struct {
			Part, Name, Type, CID string
			Size                  int64
			Inline                bool
		}
		files := func(l []crm.Attachment) []file {
			out := []file{}
			for _, a := range l {
				out = append(out, file{a.PartID, a.Name, a.Type, a.ContentID, a.Size, a.Inline})
			}
			slices.SortFunc(out, func(a, b file) int { return strings.Compare(a.Part, b.Part) })
			return out
		}
		if diff := cmp.Diff(files(want.Attachments), files(got.Attachments)); diff != "" {
			h.t.Errorf("files of %s (- API, + IMAP)\n%s", id, diff)
		}
	}
}

// TestLaneOff makes no connection by IMAP where nobody turned it on, or where it
// is not permitted.
func TestLaneOff(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		w := newTown(t, d)
		for name, give := range map[string]func(h *house, p *process){
			"off": func(h *house, p *process) {
				h.connect(p)
				h.choose(func(s *crm.ConnectionSettings) { s.IMAPLane = false })
			},
			"not permitted": func(h *house, p *process) {
				h.lane = false
				h.connect(p, func(s *crm.ConnectionSettings) { s.IMAPLane = true })
			},
		} {
			t.Run(name, func(t *testing.T) {
				h := w.newHouse(t, 120)
				defer h.leave()
				h.lane = true
				p := h.boot()
				give(h, p)
				require.NoError(t, p.begin())
				require.NoError(t, p.settle())
				h.sound()
				require.Zero(t, p.words.Load())
			})
		}
	})
}

// TestLaneRefused imports by the API what IMAP does not bring, says why, and
// takes IMAP up again later.
func TestLaneRefused(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		w := newTown(t, d)
		imap := func(f front.Fault) func(h *house) {
			return func(h *house) {
				f.API, f.Times = "imap", 1
				_, err := h.sim.Front.Faults.Add(f)
				require.NoError(h.t, err)
			}
		}
		for name, refuse := range map[string]struct {
			by   func(h *house)
			says string // why it rests
		}{
			"switched off": {func(h *house) {
				s := h.sim.IMAP().Settings(h.account)
				s.Disabled = true
				require.NoError(h.t, h.sim.IMAP().Set(h.account, s))
			}, "switched off"},
			"no place":         {func(h *house) { h.crowd() }, "too many connections"},
			"select fails":     {imap(front.Fault{Method: "examine"}), "trouble of its own"},
			"fetch fails":      {imap(front.Fault{Method: "fetch"}), "trouble of its own"},
			"cut in the index": {imap(front.Fault{Method: "fetch", Kind: "cut"}), "ended"},
			"cut in the heads": {imap(front.Fault{Method: "fetch", Kind: "cut", After: 1}), "ended"},
			"cut in the mail":  {imap(front.Fault{Method: "fetch", Kind: "cut", After: 2}), "ended"},
		} {
			t.Run(name, func(t *testing.T) {
				h, p := w.laneHouse(t, 150)
				defer h.leave()
				p.unchecked = true
				refuse.by(h)
				require.NoError(t, p.begin())
				require.NoError(t, p.work())
				state := h.carried(p)
				require.Contains(t, state.Why, refuse.says)
				require.Greater(t, state.Rests, h.clock.Now().Unix())
				h.sim.Front.Faults.Clear()
				require.NoError(t, p.settle())
				h.sound()
				h.same()
				p.idle()
			})
		}
	})
}

// crowd lets others take all connections that the account may have.
func (h *house) crowd() {
	h.t.Helper()
	s := h.sim.IMAP().Settings(h.account)
	s.Connections = 1
	require.NoError(h.t, h.sim.IMAP().Set(h.account, s))
	roots, err := h.sim.CertPool()
	require.NoError(h.t, err)
	servers := imapsmtp.New(imapsmtp.Options{Tokens: owned{h}, Dial: imapsmtp.Guarded(true), Roots: roots,
		Instead: map[string]string{"imap.gmail.com:993": h.sim.IMAPAddr()}})
	other, err := servers.Open(context.Background(), accounts.Login{Account: "other", Server: crm.MailServer{
		Host: "imap.gmail.com", Port: 993, Security: crm.SecurityTLS, Auth: crm.AuthOAuth2, Username: h.account}})
	require.NoError(h.t, err)
	h.t.Cleanup(other.Close)
}

// owned are tokens of the mailbox's owner.
type owned struct{ *house }

func (o owned) Token(context.Context, crm.GrantID) (vault.Access, error) {
	token, err := o.sim.OAuth.IssueToken(o.account, world.DemoClientID, []string{vault.ScopeMail})
	return vault.Access{Token: crm.NewSecret(token)}, err
}

func (o owned) Renew(ctx context.Context, g crm.GrantID, _ crm.Secret) (vault.Access, error) {
	return o.Token(ctx, g)
}

// TestLaneWhileChanging changes the mailbox between the steps of an import by
// IMAP: labels that IMAP does not tell, names of labels, UIDs, deletions.
func TestLaneWhileChanging(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		h, p := newTown(t, d).laneHouse(t, 400)
		defer h.leave()
		p.unchecked = true
		p.mail.Budget = 0 // one page a step
		require.NoError(t, p.begin())
		s := ""
		for n := range 12 {
			more, err := p.step(mail.KindBackfill)
			require.NoError(t, err)
			ids := h.ids("INBOX")
			h.modify(ids[(7*n+3)%len(ids)], []string{"CATEGORY_PROMOTIONS"}, nil)
			h.modify(ids[(11*n+5)%len(ids)], []string{"STARRED"}, []string{"UNREAD"})
			h.remove(ids[(13*n+9)%len(ids)])
			h.deliver("", "INBOX", "CATEGORY_SOCIAL")
			if n == 2 {
				require.NoError(t, h.sim.IMAP().ChangeValidity(h.account, ""))
			}
			_, err = p.step(mail.KindHistory)
			require.NoError(t, err)
			s = fmt.Sprint(s, " ", more)
			if !more {
				break
			}
		}
		require.NoError(t, p.settle())
		require.Greater(t, h.carried(p).Messages, int64(100), s)
		h.sound()
		p.idle()
	})
}

// lanePlay is an import by IMAP from its beginning.
var lanePlay = play{name: "lane", mail: 120, given: func(h *house) *process {
	h.lane = true
	h.furnish()
	p := h.boot()
	h.connect(p, func(s *crm.ConnectionSettings) { s.Labels = []string{crm.AllLabels} })
	return p
}, then: func(h *house) { h.same() }}

// TestLaneCrashes kills the process at everything that it says to the IMAP server and
// hears from it, at calls and at writes.
func TestLaneCrashes(t *testing.T) {
	each(t, func(t *testing.T, d storetest.Database) {
		w := newTown(t, d)
		step := 2
		switch {
		case testing.Short():
			step = 13
		case thorough:
			step = 1
		case d == storetest.PostgreSQL:
			step = 5
		}
		for _, at := range []struct {
			what string
			arm  func(p *process, k int) (hit func() bool)
		}{{"word", killAtWord}, {"call", killAtCall}, {"write", killAtWrite}} {
			t.Run(at.what, func(t *testing.T) {
				times, k := 0, 1
				for ; w.crash(t, lanePlay, at.what, k, at.arm) && !t.Failed(); k += step {
					times++
				}
				t.Logf("killed %d times", times)
				require.Positive(t, times)
			})
		}
	})
}

// killAtWord kills the process when it speaks with the IMAP server for the k-th
// time.
func killAtWord(p *process, k int) func() bool {
	p.spoken.set(func(n int64, _ string) error {
		if n == int64(k) {
			return p.kill()
		}
		return nil
	})
	return p.dead.Load
}
