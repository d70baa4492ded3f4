package mail

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/engine"
	"rapport/internal/fault"
	"rapport/internal/work"

	"github.com/stretchr/testify/require"
)

// house is the room with a mailbox and a memory around it.
type house struct {
	*Service
	t     *testing.T
	g     *gmail
	m     *memory
	clock time.Time
	steps map[work.Kind]work.Step
}

const me = crm.ConnectionID("c1")

func newHouse(t *testing.T, change ...func(*crm.ConnectionSettings)) *house {
	h := &house{t: t, g: newGmail(), clock: dawn.Add(24 * time.Hour)}
	c := crm.Connection{ID: me, WorkspaceID: "w1", UserID: "u1", Status: crm.StatusActive, GmailSync: true, Settings: crm.DefaultSettings()}
	for _, f := range change {
		f(&c.Settings)
	}
	now := func() time.Time { return h.clock }
	h.m = newMemory(now, c)
	h.Service = &Service{
		Mailboxes: h.g, Streams: h.m, Runs: h.m, Ledger: h.m, Emails: emails{h.m}, Connections: h.m, Privacy: h.m, Queue: h.m, Now: now, Random: &counter{},
	}
	h.steps = map[work.Kind]work.Step{}
	for _, d := range h.Definitions() {
		h.steps[d.Kind] = d.Step
	}
	return h
}

// counter is randomness that repeats.
type counter struct{ n uint64 }

func (c *counter) Read(p []byte) (int, error) {
	c.n++
	clear(p)
	if len(p) >= 8 {
		binary.BigEndian.PutUint64(p[len(p)-8:], c.n)
	}
	return len(p), nil
}

var _ io.Reader = (*counter)(nil)

// run drives a step until it has nothing more.
func (h *house) run(k work.Kind) error {
	for range 10_000 {
		more, err := h.steps[k](context.Background(), string(me))
		if err != nil || !more {
			return err
		}
	}
	h.t.Fatalf("%s never ends", k)
	return nil
}

// restart forgets what the process had in memory.
func (h *house) restart() {
	h.Service.labels.seen, h.Service.listings.feeds = nil, nil
}

func (h *house) must(kinds ...work.Kind) {
	h.t.Helper()
	for _, k := range kinds {
		require.NoError(h.t, h.run(k), "%s", k)
	}
}

func (h *house) settings(change func(*crm.ConnectionSettings)) {
	c := h.m.connections[me]
	change(&c.Settings)
	h.m.connections[me] = c
}

// same requires that exactly the messages given are stored, each with Gmail's labels.
func (h *house) same(want ...string) {
	h.t.Helper()
	var have []string
	for id, r := range h.m.rows {
		if r.DeletedAt != nil {
			continue
		}
		have = append(have, id)
		at := h.g.messages[id]
		require.NotNil(h.t, at, "%s is gone at Gmail", id)
		a, b := slices.Sorted(slices.Values(r.Labels)), slices.Sorted(slices.Values(at.Labels))
		require.Equal(h.t, b, a, "labels of %s", id)
	}
	slices.Sort(have)
	slices.Sort(want)
	require.Equal(h.t, want, have)
}

// chosen are the ids of all messages at Gmail that are wanted.
func (h *house) chosen() []string {
	var out []string
	for id, m := range h.g.messages {
		if wanted(m.Labels, h.m.connections[me].Settings.Labels) {
			out = append(out, id)
		}
	}
	return out
}

func TestWanted(t *testing.T) {
	for _, c := range []struct {
		labels, chosen string
		want           bool
	}{
		{"INBOX UNREAD", "INBOX SENT", true},
		{"SENT", "INBOX SENT", true},
		{"SENT INBOX", "INBOX", true},
		{"UNREAD CATEGORY_UPDATES", "INBOX SENT", false},
		{"", "INBOX", false},
		{"", "*", true},
		{"Label_7", "*", true},
		{"Label_7", "Label_7", true},
		{"INBOX", "", false},
		{"INBOX SPAM", "INBOX *", false},
		{"TRASH", "*", false},
		{"TRASH INBOX", "INBOX", false},
		{"DRAFT", "*", false},
		{"DRAFT INBOX", "INBOX", false},
		{"CHAT", "*", false},
		{"SPAM", "SPAM", false},
	} {
		require.Equal(t, c.want, wanted(strings.Fields(c.labels), strings.Fields(c.chosen)), "%q of %q", c.labels, c.chosen)
	}
}

