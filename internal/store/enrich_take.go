package store

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"rapport/internal/crm"
	"rapport/internal/enrich"
	"rapport/internal/fact"
	"rapport/internal/records"
)

// take puts values into their record, those of one message at once.
func (k *keeping) take(ctx context.Context, row *recordRow, by map[crm.SightingID]*sightingRow, list []crm.Sighting) error {
	slices.SortStableFunc(list, func(a, b crm.Sighting) int { return a.SeenAt.Compare(b.SeenAt) })
	for i := 0; i < len(list); {
		source := crm.Source{By: crm.ByEnrich, Confidence: list[i].Confidence, EmailID: list[i].EmailID}
		var set records.Wish
		for ; i < len(list) && list[i].EmailID == source.EmailID; i++ {
			source.Confidence = min(source.Confidence, list[i].Confidence)
			if err := k.t.wish(ctx, row, by[list[i].ID], &set); err != nil {
				return err
			}
			k.out.Applied = append(k.out.Applied, list[i])
		}
		if err := k.t.enrichedWith(ctx, row, source, set); err != nil {
			return err
		}
	}
	return nil
}

// enrichedWith fills a record with what follows from mail. What its type does not
// allow, or somebody has typed, is left as it is.
func (t *tx) enrichedWith(ctx context.Context, row *recordRow, by crm.Source, set records.Wish) error {
	_, err := t.fillRow(ctx, row, by, &set)
	return err
}

// wish adds a sighting to what is wished for its record.
func (t *tx) wish(ctx context.Context, row *recordRow, s *sightingRow, set *records.Wish) error {
	v := s.Value
	switch s.Field {
	case enrich.FieldName:
		set.Name = &v
	case enrich.FieldTitle:
		set.Title = &v
	case enrich.FieldLinkedIn:
		set.LinkedIn = &v
	case enrich.FieldWebsite:
		set.Website = &v
	case enrich.FieldAddress:
		set.Address = &v
	case enrich.FieldPhone:
		set.AddPhones = append(set.AddPhones, crm.Contact{Value: v, Raw: s.Raw, Label: s.Label, Ext: s.Ext})
	case enrich.FieldCompany:
		id, err := t.companyFor(ctx, row.WorkspaceID, s)
		if err != nil {
			return err
		}
		set.Company = &id
	}
	return nil
}

// companyFor gives the company that a sighting tells of: that with its domain, else
// that of its name, else a new one.
func (t *tx) companyFor(ctx context.Context, w crm.WorkspaceID, s *sightingRow) (crm.RecordID, error) {
	by := crm.Source{By: crm.ByEnrich, Confidence: s.Confidence, EmailID: s.EmailID}
	maker := crm.Maker{By: crm.ByEnrich}
	if s.domain != "" {
		no, id, made, err := t.companyOf(ctx, w, newCompany{Domain: s.domain, Name: s.Value, Maker: maker, Source: by})
		if err == nil && made {
			_, err = t.fill(ctx, w, no, by, records.Wish{Website: orNone(s.website)})
		}
		return id, err
	}
	if err := t.s.d.lock(ctx, t, lockOf(w, "company", s.key)); err != nil {
		return "", err
	}
	list, err := t.listOf(ctx, w, crm.Company)
	if err != nil {
		return "", err
	}
	named, err := all(ctx, t, "find company by name", func(r scanner) (crm.RecordRef, error) {
		var ref crm.RecordRef
		err := r.Scan(&ref.ID, &ref.Name)
		return ref, err
	}, "SELECT id, name FROM records WHERE list_no = $1 AND name_key >= $2 AND name_key < $3 AND deleted_at IS NULL ORDER BY name_key, no LIMIT 50", list.no, sortKey(s.key), sortKey(s.key)+"~")
	if err != nil {
		return "", err
	}
	for _, n := range named {
		if enrich.ValueKey(crm.Company, enrich.FieldName, n.Name) == s.key {
			return n.ID, nil
		}
	}
	name := s.Value
	row, err := t.makeRecord(ctx, w, crm.Company, maker, by, records.Wish{Name: &name, Website: orNone(s.website)})
	if err != nil {
		return "", err
	}
	return row.ID, nil
}

func orNone(s string) *string {
	if s = strings.TrimSpace(s); s == "" {
		return nil
	}
	return &s
}

// tell says which records have new suggestions.
func (k *keeping) tell() {
	for piece := range slices.Chunk(k.news, mostTold) {
		k.t.fact(fact.Fact{Kind: fact.RecordSuggested, WorkspaceID: k.w, Data: json.RawMessage(jsonText(map[string]any{"ids": piece}))})
	}
}

func classWish(c crm.Class) records.Wish { return records.Wish{Class: &c} }
