// Package storetest opens stores for tests, and holds the suite that every
// database has to pass.
//
// SQLite is a file in the test's folder; PostgreSQL is a fresh database on the
// server that TEST_DATABASE_URL names, dropped afterwards.
package storetest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // for making databases
	"github.com/stretchr/testify/require"

	"rapport/internal/store"
)

// Database is a kind of database to test on.
type Database string

const (
	SQLite     Database = "sqlite"
	PostgreSQL Database = "postgres"
)

// Each runs a test on SQLite and, when TEST_DATABASE_URL is set, on PostgreSQL.
func Each(t *testing.T, test func(t *testing.T, d Database)) {
	t.Helper()
	t.Run(string(SQLite), func(t *testing.T) { test(t, SQLite) })
	if os.Getenv("TEST_DATABASE_URL") == "" {
		t.Log("TEST_DATABASE_URL is not set: PostgreSQL is not tested")
		return
	}
	t.Run(string(PostgreSQL), func(t *testing.T) { test(t, PostgreSQL) })
}

// Open opens a fresh store that is closed when the test ends.
func Open(t testing.TB, d Database, options ...func(*store.Options)) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), Options(t, d, options...))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// Options are those of a fresh, migrated database. Opening them twice gives the
// same database.
func Options(t testing.TB, d Database, options ...func(*store.Options)) store.Options {
	t.Helper()
	o := store.Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
	if d == SQLite {
		o.URL = copyOfSQLite(t)
	} else {
		o.URL = copyOfPostgres(t)
	}
	for _, change := range options {
		change(&o)
	}
	return o
}

// Migrating takes time, so one database is migrated and the others are copies.
var sqliteTemplate = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "rapport-storetest")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "template.db")
	s, err := store.Open(context.Background(), store.Options{URL: path, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

func copyOfSQLite(t testing.TB) string {
	t.Helper()
	template, err := sqliteTemplate()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "rapport.db")
	require.NoError(t, os.WriteFile(path, template, 0o600))
	return path
}

// FreshPostgres makes an empty database and gives its address.
func FreshPostgres(t testing.TB) string {
	t.Helper()
	return makePostgres(t, "template0")
}

// copyOfPostgres gives a database that has just been migrated. Making one takes
// most of a second, so Main keeps those that tests are through with, emptied.
func copyOfPostgres(t testing.TB) string {
	t.Helper()
	pool.Lock()
	if n := len(pool.free); n > 0 {
		url := pool.free[n-1]
		pool.free = pool.free[:n-1]
		pool.Unlock()
		t.Cleanup(func() { giveBack(t, url) })
		return url
	}
	keep := pool.open
	pool.Unlock()
	template, err := postgresTemplate()
	require.NoError(t, err)
	if !keep {
		return makePostgres(t, template)
	}
	name := "rapport_test_" + random()
	require.NoError(t, adminExec(`CREATE DATABASE "`+name+`" TEMPLATE "`+template+`" ENCODING 'UTF8'`))
	pool.Lock()
	pool.made = append(pool.made, name)
	pool.Unlock()
	t.Cleanup(func() { giveBack(t, addressOf(name)) })
	return addressOf(name)
}

// pool holds databases of this process.
var pool struct {
	sync.Mutex
	open bool     // Main drops what was made
	made []string // names
	free []string // addresses of emptied ones
}

// giveBack empties a database, or leaves it alone when somebody still uses it or
// the test has failed.
func giveBack(t testing.TB, url string) {
	if t.Failed() {
		return
	}
	db, err := sql.Open("pgx", url)
	if err != nil {
		return
	}
	defer func() { _ = db.Close() }()
	_, err = db.Exec(`DO $$ BEGIN
		SET LOCAL lock_timeout = '2s';
		EXECUTE (SELECT 'TRUNCATE ' || string_agg(quote_ident(tablename), ', ') || ' RESTART IDENTITY CASCADE'
			FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'goose_%');
	END $$`)
	if err != nil {
		return
	}
	pool.Lock()
	defer pool.Unlock()
	pool.free = append(pool.free, url)
}

var postgresTemplate = sync.OnceValues(func() (string, error) {
	name := "rapport_template_" + random()
	if err := adminExec(`CREATE DATABASE "` + name + `" TEMPLATE template0 ENCODING 'UTF8'`); err != nil {
		return "", err
	}
	pool.Lock()
	pool.made = append(pool.made, name)
	pool.Unlock()
	s, err := store.Open(context.Background(), store.Options{URL: addressOf(name), Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		return "", err
	}
	return name, s.Close()
})

// Main runs the tests of a package and drops what Open left on the server:
// func TestMain(m *testing.M) { storetest.Main(m) }.
func Main(m *testing.M) {
	pool.open = true
	code := m.Run()
	for _, name := range pool.made {
		if err := adminExec(`DROP DATABASE IF EXISTS "` + name + `" WITH (FORCE)`); err != nil {
			fmt.Fprintln(os.Stderr, "dropping a database of the tests:", err)
		}
	}
	os.Exit(code)
}

func makePostgres(t testing.TB, template string) string {
	t.Helper()
	name := "rapport_test_" + random()
	require.NoError(t, adminExec(`CREATE DATABASE "`+name+`" TEMPLATE "`+template+`" ENCODING 'UTF8'`))
	t.Cleanup(func() { require.NoError(t, adminExec(`DROP DATABASE IF EXISTS "`+name+`" WITH (FORCE)`)) })
	return addressOf(name)
}

func random() string { return strings.ToLower(rand.Text()[:12]) }

func addressOf(name string) string {
	u, err := url.Parse(os.Getenv("TEST_DATABASE_URL"))
	if err != nil {
		panic("TEST_DATABASE_URL is not an address: " + err.Error())
	}
	u.Path = "/" + name
	return u.String()
}

func adminExec(query string) error {
	db, err := sql.Open("pgx", os.Getenv("TEST_DATABASE_URL"))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if _, err := db.Exec(query); err != nil {
		return fmt.Errorf("%s: %w", query, err)
	}
	return nil
}