func TestBackfillImportsTheNewestOfTheChosenLabels(t *testing.T) {
	h := newHouse(t, func(s *crm.ConnectionSettings) { s.Limit = 20 })
	var inbox []string
	for i := range 60 {
		switch i % 4 {
		case 0:
			h.g.deliver("", "SENT")
		case 1:
			h.g.deliver("", "SPAM")
		case 2:
			h.g.deliver("", "DRAFT")
		}
		inbox = append(inbox, h.g.deliver("", "INBOX", "UNREAD"))
	}
	h.must(KindBackfill)
	var want []string
	for _, m := range h.g.newestFirst() {
		if len(want) < 20 && wanted(m.Labels, []string{"INBOX", "SENT"}) {
			want = append(want, m.ID)
		}
	}
	h.same(want...)
	run := h.m.runs[0]
	require.Equal(t, crm.RunSucceeded, run.State)
	require.EqualValues(t, 20, run.Counts.Added)
	require.EqualValues(t, 20, run.Total)
	require.Positive(t, run.Counts.Units)
	require.NotEmpty(t, h.m.labels, "the names of labels are saved")
	check, ok := h.m.due(KindVerify)
	require.True(t, ok, "the end of the back-fill asks for the check")
	require.Equal(t, verifyEvery, check.Every)

	h.must(KindHistory, KindVerify)
	require.EqualValues(t, 20, h.m.complete.GoogleCount)
	require.EqualValues(t, 20, h.m.complete.RapportCount)
	require.Zero(t, h.m.complete.Healed)
	_ = inbox
}

func TestBackfillContinuesWhenMoreIsChosen(t *testing.T) {
	h := newHouse(t, func(s *crm.ConnectionSettings) { s.Limit = 5; s.Labels = []string{"INBOX"} })
	for i := range 40 {
		h.g.deliver("", []string{"INBOX", "Label_1"}[i%2])
	}
	h.must(KindBackfill)
	require.Len(t, h.m.rows, 5)
	gets := h.g.calls["get"]

	h.must(KindBackfill)
	require.Equal(t, gets, h.g.calls["get"], "nothing more was chosen")

	h.settings(func(s *crm.ConnectionSettings) { s.Limit = 8 })
	h.must(KindBackfill)
	require.Len(t, h.m.rows, 8)
	require.Equal(t, gets+3, h.g.calls["get"], "what is here is not fetched again")

	h.settings(func(s *crm.ConnectionSettings) { s.Labels = []string{"INBOX", "Label_1"} })
	h.must(KindBackfill)
	require.Len(t, h.m.rows, 16, "a label turned on is imported from its newest")

	h.settings(func(s *crm.ConnectionSettings) { s.Limit = 0 })
	h.must(KindBackfill, KindHistory)
	h.same(h.chosen()...)
}

func TestBackfillListsOnceAcrossItsSteps(t *testing.T) {
	h := newHouse(t, func(s *crm.ConnectionSettings) { s.Limit = 0; s.Labels = []string{"INBOX"} })
	h.g.perPage = 100
	for range 1000 {
		h.g.deliver("", "INBOX")
	}
	h.must(KindBackfill)
	require.Equal(t, 10, h.g.calls["list"])
	h.same(h.chosen()...)
}

func TestBackfillStopsAtTheDateBound(t *testing.T) {
	since := dawn.Add(30 * time.Minute)
	for _, scopes := range [][]string{nil, {"https://www.googleapis.com/auth/gmail.metadata"}} {
		h := newHouse(t, func(s *crm.ConnectionSettings) { s.Since = &since; s.Limit = 0 })
		c := h.m.connections[me]
		c.GrantedScopes = scopes
		h.m.connections[me] = c
		for range 60 {
			h.g.deliver("", "INBOX")
		}
		h.must(KindBackfill)
		require.Len(t, h.m.rows, 31)
		for _, r := range h.m.rows {
			require.False(t, r.Date.Before(since))
		}
	}
}

func TestHistoryAppliesEveryKindOfChange(t *testing.T) {
	h := newHouse(t)
	old := h.g.deliver("", "INBOX", "UNREAD")
	read, gone := h.g.deliver("", "INBOX", "UNREAD"), h.g.deliver("", "INBOX")
	archived, trashed := h.g.deliver("", "INBOX"), h.g.deliver("", "INBOX")
	other := h.g.deliver("", "CATEGORY_UPDATES")
	h.must(KindHistory, KindBackfill)
	gets := h.g.calls["get"]

	h.g.label(read, nil, []string{"UNREAD"})
	h.g.label(archived, []string{"STARRED"}, []string{"INBOX"})
	h.g.label(trashed, []string{"TRASH"}, []string{"INBOX"})
	h.g.delete(gone)
	h.must(KindHistory)
	require.Equal(t, gets, h.g.calls["get"], "labels and deletions need no fetching")
	h.same(old, read, archived, trashed)

	h.g.label(other, []string{"INBOX"}, nil)
	fresh := h.g.deliver("", "INBOX", "UNREAD")
	h.g.deliver("", "SPAM")
	flash := h.g.deliver("", "INBOX")
	h.g.delete(flash)
	h.must(KindHistory)
	h.same(old, read, archived, trashed, other, fresh)
	require.NotNil(t, h.m.rows[gone].DeletedAt)
}

