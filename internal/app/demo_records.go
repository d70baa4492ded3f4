package app

import (
	"context"
	"encoding/json"
	"fmt"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/records"
)

// sample is a record of the demonstration; references are by names among them.
type sample struct {
	name   string
	kind   crm.RecordType
	fields map[string]any
}

// samples fit the mail that the simulator writes: two of its people, where they work,
// and what is being sold to them. Everybody else is made known by mail.
var samples = []sample{
	{"bellafonte", crm.Company, map[string]any{"name": "Bellafonte Alberghi", "domains": []string{"bellafonte-alberghi.example"}, "website": "bellafonte-alberghi.example"}},
	{"oakrill", crm.Company, map[string]any{"name": "Oakrill Architects", "domains": []string{"oakrill.example"}}},
	{"elena", crm.Person, map[string]any{"name": "Elena Marchetti", "emails": []string{"elena.marchetti@bellafonte-alberghi.example"}, "company_id": "bellafonte", "stage": "customer"}},
	{"callum", crm.Person, map[string]any{"name": "Callum Ashdown", "emails": []string{"callum.ashdown@oakrill.example"}, "company_id": "oakrill", "stage": "lead"}},
	{"lobby", crm.Deal, map[string]any{"name": "Lobby lamps, three hotels", "company_id": "bellafonte", "stage": "proposal", "amount": crm.Money{Minor: 1_840_000, Currency: "EUR"}, "people": []string{"elena"}}},
	{"garden", crm.Deal, map[string]any{"name": "Garden lanterns", "company_id": "bellafonte", "stage": "won", "amount": crm.Money{Minor: 460_000, Currency: "EUR"}, "people": []string{"elena"}}},
	{"workshop", crm.Deal, map[string]any{"name": "Workshop lighting", "company_id": "oakrill", "stage": "new", "amount": crm.Money{Minor: 725_000, Currency: "GBP"}, "people": []string{"callum"}}},
}

// demoRecords makes the sample records in a workspace that has none.
func (a *App) demoRecords(ctx context.Context, owner access.Caller) error {
	counts, err := a.Records.Counts(ctx, owner)
	if err != nil {
		return fmt.Errorf("counting records: %w", err)
	}
	for _, n := range counts {
		if n > 0 {
			return nil
		}
	}
	ids := map[string]crm.RecordID{}
	for _, s := range samples {
		in := records.Fields{"owner_id": json.RawMessage(`"me"`)}
		for field, value := range s.fields {
			switch named := value.(type) {
			case string:
				if field == "company_id" {
					value = ids[named]
				}
			case []string:
				if field == "people" {
					value = []map[string]any{{"person_id": ids[named[0]], "role": "decides"}}
				}
			}
			text, err := json.Marshal(value)
			if err != nil {
				return fmt.Errorf("writing a sample: %w", err)
			}
			in[field] = text
		}
		r, err := a.Records.Create(ctx, owner, s.kind, in)
		if err != nil {
			return fmt.Errorf("making the sample %s: %w", s.name, err)
		}
		ids[s.name] = r.ID
	}
	return nil
}
