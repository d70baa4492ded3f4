package mail

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/work"

	"github.com/stretchr/testify/require"
)

// machine does things at random to a mailbox and to the work on it.
type machine struct {
	*house
	r      *rand.Rand
	trail  []string
	depth  int
	faults float64 // chance that a call fails
	deaths float64 // chance that a write crashes, before or after it
	kinds  []work.Kind
	lies   bool // Google says of messages that they are gone when they are not
}

func (x *machine) any() (string, bool) {
	ids := slices.Sorted(maps.Keys(x.g.messages))
	if len(ids) == 0 {
		return "", false
	}
	if x.r.IntN(2) == 0 { // the newest change most
		ids = ids[max(0, len(ids)-4):]
	}
	return ids[x.r.IntN(len(ids))], true
}

func (x *machine) labels() []string {
	all := []string{"INBOX", "SENT", "UNREAD", "STARRED", "Label_1", "SPAM", "TRASH", "DRAFT"}
	var out []string
	for _, l := range all {
		if x.r.IntN(4) == 0 {
			out = append(out, l)
		}
	}
	return out
}

// act does one thing.
func (x *machine) act() string {
	id, ok := x.any()
	if x.r.IntN(3) == 0 {
		k := x.kinds[x.r.IntN(len(x.kinds))]
		return string(k) + " " + x.step(k)
	}
	switch n := x.r.IntN(13); {
	case n < 4 || !ok:
		thread := ""
		if ok && x.r.IntN(2) == 0 {
			thread = x.g.messages[id].ThreadID
		}
		return "deliver " + x.g.deliver(thread, x.labels()...)
	case n < 8:
		x.g.label(id, x.labels(), x.labels())
		return "label " + id
	case n < 9:
		x.g.delete(id)
		return "delete " + id
	case n == 9 && x.r.IntN(4) == 0:
		x.g.expire()
		return "expire"
	case n == 10:
		x.clock = x.clock.Add(time.Duration(x.r.IntN(7200)) * time.Second)
		return "clock"
	case n == 11 && x.r.IntN(4) == 0:
		x.settings(func(s *crm.ConnectionSettings) {
			if !slices.Contains(s.Labels, "Label_1") {
				s.Labels = append(slices.Clone(s.Labels), "Label_1")
			}
		})
		return "another label"
	case n == 12:
		x.restart()
		return "restart"
	}
	return "nothing"
}

func (x *machine) step(k work.Kind) string {
	x.depth++
	defer func() { x.depth-- }()
	more, err := x.steps[k](x.t.Context(), string(me))
	if err != nil && !errors.Is(err, errCrash) && !fault.Passing(err) && !fault.Is(err, fault.Reconnect) && !fault.Is(err, fault.Gone) && !fault.Is(err, fault.Invalid) {
		x.t.Fatalf("%s: %v\n%v", k, err, x.trail)
	}
	return strconv.FormatBool(more)
}

// call is what may happen at each call to Google: it fails, or another worker
// or the mailbox's owner is quicker.
func (x *machine) call(name, _ string) error {
	if name != "list" {
		x.meanwhile(name)
	}
	if x.r.Float64() >= x.faults {
		return nil
	}
	f := []error{
		fault.New(fault.Unavailable, "500"), fault.New(fault.Throttled, "429"), errCrash, fault.New(fault.Internal, "unreadable"),
		fault.New(fault.Gone, "404"), fault.New(fault.Reconnect, "401"),
	}[x.r.IntN(6)]
	if name != "get" && (fault.Is(f, fault.Gone) || fault.Is(f, fault.Internal)) {
		f = fault.New(fault.Unavailable, "503")
	}
	if fault.Is(f, fault.Gone) && !x.lies {
		return nil
	}
	x.trail = append(x.trail, "  "+name+" fails: "+f.Error())
	return f
}