func TestHistoryFetchesOldMailOnlyWhenItBecomesWanted(t *testing.T) {
	h := newHouse(t, func(s *crm.ConnectionSettings) { s.Limit = 1 })
	old := h.g.deliver("", "INBOX", "UNREAD")
	h.g.deliver("", "INBOX")
	h.must(KindHistory, KindBackfill)
	require.Len(t, h.m.rows, 1)

	h.g.label(old, nil, []string{"UNREAD"})
	h.must(KindHistory)
	require.Len(t, h.m.rows, 1, "beyond the limit, and wanted before: nothing became wanted")

	h.g.label(old, nil, []string{"INBOX"})
	h.g.label(old, []string{"INBOX"}, nil)
	h.must(KindHistory)
	require.Len(t, h.m.rows, 2)
}

func TestIdleMailboxCostsOneCallAndWritesNothing(t *testing.T) {
	h := newHouse(t)
	h.g.deliver("", "INBOX")
	h.must(KindHistory, KindBackfill, KindHistory)
	calls, writes := map[string]int{}, h.m.writes
	h.g.calls = calls
	h.must(KindHistory)
	delete(calls, "open")
	require.Equal(t, map[string]int{"history": 1}, calls)
	require.Equal(t, writes, h.m.writes)
}

func TestExpiredHistoryIsReconciled(t *testing.T) {
	h := newHouse(t)
	var ids []string
	for range 30 {
		ids = append(ids, h.g.deliver("", "INBOX", "UNREAD"))
	}
	h.must(KindHistory, KindBackfill)
	h.g.delete(ids[3])
	h.g.label(ids[4], []string{"STARRED"}, []string{"UNREAD"})
	h.g.label(ids[5], []string{"TRASH"}, []string{"INBOX"})
	h.g.deliver("", "INBOX")
	h.g.deliver("", "SPAM")
	h.g.expire()
	gets := h.g.calls["get"]
	h.must(KindHistory)
	h.same(slices.DeleteFunc(append(h.chosen(), ids[5]), func(id string) bool { return id == ids[3] })...)
	require.Equal(t, gets+2, h.g.calls["get"], "one new message, one question about the deleted one")
	require.EqualValues(t, 1, h.m.complete.Missing)
	require.EqualValues(t, 1, h.m.complete.Extra)
	require.EqualValues(t, 2, h.m.complete.Relabelled)
	require.Zero(t, h.m.complete.Unexplained)
	require.Equal(t, h.m.complete.GoogleCount, h.m.complete.RapportCount)

	h.g.deliver("", "INBOX")
	h.must(KindHistory)
	h.same(append(h.chosen(), ids[5])...)
}

func TestVerifyHealsWhatWasLostAndNeverDeletesOnSuspicion(t *testing.T) {
	h := newHouse(t)
	var ids []string
	for range 20 {
		ids = append(ids, h.g.deliver("", "INBOX"))
	}
	h.must(KindHistory, KindBackfill)
	delete(h.m.rows, ids[7])
	h.m.rows[ids[8]].Labels = []string{"INBOX", "Label_1", "YELLOW_STAR"}
	ghost := *h.m.rows[ids[9]]
	ghost.GmailID = "18c00000deadbeef"
	h.m.rows[ghost.GmailID] = &ghost

	h.must(KindVerify)
	require.Equal(t, []string{"INBOX", "YELLOW_STAR"}, h.m.rows[ids[8]].Labels, "labels Google does not list are left alone")
	h.m.rows[ids[8]].Labels = []string{"INBOX"}
	h.same(ids...)
	c := h.m.complete
	require.EqualValues(t, 1, c.Missing)
	require.EqualValues(t, 1, c.Extra)
	require.EqualValues(t, 1, c.Relabelled)
	require.EqualValues(t, 20, c.GoogleCount)
	require.EqualValues(t, 20, c.RapportCount)
	require.Zero(t, c.Unexplained)
}

func TestAConversationIsFetchedWholeFromTheFirstChunkOn(t *testing.T) {
	h := newHouse(t, func(s *crm.ConnectionSettings) { s.Limit = 400 })
	h.g.perPage = 500
	old := h.g.deliver("talk", "INBOX")
	h.g.deliver("talk", "INBOX")
	var others []string
	for range 300 {
		others = append(others, h.g.deliver("", "INBOX"))
	}
	h.g.deliver("talk", "INBOX")
	var got []string
	h.g.fail = func(call, id string) error {
		if call == "get" {
			got = append(got, id)
		}
		return nil
	}
	h.must(KindHistory, KindBackfill)
	h.same(h.chosen()...)
	require.Less(t, slices.Index(got, old), slices.Index(got, others[200]), "in one piece: a second call for its rest would bring it all again")
	slices.Sort(got)
	require.Len(t, slices.Compact(got), 303)
}

func TestVerifyCountsNothingThatHasOnlyJustArrived(t *testing.T) {
	h := newHouse(t)
	ids := []string{h.g.deliver("", "INBOX")}
	h.must(KindHistory, KindBackfill)
	ids = append(ids, h.g.deliver("", "INBOX"), h.g.deliver("", "INBOX"))
	h.must(KindVerify)
	h.same(ids...)
	c := h.m.complete
	require.Zero(t, c.Missing+c.Extra+c.Relabelled+c.Healed)
	require.EqualValues(t, 3, c.GoogleCount)
	require.EqualValues(t, 3, c.RapportCount)
}

