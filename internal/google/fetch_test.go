package google

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/vault"
	"rapport/simulator/front"
)

func TestAMailboxIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, options{messages: 700})
		m := p.mailbox(mail.Normal)
		profile, err := m.Profile(t.Context())
		require.NoError(t, err)
		require.Equal(t, adaAddress, profile.Email)
		require.Equal(t, int64(700), profile.Messages)
		require.NotZero(t, profile.HistoryID)
		labels, err := m.Labels(t.Context())
		require.NoError(t, err)
		require.Equal(t, "CHAT", labels[0].ID)
		refs := p.refs(m, 700)
		require.Greater(t, len(refs), 500, "more than one page")
		byID, order := p.fetchAll(m, refs)
		for i, r := range refs {
			f := byID[r.ID]
			require.NoError(t, f.Err)
			require.Equal(t, r.ID, f.Message.ID)
			require.Equal(t, r.ThreadID, f.Message.ThreadID)
			require.NotEmpty(t, f.Message.Payload.Headers)
			again, err := DecodeMessage(f.Message.Raw)
			require.NoError(t, err)
			require.Equal(t, f.Message, again)
			_ = i
		}
		require.Equal(t, refs[0].ID, order[0])
		require.Positive(t, m.Spent())
	})
}

func TestExtrasAreThreadMates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, options{messages: 300})
		m := p.mailbox(mail.Normal)
		all := p.refs(m, 300)
		threads := map[string]int{}
		for _, r := range all {
			threads[r.ThreadID]++
		}
		// Ask for two of each thread that has more.
		var refs []mail.Ref
		asked := map[string]int{}
		for _, r := range all {
			if threads[r.ThreadID] > 2 && asked[r.ThreadID] < 2 {
				asked[r.ThreadID]++
				refs = append(refs, r)
			}
		}
		require.NotEmpty(t, refs)
		extra := map[string]bool{}
		require.NoError(t, m.Fetch(t.Context(), refs, func(f mail.Fetched) error {
			if f.Extra {
				require.Positive(t, asked[f.Ref.ThreadID])
				require.False(t, extra[f.Ref.ID])
				extra[f.Ref.ID] = true
			}
			return nil
		}))
		for _, r := range refs {
			require.False(t, extra[r.ID], "asked for, so not extra")
		}
		require.NotEmpty(t, extra)
	})
}

// The goal for a new project: 1,000 messages at 1.85 a thread within 106 s under
// the quota of 2026 as the simulator enforces it, no call refused, newest first.
func TestAThousandMessagesUnderEnforcedQuota(t *testing.T) {
	for _, c := range []struct {
		quota           string
		latency, jitter time.Duration
		within          time.Duration
		newest50By      time.Duration
		shared          Shared
	}{
		{"2026", 100 * time.Millisecond, 0, 106 * time.Second, 600 * time.Millisecond, nil},
		{"2026", 100 * time.Millisecond, 0, 106 * time.Second, 700 * time.Millisecond, newCommon()},
		{"2026", 80 * time.Millisecond, 300 * time.Millisecond, 106 * time.Second, 2 * time.Second, nil},
		{"2026", 0, 0, 106 * time.Second, 100 * time.Millisecond, nil},
		{"legacy", 100 * time.Millisecond, 0, 6 * time.Second, 600 * time.Millisecond, nil},
	} {
		t.Run(fmt.Sprint(c.quota, " ", c.latency, " ", c.jitter, " ", c.shared != nil), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := open(t, options{messages: 1050, quota: c.quota, shared: c.shared})
				p.sim.Front.Latency.Set(c.latency, c.jitter)
				m := p.mailbox(mail.Background)
				began := time.Now()
				_, err := m.Profile(t.Context())
				require.NoError(t, err)
				fifty, n := newestFirst(t, m, 1000)
				took := time.Since(began)
				t.Logf("%d messages, %d units, %v, newest 50 after %v", n, m.Spent(), took, fifty.Sub(began))
				require.Zero(t, p.refusals())
				require.LessOrEqual(t, took, c.within)
				require.LessOrEqual(t, fifty.Sub(began), c.newest50By)
				if x, ok := c.shared.(*common); ok {
					t.Logf("%d leases", x.calls)
				}
			})
		})
	}
}

