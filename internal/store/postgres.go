package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

// postgresDB is PostgreSQL 13 or later through pgx, which keeps statements
// prepared by itself.
type postgresDB struct {
	db     *sql.DB
	keyed  *sql.DB // for steady
	config *pgx.ConnConfig
	common commonWords
}

func openPostgres(ctx context.Context, o Options) (dialect, error) {
	config, err := pgx.ParseConfig(o.URL)
	if err != nil {
		return nil, fmt.Errorf("the address of the database is not understood: %w", err)
	}
	config.RuntimeParams["application_name"] = "rapport"
	config.RuntimeParams["timezone"] = "UTC"
	n := o.Readers
	if n == 0 {
		n = 16
	}
	d := &postgresDB{db: pool(config, n, planned), keyed: pool(config, max(1, n/2), keyed), config: config}
	if err := d.db.PingContext(ctx); err != nil {
		_ = d.close()
		return nil, err
	}
	return d, nil
}

func pool(config *pgx.ConnConfig, n int, settings string) *sql.DB {
	db := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, settings)
		return err
	}))
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return db
}

// Settings of connections. The default cost of random reads is that of turning disks,
// and starting workers takes longer than a page may. Generic plans know neither how
// long a range is nor how frequent a word; but where rows are found by keys, planning
// takes as long as reading them. Such a plan may be made while the tables are small:
// then, too, it has to go by the indexes.
const (
	settings = "SET random_page_cost = 1.1; SET jit = off; SET max_parallel_workers_per_gather = 0; "
	planned  = settings + "SET plan_cache_mode = force_custom_plan"
	keyed    = settings + "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off"
)

func (d *postgresDB) reader() *sql.DB { return d.db }
func (d *postgresDB) read() executor  { return d.db }

func (d *postgresDB) steady() executor { return d.keyed }

func (d *postgresDB) close() error { return errors.Join(d.db.Close(), d.keyed.Close()) }

type postgresTx struct{ *sql.Tx }

func (t postgresTx) commit() error { return t.Commit() }
func (t postgresTx) rollback()     { _ = t.Rollback() }

func (d *postgresDB) begin(ctx context.Context) (transaction, error) {
	t, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	return postgresTx{t}, nil
}

// lateTx is a transaction of one statement, which is sent when it commits: a
// statement by itself is a transaction, and begin and commit would be two more
// journeys for which everybody waits who wants to record.
type lateTx struct {
	d     *postgresDB
	ctx   context.Context
	query string
	args  []any
}

func (d *postgresDB) beginRecord(ctx context.Context) (transaction, error) {
	return &lateTx{d: d, ctx: ctx}, nil
}

// ExecContext keeps the statement. Nobody asks how many rows it changes.
func (t *lateTx) ExecContext(_ context.Context, query string, args ...any) (sql.Result, error) {
	if t.query != "" {
		return nil, errors.New("a transaction of one statement was given two")
	}
	t.query, t.args = query, args
	return driver.RowsAffected(0), nil
}

func (t *lateTx) QueryContext(context.Context, string, ...any) (*sql.Rows, error) {
	return nil, errors.New("a transaction of one statement reads nothing")
}

func (t *lateTx) commit() error {
	if t.query == "" {
		return nil
	}
	_, err := t.d.db.ExecContext(t.ctx, t.query, t.args...)
	return err
}

func (t *lateTx) rollback() {}

func (d *postgresDB) migrator() (*sql.DB, goose.Dialect, string) {
	return d.db, goose.DialectPostgres, "postgres"
}

// lockMigrations is an advisory lock of a session: it ends with the connection.
func (d *postgresDB) lockMigrations(ctx context.Context) (func(), error) {
	conn, err := d.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", lockMoves); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return func() {
		_, _ = conn.ExecContext(context.Background(), "SELECT pg_advisory_unlock($1)", lockMoves)
		_ = conn.Close()
	}, nil
}

// watch listens on a connection of its own and rings for every process's
// commits; after a lost connection it rings once, for what it may have missed.
func (d *postgresDB) watch(ctx context.Context, s *Store) {
	for ctx.Err() == nil {
		if err := d.listen(ctx, s); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "listening for notifications of the database ended; trying again", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
			s.facts.ring()
			s.jobs.ring()
		}
	}
}

