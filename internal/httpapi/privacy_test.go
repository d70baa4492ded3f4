package httpapi_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app/apptest"
	"rapport/internal/store/storetest"
)

const omar = "omar@northwind-lamps.example"

// secrets are words that stand nowhere but in one part of the letter.
var secrets = map[string]string{"subject": "zebracrossing", "body": "quokkaisland", "file": "ledgerbook"}

// confided delivers a letter with a secret in each of its parts, and gives it as
// its owner sees it.
func confided(t *testing.T, w *apptest.World, home *client.InWorkspace, thread, from string) client.EmailItem {
	t.Helper()
	before, err := home.Emails(ctx, client.EmailQuery{Q: secrets["subject"]})
	require.NoError(t, err)
	deliver(t, w, apptest.Mara, map[string]any{
		"from": from, "to": []string{apptest.Mara}, "subject": "About the " + secrets["subject"], "text": "See the " + secrets["body"] + ".", "thread_id": thread,
		"attachments": []map[string]string{{"name": secrets["file"] + ".txt", "type": "text/plain", "data": base64.StdEncoding.EncodeToString([]byte("figures"))}},
	})
	for {
		synced(t, home, "succeeded")
		now, err := home.Emails(ctx, client.EmailQuery{Q: secrets["subject"]})
		require.NoError(t, err)
		for _, e := range now.Items {
			if !slices.ContainsFunc(before.Items, func(o client.EmailItem) bool { return o.ID == e.ID }) {
				return e
			}
		}
	}
}

