package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rapport/internal/crm"
	"rapport/internal/enrich"
	"rapport/internal/enrich/signature"
	"rapport/internal/link"
)

// How much of somebody's mail says what they are.
const (
	dealingsMail  = 200
	dealingsTexts = 20
	dealingsText  = 1500
)

// AskedAbout gives people of whom there may be news, with their dealings.
func (s *Store) AskedAbout(ctx context.Context, w crm.WorkspaceID, n int) ([]enrich.Person, error) {
	from := s.reading("enrich.AskedAbout")
	list, err := all(ctx, from, "read", func(r scanner) (p enrich.Person, err error) { return p, r.Scan(&p.No, &p.Turn) },
		"SELECT record_no, turn FROM enrich_people WHERE workspace_id = $1 ORDER BY record_no LIMIT $2", string(w), int64(n))
	if err != nil {
		return nil, err
	}
	for i := range list {
		if err := s.dealings(ctx, from, w, &list[i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// dealings fills in what is known of a person.
func (s *Store) dealings(ctx context.Context, from source, w crm.WorkspaceID, p *enrich.Person) error {
	d := &p.Deals
	keys, err := all(ctx, from, "read addresses", scanText, "SELECT key FROM record_emails WHERE record_no = $1 ORDER BY key", p.No)
	if err != nil {
		return err
	}
	d.Emails, d.Free = keys, len(keys) > 0
	for _, k := range keys {
		d.Free = d.Free && link.FreeMail(link.Host(k))
	}
	err = each(ctx, from, "read person", func(r scanner) error { return r.Scan(&d.Title, &d.Company) },
		"SELECT r.title, COALESCE(co.name, '') FROM records r LEFT JOIN records co ON co.no = r.company_no AND co.deleted_at IS NULL WHERE r.no = $1", p.No)
	if err != nil {
		return err
	}
	err = each(ctx, from, "read deals", func(r scanner) error {
		var stage string
		err := r.Scan(&stage)
		switch {
		case stage == "won":
			d.Won++
		case crm.Open(stage):
			d.Open++
		}
		return err
	}, "SELECT r.stage FROM deal_people p JOIN records r ON r.no = p.deal_no WHERE p.person_no = $1 AND r.deleted_at IS NULL", p.No)
	if err != nil || len(keys) == 0 {
		return err
	}
	return s.correspondence(ctx, from, w, keys, d)
}

// correspondence counts the newest messages from and to a person, in mailboxes whose
// owners let them be read, and reads what they wrote in the newest of all.
func (s *Store) correspondence(ctx context.Context, from source, w crm.WorkspaceID, keys []string, d *enrich.Dealings) error {
	var pos []int64
	subjects := map[int64]string{}
	seen := map[string]bool{}
	err := each(ctx, from, "read mail of a person", func(r scanner) error {
		var at int64
		var email, subject, message string
		var bulk, sent bool
		if err := r.Scan(&at, &email, &subject, &message, &bulk, &sent); err != nil || message != "" && seen[message] {
			return err // the same message in a colleague's mailbox
		}
		seen[message] = true
		switch {
		case slices.Contains(keys, link.Key(email)):
			d.Received++
			if bulk {
				d.Bulk++
			}
			if len(pos) < dealingsTexts && !bulk {
				pos = append(pos, at)
				subjects[at] = subject
			}
		case sent:
			d.Sent++
		}
		return nil
	}, "SELECT e.pos, e.from_email, e.subject, e.rfc822_message_id, e.bulk, "+sentByOwner+" FROM "+mailByAddress+" WHERE e.workspace_id = $1 AND "+s.d.in("a.key", 2)+
		" AND NOT e.protected AND e.shown AND e.deleted_at IS NULL AND NOT "+unread+fmt.Sprintf(" ORDER BY p.pos DESC LIMIT %d", dealingsMail), string(w), s.d.list(keys))
	if err != nil || len(pos) == 0 {
		return err
	}
	return each(ctx, from, "read texts", func(r scanner) error {
		var at int64
		var text string
		if err := r.Scan(&at, &text); err != nil {
			return err
		}
		own := strings.Join(signature.Own(text), "\n")
		d.Texts = append(d.Texts, subjects[at]+"\n"+strings.ToValidUTF8(own[:min(len(own), dealingsText)], ""))
		return nil
	}, "SELECT e.pos, COALESCE(b.body_text, '') FROM synced_emails e LEFT JOIN email_bodies b ON b.pos = e.pos WHERE "+s.d.in("e.pos", 1)+" ORDER BY e.pos DESC", s.d.list(pos))
}

// SaveClasses stores what people are, unless somebody has said so.
func (s *Store) SaveClasses(ctx context.Context, w crm.WorkspaceID, list []enrich.Person) error {
	return s.write(ctx, "enrich.SaveClasses", func(t *tx) error {
		nos := make([]int64, len(list))
		for i, p := range list {
			nos[i] = p.No
		}
		rows, err := t.recordsLocked(ctx, w, nos...)
		if err != nil {
			return err
		}
		for _, r := range rows {
			at := slices.IndexFunc(list, func(p enrich.Person) bool { return p.No == r.no })
			if r.DeletedAt != nil || r.Class.By == enrich.ByPerson || list[at].Class.Name == "" {
				continue
			}
			if err := t.enrichedWith(ctx, r, crm.Source{By: crm.ByEnrich, Confidence: list[at].Class.Confidence}, classWish(list[at].Class)); err != nil {
				return err
			}
		}
		for _, p := range list {
			if _, err := t.exec(ctx, "take out", "DELETE FROM enrich_people WHERE workspace_id = $1 AND record_no = $2 AND turn = $3", string(w), p.No, p.Turn); err != nil {
				return err
			}
		}
		return nil
	})
}
