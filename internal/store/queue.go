package store

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"rapport/internal/fault"
	"rapport/internal/work"
)

var _ work.Queue = (*Store)(nil)

// A job is one row. It waits (lease_until is null), runs (a holder has it until
// lease_until) or has lost its holder (lease_until has passed) and waits again.

// Enqueue asks for jobs. One that waits already is moved earlier, never later;
// one that runs is due once more when it ends.
func (s *Store) Enqueue(ctx context.Context, jobs ...work.Job) error {
	if len(jobs) == 0 {
		return nil
	}
	return s.write(ctx, "work.Enqueue", func(t *tx) error {
		return t.enqueue(ctx, jobs)
	})
}

func (t *tx) enqueue(ctx context.Context, jobs []work.Job) error {
	seen := make(map[[2]string]int, len(jobs))
	var list []work.Job
	for _, j := range jobs { // one statement cannot touch a row twice
		key := [2]string{string(j.Kind), j.Subject}
		if i, ok := seen[key]; ok {
			if j.DueAt.Before(list[i].DueAt) {
				list[i] = j
			}
			continue
		}
		seen[key] = len(list)
		list = append(list, j)
	}
	slices.SortFunc(list, func(a, b work.Job) int { // two calls lock rows in the same order
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Subject, b.Subject))
	})
	n := len(list)
	kind, subject, group := make([]string, n), make([]string, n), make([]string, n)
	due, priority, every, created := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	for i, j := range list {
		kind[i], subject[i], group[i] = string(j.Kind), j.Subject, j.Group
		due[i], priority[i], every[i], created[i] = stamp(j.DueAt), int64(j.Priority), j.Every.Microseconds(), t.now
		t.jobs = t.jobs || due[i] <= t.now
	}
	// Jobs of both kinds of repetition keep their row; a row asked for while it
	// runs remembers the earliest time in again_at.
	return t.insert(ctx, "insert jobs", "jobs", n, `ON CONFLICT (kind, subject) DO UPDATE SET
			job_group = excluded.job_group, priority = excluded.priority,
			every = CASE WHEN excluded.every > 0 THEN excluded.every ELSE jobs.every END,
			due_at = CASE WHEN jobs.lease_until IS NULL AND excluded.due_at < jobs.due_at THEN excluded.due_at ELSE jobs.due_at END,
			again_at = CASE WHEN jobs.lease_until IS NULL THEN NULL
				WHEN jobs.again_at < excluded.due_at THEN jobs.again_at ELSE excluded.due_at END
		WHERE jobs.lease_until IS NOT NULL OR excluded.due_at < jobs.due_at OR excluded.priority <> jobs.priority
			OR excluded.job_group <> jobs.job_group OR (excluded.every > 0 AND excluded.every <> jobs.every)`,
		column{"kind", kind}, column{"subject", subject}, column{"job_group", group}, column{"due_at", due},
		column{"priority", priority}, column{"every", every}, column{"created_at", created})
}

// Cancel takes a job back. One that runs ends with its step and is not run again.
func (s *Store) Cancel(ctx context.Context, kind work.Kind, subject string) error {
	return s.write(ctx, "work.Cancel", func(t *tx) error {
		_, err := t.exec(ctx, "delete job", "DELETE FROM jobs WHERE kind = $1 AND subject = $2", string(kind), subject)
		return err
	})
}

const jobColumns = "id, kind, subject, job_group, due_at, priority, every, attempts, holder, lease_until, created_at"

func scanClaimed(r scanner) (work.Claimed, error) {
	var c work.Claimed
	var due, every, attempts, priority, asked int64
	var until *int64
	err := r.Scan(&c.ID, &c.Kind, &c.Subject, &c.Group, &due, &priority, &every, &attempts, &c.Holder, &until, &asked)
	c.AskedAt = clock(asked)
	c.DueAt, c.Priority, c.Every, c.Attempts = clock(due), int(priority), time.Duration(every)*time.Microsecond, int(attempts)
	if until != nil {
		c.LeaseUntil = clock(*until)
	}
	return c, err
}

