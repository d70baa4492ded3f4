package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"rapport/internal/crm"
)

func timelineSections() []section {
	return []section{
		{
			ids: []string{"TIME"}, title: "Timelines and matches, 1,000,000 records and 5,000,000 links",
			words: `The records of the section before, and 1,000,000 messages by SQL in 20 mailboxes (4 of them a colleague's, seen by subject), with five links each. A tenth of all mail is of one company. Over HTTP on one kept
				connection, signed in, one request after another: the first page of 50 of a person's, a company's and the large company's timeline, then later pages of that; mail of a record; the newest activities of all. Every answer is decoded and its order checked.`,
			run: timelines,
		},
	}
}

func timelines(ctx context.Context, b *bench) error {
	var errs []error
	for _, d := range b.dbs {
		if err := b.timelinesOf(ctx, d); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", d.name, err))
		}
	}
	return errors.Join(errs...)
}

func (b *bench) timelinesOf(ctx context.Context, d database) error {
	n, messages := b.size(1_000_000, 10_000), b.size(1_000_000, 20_000)
	size := populationOf(n)
	began := time.Now()
	at, drop, err := b.stocked(ctx, d, fmt.Sprintf("time-%d", n), func(at place) error {
		if err := b.populated(ctx, at, size); err != nil {
			return err
		}
		if err := makeMail(ctx, d, at, size, messages); err != nil {
			return fmt.Errorf("making rows: %w", err)
		}
		return settled(ctx, d, at)
	})
	if err != nil {
		return err
	}
	defer drop()
	made := time.Since(began)
	links, err := at.count(ctx, "SELECT COUNT(*) FROM record_links")
	if err == nil {
		err = check("links", links, int64(5*messages))
	}
	if err != nil {
		return err
	}
	p, err := b.serve(ctx, serveOptions{at: at, withoutSync: true})
	if err != nil {
		return err
	}
	defer p.stop()
	if err := p.signIn(ctx); err != nil {
		return err
	}
	p.client = plainHTTP(nil, false)
	return b.readTimelines(ctx, d, p, size, fmt.Sprintf("%s rows made in %s s, %s MB on disk", number(float64(links)), number(made.Seconds()), number(at.megabytes(ctx))))
}

// readTimelines asks for each kind of page in turn.
func (b *bench) readTimelines(ctx context.Context, d database, p *product, size population, note string) error {
	company := func(i int) string { return recordID(1 + i*6007%(size.companies-1)) }
	person := func(i int) string { return recordID(size.companies + i*7919%size.people) }
	large := recordID(0)
	home := "/workspaces/" + p.workspace
	var cursor string
	kinds := []struct {
		what string
		ask  func(i int) string
	}{
		{"timeline of a person", func(i int) string { return home + "/records/" + person(i) + "/timeline?limit=50" }},
		{"timeline of a company", func(i int) string { return home + "/records/" + company(i) + "/timeline?limit=50" }},
		{"timeline of the large company", func(int) string { return home + "/records/" + large + "/timeline?limit=50" }},
		{"its later pages", func(int) string { return home + "/records/" + large + "/timeline?limit=50&cursor=" + cursor }},
		{"mail of a record", func(i int) string { return p.google("/gmail/emails?limit=50&record_id=" + company(i)) }},
		{"the newest activities", func(int) string { return home + "/activities?limit=50" }},
	}
	rounds := b.size(400, 20)
	for k, kind := range kinds {
		var times []float64
		for i := range rounds + 10 {
			next, rows, took, err := p.timelinePage(ctx, kind.ask(i))
			if err != nil {
				return fmt.Errorf("%s: %w", kind.what, err)
			}
			if k >= 2 && k <= 3 {
				if err := check("rows of a page", rows, 50); err != nil {
					return err
				}
				cursor = next
			}
			if i >= 10 {
				times = append(times, took)
			}
		}
		b.add(row{ID: "TIME", What: kind.what + ", p99", On: d.name, Value: percentile(times, 99), Unit: "ms", Goal: atMost(20), Note: "p50 " + number(median(times)) + " ms; " + note})
		note = fmt.Sprintf("memory of the program: %s MB", number(p.rss()))
	}
	return nil
}