// meanwhile lets others have a turn: another worker, or the mailbox's owner.
func (x *machine) meanwhile(string) {
	if x.depth < 2 && x.r.IntN(8) == 0 {
		x.depth++
		x.trail = append(x.trail, "  meanwhile "+x.act())
		x.depth--
	}
}

func (x *machine) write(string) error {
	if x.r.Float64() < x.deaths {
		return errCrash
	}
	return nil
}

// quiet stops the trouble, lets the work end and compares.
func (x *machine) quiet() {
	x.g.fail, x.m.crash, x.m.before, x.g.forgets = nil, nil, nil, nil
	x.must(KindHistory, KindBackfill, KindHistory)
	for range 10 {
		x.clock = x.clock.Add(48 * time.Hour)
		x.must(KindRetry)
	}
	for _, f := range x.m.ledger {
		f.Parked, f.NextTryAt = false, x.clock
	}
	x.must(KindRetry, KindHistory)
	if !x.lies {
		x.equal() // also without the check's help
	}
	x.must(KindVerify, KindHistory)
	x.equal()
	c, chosen := x.m.complete, x.chosen()
	if !x.lies {
		require.Zero(x.t, c.Missing+c.Extra+c.Relabelled, "%v", x.trail)
	}
	require.EqualValues(x.t, len(chosen), c.GoogleCount, "%v", x.trail)
	require.EqualValues(x.t, len(chosen), c.RapportCount)
	require.Zero(x.t, c.Unexplained)
	for _, r := range x.m.runs {
		require.NotNil(x.t, r.FinishedAt, "a run of %s never ended\n%v", r.Stream, x.trail)
	}
}

// about is the trail with Gmail's and our own state of a message.
func (x *machine) about(id string) string {
	out := strings.Join(x.trail, "\n") + "\n"
	for _, r := range x.g.history {
		if r.Ref.ID == id {
			out += fmt.Sprintf("history %+v\n", r)
		}
	}
	return out + fmt.Sprintf("row %+v\ncheckpoints %+v", x.m.rows[id], x.m.points)
}

// equal compares what is stored with the mailbox.
func (x *machine) equal() {
	require.Empty(x.t, x.m.ledger, "%v", x.trail)
	stored := map[string]bool{}
	for id, row := range x.m.rows {
		if row.DeletedAt != nil {
			continue
		}
		stored[id] = true
		at := x.g.messages[id]
		require.NotNil(x.t, at, "%s is gone at Gmail\n%v", id, x.about(id))
		require.Equal(x.t, slices.Sorted(slices.Values(at.Labels)), slices.Sorted(slices.Values(row.Labels)), "labels of %s\n%v", id, x.about(id))
	}
	for _, id := range x.chosen() {
		require.True(x.t, stored[id], "%s is missing\n%v", id, x.about(id))
	}
}

func TestMachine(t *testing.T) {
	for seed := range uint64(180) {
		x := &machine{house: newHouse(t, func(s *crm.ConnectionSettings) { s.Limit = 0 }), r: rand.New(rand.NewPCG(seed, 7))}
		x.faults, x.deaths = float64(seed%4)/40, float64(seed%3)/40
		x.lies = seed%4 == 1
		x.kinds = []work.Kind{KindHistory, KindBackfill, KindRetry}
		if x.lies || seed%4 == 2 { // else nothing may need the check's help
			x.kinds = append(x.kinds, KindVerify)
		}
		x.g.perPage = 1 + int(seed%9)
		for range seed % 50 {
			x.g.deliver("", x.labels()...)
		}
		x.Service.Budget = time.Duration(seed%2) * time.Hour
		for range 1 + int(seed)%4 {
			x.g.fail, x.m.crash, x.m.before = x.call, x.write, x.meanwhile
			x.g.forgets = func() bool { return x.r.IntN(20) == 0 }
			x.trail = append(x.trail[:0], "seed "+strconv.FormatUint(seed, 10))
			for range 150 {
				x.trail = append(x.trail, x.act())
			}
			x.quiet()
		}
	}
}