// lookThrough reads a message in every way there is over HTTP, and says what came out of
// it: "" for nothing, or the level. Everything that is read is searched for what
// that level hides.
func lookThrough(t *testing.T, w *apptest.World, who string, c *client.Client, e client.EmailItem, attachment string, want string) {
	t.Helper()
	home := c.Workspace(w.Home)
	var read strings.Builder
	note := func(v any) {
		text, err := json.Marshal(v)
		require.NoError(t, err)
		_, _ = read.Write(text)
	}
	listed := func(q client.EmailQuery) bool {
		t.Helper()
		found := false
		q.Limit = 200
		for _, sort := range []string{"", "relevance"} {
			q.Sort = sort
			page, err := home.Emails(ctx, q)
			if q.ConnectionID != "" && client.Code(err) == "not_found" {
				return false
			}
			require.NoError(t, err)
			note(page)
			found = slices.ContainsFunc(page.Items, func(i client.EmailItem) bool {
				if i.ID == e.ID {
					require.Equal(t, want, i.Access, who)
				}
				return i.ID == e.ID
			})
		}
		return found
	}
	full, some, subject := want == "full", want != "", want == "full" || want == "subject"
	require.Equal(t, some, listed(client.EmailQuery{}), "%s: list", who)
	require.Equal(t, some, listed(client.EmailQuery{Threads: true}), "%s: threads", who)
	require.Equal(t, some, listed(client.EmailQuery{ConnectionID: e.ConnectionID}), "%s: list of the mailbox", who)
	require.Equal(t, some, listed(client.EmailQuery{Label: "INBOX"}), "%s: inbox", who)
	require.Equal(t, some, listed(client.EmailQuery{Q: "from:" + e.FromEmail}), "%s: sender", who)
	require.Equal(t, subject, listed(client.EmailQuery{Q: secrets["subject"]}), "%s: subject", who)
	require.Equal(t, full, listed(client.EmailQuery{Q: secrets["body"]}), "%s: body", who)
	require.Equal(t, full, listed(client.EmailQuery{Q: "filename:" + secrets["file"]}), "%s: file", who)
	require.Equal(t, full, listed(client.EmailQuery{Q: "is:unread"}), "%s: unread", who)
	require.Equal(t, full, listed(client.EmailQuery{Q: "larger:1"}), "%s: size", who)
	require.Equal(t, some && !full, listed(client.EmailQuery{Q: "-" + secrets["body"]}), "%s: without the body's word", who)

	one, err := home.Email(ctx, e.ID)
	require.Equal(t, some, err == nil, "%s: message: %v", who, err)
	if err == nil {
		require.Equal(t, want, one.Access)
		require.Equal(t, full, len(one.Attachments) == 1, who)
		require.Equal(t, full, one.BodyText != "", who)
		require.Equal(t, "Mara", strings.Fields(one.Owner.Name + " Mara")[0])
		require.NotEmpty(t, one.Owner.UserID)
		require.Equal(t, apptest.Mara, one.Recipients[0].Email)
		note(one)
	} else {
		require.Equal(t, "not_found", client.Code(err), who)
	}
	thread, err := home.Thread(ctx, e.GmailThreadID, e.ConnectionID)
	require.Equal(t, some, err == nil && slices.ContainsFunc(thread.Items, func(i client.Email) bool { return i.ID == e.ID }), "%s: thread", who)
	note(thread)
	var file strings.Builder
	err = home.Attachment(ctx, e.ID, attachment, &file)
	require.Equal(t, full, err == nil && file.String() == "figures", "%s: attachment: %v", who, err)
	for _, q := range []string{"", "from:" + e.FromEmail[:4], "label:", secrets["subject"][:5]} {
		list, err := home.Suggest(ctx, q)
		require.NoError(t, err)
		note(list.Items)
		if q != "" && strings.HasPrefix(q, "from:") {
			require.Equal(t, some, slices.ContainsFunc(list.Items, func(s client.Suggestion) bool { return s.Kind == "person" && strings.HasSuffix(s.Text, e.FromEmail) }), "%s: suggestions", who)
		}
	}
	if labels, err := home.Labels(ctx, e.ConnectionID); err == nil {
		note(labels)
	}
	for _, format := range []string{"mbox", "jsonl"} {
		var out strings.Builder
		if _, err := home.Export(ctx, client.ExportQuery{Format: format, ConnectionID: e.ConnectionID}, &out); err == nil {
			_, _ = read.WriteString(out.String())
		}
	}
	text := strings.ToLower(read.String())
	require.True(t, subject || !strings.Contains(text, secrets["subject"]), "%s: the subject came out somewhere", who)
	require.True(t, full || !strings.Contains(text, secrets["body"]), "%s: the body came out somewhere", who)
	require.True(t, full || !strings.Contains(text, secrets["file"]), "%s: the file's name came out somewhere", who)
	require.True(t, some || !strings.Contains(text, e.ID), "%s: its id came out somewhere", who)
}

