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
