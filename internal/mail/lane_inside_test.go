package mail

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
	"rapport/internal/fault"
)

func TestTheLaneRests(t *testing.T) {
	now := time.Date(2026, 5, 4, 22, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		err   error
		rests time.Duration
		why   string
	}{
		"it breaks off":          {errors.New("cut"), 5 * time.Minute, "The mail server broke off."},
		"switched off":           {&fault.Error{Kind: fault.Blocked, Text: "IMAP is switched off."}, time.Hour, "IMAP is switched off."},
		"refused without a word": {fault.New(fault.Reconnect, ""), time.Hour, "Gmail does not let Rapport in by IMAP."},
		"too much for now":       {&fault.Error{Kind: fault.Throttled, After: 3 * time.Hour, Text: "Enough."}, 3 * time.Hour, "Enough."},
		"a moment only":          {&fault.Error{Kind: fault.Throttled, After: time.Second, Text: "Busy."}, 5 * time.Minute, "Busy."},
	} {
		t.Run(name, func(t *testing.T) {
			var s LaneState
			s.note(now, 3, 500, c.err)
			require.EqualValues(t, 3, s.Messages, "what came before counts")
			require.EqualValues(t, 500, s.Bytes)
			require.Equal(t, c.why, s.Why)
			require.False(t, s.usable(now.Add(c.rests-time.Second)))
			require.True(t, s.usable(now.Add(c.rests)))
			s.note(now.Add(c.rests), 1, 1, nil)
			require.Empty(t, s.Why)
		})
	}
}

func TestTheLaneKeepsToTheDaysAllowance(t *testing.T) {
	now := time.Date(2026, 5, 4, 22, 0, 0, 0, time.UTC)
	var s LaneState
	s.note(now, 1, laneDaily-1, nil)
	require.True(t, s.usable(now))
	s.note(now, 1, 1, nil)
	require.False(t, s.usable(now))
	require.NotEmpty(t, s.Why)
	require.False(t, s.usable(now.Add(2*time.Hour-time.Second)))
	require.True(t, s.usable(now.Add(2*time.Hour)), "the next day")
	s.note(now.Add(2*time.Hour), 1, 10, nil)
	require.EqualValues(t, 10, s.Bytes)
	require.EqualValues(t, 3, s.Messages)
}

func TestTheLaneGivesLabelsTheirIDs(t *testing.T) {
	l := &laneLabels{since: 77, names: map[string]string{"Kunden/Süd": "Label_1"}, untold: []string{"CATEGORY_SOCIAL", "CATEGORY_UPDATES"}, carried: map[string]uint64{"a1": 2}}
	m, ok := l.message(Carried{Ref: Ref{ID: "a1", ThreadID: "a0"}, Flags: []string{`\Flagged`}, Names: []string{`\Inbox`, `\Starred`, "Kunden/Süd"}})
	require.True(t, ok)
	require.Equal(t, []string{"CATEGORY_UPDATES", "INBOX", "Label_1", "STARRED", "UNREAD"}, m.Labels)
	require.EqualValues(t, 77, m.HistoryID, "what changed after it is applied again")
	require.Equal(t, "a0", m.ThreadID)
	_, ok = l.message(Carried{Ref: Ref{ID: "a1"}, Names: []string{"Brand new"}})
	require.False(t, ok, "the API knows its id")
}

func TestTheLaneNeedsItsScope(t *testing.T) {
	require.NoError(t, AllowLane(crm.Connection{GrantedScopes: []string{ScopeMail}}))
	require.Equal(t, fault.Permission, fault.Of(AllowLane(crm.Connection{GrantedScopes: []string{scopeModify}})))
	require.Equal(t, fault.Conflict, fault.Of(AllowLane(crm.Connection{Provider: crm.ProviderIMAP})))
}

// An attached message is as large as it stands there, and the last line of a message
// ends as it was written: so does Gmail tell it.
func TestRawPartsAreWhatGmailTells(t *testing.T) {
	inner := "Subject: In\r\n\r\nHello\r\n"
	p := parts([]byte("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n" + inner + "\r\n--b\r\nContent-Type: text/plain\r\n\r\nend\r\n--b--\r\n"))
	require.Len(t, p.Parts, 2)
	require.EqualValues(t, len(inner), p.Parts[0].Size)
	require.Equal(t, "end", string(p.Parts[1].Body))
	require.Equal(t, "<p>x</p>\r\n", string(parts([]byte("Content-Type: text/html\r\n\r\n<p>x</p>\r\n")).Body))
}
