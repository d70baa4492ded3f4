package httpapi_test

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/mail"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/client"
	"rapport/internal/app/apptest"
	"rapport/internal/store/storetest"
)

const exportedLetter = "From: Elena Vidal <elena@shop.example>\r\nTo: mara@northwind-lamps.example\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n" +
	"Message-ID: <exported-1@northwind-lamps.example>\r\nX-Odd: kept as it is\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b1\"\r\n\r\n" +
	"--b1\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello\r\nFrom here on it is odd\r\n>From there too\r\n" +
	"--b1\r\nContent-Type: application/pdf; name=\"offer.pdf\"\r\nContent-Disposition: attachment; filename=\"offer.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQK\r\n--b1--\r\n"

func exported(t *testing.T, home *client.InWorkspace, q client.ExportQuery) []byte {
	t.Helper()
	var out bytes.Buffer
	_, err := home.Export(ctx, q, &out)
	require.NoError(t, err)
	return out.Bytes()
}

// refused is the code of the problem that answers a wish for an export.
func refused(t *testing.T, home *client.InWorkspace, q client.ExportQuery) string {
	t.Helper()
	_, err := home.Export(ctx, q, io.Discard)
	return client.Code(err)
}

func TestMailIsExported(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w, _, home := connected(t, d, 30)
		deliver(t, w, apptest.Mara, map[string]any{"raw": base64.RawURLEncoding.EncodeToString([]byte(exportedLetter))})
		synced(t, home, "succeeded")
		found, err := home.Emails(ctx, client.EmailQuery{Q: "rfc822msgid:exported-1@northwind-lamps.example"})
		require.NoError(t, err)
		require.Len(t, found.Items, 1)
		e := found.Items[0]

		t.Run("one message, as it was sent", func(t *testing.T) {
			require.Contains(t, string(exported(t, home, client.ExportQuery{Format: "eml", EmailID: e.ID})), exportedLetter)
		})
		t.Run("as a download that runs nothing", func(t *testing.T) {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.URL+"/api/v1/workspaces/"+w.Home+"/integrations/google/gmail/export?format=eml&email_id="+e.ID, nil)
			require.NoError(t, err)
			r.Header.Set("Authorization", "Bearer "+token(t, w, apptest.Mara))
			answer, err := http.DefaultClient.Do(r)
			require.NoError(t, err)
			defer func() { _ = answer.Body.Close() }()
			require.Equal(t, http.StatusOK, answer.StatusCode)
			require.Contains(t, answer.Header.Get("Content-Disposition"), "attachment")
			require.Equal(t, "sandbox; default-src 'none'", answer.Header.Get("Content-Security-Policy"))
			require.Equal(t, "nosniff", answer.Header.Get("X-Content-Type-Options"))
		})
		t.Run("one message, put together from what is stored", func(t *testing.T) {
			text := exported(t, home, client.ExportQuery{Format: "eml", EmailID: e.ID, Original: ptr(false)})
			m, err := mail.ReadMessage(bytes.NewReader(text))
			require.NoError(t, err, string(text))
			require.Equal(t, "kept as it is", m.Header.Get("X-Odd"))
			require.Contains(t, m.Header.Get("Content-Type"), "multipart/mixed")
			require.Contains(t, string(text), "From here on it is odd")
			require.Contains(t, string(text), "offer.pdf")
		})
		t.Run("a conversation as mbox", func(t *testing.T) {
			text := string(exported(t, home, client.ExportQuery{Format: "mbox", ThreadID: e.GmailThreadID, ConnectionID: e.ConnectionID}))
			require.True(t, strings.HasPrefix(text, "From elena@shop.example "), text)
			require.Contains(t, text, "\n>From here on it is odd\n>>From there too\n")
			require.Contains(t, text, "X-GM-THRID: "+e.GmailThreadID+"\n")
			require.Equal(t, 1, strings.Count("\n"+text, "\nFrom "))
		})
		all := 0
		require.NoError(t, home.EachEmail(ctx, client.EmailQuery{Limit: 200}, func(client.EmailItem) error { all++; return nil }))
		t.Run("everything", func(t *testing.T) {
			require.Equal(t, all, strings.Count("\n"+string(exported(t, home, client.ExportQuery{Format: "mbox"})), "\nFrom "))
			lines := bufio.NewScanner(bytes.NewReader(exported(t, home, client.ExportQuery{Format: "jsonl"})))
			lines.Buffer(nil, 32<<20)
			n := 0
			for ; lines.Scan(); n++ {
				var row struct{ ID, Access, Subject string }
				require.NoError(t, json.Unmarshal(lines.Bytes(), &row))
				require.Equal(t, "full", row.Access)
			}
			require.Equal(t, all, n)
			packed := exported(t, home, client.ExportQuery{Format: "eml"})
			z, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
			require.NoError(t, err)
			require.Len(t, z.File, all)
			for _, f := range z.File {
				r, err := f.Open()
				require.NoError(t, err)
				m, err := mail.ReadMessage(r)
				require.NoError(t, err, f.Name)
				_, err = io.Copy(io.Discard, m.Body)
				require.NoError(t, err)
			}
		})
		t.Run("what a search finds", func(t *testing.T) {
			require.Equal(t, 1, bytes.Count(exported(t, home, client.ExportQuery{Format: "jsonl", Q: "filename:offer.pdf"}), []byte("\n")))
			require.Empty(t, exported(t, home, client.ExportQuery{Format: "jsonl", Q: "nothingofthekind"}))
		})
		t.Run("nothing of the kind", func(t *testing.T) {
			require.Equal(t, "not_found", refused(t, home, client.ExportQuery{Format: "eml", EmailID: "018f0000-0000-7000-8000-000000000000"}))
			require.Equal(t, "validation_failed", refused(t, home, client.ExportQuery{Format: "pst"}))
		})
	})
}

