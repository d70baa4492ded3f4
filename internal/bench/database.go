package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // driver "pgx"
	_ "modernc.org/sqlite"             // driver "sqlite"
)

// database is a kind of database that is measured.
type database struct {
	name   string // SQLite, PostgreSQL
	server string // address of the server; "" for SQLite
	folder string
}

func databases(scratch string) []database {
	out := []database{{name: "SQLite", folder: scratch}}
	if server := os.Getenv("TEST_DATABASE_URL"); server != "" {
		out = append(out, database{name: "PostgreSQL", server: server, folder: scratch})
	}
	return out
}

// place is one empty or filled database. Exactly one of Path and URL is set.
type place struct {
	Path string `json:"path,omitempty"`
	URL  string `json:"url,omitempty"`
}

var made atomic.Int64

// fresh makes an empty database; drop removes it.
func (d database) fresh(ctx context.Context) (p place, drop func(), err error) {
	n := made.Add(1)
	if d.server == "" {
		dir := filepath.Join(d.folder, fmt.Sprintf("db%d", n))
		if err := os.Mkdir(dir, 0o700); err != nil {
			return place{}, nil, err
		}
		return place{Path: filepath.Join(dir, "rapport.db")}, func() { os.RemoveAll(dir) }, nil
	}
	name := fmt.Sprintf("rapport_bench_%d_%d", os.Getpid(), n)
	if err := d.admin(ctx, `CREATE DATABASE `+name); err != nil {
		return place{}, nil, fmt.Errorf("creating a database: %w", err)
	}
	u, err := url.Parse(d.server)
	if err != nil {
		return place{}, nil, err
	}
	u.Path = "/" + name
	return place{URL: u.String()}, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		if err := d.admin(ctx, `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`); err != nil {
			fmt.Fprintln(os.Stderr, "bench: dropping a database:", err)
		}
	}, nil
}

// stocked is a database with what fill writes. With --keep it stays, and the next run
// that asks for the same name reads it again: changes of the schema since then are
// migrated by the program as it starts.
func (b *bench) stocked(ctx context.Context, d database, name string, fill func(at place) error) (p place, drop func(), err error) {
	if b.keep == "" {
		if p, drop, err = d.fresh(ctx); err != nil {
			return p, nil, err
		}
		if err = fill(p); err != nil {
			drop()
		}
		return p, drop, err
	}
	p, there, err := b.kept(ctx, d, name)
	if err != nil || there {
		return p, func() {}, err
	}
	at, drop, err := d.fresh(ctx)
	if err != nil {
		return p, nil, err
	}
	defer drop()
	if err := fill(at); err != nil {
		return p, nil, err
	}
	if at.URL == "" {
		if err := os.MkdirAll(filepath.Dir(p.Path), 0o700); err != nil {
			return p, nil, err
		}
		return p, func() {}, os.Rename(at.Path, p.Path) // settled: nothing stands in its log
	}
	return p, func() {}, d.admin(ctx, `ALTER DATABASE `+databaseName(at)+` RENAME TO `+databaseName(p))
}

// kept is where a filled database stays, and whether it is there.
func (b *bench) kept(ctx context.Context, d database, name string) (p place, there bool, err error) {
	if d.server == "" {
		p.Path = filepath.Join(b.keep, name, "rapport.db")
		_, err := os.Stat(p.Path)
		return p, err == nil, nil
	}
	u, err := url.Parse(d.server)
	if err != nil {
		return p, false, err
	}
	server := place{URL: u.String()}
	u.Path = "/rapport_bench_" + strings.ReplaceAll(name, "-", "_")
	p.URL = u.String()
	n, err := server.count(ctx, `SELECT COUNT(*) FROM pg_database WHERE datname = $1`, databaseName(p))
	return p, n > 0, err
}

// databaseName is that of a database of PostgreSQL.
func databaseName(p place) string {
	u, err := url.Parse(p.URL)
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(u.Path, "/")
}

func (d database) admin(ctx context.Context, statement string) error {
	db, err := sql.Open("pgx", d.server)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, statement)
	return err
}

