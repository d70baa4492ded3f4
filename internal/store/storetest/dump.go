package storetest

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	_ "modernc.org/sqlite" // for looking into files
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
	}
	var all []message
	rows, err := db.Query("SELECT pos, gmail_thread_id, labels, deleted_at IS NULL, has_attachments, shown, is_read, is_starred FROM synced_emails")
	require.NoError(w.T, err)
	for rows.Next() {
		var m message
		var labels string
		require.NoError(w.T, rows.Scan(&m.pos, &m.thread, &labels, &m.live, &m.files, &m.shown, &m.read, &m.starred))
		m.labels = strings.FieldsFunc(labels, func(r rune) bool { return strings.ContainsRune(`[]",`, r) })
		all = append(all, m)
	}
	require.NoError(w.T, rows.Err())
	type number struct{ total, unread, threads int64 }
	numbers, index, threads := map[string]number{}, []string{}, map[string]bool{}
	for _, m := range all {
		hidden := slices.ContainsFunc(m.labels, hides)
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
	for _, table := range []string{"email_bodies", "email_raw", "email_attachments", "email_index_queue"} {
		require.Empty(w.T, w.column(db, "SELECT CAST(pos AS TEXT) FROM "+table+" WHERE pos NOT IN (SELECT pos FROM synced_emails)"), table)
	}
	require.Empty(w.T, w.column(db, "SELECT CAST(pos AS TEXT) FROM synced_emails WHERE pos NOT IN (SELECT pos FROM email_bodies)"))
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
