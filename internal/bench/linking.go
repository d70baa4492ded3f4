package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/link"
	"rapport/internal/records/linking"
)

func linkingSections() []section {
	return []section{
		{
			ids: []string{"LINK"}, title: "Linking mail to records, after the import",
			words: `100,000 invented messages stand in a mailbox (as for reading, bodies of 8 words). Linking goes through all of them, as it does behind an import: reads the conversations, makes a person and, from the domain, a company of everybody
				who takes part (policy "all": 2,000 people, 300 companies), stores who takes part, the links with their reasons and what was skipped, in transactions of 100 conversations. Then once more over the same mail, as every night: nothing is to be written.
				CPU is getrusage of the linking process; goals are the speeds of importing (P2). Checked: each message has its person and company.`,
			run: linkingSpeed,
		},
		{
			ids: []string{"TIME"}, title: "Timelines and matches, 1,000,000 records and 5,000,000 links",
			words: `Rows are made by SQL: 800,000 people, 150,000 companies, 50,000 deals; 1,000,000 messages in 20 mailboxes (4 of them a colleague's, seen by subject); five links each. A tenth of all mail is of one company. Over HTTP on one kept
				connection, signed in, one request after another: the first page of 50 of a person's, a company's and the large company's timeline, then later pages of that; mail of a record; the newest activities of all; the records of an address.
				Every answer is decoded and its order checked.`,
			run: timelines,
		},
		{
			ids: []string{"FREE"}, title: "Which domains say where somebody works",
			words: `The rule that keeps free mail, throw-away addresses and public suffixes from becoming companies, against lists of others (read from ../shared/corpora when they are there; ours is not made from them): how many of their free and throw-away domains it
				knows, and how many domains of organisations it takes for free mail. The lists of free mail hold thousands of vanity and dynamic names that hardly anybody writes from.`,
			run: freeMail,
		},
	}
}

// linkTask links all mail of a workspace.
type linkTask struct{ At place }

type linkResult struct {
	Messages    int64
	First, Next used
}