// open is a plain connection for checks and preparations, beside the product's.
func (p place) open() (*sql.DB, error) {
	if p.URL != "" {
		return sql.Open("pgx", p.URL)
	}
	return sql.Open("sqlite", "file:"+p.Path+"?_pragma=busy_timeout(20000)&_pragma=journal_mode(WAL)")
}

// count runs a query that gives one number.
func (p place) count(ctx context.Context, query string, args ...any) (int64, error) {
	db, err := p.open()
	if err != nil {
		return 0, err
	}
	defer db.Close()
	var n int64
	if err := db.QueryRowContext(ctx, query, args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("%s: %w", query, err)
	}
	return n, nil
}

// megabytes is what the database takes on disk.
func (p place) megabytes(ctx context.Context) float64 {
	if p.URL != "" {
		n, err := p.count(ctx, `SELECT pg_database_size(current_database())`)
		if err != nil {
			return 0
		}
		return float64(n) / 1e6
	}
	var total int64
	for _, suffix := range []string{"", "-wal"} {
		if info, err := os.Stat(p.Path + suffix); err == nil {
			total += info.Size()
		}
	}
	return float64(total) / 1e6
}

// postmaster finds the process of the PostgreSQL server when it runs on this
// machine, 0 otherwise.
func (p place) postmaster(ctx context.Context) int {
	if p.URL == "" {
		return 0
	}
	db, err := p.open()
	if err != nil {
		return 0
	}
	defer db.Close()
	var backend int64
	if err := db.QueryRowContext(ctx, `SELECT pg_backend_pid()`).Scan(&backend); err != nil {
		return 0
	}
	comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", backend))
	if err != nil || !strings.HasPrefix(string(comm), "postgres") {
		return 0
	}
	_, _, parent, err := processTimes(int(backend))
	if err != nil {
		return 0
	}
	return parent
}

// tables of the product in a database.
func (p place) tables(ctx context.Context, db *sql.DB) ([]string, error) {
	query := `SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%'`
	if p.URL != "" {
		query = `SELECT tablename FROM pg_tables WHERE schemaname=current_schema()`
	}
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		if name != "bench_writes" && !strings.HasPrefix(name, "goose") {
			out = append(out, name)
		}
	}
	return out, rows.Err()
}

// countWrites sets triggers that count every row written, by table; writes
// reads and clears the counts.
func (p place) countWrites(ctx context.Context) error {
	db, err := p.open()
	if err != nil {
		return err
	}
	defer db.Close()
	tables, err := p.tables(ctx, db)
	if err != nil {
		return err
	}
	var script strings.Builder
	script.WriteString(`CREATE TABLE bench_writes (name text);`)
	if p.URL != "" {
		script.WriteString(`CREATE FUNCTION bench_wrote() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO bench_writes VALUES (TG_TABLE_NAME); RETURN NULL; END $$;`)
	}
	for _, t := range tables {
		if p.URL != "" {
			fmt.Fprintf(&script, `CREATE TRIGGER bench_wrote AFTER INSERT OR UPDATE OR DELETE ON %q FOR EACH ROW EXECUTE FUNCTION bench_wrote();`, t)
			continue
		}
		for _, verb := range []string{"INSERT", "UPDATE", "DELETE"} {
			fmt.Fprintf(&script, `CREATE TRIGGER bench_%s_%s AFTER %s ON %q BEGIN INSERT INTO bench_writes VALUES ('%s'); END;`, strings.ToLower(verb), t, verb, t, t)
		}
	}
	_, err = db.ExecContext(ctx, script.String())
	return err
}

func (p place) writes(ctx context.Context) (map[string]int, error) {
	db, err := p.open()
	if err != nil {
		return nil, err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, `SELECT name, count(*) FROM bench_writes GROUP BY name`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]int{}
	for rows.Next() {
		var name string
		var n int
		if err := rows.Scan(&name, &n); err != nil {
			return nil, err
		}
		out[name] = n
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	_, err = db.ExecContext(ctx, `DELETE FROM bench_writes`)
	return out, err
}
