package scenario

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/fact"
	"rapport/internal/fault"
	"rapport/internal/google"
	"rapport/internal/mail"
	"rapport/internal/mail/push"
	"rapport/internal/runner/local"
	"rapport/internal/store"
	"rapport/internal/vault"
	"rapport/internal/work"
)

// kinds of the steps of a connection.
var kinds = []work.Kind{mail.KindHistory, mail.KindBackfill, mail.KindVerify, mail.KindRetry, mail.KindChange, mail.KindLabels}

// errKilled is all that a process gets once it is dead: nothing leaves it any
// more, and nothing is written.
var errKilled = errors.New("the process has been killed")

// process is everything of the product that lives in memory.
type process struct {
	*house
	t      testing.TB
	store  *store.Store
	vault  *vault.Service
	mail   *mail.Service
	door   *google.Gmail
	push   *push.Service // nil: mailboxes are not watched
	steps  map[work.Kind]work.Step
	holder string
	client *http.Client
	ctx    context.Context
	cancel context.CancelFunc

	dead   atomic.Bool
	calls  atomic.Int64
	writes atomic.Int64
	trail  trail
	name   string
	shared *trail // of a scenario with several processes

	unchecked bool // leaves the completeness check alone, which heals what it finds

	// before is asked before the n-th call to Google leaves, wrote at the n-th
	// write (see store.Options.Hook). An error of theirs is what the call or the
	// write comes to.
	before hook[*http.Request]
	wrote  hook[string]
	after  hook[*http.Request] // as before, when Google has done its part
	// spoken is asked before something is sent to an IMAP server ("write") and before
	// its answer is taken ("read").
	spoken hook[string]
	words  atomic.Int64
}

// hook is a disturbance that may be put in place and taken away while others are
// at work. One of several calls at the same time is disturbed at a time, unless
// the hook lets others work meanwhile (see open).
type hook[T any] struct {
	at atomic.Pointer[func(n int64, about T) error]
}

// set puts a disturbance in place.
func (h *hook[T]) set(do func(n int64, about T) error) {
	var turn sync.Mutex
	h.open(func(n int64, about T) error {
		turn.Lock()
		defer turn.Unlock()
		return do(n, about)
	})
}

// open is set for a disturbance that looks after itself.
func (h *hook[T]) open(do func(n int64, about T) error) { h.at.Store(&do) }

func (h *hook[T]) clear() { h.at.Store(nil) }

func (h *hook[T]) ask(n int64, about T) error {
	do := h.at.Load()
	if do == nil {
		return nil
	}
	return (*do)(n, about)
}

// trail is what a process did, for failures to tell.
type trail struct {
	mu   sync.Mutex
	list []string
}

func (l *trail) add(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, fmt.Sprintf(format, args...))
}

func (l *trail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.list, "\n")
}

// note writes down what the process does.
func (p *process) note(format string, args ...any) {
	p.trail.add(format, args...)
	if p.shared != nil {
		p.shared.add("    %s: "+format, append([]any{p.name}, args...)...)
	}
}

// boot builds the product anew over the database.
func (h *house) boot() *process {
	h.t.Helper()
	p := &process{house: h, t: h.t, holder: rand.Text()}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	at := h.at
	at.Hook = p.write
	var err error
	p.store, err = store.Open(context.Background(), at)
	require.NoError(h.t, err)
	p.client = google.NewHTTPClient(func(next http.RoundTripper) http.RoundTripper { return wire{p, next} })
	endpoints := google.At(h.sim.URL())
	p.vault = &vault.Service{
		Provider: google.NewOAuth(endpoints, p.client, h.clock.Now), Clients: demoClient{}, Consents: p.store, Grants: p.store,
		Connections: p.store, Approvals: approved{}, Trail: p.store, Sealer: h.sealer, Now: h.clock.Now, After: h.clock.After, Random: rand.Reader,
	}
	quota, _ := google.Quotas(cmp.Or(h.quota, "2026"))
	if h.quota == "" {
		quota.PerUser, quota.PerProject = 1<<40, 1<<40
	}
	limits := google.LimiterOptions{Now: h.clock.Now, After: h.clock.After}
	if h.common {
		limits.Shared = p.store
	}
	door, err := google.NewGmail(google.GmailOptions{
		Endpoints: endpoints, Client: p.client, Tokens: p.vault, Now: h.clock.Now, After: h.clock.After,
		Limiter: google.NewLimiter(quota, limits),
	})
	require.NoError(h.t, err)
	p.door = door
	p.mail = &mail.Service{
		Mailboxes: door, Streams: p.store, Runs: p.store, Ledger: p.store, Emails: p.store, Connections: p.store, Queue: p.store, Changes: p.store, Privacy: p.store,
		Now: h.clock.Now, Random: rand.Reader, Budget: 2 * time.Second,
	}
	if h.lane {
		p.mail.Lanes, p.mail.LaneFrom = h.servers(p), 1
	}
	p.steps = map[work.Kind]work.Step{}
	for _, d := range p.mail.Definitions() {
		p.steps[d.Kind] = d.Step
	}
	h.processes = append(h.processes, p)
	return p
}

