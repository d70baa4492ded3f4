package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// population is how many records of each type there are, and where their numbers begin:
// companies at 1, people behind them, deals last.
type population struct{ companies, people, deals int }

func populationOf(n int) population {
	return population{companies: n * 2 / 10, people: n * 7 / 10, deals: n / 10}
}

// Parts of invented names. Names with a low number are frequent, as in life.
const firstNames, lastNames = 900, 9000

func inventedName(i int) string {
	syllables := []string{"al", "ber", "cor", "da", "el", "fin", "gra", "ho", "is", "jo", "ka", "len", "mi", "nor", "ol", "pe", "ri", "sa", "tor", "ul", "vi", "wen", "xa", "yor", "zi"}
	name := syllables[i%25] + syllables[i/25%25]
	if i >= 625 {
		name += syllables[i/625%25]
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

// fillRecords writes records by SQL in bulk: writing a million of them through the
// program would take longer than all measurements. Indexes are dropped meanwhile.
func fillRecords(ctx context.Context, at place, workspace string, c population) error {
	db, err := at.open()
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // settings and temporary tables of a session
	f := recordFill{db: db, postgres: at.URL != "", workspace: workspace, c: c}
	if f.postgres {
		_, _ = db.ExecContext(ctx, `SET maintenance_work_mem = '512MB'`) // without it it only takes longer
	} else {
		_, _ = db.ExecContext(ctx, `PRAGMA synchronous = OFF`)
		_, _ = db.ExecContext(ctx, `PRAGMA cache_size = -400000`)
	}
	again, err := f.dropIndexes(ctx)
	if err != nil {
		return err
	}
	if err := f.names(ctx); err != nil {
		return err
	}
	for _, statement := range append(f.statements(), again...) {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%.120s: %w", statement, err)
		}
	}
	return nil
}

type recordFill struct {
	db        *sql.DB
	postgres  bool
	workspace string
	c         population
}

func (f recordFill) dropIndexes(ctx context.Context) ([]string, error) {
	const tables = `('records', 'record_emails', 'record_phones', 'record_domains', 'record_tags', 'record_values', 'deal_people', 'record_index')`
	definitions, names := `SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN `+tables+` ORDER BY name`, `SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN `+tables+` ORDER BY name`
	if f.postgres {
		const which = ` FROM pg_indexes i WHERE schemaname = current_schema() AND tablename IN ` + tables + ` AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conname = i.indexname) ORDER BY indexname`
		definitions, names = `SELECT indexdef`+which, `SELECT indexname`+which
	}
	again, err := texts(ctx, f.db, definitions)
	if err != nil {
		return nil, err
	}
	list, err := texts(ctx, f.db, names)
	if err != nil {
		return nil, err
	}
	for _, name := range list {
		if _, err := f.db.ExecContext(ctx, `DROP INDEX `+name); err != nil {
			return nil, err
		}
	}
	return again, nil
}

// names are the parts of names in temporary tables.
func (f recordFill) names(ctx context.Context) error {
	for table, n := range map[string]int{"bench_first": firstNames, "bench_last": lastNames} {
		if _, err := f.db.ExecContext(ctx, `CREATE TEMPORARY TABLE `+table+` (i BIGINT PRIMARY KEY, name TEXT)`); err != nil {
			return err
		}
		rows := make([]string, n)
		for i := range rows {
			rows[i] = fmt.Sprintf("(%d, '%s')", i, inventedName(i))
		}
		if _, err := f.db.ExecContext(ctx, `INSERT INTO `+table+` VALUES `+strings.Join(rows, ", ")); err != nil {
			return err
		}
	}
	return nil
}

// series is a FROM item of s(i) = 0 .. n-1.
func (f recordFill) series(n int) string {
	if f.postgres {
		return fmt.Sprintf("generate_series(0, %d) s(i)", n-1)
	}
	return fmt.Sprintf("(WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < %d) SELECT i FROM c) s", n-1)
}

// statements fill the tables.
func (f recordFill) statements() []string {
	c := f.c
	list := func(kind string) string {
		return fmt.Sprintf("(SELECT no FROM object_types WHERE workspace_id = '%s' AND key = '%s')", f.workspace, kind)
	}
	// skewed gives an index into a table of n names, low ones often.
	skewed := func(n, a, b int) string {
		return fmt.Sprintf("(((s.i * CAST(%d AS BIGINT)) %% %d) * ((s.i * CAST(%d AS BIGINT)) %% %d) / %d)", a, n, b, n, n)
	}
	id := func(base int) string {
		return fmt.Sprintf("'01900000-0000-7000-8000-' || substr(CAST(1000000000000 + %d + s.i AS TEXT), 2)", base)
	}
	when := func(a int) string {
		return fmt.Sprintf("1760000000000000 + (s.i * CAST(%d AS BIGINT)) %% 1000003 * 31000000", a)
	}
	owner := "CASE WHEN s.i % 49 = 0 THEN (SELECT user_id FROM members LIMIT 1) WHEN s.i % 2 = 0 THEN 'user-' || (s.i % 40) ELSE '' END"
	head := "INSERT INTO records (no, id, workspace_id, list_no, type, name, name_key, first_name, last_name, emails, phones, domains, company_no, stage, stage_rank, amount_minor, currency, close_date, class, fields, owner_id, maker, words, created_at, updated_at, last_at) SELECT "
	companies := head + fmt.Sprintf(`1 + s.i, %s, '%s', %s, 'company', l.name || ' Works ' || s.i, lower(l.name) || ' works ' || s.i, '', '', '[]', '[]', '["company' || s.i || '.example"]',
		NULL, '', 0, NULL, '', '', '', '{}', %s, 'mail', ' ' || lower(l.name) || ' works ' || s.i || ' company' || s.i || ' example', %s, %s, %s FROM %s JOIN bench_last l ON l.i = %s`,
		id(0), f.workspace, list("company"), owner, when(7), when(7919), when(104729), f.series(c.companies), skewed(lastNames, 7919, 104729))
	people := head + fmt.Sprintf(`%d + s.i, %s, '%s', %s, 'person', f.name || ' ' || l.name, lower(f.name) || ' ' || lower(l.name), f.name, l.name,
		'[{"value":"' || lower(f.name) || '.' || lower(l.name) || s.i || '@company' || (s.i %% %d) || '.example","label":"work","primary":true}]',
		CASE WHEN s.i %% 3 = 0 THEN '[{"value":"+4930' || (1000000 + s.i) || '","label":"work","primary":true}]' ELSE '[]' END, '[]', 1 + s.i %% %d,
		CASE WHEN s.i %% 10 < 2 THEN 'lead' WHEN s.i %% 10 < 7 THEN 'contact' WHEN s.i %% 10 < 9 THEN 'customer' ELSE 'former' END,
		CASE WHEN s.i %% 10 < 2 THEN 1 WHEN s.i %% 10 < 7 THEN 2 WHEN s.i %% 10 < 9 THEN 3 ELSE 4 END, NULL, '', '',
		CASE WHEN s.i %% 9 = 0 THEN '' WHEN s.i %% 9 < 4 THEN 'customer' WHEN s.i %% 700 = 8 THEN 'recruiter' ELSE 'lead' END,
		'{"city":"City ' || (s.i %% 2000) || '"}', %s, CASE WHEN s.i %% 5 = 0 THEN 'member' ELSE 'mail' END,
		' ' || lower(f.name) || ' ' || lower(l.name) || ' ' || lower(l.name) || s.i || ' company' || (s.i %% %d) || ' example' || CASE WHEN s.i %% 3 = 0 THEN ' 4930' || (1000000 + s.i) || ' 30' || (1000000 + s.i) ELSE '' END,
		%s, %s, %s FROM %s JOIN bench_first f ON f.i = %s JOIN bench_last l ON l.i = %s`,
		c.companies+1, id(c.companies), f.workspace, list("person"), c.companies, c.companies, owner, c.companies, when(11), when(7907), when(104723), f.series(c.people),
		skewed(firstNames, 31, 7), skewed(lastNames, 7919, 104729))
	deals := head + fmt.Sprintf(`%d + s.i, %s, '%s', %s, 'deal', 'Order ' || s.i, 'order ' || s.i, '', '', '[]', '[]', '[]', 1 + s.i %% %d,
		CASE s.i %% 6 WHEN 0 THEN 'new' WHEN 1 THEN 'qualified' WHEN 2 THEN 'proposal' WHEN 3 THEN 'negotiation' WHEN 4 THEN 'won' ELSE 'lost' END, 1 + s.i %% 6,
		CASE WHEN s.i %% 10 = 0 THEN NULL ELSE (s.i * CAST(7919 AS BIGINT)) %% 1000003 END, CASE WHEN s.i %% 10 = 0 THEN '' ELSE 'EUR' END, '2026-' || (10 + s.i %% 3) || '-' || (10 + s.i %% 19), '', '{}', %s, 'member',
		' order ' || s.i, %s, %s, %s FROM %s`, c.companies+c.people+1, id(c.companies+c.people), f.workspace, list("deal"), c.companies, owner, when(13), when(7901), when(104717), f.series(c.deals))
	index := "INSERT INTO record_index (rowid, words) SELECT no, '§' || list_no || words FROM records"
	if f.postgres {
		index = "INSERT INTO record_index (record_no, doc) SELECT no, array_to_tsvector(array_remove(string_to_array('§' || list_no || words, ' '), '')) FROM records"
	}
	person := fmt.Sprintf("workspace_id = '%s' AND type = 'person'", f.workspace)
	i := fmt.Sprintf("(no - %d)", c.companies+1)
	all := []string{
		companies, people, deals, index,
		"INSERT INTO record_emails (workspace_id, key, record_no) SELECT workspace_id, lower(first_name) || '.' || lower(last_name) || " + i + fmt.Sprintf(" || '@company' || (%s %% %d) || '.example', no FROM records WHERE ", i, c.companies) + person,
		"INSERT INTO record_phones (workspace_id, e164, record_no) SELECT workspace_id, '+4930' || (1000000 + " + i + "), no FROM records WHERE " + person + " AND " + i + " % 3 = 0",
		"INSERT INTO record_domains (workspace_id, domain, record_no) SELECT workspace_id, 'company' || (no - 1) || '.example', no FROM records WHERE type = 'company'",
		"INSERT INTO record_values (list_no, field, key, record_no) SELECT list_no, 'city', 'city ' || (" + i + " % 2000), no FROM records WHERE " + person,
		"INSERT INTO record_tags (tag_no, record_no, list_no, name_key, created_at, updated_at, last_at) SELECT t.no, r.no, r.list_no, r.name_key, r.created_at, r.updated_at, r.last_at FROM tags t JOIN records r ON r.no % (t.no * t.no * 10) = 0",
		fmt.Sprintf("INSERT INTO deal_people (deal_no, person_no, role, place) SELECT no, %d + (no * 7) %% %d, 'buyer', 0 FROM records WHERE type = 'deal'", c.companies+1, c.people),
		"UPDATE object_types SET live = (SELECT COUNT(*) FROM records r WHERE r.list_no = object_types.no)",
	}
	if f.postgres {
		return append(all, "SELECT setval(pg_get_serial_sequence('records', 'no'), (SELECT MAX(no) FROM records))")
	}
	return append(all, "ANALYZE")
}
