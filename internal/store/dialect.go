package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/pressly/goose/v3"
)

// dialect is what differs between the databases. Everything else is SQL that
// both understand.
type dialect interface {
	// reader is the connections for reading; on PostgreSQL they write too.
	reader() *sql.DB
	// read gives where single statements that read are run.
	read() executor
	// steady gives where those are run that the same plan is best for, whatever their
	// parameters: rows are found by keys.
	steady() executor
	// begin starts a transaction that may write.
	begin(ctx context.Context) (transaction, error)
	// beginRecord starts a transaction of one insert into the audit trail. It is on
	// disk when commit returns.
	beginRecord(ctx context.Context) (transaction, error)
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
	// by stands behind a table to be read by an index; PostgreSQL knows itself.
	by(index string) string
	// messageOf joins the message e of a row that has its position and meets a
	// condition. The row leads.
	messageOf(row, condition string) string
	// together says that mailboxes are better read by one statement than one by one.
	together() bool
	// gathers reports whether "(EXISTS (query about a row)) IS TRUE" has the database
	// gather what the query gives for all rows, and ask that; a bare EXISTS is asked of
	// one row after the other.
	gathers() bool
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
	// boundsBoth says that a range of what leads does not by itself bound what is
	// joined to it.
	boundsBoth() bool
	// matched is the condition that message e matches the query that leads.
	matched(f *filter) string
	// frequent reports whether so many messages match that the newest ones are
	// better looked through than looked up.
	frequent(ctx context.Context, f *filter, p *phrase) (bool, error)
	// textCondition is the condition that message e matches a full-text query.
	textCondition(f *filter, p *phrase) string
	// index puts documents into the full-text index in place of earlier ones.
	index(ctx context.Context, t *tx, documents []entry) error
	// indexRecords puts records into the index of their words in place of earlier
	// entries; a document is words with spaces between them.
	indexRecords(ctx context.Context, t *tx, nos []int64, documents []string) error
	dropRecords(ctx context.Context, t *tx, nos []int64) error
	// recordMatches gives the numbers (no) of records that match the query in
	// parameter n, which recordQuery writes: one of the lists, and a word that begins
	// with each of the beginnings, or is it (whole).
	recordMatches(n int) string
	recordQuery(lists []int64, beginnings []string, whole bool) string
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
	lockMoves int64 = 0x52617070_04 // migrations
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
