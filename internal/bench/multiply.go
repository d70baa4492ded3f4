package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// multiply makes a mailbox of n invented messages times as large by copying its
// rows to earlier dates inside PostgreSQL, index entries included: writing a
// million messages one by one would take longer than all measurements. The
// indexes are dropped meanwhile and built again as they were.
func multiply(ctx context.Context, at place, n, times int) error {
	if times <= 1 {
		return nil
	}
	db, err := at.open()
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // settings of a session
	for _, setting := range []string{
		`SET maintenance_work_mem = '512MB'`, `SET max_parallel_maintenance_workers = 2`,
		`SET session_replication_role = replica`, // no foreign keys while copying; a superuser may
	} {
		_, _ = db.ExecContext(ctx, setting) // without them it only takes longer
	}
	again, err := dropIndexes(ctx, db)
	if err != nil {
		return err
	}
	span := n * minutesApart * 60 // seconds
	copies := map[string]map[string]string{
		"synced_emails": {
			"pos": fmt.Sprintf("pos - k * (%d::bigint << 9)", span), "id": "md5(id || k)::uuid::text", "gmail_id": "gmail_id || to_hex(k)",
			"gmail_thread_id": "gmail_thread_id || to_hex(k)", "gmail_date": fmt.Sprintf("gmail_date - k * %d::bigint * 1000000", span),
		},
		"email_bodies":      {"pos": fmt.Sprintf("pos - k * (%d::bigint << 9)", span)},
		"email_labels":      {"pos": fmt.Sprintf("pos - k * (%d::bigint << 9)", span)},
		"email_index":       {"pos": fmt.Sprintf("pos - k * (%d::bigint << 9)", span)},
		"email_attachments": {"pos": fmt.Sprintf("pos - k * (%d::bigint << 9)", span), "id": "md5(id || k)::uuid::text"},
	}
	for _, table := range []string{"synced_emails", "email_bodies", "email_labels", "email_index", "email_attachments"} {
		if err := copyRows(ctx, db, table, copies[table], times-1); err != nil {
			return fmt.Errorf("copying %s: %w", table, err)
		}
	}
	if _, err := db.ExecContext(ctx, `UPDATE mailbox_counts SET total = total * $1, unread = unread * $1, threads = threads * $1`, times); err != nil {
		return err
	}
	for _, definition := range again {
		if _, err := db.ExecContext(ctx, definition); err != nil {
			return fmt.Errorf("%s: %w", definition, err)
		}
	}
	return nil
}

// copyRows inserts every row k = 1..copies times with some columns changed.
func copyRows(ctx context.Context, db *sql.DB, table string, changed map[string]string, copies int) error {
	columns, err := texts(ctx, db, `SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position`, table)
	if err != nil {
		return err
	}
	values := make([]string, len(columns))
	for i, c := range columns {
		values[i] = c
		if v, ok := changed[c]; ok {
			values[i] = v
		}
	}
	_, err = db.ExecContext(ctx, fmt.Sprintf(`INSERT INTO %s (%s) SELECT %s FROM generate_series(1, %d) k, %s ORDER BY k`,
		table, strings.Join(columns, ", "), strings.Join(values, ", "), copies, table))
	return err
}

// dropIndexes drops the indexes that hold no constraint and gives their definitions.
func dropIndexes(ctx context.Context, db *sql.DB) ([]string, error) {
	const which = ` FROM pg_indexes i WHERE schemaname = current_schema() AND tablename IN ('synced_emails', 'email_index', 'email_attachments', 'email_labels')
		AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conname = i.indexname) ORDER BY indexname`
	definitions, err := texts(ctx, db, `SELECT indexdef`+which)
	if err != nil {
		return nil, err
	}
	names, err := texts(ctx, db, `SELECT indexname`+which)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if _, err := db.ExecContext(ctx, `DROP INDEX `+name); err != nil {
			return nil, err
		}
	}
	return definitions, nil
}

func texts(ctx context.Context, db *sql.DB, query string, args ...any) ([]string, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}
