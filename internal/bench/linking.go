package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"rapport/internal/access"
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

func freeMail(_ context.Context, b *bench) error {
	if _, err := os.Stat(corpusFolder()); err != nil {
		b.add(row{ID: "FREE", What: "lists of others", Value: 0, Unit: "found", Note: corpusFolder() + " is not there"})
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
	text, err := os.ReadFile(filepath.Join(corpusFolder(), file))
	if err != nil {
		return nil, err
	}
	return list, json.Unmarshal(text, &list)
}

func lineDomains(file string) (list []string, err error) {
	f, err := os.Open(filepath.Join(corpusFolder(), file))
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
	f, err := os.Open(filepath.Join(corpusFolder(), file))
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
