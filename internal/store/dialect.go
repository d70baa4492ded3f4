package store

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/pressly/goose/v3"

	"rapport/internal/fault"
)

//go:embed migrations
var migrations embed.FS

// dialect is what differs between the databases. Everything else is SQL that
// both understand.
type dialect interface {
	// reader is the connections for reading; on PostgreSQL they write too.
	reader() *sql.DB
	// read gives where single statements that read are run.
	read() executor
	// begin starts a transaction that may write.
	begin(ctx context.Context) (transaction, error)
	// migrator gives what goose needs, and a lock that only one process holds.
	migrator() (db *sql.DB, kind goose.Dialect, folder string)
	lockMigrations(ctx context.Context) (unlock func(), err error)
	// watch rings the store's bells for what other processes write, until ctx ends.
	watch(ctx context.Context, s *Store)
	close() error

	// in is "column is one of the list in parameter n"; the list goes through list.
	in(column string, n int) string
	list(v any) any
	// each is a FROM item that gives the list in parameter n as rows v(value).
	each(n int, kind string) string
	// forUpdate ends a SELECT that takes the rows for writing.
	forUpdate() string
	// lock is held until the transaction ends, by one transaction at a time.
	lock(ctx context.Context, t *tx, what int64) error
	// notify wakes the other processes when the transaction commits.
	notify(ctx context.Context, t *tx, channel string) error
	// insert adds n rows given by columns; conflict is what follows VALUES.
	insert(ctx context.Context, t *tx, op, table string, n int, conflict string, columns ...column) error
	// update sets columns of n rows found by the first column.
	update(ctx context.Context, t *tx, op, table string, n int, columns ...column) error
	// remove deletes n rows found by all columns.
	remove(ctx context.Context, t *tx, op, table string, n int, columns ...column) error

	// textLead adds a full-text query to a filter and gives its parameter;
	// matches is the FROM clause it leads then, with the column of positions.
	textLead(f *filter, p *phrase) string
	matches(f *filter) (from, key string)
	// frequent reports whether so many messages match that the newest ones are
	// better looked through than looked up.
	frequent(ctx context.Context, f *filter, p *phrase) (bool, error)
	// textCondition is the condition that message e matches a full-text query.
	textCondition(f *filter, p *phrase) string
	// index puts documents into the full-text index in place of earlier ones.
	index(ctx context.Context, t *tx, documents []entry) error
	// grow is told after documents were indexed.
	grow(ctx context.Context, s *Store, n int) error
}

// executor runs statements.
type executor interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// transaction is an executor whose work is kept or dropped as a whole.
type transaction interface {
	executor
	commit() error
	rollback()
}

// Locks of dialect.lock.
const (
	lockFacts int64 = 0x52617070_01 // "Rapp": numbers of our own among advisory locks
	lockSetup int64 = 0x52617070_02
	lockClaim int64 = 0x52617070_03
	lockSpace int64 = 0x52617070_04
	lockMoves int64 = 0x52617070_05 // migrations
)

// Channels of dialect.notify.
const (
	channelFacts = "rapport_facts"
	channelJobs  = "rapport_jobs"
)

// column is one column of several rows. Values is a []string, []int64, []bool,
// [][]byte, []*int64 or []float64.
type column struct {
	name   string
	values any
}

// at gives the value of row i.
func (c column) at(i int) any {
	switch v := c.values.(type) {
	case []string:
		return v[i]
	case []int64:
		return v[i]
	case []bool:
		return v[i]
	case [][]byte:
		return v[i]
	case []float64:
		return v[i]
	case []*int64:
		if v[i] == nil {
			return nil
		}
		return *v[i]
	}
	panic(fmt.Sprintf("store: column %s holds %T", c.name, c.values))
}

func names(columns []column) string {
	all := make([]string, len(columns))
	for i, c := range columns {
		all[i] = c.name
	}
	return strings.Join(all, ", ")
}

// marks gives "($1, $2), ($3, $4)".
func marks(rows, columns int) string {
	var b strings.Builder
	for r := range rows {
		if r > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('(')
		for c := range columns {
			if c > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "$%d", r*columns+c+1)
		}
		b.WriteByte(')')
	}
	return b.String()
}

// jsonText is a value as JSON; the types stored here cannot fail.
func jsonText(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("store: %T has no JSON: %v", v, err))
	}
	return string(b)
}

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

// migrate brings the database to the newest version this program knows.
func (s *Store) migrate(ctx context.Context) (int64, error) {
	db, kind, folder := s.d.migrator()
	sub, err := migrationsOf(folder)
	if err != nil {
		return 0, err
	}
	provider, err := goose.NewProvider(kind, db, sub, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return 0, fmt.Errorf("reading the migrations: %w", err)
	}
	sources := provider.ListSources()
	newest := sources[len(sources)-1].Version
	if at, err := storedVersion(ctx, db); err == nil && at == newest {
		return at, nil
	}
	unlock, err := s.d.lockMigrations(ctx)
	if err != nil {
		return 0, classify(fmt.Errorf("waiting for another process to finish its migration: %w", err))
	}
	defer unlock()
	at, err := provider.GetDBVersion(ctx)
	if err != nil {
		return 0, classify(fmt.Errorf("reading the version of the database: %w", err))
	}
	if at > newest {
		return 0, &fault.Error{Kind: fault.Conflict, Code: "newer_database", Text: fmt.Sprintf(
			"The database has version %d, and this program knows versions up to %d: a newer Rapport has used it. Start that one, or restore a backup made before the upgrade.", at, newest)}
	}
	start := time.Now()
	done, err := provider.Up(ctx)
	if err != nil {
		return 0, classify(fmt.Errorf("migrating the database from version %d to %d: %w", at, newest, err))
	}
	if len(done) > 0 {
		s.log.InfoContext(ctx, "database migrated", "from", at, "to", newest, "took", time.Since(start).Round(time.Millisecond))
	}
	return newest, nil
}

// storedVersion reads goose's table without creating it.
func storedVersion(ctx context.Context, db *sql.DB) (int64, error) {
	var at int64
	err := db.QueryRowContext(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(&at)
	return at, err
}
