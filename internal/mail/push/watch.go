package push

import (
	"slices"
	"time"

	"rapport/internal/crm"
	"rapport/internal/mail"
)

// Mode is how news of a mailbox come in.
type Mode string

const (
	ByPush Mode = "push" // Pub/Sub posts them to us
	ByPull Mode = "pull" // we fetch them from a subscription
	ByPoll Mode = "poll" // we look every minute
)

// State of a watch.
type State string

const (
	On     State = "on"
	Off    State = "off"
	Failed State = "failed"
)

// Watch is what is known of the notifications of a connection.
type Watch struct {
	Topic     string
	State     State // "" is off
	ExpiresAt time.Time
	RenewedAt time.Time
	TriedAt   time.Time
	Error     string // why it failed, and
	NextStep  string // what to do, for people

	Via         Mode // how the last notification came; "" before the first of this watch
	NotifiedAt  time.Time
	Announced   uint64    // the newest history id told of
	PublishedAt time.Time // of the oldest notification whose change has not been read; zero: none
	LookedAgain int       // looks that did not find what was told of

	Suspect   uint64 // a change that was found and not told of
	SuspectAt time.Time
	MissedAt  time.Time // push did not tell of something; zero once it tells again

	Interval time.Duration // how long nothing may be heard before a poll; 0: the shortest
	Delays   []int64       // ms from Google to our commit, newest last
}

const (
	// keptDelays is how many delays of a mailbox are remembered.
	keptDelays = 50
	// longestQuiet is the longest time without a look at a mailbox.
	longestQuiet = 8 * time.Hour
	// grace is how late a notification may come before it counts as missed.
	grace = 30 * time.Second
	// talking is how long after a notification a change is not suspected: Gmail
	// tells once a second at most (behaviour reference 3.14) and drops the rest.
	talking = 10 * time.Second
	// echo is how long after a notification one more look finds what was dropped.
	echo = 1200 * time.Millisecond
	// mostAgain bounds the looks for a change that was told of and is not listed yet.
	mostAgain = 6
)

// Live reports whether Gmail tells of changes now.
func (w *Watch) Live(now time.Time) bool { return w.State == On && now.Before(w.ExpiresAt) }

// Mode is decided by what really arrived: a live watch whose notifications come
// and leave nothing out.
func (w *Watch) Mode(now time.Time) Mode {
	if !w.Live(now) || w.Via == "" || !w.MissedAt.IsZero() {
		return ByPoll
	}
	return w.Via
}

// Delay gives a quantile of the remembered delays; false when there are none.
func (w *Watch) Delay(quantile float64) (time.Duration, bool) {
	if len(w.Delays) == 0 {
		return 0, false
	}
	sorted := slices.Sorted(slices.Values(w.Delays))
	i := min(int(quantile*float64(len(sorted))), len(sorted)-1)
	return time.Duration(sorted[i]) * time.Millisecond, true
}

// Hear notes a notification; mark is how far the mailbox has been read, 0 when
// nobody knows. due is when to look because of it, zero for never: at once for
// something new, and a moment later for what has been read already but was not
// told of before, since Gmail may have dropped the notification after this one.
// changed says that there is something to store.
func (w *Watch) Hear(n Notice, mark uint64, now time.Time) (due time.Time, changed bool) {
	if n.HistoryID > w.Announced {
		w.Announced, w.LookedAgain, changed = n.HistoryID, 0, true
		due = now.Add(echo)
		if n.HistoryID > mark {
			due = now
			if w.PublishedAt.IsZero() {
				w.PublishedAt = published(n, now)
			}
		}
	}
	if w.Suspect > 0 && n.HistoryID >= w.Suspect { // it was only late
		w.Suspect, w.SuspectAt, changed = 0, time.Time{}, true
	}
	if n.HistoryID < mark && due.IsZero() { // old: it tells nothing about how push does now
		return due, changed
	}
	if !w.MissedAt.IsZero() {
		w.MissedAt, w.Interval, changed = time.Time{}, 0, true
	}
	if !due.IsZero() || w.Via != n.Via || now.Sub(w.NotifiedAt) > grace {
		w.Via, w.NotifiedAt, changed = n.Via, now, true
	}
	return due, changed
}

// published is when Google sent a notification, as far as that can be.
func published(n Notice, now time.Time) time.Time {
	if n.PublishedAt.IsZero() || n.PublishedAt.After(now) || now.Sub(n.PublishedAt) > 7*24*time.Hour {
		return now
	}
	return n.PublishedAt
}

// pace is how often a mailbox is looked at.
type pace struct {
	own  time.Duration // the connection's interval of polling
	base time.Duration // the shortest time push may be quiet before a poll
}

// after is what follows from a look.
type after struct {
	next    time.Time     // of the next poll; zero: the connection's own interval
	again   time.Time     // one more look before that; zero: none
	delay   time.Duration // from Google to our commit; 0: nothing new, or unknown
	changed bool
}