// TestPrivacyOverHTTP: every way of reading × every role × every visibility, share
// and protection, through the whole program.
func TestPrivacyOverHTTP(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w, owner, home := connected(t, d, 5)
		colleague, admin := w.AddMember(owner, apptest.Jonas, "member"), w.AddMember(owner, nadia, "admin")
		other := w.AddMember(owner, omar, "member")
		him, err := colleague.Me(ctx)
		require.NoError(t, err)
		foreignHome := otherWorkspace(t, w)
		const sender = "petra@tallow-works.example"
		letter := confided(t, w, home, "", sender)
		whole, err := home.Email(ctx, letter.ID)
		require.NoError(t, err)
		attachment := whole.Attachments[0].ID
		callers := map[string]*client.Client{
			"owner": owner, "owner's key": w.Key(owner, "mail:read"), "colleague": colleague, "another member": other, "administrator": admin, "administrator's key": w.Key(admin, "*"),
		}
		check := func(state string, want map[string]string, rest string) {
			t.Helper()
			for name, c := range callers {
				level, named := want[name]
				switch {
				case strings.HasPrefix(name, "owner"):
					level = "full"
				case !named:
					level = rest
				}
				lookThrough(t, w, state+": "+name, c, letter, attachment, level)
			}
			_, err := w.SignIn(apptest.Elena).Workspace(foreignHome).Email(ctx, letter.ID)
			require.Equal(t, "not_found", client.Code(err))
		}
		levels := map[string]string{"private": "", "metadata": "metadata", "subject": "subject", "full": "full"}
		for _, v := range []string{"full", "subject", "metadata", "private"} {
			_, err := home.UpdateSettings(ctx, client.SettingsPatch{Visibility: v})
			require.NoError(t, err)
			check(v, nil, levels[v])
		}
		share, err := home.Share(ctx, client.NewShare{ConnectionID: letter.ConnectionID, ThreadID: letter.GmailThreadID, UserIDs: []string{him.User.ID}})
		require.NoError(t, err)
		check("shared with one", map[string]string{"colleague": "full"}, "")
		_, err = home.UpdateSettings(ctx, client.SettingsPatch{Visibility: "metadata"})
		require.NoError(t, err)
		check("metadata, shared with one", map[string]string{"colleague": "full"}, "metadata")
		_, err = admin.Workspace(w.Home).Share(ctx, client.NewShare{ConnectionID: letter.ConnectionID, ThreadID: letter.GmailThreadID, Workspace: true})
		require.Equal(t, "not_found", client.Code(err), "an administrator does not share others' mail")
		require.Equal(t, "not_found", client.Code(admin.Workspace(w.Home).Unshare(ctx, share.ID)))
		shares, err := home.Shares(ctx, letter.ConnectionID, letter.GmailThreadID)
		require.NoError(t, err)
		require.Equal(t, []client.Share{share}, shares.Items)
		require.NoError(t, home.Unshare(ctx, share.ID))
		check("metadata, not shared any more", nil, "metadata")
		all, err := home.Share(ctx, client.NewShare{ConnectionID: letter.ConnectionID, EmailID: letter.ID, Workspace: true})
		require.NoError(t, err)
		check("shared with all", nil, "full")

		rule, err := home.AddMailRule(ctx, client.NewMailRule{Kind: "protected", Pattern: "tallow-works.example"})
		require.NoError(t, err)
		require.EqualValues(t, 1, rule.Affects)
		_, err = colleague.Workspace(w.Home).Email(ctx, letter.ID)
		require.Equal(t, "not_found", client.Code(err), "at once")
		swept(t, w)
		check("protected, though shared with all", nil, "")
		require.NoError(t, home.DropMailRule(ctx, rule.ID))
		swept(t, w)
		check("not protected any more", nil, "full")
		require.NoError(t, home.Unshare(ctx, all.ID))

		rows, err := home.Audit(ctx, client.AuditQuery{Action: "mail."})
		require.NoError(t, err)
		require.Len(t, rows.Items, 4, "each share, and each end of one")
	})
}

// swept waits until the rules have been applied to all stored mail.
func swept(t *testing.T, w *apptest.World) {
	t.Helper()
	require.Eventually(t, func() bool {
		pending, err := w.App.Store.PendingSweeps(ctx, 1)
		return err == nil && len(pending) == 0
	}, 30*time.Second, 5*time.Millisecond)
}

