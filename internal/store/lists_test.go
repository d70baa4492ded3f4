package store_test

import (
	"database/sql"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/org"
	"rapport/internal/store"
	. "rapport/internal/store/storetest"
)

// A page of a list is read by the index it is ordered by: what is read does not
// grow with the list.
func TestPagesGoByAnIndex(t *testing.T) {
	Each(t, func(t *testing.T, d Database) {
		w := NewWorld(t, d)
		w.Many(300)
		db := w.Look()
		defer func() { require.NoError(t, db.Close()) }()
		_, err := db.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
			INSERT INTO users (id, email, name, password_hash, google_sub, created_at) SELECT 'of others ' || i, 'x' || i || '@y.example', '', '', '', 0 FROM n`)
		require.NoError(t, err)
		bytes := map[Database]string{SQLite: "BLOB", PostgreSQL: "BYTEA"}[d]
		_, err = db.Exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
			INSERT INTO api_keys (id, workspace_id, user_id, name, prefix, hash, scopes, created_at)
			SELECT 'of others ' || i, $1, $2, '', '', CAST('of others ' || i AS `+bytes+`), '[]', i FROM n`, string(w.Abroad), string(w.Cleo.ID))
		require.NoError(t, err)
		analysed(t, d, db)
		var query string
		var args []any
		store.Overhear(w.Store, func(q string, a []any) { query, args = q, a })
		plan := func() []string {
			explain := "EXPLAIN QUERY PLAN "
			if d == PostgreSQL {
				explain = "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) "
			}
			rows, err := db.Query(explain+query, args...)
			require.NoError(t, err)
			defer func() { _ = rows.Close() }()
			var lines []string
			for rows.Next() {
				var id, parent, unused int
				var line string
				if d == PostgreSQL {
					require.NoError(t, rows.Scan(&line))
				} else {
					require.NoError(t, rows.Scan(&id, &parent, &unused, &line))
				}
				lines = append(lines, line)
			}
			require.NoError(t, rows.Err())
			return lines
		}
		now := Start.Add(2 * time.Hour)
		page := org.Page{Limit: 50}
		for what, c := range map[string]struct {
			index string
			read  func(p org.Page) (string, error)
		}{
			"members": {"members_joined", func(p org.Page) (string, error) {
				_, n, err := w.Members(ctx, w.Home, org.MemberQuery{Page: p})
				return n, err
			}},
			"plain members": {"members_role", func(p org.Page) (string, error) {
				_, n, err := w.Members(ctx, w.Home, org.MemberQuery{Role: crm.RoleMember, Page: p})
				return n, err
			}},
			"keys": {"api_keys_workspace", func(p org.Page) (string, error) {
				_, n, err := w.KeysOf(ctx, w.Home, org.KeyQuery{Page: p})
				return n, err
			}},
			"active keys": {"api_keys_active", func(p org.Page) (string, error) {
				_, n, err := w.KeysOf(ctx, w.Home, org.KeyQuery{State: org.KeysActive, At: now, Page: p})
				return n, err
			}},
			"invitations": {"invitations_listed", func(p org.Page) (string, error) {
				_, n, err := w.InvitationsOf(ctx, w.Home, org.OpenQuery{Page: p})
				return n, err
			}},
			"links": {"connect_links_listed", func(p org.Page) (string, error) {
				_, n, err := w.LinksOf(ctx, w.Home, org.OpenQuery{Page: p})
				return n, err
			}},
			"open links": {"connect_links_open", func(p org.Page) (string, error) {
				_, n, err := w.LinksOf(ctx, w.Home, org.OpenQuery{OpenAt: now, Page: p})
				return n, err
			}},
			"sessions": {"sessions_seen", func(p org.Page) (string, error) {
				_, n, err := w.SessionsOf(ctx, w.Ada.ID, org.Alive{Now: now}, p)
				return n, err
			}},
		} {
			next, err := c.read(page)
			require.NoError(t, err)
			require.NotEmpty(t, next, what)
			_, err = c.read(org.Page{Limit: 50, Cursor: next})
			require.NoError(t, err)
			lines := plan()
			text := what + ":\n" + strings.Join(lines, "\n")
			if d == PostgreSQL {
				require.Regexp(t, `Index (Only )?Scan (Backward )?using `+c.index+" ", text)
				require.NotRegexp(t, `Seq Scan on (members|users|api_keys|sessions|invitations|connect_links)`, text)
				require.LessOrEqual(t, mostRows(t, lines, c.index), 51, text)
			} else {
				require.Regexp(t, `SEARCH \w+ USING (COVERING )?INDEX `+c.index+` \(.*\)[<>]\(`, text)
				for _, line := range lines { // what was chosen from the list is gone through, not the list itself
					if name, is := strings.CutPrefix(line, "SCAN "); is && name != "w" { // there are few workspaces
						require.Contains(t, lines, "CO-ROUTINE "+name, text)
					}
				}
			}
		}
	})
}

var actual = regexp.MustCompile(`rows=(\d+)(?:\.\d+)? loops=1\b|Rows Removed by \w+: (\d+)`)

// mostRows is the most rows that the part of a plan that goes by an index gave or
// threw away.
func mostRows(t *testing.T, plan []string, index string) int {
	t.Helper()
	most, within := 0, false
	for _, line := range plan {
		if strings.Contains(line, "rows=") {
			within = strings.Contains(line, " using "+index+" ")
		}
		if !within {
			continue
		}
		for _, m := range actual.FindAllStringSubmatch(line, -1) {
			n, err := strconv.Atoi(m[1] + m[2])
			require.NoError(t, err)
			most = max(most, n)
		}
	}
	require.Positive(t, most, fmt.Sprint(plan))
	return most
}

// analysed has the planner know the tables. PostgreSQL reads all of them here, in place of
// a sample, which would be another one each time.
func analysed(t *testing.T, d Database, db *sql.DB) {
	t.Helper()
	if d == PostgreSQL {
		_, err := db.Exec("SET default_statistics_target = 1000; ANALYZE; RESET default_statistics_target")
		require.NoError(t, err)
		return
	}
	_, err := db.Exec("ANALYZE")
	require.NoError(t, err)
}