func TestAnExportHoldsWhatTheCallerSees(t *testing.T) {
	storetest.Each(t, func(t *testing.T, d storetest.Database) {
		w, owner, home := connected(t, d, 8)
		other := w.AddMember(owner, apptest.Jonas, "admin").Workspace(w.Home)
		one, err := home.Emails(ctx, client.EmailQuery{Limit: 1})
		require.NoError(t, err)
		e := one.Items[0]
		require.Empty(t, exported(t, other, client.ExportQuery{Format: "jsonl"}), "private")
		require.Equal(t, "not_found", refused(t, other, client.ExportQuery{Format: "eml", EmailID: e.ID}))

		_, err = home.UpdateSettings(ctx, client.SettingsPatch{Visibility: "metadata"})
		require.NoError(t, err)
		for _, format := range []string{"mbox", "eml"} {
			require.Equal(t, "access_denied", refused(t, other, client.ExportQuery{Format: format}), "seen in part")
		}
		require.Equal(t, "access_denied", refused(t, other, client.ExportQuery{Format: "eml", EmailID: e.ID}))
		for _, line := range strings.Split(strings.TrimSpace(string(exported(t, other, client.ExportQuery{Format: "jsonl"}))), "\n") {
			var row map[string]any
			require.NoError(t, json.Unmarshal([]byte(line), &row))
			require.Equal(t, "metadata", row["access"])
			for _, hidden := range []string{"subject", "body_text", "body_html", "attachments", "bcc", "size", "rfc822_message_id"} {
				require.NotContains(t, row, hidden)
			}
		}
		_, err = home.Share(ctx, client.NewShare{ConnectionID: e.ConnectionID, EmailID: e.ID, Workspace: true})
		require.NoError(t, err)
		all, err := other.Export(ctx, client.ExportQuery{Format: "jsonl"}, io.Discard)
		require.NoError(t, err)
		require.Zero(t, all.LeftOut)
		require.Greater(t, all.Written, int64(1))
		for _, format := range []string{"mbox", "eml"} {
			counts, err := other.Export(ctx, client.ExportQuery{Format: format}, io.Discard)
			require.NoError(t, err)
			require.Equal(t, client.Exported{Written: 1, LeftOut: all.Written - 1, Rebuilt: 1}, counts, "what is left out is told")
		}
		_, err = home.UpdateSettings(ctx, client.SettingsPatch{Visibility: "full"})
		require.NoError(t, err)
		require.NotEmpty(t, exported(t, other, client.ExportQuery{Format: "eml", EmailID: e.ID}))
	})
}
