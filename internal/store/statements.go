package store

import (
	"context"
	"database/sql"
	"sync"
)

// statements keeps prepared statements by their text. SQL that is put together
// for one search would fill it, so beyond a bound nothing is kept.
type statements struct {
	mu      sync.Mutex
	prepare func(ctx context.Context, query string) (*sql.Stmt, error)
	kept    map[string]*sql.Stmt
}

const statementsKept = 600

func newStatements(prepare func(ctx context.Context, query string) (*sql.Stmt, error)) *statements {
	return &statements{prepare: prepare, kept: map[string]*sql.Stmt{}}
}

// get gives the statement, and done to be called after its use.
func (c *statements) get(ctx context.Context, query string) (st *sql.Stmt, done func(), err error) {
	c.mu.Lock()
	st, ok := c.kept[query]
	full := len(c.kept) >= statementsKept
	c.mu.Unlock()
	if ok {
		return st, func() {}, nil
	}
	if st, err = c.prepare(context.WithoutCancel(ctx), query); err != nil {
		return nil, nil, err
	}
	if full {
		return st, func() { _ = st.Close() }, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if other, ok := c.kept[query]; ok {
		_ = st.Close()
		return other, func() {}, nil
	}
	c.kept[query] = st
	return st, func() {}, nil
}

func (c *statements) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	st, done, err := c.get(ctx, query)
	if err != nil {
		return nil, err
	}
	defer done()
	return st.ExecContext(ctx, args...)
}

// QueryContext: a statement that is not kept is closed at once; database/sql
// holds it open until the rows are closed.
func (c *statements) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	st, done, err := c.get(ctx, query)
	if err != nil {
		return nil, err
	}
	defer done()
	return st.QueryContext(ctx, args...)
}

func (c *statements) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, st := range c.kept {
		_ = st.Close()
	}
	clear(c.kept)
}
