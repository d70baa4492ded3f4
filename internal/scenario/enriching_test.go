package scenario

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app/apptest"
	"rapport/internal/store/storetest"
	"rapport/simulator/control"
)

// signs lets somebody write to Mara, with a signature.
func (c *customer) signs(from, subject, signature string) client.EmailItem {
	c.t.Helper()
	_, err := c.Sim.Mail.Deliver(apptest.Mara, control.Message{
		From: from, To: []string{apptest.Mara}, Subject: subject, Text: "Dear Mara,\n\nplease send me a quote for forty of them.\n\nKind regards\n" + signature + "\n",
	})
	require.NoError(c.t, err)
	_, err = c.home.Sync(context.Background(), client.SyncRequest{}, 0)
	require.NoError(c.t, err)
	return c.email(subject)
}

// filled waits for a person whom mail has given a title.
func (c *customer) filled(email string) (r client.Record) {
	c.t.Helper()
	c.until("the title of "+email, func() bool {
		if list := c.known(email); len(list) == 1 {
			r = list[0]
		}
		return r.Title != "" && r.Class != nil
	})
	return r
}

// lines gives for each field of a record what shows it, and the message.
func (c *customer) lines(record string) (lines map[string]string, emails map[string]string) {
	c.t.Helper()
	list, err := c.home.Evidence(context.Background(), record)
	require.NoError(c.t, err)
	lines, emails = map[string]string{}, map[string]string{}
	for _, f := range list.Items {
		lines[f.Field], emails[f.Field] = f.Sightings[0].Line, f.Sightings[0].EmailID
	}
	return lines, emails
}

// A new mail from an unknown customer ends as a person with title, phone and company,
// each with the line that shows it; by either policy. Looking again changes nothing, and
// what comes later is suggested.
func TestAnUnknownCustomerFillsIn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		ctx := context.Background()
		w := apptest.Start(t, d)
		owner := w.SetUp()
		require.Equal(t, "connected", w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara}))
		w.Imported(owner)
		c := &customer{World: w, t: t, home: owner.Workspace(w.Home)}

		// Whom Mara answers.
		asked := c.signs("Ines Marlow <ines@quarry-stone.example>", "slate lamps", "Ines Marlow\nHead of Purchasing\nQuarry Stone GmbH\nPhone: +49 40 36006 0\nwww.quarry-stone.example")
		require.Empty(t, c.known("ines@quarry-stone.example"), "nobody wrote to her yet")
		_, err := c.home.Send(ctx, client.SendRequest{To: []string{"Ines Marlow <ines@quarry-stone.example>"}, Text: "We do.", ReplyToEmailID: asked.ID})
		require.NoError(t, err)
		ines := c.filled("ines@quarry-stone.example")
		require.Equal(t, "Ines Marlow", ines.Name)
		require.Equal(t, "Head of Purchasing", ines.Title)
		require.Len(t, ines.Phones, 1)
		require.Equal(t, "+4940360060", ines.Phones[0].Value)
		require.Equal(t, "Quarry Stone GmbH", ines.Company.Name)
		require.Equal(t, "lead", ines.Class.Name)
		lines, emails := c.lines(ines.ID)
		require.Equal(t, map[string]string{"name": "Ines Marlow", "title": "Head of Purchasing", "phone": "Phone: +49 40 36006 0"}, lines)
		for field, id := range emails {
			require.Equal(t, asked.ID, id, field)
		}
		lines, emails = c.lines(ines.Company.ID)
		require.Equal(t, map[string]string{"name": "Quarry Stone GmbH", "website": "www.quarry-stone.example"}, lines)
		require.Equal(t, asked.ID, emails["name"])

		// Everybody who writes.
		_, err = c.home.UpdateSettings(ctx, client.SettingsPatch{Contacts: "all"})
		require.NoError(t, err)
		c.signs("Otto Brandt <otto@harbour-tea.example>", "green tea", "Otto Brandt\nSales Manager\nHarbour Tea Ltd\nMobile: +44 7911 123456")
		otto := c.filled("otto@harbour-tea.example")
		require.Equal(t, "Sales Manager", otto.Title)
		require.Equal(t, "Harbour Tea Ltd", otto.Company.Name)
		require.Equal(t, "mobile", otto.Phones[0].Label)

		// Looking again finds no news.
		ines, otto = c.settled(ines.ID), c.settled(otto.ID)
		run, err := c.home.Enrich(ctx, client.EnrichRequest{})
		require.NoError(t, err)
		c.until("the end of a run", func() bool {
			runs, err := c.home.Runs(ctx, "", "")
			require.NoError(t, err)
			for _, r := range runs.Items {
				if r.ID == run.ID {
					run = r
				}
			}
			return run.FinishedAt != nil
		})
		require.Equal(t, "succeeded", run.State)
		require.Positive(t, run.Counts.Seen)
		done, err := c.home.EnrichRecord(ctx, ines.ID)
		require.NoError(t, err)
		require.Positive(t, done.Messages)
		require.Empty(t, done.Applied)
		require.Empty(t, done.Suggested)
		require.Equal(t, ines.Version, c.settled(ines.ID).Version)
		require.Equal(t, otto.Version, c.settled(otto.ID).Version)

		// What comes later is asked about, and decided.
		c.signs("Ines Marlow <ines@quarry-stone.example>", "a new chair", "Ines Marlow\nManaging Director\nQuarry Stone GmbH\nPhone: +49 40 36006 0")
		var list client.List[client.RecordSuggestion]
		c.until("a suggestion", func() bool {
			list, err = c.home.Suggestions(ctx, ines.ID, "", "")
			require.NoError(t, err)
			return len(list.Items) > 0
		})
		require.Len(t, list.Items, 1)
		s := list.Items[0]
		require.Equal(t, []string{"title", "Managing Director", "Head of Purchasing", "Managing Director", "Ines Marlow"}, []string{s.Field, s.Value, s.Current, s.Line, s.Record.Name})
		require.Contains(t, s.Note, "May have changed job")
		_, err = c.home.AcceptSuggestion(ctx, s.ID)
		require.NoError(t, err)
		now := c.settled(ines.ID)
		require.Equal(t, "Managing Director", now.Title)
		require.Equal(t, "member", now.Sources["title"].By)
	})
}

// settled is a record as it is.
func (c *customer) settled(id string) client.Record {
	c.t.Helper()
	r, err := c.home.Record(context.Background(), id)
	require.NoError(c.t, err)
	return r
}
