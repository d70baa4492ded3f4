package enrich_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/enrich"
	"rapport/internal/enrich/signature"
)

func value(field, v string) enrich.Value {
	return enrich.Value{Value: signature.Value{Field: field, Value: v, Line: v, Confidence: .9}, Engine: "rules"}
}

func readFrom(email, name string, list ...enrich.Value) enrich.Read {
	return enrich.Read{From: crm.Address{Email: email, Name: name}, Found: list}
}

func placed(list []enrich.Placed) (out []string) {
	for _, p := range list {
		on := "person"
		if p.OnCompany {
			on = "company"
		}
		out = append(out, on+" "+p.Field+"="+p.Value.Value.Value)
	}
	return out
}

func TestForWhomAValueIs(t *testing.T) {
	mara := crm.Record{Type: crm.Person, Name: "Mara Linden"}
	harbour := &crm.Record{Type: crm.Company, Name: "Harbour Tea", Domains: []string{"harbour-tea.example"}}
	name, company, site := value("name", "Mara Linden"), value("company", "Harbour Tea GmbH"), value("website", "https://www.harbour-tea.example")
	for _, test := range []struct {
		name    string
		person  crm.Record
		company *crm.Record
		read    enrich.Read
		want    []string
	}{
		{"of their company, that is its name", mara, harbour, readFrom("mara@harbour-tea.example", "Mara", name, company, site), []string{"person name=Mara Linden", "company name=Harbour Tea GmbH", "company website=https://www.harbour-tea.example"}},
		{"from a domain below", mara, harbour, readFrom("mara@mail.harbour-tea.example", "Mara", company), []string{"company name=Harbour Tea GmbH"}},
		{"without a company yet", mara, nil, readFrom("mara@gmail.com", "Mara", company, site), []string{"person company=Harbour Tea GmbH", "person website=https://www.harbour-tea.example"}},
		{"from another domain", mara, harbour, readFrom("mara@northwind-lamps.example", "Mara", value("company", "Northwind Lamps")), []string{"person company=Northwind Lamps"}},
		{"from a private address", mara, harbour, readFrom("mara.linden@gmail.com", "Mara", company), []string{"person company=Harbour Tea GmbH"}},
		{"an assistant has signed", mara, harbour, readFrom("mara@harbour-tea.example", "Mara Linden", value("name", "Jonas Weber"), value("phone", "+4940360060")), nil},
		{"a colleague at a shared address", crm.Record{Type: crm.Person, Name: "info@harbour-tea.example"}, harbour, readFrom("info@harbour-tea.example", "Harbour Tea", value("name", "Jonas Weber"), value("title", "Buyer")), nil},
		{"married", mara, harbour, readFrom("mara@harbour-tea.example", "Mara Linden", value("name", "Mara Weber"), value("title", "Buyer")), []string{"person name=Mara Weber", "person title=Buyer"}},
		{"known by the address alone", crm.Record{Type: crm.Person, Name: "m.linden@harbour-tea.example"}, nil, readFrom("m.linden@harbour-tea.example", "", name), []string{"person name=Mara Linden"}},
		{"a number of no country", mara, nil, readFrom("mara@harbour-tea.example", "Mara", value("phone", "36006-0"), value("phone", "+4940360060")), []string{"person phone=+4940360060"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, placed(enrich.Place(test.person, test.company, test.read)))
		})
	}
}

