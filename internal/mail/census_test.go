package mail

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"testing"
	"time"

	"rapport/internal/crm"

	"github.com/stretchr/testify/require"
)

// million is a mailbox of n messages that are not kept anywhere: everything
// about the i-th newest follows from i.
type million struct {
	n     int
	calls int
}

func (m *million) id(i int) string {
	return fmt.Sprintf("%016x", uint64(0x19c0000000000000)-uint64(i)*4099)
}

var everyNth = map[string]int{"INBOX": 1, "UNREAD": 3, "STARRED": 50, "Label_1": 7}

func (m *million) labels(i int) (out []string) {
	for l, n := range everyNth {
		if i%n == 0 {
			out = append(out, l)
		}
	}
	return out
}

func (m *million) List(_ context.Context, l Listing, page string) (Listed, error) {
	m.calls++
	step := 1
	if len(l.Labels) > 0 {
		step = everyNth[l.Labels[0]]
	}
	if step == 0 {
		return Listed{}, nil
	}
	i, _ := strconv.Atoi(page)
	out := Listed{Refs: make([]Ref, 0, 500)}
	for ; i < m.n && len(out.Refs) < 500; i += step {
		out.Refs = append(out.Refs, Ref{m.id(i), m.id(i - i%2)})
	}
	if i < m.n {
		out.Next = strconv.Itoa(i)
	}
	return out, nil
}

func (m *million) Labels(context.Context) (out []crm.Label, err error) {
	for l := range everyNth {
		out = append(out, crm.Label{ID: l, Name: l, Type: "system"})
	}
	return out, nil
}

func (m *million) Profile(context.Context) (Profile, error) { return Profile{HistoryID: 9}, nil }
func (m *million) Spent() int64                             { return 0 }
func (m *million) History(context.Context, uint64, string) (HistoryPage, error) {
	return HistoryPage{}, nil
}
func (m *million) Fetch(context.Context, []Ref, func(Fetched) error) error { return nil }
func (m *million) Attachment(context.Context, string, string, io.Writer) error {
	return nil
}

// stock has the same messages but for every 100,000th, and wrong labels on
// every 250,000th.
type stock struct {
	*memory
	m *million
}

func (s stock) EachStored(_ context.Context, _ crm.ConnectionID, yield func(string, time.Time, []string) error) error {
	for i := s.m.n - 1; i >= 0; i-- {
		if i%100_000 == 5 {
			continue
		}
		labels := s.m.labels(i)
		if i%250_000 == 7 {
			labels = append(labels, "STARRED")
		}
		if err := yield(s.m.id(i), dawn, labels); err != nil {
			return err
		}
	}
	return nil
}

func TestCensusOfAMillionMessages(t *testing.T) {
	m := &million{n: 1_000_000}
	c := crm.Connection{ID: me, WorkspaceID: "w1", Status: crm.StatusActive, GmailSync: true, Settings: crm.ConnectionSettings{Labels: []string{"INBOX"}}}
	mem := newMemory(func() time.Time { return dawn }, c)
	mem.points[Key{Connection: me, Stream: crm.StreamGmailBackfill}] = checkpointOf(`{"labels":{"INBOX":{"limit":0}}}`)
	svc := &Service{Streams: stock{mem, m}, Runs: mem, Ledger: mem, Connections: mem, Privacy: mem, Queue: mem, Now: func() time.Time { return dawn }, Random: &counter{}}
	x := &session{Service: svc, conn: c, key: key(c, crm.StreamGmailVerify), box: m}

	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began := time.Now()
	r, err := reconcile(t.Context(), x, 9)
	require.NoError(t, err)
	took := time.Since(began)
	runtime.GC()
	runtime.ReadMemStats(&after)
	require.Len(t, r.missing, 10)
	require.Len(t, r.relabel, 4)
	require.Empty(t, r.extra)
	require.Len(t, r.expected, 1_000_000)
	require.EqualValues(t, m.id(5), r.missing[0].ID)
	grown := int64(before.Sys)
	t.Logf("%v, %d calls, %d MB from the system (%d before)", took, m.calls, after.Sys>>20, grown>>20)
	require.Less(t, int64(after.Sys)-grown, int64(400<<20))
}
