package vault

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rapport/internal/crm"
)

// A token is ready while it is known to obey the very decision that is on the
// shelf, and no longer.
func TestATokenIsReadyUnderOneDecisionOnly(t *testing.T) {
	now := time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)
	s, p := &Service{}, place{workspace: "w", subject: "s", service: "drive"}
	h := &s.shelf
	ready := func(at time.Time) bool { _, ok := h.ready(p, at); return ok }
	obeying := func() *shelvedApproval {
		a := &shelvedApproval{crm.Approval{State: crm.ApprovalApproved}, now}
		h.putApproval("w", a, h.version())
		h.put(p, shelved{grant: "g", since: now}, h.version())
		require.False(t, ready(now), "nobody has compared them")
		v, ok := h.token(p, now)
		require.True(t, ok)
		v.obeys.Store(a)
		require.True(t, ready(now))
		return a
	}
	obeying()
	require.True(t, ready(now.Add(shelfLife-1)))
	require.False(t, ready(now.Add(shelfLife)), "too old")
	require.False(t, ready(now.Add(-time.Second)), "a clock set back")

	s.ForgetApproval("w")
	require.False(t, ready(now), "decided anew")
	h.putApproval("w", &shelvedApproval{crm.Approval{State: crm.ApprovalApproved}, now}, h.version())
	require.False(t, ready(now), "the same words are another decision")

	obeying()
	s.Forget("g")
	require.False(t, ready(now), "the grant has changed")

	a := obeying()
	h.put(p, shelved{grant: "g", since: now}, h.version())
	require.False(t, ready(now), "another token is compared anew")
	require.NotNil(t, a)
}