func TestWhatCompanyAMessageTellsOf(t *testing.T) {
	site := func(s string) []enrich.Value { return []enrich.Value{value("website", s)} }
	for _, test := range []struct {
		name, from string
		found      []enrich.Value
		want       enrich.Detected
	}{
		{"by the address", "mara@mail.harbour-tea.example", nil, enrich.Detected{Name: "H", Domain: "harbour-tea.example"}},
		{"with its website", "mara@harbour-tea.example", site("www.harbour-tea.example/de"), enrich.Detected{Name: "H", Domain: "harbour-tea.example", Website: "www.harbour-tea.example/de"}},
		{"a website elsewhere is not its own", "mara@harbour-tea.example", site("https://fair.example"), enrich.Detected{Name: "H", Domain: "harbour-tea.example"}},
		{"free mail: by the website", "mara@gmail.com", site("https://harbour-tea.example"), enrich.Detected{Name: "H", Domain: "harbour-tea.example", Website: "https://harbour-tea.example"}},
		{"free mail and a page where everybody has one", "mara@gmail.com", site("https://www.facebook.com/harbour"), enrich.Detected{Name: "H"}},
		{"free mail alone", "mara@gmx.de", nil, enrich.Detected{Name: "H"}},
	} {
		t.Run(test.name, func(t *testing.T) { require.Equal(t, test.want, enrich.Detect("H", test.from, test.found)) })
	}
}

func TestClassify(t *testing.T) {
	for _, test := range []struct {
		name, class string
		sure        float64
		d           enrich.Dealings
	}{
		{"nobody reads the address", "automated", .97, enrich.Dealings{Emails: []string{"no-reply@shop.example"}, Received: 3, Won: 1}},
		{"one of several addresses", "unknown", .3, enrich.Dealings{Emails: []string{"ines@shop.example", "no-reply@shop.example"}, Received: 3}},
		{"lists, and nobody answers", "automated", .9, enrich.Dealings{Emails: []string{"olga@shop.example"}, Received: 10, Bulk: 9}},
		{"lists, and somebody answers", "unknown", .3, enrich.Dealings{Emails: []string{"ines@shop.example"}, Received: 10, Bulk: 9, Sent: 2}},
		{"a deal was won", "customer", .95, enrich.Dealings{Received: 1, Won: 1, Open: 2, Title: "Recruiter"}},
		{"an open deal", "lead", .85, enrich.Dealings{Received: 1, Open: 1}},
		{"by the title", "recruiter", .9, enrich.Dealings{Received: 1, Title: "Senior Talent Acquisition Partner"}},
		{"by what they write", "lead", .65, enrich.Dealings{Received: 1, Texts: []string{"Hello\nCould you send me a quote?"}}},
		{"in German", "lead", .75, enrich.Dealings{Received: 2, Texts: []string{"Anfrage\nwir bitten um ein Angebot", "Ihre Preise"}}},
		{"more often of something else", "vendor", .75, enrich.Dealings{Received: 3, Texts: []string{"your invoice", "payment reminder", "book a demo"}}},
		{"a customer orders", "customer", .65, enrich.Dealings{Received: 1, Texts: []string{"Purchase order 4711"}}},
		{"a partner", "partner", .65, enrich.Dealings{Received: 1, Texts: []string{"about our partnership"}}},
		{"words within words say nothing", "unknown", .3, enrich.Dealings{Received: 1, Texts: []string{"reyour invoices"}}},
		{"never surer than that", "vendor", .9, enrich.Dealings{Received: 9, Texts: []string{"your invoice", "your invoice", "your invoice", "your invoice", "your invoice", "your invoice"}}},
		{"a friend", "personal", .6, enrich.Dealings{Emails: []string{"ines@gmx.de"}, Free: true, Received: 4, Sent: 3}},
		{"a private address of somebody with a title", "unknown", .3, enrich.Dealings{Free: true, Received: 4, Sent: 3, Title: "Buyer"}},
		{"nothing tells", "unknown", .3, enrich.Dealings{Received: 1}},
		{"no mail", "", 0, enrich.Dealings{Emails: []string{"ines@shop.example"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := enrich.Classify(test.d)
			require.Equal(t, test.class, got.Name)
			require.InDelta(t, test.sure, got.Confidence, .001)
			if test.class != "" {
				require.Equal(t, enrich.ByRules, got.By)
				require.NotEmpty(t, got.Why)
				require.Contains(t, crm.Classes, got.Name)
			}
		})
	}
}
