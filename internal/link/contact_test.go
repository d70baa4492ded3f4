package link

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
)

func emails(contacts []Contact) (out []string) {
	for _, c := range contacts {
		out = append(out, c.Email)
	}
	return out
}

func TestContactsByPolicy(t *testing.T) {
	sent := func(m *Message) { m.Sent = true }
	received := from(1, "ines@quarry.example", mara+" otto@harbour.example")
	answered := from(2, mara, "ines@quarry.example", sent, func(m *Message) { m.Bcc = list("lea@quarry.example") })
	for _, c := range []struct {
		name       string
		messages   []Message
		sent, all_ []string
	}{
		{"received", []Message{received}, nil, []string{"ines@quarry.example", "otto@harbour.example"}},
		{"answered", []Message{received, answered}, []string{"ines@quarry.example", "lea@quarry.example"}, []string{"ines@quarry.example", "lea@quarry.example", "otto@harbour.example"}},
		{"never colleagues", []Message{from(1, mara, "boss@northwind-lamps.example jonas@private.example ines@quarry.example", sent)}, []string{"ines@quarry.example"}, []string{"ines@quarry.example"}},
		{"never bulk", []Message{from(1, mara, "ines@quarry.example", sent, func(m *Message) { m.Bulk = true })}, nil, nil},
		{"never a draft", []Message{from(1, mara, "ines@quarry.example", sent, func(m *Message) { m.Draft, m.Shown = true, false })}, nil, nil},
		{"never spam", []Message{from(1, "ines@quarry.example", mara, func(m *Message) { m.Shown = false })}, nil, nil},
		{"never what is protected", []Message{from(1, mara, "ines@quarry.example", sent, func(m *Message) { m.Protected = true })}, nil, nil},
		{"never with a blocked address", []Message{from(1, mara, "ines@quarry.example x@spam.example", sent)}, nil, nil},
		{"never machines, rooms and groups", []Message{from(1, mara, "no-reply@quarry.example c_188@resource.calendar.google.com team@group.calendar.google.com lamps@googlegroups.com mailer-daemon@quarry.example", sent)}, nil, nil},
		{"an address for replies is nobody's by itself", []Message{from(1, "ines@quarry.example", mara, func(m *Message) { m.ReplyTo = list("desk@quarry.example") })}, nil, []string{"ines@quarry.example"}},
		{"each once, by the rules of Gmail", []Message{from(1, mara, "in.es@gmail.com Ines+x@googlemail.com", sent)}, []string{"in.es@gmail.com"}, []string{"in.es@gmail.com"}},
		{"nobody", []Message{{ID: 1, Shown: true, Sent: true}, from(2, mara, "not-an-address", sent)}, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Empty(t, Contacts(Conversation{Messages: c.messages}, circle, crm.ContactsNone))
			require.Equal(t, c.sent, emails(Contacts(Conversation{Messages: c.messages}, circle, crm.ContactsSent)))
			require.Equal(t, c.all_, emails(Contacts(Conversation{Messages: c.messages}, circle, crm.ContactsAll)))
		})
	}
}

func TestContactsHaveNamesAndCompanies(t *testing.T) {
	named := func(name, email string) []crm.Address { return []crm.Address{{Name: name, Email: email}} }
	for _, c := range []struct{ display, email, name, domain string }{
		{"Ines Marlow", "Ines@Quarry-Stone.example", "Ines Marlow", "quarry-stone.example"},
		{"'Marlow, Ines'", "ines@mail.quarry.co.uk", "Ines Marlow", "quarry.co.uk"},
		{"Ines van der Marlow (Quarry)", "ines@gmail.com", "Ines van der Marlow", ""},
		{"Ines  Marlow via Sales", "ines@quarry.example", "Ines Marlow", "quarry.example"},
		{"Quarry, Stone, and Sons", "ines@quarry.example", "Quarry, Stone, and Sons", "quarry.example"},
		{"", "ines.marlow@quarry.example", "", "quarry.example"},
		{"ines@quarry.example", "ines@quarry.example", "", "quarry.example"},
		{"\"\"", "im22@web.de", "", ""},
		{"...", "im22@web.de", "", ""},
	} {
		t.Run(c.display+" "+c.email, func(t *testing.T) {
			got := Contacts(Conversation{Messages: []Message{{ID: 1, From: crm.Address{Email: mara}, To: named(c.display, c.email), Sent: true, Shown: true}}}, circle, crm.ContactsSent)
			require.Equal(t, []Contact{{Key: Key(c.email), Email: strings.ToLower(c.email), Name: c.name, Domain: c.domain, Message: 1}}, got)
		})
	}
	t.Run("as they write it themselves", func(t *testing.T) {
		got := Contacts(Conversation{Messages: []Message{
			{ID: 1, From: crm.Address{Email: mara}, To: named("ines (stone)", "ines@quarry.example"), Sent: true, Shown: true},
			{ID: 2, From: named("Ines Marlow", "ines@quarry.example")[0], To: list(mara), Shown: true},
		}}, circle, crm.ContactsSent)
		require.Equal(t, "Ines Marlow", got[0].Name)
	})
}

func TestAutomated(t *testing.T) {
	for _, e := range []string{"noreply@x.example", "No-Reply@x.example", "no_reply@x.example", "no.reply@x.example", "do-not-reply@x.example", "donotreply+7@x.example", "newsletter-noreply@x.example", "noreply-orders@x.example",
		"MAILER-DAEMON@x.example", "postmaster@x.example", "bounce-17-abc@x.example", "bounces+1234=jo@x.example", "notifications@x.example", "notification+kr4@x.example", "reply+abcdef@reply.x.example",
		"lamps-bounces@lists.x.example", "lamps-request@lists.x.example", "owner-lamps@lists.x.example", "nichtantworten@x.example", "ne-pas-repondre@x.example", "0100018f2b6c4e3a9d0f-7c1e@ses.x.example"} {
		require.True(t, Automated(e), e)
	}
	for _, e := range []string{"elena@x.example", "info@x.example", "sales@x.example", "norbert.reply@x.example", "bob.owner@x.example", "a.bounce@x.example", "deadbeef@x.example", "reply", "@x.example", "newsome@x.example", "alertson@x.example"} {
		require.False(t, Automated(e), e)
	}
}

func TestDomains(t *testing.T) {
	for email, want := range map[string]string{
		"a@quarry.example": "quarry.example", "a@mail.quarry.example": "quarry.example", "a@quarry.co.uk": "quarry.co.uk", "a@x.quarry.co.uk": "quarry.co.uk", "A@Quarry.Example.": "quarry.example",
		"a@co.uk": "", "a@com": "", "a@localhost": "", "a@10.0.0.1": "", "a@[10.0.0.1]": "", "a@": "", "a": "", "a@x..example": "", "a@gmail.com": "", "a@yahoo.co.jp": "", "a@hotmail.fr": "", "a@t-online.de": "",
		"a@relay.firefox.com": "", "a@firefox.com": "firefox.com", "a@me.com": "", "a@somebody.github.io": "somebody.github.io", "a@blogspot.com": "", "a@royalmail.com": "royalmail.com", "a@dailymail.co.uk": "dailymail.co.uk",
		"a@tempmail.example": "", "a@x.privaterelay.appleid.com": "",
	} {
		require.Equal(t, want, CompanyDomain(email), email)
	}
}
