package webhooks

import (
	"fmt"
	"net/http"
	"time"
)

// schedule is how long after each failed try of a delivery the next one is: ten
// tries within three days.
var schedule = []time.Duration{
	5 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 27*time.Hour + 30*time.Minute,
}

const (
	// patience is how long an endpoint may fail before it is disabled.
	patience = 72 * time.Hour
	// longestAfter bounds what a receiver may ask for with Retry-After.
	longestAfter = 24 * time.Hour
	// An endpoint that failed so often in a row rests between tries, which are made
	// one at a time then. Those that were under way when a rest began do not make it
	// longer: they failed at once, not in a row.
	restAfter    = 5
	shortestRest = 10 * time.Second
	longestRest  = 5 * time.Minute
)

// Verdict is what follows from a try.
type Verdict struct {
	// Release lets every delivery of the endpoint that waits for its next try be
	// tried now: the receiver is back.
	Release bool
	// Disabled: the endpoint was disabled by this try.
	Disabled bool
}

// judge notes a try of a delivery, made at began, on it and on its endpoint. late, in
// [0, 1), makes waits up to a tenth longer, so that what failed together does not come
// back together.
func judge(e *Endpoint, d *Delivery, a Answer, began, now time.Time, late float64) Verdict {
	d.Attempts++
	d.Status, d.Error = a.Status, a.Trouble
	if a.Trouble == "" {
		release := e.Failures >= restAfter
		e.SucceededAt = &now
		e.recovered()
		d.end(Delivered, now)
		return Verdict{Release: release}
	}
	if e.FailingSince == nil {
		e.FailingSince = &now
	}
	inRow := !e.RestUntil.After(began)
	if inRow {
		e.Failures++
	}
	if inRow && e.Failures >= restAfter {
		e.RestUntil = now.Add(min(shortestRest<<min(e.Failures-restAfter, 10), longestRest))
	}
	d.retry(a, now, late)
	if a.After > 0 && (a.Status == http.StatusTooManyRequests || a.Status == http.StatusServiceUnavailable) {
		e.RestUntil = latest(e.RestUntil, now.Add(min(a.After, longestAfter)))
	}
	switch {
	case !e.Enabled:
		return Verdict{}
	case a.Status == http.StatusGone:
		e.disable(now, "The receiver answered 410 Gone: it wants nothing more.")
	case now.Sub(*e.FailingSince) >= patience:
		e.disable(now, fmt.Sprintf("Nothing was delivered since %s. The last try: %s", e.FailingSince.UTC().Format("2 January 2006, 15:04 UTC"), a.Trouble))
	default:
		return Verdict{}
	}
	return Verdict{Disabled: true}
}

// retry gives a delivery its next try, or gives it up.
func (d *Delivery) retry(a Answer, now time.Time, late float64) {
	if a.Status == http.StatusGone || d.Attempts > len(schedule) {
		d.end(Failed, now)
		return
	}
	wait := schedule[d.Attempts-1]
	wait += time.Duration(float64(wait) * late / 10)
	d.State, d.DueAt = Waiting, now.Add(max(wait, min(a.After, longestAfter)))
}

func (d *Delivery) end(s State, now time.Time) {
	d.State, d.FinishedAt = s, &now
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
