package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/store"
	. "rapport/internal/store/storetest"
)

func TestMain(m *testing.M) { Main(m) }

var ctx = context.Background()

// empty gives the address of a database that no program has opened yet.
func empty(t *testing.T, d Database) string {
	t.Helper()
	if d == SQLite {
		return filepath.Join(t.TempDir(), "new ünd % file?.db")
	}
	return FreshPostgres(t)
}

func TestSeveralProcessesMigrateAtOnce(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		url := empty(t, d)
		var wg sync.WaitGroup
		for range 5 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				s, err := store.Open(context.Background(), store.Options{URL: url})
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := s.AnyUser(ctx); err != nil {
					t.Error(err)
				}
				if err := s.Ping(ctx); err != nil {
					t.Error(err)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}()
		}
		wg.Wait()
		if d == SQLite {
			_, err := os.Stat(url)
			require.NoError(t, err, "the file has the name it was given")
		}
	})
}

// newest is the number of the last migration there is.
func newest(t *testing.T, d Database) int {
	t.Helper()
	files, err := filepath.Glob("migrations/" + string(d) + "/*.sql")
	require.NoError(t, err)
	number, _, _ := strings.Cut(filepath.Base(files[len(files)-1]), "_")
	n, err := strconv.Atoi(number)
	require.NoError(t, err)
	return n
}

// A migration that is cut off anywhere leaves what was before it or after it, and
// the next start goes on from there.
func TestAMigrationThatIsCutOff(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		url, finished := empty(t, d), false
		for wait := time.Duration(0); !finished; wait += wait/6 + 4*time.Millisecond {
			short, cancel := context.WithTimeout(ctx, wait)
			s, err := store.Open(short, store.Options{URL: url, Logger: slog.New(slog.DiscardHandler)})
			cancel()
			if finished = err == nil; finished {
				_, err = s.AnyUser(ctx)
				require.NoError(t, err)
				require.EqualValues(t, newest(t, d), s.Version())
				require.NoError(t, s.Close())
			} else {
				require.Equal(t, fault.Unavailable, fault.Of(err), "%v", err)
			}
		}
	})
}

func TestANewerDatabaseIsRefused(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		db := w.Look()
		_, err := db.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, TRUE)")
		require.NoError(t, err)
		defer func() {
			_, err := db.Exec("DELETE FROM goose_db_version WHERE version_id = 9999")
			require.NoError(t, err)
			require.NoError(t, db.Close())
		}()
		_, err = store.Open(context.Background(), w.Options)
		require.Equal(t, fault.Conflict, fault.Of(err))
		require.ErrorContains(t, err, "9999")
		require.ErrorContains(t, err, fmt.Sprint(w.Version()))
		require.ErrorContains(t, err, "newer Rapport")
	})
}

func TestBothDatabasesHaveTheSameMigrations(t *testing.T) {
	files := func(folder string) []string {
		entries, err := os.ReadDir(filepath.Join("migrations", folder))
		require.NoError(t, err)
		var list []string
		for _, e := range entries {
			list = append(list, e.Name())
		}
		return list
	}
	require.Equal(t, files("sqlite"), files("postgres"))
}

func TestMigrationsGoBackAndForth(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		db := w.Look()
		defer func() { require.NoError(t, db.Close()) }()
		var list []string
		entries, err := os.ReadDir(filepath.Join("migrations", string(d)))
		require.NoError(t, err)
		for _, e := range slices.Backward(entries) {
			name := e.Name()
			text, err := os.ReadFile(filepath.Join("migrations", string(d), name))
			require.NoError(t, err)
			up, down, ok := strings.Cut(string(text), "-- +goose Down")
			require.True(t, ok)
			_, err = db.Exec(down)
			require.NoError(t, err, name)
			list = append([]string{up}, list...)
		}
		for _, up := range list {
			_, err := db.Exec(up)
			require.NoError(t, err)
		}
	})
}

func TestWhatCannotBeOpened(t *testing.T) {
	for _, url := range []string{"", "/nowhere/at/all/rapport.db", "postgres://127.0.0.1:1/none?connect_timeout=1", "postgres://%zz"} {
		_, err := store.Open(context.Background(), store.Options{URL: url})
		require.Error(t, err, url)
		if strings.HasPrefix(url, "/") || strings.HasSuffix(url, "=1") {
			require.Equal(t, fault.Unavailable, fault.Of(err), url)
		}
	}
	path := filepath.Join(t.TempDir(), "text.db")
	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("this is no database. ", 100)), 0o600))
	_, err := store.Open(context.Background(), store.Options{URL: path})
	var f *fault.Error
	require.ErrorAs(t, err, &f)
	require.Equal(t, "storage_damaged", f.Code)
}

