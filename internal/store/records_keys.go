package store

import (
	"context"
	"strings"

	"rapport/internal/crm"
)

// recordKeys are what records are looked up by: addresses as link.Key writes them,
// registrable domains, numbers in E.164.
type recordKeys struct {
	Emails, Domains, Phones []string
}

// knownRecord is a record that was found by one of recordKeys.
type knownRecord struct {
	By        string // email, domain or phone
	Key       string
	No        int64
	ID        crm.RecordID
	Type      crm.RecordType
	Name      string
	CompanyNo int64
	Company   crm.RecordRef // of a person; empty for none
}

// recordsBy looks records up that are not deleted, in one statement: by address and
// phone people (and whatever else has some), by domain companies; the oldest first.
func (s *Store) recordsBy(ctx context.Context, from source, w crm.WorkspaceID, k recordKeys) ([]knownRecord, error) {
	args := []any{string(w)}
	var parts []string
	for _, p := range []struct {
		by, table, column string
		keys              []string
	}{{"email", "record_emails", "key", k.Emails}, {"domain", "record_domains", "domain", k.Domains}, {"phone", "record_phones", "e164", k.Phones}} {
		if len(p.keys) == 0 {
			continue
		}
		args = append(args, s.d.list(p.keys))
		parts = append(parts, "SELECT '"+p.by+"' AS found_by, x."+p.column+" AS found_key, x.record_no FROM "+p.table+" x WHERE x.workspace_id = $1 AND "+s.d.in("x."+p.column, len(args)))
	}
	if len(parts) == 0 {
		return nil, nil
	}
	return all(ctx, from, "look up records", func(r scanner) (knownRecord, error) {
		var x knownRecord
		err := r.Scan(&x.By, &x.Key, &x.No, &x.ID, &x.Type, &x.Name, &x.CompanyNo, &x.Company.ID, &x.Company.Name)
		if x.Company.ID != "" {
			x.Company.Type = crm.Company
		}
		return x, err
	}, `SELECT f.found_by, f.found_key, r.no, r.id, r.type, r.name, COALESCE(co.no, 0), COALESCE(co.id, ''), COALESCE(co.name, '') FROM (`+strings.Join(parts, " UNION ALL ")+`) f
		JOIN records r ON r.no = f.record_no LEFT JOIN records co ON co.no = r.company_no AND co.deleted_at IS NULL
		WHERE r.deleted_at IS NULL ORDER BY r.no, f.found_by, f.found_key`, args...)
}
