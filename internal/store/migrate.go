package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"

	"rapport/internal/fault"
)

//go:embed migrations
var migrations embed.FS

// migrate brings the database to the newest version this program knows, or
// refuses another one when it is to stay as it is.
func (s *Store) migrate(ctx context.Context, asItIs bool) (int64, error) {
	db, kind, folder := s.d.migrator()
	sub, err := fs.Sub(migrations, "migrations/"+folder)
	if err != nil {
		return 0, err
	}
	provider, err := goose.NewProvider(kind, db, sub, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return 0, fmt.Errorf("reading the migrations: %w", err)
	}
	sources := provider.ListSources()
	newest := sources[len(sources)-1].Version
	at, err := storedVersion(ctx, db)
	switch {
	case err == nil && at == newest:
		return at, nil
	case err != nil && asItIs:
		return 0, classify(fmt.Errorf("reading the version of the database: %w", err))
	case at < newest && asItIs:
		return 0, &fault.Error{Kind: fault.Conflict, Code: "older_database", Text: fmt.Sprintf(
			"The database has version %d, and this program needs version %d: `rapport migrate` or the next start of `rapport serve` brings it there.", at, newest)}
	}
	unlock, err := s.d.lockMigrations(ctx)
	if err != nil {
		return 0, classify(fmt.Errorf("waiting for another process to finish its migration: %w", err))
	}
	defer unlock()
	if at, err = provider.GetDBVersion(ctx); err != nil {
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