// Mail that comes while Google's lists are read is listed, and was not here: it is not
// missing for that.
func TestVerifyCountsNothingThatArrivesMeanwhile(t *testing.T) {
	h := newHouse(t)
	ids := []string{h.g.deliver("", "INBOX"), h.g.deliver("", "INBOX")}
	h.must(KindHistory, KindBackfill)
	delete(h.m.rows, ids[0])
	h.g.fail = func(call, _ string) error {
		if call == "list" && len(ids) == 2 {
			ids = append(ids, h.g.deliver("", "INBOX"))
		}
		return nil
	}
	h.must(KindVerify)
	require.Len(t, ids, 3)
	h.same(ids...)
	c := h.m.complete
	require.EqualValues(t, 1, c.Missing, "what was lost before")
	require.EqualValues(t, 1, c.Healed)
	require.Zero(t, c.Extra+c.Relabelled+c.Unexplained)
	require.EqualValues(t, 3, c.GoogleCount)
	require.EqualValues(t, 3, c.RapportCount)
}

func TestVerifyDoesNotAskForMoreThanWasChosen(t *testing.T) {
	h := newHouse(t, func(s *crm.ConnectionSettings) { s.Limit = 10 })
	h.g.perPage = 20
	for range 200 {
		h.g.deliver("", "INBOX")
	}
	h.must(KindHistory, KindBackfill)
	h.g.calls = map[string]int{}
	h.must(KindVerify)
	require.EqualValues(t, 10, h.m.complete.GoogleCount)
	require.EqualValues(t, 10, h.m.complete.RapportCount)
	require.Zero(t, h.g.calls["get"])
	require.Less(t, h.g.calls["list"], 15, "lists are read as far as needed")
}

func TestLedgerRetriesThenParks(t *testing.T) {
	h := newHouse(t)
	bad := h.g.deliver("", "INBOX")
	good := h.g.deliver("", "INBOX")
	h.g.fail = func(call, id string) error {
		if call == "get" && id == bad {
			return fault.New(fault.Internal, "Gmail could not read this message.")
		}
		return nil
	}
	h.must(KindHistory, KindBackfill)
	h.same(good)
	require.Equal(t, crm.RunPartial, h.m.runs[0].State)
	require.NotEmpty(t, h.m.runs[0].NextStep)
	h.must(KindVerify)
	require.EqualValues(t, 2, h.m.complete.GoogleCount)
	require.EqualValues(t, 1, h.m.complete.RapportCount)
	require.Zero(t, h.m.complete.Unexplained, "what is in the ledger is explained")

	for range 20 {
		if next, ok := h.m.due(KindRetry); ok {
			h.clock = next.DueAt
			h.m.jobs = nil
			h.must(KindRetry)
		}
	}
	require.True(t, h.m.ledger[bad].Parked)
	_, waiting := h.m.due(KindRetry)
	require.False(t, waiting, "a parked item is not tried by itself")

	h.g.fail = nil
	caller := access.Caller{Via: access.ViaSession, UserID: "u1", Workspace: "w1", Role: crm.RoleMember}
	require.NoError(t, h.RetryFailure(t.Context(), caller, me, h.m.ledger[bad].ID))
	h.must(KindRetry)
	require.Empty(t, h.m.ledger)
	h.same(bad, good)
}

func TestOneBadMessageNeverHoldsUpTheHistory(t *testing.T) {
	h := newHouse(t)
	h.must(KindHistory, KindBackfill)
	bad := h.g.deliver("", "INBOX")
	h.g.fail = func(call, id string) error {
		if call == "get" && id == bad {
			return fault.New(fault.Unavailable, "500")
		}
		return nil
	}
	h.must(KindHistory)
	require.Contains(t, h.m.ledger, bad, "the mailbox answers, so it is the message")
	good := h.g.deliver("", "INBOX")
	h.must(KindHistory)
	h.same(good)
}

func TestOutageIsNotTheMessagesFault(t *testing.T) {
	h := newHouse(t)
	h.must(KindHistory, KindBackfill)
	h.g.deliver("", "INBOX")
	h.g.fail = func(call, _ string) error {
		if call == "get" || call == "profile" {
			return fault.New(fault.Unavailable, "down")
		}
		return nil
	}
	require.True(t, fault.Is(h.run(KindHistory), fault.Unavailable))
	require.Empty(t, h.m.ledger)
	h.g.fail = nil
	h.must(KindHistory)
	h.same(h.chosen()...)
}

