package storetest

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/org"
)

// auditRows is how many rows the trail has that BenchmarkAuditLog reads;
// RAPPORT_AUDIT_ROWS=1000000 for what the product promises.
func auditRows() int {
	n, err := strconv.Atoi(os.Getenv("RAPPORT_AUDIT_ROWS"))
	if err != nil {
		return 20_000
	}
	return n
}

// BenchmarkAuditLog reads pages of a trail that is nearly all vends of one busy
// key, as a plugin makes them.
func BenchmarkAuditLog(b *testing.B) {
	for _, d := range []Database{SQLite, PostgreSQL} {
		b.Run(string(d), func(b *testing.B) {
			if d == PostgreSQL && os.Getenv("TEST_DATABASE_URL") == "" {
				b.Log("TEST_DATABASE_URL is not set: PostgreSQL is not measured")
				return
			}
			w := NewWorld(b, d)
			n := auditRows()
			began := time.Now()
			fillTrail(b, w, n)
			b.Logf("%d rows written in %v", n, time.Since(began))
			middle := Start.Add(time.Duration(n/2) * time.Millisecond)
			for _, q := range []struct {
				name string
				org.AuditQuery
			}{
				{"everything", org.AuditQuery{}},
				{"one of few actions", org.AuditQuery{Action: "login"}},
				{"rare action of a busy user", org.AuditQuery{Action: "member.", UserID: w.Ada.ID}},
				{"busy action of a rare user", org.AuditQuery{Action: "token.", UserID: w.Ben.ID}},
				{"nothing", org.AuditQuery{Action: "token.vend", UserID: "nobody"}},
				{"target", org.AuditQuery{Target: "grant-7", Action: "token."}},
				{"day", org.AuditQuery{Since: middle, Until: middle.Add(time.Minute)}},
				{"day of a rare action", org.AuditQuery{Since: middle, Until: middle.Add(time.Minute), Action: "login"}},
			} {
				b.Run(q.name, func(b *testing.B) {
					for range b.N {
						if _, _, err := w.AuditOf(ctx, w.Home, q.AuditQuery); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		})
	}
}

func fillTrail(b *testing.B, w *World, n int) {
	rows := make([]access.Audit, 0, 1000)
	for i := range n {
		r := access.Audit{At: Start.Add(time.Duration(i) * time.Millisecond), Workspace: w.Home, UserID: w.Ada.ID, KeyID: "00000000-0000-7000-8000-000000000009", Via: access.ViaKey,
			Action: "token.vend", Target: fmt.Sprint("grant-", i%1000), Outcome: "ok", Detail: "gmail", Remote: "192.0.2.1"}
		switch {
		case i%5000 == 1:
			r.Action, r.UserID = "login", w.Ben.ID
		case i%50000 == 2:
			r.Action = "member.role"
		case i%20000 == 3:
			r.UserID = w.Ben.ID
		}
		if rows = append(rows, r); len(rows) == cap(rows) {
			require.NoError(b, w.Record(ctx, rows...))
			rows = rows[:0]
		}
	}
	require.NoError(b, w.Record(ctx, rows...))
}
