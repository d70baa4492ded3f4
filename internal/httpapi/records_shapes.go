package httpapi

import (
	"encoding/json"

	"rapport/client"
	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/records"
)

type (
	RecordRef      = client.RecordRef
	ObjectType     = client.ObjectType
	ObjectField    = client.ObjectField
	Tag            = client.Tag
	Note           = client.Note
	Task           = client.Task
	NamedUser      = client.NamedUser
	RecordSettings = client.RecordSettings
)

// RecordShape is a record as it leaves.
func RecordShape(c access.Caller, r crm.Record) Record {
	out := Record{
		ID: string(r.ID), Type: string(r.Type), Name: r.Name, FirstName: r.FirstName, LastName: r.LastName, Emails: each(r.Emails, contactShape), Phones: each(r.Phones, contactShape),
		Domains: texts(r.Domains), Title: r.Title, Company: refShape(r.Company), Stage: r.Stage, Address: r.Address, LinkedIn: r.LinkedIn, Website: r.Website, Description: r.Description,
		People: each(r.People, func(p crm.DealRole) client.DealRole {
			return client.DealRole{Person: *refShape(&p.Person), Role: p.Role}
		}),
		Fields: r.Fields, Tags: each(r.Tags, func(t crm.Tag) Tag { return tagShape(c, t) }), ExternalIDs: r.ExternalIDs, Sources: map[string]client.RecordSource{},
		CreatedBy: client.RecordMaker{By: string(r.CreatedBy.By), UserID: string(r.CreatedBy.UserID), Name: r.CreatedBy.Name},
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(), LastAt: utc(r.LastAt), DeletedAt: utc(r.DeletedAt), Version: r.Version,
	}
	if r.Amount != nil {
		out.Amount = &client.Money{Minor: r.Amount.Minor, Currency: r.Amount.Currency}
	}
	if r.CloseDate != "" {
		out.CloseDate = &r.CloseDate
	}
	if r.Class.Name != "" {
		out.Class = &client.RecordClass{Name: r.Class.Name, Confidence: r.Class.Confidence, By: r.Class.By, Why: r.Class.Why}
	}
	if r.OwnerID != "" {
		out.Owner = &NamedUser{ID: string(r.OwnerID), Name: r.OwnerName}
	}
	if r.MergedInto != "" {
		into := string(r.MergedInto)
		out.MergedInto = &into
	}
	if out.Fields == nil {
		out.Fields = map[string]json.RawMessage{}
	}
	if out.ExternalIDs == nil {
		out.ExternalIDs = map[string]string{}
	}
	for field, source := range r.Sources {
		out.Sources[field] = client.RecordSource{By: string(source.By), Confidence: source.Confidence, UserID: string(source.UserID), Name: source.Name, At: source.At.UTC()}
	}
	return out
}

func contactShape(v crm.Contact) client.Contact {
	return client.Contact{Value: v.Value, Raw: v.Raw, Label: v.Label, Ext: v.Ext, Primary: v.Primary}
}

func refShape(r *crm.RecordRef) *RecordRef {
	if r == nil {
		return nil
	}
	return &RecordRef{ID: string(r.ID), Type: string(r.Type), Name: r.Name}
}

func tagShape(_ access.Caller, t crm.Tag) Tag {
	return Tag{ID: string(t.ID), Name: t.Name, Colour: t.Colour, Mine: t.OwnerID != ""} // others' private ones nobody gets
}

func typeShape(o crm.ObjectType) ObjectType {
	return ObjectType{ID: string(o.ID), Key: string(o.Key), Name: o.Name, Plural: o.Plural, Icon: o.Icon, Standard: o.Standard, Count: o.Count,
		Fields: each(o.Fields, func(f crm.Field) ObjectField {
			return ObjectField{Key: f.Key, Name: f.Name, Type: string(f.Type), Options: f.Options, Currency: f.Currency, Target: string(f.Target), Required: f.Required}
		})}
}

func userShape(p records.Person) NamedUser { return NamedUser{ID: string(p.ID), Name: p.Name} }

func noteShape(n records.Note) Note {
	return Note{ID: string(n.ID), Record: *refShape(&n.Record), Text: n.Text, Author: userShape(n.Author), CreatedAt: n.CreatedAt.UTC(), UpdatedAt: n.UpdatedAt.UTC()}
}

func taskShape(k records.Task) Task {
	out := Task{ID: string(k.ID), Record: refShape(k.Record), Title: k.Title, DueAt: utc(k.DueAt), DoneAt: utc(k.DoneAt), Author: userShape(k.Author),
		CreatedAt: k.CreatedAt.UTC(), UpdatedAt: k.UpdatedAt.UTC(), Version: k.Version}
	if k.AssigneeID != "" {
		assignee := userShape(k.Assignee)
		out.Assignee = &assignee
	}
	return out
}