// Claim gives up to limit jobs of the kinds that are due, to holder until the
// time given: the highest priority first, then the longest due, of each group at
// most one, and none of a group that runs. Attempts counts this one. Jobs whose
// holder has been lost wait again; one that lost several in a row (it may be what
// kills them) waits some minutes.
func (s *Store) Claim(ctx context.Context, holder string, kinds []work.Kind, now, until time.Time, limit int) ([]work.Claimed, error) {
	var claimed []work.Claimed
	err := s.write(ctx, "work.Claim", func(t *tx) error {
		// One claim at a time: two at once could each take a job of one group.
		if err := s.d.lock(ctx, t, lockClaim); err != nil {
			return err
		}
		if _, err := t.exec(ctx, "free lost jobs", `UPDATE jobs SET lease_until = NULL, holder = '',
				due_at = $1 + CASE WHEN attempts > 3 THEN attempts * 60000000 ELSE 0 END WHERE lease_until <= $1`, stamp(now)); err != nil {
			return err
		}
		ids, err := s.candidates(ctx, t, kinds, stamp(now), limit)
		if err != nil || len(ids) == 0 {
			return err
		}
		claimed, err = all(ctx, t, "claim jobs", scanClaimed, "UPDATE jobs SET holder = $2, lease_until = $3, attempts = attempts + 1, again_at = NULL WHERE "+
			s.d.in("id", 1)+" AND lease_until IS NULL RETURNING "+jobColumns, s.d.list(ids), holder, stamp(until))
		return err
	})
	if err != nil {
		return nil, err
	}
	return claimed, nil
}

// candidate is a job that may be claimed.
type candidate struct {
	id    int64
	group string
}

// candidates picks jobs to claim, one priority after the other, so that each look
// is one range of the index. It looks at somewhat more than asked for, since
// several jobs may be of one group.
func (s *Store) candidates(ctx context.Context, t *tx, kinds []work.Kind, now int64, limit int) ([]int64, error) {
	priorities, err := all(ctx, t, "read priorities", scanInt, `WITH RECURSIVE p (v) AS (
			SELECT MAX(priority) FROM jobs WHERE lease_until IS NULL
			UNION ALL SELECT (SELECT MAX(priority) FROM jobs WHERE lease_until IS NULL AND priority < p.v) FROM p WHERE p.v IS NOT NULL)
		SELECT v FROM p WHERE v IS NOT NULL`)
	if err != nil {
		return nil, err
	}
	names := kindNames(kinds)
	var ids []int64
	groups := map[string]bool{}
	for _, priority := range priorities {
		list, err := all(ctx, t, "look for due jobs", func(r scanner) (c candidate, err error) {
			err = r.Scan(&c.id, &c.group)
			return c, err
		}, `SELECT id, job_group FROM jobs j WHERE lease_until IS NULL AND priority = $1 AND due_at <= $2 AND `+s.d.in("kind", 3)+`
				AND (job_group = '' OR NOT EXISTS (SELECT 1 FROM jobs r WHERE r.job_group = j.job_group AND r.lease_until IS NOT NULL))
			ORDER BY due_at LIMIT $4`, priority, now, s.d.list(names), int64(4*limit))
		if err != nil {
			return nil, err
		}
		for _, c := range list {
			if len(ids) == limit {
				return ids, nil
			}
			if c.group == "" || !groups[c.group] {
				groups[c.group] = true
				ids = append(ids, c.id)
			}
		}
	}
	return ids, nil
}

func kindNames(kinds []work.Kind) []string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k)
	}
	return names
}

// Extend moves the end of holder's leases; it gives the jobs it still holds.
func (s *Store) Extend(ctx context.Context, holder string, until time.Time, ids ...int64) ([]int64, error) {
	var kept []int64
	err := s.write(ctx, "work.Extend", func(t *tx) (err error) {
		kept, err = all(ctx, t, "extend leases", scanInt, "UPDATE jobs SET lease_until = $3 WHERE holder = $2 AND lease_until IS NOT NULL AND "+
			s.d.in("id", 1)+" RETURNING id", s.d.list(ids), holder, stamp(until))
		return err
	})
	return kept, err
}

