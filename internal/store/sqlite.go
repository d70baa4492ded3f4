package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver

	"rapport/internal/fault"
)

// sqliteDB is one file with one writing connection and several reading ones.
type sqliteDB struct {
	path    string
	readers *sql.DB
	reads   *statements
	writers *sql.DB
	writer  *sql.Conn
	writes  *statements
	turn    turn // of the transaction that writes
	tidying struct {
		sync.WaitGroup
		last atomic.Int64 // when it was begun, in nanoseconds
	}
}

func sqliteAddress(path string, write bool) string {
	q := url.Values{}
	q.Set("_busy_timeout", "5000")
	q.Set("_journal_mode", "WAL")
	q.Set("_synchronous", "NORMAL")
	q.Set("_foreign_keys", "on")
	q.Set("_auto_vacuum", "none")
	q.Set("_dqs", "false")
	q.Add("_pragma", "temp_store(memory)")
	q.Add("_pragma", "mmap_size(268435456)")
	if write {
		q.Add("_pragma", "cache_size(-32768)")
		q.Add("_pragma", "journal_size_limit(67108864)")
		q.Add("_pragma", "wal_autocheckpoint(4000)")
	} else {
		q.Add("_pragma", "cache_size(-8192)")
		q.Set("_query_only", "on")
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

func openSQLite(ctx context.Context, path string, o Options) (dialect, error) {
	d := &sqliteDB{path: path}
	var err error
	if d.writers, err = sql.Open("sqlite", sqliteAddress(path, true)); err != nil {
		return nil, err
	}
	d.writers.SetMaxOpenConns(2) // one for ever, one for migrations
	if d.writer, err = firstConn(ctx, d.writers); err != nil {
		_ = d.writers.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	d.writes = newStatements(planOnce(d.writer.PrepareContext))
	if d.readers, err = sql.Open("sqlite", sqliteAddress(path, false)); err != nil {
		_ = d.writers.Close()
		return nil, err
	}
	n := o.Readers
	if n == 0 {
		n = 8
	}
	d.readers.SetMaxOpenConns(n)
	d.readers.SetMaxIdleConns(n)
	d.reads = newStatements(planOnce(d.readers.PrepareContext))
	return d, nil
}

type preparing = func(ctx context.Context, query string) (*sql.Stmt, error)

// planOnce keeps SQLite (since 3.48) from looking at what is bound to LIMIT while it
// plans: a statement that it has looked at so is prepared anew whenever something is
// bound to it, which takes longer than most of them run.
func planOnce(prepare preparing) preparing {
	return func(ctx context.Context, query string) (*sql.Stmt, error) {
		return prepare(ctx, strings.ReplaceAll(query, " LIMIT $", " LIMIT +$"))
	}
}

// firstConn opens a connection. While another process makes a new file a WAL one,
// SQLite answers "locked" at once, whatever the time-out.
func firstConn(ctx context.Context, db *sql.DB) (*sql.Conn, error) {
	for try := 0; ; try++ {
		conn, err := db.Conn(ctx)
		var f *fault.Error
		if err == nil || try == 100 || !errors.As(classify(err), &f) || f.Code != "storage_busy" {
			return conn, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (d *sqliteDB) reader() *sql.DB { return d.readers }
func (d *sqliteDB) read() executor  { return d.reads }

func (d *sqliteDB) steady() executor { return d.reads }

func (d *sqliteDB) close() error {
	d.tidying.Wait()
	d.reads.close()
	err := d.readers.Close()
	d.writes.close()
	_ = d.writer.Close()
	if e := d.writers.Close(); err == nil {
		err = e
	}
	return err
}

// sqliteTx is a transaction on the one writing connection, whose prepared
// statements outlive it.
type sqliteTx struct{ d *sqliteDB }

// undo ends what has begun, or may have: when a context ends while BEGIN is at work,
// that is told as an error although SQLite is through with it, and the one connection
// that writes would stay within a transaction.
func (d *sqliteDB) undo() { _, _ = d.writes.ExecContext(context.Background(), "ROLLBACK") }

func (d *sqliteDB) begin(ctx context.Context) (transaction, error) {
	if err := d.turn.take(ctx); err != nil {
		return nil, err
	}
	if _, err := d.writes.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		d.undo()
		d.turn.pass()
		return nil, err
	}
	return sqliteTx{d}, nil
}

// Statements inside a transaction are short, so they are not interrupted: a
// driver would start a goroutine for each to be able to.
func (t sqliteTx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return t.d.writes.ExecContext(context.WithoutCancel(ctx), query, args...)
}

func (t sqliteTx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return t.d.writes.QueryContext(context.WithoutCancel(ctx), query, args...)
}

func (t sqliteTx) commit() error {
	if _, err := t.d.writes.ExecContext(context.Background(), "COMMIT"); err != nil {
		t.rollback()
		return err
	}
	t.d.turn.pass()
	return nil
}

// rollback: SQLite rolls back by itself on some errors (disk full), then there
// is nothing left to do.
func (t sqliteTx) rollback() {
	t.d.undo()
	t.d.turn.pass()
}

// recordTx waits for the disk when it commits.
type recordTx struct{ sqliteTx }

// beginRecord: with synchronous=NORMAL a commit outlives the end of this process
// and not that of the machine; FULL writes the log through to the disk, with all
// that was committed before (https://www.sqlite.org/pragma.html#pragma_synchronous).
// The pragma acts when it is prepared, and not inside of a transaction.
func (d *sqliteDB) beginRecord(ctx context.Context) (transaction, error) {
	if err := d.turn.take(ctx); err != nil {
		return nil, err
	}
	_, err := d.writer.ExecContext(ctx, "PRAGMA synchronous = FULL")
	if err == nil {
		_, err = d.writes.ExecContext(ctx, "BEGIN IMMEDIATE")
	}
	if err != nil {
		d.undo()
		d.relax()
		d.turn.pass()
		return nil, err
	}
	return recordTx{sqliteTx{d}}, nil
}

// relax undoes what beginRecord has set; if it fails, commits are slower.
func (d *sqliteDB) relax() {
	_, _ = d.writer.ExecContext(context.Background(), "PRAGMA synchronous = NORMAL")
}

func (t recordTx) commit() error {
	if _, err := t.d.writes.ExecContext(context.Background(), "COMMIT"); err != nil {
		t.rollback()
		return err
	}
	t.d.relax()
	t.d.turn.pass()
	t.d.tidy()
	return nil
}

func (t recordTx) rollback() {
	t.d.undo()
	t.d.relax()
	t.d.turn.pass()
}

// tidyEvery is how often the log is carried into the file while the trail is
// being written.
const tidyEvery = 100 * time.Millisecond

// tidy carries the log into the file beside those who write. The writer does it as
// well when the log is long, while everybody waits; most is done by then.
func (d *sqliteDB) tidy() {
	last, now := d.tidying.last.Load(), time.Now().UnixNano()
	if now-last < int64(tidyEvery) || !d.tidying.last.CompareAndSwap(last, now) {
		return
	}
	d.tidying.Go(func() {
		_, _ = d.readers.ExecContext(context.Background(), "PRAGMA wal_checkpoint(PASSIVE)") // the writer will
	})
}

func (d *sqliteDB) migrator() (*sql.DB, goose.Dialect, string) {
	return d.writers, goose.DialectSQLite3, "sqlite"
}

// lockMigrations holds a write lock on an empty database beside the real one: the
// operating system releases it however this process ends. The file stays, since
// another process may be waiting for it.
func (d *sqliteDB) lockMigrations(ctx context.Context) (func(), error) {
	q := url.Values{"_busy_timeout": {"60000"}}
	beside := d.path + ".lock"
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: beside}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		_ = db.Close()
		return nil, err
	}
	unlock := func() {
		_, _ = conn.ExecContext(context.Background(), "ROLLBACK")
		_ = conn.Close()
		_ = db.Close()
	}
	if _, err := conn.ExecContext(ctx, "BEGIN EXCLUSIVE"); err != nil {
		unlock() // cut off, it may have begun all the same
		return nil, err
	}
	return unlock, nil
}

// watch looks a few times a second for facts and jobs of other processes; our
// own commits ring at once.
func (d *sqliteDB) watch(ctx context.Context, s *Store) {
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	var facts, jobs int64
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !s.facts.heard() && !s.jobs.heard() {
			continue
		}
		var f, j int64
		err := d.readers.QueryRowContext(ctx, `SELECT
			COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'facts'), 0),
			COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'jobs'), 0)`).Scan(&f, &j)
		if err != nil {
			continue
		}
		if f != facts {
			s.facts.ring()
		}
		if j != jobs {
			s.jobs.ring()
		}
		facts, jobs = f, j
	}
}

func (d *sqliteDB) in(column string, n int) string {
	return fmt.Sprintf("%s IN (SELECT value FROM json_each($%d))", column, n)
}

func (d *sqliteDB) list(v any) any {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("store: %T has no JSON: %v", v, err))
	}
	return string(b)
}

