package google

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"rapport/internal/fault"
	"rapport/internal/mail"
)

func quotaOf(perUser int64) Quota {
	q, _ := Quotas("2026")
	q.PerUser = perUser
	return q
}

func TestTheTwoGenerationsOfQuota(t *testing.T) {
	now, _ := Quotas("2026")
	old, _ := Quotas("legacy")
	require.Equal(t, []int64{6000, 20, 40, 5, 2, 1, 100}, []int64{now.PerUser, now.cost("messages.get"), now.cost("threads.get"),
		now.cost("messages.list"), now.cost("history.list"), now.cost("getProfile"), now.cost("messages.send")})
	require.Equal(t, []int64{15000, 5, 10, 5, 2, 1, 100}, []int64{old.PerUser, old.cost("messages.get"), old.cost("threads.get"),
		old.cost("messages.list"), old.cost("history.list"), old.cost("getProfile"), old.cost("messages.send")})
	now.Costs["messages.get"] = 1
	again, _ := Quotas("2026")
	require.Equal(t, int64(20), again.cost("messages.get"), "a table of one's own")
	_, ok := Quotas("1999")
	require.False(t, ok)
}

// Whatever is asked for, in whatever order and priority, with callers that give
// up: in no span of time is more spent than a bucket of a minute plus what it
// gained meanwhile, everybody who stays is served, and hardly later than the
// quota forces.
func TestTheLimiterNeverOverspends(t *testing.T) {
	type ask struct {
		after    time.Duration
		units    int64
		times    int
		prio     mail.Priority
		patience time.Duration // 0: endless
	}
	one := rapid.Custom(func(t *rapid.T) ask {
		return ask{
			after: time.Duration(rapid.IntRange(0, 30).Draw(t, "after")) * 500 * time.Millisecond,
			units: int64(rapid.SampledFrom([]int{1, 2, 5, 20, 40, 100}).Draw(t, "units")),
			times: rapid.IntRange(1, 20).Draw(t, "times"),
			prio:  mail.Priority(rapid.IntRange(0, 2).Draw(t, "prio")),
			// whole seconds: they end in the very moment units come in
			patience: time.Duration(rapid.IntRange(0, 4).Draw(t, "patience")) * time.Second,
		}
	})
	rapid.Check(t, func(rt *rapid.T) {
		asks := rapid.SliceOfN(one, 1, 30).Draw(rt, "asks")
		var failed string
		synctest.Test(t, func(t *testing.T) {
			const perMinute = 600
			a := NewLimiter(quotaOf(perMinute), LimiterOptions{}).account("p", "u")
			type spent struct {
				at    time.Time
				units int64
			}
			var mu sync.Mutex
			var log []spent
			var all sync.WaitGroup
			var total int64
			began := time.Now()
			for _, x := range asks {
				time.Sleep(x.after)
				for range x.times {
					all.Go(func() {
						ctx, cancel := context.Background(), func() {}
						if x.patience > 0 {
							ctx, cancel = context.WithTimeout(ctx, x.patience)
						}
						defer cancel()
						err := a.take(ctx, x.units, x.prio)
						mu.Lock()
						defer mu.Unlock()
						if err != nil && x.patience == 0 {
							failed = err.Error()
						}
						if err == nil {
							log = append(log, spent{time.Now(), x.units})
							total += x.units
						}
					})
				}
			}
			last := time.Since(began)
			all.Wait()
			for i := range log {
				var sum int64
				for j := i; j < len(log); j++ {
					sum += log[j].units
					span := log[j].at.Sub(log[i].at)
					if float64(sum) > perMinute*(1-margin)+perMinute/60*span.Seconds()+0.001 {
						failed = fmt.Sprintf("%d units within %v", sum, span)
						return
					}
				}
			}
			worst := last + time.Duration(float64(total)/(perMinute/60)*float64(time.Second)) + 20*time.Second
			if took := time.Since(began); took > worst {
				failed = fmt.Sprintf("took %v, %v would do", took, worst)
			}
		})
		if failed != "" {
			rt.Fatal(failed)
		}
	})
}