func TestLostGrantEndsTheRunWithTheNextStep(t *testing.T) {
	h := newHouse(t)
	for range 5 {
		h.g.deliver("", "INBOX")
	}
	h.g.fail = func(call, _ string) error {
		if call == "get" {
			return fault.New(fault.Reconnect, "revoked")
		}
		return nil
	}
	caller := access.Caller{Via: access.ViaSession, UserID: "u1", Workspace: "w1", Role: crm.RoleMember}
	run, err := h.RequestSync(t.Context(), caller, me, true)
	require.NoError(t, err)
	require.Equal(t, crm.RunQueued, run.State)
	require.True(t, fault.Is(h.run(KindBackfill), fault.Reconnect))
	got, err := h.Progress(t.Context(), caller, run.ID)
	require.NoError(t, err)
	require.Equal(t, crm.RunFailed, got.State)
	require.Equal(t, "Reconnect the account.", got.NextStep)
	require.Empty(t, h.m.ledger)
}

func TestALookThatFindsNothingEndsTheWordOfAFailure(t *testing.T) {
	h := newHouse(t)
	h.g.deliver("", "INBOX")
	h.must(KindHistory, KindBackfill)
	h.g.fail = func(call, _ string) error {
		if call == "history" {
			return fault.New(fault.Permission, "a box was left unticked")
		}
		return nil
	}
	caller := access.Caller{Via: access.ViaSession, UserID: "u1", Workspace: "w1", Role: crm.RoleMember}
	run, err := h.RequestSync(t.Context(), caller, me, false)
	require.NoError(t, err)
	require.True(t, fault.Is(h.run(KindHistory), fault.Permission))
	last, err := h.m.LastRun(t.Context(), me, crm.StreamGmailHistory)
	require.NoError(t, err)
	require.Equal(t, run.ID, last.ID)
	require.Equal(t, crm.RunFailed, last.State)

	h.g.fail = nil // the box is ticked
	h.must(KindHistory)
	last, err = h.m.LastRun(t.Context(), me, crm.StreamGmailHistory)
	require.NoError(t, err)
	require.Equal(t, crm.RunSucceeded, last.State)
	n := len(h.m.runs)
	h.must(KindHistory)
	require.Len(t, h.m.runs, n, "and once is enough")
}

// A run that is asked for while a look is going on is not ended by that look: what came
// between the two is in the next one.
func TestARunIsEndedByALookThatBeganAfterIt(t *testing.T) {
	h := newHouse(t)
	h.must(KindHistory, KindBackfill)
	h.g.deliver("", "INBOX")
	caller := access.Caller{Via: access.ViaSession, UserID: "u1", Workspace: "w1", Role: crm.RoleMember}
	var asked crm.Run
	h.g.fail = func(call, _ string) error {
		if call != "get" || asked.ID != "" {
			return nil
		}
		h.g.deliver("", "INBOX")
		var err error
		asked, err = h.RequestSync(t.Context(), caller, me, false)
		return err
	}
	more, err := h.steps[KindHistory](t.Context(), string(me))
	require.NoError(t, err)
	require.NotEmpty(t, asked.ID)
	require.True(t, more)
	run, err := h.Progress(t.Context(), caller, asked.ID)
	require.NoError(t, err)
	require.Nil(t, run.FinishedAt)
	h.must(KindHistory)
	run, err = h.Progress(t.Context(), caller, asked.ID)
	require.NoError(t, err)
	require.Equal(t, crm.RunSucceeded, run.State)
	h.same(h.chosen()...)
}

func TestDisconnectInMidRunEndsCleanly(t *testing.T) {
	h := newHouse(t)
	for range 300 {
		h.g.deliver("", "INBOX")
	}
	more, err := h.steps[KindBackfill](t.Context(), string(me))
	require.NoError(t, err)
	require.True(t, more)
	c := h.m.connections[me]
	c.Status = crm.StatusDisconnected
	h.m.connections[me] = c
	h.must(KindBackfill, KindHistory, KindVerify, KindRetry)
	require.Equal(t, crm.RunCancelled, h.m.runs[0].State)
	delete(h.m.connections, me)
	h.must(KindBackfill, KindHistory, KindVerify, KindRetry)
}

func TestStopEndsTheRunsGoingOn(t *testing.T) {
	h := newHouse(t)
	for range 300 {
		h.g.deliver("", "INBOX")
	}
	require.NoError(t, h.Start(t.Context(), me))
	_, err := h.steps[KindBackfill](t.Context(), string(me))
	require.NoError(t, err)
	require.NoError(t, h.Stop(t.Context(), me))
	require.Empty(t, h.m.jobs)
	require.Equal(t, crm.RunCancelled, h.m.runs[0].State)
}

func TestHistoryAsksForABackfillThatWasLost(t *testing.T) {
	h := newHouse(t)
	h.g.deliver("", "INBOX")
	h.must(KindHistory)
	next, ok := h.m.due(KindBackfill)
	require.True(t, ok)
	require.Equal(t, h.clock.Add(resumeAfter), next.DueAt)
	h.must(KindBackfill)
	h.m.jobs = nil
	h.must(KindHistory)
	_, ok = h.m.due(KindBackfill)
	require.False(t, ok, "it is through")
	h.settings(func(s *crm.ConnectionSettings) { s.Labels = append(s.Labels, "Label_1") })
	h.must(KindHistory)
	_, ok = h.m.due(KindBackfill)
	require.True(t, ok, "more was chosen")
}