// calm takes away every disturbance.
func (p *process) calm() {
	p.before.clear()
	p.after.clear()
	p.wrote.clear()
	p.spoken.clear()
}

// stop ends the process: from now on nothing leaves it. What it holds is given
// back when the house is left, since a refresh of a token may still be running.
func (p *process) stop() {
	p.dead.Store(true)
	p.cancel()
}

// kill ends the process in mid-air.
func (p *process) kill() error {
	p.dead.Store(true)
	p.cancel()
	return errKilled
}

// write is the store's hook.
func (p *process) write(_ context.Context, operation string) error {
	if p.dead.Load() {
		return errKilled
	}
	if strings.HasPrefix(operation, "Take/") {
		return nil // the shared quota keeps its own books
	}
	n := p.writes.Add(1)
	if name, ok := strings.CutSuffix(operation, "/committed"); ok {
		p.note("write %d %s", n, name)
	}
	if err := p.wrote.ask(n, operation); err != nil {
		p.note("write %d %s fails: %v", n, operation, err)
		return err
	}
	return nil
}

// wire is the network between the process and Google.
type wire struct {
	p    *process
	next http.RoundTripper
}

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if w.p.dead.Load() {
		return nil, errKilled
	}
	n := w.p.calls.Add(1)
	w.p.note("call %d %s %s?%s", n, r.Method, r.URL.Path, r.URL.RawQuery)
	if err := w.p.before.ask(n, r); err != nil {
		w.p.note("call %d fails: %v", n, err)
		return nil, err
	}
	if w.p.page > 0 && r.URL.Query().Get("maxResults") != "" {
		r = r.Clone(r.Context())
		q := r.URL.Query()
		q.Set("maxResults", strconv.Itoa(w.p.page))
		r.URL.RawQuery = q.Encode()
	}
	res, err := w.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if failed := w.p.after.ask(n, r); failed != nil {
		_ = res.Body.Close() // the answer is lost
		return nil, failed
	}
	return res, nil
}

// begin does what the program does when it starts: the schedule, and, until it
// has worked once, what follows from the connection's being granted.
func (p *process) begin() error {
	if err := p.store.Enqueue(p.ctx, p.mail.Schedule()...); err != nil {
		return err
	}
	if p.started {
		return nil
	}
	if err := p.mail.Start(p.ctx, p.conn); err != nil {
		return err
	}
	p.started = true
	return nil
}

// follow lets facts have their consequences, as internal/app does.
func (h *house) follow(p *process) error {
	now := h.clock.Now()
	list, err := p.store.ClaimFacts(p.ctx, "corridors", p.holder, now, now.Add(15*time.Second), 100)
	if err != nil || len(list) == 0 {
		return err
	}
	for _, f := range list {
		if f.ConnectionID != h.conn {
			continue
		}
		c := h.connection()
		on := c.Status.Syncs() && c.GmailSync
		switch {
		case f.Kind == fact.ConnectionGranted && on:
			err = p.mail.Start(p.ctx, c.ID)
		case f.Kind == fact.ConnectionChanged && on:
			if err = p.mail.Start(p.ctx, c.ID); err == nil {
				err = p.mail.SettingsChanged(p.ctx, c.ID)
			}
		case (f.Kind == fact.ConnectionChanged || f.Kind == fact.ConnectionLost) && !on:
			err = p.mail.Stop(p.ctx, c.ID)
		}
		if err != nil {
			return err
		}
	}
	return p.store.FinishFacts(p.ctx, "corridors", p.holder, list[len(list)-1].Seq)
}

// corridors follows facts until there are none.
func (h *house) corridors(p *process) {
	h.t.Helper()
	for range 20 {
		require.NoError(h.t, h.follow(p))
	}
}

// work runs everything that is due, one job after the other, as the runner
// would. It ends when nothing is due, or with errKilled.
func (p *process) work() error {
	for range 200 {
		worked, err := p.one()
		if p.dead.Load() {
			return errKilled
		}
		require.NoError(p.t, err)
		if !worked {
			return nil
		}
	}
	p.t.Fatalf("the work never ends\n%s", &p.trail)
	return nil
}

