package meet_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	api "google.golang.org/api/meet/v2"

	"rapport/simulator/simtest"
)

func service(t *testing.T, h *simtest.House, account, client string, scopes ...string) *api.Service {
	t.Helper()
	s, err := api.NewService(t.Context(), h.Options("", h.Client(account, client, scopes...))...)
	require.NoError(t, err)
	return s
}

func TestSpaces(t *testing.T) {
	h := simtest.Open(t)
	m := service(t, h, simtest.Mara, "", "meetings.space.created")
	s, err := m.Spaces.Create(&api.Space{}).Do()
	require.NoError(t, err)
	require.Regexp(t, `^spaces/[A-Za-z0-9_-]{12}$`, s.Name)
	require.Regexp(t, `^[a-z]{3}-[a-z]{4}-[a-z]{3}$`, s.MeetingCode)
	require.Equal(t, "https://meet.google.com/"+s.MeetingCode, s.MeetingUri)
	require.Equal(t, &api.SpaceConfig{AccessType: "TRUSTED", EntryPointAccess: "ALL"}, s.Config)

	open, err := m.Spaces.Create(&api.Space{Config: &api.SpaceConfig{AccessType: "OPEN"}}).Do()
	require.NoError(t, err)
	require.Equal(t, "OPEN", open.Config.AccessType)
	require.NotEqual(t, s.Name, open.Name)
	_, err = m.Spaces.Create(&api.Space{Config: &api.SpaceConfig{AccessType: "EVERYBODY"}}).Do()
	require.ErrorContains(t, err, "400")

	for _, name := range []string{s.Name, "spaces/" + s.MeetingCode, "spaces/" + strings.ToUpper(s.MeetingCode)} {
		got, err := m.Spaces.Get(name).Do()
		require.NoError(t, err)
		require.Equal(t, s.Name, got.Name)
	}
	changed, err := m.Spaces.Patch(s.Name, &api.Space{Config: &api.SpaceConfig{AccessType: "RESTRICTED"}}).UpdateMask("config.accessType").Do()
	require.NoError(t, err)
	require.Equal(t, &api.SpaceConfig{AccessType: "RESTRICTED", EntryPointAccess: "ALL"}, changed.Config)
}

func TestConferences(t *testing.T) {
	h := simtest.Open(t)
	m := service(t, h, simtest.Mara, "", "meetings.space.created")
	s, err := m.Spaces.Create(&api.Space{}).Do()
	require.NoError(t, err)
	_, err = m.Spaces.EndActiveConference(s.Name, &api.EndActiveConferenceRequest{}).Do()
	simtest.Refused(t, err, 400, "", "There is no active conference for the given space.")

	res, err := http.Post(h.URL()+"/_sim/meetings/"+s.MeetingCode+"/join", "application/json", nil)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, 200, res.StatusCode)
	got, err := m.Spaces.Get(s.Name).Do()
	require.NoError(t, err)
	require.Regexp(t, "^conferenceRecords/", got.ActiveConference.ConferenceRecord)
	_, err = m.Spaces.EndActiveConference(s.Name, &api.EndActiveConferenceRequest{}).Do()
	require.NoError(t, err)
	got, err = m.Spaces.Get(s.Name).Do()
	require.NoError(t, err)
	require.Nil(t, got.ActiveConference)
}

func TestWhoMay(t *testing.T) {
	h := simtest.Open(t)
	s, err := service(t, h, simtest.Mara, "", "meetings.space.created").Spaces.Create(&api.Space{}).Do()
	require.NoError(t, err)
	const text = "Permission denied on resource Space (or it might not exist)"
	for name, m := range map[string]*api.Service{
		"another application": service(t, h, simtest.Mara, "200000000002-other.apps.googleusercontent.com", "meetings.space.created"),
		"another account":     service(t, h, simtest.Jonas, "", "meetings.space.created"),
	} {
		_, err := m.Spaces.Get(s.Name).Do()
		require.Error(t, err, name)
		simtest.Refused(t, err, 403, "", text)
	}
	reader := service(t, h, simtest.Mara, "200000000002-other.apps.googleusercontent.com", "meetings.space.readonly")
	_, err = reader.Spaces.Get(s.Name).Do()
	require.NoError(t, err)
	_, err = reader.Spaces.Create(&api.Space{}).Do()
	simtest.Refused(t, err, 403, "", "Request had insufficient authentication scopes.")
	_, err = reader.Spaces.Get("spaces/nothing").Do()
	simtest.Refused(t, err, 403, "", text)
}