func TestNinetySevenPercentOfTheBucketAreUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := NewLimiter(quotaOf(6000), LimiterOptions{}).account("p", "u")
		began := time.Now()
		for range 5820 / 20 {
			require.NoError(t, a.take(t.Context(), 20, mail.Background))
		}
		require.Zero(t, time.Since(began))
		require.NoError(t, a.take(t.Context(), 100, mail.Interactive), "the rest is kept for people who wait")
		require.Zero(t, time.Since(began))
		require.NoError(t, a.take(t.Context(), 20, mail.Background))
		require.Positive(t, time.Since(began))
	})
}

func TestALimitByTheSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, _ := Quotas("legacy")
		q.PerSecond = 250
		a := NewLimiter(q, LimiterOptions{}).account("p", "u")
		began := time.Now()
		for range 5000 / 5 {
			require.NoError(t, a.take(t.Context(), 5, mail.Background))
		}
		require.InDelta(t, 19, time.Since(began).Seconds(), 0.5, "5,000 units at 250 a second after the first 250")
		require.Zero(t, a.spare(mail.Background))
		require.NoError(t, a.take(t.Context(), 500, mail.Background), "a batch dearer than a second goes when the bucket is full")
	})
}

func TestPriorityThenOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := NewLimiter(quotaOf(600), LimiterOptions{}).account("p", "u")
		require.NoError(t, a.take(t.Context(), 594, mail.Interactive))
		var mu sync.Mutex
		var order []string
		var all sync.WaitGroup
		ask := func(name string, p mail.Priority) {
			all.Go(func() {
				require.NoError(t, a.take(t.Context(), 20, p))
				mu.Lock()
				defer mu.Unlock()
				order = append(order, name)
			})
			synctest.Wait()
		}
		ask("back 1", mail.Background)
		ask("back 2", mail.Background)
		ask("normal 1", mail.Normal)
		ask("now 1", mail.Interactive)
		ask("normal 2", mail.Normal)
		ask("now 2", mail.Interactive)
		all.Wait()
		require.Equal(t, []string{"now 1", "now 2", "normal 1", "normal 2", "back 1", "back 2"}, order)
	})
}

func TestACallerWhoLeavesTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := NewLimiter(quotaOf(600), LimiterOptions{}).account("p", "u")
		require.NoError(t, a.take(t.Context(), 594, mail.Interactive))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		require.ErrorIs(t, a.take(ctx, 100, mail.Interactive), context.DeadlineExceeded)
		require.NoError(t, a.take(t.Context(), 20, mail.Interactive))
		require.InDelta(t, 2, time.Since(began).Seconds(), 0.01, "20 units at 10 a second, from when the bucket ran out")
	})
}

func TestARefusalCoolsTheMailboxDownForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(quotaOf(6000), LimiterOptions{})
		a, same, other := l.account("p", "u"), l.account("p", "u"), l.account("p", "v")
		began := time.Now()
		a.units.refused(12 * time.Second)
		require.NoError(t, other.take(t.Context(), 20, mail.Background))
		require.Zero(t, time.Since(began), "another mailbox goes on")
		require.Equal(t, fault.Throttled, fault.Of(same.take(t.Context(), 1, mail.Interactive)), "a person is told at once")
		require.NoError(t, same.take(t.Context(), 20, mail.Background))
		require.GreaterOrEqual(t, time.Since(began), 12*time.Second)
		a.units.refused(5 * time.Minute)
		err := same.take(t.Context(), 20, mail.Background)
		require.Equal(t, fault.Throttled, fault.Of(err))
		require.Equal(t, 5*time.Minute, fault.After(err))
	})
}

func TestTheRateIsLearnedAndRecoversSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := NewLimiter(quotaOf(6000), LimiterOptions{}).account("p", "u")
		rate := func() float64 { // units in a minute when as many as possible are taken
			began, n := time.Now(), 0
			for time.Since(began) < time.Minute {
				require.NoError(t, a.take(t.Context(), 20, mail.Normal))
				n += 20
			}
			return float64(n)
		}
		require.InDelta(t, 5820+6000, rate(), 200)
		require.InDelta(t, 6000, rate(), 100)
		for range 3 {
			a.units.refused(time.Second)
			a.units.refused(time.Second) // of the same wave
			time.Sleep(1100 * time.Millisecond)
		}
		slow := rate()
		require.Less(t, slow, 4800.0)
		require.Greater(t, slow, 4000.0)
		time.Sleep(5 * time.Minute)
		rate()
		require.InDelta(t, 6000, rate(), 100)
		for range 100 {
			a.units.refused(time.Second)
			time.Sleep(1100 * time.Millisecond)
		}
		require.InDelta(t, slowest, a.units.share, 0.06)
	})
}

// Google's refusals by a quota we do not know (another program draws on it, or
// the table is wrong): we end up near the true rate without being refused much.
func TestItSettlesBelowALimitItWasNotTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := open(t, options{messages: 400, quota: "2026"})
		half := 3000
		require.NoError(t, p.sim.Front.Quota.Set("", &half, nil, nil, nil))
		m := p.mailbox(mail.Background)
		refs := p.refs(m, 400)
		began := time.Now()
		for range 4 {
			p.fetchAll(m, refs)
		}
		took := time.Since(began)
		ideal := time.Duration(float64(m.Spent()-3000) / 50 * float64(time.Second))
		t.Logf("%d units in %v (ideal %v), refused %d times", m.Spent(), took, ideal, p.refusals())
		require.Less(t, p.refusals(), 150)
		require.Less(t, took, 2*ideal)
	})
}

func TestProjectsQuotaIsSharedByMailboxes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := quotaOf(6000)
		q.PerProject = 12000
		l := NewLimiter(q, LimiterOptions{})
		var all sync.WaitGroup
		began := time.Now()
		for _, user := range []string{"a", "b", "c", "d"} {
			for range 6000 / 40 {
				all.Go(func() { require.NoError(t, l.account("p", user).take(t.Context(), 40, mail.Background)) })
			}
		}
		all.Wait()
		require.InDelta(t, 62, time.Since(began).Seconds(), 2, "24,000 units: a bucket of 12,000 and a minute's refill")
	})
}

func TestAClockThatIsSetBackStopsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		back := time.Duration(0)
		a := NewLimiter(quotaOf(6000), LimiterOptions{Now: func() time.Time { return time.Now().Add(-back) }}).account("p", "u")
		require.NoError(t, a.take(t.Context(), 5820, mail.Background))
		a.units.refused(2 * time.Second)
		back = 3 * time.Hour
		began := time.Now()
		for range 10 {
			require.NoError(t, a.take(t.Context(), 100, mail.Background))
		}
		require.Less(t, time.Since(began), 15*time.Second)
		require.Greater(t, time.Since(began), 9*time.Second)
	})
}

func TestMailboxesNobodyUsesAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(quotaOf(6000), LimiterOptions{})
		for i := range 1000 {
			require.NoError(t, l.account("p", string(rune(i))).take(t.Context(), 5, mail.Normal))
		}
		time.Sleep(2 * time.Hour)
		l.account("p", "one")
		require.Len(t, l.users, 1)
	})
}

// common is a bucket in one place, as the store keeps it.
type common struct {
	mu    sync.Mutex
	level map[string]float64
	at    map[string]time.Time
	calls int
	fails bool
}

func newCommon() *common {
	return &common{level: map[string]float64{}, at: map[string]time.Time{}}
}

func (c *common) Take(_ context.Context, key string, want, keep, capacity, perSecond float64, now time.Time) (float64, time.Duration, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	if c.fails {
		return 0, 0, errors.New("database is away")
	}
	if _, ok := c.at[key]; !ok {
		c.level[key], c.at[key] = capacity, now
	}
	c.level[key] = min(capacity, c.level[key]+perSecond*now.Sub(c.at[key]).Seconds())
	c.at[key] = now
	free := c.level[key] - keep
	if free < 1 {
		return 0, time.Duration((1-free)/perSecond*float64(time.Second)) + time.Microsecond, nil
	}
	got := min(want, free)
	c.level[key] -= got
	return got, 0, nil
}

func TestProcessesShareABucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newCommon()
		var all sync.WaitGroup
		began := time.Now()
		for range 3 { // processes
			l := NewLimiter(quotaOf(6000), LimiterOptions{Shared: store})
			for range 200 {
				all.Go(func() { require.NoError(t, l.account("p", "u").take(t.Context(), 20, mail.Background)) })
			}
		}
		all.Wait()
		require.InDelta(t, 62, time.Since(began).Seconds(), 2, "12,000 units by three processes: a bucket and a minute's refill")
		t.Logf("%d leases for 600 calls", store.calls)
		require.Less(t, store.calls, 1800)
	})
}

func TestALimiterGoesOnAloneWhenTheStoreIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newCommon()
		store.fails = true
		var told int
		l := NewLimiter(quotaOf(6000), LimiterOptions{Shared: store, Failed: func(string, error) { told++ }})
		for range 10 {
			require.NoError(t, l.account("p", "u").take(t.Context(), 20, mail.Normal))
		}
		require.Positive(t, told)
		store.fails = false
		time.Sleep(time.Minute)
		require.NoError(t, l.account("p", "u").take(t.Context(), 20, mail.Normal))
		require.Less(t, store.level["user:p/u"], 6000.0)
	})
}

func TestTheGateKeepsItsWidth(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		g := newGate()
		inside := 0
		type in struct{ places, epoch int }
		var open []in
		rt.Repeat(map[string]func(*rapid.T){
			"enter": func(rt *rapid.T) {
				n := rapid.IntRange(1, 12).Draw(rt, "places")
				if inside > 0 && inside+n > g.widthNow() {
					return // it would wait
				}
				epoch, err := g.enter(context.Background(), n, mail.Priority(rapid.IntRange(0, 2).Draw(rt, "p")))
				require.NoError(rt, err)
				inside += n
				open = append(open, in{n, epoch})
			},
			"leave": func(rt *rapid.T) {
				if len(open) == 0 {
					return
				}
				x := open[0]
				open = open[1:]
				before := g.widthNow()
				bad := rapid.Bool().Draw(rt, "refused")
				g.leave(x.places, x.places, x.epoch, bad)
				inside -= x.places
				if bad {
					require.LessOrEqual(rt, g.widthNow(), before)
				} else {
					require.GreaterOrEqual(rt, g.widthNow(), before)
				}
			},
			"": func(rt *rapid.T) {
				require.Equal(rt, inside, g.inside)
				require.GreaterOrEqual(rt, g.width, float64(gateLeast))
				require.LessOrEqual(rt, g.width, float64(gateWidest))
			},
		})
	})
}

func TestTheGateLetsInByPriority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		_, err := g.enter(t.Context(), gateStart, mail.Background)
		require.NoError(t, err)
		var mu sync.Mutex
		var order []mail.Priority
		var all sync.WaitGroup
		for _, p := range []mail.Priority{mail.Background, mail.Normal, mail.Interactive} {
			all.Go(func() {
				epoch, err := g.enter(t.Context(), gateStart, p)
				require.NoError(t, err)
				mu.Lock()
				order = append(order, p)
				mu.Unlock()
				g.leave(gateStart, 0, epoch, false)
			})
			synctest.Wait()
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = g.enter(ctx, 1, mail.Interactive)
		require.ErrorIs(t, err, context.Canceled)
		g.leave(gateStart, 0, 0, false)
		all.Wait()
		require.Equal(t, []mail.Priority{mail.Interactive, mail.Normal, mail.Background}, order)
		require.True(t, g.idle())
	})
}

func TestOneWaveOfRefusalsHalvesOnce(t *testing.T) {
	g := newGate()
	var epochs []int
	for range gateStart {
		e, err := g.enter(context.Background(), 1, mail.Normal)
		require.NoError(t, err)
		epochs = append(epochs, e)
	}
	for _, e := range epochs {
		g.leave(1, 0, e, true)
	}
	require.Equal(t, gateStart/2, g.widthNow())
}