// Look judges push by what a look has found, and says when the next has to be.
func (w *Watch) look(l mail.Look, p pace, now time.Time) (out after) {
	before := *w
	out.delay = w.measure(l, now)
	if out.again = w.unlisted(l, now); out.again.IsZero() && l.Began.Before(w.NotifiedAt.Add(echo)) && w.Announced > l.Since {
		out.again = w.NotifiedAt.Add(echo)
	}
	w.judge(l, p, now)
	if w.Mode(now) != ByPoll {
		quiet := min(max(w.Interval, p.base), max(longestQuiet, p.base))
		if !w.SuspectAt.IsZero() {
			quiet = min(quiet, mail.PollEvery)
		}
		out.next = now.Add(max(quiet, p.own))
		if w.ExpiresAt.Before(out.next) {
			out.next = w.ExpiresAt
		}
	}
	out.changed = out.delay > 0 || !w.same(before)
	return out
}

// measure takes the delay of what a look has brought.
func (w *Watch) measure(l mail.Look, now time.Time) time.Duration {
	since := w.PublishedAt
	if l.Reached >= w.Announced {
		w.PublishedAt, w.LookedAgain = time.Time{}, 0
	} else {
		since = time.Time{}
	}
	if since.IsZero() {
		since = l.Oldest
	}
	d := now.Sub(since)
	if l.Changed == 0 || since.IsZero() || d <= 0 || d > 24*time.Hour { // older mail was brought in, not sent
		return 0
	}
	w.Delays = append(w.Delays[max(0, len(w.Delays)-keptDelays+1):len(w.Delays):len(w.Delays)], d.Milliseconds())
	return d
}

// unlisted says when to look again for a change that was told of and is not
// listed yet: Gmail's list may be behind its notifications.
func (w *Watch) unlisted(l mail.Look, now time.Time) time.Time {
	if l.Reached >= w.Announced || w.LookedAgain >= mostAgain {
		return time.Time{}
	}
	w.LookedAgain++
	return now.Add(500 * time.Millisecond << w.LookedAgain)
}

// judge compares what was found with what was told of.
func (w *Watch) judge(l mail.Look, p pace, now time.Time) {
	if !w.Live(now) || w.Via == "" {
		return
	}
	told := l.Changed <= w.Announced || l.Began.Sub(w.NotifiedAt) < talking
	switch {
	case l.Changed > 0 && !told:
		if w.SuspectAt.IsZero() {
			w.Suspect, w.SuspectAt = l.Changed, now
		}
		w.Interval = 0
	case l.Changed == 0 && w.SuspectAt.IsZero() && w.MissedAt.IsZero() && now.Sub(w.NotifiedAt) >= max(w.Interval, p.base):
		// Nothing was missed for that long.
		w.Interval = min(2*max(w.Interval, p.base), max(longestQuiet, p.base))
	}
	if !w.SuspectAt.IsZero() && now.Sub(w.SuspectAt) >= grace {
		w.MissedAt, w.Suspect, w.SuspectAt, w.Interval = now, 0, time.Time{}, 0
	}
}

func (w *Watch) same(o Watch) bool {
	return w.PublishedAt.Equal(o.PublishedAt) && w.LookedAgain == o.LookedAgain && w.Suspect == o.Suspect && w.SuspectAt.Equal(o.SuspectAt) &&
		w.MissedAt.Equal(o.MissedAt) && w.Interval == o.Interval
}

// Seen is what people see of a watch.
type Seen struct {
	Mode            Mode
	State           State
	ExpiresAt       time.Time
	RenewedAt       time.Time
	NotifiedAt      time.Time
	P50, P99        time.Duration // of the last delays
	Measured        bool
	Error, NextStep string
}

// See shows a watch as it is at a time: one that has lapsed has failed, whether
// somebody has noticed or not, since nothing announces it.
func (w *Watch) See(now time.Time) Seen {
	out := Seen{Mode: w.Mode(now), State: w.State, ExpiresAt: w.ExpiresAt, RenewedAt: w.RenewedAt, NotifiedAt: w.NotifiedAt, Error: w.Error, NextStep: w.NextStep}
	out.P50, out.Measured = w.Delay(0.50)
	out.P99, _ = w.Delay(0.99)
	switch {
	case out.State == "":
		out.State = Off
	case out.State == On && !w.Live(now):
		out.State = Failed
		if out.Error == "" {
			out.Error = "Gmail's notifications for this mailbox have ended and could not be renewed."
		}
		if out.NextStep == "" {
			out.NextStep = "Rapport tries again by itself; meanwhile the mailbox is looked at every minute."
		}
	case out.State == On && !w.MissedAt.IsZero() && out.Error == "":
		out.Error = "Gmail did not tell of a change in this mailbox."
		out.NextStep = "Nothing: the mailbox is looked at every minute until notifications come again."
	}
	return out
}

// should reports whether a connection's mailbox is to be watched.
func should(c crm.Connection) bool {
	return c.Status.Syncs() && c.GmailSync && (c.Provider == crm.ProviderGoogle || c.Provider == "")
}