// newestFirst reads the newest n messages page by page, as a first sync does,
// and says when the newest 50 were there.
func newestFirst(t *testing.T, m mail.Mailbox, n int) (fifty time.Time, got int) {
	t.Helper()
	seen := map[string]bool{}
	var newest []mail.Ref
	for page := ""; got < n; {
		l, err := m.List(t.Context(), mail.Listing{}, page)
		require.NoError(t, err)
		if newest == nil {
			newest = l.Refs[:50]
		}
		refs := l.Refs[:min(len(l.Refs), n-got)]
		got += len(refs)
		refs = slices.DeleteFunc(refs, func(r mail.Ref) bool { return seen[r.ID] })
		require.NoError(t, m.Fetch(t.Context(), refs, func(f mail.Fetched) error {
			require.NoError(t, f.Err)
			seen[f.Ref.ID] = true
			if fifty.IsZero() && !slices.ContainsFunc(newest, func(r mail.Ref) bool { return !seen[r.ID] }) {
				fifty = time.Now()
			}
			return nil
		}))
		page = l.Next
	}
	require.GreaterOrEqual(t, len(seen), n)
	return fifty, n
}

func TestSteadyWorkIsNeverRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, options{messages: 400, quota: "2026"})
		p.sim.Front.Latency.Set(50*time.Millisecond, 400*time.Millisecond)
		m := p.mailbox(mail.Background)
		refs := p.refs(m, 400)
		for range 6 { // six times the whole mailbox, some ten minutes
			p.fetchAll(m, refs)
		}
		require.Zero(t, p.refusals())
	})
}

func TestInteractiveWorkOvertakesABackfill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, options{messages: 900, quota: "2026"})
		p.sim.Front.Latency.Set(100*time.Millisecond, 0)
		back := p.mailbox(mail.Background)
		refs := p.refs(back, 900)
		done := make(chan struct{})
		go func() {
			defer close(done)
			p.fetchAll(back, refs)
		}()
		time.Sleep(30 * time.Second) // the burst is long spent
		now := p.mailbox(mail.Interactive)
		for range 5 {
			began := time.Now()
			p.fetchAll(now, refs[:1])
			require.LessOrEqual(t, time.Since(began), 150*time.Millisecond)
			time.Sleep(time.Second)
		}
		<-done
		require.Zero(t, p.refusals())
	})
}

func TestTheGateNarrowsAtTheWallAndWidensAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, options{messages: 600})
		eight := 8
		require.NoError(t, p.sim.Front.Quota.Set("none", nil, nil, nil, &eight))
		p.sim.Front.Latency.Set(50*time.Millisecond, 20*time.Millisecond)
		m := p.mailbox(mail.Background)
		refs := p.refs(m, 600)
		byID, _ := p.fetchAll(m, refs)
		for _, f := range byID {
			require.NoError(t, f.Err)
		}
		first := p.refusals()
		require.LessOrEqual(t, m.account.gate.widthNow(), 16)
		p.fetchAll(m, refs)
		t.Logf("refused %d at first, %d in the second round of %d messages", first, p.refusals()-first, len(refs))
		require.Positive(t, first)
		require.Less(t, p.refusals()-first, 100, "it probes the wall now and then, and does not run into it all the time")
	})
}