// TestBlockingOverHTTP: a blocked address takes its mail away, keeps it out, and
// gives it back.
func TestBlockingOverHTTP(t *testing.T) {
	w, owner, home := connected(t, storetest.SQLite, 5)
	letter := confided(t, w, home, "", "petra@tallow-works.example")
	member := w.AddMember(owner, apptest.Jonas, "member").Workspace(w.Home)
	_, err := member.AddMailRule(ctx, client.NewMailRule{Kind: "blocked", Pattern: "tallow-works.example", Scope: "workspace"})
	require.Equal(t, "access_denied", client.Code(err), "members do not rule over others' mail")
	for _, own := range []string{apptest.Mara, "northwind-lamps.example"} {
		_, err = home.AddMailRule(ctx, client.NewMailRule{Kind: "blocked", Pattern: own, Scope: "workspace"})
		require.Equal(t, "validation_failed", client.Code(err), own)
	}
	rule, err := home.AddMailRule(ctx, client.NewMailRule{Kind: "blocked", Pattern: "petra@tallow-works.example", Scope: "workspace"})
	require.NoError(t, err)
	require.EqualValues(t, 1, rule.Affects)
	_, err = home.AddMailRule(ctx, client.NewMailRule{Kind: "blocked", Pattern: "Petra@Tallow-Works.example", Scope: "workspace"})
	require.Equal(t, "conflict", client.Code(err))
	swept(t, w)
	_, err = home.Email(ctx, letter.ID)
	require.Equal(t, "not_found", client.Code(err))
	var v client.Verification
	for began := time.Now(); !v.StartedAt.After(began); { // a check under way began before the address was blocked
		v, err = home.Verify(ctx, client.VerifyRequest{}, 30*time.Second)
		require.NoError(t, err)
		require.NotNil(t, v.FinishedAt, "%+v", v)
	}
	require.Equal(t, "complete", v.Completeness.State)
	require.Positive(t, v.Completeness.Excluded)
	rules, err := member.MailRules(ctx, "blocked")
	require.NoError(t, err)
	require.Equal(t, []client.MailRule{rule.MailRule}, rules.Items)
	require.Equal(t, "access_denied", client.Code(member.DropMailRule(ctx, rule.ID)))

	require.NoError(t, home.DropMailRule(ctx, rule.ID))
	for began := time.Now(); ; {
		page, err := home.Emails(ctx, client.EmailQuery{Q: secrets["subject"]})
		require.NoError(t, err)
		if len(page.Items) == 1 {
			break
		}
		require.Less(t, time.Since(began), 60*time.Second, "the mail comes back")
		_, err = home.Verify(ctx, client.VerifyRequest{}, 10*time.Second)
		require.NoError(t, err)
	}
	p, err := home.MailPolicy(ctx)
	require.NoError(t, err)
	require.Equal(t, client.MailPolicy{OwnDomains: []string{"northwind-lamps.example"}}, p)
	_, err = member.ChangeMailPolicy(ctx, client.MailPolicyPatch{StoreInternal: new(bool)})
	require.Equal(t, "access_denied", client.Code(err))
	_, err = home.ChangeMailPolicy(ctx, client.MailPolicyPatch{OwnDomains: &[]string{"gmail.com"}})
	require.Equal(t, "validation_failed", client.Code(err))
	p, err = home.ChangeMailPolicy(ctx, client.MailPolicyPatch{OwnDomains: &[]string{"Northwind-Lamps.example", "lamps.example"}})
	require.NoError(t, err)
	require.Equal(t, client.MailPolicy{OwnDomains: []string{"lamps.example", "northwind-lamps.example"}, DomainsChosen: true}, p)
}

