// Package store keeps everything in a database: SQLite in one file, or
// PostgreSQL. SQL is written once, in PostgreSQL's $1 style; dialect.go holds
// every difference.
//
// Rules:
//   - One *Store implements every port that the rooms declare for keeping things.
//   - What belongs together is written in one transaction; the facts it causes are
//     written in the same one (see facts.go).
//   - Who may read whose mail is decided by one function (visible, in access.go)
//     that stands in every query reading mail.
//   - Times are microseconds since 1970 in BIGINT columns, lists are JSON.
//   - Errors leave classified as fault; the text of the database never does.
package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"rapport/internal/crm"
)

// Options of a store.
type Options struct {
	// URL is postgres://… or the path of an SQLite file (its folder must exist).
	URL string
	// Now stamps rows; nil: the system's clock. One stamp per transaction.
	Now func() time.Time
	// NewID makes identifiers; nil: UUIDs version 7.
	NewID func() string
	// Logger is told about what goes on beside calls; nil: the default one.
	Logger *slog.Logger
	// Readers is the number of connections for reading (SQLite) or for
	// everything (PostgreSQL); 0: 8 and 16.
	Readers int
	// CacheBytes bounds attachments_cache; 0: 512 MiB.
	CacheBytes int64
	// AsItIs leaves the database at the version it has: an older one is refused,
	// as a newer one always is.
	AsItIs bool
	// Hook, for tests, is called before every statement that writes, before
	// every commit and after it. An error from it ends the transaction as a
	// crash at this point would. Operations are named "transaction/statement",
	// such as "mail.Apply/insert emails", "mail.Apply/commit" (nothing is
	// written yet) and "mail.Apply/committed" (everything is).
	Hook func(ctx context.Context, operation string) error
}

// Store is an open database.
type Store struct {
	d       dialect
	now     func() time.Time
	newID   func() string
	log     *slog.Logger
	hook    func(ctx context.Context, operation string) error
	cache   int64
	version int64

	facts *bell // rung after a commit that wrote facts
	jobs  *bell // rung after a commit that made jobs due
	index *bell // rung after a commit that queued messages for the index
	desk  desk  // where audit rows are written

	domains domainMemory
	stop    context.CancelFunc
	ended   chan struct{}
}

// Open opens the database, creates or migrates it as needed, and refuses one
// that a newer program has written (fault.Conflict).
func Open(ctx context.Context, o Options) (*Store, error) {
	s := &Store{now: o.Now, newID: o.NewID, log: o.Logger, hook: o.Hook, cache: o.CacheBytes, facts: newBell(), jobs: newBell(), index: newBell()}
	s.defaults()
	d, err := openDialect(ctx, o)
	if err != nil {
		return nil, classify(fmt.Errorf("opening the database: %w", err))
	}
	s.d = d
	if s.version, err = s.migrate(ctx, o.AsItIs); err != nil {
		d.close()
		return nil, err
	}
	background, stop := context.WithCancel(context.Background())
	s.stop, s.ended = stop, make(chan struct{})
	go func() {
		defer close(s.ended)
		d.watch(background, s)
	}()
	return s, nil
}

func (s *Store) defaults() {
	if s.now == nil {
		s.now = time.Now
	}
	if s.newID == nil {
		s.newID = func() string {
			id, err := crm.NewID(s.now(), rand.Reader)
			if err != nil {
				panic(err) // crypto/rand does not fail (its documentation)
			}
			return id
		}
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.cache == 0 {
		s.cache = 512 << 20
	}
}

// openDialect chooses by the address.
func openDialect(ctx context.Context, o Options) (dialect, error) {
	if strings.HasPrefix(o.URL, "postgres://") || strings.HasPrefix(o.URL, "postgresql://") {
		return openPostgres(ctx, o)
	}
	path := strings.TrimPrefix(o.URL, "sqlite:")
	if path == "" {
		return nil, fmt.Errorf("no database is named")
	}
	return openSQLite(ctx, filepath.Clean(path), o)
}

// Close ends the background work and the connections.
func (s *Store) Close() error {
	s.stop()
	<-s.ended
	s.facts.close()
	s.jobs.close()
	return s.d.close()
}

// Ping answers whether the database does.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	err := s.d.reader().QueryRowContext(ctx, "SELECT 1").Scan(&one)
	return classify(err)
}

// Version is the number of the newest migration in the database.
func (s *Store) Version() int64 { return s.version }

// DB gives the connections that read, for statistics and for tests.
func (s *Store) DB() *sql.DB { return s.d.reader() }

// stamp is a time as it is stored, 0 for the zero time.
func stamp(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// clock is a stored time, the zero time for 0.
func clock(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// stampPtr and clockPtr are the same for columns that may be null.
func stampPtr(t *time.Time) *int64 {
	if t == nil {
		return nil
	}
	us := t.UnixMicro()
	return &us
}

func clockPtr(us *int64) *time.Time {
	if us == nil {
		return nil
	}
	t := time.UnixMicro(*us).UTC()
	return &t
}