// faults of single calls: afterwards every message is there.
func TestPassingFaultsAreRiddenOut(t *testing.T) {
	for _, f := range []front.Fault{
		{API: "gmail", Method: "messages.get", Kind: "status", Status: 500, Times: 3},
		{API: "gmail", Method: "messages.get", Kind: "status", Status: 503, RetryAfter: []byte("2"), Times: 5},
		{API: "gmail", Method: "messages.get", Kind: "status", Status: 401, Times: 1},
		{API: "gmail", Method: "messages.get", Kind: "status", Status: 429, Reason: "rateLimitExceeded", Times: 2},
		{API: "gmail", Method: "messages.get", Kind: "status", Status: 403, Reason: "userRateLimitExceeded", Times: 2},
		{API: "gmail", Method: "messages.get", Kind: "status", Status: 429, Message: "Too many concurrent requests for user", Times: 4},
		{API: "gmail", Method: "messages.get", Kind: "status", Status: 400, Reason: "failedPrecondition", Times: 1},
		{API: "gmail", Method: "messages.get", Kind: "garbage", Times: 2},
		{API: "gmail", Method: "messages.get", Kind: "html", Times: 2},
		{API: "gmail", Method: "messages.get", Kind: "html", Status: 404, Times: 2},
		{API: "gmail", Method: "messages.get", Kind: "cut", Times: 2},
		{API: "gmail", Method: "messages.get", Rate: 0.2, Kind: "status", Status: 500},
		{API: "gmail", Method: "messages.get", Kind: "slow", DelayMS: 3000, Times: 4},
		{API: "gmail", Method: "threads.get", Kind: "garbage", Times: 2},
		{API: "gmail", Method: "threads.get", Kind: "status", Status: 404, Times: 2},
		{API: "gmail", Method: "batch", Kind: "cut", Times: 1},
		{API: "gmail", Method: "batch", Kind: "status", Status: 401, Times: 1},
		{API: "gmail", Method: "batch", Kind: "status", Status: 502, Times: 2},
		{API: "gmail", Method: "batch", Kind: "garbage", Times: 1},
		{API: "gmail", Method: "batch", Kind: "html", Times: 1},
	} {
		t.Run(fmt.Sprintf("%s %s %d %s %s", f.Method, f.Kind, f.Status, f.Reason, f.Message), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := open(t, options{messages: 120, quota: "2026"})
				m := p.mailbox(mail.Normal)
				refs := p.refs(m, 120)
				p.fault(f)
				byID, order := p.fetchAll(m, refs)
				for id, x := range byID {
					require.NoError(t, x.Err, id)
				}
				require.Equal(t, refs[0].ID, order[0])
			})
		})
	}
}

func TestASingleCallRidesOutFaults(t *testing.T) {
	for _, f := range []front.Fault{
		{Kind: "status", Status: 500, Times: 2}, {Kind: "cut", Times: 2}, {Kind: "html", Times: 1}, {Kind: "garbage", Times: 2},
		{Kind: "status", Status: 401, Times: 1}, {Kind: "status", Status: 429, RetryAfter: []byte("3"), Times: 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := open(t, options{messages: 5})
			m := p.mailbox(mail.Normal)
			f.API, f.Method = "gmail", "getProfile"
			p.fault(f)
			_, err := m.Profile(t.Context())
			require.NoError(t, err, f.Kind)
		})
	}
}

func TestLastingFaultsAreReported(t *testing.T) {
	for _, c := range []struct {
		fault front.Fault
		want  fault.Kind
	}{
		{front.Fault{Kind: "status", Status: 500}, fault.Unavailable},
		{front.Fault{Kind: "cut"}, fault.Unavailable},
		{front.Fault{Kind: "garbage"}, fault.Unavailable},
		{front.Fault{Kind: "status", Status: 401}, fault.Unavailable},
		{front.Fault{Kind: "status", Status: 403, Reason: "insufficientPermissions"}, fault.Permission},
		{front.Fault{Kind: "status", Status: 403, Reason: "domainPolicy"}, fault.Blocked},
		{front.Fault{Kind: "status", Status: 403, Reason: "accessNotConfigured"}, fault.Blocked},
		{front.Fault{Kind: "status", Status: 400, Reason: "failedPrecondition", Message: "Mail service not enabled"}, fault.Blocked},
		{front.Fault{Kind: "status", Status: 429, RetryAfter: []byte("3600")}, fault.Throttled},
		{front.Fault{Kind: "status", Status: 403, Reason: "dailyLimitExceeded"}, fault.Throttled},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := open(t, options{messages: 30})
			m := p.mailbox(mail.Normal)
			refs := p.refs(m, 30)
			c.fault.API = "gmail"
			p.fault(c.fault)
			_, err := m.Profile(t.Context())
			require.Equal(t, c.want, fault.Of(err), "%+v: %v", c.fault, err)
			began := time.Now()
			err = m.Fetch(t.Context(), refs, func(f mail.Fetched) error { return f.Err })
			require.Equal(t, c.want, fault.Of(err), "%+v: %v", c.fault, err)
			require.Less(t, time.Since(began), 5*time.Minute)
		})
	}
}

func TestADeadGrantEndsTheFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, options{messages: 30})
		m := p.mailbox(mail.Normal)
		refs := p.refs(m, 30)
		p.tokens.Dead = true
		p.sim.OAuth.RevokeAccount(adaAddress, "")
		err := m.Fetch(t.Context(), refs, func(mail.Fetched) error { return nil })
		require.Equal(t, fault.Reconnect, fault.Of(err))
		_, err = p.door.Open(t.Context(), m.connection, mail.Normal)
		require.Equal(t, fault.Reconnect, fault.Of(err))
	})
}

func TestAMessageThatIsGoneIsSaidToBeGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, options{messages: 60})
		m := p.mailbox(mail.Normal)
		refs := p.refs(m, 60)
		absent := mail.Ref{ID: "00000000deadbeef", ThreadID: "00000000deadbeef"}
		mate := mail.Ref{ID: "00000000deadbee1", ThreadID: refs[0].ThreadID}
		twin := mail.Ref{ID: "00000000deadbee2", ThreadID: "00000000deadbeef"}
		byID, _ := p.fetchAll(m, append([]mail.Ref{absent, mate, twin}, refs...))
		for id, f := range byID {
			if id == absent.ID || id == mate.ID || id == twin.ID {
				require.Equal(t, fault.Gone, fault.Of(f.Err), id)
			} else {
				require.NoError(t, f.Err)
			}
		}
	})
}

// One message that Google cannot give must not end the others, nor be lost.
func TestOneBrokenMessageIsReportedAlone(t *testing.T) {
	for _, f := range []front.Fault{{Kind: "status", Status: 500}, {Kind: "garbage"}, {Kind: "status", Status: 403, Reason: "forbidden", Message: "Forbidden"}} {
		synctest.Test(t, func(t *testing.T) {
			p := open(t, options{messages: 10})
			m := p.mailbox(mail.Normal)
			refs := p.refs(m, 1)
			f.API, f.Method = "gmail", "messages.get"
			p.fault(f)
			byID, _ := p.fetchAll(m, refs)
			require.Error(t, byID[refs[0].ID].Err)
			require.NotEqual(t, fault.Gone, fault.Of(byID[refs[0].ID].Err))
		})
	}
}

func TestAnErrorOfYieldEndsTheFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, options{messages: 300, quota: "2026"})
		m := p.mailbox(mail.Normal)
		refs := p.refs(m, 300)
		stop := errors.New("enough")
		n := 0
		err := m.Fetch(t.Context(), refs, func(mail.Fetched) error {
			if n++; n == 20 {
				return stop
			}
			return nil
		})
		require.ErrorIs(t, err, stop)
		require.Equal(t, 20, n)
		ctx, cancel := context.WithCancel(t.Context())
		err = m.Fetch(ctx, refs, func(mail.Fetched) error { cancel(); return nil })
		require.ErrorIs(t, err, context.Canceled)
	})
}

func TestMetadataScope(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, options{messages: 80, scopes: []string{vault.ScopeGmailMetadata}})
		m := p.mailbox(mail.Normal)
		_, err := m.List(t.Context(), mail.Listing{Query: "from:x"}, "")
		require.Equal(t, fault.Permission, fault.Of(err))
		require.Equal(t, fault.Permission, fault.Of(m.Attachment(t.Context(), "x", "1", &bytes.Buffer{})))
		refs := p.refs(m, 80)
		byID, _ := p.fetchAll(m, refs)
		for _, f := range byID {
			require.NoError(t, f.Err)
			require.NotEmpty(t, f.Message.Payload.Headers)
			require.Nil(t, f.Message.Payload.Body)
			require.Empty(t, f.Message.Payload.Parts)
		}
		_, err = m.History(t.Context(), 1, "")
		require.True(t, err == nil || fault.Is(err, fault.Stale))
	})
}

func TestWithoutAScopeToReadNothingIsOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, options{scopes: []string{vault.ScopeGmailSend, vault.ScopeCalendar}})
		_, err := p.door.Open(t.Context(), connectionOf(), mail.Normal)
		require.Equal(t, fault.Permission, fault.Of(err))
	})
}

func TestHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, options{messages: 20})
		m := p.mailbox(mail.Normal)
		before, err := m.Profile(t.Context())
		require.NoError(t, err)
		page, err := m.History(t.Context(), before.HistoryID, "")
		require.NoError(t, err)
		require.Empty(t, page.Records)
		require.Equal(t, before.HistoryID, page.HistoryID)
		d := arrive(t, p, "Lamps")
		page, err = m.History(t.Context(), before.HistoryID, "")
		require.NoError(t, err)
		require.Len(t, page.Records, 1)
		require.Equal(t, mail.MessageAdded, page.Records[0].Kind)
		require.Equal(t, d.ID, page.Records[0].Ref.ID)
		require.Contains(t, page.Records[0].Labels, "UNREAD")
		require.Greater(t, page.HistoryID, before.HistoryID)
		require.NoError(t, p.sim.Mail.ExpireHistory(adaAddress))
		_, err = m.History(t.Context(), before.HistoryID, "")
		require.Equal(t, fault.Stale, fault.Of(err))
		_, err = m.List(t.Context(), mail.Listing{}, "nonsense")
		require.Equal(t, fault.Stale, fault.Of(err))
	})
}

func TestAttachmentsAreFoundByTheirPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, options{messages: 1})
		want := bytes.Repeat([]byte("All the lamps, and their shades. \x00\xff"), 9000)
		d := arriveFile(t, p, "list.bin", want)
		m := p.mailbox(mail.Interactive)
		byID, _ := p.fetchAll(m, []mail.Ref{{ID: d.ID, ThreadID: d.ThreadID}})
		var file *mail.Part
		for i, part := range byID[d.ID].Message.Payload.Parts {
			if part.Filename == "list.bin" {
				file = &byID[d.ID].Message.Payload.Parts[i]
			}
		}
		require.NotNil(t, file)
		var got bytes.Buffer
		require.NoError(t, m.Attachment(t.Context(), d.ID, file.ID, &got))
		require.True(t, bytes.Equal(want, got.Bytes()))
		require.Equal(t, fault.Gone, fault.Of(m.Attachment(t.Context(), d.ID, "77", &got)))
		require.Equal(t, fault.Gone, fault.Of(m.Attachment(t.Context(), "00000000deadbeef", "1", &got)))

		p.fault(front.Fault{API: "gmail", Method: "messages.attachments.get", Kind: "cut", Times: 1})
		got.Reset()
		require.NoError(t, m.Attachment(t.Context(), d.ID, file.ID, &got))
		require.True(t, bytes.Equal(want, got.Bytes()))
		p.fault(front.Fault{API: "gmail", Method: "messages.attachments.get", Kind: "garbage"})
		got.Reset()
		require.Equal(t, fault.Unavailable, fault.Of(m.Attachment(t.Context(), d.ID, file.ID, &got)))
	})
}

// What we count is what Google charges, and every attempt is told to the meters.
func TestUnitsAreCountedAsGoogleChargesThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, options{messages: 500})
		m := p.mailbox(mail.Normal)
		_, err := m.Profile(t.Context())
		require.NoError(t, err)
		_, err = m.Labels(t.Context())
		require.NoError(t, err)
		p.fetchAll(m, p.refs(m, 500))
		charged, told := int64(0), int64(0)
		for _, u := range p.sim.Front.Log.Usage() {
			charged += int64(u.Units)
			require.Equal(t, int64(u.Units), p.usage[u.Method], u.Method)
		}
		for _, units := range p.usage {
			told += units
		}
		require.Equal(t, charged, m.Spent())
		require.Equal(t, charged, told)
		require.Positive(t, p.usage["threads.get"])
	})
}

func TestAnEstimateIsNearTheTruth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, options{messages: 10, quota: "2026"})
		m := p.mailbox(mail.Background)
		units, takes := m.Estimate(1000)
		require.Equal(t, int64(20010), units)
		require.InDelta(t, 142, takes.Seconds(), 1)
		_, takes = m.Estimate(100)
		require.Zero(t, takes)
	})
}

// Connections are kept open and shared: a mailbox needs no more than it may have
// requests under way.
func TestConnectionsAreReused(t *testing.T) {
	p := open(t, options{messages: 400, network: true})
	m := p.mailbox(mail.Background)
	refs := p.refs(m, 400)
	for range 3 {
		p.fetchAll(m, refs)
	}
	require.LessOrEqual(t, int(p.dialled.Load()), gateWidest)
}
