package scenario

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app/apptest"
	"rapport/internal/store/storetest"
	"rapport/simulator/control"
)

// customer is somebody who writes to Mara, and what became of it.
type customer struct {
	*apptest.World
	t    *testing.T
	home *client.InWorkspace
}

// until looks again and again.
func (c *customer) until(what string, is func() bool) {
	c.t.Helper()
	end := time.After(time.Minute)
	look := time.NewTicker(150 * time.Millisecond)
	defer look.Stop()
	for !is() {
		select {
		case <-end:
			require.FailNow(c.t, "waited too long for "+what)
		case <-look.C:
		}
	}
}

func (c *customer) writes(from, subject string) client.EmailItem {
	c.t.Helper()
	_, err := c.Sim.Mail.Deliver(apptest.Mara, control.Message{From: from, To: []string{apptest.Mara}, Subject: subject, Text: "Dear Mara, do you make " + subject + "?"})
	require.NoError(c.t, err)
	_, err = c.home.Sync(context.Background(), client.SyncRequest{}, 0)
	require.NoError(c.t, err)
	return c.email(subject)
}

// email waits for a message.
func (c *customer) email(subject string) (e client.EmailItem) {
	c.t.Helper()
	c.until("the message "+subject, func() bool {
		list, err := c.home.Emails(context.Background(), client.EmailQuery{Q: `subject:"` + subject + `"`})
		require.NoError(c.t, err)
		if len(list.Items) > 0 {
			e = list.Items[0]
		}
		return len(list.Items) > 0
	})
	return e
}

// linked waits until a message belongs to so many records, and gives it.
func (c *customer) linked(id string, records int) (e client.Email) {
	c.t.Helper()
	c.until("the links of a message", func() bool {
		var err error
		e, err = c.home.Email(context.Background(), id)
		require.NoError(c.t, err)
		return len(e.Links) == records
	})
	return e
}

func (c *customer) known(email string) []client.Record {
	c.t.Helper()
	list, err := c.home.Records(context.Background(), client.RecordQuery{Type: "person", Email: email})
	require.NoError(c.t, err)
	return list.Items
}