func (d *sqliteDB) each(n int, _ string) string { return fmt.Sprintf("json_each($%d) v", n) }

// gathers: gathering takes SQLite longer than asking.
func (d *sqliteDB) gathers() bool { return false }

// messageOf: the sign keeps the planner from leading with the message.
func (d *sqliteDB) messageOf(row, condition string) string {
	return " JOIN synced_emails e ON e.pos = +" + row + ".pos AND " + condition
}

func (d *sqliteDB) together() bool { return false }

func (d *sqliteDB) by(index string) string { return " INDEXED BY " + index }

func (d *sqliteDB) forUpdate() string { return "" }

func (d *sqliteDB) lock(context.Context, *tx, int64) error { return nil }

func (d *sqliteDB) notify(context.Context, *tx, string) error { return nil }

// questions gives "(?, ?), (?, ?)". The driver looks up the name of every
// parameter that has one ($1) in a list, which is slow when there are hundreds.
func questions(rows, columns int) string {
	row := "(" + strings.Repeat("?, ", columns-1) + "?)"
	return strings.Repeat(row+", ", rows-1) + row
}

// rowsAtOnce is how many rows one INSERT takes: more gains nothing, and a fixed
// number keeps the statement prepared.
const rowsAtOnce = 16

func (d *sqliteDB) insert(ctx context.Context, t *tx, op, table string, n int, conflict string, columns ...column) error {
	head := "INSERT INTO " + table + " (" + names(columns) + ") VALUES "
	many := head + questions(rowsAtOnce, len(columns)) + " " + conflict
	single := head + questions(1, len(columns)) + " " + conflict
	args := make([]any, 0, rowsAtOnce*len(columns))
	for i := 0; i < n; {
		step, query := 1, single
		if n-i >= rowsAtOnce {
			step, query = rowsAtOnce, many
		}
		args = args[:0]
		for r := i; r < i+step; r++ {
			for _, c := range columns {
				args = append(args, c.at(r))
			}
		}
		if _, err := t.exec(ctx, op, query, args...); err != nil {
			return err
		}
		i += step
	}
	return nil
}

