package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"rapport/internal/fact"
	"rapport/internal/fault"
)

// tx is a transaction under way. Facts told to it are written at its end.
type tx struct {
	s     *Store
	name  string
	on    transaction
	now   int64 // one stamp for the whole transaction
	facts []fact.Fact
	jobs  bool // jobs have become due

	records recordNews
	lists   []*recordList // types of records that were looked up
}

// triesOfWrite is how often a transaction is begun that PostgreSQL ends because
// it and another wait for each other.
const triesOfWrite = 4

// write runs fn in one transaction and commits it; an error of fn, of the hook
// or of the commit leaves nothing behind. fn may be run more than once.
func (s *Store) write(ctx context.Context, name string, fn func(t *tx) error) error {
	return s.writeIn(ctx, name, s.d.begin, fn)
}

// writeIn is write in a transaction of some kind.
func (s *Store) writeIn(ctx context.Context, name string, begin func(context.Context) (transaction, error), fn func(t *tx) error) error {
	var err error
	for range triesOfWrite {
		if err = s.writeOnce(ctx, name, begin, fn); !deadlocked(err) {
			break
		}
	}
	return err
}

func (s *Store) writeOnce(ctx context.Context, name string, begin func(context.Context) (transaction, error), fn func(t *tx) error) error {
	on, err := begin(ctx)
	if err != nil {
		return fmt.Errorf("%s: beginning: %w", name, classify(err))
	}
	t := &tx{s: s, name: name, on: on, now: stamp(s.now())}
	open := true
	defer func() { // fn may panic
		if open {
			on.rollback()
		}
	}()
	if err = fn(t); err == nil {
		err = t.tell(ctx)
	}
	if err == nil {
		err = t.called(ctx, "commit")
	}
	if err != nil {
		return err
	}
	open = false
	if err := on.commit(); err != nil {
		return fmt.Errorf("%s: committing: %w", name, classify(err))
	}
	if len(t.facts) > 0 {
		s.facts.ring()
	}
	if t.jobs {
		s.jobs.ring()
	}
	return t.called(ctx, "committed")
}

// called gives the hook its chance.
func (t *tx) called(ctx context.Context, op string) error {
	if t.s.hook == nil {
		return nil
	}
	if err := t.s.hook(ctx, t.name+"/"+op); err != nil {
		return fmt.Errorf("%s: %s: %w", t.name, op, err)
	}
	return nil
}

// exec runs a statement and gives the number of rows it changed.
func (t *tx) exec(ctx context.Context, op, query string, args ...any) (int64, error) {
	if err := t.called(ctx, op); err != nil {
		return 0, err
	}
	r, err := t.on.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, fmt.Errorf("%s: %s: %w", t.name, op, classify(err))
	}
	n, err := r.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("%s: %s: %w", t.name, op, classify(err))
	}
	return n, nil
}

func (t *tx) query(ctx context.Context, op, query string, args ...any) (*sql.Rows, error) {
	if err := t.called(ctx, op); err != nil {
		return nil, err
	}
	rows, err := t.on.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", t.name, op, classify(err))
	}
	return rows, nil
}

func (t *tx) insert(ctx context.Context, op, table string, n int, conflict string, columns ...column) error {
	if n == 0 {
		return nil
	}
	return t.s.d.insert(ctx, t, op, table, n, conflict, columns...)
}

func (t *tx) update(ctx context.Context, op, table string, n int, columns ...column) error {
	if n == 0 {
		return nil
	}
	return t.s.d.update(ctx, t, op, table, n, columns...)
}

// reading is where single statements that read run.
type reading struct {
	on   executor
	name string
}

func (s *Store) reading(name string) reading { return reading{s.d.read(), name} }

// steady is reading by keys (see dialect.steady). Nothing in such a statement may
// depend on what its parameters are: a LIMIT has to be a number.
func (s *Store) steady(name string) reading { return reading{s.d.steady(), name} }

func (r reading) query(ctx context.Context, op, query string, args ...any) (*sql.Rows, error) {
	rows, err := r.on.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", r.name, op, classify(err))
	}
	return rows, nil
}

// source answers queries: a transaction or the readers.
type source interface {
	query(ctx context.Context, op, query string, args ...any) (*sql.Rows, error)
}

// scanner is a row to take values from.
type scanner interface{ Scan(dest ...any) error }

// each calls see for every row.
func each(ctx context.Context, from source, op string, see func(scanner) error, query string, args ...any) error {
	rows, err := from.query(ctx, op, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := see(rows); err != nil {
			return fmt.Errorf("%s: %w", op, err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("%s: %w", op, classify(err))
	}
	return nil
}

// all collects the rows.
func all[T any](ctx context.Context, from source, op string, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	var found []T
	err := each(ctx, from, op, func(r scanner) error {
		v, err := scan(r)
		if err == nil {
			found = append(found, v)
		}
		return err
	}, query, args...)
	return found, err
}

var errNone = errors.New("no row")

// one gives the first row, errNone if there is none.
func one[T any](ctx context.Context, from source, op string, scan func(scanner) (T, error), query string, args ...any) (T, error) {
	var zero T
	rows, err := from.query(ctx, op, query, args...)
	if err != nil {
		return zero, err
	}
	defer func() { _ = rows.Close() }()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return zero, fmt.Errorf("%s: %w", op, classify(err))
		}
		return zero, errNone
	}
	v, err := scan(rows)
	if err != nil {
		return zero, fmt.Errorf("%s: %w", op, err)
	}
	return v, nil
}

// found turns errNone into fault.NotFound with a text for people.
func found[T any](v T, err error, text string) (T, error) {
	if errors.Is(err, errNone) {
		return v, &fault.Error{Kind: fault.NotFound, Text: text}
	}
	return v, err
}

func scanInt(r scanner) (n int64, err error)   { err = r.Scan(&n); return n, err }
func scanText(r scanner) (v string, err error) { err = r.Scan(&v); return v, err }