func (d *postgresDB) listen(ctx context.Context, s *Store) error {
	conn, err := pgx.ConnectConfig(ctx, d.config)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(ctx, "LISTEN "+channelFacts+"; LISTEN "+channelJobs); err != nil {
		return err
	}
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		switch n.Channel {
		case channelFacts:
			s.facts.ring()
		case channelJobs:
			s.jobs.ring()
		}
	}
}

func (d *postgresDB) in(column string, n int) string { return fmt.Sprintf("%s = ANY($%d)", column, n) }

func (d *postgresDB) list(v any) any { return v }

func (d *postgresDB) each(n int, kind string) string {
	return fmt.Sprintf("unnest($%d::%s[]) v(value)", n, kind)
}

// gathers: such an EXISTS stays a filter of its own, answered from a hash. An IN would
// be one only where the planner thinks that the hash is small, and without one takes
// for ever.
func (d *postgresDB) gathers() bool { return true }

// messageOf: the OFFSET keeps the planner from reading the messages first.
func (d *postgresDB) messageOf(row, condition string) string {
	return " JOIN LATERAL (SELECT * FROM synced_emails s WHERE s.pos = " + row + ".pos OFFSET 0) e ON " + condition
}

func (d *postgresDB) together() bool { return true }

func (d *postgresDB) by(string) string { return "" }

func (d *postgresDB) forUpdate() string { return " FOR NO KEY UPDATE" }

func (d *postgresDB) lock(ctx context.Context, t *tx, what int64) error {
	_, err := t.exec(ctx, "lock", "SELECT pg_advisory_xact_lock($1)", what)
	return err
}

func (d *postgresDB) notify(ctx context.Context, t *tx, channel string) error {
	_, err := t.exec(ctx, "notify", "SELECT pg_notify($1, '')", channel)
	return err
}

// kindOf is the array type a column goes over the wire as.
func kindOf(c column) string {
	switch c.values.(type) {
	case []string:
		return "text"
	case []int64, []*int64:
		return "bigint"
	case []bool:
		return "boolean"
	case [][]byte:
		return "bytea"
	case []float64:
		return "double precision"
	}
	panic(fmt.Sprintf("store: column %s holds %T", c.name, c.values))
}

func unnest(columns []column) (string, []any) {
	all, args := make([]string, len(columns)), make([]any, len(columns))
	for i, c := range columns {
		all[i], args[i] = fmt.Sprintf("$%d::%s[]", i+1, kindOf(c)), c.values
	}
	return "unnest(" + strings.Join(all, ", ") + ")", args
}

func (d *postgresDB) insert(ctx context.Context, t *tx, op, table string, n int, conflict string, columns ...column) error {
	if n == 0 {
		return nil
	}
	from, args := unnest(columns)
	_, err := t.exec(ctx, op, "INSERT INTO "+table+" ("+names(columns)+") SELECT * FROM "+from+" "+conflict, args...)
	return err
}

func (d *postgresDB) update(ctx context.Context, t *tx, op, table string, n int, columns ...column) error {
	if n == 0 {
		return nil
	}
	sets := make([]string, len(columns)-1)
	for i, c := range columns[1:] {
		sets[i] = c.name + " = v." + c.name
	}
	from, args := unnest(columns)
	key := columns[0].name
	_, err := t.exec(ctx, op, "UPDATE "+table+" SET "+strings.Join(sets, ", ")+
		" FROM "+from+" v("+names(columns)+") WHERE "+table+"."+key+" = v."+key, args...)
	return err
}

func (d *postgresDB) remove(ctx context.Context, t *tx, op, table string, _ int, columns ...column) error {
	where := make([]string, len(columns))
	for i, c := range columns {
		where[i] = table + "." + c.name + " = v." + c.name
	}
	from, args := unnest(columns)
	_, err := t.exec(ctx, op, "DELETE FROM "+table+" USING "+from+" v("+names(columns)+") WHERE "+strings.Join(where, " AND "), args...)
	return err
}