// one runs the first job that is due.
func (p *process) one() (worked bool, err error) {
	now := p.clock.Now()
	claimed, err := p.store.Claim(p.ctx, p.holder, p.kinds(), now, now.Add(time.Minute), 1)
	if err != nil || len(claimed) == 0 {
		return false, err
	}
	job := claimed[0]
	more := true
	for slice := 0; slice < 50 && more && err == nil && !p.dead.Load(); slice++ {
		more, err = p.step(job.Kind)
	}
	if p.dead.Load() {
		return false, errKilled
	}
	return true, p.store.Finish(p.ctx, p.holder, p.outcome(job, more, err))
}

// kinds are those a process claims.
func (p *process) kinds() []work.Kind {
	all := append([]work.Kind{mail.KindPoll}, kinds...)
	if p.push != nil {
		all = append(all, push.KindWatch, push.KindWatches)
	}
	if p.unchecked {
		all = slices.DeleteFunc(all, func(k work.Kind) bool { return k == mail.KindVerify })
	}
	return all
}

// step does one step of a stream.
func (p *process) step(k work.Kind) (more bool, err error) {
	subject := string(p.conn)
	if k == mail.KindPoll || k == push.KindWatches {
		subject = ""
	}
	p.note("step %s", k)
	more, err = p.steps[k](p.ctx, subject)
	p.note("step %s: more %t, %v", k, more, err)
	return more, err
}

// outcome is the runner's rule for how a job goes on.
func (p *process) outcome(job work.Claimed, more bool, err error) work.Outcome {
	now := p.clock.Now()
	out := work.Outcome{ID: job.ID}
	switch {
	case err == nil && more:
		out.Next = now
	case err == nil && job.Every > 0:
		out.Next = now.Add(job.Every)
	case err != nil:
		wait, again := local.After(err, job.Attempts, 0.5)
		out.Attempts, out.Error = job.Attempts, err.Error()
		switch {
		case again && job.Every > 0:
			wait = min(wait, max(job.Every, fault.After(err)))
		case !again && job.Every > 0:
			wait, again, out.Attempts = job.Every, true, 0
		}
		if again {
			out.Next = now.Add(wait)
		}
	}
	return out
}

// settle lets time pass until there is nothing left to do but to wait for news.
func (p *process) settle() error {
	p.t.Helper()
	for range 100 {
		if err := p.work(); err != nil {
			return err
		}
		next, err := p.next()
		require.NoError(p.t, err)
		if !next.IsZero() {
			p.clock.Move(next.Sub(p.clock.Now()))
			continue
		}
		if err := p.polled(); err != nil {
			return err
		}
		if next, err = p.next(); err == nil && next.IsZero() {
			return nil
		}
		require.NoError(p.t, err)
	}
	p.t.Fatalf("it never settles\n%s", &p.trail)
	return nil
}

// next is when a job is due that is not a matter of routine.
func (p *process) next() (time.Time, error) {
	next, err := p.ground.NextDue(context.Background(), []work.Kind{mail.KindHistory, mail.KindBackfill, mail.KindRetry, mail.KindChange, mail.KindLabels})
	if err != nil || !next.IsZero() {
		return next, err
	}
	job, _, err := p.ground.Job(context.Background(), mail.KindVerify, string(p.conn))
	if p.unchecked || fault.Is(err, fault.NotFound) || err == nil && job.Attempts == 0 {
		return time.Time{}, nil
	}
	return job.DueAt, err
}

// polled lets a minute pass and the schedule look at the mailbox, twice: what a
// run that failed for good left behind is taken up by it.
func (p *process) polled() error {
	for range 2 {
		p.clock.Move(mail.PollEvery)
		if err := p.work(); err != nil {
			return err
		}
	}
	return nil
}

// idle requires that a look at a mailbox without news makes one call and writes
// nothing.
func (p *process) idle() {
	p.t.Helper()
	calls, writes := p.calls.Load(), p.writes.Load()
	more, err := p.step(mail.KindHistory)
	require.NoError(p.t, err, "%s", &p.trail)
	require.False(p.t, more)
	require.EqualValues(p.t, 1, p.calls.Load()-calls, "%s", &p.trail)
	require.Zero(p.t, p.writes.Load()-writes, "%s", &p.trail)
}

// alone runs a kind of step to its end, as often as it asks for more.
func (p *process) alone(k work.Kind) {
	p.t.Helper()
	for range 100 {
		more, err := p.step(k)
		require.NoError(p.t, err, "%s\n%s", k, &p.trail)
		if !more {
			return
		}
	}
	p.t.Fatalf("%s never ends\n%s", k, &p.trail)
}