// Finish ends jobs of holder: what is to be run again waits for its next time
// (or an earlier one asked for meanwhile), the rest is gone. A job that was taken
// over or cancelled meanwhile stays as it is.
func (s *Store) Finish(ctx context.Context, holder string, done ...work.Outcome) error {
	if len(done) == 0 {
		return nil
	}
	return s.write(ctx, "work.Finish", func(t *tx) error {
		var over, again []int64
		var next, attempts []int64
		var text []string
		for _, d := range done {
			if d.Next.IsZero() {
				over = append(over, d.ID)
				continue
			}
			again, next, text = append(again, d.ID), append(next, stamp(d.Next)), append(text, clean(d.Error))
			attempts = append(attempts, int64(d.Attempts))
			t.jobs = t.jobs || stamp(d.Next) <= t.now
		}
		if err := s.finishOver(ctx, t, holder, over); err != nil {
			return err
		}
		for i, id := range again {
			_, err := t.exec(ctx, "reschedule job", `UPDATE jobs SET holder = '', lease_until = NULL, again_at = NULL, attempts = $4, last_error = $5,
				due_at = CASE WHEN again_at < $3 THEN again_at ELSE $3 END WHERE id = $1 AND holder = $2`, id, holder, next[i], attempts[i], text[i])
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// finishOver deletes jobs that are through, but for those asked for while they ran.
func (s *Store) finishOver(ctx context.Context, t *tx, holder string, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	n, err := t.exec(ctx, "delete finished jobs", "DELETE FROM jobs WHERE holder = $2 AND again_at IS NULL AND "+s.d.in("id", 1), s.d.list(ids), holder)
	if err != nil || n == int64(len(ids)) {
		return err
	}
	_, err = t.exec(ctx, "run jobs again", `UPDATE jobs SET holder = '', lease_until = NULL, due_at = again_at, again_at = NULL, attempts = 0, last_error = ''
		WHERE holder = $2 AND again_at IS NOT NULL AND `+s.d.in("id", 1), s.d.list(ids), holder)
	t.jobs = true
	return err
}

// NextDue is when the next waiting job of the kinds is due, or a running one
// loses its holder; the zero time when there is none.
func (s *Store) NextDue(ctx context.Context, kinds []work.Kind) (time.Time, error) {
	at, err := one(ctx, s.reading("work.NextDue"), "read", scanInt, `SELECT COALESCE(MIN(at), 0) FROM (
			SELECT MIN(due_at) AS at FROM jobs WHERE lease_until IS NULL AND `+s.d.in("kind", 1)+`
			UNION ALL SELECT MIN(lease_until) FROM jobs WHERE lease_until IS NOT NULL) t`, s.d.list(kindNames(kinds)))
	return clock(at), err
}

// JobsBell rings when jobs may have become due.
func (s *Store) JobsBell() (rings <-chan struct{}, stop func()) { return s.jobs.listen() }

// Job reads a job, to show when it runs next; fault.NotFound when there is none.
func (s *Store) Job(ctx context.Context, kind work.Kind, subject string) (work.Claimed, string, error) {
	var text string
	c, err := one(ctx, s.reading("work.Job"), "read", func(r scanner) (work.Claimed, error) {
		return scanClaimed(with{r, &text})
	}, "SELECT "+jobColumns+", last_error FROM jobs WHERE kind = $1 AND subject = $2", string(kind), subject)
	if errors.Is(err, errNone) {
		return c, "", fault.New(fault.NotFound, "There is no such job.")
	}
	return c, text, err
}

// with scans one column more than the scan function asks for.
type with struct {
	scanner
	last any
}

func (w with) Scan(dest ...any) error { return w.scanner.Scan(append(dest, w.last)...) }