// timelinePage asks for a page, checks that it is in order, and gives the milliseconds it took.
func (p *product) timelinePage(ctx context.Context, path string) (next string, rows int, took float64, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/api/v1"+path, nil)
	if err != nil {
		return "", 0, 0, err
	}
	req.Header.Set("Authorization", "Bearer "+p.token)
	began := time.Now()
	resp, err := p.client.Do(req)
	if err != nil {
		return "", 0, 0, err
	}
	body, err := io.ReadAll(resp.Body)
	took = float64(time.Since(began).Nanoseconds()) / 1e6
	resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusOK {
		return "", 0, 0, fmt.Errorf("%s: %w %s", resp.Status, err, tail(body, 300))
	}
	var out struct {
		Items []struct {
			At   time.Time `json:"at"`
			Date time.Time `json:"gmail_date"`
		} `json:"items"`
		Next string `json:"next_cursor"`
	}
	if err := json.Unmarshal(body, &out); err != nil {
		return "", 0, 0, err
	}
	for i := 1; i < len(out.Items); i++ {
		if a, b := out.Items[i-1], out.Items[i]; b.At.After(a.At) || b.Date.After(a.Date) {
			return "", 0, 0, fmt.Errorf("%s: row %d is newer than the one above it", path, i)
		}
	}
	return out.Next, len(out.Items), took, nil
}

// recordID is the id that fillRecords gives the n-th record: companies, people, deals.
func recordID(n int) string { return fmt.Sprintf("01900000-0000-7000-8000-%012d", n) }

// mailboxesOfCrowd is how many mailboxes the mail of makeMail lies in.
const mailboxesOfCrowd = 20