func TestOddAnswersOfGoogleAreTriedAgain(t *testing.T) {
	h := newHouse(t)
	h.g.deliver("", "INBOX")
	h.g.fail = func(call, _ string) error {
		if call == "list" {
			return fault.New(fault.NotFound, "Requested entity was not found.")
		}
		return nil
	}
	err := h.run(KindBackfill)
	require.True(t, fault.Is(err, fault.Internal), "%v", err)
	h.g.fail = nil
	h.must(KindBackfill)
	h.same(h.chosen()...)
}

func TestTwoWorkersNeitherSkipNorDouble(t *testing.T) {
	h := newHouse(t)
	h.must(KindHistory, KindBackfill)
	for range 30 {
		h.g.deliver("", "INBOX")
	}
	inside := false
	h.g.fail = func(call, _ string) error {
		if call == "history" && !inside { // while one worker reads, the other goes all the way
			inside = true
			h.must(KindHistory)
			inside = false
		}
		return nil
	}
	more, err := h.steps[KindHistory](t.Context(), string(me))
	require.NoError(t, err)
	require.True(t, more, "the position moved: look again")
	h.g.fail = nil
	h.must(KindHistory)
	h.same(h.chosen()...)
}

// TestCrashAtEveryCallAndWrite kills the work at each call to Google and before
// and after each write, and starts again.
func TestCrashAtEveryCallAndWrite(t *testing.T) {
	story := func(h *house, drive func(kinds ...work.Kind)) {
		drive(KindHistory, KindBackfill)
		bad := h.g.deliver("", "INBOX", "UNREAD")
		ids := h.chosen()
		slices.Sort(ids)
		h.g.label(ids[1], []string{"STARRED"}, nil)
		h.g.delete(ids[2])
		h.g.deliver("", "SENT")
		drive(KindHistory)
		h.g.delete(ids[3])
		h.g.label(bad, nil, []string{"UNREAD"})
		h.g.deliver("", "INBOX")
		h.g.expire()
		drive(KindHistory, KindVerify)
	}
	build := func() *house {
		h := newHouse(t, func(s *crm.ConnectionSettings) { s.Limit = 100 })
		for i := range 75 {
			h.g.deliver("", []string{"INBOX", "SENT", "SPAM"}[i%3])
		}
		return h
	}
	count := build()
	points := 0
	count.m.crash = func(string) error { points++; return nil }
	count.g.fail = func(string, string) error { points++; return nil }
	story(count, count.must)
	require.Greater(t, points, 100)
	for at := range points {
		h := build()
		n := 0
		crash := func() error {
			if n++; n == at+1 {
				return errCrash
			}
			return nil
		}
		h.m.crash = func(string) error { return crash() }
		h.g.fail = func(string, string) error { return crash() }
		story(h, func(kinds ...work.Kind) {
			for _, k := range kinds {
				err := h.run(k)
				if err != nil {
					require.ErrorIs(t, err, errCrash)
					h.restart()
					require.NoError(t, h.run(k), "after the crash at %d", at)
				}
			}
		})
		h.clock = h.clock.Add(time.Hour)
		h.must(KindRetry, KindHistory)
		h.same(h.chosen()...)
		require.Empty(t, h.m.ledger, "crash at %d", at)
		require.Zero(t, h.m.complete.Unexplained, "crash at %d", at)
		require.Equal(t, h.m.complete.GoogleCount, h.m.complete.RapportCount, "crash at %d", at)
		for _, r := range h.m.runs {
			require.NotNil(t, r.FinishedAt, "crash at %d: run %s", at, r.Stream)
		}
	}
}

func TestBackfillImportsExactlyTheLimitAcrossCrashes(t *testing.T) {
	for at := range 60 {
		h := newHouse(t, func(s *crm.ConnectionSettings) { s.Limit = 130 })
		h.g.perPage = 30
		for i := range 200 {
			h.g.deliver("", []string{"INBOX", "SENT"}[i%2])
		}
		n := 0
		h.g.fail = func(string, string) error {
			if n++; n == 5*at {
				return errCrash
			}
			return nil
		}
		if err := h.run(KindBackfill); err != nil {
			require.ErrorIs(t, err, errCrash)
			h.restart()
			h.must(KindBackfill)
		}
		h.g.fail = nil
		h.clock = h.clock.Add(time.Hour)
		h.must(KindBackfill, KindRetry) // a crash of a single get is an item for the ledger
		var want []string
		for _, m := range h.g.newestFirst()[:130] {
			want = append(want, m.ID)
		}
		h.same(want...)
	}
}

