package store

import (
	"context"
	"encoding/json"
	"time"

	"rapport/internal/fact"
	"rapport/internal/fault"
)

// Facts are an outbox: written in the transaction of their cause, in the order
// of their commits (a lock held from writing them to the commit's end sees to
// it), so a reader that has seen number n has seen everything up to n.

// fact tells a fact; it is written when the transaction ends.
func (t *tx) fact(f fact.Fact) { t.facts = append(t.facts, f) }

// tell writes the facts told so far, and wakes other processes at the commit.
func (t *tx) tell(ctx context.Context) error {
	t.recordFacts()
	n := len(t.facts)
	if n > 0 {
		if err := t.s.d.lock(ctx, t, lockFacts); err != nil {
			return err
		}
		if err := t.countRecords(ctx); err != nil {
			return err
		}
		of := func(get func(fact.Fact) string) []string {
			v := make([]string, n)
			for i, f := range t.facts {
				v[i] = get(f)
			}
			return v
		}
		at := make([]int64, n)
		for i := range at {
			at[i] = t.now
		}
		err := t.insert(ctx, "insert facts", "facts", n, "",
			column{"kind", of(func(f fact.Fact) string { return string(f.Kind) })},
			column{"workspace_id", of(func(f fact.Fact) string { return string(f.WorkspaceID) })},
			column{"integration_id", of(func(f fact.Fact) string { return string(f.ConnectionID) })},
			column{"user_id", of(func(f fact.Fact) string { return string(f.UserID) })},
			column{"at", at},
			column{"data", of(func(f fact.Fact) string { return string(f.Data) })})
		if err != nil {
			return err
		}
		if err := t.s.d.notify(ctx, t, channelFacts); err != nil {
			return err
		}
	}
	if t.jobs {
		return t.s.d.notify(ctx, t, channelJobs)
	}
	return nil
}

// Tell writes facts that have no other cause in the database.
func (s *Store) Tell(ctx context.Context, facts ...fact.Fact) error {
	return s.write(ctx, "Tell", func(t *tx) error {
		t.facts = append(t.facts, facts...)
		return nil
	})
}

func scanFact(r scanner) (fact.Fact, error) {
	var f fact.Fact
	var at int64
	var data string
	err := r.Scan(&f.Seq, &f.Kind, &f.WorkspaceID, &f.ConnectionID, &f.UserID, &at, &data)
	f.At = clock(at)
	if data != "" {
		f.Data = json.RawMessage(data)
	}
	return f, err
}

const factColumns = "seq, kind, workspace_id, integration_id, user_id, at, data"

// FactsAfter gives up to limit facts after a number, in their order.
func (s *Store) FactsAfter(ctx context.Context, seq int64, limit int) ([]fact.Fact, error) {
	return all(ctx, s.reading("FactsAfter"), "read", scanFact,
		"SELECT "+factColumns+" FROM facts WHERE seq > $1 ORDER BY seq LIMIT $2", seq, int64(limit))
}

// LastFact is the number of the newest fact, 0 before the first.
func (s *Store) LastFact(ctx context.Context) (int64, error) {
	return one(ctx, s.reading("LastFact"), "read", scanInt, "SELECT COALESCE(MAX(seq), 0) FROM facts")
}

// FactsBell rings when there may be new facts, of this process at once, of
// others soon. stop ends it.
func (s *Store) FactsBell() (rings <-chan struct{}, stop func()) { return s.facts.listen() }

// ClaimFacts gives a reader the facts it has not finished, and holder the sole
// right to read for it until the time given. Nil when another holder's claim
// lives. What is not finished (FinishFacts) is given again: at least once, in order.
func (s *Store) ClaimFacts(ctx context.Context, reader, holder string, now, until time.Time, limit int) ([]fact.Fact, error) {
	var list []fact.Fact
	behind, err := one(ctx, s.reading("ClaimFacts"), "look", scanInt, `SELECT COALESCE((SELECT MAX(seq) FROM facts), 0)
		- COALESCE((SELECT seq FROM fact_readers WHERE name = $1), 0)`, reader)
	if err != nil || behind <= 0 {
		return nil, err
	}
	err = s.write(ctx, "ClaimFacts", func(t *tx) error {
		n, err := t.exec(ctx, "claim", `INSERT INTO fact_readers (name, seq, holder, lease_until) VALUES ($1, 0, $2, $4)
			ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, lease_until = excluded.lease_until
			WHERE fact_readers.holder IN ('', $2) OR fact_readers.lease_until <= $3`, reader, holder, stamp(now), stamp(until))
		if err != nil || n == 0 {
			return err
		}
		list, err = all(ctx, t, "read facts", scanFact, "SELECT "+factColumns+` FROM facts
			WHERE seq > (SELECT seq FROM fact_readers WHERE name = $1) ORDER BY seq LIMIT $2`, reader, int64(limit))
		return err
	})
	return list, err
}

// FinishFacts notes that a reader is through with everything up to seq, and ends
// holder's claim; fault.Conflict when it has gone to another.
func (s *Store) FinishFacts(ctx context.Context, reader, holder string, seq int64) error {
	return s.write(ctx, "FinishFacts", func(t *tx) error {
		n, err := t.exec(ctx, "move reader", "UPDATE fact_readers SET seq = $3, holder = '', lease_until = 0 WHERE name = $1 AND holder = $2 AND seq <= $3", reader, holder, seq)
		if err == nil && n == 0 {
			return fault.New(fault.Conflict, "Another worker reads these facts now.")
		}
		return err
	})
}

// PurgeFacts deletes facts older than a time that every reader is through with.
func (s *Store) PurgeFacts(ctx context.Context, before time.Time) (int64, error) {
	var n int64
	err := s.write(ctx, "PurgeFacts", func(t *tx) (err error) {
		n, err = t.exec(ctx, "delete facts", `DELETE FROM facts WHERE at < $1
			AND seq <= COALESCE((SELECT MIN(seq) FROM fact_readers), (SELECT MAX(seq) FROM facts))`, stamp(before))
		return err
	})
	return n, err
}