// tsquery writes a search in the language of tsquery (PostgreSQL manual, 8.11.2).
func tsquery(p *phrase) string {
	switch p.op {
	case opPhrase:
		parts := make([]string, len(p.words))
		for i, w := range p.words {
			if p.field != everyField {
				w = fieldWord(p.field, w)
			}
			parts[i] = "'" + w + "'"
		}
		if p.prefix {
			parts[len(parts)-1] += ":*"
		}
		return "(" + strings.Join(parts, " <-> ") + ")"
	case opWithout:
		text := tsquery(p.of[0])
		for _, other := range p.of[1:] {
			text += " & !" + tsquery(other)
		}
		return "(" + text + ")"
	}
	parts := make([]string, len(p.of))
	for i, one := range p.of {
		parts[i] = tsquery(one)
	}
	with := " & "
	if p.op == opAny {
		with = " | "
	}
	return "(" + strings.Join(parts, with) + ")"
}

// boxWord is a word of every document of a mailbox, so that the index is asked
// for this mailbox only. Words of ours begin with a colon, those of texts never
// do, not even a part of one that somebody is typing.
func boxWord(pos int64) string { return fmt.Sprintf(":m%d", pos>>timeBits) }

// fieldWord is a word as it stands in one field.
func fieldWord(field int, word string) string { return ":" + documentFields[field].prefix + word }

func (d *postgresDB) textLead(f *filter, p *phrase) string {
	return f.arg("'" + boxWord(f.low) + "' & " + tsquery(p))
}

// matches fences the look into the GIN index: what else is asked for must not
// make the planner read documents one by one. Then each message is looked up by
// itself until the page is full: a merge join would read half of the mailbox for
// a rare word.
func (d *postgresDB) matches(f *filter) (from, key string) {
	return "(SELECT g.pos FROM email_index g WHERE g.doc @@ CAST(" + f.text + " AS text)::tsquery ORDER BY g.pos DESC OFFSET 0) x" +
		" CROSS JOIN LATERAL (SELECT * FROM synced_emails s WHERE s.pos = x.pos OFFSET 0) e", "x.pos"
}

// boundsBoth: a merge join would read the messages from the newest of all mailboxes on.
func (d *postgresDB) boundsBoth() bool { return true }

// matched is a value for each message, where EXISTS would let the planner match
// all documents beforehand.
func (d *postgresDB) matched(f *filter) string {
	return "(SELECT x.doc @@ CAST(" + f.text + " AS text)::tsquery FROM email_index x WHERE x.pos = e.pos)"
}

func (d *postgresDB) textCondition(f *filter, p *phrase) string {
	return "EXISTS (SELECT 1 FROM email_index x WHERE x.pos = e.pos AND x.doc @@ CAST(" + f.arg(tsquery(p)) + " AS text)::tsquery)"
}

// tsvector writes a document as PostgreSQL reads it: each word with its places,
// words of a field once more with the field's prefix. Between two fields there is
// a gap, so no phrase crosses it.
func tsvector(pos int64, d document) string {
	var b strings.Builder
	b.WriteString("'" + boxWord(pos) + "'")
	at := 0
	for i, text := range d {
		prefix := documentFields[i].prefix
		for w := range strings.SplitSeq(text, " ") {
			if at++; w == filler || w == "" {
				continue
			}
			place := strconv.Itoa(at)
			b.WriteString(" '" + w + "':" + place)
			if prefix != "" {
				b.WriteString(" '" + fieldWord(i, w) + "':" + place)
			}
		}
		at += 2
	}
	return b.String()
}

func (d *postgresDB) index(ctx context.Context, t *tx, documents []entry) error {
	var gone, pos []int64
	var docs []string
	for _, e := range documents {
		if e.gone {
			gone = append(gone, e.pos)
			continue
		}
		pos, docs = append(pos, e.pos), append(docs, tsvector(e.pos, e.document))
	}
	if len(gone) > 0 {
		if _, err := t.exec(ctx, "drop from index", "DELETE FROM email_index WHERE pos = ANY($1)", gone); err != nil {
			return err
		}
	}
	if len(pos) == 0 {
		return nil
	}
	_, err := t.exec(ctx, "write index", `INSERT INTO email_index (pos, doc) SELECT v.pos, v.doc::tsvector
		FROM unnest($1::bigint[], $2::text[]) v(pos, doc) ON CONFLICT (pos) DO UPDATE SET doc = excluded.doc`, pos, docs)
	return err
}
