package front

import (
	"fmt"
	"math"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Limits are the quota rules of one API.
type Limits struct {
	Preset           string         `json:"preset"`
	PerUserMinute    int            `json:"per_user_minute"`    // 0: no limit
	PerProjectMinute int            `json:"per_project_minute"` // 0: no limit
	Costs            map[string]int `json:"costs"`              // by Method id without "gmail.users."
	Concurrency      int            `json:"concurrency"`        // requests of one user at a time; 0: no limit
}

// Presets are the two generations of Gmail's quota and none at all. The model
// "2026" holds for projects made since 2026-05-01, "legacy" for older ones.
var presets = map[string]Limits{
	"2026":   {Preset: "2026", PerUserMinute: 6000, PerProjectMinute: 1200000, Costs: costs2026},
	"legacy": {Preset: "legacy", PerUserMinute: 15000, PerProjectMinute: 1200000, Costs: costsLegacy},
	"none":   {Preset: "none", Costs: costs2026},
}

// DefaultCost is what a method costs that the table does not name.
const DefaultCost = 5

var costs2026 = map[string]int{
	"messages.send": 100, "drafts.send": 100, "watch": 100,
	"settings.sendAs.create": 100, "settings.sendAs.update": 100, "settings.sendAs.patch": 100, "settings.sendAs.verify": 100,
	"settings.forwardingAddresses.create": 100, "settings.delegates.create": 100, "settings.updatePop": 100,
	"messages.batchModify": 50, "messages.batchDelete": 50, "stop": 50,
	"threads.get":     40,
	"messages.insert": 25, "messages.import": 25,
	"messages.get": 20, "drafts.get": 20, "messages.attachments.get": 20, "messages.trash": 20, "threads.trash": 20, "threads.delete": 20,
	"drafts.update":   15,
	"messages.delete": 10, "drafts.create": 10, "drafts.delete": 10, "threads.list": 10, "threads.modify": 10, "threads.untrash": 10,
	"messages.list": 5, "drafts.list": 5, "messages.modify": 5, "messages.untrash": 5,
	"labels.create": 5, "labels.delete": 5, "labels.update": 5, "labels.patch": 5,
	"settings.filters.create": 5, "settings.filters.delete": 5, "settings.updateVacation": 5,
	"history.list": 2,
	"getProfile":   1, "labels.get": 1, "labels.list": 1,
	"settings.getAutoForwarding": 1, "settings.getImap": 1, "settings.getLanguage": 1, "settings.getPop": 1, "settings.getVacation": 1,
	"settings.sendAs.get": 1, "settings.sendAs.list": 1, "settings.filters.get": 1, "settings.filters.list": 1,
	"settings.forwardingAddresses.get": 1, "settings.forwardingAddresses.list": 1, "settings.delegates.get": 1, "settings.delegates.list": 1,
}

var costsLegacy = with(costs2026, map[string]int{
	"messages.get": 5, "threads.get": 10, "drafts.get": 5, "messages.attachments.get": 5, "messages.trash": 5, "threads.trash": 10,
})

func with(base, change map[string]int) map[string]int {
	out := make(map[string]int, len(base))
	for k, v := range base {
		out[k] = v
	}
	for k, v := range change {
		out[k] = v
	}
	return out
}

// Quota charges calls of the Gmail API against a bucket for each user of a
// project and one for the project. A bucket holds a minute's worth and is
// refilled all the time.
type Quota struct {
	rules atomic.Pointer[rules]
}

// rules are limits with the buckets filled under them: new limits, new buckets.
type rules struct {
	Limits
	users    sync.Map // userKey -> *bucket
	projects sync.Map // project -> *bucket
	inside   sync.Map // userKey -> *atomic.Int64
}

type userKey struct{ project, account string }

// NewQuota starts with the model of new projects.
func NewQuota() *Quota {
	q := &Quota{}
	q.Reset()
	return q
}

// Reset goes back to the model of new projects, buckets full.
func (q *Quota) Reset() { q.rules.Store(&rules{Limits: presets["2026"]}) }

// Set changes the rules: the preset first ("" keeps what is in force), then
// every other value that is not nil. All buckets are full afterwards.
func (q *Quota) Set(preset string, perUser, perProject *int, costs map[string]int, concurrency *int) error {
	next := q.rules.Load().Limits
	if preset != "" {
		p, ok := presets[preset]
		if !ok {
			return fmt.Errorf("preset %q: use 2026, legacy or none", preset)
		}
		p.Concurrency = 0
		next = p
	}
	for _, set := range []struct {
		to   *int
		from *int
	}{{&next.PerUserMinute, perUser}, {&next.PerProjectMinute, perProject}, {&next.Concurrency, concurrency}} {
		if set.from == nil {
			continue
		}
		if *set.from < 0 {
			return fmt.Errorf("%d: limits are not negative", *set.from)
		}
		*set.to = *set.from
	}
	if len(costs) > 0 {
		next.Costs = with(next.Costs, costs)
	}
	q.rules.Store(&rules{Limits: next})
	return nil
}

// Limits returns the rules in force.
func (q *Quota) Limits() Limits { return q.rules.Load().Limits }

// Charge takes what a call costs, or refuses it as Google does.
func (q *Quota) Charge(api, method string, g *Grant, now time.Time) (int, *Error) {
	if api != "gmail" {
		return 0, nil
	}
	r := q.rules.Load()
	cost, ok := r.Costs[method[len("gmail.users."):]]
	if !ok {
		cost = DefaultCost
	}
	if r.PerUserMinute > 0 {
		if wait, ok := load(&r.users, userKey{g.Project, g.Account}, r.PerUserMinute, now).take(cost, now); !ok {
			return 0, userRefusal(now, wait)
		}
	}
	if r.PerProjectMinute > 0 {
		if _, ok := load(&r.projects, g.Project, r.PerProjectMinute, now).take(cost, now); !ok {
			if r.PerUserMinute > 0 {
				load(&r.users, userKey{g.Project, g.Account}, r.PerUserMinute, now).give(cost)
			}
			return 0, projectRefusal(g.Project)
		}
	}
	return cost, nil
}

func load(m *sync.Map, key any, perMinute int, now time.Time) *bucket {
	if b, ok := m.Load(key); ok {
		return b.(*bucket)
	}
	b, _ := m.LoadOrStore(key, &bucket{capacity: float64(perMinute), units: float64(perMinute), at: now})
	return b.(*bucket)
}

// bucket holds up to a minute's units and gains capacity/60 each second.
type bucket struct {
	mu       sync.Mutex
	capacity float64
	units    float64
	at       time.Time
	refusals int
}

// take removes cost units, or says how long to wait until they are there.
func (b *bucket) take(cost int, now time.Time) (wait time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := now.Sub(b.at)
	if d > 0 {
		b.units = math.Min(b.capacity, b.units+b.capacity*d.Minutes())
	}
	if d > 0 || d < -time.Minute { // requests overtake each other; a clock may be turned back
		b.at = now
	}
	if b.units >= float64(cost) {
		b.units -= float64(cost)
		return 0, true
	}
	b.refusals++
	missing := float64(cost) - b.units
	return time.Duration(missing / b.capacity * float64(time.Minute)), false
}

func (b *bucket) give(cost int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.units = math.Min(b.capacity, b.units+float64(cost))
}

// userRefusal is what Gmail answers above the limit of a user: the moment to
// come back is in the text, there is no Retry-After header. Real answers come
// as 403 and as 429; which one here depends on the millisecond, so that a
// client meets both.
func userRefusal(now time.Time, wait time.Duration) *Error {
	at := now.Add(wait).Truncate(time.Millisecond).Add(time.Millisecond)
	e := &Error{
		Code: http.StatusForbidden, Status: "PERMISSION_DENIED", Reason: "userRateLimitExceeded", Domain: "usageLimits",
		Message: "User-rate limit exceeded.  Retry after " + at.Format("2006-01-02T15:04:05.000Z"),
	}
	if at.UnixMilli()%4 == 3 {
		e.Code, e.Status, e.Reason = http.StatusTooManyRequests, "RESOURCE_EXHAUSTED", "rateLimitExceeded"
	}
	return e
}

func projectRefusal(project string) *Error {
	return &Error{
		Code: http.StatusForbidden, Status: "PERMISSION_DENIED", Reason: "rateLimitExceeded", Domain: "usageLimits",
		Message: "Quota exceeded for quota metric 'Queries' and limit 'Units per minute' of service 'gmail.googleapis.com' for consumer 'project_number:" + project + "'.",
	}
}

// Enter takes a place among the requests of a user that run at the same time.
func (q *Quota) Enter(g *Grant) (release func(), ok bool) {
	r := q.rules.Load()
	if r.Concurrency == 0 {
		return func() {}, true
	}
	v, _ := r.inside.LoadOrStore(userKey{g.Project, g.Account}, new(atomic.Int64))
	n := v.(*atomic.Int64)
	if n.Add(1) > int64(r.Concurrency) {
		n.Add(-1)
		return nil, false
	}
	return func() { n.Add(-1) }, true
}