func TestBackfillMissesNothingWhenTheListMovesUp(t *testing.T) {
	h := newHouse(t, func(s *crm.ConnectionSettings) { s.Limit = 0; s.Labels = []string{"INBOX"} })
	h.g.perPage = 60
	for range 180 {
		h.g.deliver("", "INBOX")
	}
	for more := true; more; {
		var err error
		more, err = h.steps[KindBackfill](t.Context(), string(me))
		require.NoError(t, err)
		h.restart()
		for _, m := range h.g.newestFirst()[:3] { // what was imported already makes room
			h.g.delete(m.ID)
		}
	}
	h.must(KindHistory)
	h.same(h.chosen()...)
}

func TestHistoryTakesLargePagesInBites(t *testing.T) {
	h := newHouse(t)
	h.must(KindHistory, KindBackfill)
	h.g.perPage = 1000
	for range 3*bite + 10 {
		id := h.g.deliver("", "INBOX")
		h.g.label(id, []string{"STARRED"}, []string{"INBOX"})
		h.g.label(id, []string{"INBOX"}, nil)
	}
	gets := h.g.calls["get"]
	more, err := h.steps[KindHistory](t.Context(), string(me))
	require.NoError(t, err)
	require.True(t, more)
	require.Equal(t, gets+bite, h.g.calls["get"])
	require.Len(t, h.m.rows, bite, "what was fetched is visible before the page is through")
	h.must(KindHistory)
	h.same(h.chosen()...)
	require.Equal(t, gets+3*bite+10, h.g.calls["get"], "nothing is fetched twice")
}

func TestCutNeverSplitsARecord(t *testing.T) {
	record := func(id uint64, message string) HistoryRecord { return HistoryRecord{ID: id, Ref: Ref{ID: message}} }
	all := []HistoryRecord{record(1, "a"), record(2, "b"), record(2, "c"), record(2, "d"), record(3, "e"), record(4, "a")}
	taken, left := cut(all, 0, 2)
	require.Len(t, taken, 4)
	require.True(t, left)
	taken, left = cut(all, 2, 2)
	require.Len(t, taken, 2)
	require.False(t, left)
	taken, left = cut(all, 9, 2)
	require.Empty(t, taken)
	require.False(t, left)
}

func TestHistoryGoesOnWhenGoogleForgetsItsPageTokens(t *testing.T) {
	h := newHouse(t)
	h.must(KindHistory, KindBackfill)
	for range 50 {
		h.g.label(h.g.deliver("", "INBOX"), []string{"STARRED"}, []string{"INBOX"})
	}
	h.g.forgets = func() bool { return true }
	h.must(KindHistory)
	h.same(h.chosen()...)
}

func TestBackfillFetchesOnceWhatIsListedTwice(t *testing.T) {
	h := newHouse(t, func(s *crm.ConnectionSettings) { s.Limit = 0; s.Labels = []string{"INBOX"} })
	for range 40 {
		h.g.deliver("", "INBOX")
	}
	h.g.fail = func(call, page string) error {
		if call == "list" && page != "" && len(h.g.messages) < 60 {
			h.g.deliver("", "INBOX") // everything moves down by one
		}
		return nil
	}
	h.must(KindBackfill)
	require.Equal(t, len(h.m.rows), h.g.calls["get"])
	h.must(KindHistory)
	h.same(h.chosen()...)
}

func TestBackfillRevivesWhatWasWronglyTakenForGone(t *testing.T) {
	h := newHouse(t)
	id := h.g.deliver("", "INBOX")
	h.must(KindHistory, KindBackfill)
	at := h.clock
	h.m.rows[id].DeletedAt = &at
	caller := access.Caller{Via: access.ViaSession, UserID: "u1", Workspace: "w1", Role: crm.RoleMember}
	_, err := h.RequestSync(t.Context(), caller, me, true)
	require.NoError(t, err)
	h.must(KindBackfill)
	h.same(id)
}

func TestPollEnqueuesWhatIsDue(t *testing.T) {
	h := newHouse(t)
	for i := range 1200 {
		id := crm.ConnectionID(fmt.Sprintf("d%04d", i))
		h.m.connections[id] = crm.Connection{ID: id, Status: crm.StatusActive, GmailSync: i%2 == 0}
	}
	h.must(KindPoll)
	require.Len(t, h.m.jobs, 601)
}

func TestSlowPollsAreNoted(t *testing.T) {
	h := newHouse(t, func(s *crm.ConnectionSettings) { s.PollSeconds = 600 })
	h.must(KindHistory)
	require.Equal(t, h.clock.Add(10*time.Minute), h.m.polled[me])
}