// TestLiveEventsGoAsFarAsMailIsSeen: ids of messages reach those who see them, of a
// mailbox that is opened in part or shared from; protected ones their owner alone.
func TestLiveEventsGoAsFarAsMailIsSeen(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w, owner, home := connected(t, d, 5)
		colleague := w.AddMember(owner, apptest.Jonas, "member")
		other := w.AddMember(owner, omar, "member")
		him, err := colleague.Me(ctx)
		require.NoError(t, err)
		_, err = home.AddMailRule(ctx, client.NewMailRule{Kind: "protected", Pattern: "law.example"})
		require.NoError(t, err)
		swept(t, w)
		first := confided(t, w, home, "", "petra@tallow-works.example")
		listen := func(c *client.Client) func(kind, id string) bool {
			heard := make(chan client.Happening, 1000)
			limited, cancel := context.WithCancel(ctx)
			t.Cleanup(cancel)
			go func() {
				_ = c.Workspace(w.Home).Events(limited, func(h client.Happening) error { heard <- h; return nil })
			}()
			require.Equal(t, "ready", (<-heard).Kind)
			all := map[string]bool{}
			// until hears events until one of a kind about an id came; "" asks what has come so far.
			return func(kind, id string) bool {
				for {
					select {
					case h := <-heard:
						text, err := json.Marshal(h.Data)
						require.NoError(t, err)
						all[h.Kind+" "+string(text)] = true
					default:
					}
					for one := range all {
						if strings.HasPrefix(one, kind+" ") && strings.Contains(one, id) {
							return true
						}
					}
					if len(heard) == 0 {
						return false
					}
				}
			}
		}
		mine, his, theirs := listen(owner), listen(colleague), listen(other)
		wait := func(hears func(string, string) bool, kind, id string) {
			t.Helper()
			require.Eventually(t, func() bool { return hears(kind, id) }, 30*time.Second, 10*time.Millisecond, "%s %s", kind, id)
		}
		share, err := home.Share(ctx, client.NewShare{ConnectionID: first.ConnectionID, ThreadID: first.GmailThreadID, UserIDs: []string{him.User.ID}})
		require.NoError(t, err)
		wait(his, "mail.shared", share.GmailThreadID)
		wait(mine, "mail.shared", share.GmailThreadID)
		second := confided(t, w, home, first.GmailThreadID, "petra@tallow-works.example")
		require.Equal(t, first.GmailThreadID, second.GmailThreadID)
		third := confided(t, w, home, first.GmailThreadID, "counsel@law.example")
		wait(mine, "mail.arrived", third.ID)
		wait(his, "mail.arrived", second.ID)

		// Events are cut by what holds when they are told: those so far have been by then.
		mark, err := home.CreateRecord(ctx, client.RecordInput{Type: "company", Name: "Mark"})
		require.NoError(t, err)
		wait(his, "record.created", mark.ID)
		wait(theirs, "record.created", mark.ID)
		_, err = home.UpdateSettings(ctx, client.SettingsPatch{Visibility: "metadata"})
		require.NoError(t, err)
		hidden := confided(t, w, home, "", "counsel@law.example")
		seen := confided(t, w, home, "", "petra@tallow-works.example")
		wait(mine, "mail.arrived", hidden.ID)
		wait(theirs, "mail.arrived", seen.ID)
		wait(his, "mail.arrived", seen.ID)
		for name, hears := range map[string]func(string, string) bool{"a reader of the share": his, "a member": theirs} {
			require.False(t, hears("mail.arrived", hidden.ID), name)
			require.False(t, hears("mail.arrived", third.ID), name)
			require.False(t, hears("mail.changed", hidden.ID), name)
		}
		require.False(t, theirs("mail.arrived", second.ID), "it was private then")
		require.False(t, theirs("mail.shared", share.GmailThreadID))
	})
}

// TestSuggestionsOverHTTP complete what is typed.
func TestSuggestionsOverHTTP(t *testing.T) {
	w, _, home := connected(t, storetest.SQLite, 5)
	confided(t, w, home, "", "petra@tallow-works.example")
	texts := func(q string) (out []string) {
		list, err := home.Suggest(ctx, q)
		require.NoError(t, err)
		for _, s := range list.Items {
			out = append(out, s.Kind+" "+s.Text)
		}
		return out
	}
	require.Contains(t, texts("pet"), "person from:petra@tallow-works.example")
	require.Contains(t, texts("lamp -to:ma"), "person lamp -to:"+apptest.Mara)
	require.Contains(t, texts("in:inb"), "operator in:inbox")
	require.Contains(t, texts("label:inb"), "label label:INBOX")
	require.Empty(t, texts(`"pet`))
	answer, text := send(t, http.MethodGet, w.URL+"/api/v1/workspaces/"+w.Home+"/integrations/google/gmail/suggest?q="+url.QueryEscape(strings.Repeat("x", 3000)), "")
	require.Equal(t, 401, answer.StatusCode, text)
}