func linkChild(ctx context.Context, task json.RawMessage) (any, error) {
	var t linkTask
	if err := json.Unmarshal(task, &t); err != nil {
		return nil, err
	}
	s, err := t.At.store(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	u, err := s.UserByEmail(ctx, ownerEmail)
	if err != nil {
		return nil, err
	}
	list, err := s.WorkspacesOf(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	w := list[0].Workspace.ID
	room := &linking.Service{Store: s, Queue: s, Now: time.Now, Random: rand.Reader, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Budget: time.Hour}
	var out linkResult
	all := func() (used, error) {
		if err := room.Relink(ctx, access.System(w)); err != nil {
			return used{}, err
		}
		m := startMeter()
		err := profiled("link", func() error {
			for more := true; more; {
				var err error
				if more, err = room.Definitions()[0].Step(ctx, string(w)); err != nil {
					return err
				}
			}
			return nil
		})
		return m.stop(), err
	}
	if out.First, err = all(); err != nil {
		return nil, err
	}
	if out.Next, err = all(); err != nil {
		return nil, err
	}
	state, err := s.LinkingState(ctx, access.System(w))
	out.Messages = state.Linked
	return out, err
}

func linkingSpeed(ctx context.Context, b *bench) error {
	n := b.size(100_000, 3_000)
	var errs []error
	for _, d := range b.dbs {
		errs = append(errs, b.linkOne(ctx, d, n))
	}
	return errors.Join(errs...)
}

func (b *bench) linkOne(ctx context.Context, d database, n int) error {
	at, drop, err := d.fresh(ctx)
	if err != nil {
		return err
	}
	defer drop()
	if _, err := b.filled(ctx, at, n, 8); err != nil {
		return err
	}
	db, err := at.open()
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, `UPDATE google_integrations SET settings = REPLACE(settings, '"contact_policy":"sent"', '"contact_policy":"all"')`); err != nil {
		return err
	}
	if err := settled(ctx, d, at); err != nil {
		return err
	}
	before := at.megabytes(ctx)
	r, err := spawn[linkResult](ctx, b, "link", linkTask{At: at})
	if err != nil {
		return err
	}
	links, err := at.count(ctx, "SELECT COUNT(*) FROM record_links")
	if err == nil {
		err = errors.Join(check("messages linked", r.Messages, int64(n)), check("links", links, int64(2*n)))
	}
	if err != nil {
		return err
	}
	goals := atLeast(3200)
	if d.server != "" {
		goals = atLeast(1700)
	}
	rate := func(u used) float64 { return float64(n) / u.Wall }
	b.add(row{ID: "LINK", What: "linked a second, the first time", On: d.name, Value: rate(r.First), Unit: "messages/s", Goal: goals,
		Note: fmt.Sprintf("%s ms CPU a message, peak memory %s MB; %s bytes on disk a message", number(r.First.CPU/float64(n)*1000), number(r.First.PeakMB), number((at.megabytes(ctx)-before)*1e6/float64(n)))})
	b.add(row{ID: "LINK", What: "looked at a second, nothing to do", On: d.name, Value: rate(r.Next), Unit: "messages/s", Goal: goals, Note: fmt.Sprintf("%s ms CPU a message", number(r.Next.CPU/float64(n)*1000))})
	return nil
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

// crowd is how much is made by SQL.
type crowd struct{ people, companies, deals, messages, boxes int }

func (b *bench) timelinesOf(ctx context.Context, d database) error {
	at, drop, err := d.fresh(ctx)
	if err != nil {
		return err
	}
	defer drop()
	p, err := b.serve(ctx, serveOptions{at: at, withoutSync: true})
	if err != nil {
		return err
	}
	err = p.setUp(ctx)
	p.stop()
	if err != nil {
		return err
	}
	size := crowd{people: b.size(800_000, 8_000), companies: b.size(150_000, 1_500), deals: b.size(50_000, 500), messages: b.size(1_000_000, 20_000), boxes: 20}
	began := time.Now()
	if err := makeCrowd(ctx, d, at, p.workspace, size); err != nil {
		return fmt.Errorf("making rows: %w", err)
	}
	if err := settled(ctx, d, at); err != nil {
		return err
	}
	made := time.Since(began)
	links, err := at.count(ctx, "SELECT COUNT(*) FROM record_links")
	if err == nil {
		err = check("links", links, int64(5*size.messages))
	}
	if err != nil {
		return err
	}
	if p, err = b.serve(ctx, serveOptions{at: at, withoutSync: true}); err != nil {
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
func (b *bench) readTimelines(ctx context.Context, d database, p *product, size crowd, note string) error {
	person := func(i int) string { return recordID(i*7919%size.people + 1) }
	company := func(i int) string { return recordID(size.people + 2 + i*6007%(size.companies-1)) }
	large := recordID(size.people + 1)
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
		{"records of an address", func(i int) string {
			return home + "/records?limit=50&email=" + fmt.Sprintf("p%d@company%d.example", i*7919%size.people+1, i)
		}},
	}
	rounds := b.size(400, 20)
	for k, kind := range kinds {
		var times []float64
		for i := range rounds + 10 {
			next, rows, took, err := p.page(ctx, kind.ask(i))
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

// page asks for a page, checks that it is in order, and gives the milliseconds it took.
func (p *product) page(ctx context.Context, path string) (next string, rows int, took float64, err error) {
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

// recordID is the id that makeCrowd gives a record by its number.
func recordID(no int) string { return fmt.Sprintf("01900000-0000-7000-8000-%012d", no) }

// makeCrowd makes records, mailboxes, messages and links by SQL.
func makeCrowd(ctx context.Context, d database, at place, w string, size crowd) error {
	var boxes []string
	for i := range size.boxes {
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
	no := "01900000-0000-7000-8000-' || SUBSTR('000000000000' || n, -12)"
	no = "'" + no
	settings := []string{"PRAGMA foreign_keys = OFF", "PRAGMA synchronous = OFF", "PRAGMA cache_size = -200000"}
	if d.server != "" {
		series = func(n int) string { return fmt.Sprintf("(SELECT n FROM generate_series(1, %d) n)", n) }
		no = "'01900000-0000-7000-8000-' || LPAD(n::text, 12, '0')"
		settings = []string{"SET session_replication_role = replica", "SET maintenance_work_mem = '256MB'"}
	}
	for _, s := range settings {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	return errors.Join(crowdRecords(ctx, db, w, size, series, no), crowdMail(ctx, db, w, size, series, boxes))
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

// crowdRecords: people first, by their numbers, then companies, then deals.
func crowdRecords(ctx context.Context, db *sql.DB, w string, size crowd, series func(int) string, id string) error {
	all := size.people + size.companies + size.deals
	kind := fmt.Sprintf("CASE WHEN n <= %d THEN 'person' WHEN n <= %d THEN 'company' ELSE 'deal' END", size.people, size.people+size.companies)
	company := fmt.Sprintf("CASE WHEN n <= %d THEN %d + n %% %d WHEN n > %d THEN %d + n %% %d END", size.people, size.people+1, size.companies, size.people+size.companies, size.people+1, size.companies)
	for _, statement := range []string{
		`INSERT INTO object_types (id, workspace_id, key, name, plural, icon, fields, standard, created_at) VALUES ('t1', '` + w + `', 'person', 'Person', 'People', '', '[]', TRUE, 1),
			('t2', '` + w + `', 'company', 'Company', 'Companies', '', '[]', TRUE, 1), ('t3', '` + w + `', 'deal', 'Deal', 'Deals', '', '[]', TRUE, 1)`,
		`INSERT INTO records (no, id, workspace_id, list_no, type, name, name_key, company_no, stage, created_at, updated_at)
			SELECT n, ` + id + `, '` + w + `', (SELECT o.no FROM object_types o WHERE o.key = ` + kind + `), ` + kind + `, 'Record ' || n, 'record ' || n, ` + company + `, 'new', n, n FROM ` + series(all) + ` s`,
		fmt.Sprintf(`INSERT INTO record_emails (workspace_id, key, record_no) SELECT '%s', 'p' || n || '@company' || n %% %d || '.example', n FROM %s s`, w, size.companies, series(size.people)),
		fmt.Sprintf(`INSERT INTO record_domains (workspace_id, domain, record_no) SELECT '%s', 'company' || (n - 1) || '.example', %d + n FROM %s s`, w, size.people, series(size.companies)),
		fmt.Sprintf(`INSERT INTO notes (id, workspace_id, record_no, text, author_id, created_at, updated_at) SELECT 'n' || n, '%s', n * 37 %% %d + 1, 'Note', '', 1700000000000000 + n * 60000000, 1 FROM %s s`, w, all, series(all/10)),
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%.120s: %w", statement, err)
		}
	}
	return nil
}

// crowdMail: message n lies in mailbox n mod boxes, is a minute newer than n - 1, and
// belongs to two people, their companies and a deal; every tenth to the first company.
func crowdMail(ctx context.Context, db *sql.DB, w string, size crowd, series func(int) string, boxes []string) error {
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
		n := size.messages / size.boxes
		pos := fmt.Sprintf("((CAST(%d AS BIGINT) << 41) | (CAST(%d + (n * %d + %d) * 60 AS BIGINT) << 9))", no, second, size.boxes, i)
		statement := fmt.Sprintf(`INSERT INTO synced_emails (pos, id, workspace_id, integration_id, gmail_id, gmail_thread_id, rfc822_message_id, in_reply_to, reference_ids, subject, from_email, from_name, to_emails, cc, bcc,
				reply_to, snippet, labels, is_read, is_starred, has_attachments, bulk, gmail_date, size, history_id, shown, created_at, updated_at)
			SELECT %[1]s, 'e%[2]d-' || n, '%[3]s', '%[4]s', 'g%[2]d-' || n, 't%[2]d-' || n / 2, '<m%[2]d-' || n || '@mail.example>', '', '[]', 'Message ' || n, 'p' || n || '@company1.example', 'Person ' || n,
				'[{"name":"Mara","email":"%[5]s"}]', '[]', '[]', '[]', 'A few words of the message', '["INBOX"]', TRUE, FALSE, FALSE, FALSE, CAST(%[6]d + (n * %[7]d + %[2]d) * 60 AS BIGINT) * 1000000, 2000, n, TRUE, 1, 1 FROM %[8]s s`,
			pos, i, w, boxes[i], ownerEmail, second, size.boxes, series(n))
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("messages: %w", err)
		}
		all := fmt.Sprintf("(n * %d + %d)", size.boxes, i)
		firm := fmt.Sprintf("CASE WHEN n %% 10 = 0 THEN %[1]d ELSE %[1]d + 1 + %[2]s * 31 %% %[3]d END", size.people+1, all, size.companies-1)
		for _, x := range []struct{ record, rule string }{
			{fmt.Sprintf("%s %% %d + 1", all, size.people/2), "address"}, {fmt.Sprintf("%d + %s * 17 %% %d", size.people/2+1, all, size.people/2), "address"}, {firm, "domain"},
			{fmt.Sprintf("%d + %s * 13 %% %d", size.people+size.companies+1, all, size.deals/2), "deal"}, {fmt.Sprintf("%d + %s * 11 %% %d", size.people+size.companies+size.deals/2+1, all, size.deals/2), "deal"},
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

// corpora are lists of domains of others.
const corpora = "../shared/corpora"

func freeMail(_ context.Context, b *bench) error {
	if _, err := os.Stat(corpora); err != nil {
		b.add(row{ID: "FREE", What: "lists of others", Value: 0, Unit: "found", Note: corpora + " is not there"})
		return nil
	}
	free, err1 := jsonDomains("domain-free-email/domains.json")
	away, err2 := lineDomains("domain-disposable/disposable_email_blocklist.conf")
	generic, others, err3 := csvDomains("domain-bigbang/bigbang/datasets/domains/domain_categories.csv")
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	share := func(list []string) float64 {
		n := 0
		for _, d := range list {
			if link.FreeMail(d) {
				n++
			}
		}
		return 100 * float64(n) / float64(max(1, len(list)))
	}
	for _, x := range []struct {
		what string
		list []string
	}{{"free mail known (list of free e-mail domains)", free}, {"free mail known (list of mailing-list research)", generic}, {"throw-away domains known", away}} {
		b.add(row{ID: "FREE", What: x.what, Value: share(x.list), Unit: "%", Note: fmt.Sprintf("of %s", number(float64(len(x.list))))})
	}
	b.add(row{ID: "FREE", What: "organisations taken for free mail", Value: share(others), Unit: "%", Goal: atMost(5), Note: fmt.Sprintf("of %s", number(float64(len(others))))})
	right, all, err := suffixes("domain-psl/tests/tests.txt")
	if err != nil {
		return err
	}
	b.add(row{ID: "FREE", What: "registrable domains right (tests of the public suffix list)", Value: 100 * float64(right) / float64(all), Unit: "%", Goal: atLeast(100), Note: fmt.Sprintf("of %d", all)})
	return nil
}

func jsonDomains(file string) (list []string, err error) {
	text, err := os.ReadFile(filepath.Join(corpora, file))
	if err != nil {
		return nil, err
	}
	return list, json.Unmarshal(text, &list)
}

func lineDomains(file string) (list []string, err error) {
	f, err := os.Open(filepath.Join(corpora, file))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if line := strings.TrimSpace(s.Text()); line != "" && !strings.HasPrefix(line, "//") {
			list = append(list, line)
		}
	}
	return list, nil
}

// csvDomains gives the domains that are anybody's, and those of organisations.
func csvDomains(file string) (generic, others []string, err error) {
	f, err := os.Open(filepath.Join(corpora, file))
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	for _, r := range rows {
		switch strings.TrimSpace(r[1]) {
		case "generic":
			generic = append(generic, r[0])
		case "company", "academic", "sdo":
			others = append(others, r[0])
		}
	}
	return generic, others, err
}

// suffixes compares with the tests of the public suffix list: a host and what is
// registrable of it.
func suffixes(file string) (right, all int, err error) {
	lines, err := lineDomains(file)
	for _, line := range lines {
		f := strings.Fields(line)
		if len(f) != 2 || f[0] == "null" || strings.HasPrefix(f[0], ".") {
			continue
		}
		want := strings.Replace(f[1], "null", "", 1)
		if all++; link.Registrable(f[0]) == want {
			right++
		}
	}
	return right, all, err
}