func TestReadingIsSafeAndInlineImagesAreFound(t *testing.T) {
	h := newHouse(t)
	id := h.g.deliver("", "INBOX")
	h.g.messages[id].Payload = Part{MIME: "multipart/related", Parts: []Part{
		{ID: "0", MIME: "text/html", Body: []byte(`<p onclick="x()">Hello<img src="cid:logo@lamps"><img src="https://spy.example/p.gif"><script>alert(1)</script></p>`)},
		{ID: "1", MIME: "image/png", Filename: "logo.png", AttachmentID: "x", Size: 10, Headers: []Header{{"Content-ID", "<logo@lamps>"}}},
	}}
	h.must(KindHistory, KindBackfill)
	caller := access.Caller{Via: access.ViaSession, UserID: "u1", Workspace: "w1", Role: crm.RoleMember}
	row := h.m.rows[id]
	got, err := h.Email(t.Context(), caller, row.ID, Reading{AttachmentURL: func(e crm.EmailID, a crm.AttachmentID) string { return "/a/" + string(a) }})
	require.NoError(t, err)
	require.Equal(t, 1, got.Blocked)
	require.Contains(t, got.BodyHTML, `src="/a/`+string(row.Attachments[0].ID)+`"`)
	require.NotContains(t, got.BodyHTML, "onclick")
	require.NotContains(t, got.BodyHTML, "alert")
	require.False(t, got.HasAttachments, "a picture in the text is no attachment")

	a, write, err := h.Attachment(t.Context(), caller, row.ID, row.Attachments[0].ID)
	require.NoError(t, err)
	require.Equal(t, "logo.png", a.Name)
	var b bytes.Buffer
	require.NoError(t, write(&b))
	require.Equal(t, id+"/1", b.String())

	stranger := caller
	stranger.UserID = "u2"
	_, err = h.Email(t.Context(), stranger, row.ID, Reading{})
	require.True(t, fault.Is(err, fault.NotFound))
	_, err = h.RequestSync(t.Context(), stranger, me, false)
	require.True(t, fault.Is(err, fault.NotFound))
	_, err = h.RequestSync(t.Context(), access.Caller{}, me, false)
	require.True(t, fault.Is(err, fault.Unauthenticated))
}

func TestPreviewCounts(t *testing.T) {
	h := newHouse(t)
	for i := range 90 {
		h.g.deliver("", []string{"INBOX", "SENT", "SPAM"}[i%3])
	}
	caller := access.Caller{Via: access.ViaSession, UserID: "u1", Workspace: "w1", Role: crm.RoleMember}
	p, err := h.Preview(t.Context(), caller, me, crm.DefaultSettings())
	require.NoError(t, err)
	require.Equal(t, Preview{Messages: 60, Units: 1200, Takes: 12 * time.Second}, p)
	some := crm.DefaultSettings()
	some.Limit = 25
	p, err = h.Preview(t.Context(), caller, me, some)
	require.NoError(t, err)
	require.EqualValues(t, 25, p.Messages)
	require.True(t, p.More)
	h.settings(func(s *crm.ConnectionSettings) { s.Limit = 10 })
	h.must(KindBackfill)
	p, err = h.Preview(t.Context(), caller, me, some)
	require.NoError(t, err)
	require.EqualValues(t, 10, p.Stored)
	require.EqualValues(t, 15, p.Messages)
}

var _ = errors.Is

func checkpointOf(mark string) engine.Checkpoint {
	return engine.Checkpoint{Mark: engine.Cursor(mark), Pass: 1}
}

// TestChangesBetweenFetchAndWriteAreNotLost deletes a message and relabels
// another after they were fetched; the history passes both before they are
// written.
func TestChangesBetweenFetchAndWriteAreNotLost(t *testing.T) {
	for name, c := range map[string]struct {
		messages int
		given    func(h *house)
		kind     work.Kind
	}{
		"back-fill in one chunk":    {messages: 10, kind: KindBackfill},
		"back-fill, of many chunks": {messages: 400, kind: KindBackfill},
		"items of the ledger": {messages: 10, kind: KindRetry, given: func(h *house) {
			h.g.fail = func(call, _ string) error {
				if call == "get" {
					return fault.New(fault.Internal, "unreadable")
				}
				return nil
			}
			h.must(KindHistory, KindBackfill)
			h.g.fail = nil
			require.NotEmpty(t, h.m.ledger)
			h.clock = h.clock.Add(time.Hour)
		}},
		"messages found missing": {messages: 10, kind: KindVerify, given: func(h *house) {
			h.must(KindHistory, KindBackfill)
			clear(h.m.rows)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.g.perPage = 1000 // so that nothing moves over the edge of a page; that is the check's to find
			var ids []string
			for range c.messages {
				ids = append(ids, h.g.deliver("", "INBOX"))
			}
			h.must(KindHistory)
			if c.given != nil {
				c.given(h)
			}
			newest := ids[len(ids)-1]
			h.m.before = func(string) {
				if h.g.calls["get"] > 0 && h.g.messages[newest] != nil && len(h.m.rows) == 0 && h.fetchedLately() {
					h.m.before = nil
					h.g.delete(newest)
					h.g.label(ids[len(ids)-2], []string{"TRASH"}, []string{"INBOX"})
					h.must(KindHistory)
				}
			}
			h.g.calls = map[string]int{}
			h.must(c.kind)
			require.Nil(t, h.m.before, "it happened")
			h.must(KindHistory)
			h.same(ids[:len(ids)-1]...)
		})
	}
}

// fetchedLately says whether messages have been fetched that are not stored yet.
func (h *house) fetchedLately() bool { return h.g.calls["get"] > len(h.m.rows) }
