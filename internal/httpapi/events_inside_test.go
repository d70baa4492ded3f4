package httpapi

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/access"
	"rapport/internal/fact"
)

// TestAnEventStreamEndsWithTheMembership at once, not at the next beat: what happens
// after it is not told any more.
func TestAnEventStreamEndsWithTheMembership(t *testing.T) {
	s := &Server{Heartbeat: 24 * time.Hour}
	facts := make(chan fact.Fact, 3)
	facts <- fact.Fact{Kind: fact.SyncProgress, WorkspaceID: "home"}
	facts <- fact.Fact{Kind: fact.MemberRemoved, WorkspaceID: "home", UserID: "ada"}
	facts <- fact.Fact{Kind: fact.SyncFinished, WorkspaceID: "home"}
	w := httptest.NewRecorder()
	s.pump(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil), access.Caller{Workspace: "home", UserID: "ada"}, facts,
		eventWriter{w: w, control: http.NewResponseController(w)})
	require.Contains(t, w.Body.String(), "event: member.removed\n")
	require.NotContains(t, w.Body.String(), "sync.completed")
	require.Len(t, facts, 1)
}

// TestStreamsOfOne: nobody opens streams without end, and what one person has open is
// no matter of others.
func TestStreamsOfOne(t *testing.T) {
	var s Server
	for range streamsOfOne {
		_, err := s.streamEvents(t.Context(), access.Caller{UserID: "ada"}, nil)
		require.NoError(t, err)
	}
	_, err := s.streamEvents(t.Context(), access.Caller{UserID: "ada"}, nil)
	require.Equal(t, http.StatusTooManyRequests, problemOf(err, "").Status)
	_, err = s.streamEvents(t.Context(), access.Caller{UserID: "ben"}, nil)
	require.NoError(t, err)
	s.listening.leave("ada")
	_, err = s.streamEvents(t.Context(), access.Caller{UserID: "ada"}, nil)
	require.NoError(t, err)
	for range streamsOfOne {
		s.listening.leave("ada")
	}
	s.listening.leave("ben")
	require.Empty(t, s.listening.of)
}
