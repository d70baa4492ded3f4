package storetest

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	_ "modernc.org/sqlite" // for looking into files

	"rapport/internal/crm"
	"rapport/internal/mail"
)

// Dump reads every table of ours as text, row by row, in an order of its own: two
// dumps are equal when the databases hold the same. The full-text index of SQLite
// is dumped by what can be found in it.
func (w *World) Dump() map[string][]string {
	w.T.Helper()
	db := w.Look()
	defer func() { _ = db.Close() }()
	dump := map[string][]string{}
	for _, table := range w.tables(db) {
		rows, err := db.Query(`SELECT * FROM "` + table + `"`)
		require.NoError(w.T, err)
		columns, err := rows.Columns()
		require.NoError(w.T, err)
		values, dest := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			dest[i] = &values[i]
		}
		for rows.Next() {
			require.NoError(w.T, rows.Scan(dest...))
			var b strings.Builder
			for i, v := range values {
				if text, ok := v.([]byte); ok {
					v = string(text)
				}
				fmt.Fprintf(&b, "%s=%v ", columns[i], v)
			}
			dump[table] = append(dump[table], b.String())
		}
		require.NoError(w.T, rows.Err())
		slices.Sort(dump[table])
	}
	return dump
}

// Look opens the database beside the store.
func (w *World) Look() *sql.DB {
	w.T.Helper()
	driver := "sqlite"
	if strings.HasPrefix(w.Options.URL, "postgres") {
		driver = "pgx"
	}
	db, err := sql.Open(driver, w.Options.URL)
	require.NoError(w.T, err)
	return db
}

func (w *World) tables(db *sql.DB) []string {
	w.T.Helper()
	query := `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'goose_%' AND name NOT LIKE 'email_index%'
		UNION ALL SELECT 'email_index_docsize' UNION ALL SELECT 'email_index_queue'`
	if strings.HasPrefix(w.Options.URL, "postgres") {
		query = `SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'goose_%'`
	}
	rows, err := db.Query(query)
	require.NoError(w.T, err)
	defer func() { _ = rows.Close() }()
	var list []string
	for rows.Next() {
		var name string
		require.NoError(w.T, rows.Scan(&name))
		list = append(list, name)
	}
	require.NoError(w.T, rows.Err())
	return list
}

// Consistent checks what is kept in two places: the label index and the numbers
// of mailboxes against the messages, and that nothing is left of messages that
// are gone.
func (w *World) Consistent() {
	w.T.Helper()
	db := w.Look()
	defer func() { _ = db.Close() }()
	type message struct {
		pos     int64
		thread  string
		labels  []string
		live    bool
		files   bool
		shown   bool
		read    bool
		starred bool
		chosen  crm.ConnectionSettings
	}
	var all []message
	rows, err := db.Query(`SELECT e.pos, e.gmail_thread_id, e.labels, e.deleted_at IS NULL, e.has_attachments, e.shown, e.is_read, e.is_starred, g.settings
		FROM synced_emails e JOIN google_integrations g ON g.id = e.integration_id`)
	require.NoError(w.T, err)
	for rows.Next() {
		var m message
		var labels, settings string
		require.NoError(w.T, rows.Scan(&m.pos, &m.thread, &labels, &m.live, &m.files, &m.shown, &m.read, &m.starred, &settings))
		require.NoError(w.T, json.Unmarshal([]byte(settings), &m.chosen))
		m.labels = strings.FieldsFunc(labels, func(r rune) bool { return strings.ContainsRune(`[]",`, r) })
		all = append(all, m)
	}
	require.NoError(w.T, rows.Err())
	type number struct{ total, unread, threads int64 }
	numbers, index, threads := map[string]number{}, []string{}, map[string]bool{}
	for _, m := range all {
		hidden := slices.ContainsFunc(m.labels, hides) || !mail.Shown(m.labels, m.chosen)
		require.Equal(w.T, m.live && !hidden, m.shown)
		require.Equal(w.T, !slices.Contains(m.labels, "UNREAD"), m.read)
		require.Equal(w.T, slices.Contains(m.labels, "STARRED"), m.starred)
		if !m.live {
			continue
		}
		found := slices.Clone(m.labels)
		if m.files {
			found = append(found, "*attachment")
		}
		add := func(label string) {
			key := fmt.Sprintf("%d %s", m.pos>>41, label)
			n := numbers[key]
			n.total++
			if !m.read {
				n.unread++
			}
			if label == "" && !threads[fmt.Sprint(m.pos>>41, m.thread)] {
				threads[fmt.Sprint(m.pos>>41, m.thread)] = true
				n.threads++
			}
			numbers[key] = n
		}
		if m.shown {
			add("")
		}
		for _, l := range found {
			index = append(index, fmt.Sprintf("%s %d", l, m.pos))
			if m.shown || hides(l) {
				add(l)
			}
		}
	}
	slices.Sort(index)
	require.Equal(w.T, index, append([]string{}, w.column(db, "SELECT label || ' ' || pos FROM email_labels")...))
	var want []string
	for k, n := range numbers {
		want = append(want, fmt.Sprintf("%s %d %d %d", k, n.total, n.unread, n.threads))
	}
	slices.Sort(want)
	require.Equal(w.T, want, w.column(db, "SELECT mailbox || ' ' || label || ' ' || total || ' ' || unread || ' ' || threads FROM mailbox_counts WHERE total <> 0 OR unread <> 0 OR threads <> 0"))
	for _, table := range []string{"email_bodies", "email_raw", "email_attachments", "email_index_queue", "email_change_items", "email_remote"} {
		require.Empty(w.T, w.column(db, "SELECT CAST(pos AS TEXT) FROM "+table+" WHERE pos NOT IN (SELECT pos FROM synced_emails)"), table)
	}
	require.Empty(w.T, w.column(db, "SELECT CAST(pos AS TEXT) FROM synced_emails WHERE pos NOT IN (SELECT pos FROM email_bodies)"))
	require.Equal(w.T, append([]string{}, w.column(db, "SELECT DISTINCT CAST(i.pos AS TEXT) FROM email_change_items i JOIN email_changes c ON c.id = i.change_id WHERE c.pending")...),
		append([]string{}, w.column(db, "SELECT CAST(pos AS TEXT) FROM email_remote")...), "what Google says is kept just of messages under pending changes")
}

func hides(label string) bool { return label == "SPAM" || label == "TRASH" || label == "DRAFT" }

func (w *World) column(db *sql.DB, query string) []string {
	w.T.Helper()
	rows, err := db.Query(query)
	require.NoError(w.T, err)
	defer func() { _ = rows.Close() }()
	var list []string
	for rows.Next() {
		var v string
		require.NoError(w.T, rows.Scan(&v))
		list = append(list, v)
	}
	require.NoError(w.T, rows.Err())
	slices.Sort(list)
	return list
}