func (d *sqliteDB) update(ctx context.Context, t *tx, op, table string, n int, columns ...column) error {
	sets := make([]string, len(columns)-1)
	for i, c := range columns[1:] {
		sets[i] = c.name + " = ?"
	}
	query := "UPDATE " + table + " SET " + strings.Join(sets, ", ") + " WHERE " + columns[0].name + " = ?"
	args := make([]any, len(columns))
	for r := range n {
		for i, c := range columns[1:] {
			args[i] = c.at(r)
		}
		args[len(columns)-1] = columns[0].at(r)
		if _, err := t.exec(ctx, op, query, args...); err != nil {
			return err
		}
	}
	return nil
}

func (d *sqliteDB) remove(ctx context.Context, t *tx, op, table string, n int, columns ...column) error {
	where := make([]string, len(columns))
	for i, c := range columns {
		where[i] = c.name + " = ?"
	}
	query := "DELETE FROM " + table + " WHERE " + strings.Join(where, " AND ")
	args := make([]any, len(columns))
	for r := range n {
		for i, c := range columns {
			args[i] = c.at(r)
		}
		if _, err := t.exec(ctx, op, query, args...); err != nil {
			return err
		}
	}
	return nil
}

// fts5 writes a search in the language of FTS5
// (https://www.sqlite.org/fts5.html#full_text_query_syntax).
func fts5(p *phrase) string {
	switch p.op {
	case opPhrase:
		text := `"` + strings.Join(p.words, " ") + `"`
		if p.prefix {
			text += " *"
		}
		if p.field != everyField {
			text = documentFields[p.field].name + " : " + text
		}
		return text
	case opWithout:
		text := fts5(p.of[0])
		for _, other := range p.of[1:] {
			text = "(" + text + " NOT " + fts5(other) + ")"
		}
		return text
	}
	parts := make([]string, len(p.of))
	for i, one := range p.of {
		parts[i] = fts5(one)
	}
	with := " AND "
	if p.op == opAny {
		with = " OR "
	}
	return "(" + strings.Join(parts, with) + ")"
}

func (d *sqliteDB) textLead(f *filter, p *phrase) string { return f.arg(fts5(p)) }

func (d *sqliteDB) matches(f *filter) (from, key string) {
	return "email_index x CROSS JOIN synced_emails e ON e.pos = x.rowid AND x.email_index MATCH " + f.text, "x.rowid"
}

func (d *sqliteDB) boundsBoth() bool { return false }

func (d *sqliteDB) matched(f *filter) string {
	return "EXISTS (SELECT 1 FROM email_index x WHERE x.email_index MATCH " + f.text + " AND x.rowid = e.pos)"
}

// frequent: FTS5 gives its matches newest first one by one, so there is no choice.
func (d *sqliteDB) frequent(context.Context, *filter, *phrase) (bool, error) { return false, nil }

func (d *sqliteDB) grow(context.Context, *Store, int) error { return nil }

func (d *sqliteDB) textCondition(f *filter, p *phrase) string {
	return "e.pos IN (SELECT x.rowid FROM email_index x WHERE x.email_index MATCH " + f.arg(fts5(p)) +
		" AND x.rowid BETWEEN " + f.arg(lowest(f.box.no)) + " AND " + f.arg(highest(f.box.no)) + ")"
}

func (d *sqliteDB) index(ctx context.Context, t *tx, documents []entry) error {
	columns := make([]string, len(documentFields))
	for i, f := range documentFields {
		columns[i] = f.name
	}
	query := "INSERT OR REPLACE INTO email_index (rowid, " + strings.Join(columns, ", ") + ") VALUES " + questions(1, len(columns)+1)
	args := make([]any, len(columns)+1)
	for _, e := range documents {
		if e.gone {
			if _, err := t.exec(ctx, "drop from index", "DELETE FROM email_index WHERE rowid = $1", e.pos); err != nil {
				return err
			}
			continue
		}
		args[0] = e.pos
		for i := range columns {
			args[i+1] = e.document[i]
		}
		if _, err := t.exec(ctx, "write index", query, args...); err != nil {
			return err
		}
	}
	return nil
}