func TestAFullDisk(t *testing.T) {
	w := NewWorld(t, SQLite)
	c := w.Connect(w.Home, w.Ada, "ada")
	w.Put(c, Whole(Mail(1))...)
	before := w.Dump()
	require.NoError(t, store.WriterExec(w.Store, "PRAGMA max_page_count = 1")) // SQLite takes the number of pages there are
	big := Mail(2, func(e *crm.Email) { e.BodyText = strings.Repeat("full ", 100000) })
	_, err := w.TryPut(ctx, c, Whole(big)...)
	var f *fault.Error
	require.ErrorAs(t, err, &f)
	require.Equal(t, fault.Unavailable, f.Kind)
	require.Equal(t, "storage_full", f.Code)
	require.NotContains(t, f.Text, "SQLITE")
	after := w.Dump()
	require.Equal(t, before, after)
	require.NoError(t, store.WriterExec(w.Store, "PRAGMA max_page_count = 1000000"))
	w.Put(c, Whole(big)...)
	w.Consistent()
}

func TestALockedDatabase(t *testing.T) {
	w := NewWorld(t, SQLite)
	c := w.Connect(w.Home, w.Ada, "ada")
	db, err := sql.Open("sqlite", "file:"+w.Options.URL)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	conn, err := db.Conn(ctx)
	require.NoError(t, err)
	_, err = conn.ExecContext(ctx, "BEGIN IMMEDIATE")
	require.NoError(t, err)
	require.NoError(t, store.WriterExec(w.Store, "PRAGMA busy_timeout = 50"))
	_, err = w.TryPut(ctx, c, Whole(Mail(1))...)
	var f *fault.Error
	require.ErrorAs(t, err, &f)
	require.Equal(t, "storage_busy", f.Code)
	require.True(t, fault.Passing(err))
	_, err = w.Email(ctx, Caller(w.Home, w.Ada), "x")
	require.Equal(t, fault.NotFound, fault.Of(err), "readers do not wait for a writer")
	_, err = conn.ExecContext(ctx, "ROLLBACK")
	require.NoError(t, err)
	w.Put(c, Whole(Mail(1))...)
	require.NoError(t, conn.Close())
}

func TestAServerThatGoesAway(t *testing.T) {
	if os.Getenv("TEST_DATABASE_URL") == "" {
		t.Log("TEST_DATABASE_URL is not set: PostgreSQL is not tested")
		return
	}
	w := NewWorld(t, PostgreSQL)
	c := w.Connect(w.Home, w.Ada, "ada")
	killed := false
	w.Hook = func(_ context.Context, op string) error {
		if op == "mail.Apply/insert bodies" && !killed {
			killed = true
			db := w.Look()
			defer func() { _ = db.Close() }()
			_, err := db.Exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
			return err
		}
		return nil
	}
	_, err := w.TryPut(ctx, c, Whole(Mail(1))...)
	require.Equal(t, fault.Unavailable, fault.Of(err), "%v", err)
	require.Empty(t, w.Stored(c))
	for err != nil { // the pool may hold further connections that are dead
		require.Equal(t, fault.Unavailable, fault.Of(err), "%v", err)
		_, err = w.TryPut(ctx, c, Whole(Mail(1))...)
	}
	require.Len(t, w.Stored(c), 1)
	w.Consistent()
}

func TestACancelledCall(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		c := w.Connect(w.Home, w.Ada, "ada")
		cancelled, cancel := context.WithCancel(context.Background())
		w.Hook = func(_ context.Context, op string) error {
			if op == "mail.Apply/insert bodies" {
				cancel()
			}
			return nil
		}
		_, err := w.TryPut(cancelled, c, Whole(Mail(1))...)
		require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
		require.Empty(t, w.Stored(c))
		_, err = w.Load(cancelled, Key(c, crm.StreamGmailBackfill))
		require.ErrorIs(t, err, context.Canceled)
		w.Put(c, Whole(Mail(1))...)
	})
}

// What stands beside tags from migration 24 on is there for those of before, too: every
// world looks at it at its end.
func TestTagsOfBeforeAreOrdered(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		_, err := w.ObjectTypes(ctx, w.Home)
		require.NoError(t, err)
		db := w.Look()
		defer func() { require.NoError(t, db.Close()) }()
		text, err := os.ReadFile(filepath.Join("migrations", string(d), "00024_tag_orders.sql"))
		require.NoError(t, err)
		up, down, ok := strings.Cut(string(text), "-- +goose Down")
		require.True(t, ok)
		for _, statement := range []string{
			down,
			`INSERT INTO records (id, workspace_id, list_no, type, name, name_key, maker, words, created_at, updated_at, last_at, deleted_at)
				SELECT 'before' || o.no, o.workspace_id, o.no, o.key, 'B', 'b', 'mail', ' b', o.no, o.no + 1, o.no + 2, CASE WHEN o.key = 'deal' THEN 7 END FROM object_types o`,
			`INSERT INTO record_tags (tag_no, record_no) SELECT 1, no FROM records`,
			up,
		} {
			_, err := db.Exec(statement)
			require.NoError(t, err, statement)
		}
		var n int
		require.NoError(t, db.QueryRow("SELECT COUNT(*) FROM record_tags").Scan(&n))
		require.GreaterOrEqual(t, n, 3)
	})
}