// makeMail makes mailboxes, messages, links and notes by SQL.
func makeMail(ctx context.Context, d database, at place, size population, messages int) error {
	w, err := theWorkspace(ctx, at)
	if err != nil {
		return err
	}
	var boxes []string
	for i := range mailboxesOfCrowd {
		id, err := crowdMailbox(ctx, at, w, i)
		if err != nil {
			return err
		}
		boxes = append(boxes, id)
	}
	db, err := at.open()
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // settings of a session
	series := func(n int) string {
		return fmt.Sprintf("(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < %d) SELECT n FROM s)", n)
	}
	settings := []string{"PRAGMA foreign_keys = OFF", "PRAGMA synchronous = OFF", "PRAGMA cache_size = -200000"}
	if d.server != "" {
		series = func(n int) string { return fmt.Sprintf("(SELECT n FROM generate_series(CAST(1 AS BIGINT), %d) n)", n) }
		settings = []string{"SET session_replication_role = replica", "SET maintenance_work_mem = '256MB'"} // no foreign keys meanwhile
	}
	for _, s := range settings {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	all := size.companies + size.people + size.deals
	_, err = db.ExecContext(ctx, fmt.Sprintf(`INSERT INTO notes (id, workspace_id, record_no, text, author_id, created_at, updated_at)
		SELECT 'n' || n, '%s', n * 37 %% %d + 1, 'Note', '', 1700000000000000 + n * 60000000, 1 FROM %s s`, w, all, series(all/10)))
	if err != nil {
		return err
	}
	return crowdMail(ctx, db, w, size, messages, series, boxes)
}

func theWorkspace(ctx context.Context, at place) (id string, err error) {
	db, err := at.open()
	if err != nil {
		return "", err
	}
	defer db.Close()
	return id, db.QueryRowContext(ctx, "SELECT id FROM workspaces").Scan(&id)
}

// crowdMailbox connects one; every fifth is a colleague's, whose subjects are shown.
func crowdMailbox(ctx context.Context, at place, w string, i int) (string, error) {
	s, err := at.store(ctx)
	if err != nil {
		return "", err
	}
	defer s.Close()
	u, err := s.UserByEmail(ctx, ownerEmail)
	if err != nil {
		return "", err
	}
	if i%5 == 4 {
		u = crm.User{ID: "01900000-0000-7000-8000-0000000000c0", Email: "jonas.okafor@northwind-lamps.example", Name: "Jonas Okafor", CreatedAt: time.Now()}
		if i == 4 {
			if err := s.AddMember(ctx, crm.Member{WorkspaceID: crm.WorkspaceID(w), UserID: u.ID, Role: crm.RoleMember, JoinedAt: time.Now()}, u); err != nil {
				return "", err
			}
		}
	}
	c, g, err := connectionOf(crm.WorkspaceID(w), u.ID, fmt.Sprintf("box%d@northwind-lamps.example", i), fmt.Sprintf("1170000000000000010%02d", i), crm.Secret{})
	if err != nil {
		return "", err
	}
	c.Status, c.StatusReason = crm.StatusPaused, "Filled by the bench."
	if i%5 == 4 {
		c.Settings.Visibility = crm.VisibilitySubject
	}
	return string(c.ID), s.Granted(ctx, c, g)
}

// crowdMail: message n lies in mailbox n mod boxes, is a minute newer than n - 1, and
// belongs to two people, their companies and a deal; every tenth to the first company.
func crowdMail(ctx context.Context, db *sql.DB, w string, size population, messages int, series func(int) string, boxes []string) error {
	var numbers []int64
	for _, b := range boxes {
		var no int64
		if err := db.QueryRowContext(ctx, "SELECT no FROM google_integrations WHERE id = $1", b).Scan(&no); err != nil {
			return err
		}
		numbers = append(numbers, no)
	}
	const second = 1_700_000_000
	for i, no := range numbers {
		n := messages / len(boxes)
		pos := fmt.Sprintf("((CAST(%d AS BIGINT) << 41) | (CAST(%d + (n * %d + %d) * 60 AS BIGINT) << 9))", no, second, len(boxes), i)
		statement := fmt.Sprintf(`INSERT INTO synced_emails (pos, id, workspace_id, integration_id, gmail_id, gmail_thread_id, rfc822_message_id, in_reply_to, reference_ids, subject, from_email, from_name, to_emails, cc, bcc,
				reply_to, snippet, labels, is_read, is_starred, has_attachments, bulk, gmail_date, size, history_id, shown, created_at, updated_at)
			SELECT %[1]s, 'e%[2]d-' || n, '%[3]s', '%[4]s', 'g%[2]d-' || n, 't%[2]d-' || n / 2, '<m%[2]d-' || n || '@mail.example>', '', '[]', 'Message ' || n, 'p' || n || '@company1.example', 'Person ' || n,
				'[{"name":"Mara","email":"%[5]s"}]', '[]', '[]', '[]', 'A few words of the message', '["INBOX"]', TRUE, FALSE, FALSE, FALSE, CAST(%[6]d + (n * %[7]d + %[2]d) * 60 AS BIGINT) * 1000000, 2000, n, TRUE, 1, 1 FROM %[8]s s`,
			pos, i, w, boxes[i], ownerEmail, second, len(boxes), series(n))
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("messages: %w", err)
		}
		all := fmt.Sprintf("(n * %d + %d)", len(boxes), i)
		firm := fmt.Sprintf("CASE WHEN n %% 10 = 0 THEN 1 ELSE 2 + %s * 31 %% %d END", all, size.companies-1)
		people, deals := size.companies+1, size.companies+size.people+1
		for _, x := range []struct{ record, rule string }{
			{fmt.Sprintf("%d + %s %% %d", people, all, size.people/2), "address"}, {fmt.Sprintf("%d + %s * 17 %% %d", people+size.people/2, all, size.people/2), "address"}, {firm, "domain"},
			{fmt.Sprintf("%d + %s * 13 %% %d", deals, all, size.deals/2), "deal"}, {fmt.Sprintf("%d + %s * 11 %% %d", deals+size.deals/2, all, size.deals/2), "deal"},
		} {
			statement := fmt.Sprintf(`INSERT INTO record_links (record_no, pos, rule, address, via_no, source, deep, by_user, linked_at) SELECT %s, %s, '%s', 'p' || n || '@company1.example', 0, %s, FALSE, '', 1 FROM %s s`, x.record, pos, x.rule, pos, series(n))
			if _, err := db.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("links: %w", err)
			}
		}
		if _, err := db.ExecContext(ctx, `INSERT INTO mailbox_counts (mailbox, label, total, unread, threads) VALUES ($1, '', $2, 0, $3)`, no, n, n/2); err != nil {
			return err
		}
	}
	return nil
}
