package gmail_test

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	api "google.golang.org/api/gmail/v1"

	"rapport/simulator/control"
)

func TestSearch(t *testing.T) {
	h := open(t, 0)
	u := h.as(mara)
	day := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 18, 0, 0, 0, time.UTC) }
	pdf := []control.Attachment{{Name: "Offer 2026.pdf", Type: "application/pdf", Data: base64.StdEncoding.EncodeToString([]byte("%PDF"))}}
	names := map[string]string{}
	add := func(name string, m control.Message) { names[h.deliver(mara, m)] = name }
	add("offer", control.Message{From: "Elena Conti <elena@hotel.example>", To: []string{mara, "Jonas <jonas@lamps.example>"}, Subject: "Offer for the lobby", Text: "Please quote 40 pendants. Art director agrees.", Date: day(2026, 11, 10), Attachments: pdf})
	add("party", control.Message{From: "Jonas Berg <jonas@lamps.example>", Subject: "Party on Friday", Text: "Bring cake and lobby stories", Date: day(2026, 11, 1), Labels: []string{"INBOX", "STARRED", "Team Events"}})
	add("news", control.Message{From: "Lumen <hello@news.example>", Subject: "Seven lobbies", Text: "…", Date: day(2026, 6, 1), Labels: []string{"CATEGORY_PROMOTIONS", "UNREAD"},
		Raw: base64.StdEncoding.EncodeToString([]byte("From: Lumen <hello@news.example>\r\nTo: " + mara + "\r\nList-Id: Lumen <lumen.news.example>\r\nMessage-ID: <n1@news.example>\r\nSubject: Seven lobbies\r\n\r\nwarm light\r\n"))})
	add("spam", control.Message{From: "x@spam.example", Subject: "Lobby money", Text: "offer", Date: day(2026, 11, 11), Labels: []string{"SPAM"}})
	add("trash", control.Message{From: "y@old.example", Subject: "Old offer", Text: "gone", Date: day(2026, 11, 12), Labels: []string{"TRASH"}})
	add("japan", control.Message{From: "k@kobo.example", Subject: "お見積りについて", Text: "照明のサンプルをお願いします", Date: day(2026, 11, 13)})
	add("big", control.Message{From: "z@big.example", Subject: "Drawings", Text: strings.Repeat("plan ", 40000), Date: day(2025, 11, 1), Labels: []string{"INBOX"}})

	for q, want := range map[string]string{
		"":                                  "big japan news offer party",
		"offer":                             "offer",
		"lobby":                             "offer party",
		"art":                               "offer",
		"lobby cake":                        "party",
		`"on friday"`:                       "party",
		`"friday on"`:                       "",
		"lobby -cake":                       "offer",
		"pendants OR cake":                  "offer party",
		"{pendants cake}":                   "offer party",
		"lobby (pendants OR nothing)":       "offer",
		"from:elena":                        "offer",
		"from:hotel.example":                "offer",
		"from:(elena OR jonas) lobby":       "offer party",
		"-from:elena lobby":                 "party",
		"to:jonas":                          "offer",
		"to:me from:elena":                  "offer",
		"subject:lobby":                     "offer",
		"subject:(party friday)":            "party",
		`subject:"for the lobby"`:           "offer",
		"is:unread":                         "japan news offer",
		"is:read":                           "big party",
		"is:starred":                        "party",
		"in:inbox":                          "big japan offer party",
		"in:anywhere lobby":                 "offer party spam",
		"in:spam":                           "spam",
		"in:trash offer":                    "trash",
		"label:team-events":                 "party",
		"label:inbox is:unread":             "japan offer",
		"has:attachment":                    "offer",
		"has:userlabels":                    "party",
		"filename:pdf":                      "offer",
		"filename:offer":                    "offer",
		"filename:docx":                     "",
		"category:promotions":               "news",
		"list:lumen.news.example":           "news",
		"rfc822msgid:<n1@news.example>":     "news",
		"rfc822msgid:nobody@x":              "",
		"deliveredto:" + mara:               "big japan offer party",
		"before:2026/06/02":                 "big news",
		"after:2026/11/10":                  "japan offer",
		"after:2026/11/01 before:2026/11/2": "party",
		"after:1783000000":                  "japan offer party",
		"newer_than:15d":                    "japan offer",
		"older_than:3m":                     "big news",
		"older_than:1y":                     "big",
		"larger:100K":                       "big",
		"smaller:100K":                      "japan news offer party",
		"size:150000":                       "big",
		"お見積り":                              "japan",
		"サンプル":                              "japan",
		"before:yesterday":                  "",
		"from:":                             "big japan news offer party",
		"(((":                               "big japan news offer party",
		"unknown:thing":                     "",
		"LOBBY":                             "offer party",
	} {
		t.Run(q, func(t *testing.T) {
			var got []string
			err := u.Messages.List("me").Q(q).MaxResults(2).Pages(context.Background(), func(res *api.ListMessagesResponse) error {
				for _, m := range res.Messages {
					got = append(got, names[m.Id])
				}
				return nil
			})
			require.NoError(t, err)
			slices.Sort(got)
			require.Equal(t, want, strings.Join(got, " "))
		})
	}
	t.Run("labelIds are joined by and", func(t *testing.T) {
		res, err := u.Messages.List("me").LabelIds("INBOX", "STARRED").Do()
		require.NoError(t, err)
		require.Len(t, res.Messages, 1)
		_, err = u.Messages.List("me").LabelIds("NOPE").Do()
		refused(t, err, 400, "invalidArgument", "Invalid label: NOPE")
	})
	t.Run("threads once", func(t *testing.T) {
		res, err := u.Threads.List("me").Q("lobby").Do()
		require.NoError(t, err)
		require.Len(t, res.Threads, 2)
		require.NotEmpty(t, res.Threads[0].Snippet)
	})
}

// Searching metadata finds what reading every message finds.
func TestSearchAgreesWithReading(t *testing.T) {
	h := open(t, 400)
	u := h.as(mara)
	count := func(q string) int {
		n := 0
		require.NoError(t, u.Messages.List("me").Q(q).MaxResults(500).Pages(context.Background(), func(res *api.ListMessagesResponse) error {
			n += len(res.Messages)
			return nil
		}))
		return n
	}
	var files, mine, offers int
	require.NoError(t, u.Messages.List("me").MaxResults(500).Pages(context.Background(), func(res *api.ListMessagesResponse) error {
		for _, m := range res.Messages {
			got, err := u.Messages.Get("me", m.Id).Do()
			require.NoError(t, err)
			if hasFile(got.Payload) {
				files++
			}
			if strings.Contains(header(got.Payload, "From"), mara) {
				mine++
			}
			if strings.Contains(strings.ToLower(header(got.Payload, "Subject")), "quote") {
				offers++
			}
		}
		return nil
	}))
	require.Equal(t, files, count("has:attachment"))
	require.Equal(t, mine, count("from:me"))
	require.Equal(t, offers, count("subject:quote"))
	require.NotZero(t, files*mine*offers)
}

func hasFile(p *api.MessagePart) bool {
	return p.Filename != "" && !strings.HasPrefix(header(p, "Content-Disposition"), "inline") || slices.ContainsFunc(p.Parts, hasFile)
}