// A mail from an unknown customer that Mara answers makes a person and a company; both
// messages belong to them, and later ones too. An address that somebody adds to the person
// links what was written from there before.
func TestAnUnknownCustomerBecomesAPerson(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		ctx := context.Background()
		w := apptest.Start(t, d)
		owner := w.SetUp()
		require.Equal(t, "connected", w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara}))
		w.Imported(owner)
		c := &customer{World: w, t: t, home: owner.Workspace(w.Home)}
		private := c.writes("Ines <ines.marlow@web.de>", "slate at home")
		asked := c.writes("Ines Marlow <ines@quarry-stone.example>", "slate lamps")
		require.Empty(t, c.known("ines@quarry-stone.example"), "nobody wrote to her yet")
		_, err := c.home.Send(ctx, client.SendRequest{To: []string{"Ines Marlow <ines@quarry-stone.example>"}, Text: "We do.", ReplyToEmailID: asked.ID})
		require.NoError(t, err)
		question := c.linked(asked.ID, 2)
		person, company := question.Links[0], question.Links[1]
		require.Equal(t, "Ines Marlow", person.Record.Name)
		require.Equal(t, "Ines Marlow takes part in this conversation (ines@quarry-stone.example).", person.Why)
		require.Equal(t, "Quarry Stone", company.Record.Name)
		require.Equal(t, "company", company.Record.Type)
		require.False(t, person.Manual)
		require.Len(t, question.Records, 2)
		ines := c.known("ines@quarry-stone.example")
		require.Len(t, ines, 1)
		require.Equal(t, company.Record, *ines[0].Company)
		require.Equal(t, "mail", ines[0].CreatedBy.By)

		later := c.writes("Ines Marlow <ines@quarry-stone.example>", "more lamps")
		c.linked(later.ID, 2)
		other := c.writes("Lea <lea@quarry-stone.example>", "an invoice")
		require.Equal(t, "An address of Quarry Stone takes part in this conversation (lea@quarry-stone.example).", c.linked(other.ID, 1).Links[0].Why)

		timeline := func(record string) (subjects []string) {
			list, err := c.home.Timeline(ctx, record, client.TimelineQuery{Kinds: "email"})
			require.NoError(t, err)
			for _, a := range list.Items {
				require.NotEmpty(t, a.Why.Text)
				subjects = append(subjects, a.Email.Subject)
			}
			return subjects
		}
		require.Equal(t, []string{"more lamps", "Re: slate lamps", "slate lamps"}, timeline(ines[0].ID))
		require.Equal(t, []string{"an invoice", "more lamps", "Re: slate lamps", "slate lamps"}, timeline(company.Record.ID))
		mail, err := c.home.Emails(ctx, client.EmailQuery{RecordID: ines[0].ID, Threads: true})
		require.NoError(t, err)
		require.Len(t, mail.Items, 2, "two conversations")

		_, err = c.home.ChangeRecord(ctx, ines[0].ID, client.RecordPatch{"emails": []string{"ines@quarry-stone.example", "ines.marlow@web.de"}})
		require.NoError(t, err)
		past := c.linked(private.ID, 2)
		require.Equal(t, "address", past.Links[0].Rule)
		require.Equal(t, "Ines Marlow of Quarry Stone takes part in this conversation (ines.marlow@web.de).", past.Links[1].Why)

		require.NoError(t, c.home.UnlinkEmail(ctx, past.ID, ines[0].ID, true))
		require.Len(t, c.linked(past.ID, 1).Links, 1)
		links, err := c.home.LinkEmail(ctx, past.ID, client.NewEmailLink{RecordID: ines[0].ID})
		require.NoError(t, err)
		require.Equal(t, "Mara Lindqvist linked it by hand.", links.Links[0].Why)
		require.True(t, links.Links[0].Manual)

		_, err = c.home.CreateNote(ctx, ines[0].ID, "Likes slate.")
		require.NoError(t, err)
		all, err := c.home.Activities(ctx, client.TimelineQuery{Kinds: "note,task"})
		require.NoError(t, err)
		require.Equal(t, "Likes slate.", all.Items[0].Note.Text)
		state, err := c.home.Relink(ctx)
		require.NoError(t, err)
		require.Positive(t, state.Linked)
		c.until("the look at all mail", func() bool {
			state, err = c.home.Linking(ctx)
			require.NoError(t, err)
			return state.Relink == nil && state.AuditAt != nil && state.Waiting == 0
		})
		require.Zero(t, state.Unlinked)
		skipped, err := c.home.Skipped(ctx, "nobody", client.Page{})
		require.NoError(t, err)
		require.Len(t, skipped.Items, int(state.Skipped.Nobody))
	})
}

// A mailbox that is to make no people makes none; when it may, what it holds counts.
func TestThePolicyOfAConnection(t *testing.T) {
	ctx := context.Background()
	w := apptest.Start(t, storetest.SQLite)
	owner := w.SetUp()
	require.Equal(t, "connected", w.Connect(owner, client.ConnectWish{}, apptest.Consent{Account: apptest.Mara}))
	w.Imported(owner)
	c := &customer{World: w, t: t, home: owner.Workspace(w.Home)}
	status, err := c.home.UpdateSettings(ctx, client.SettingsPatch{Contacts: "none"})
	require.NoError(t, err)
	require.Equal(t, "none", status.Settings.Contacts)
	asked := c.writes("Ines Marlow <ines@quarry-stone.example>", "slate lamps")
	c.until("the message to be looked at", func() bool {
		list, err := c.home.Skipped(ctx, "nobody", client.Page{})
		require.NoError(t, err)
		return len(list.Items) > 0 && list.Items[0].ID == asked.ID
	})
	require.Empty(t, c.known("ines@quarry-stone.example"))
	_, err = c.home.UpdateSettings(ctx, client.SettingsPatch{Contacts: "all"})
	require.NoError(t, err)
	c.linked(asked.ID, 2)
	require.Len(t, c.known("ines@quarry-stone.example"), 1)
}
