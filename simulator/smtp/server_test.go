package smtp_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"rapport/simulator/smtp"
)

// A server that is closed before its first Accept must not wait for a
// connection that never comes.
func TestCloseRightAfterListen(t *testing.T) {
	for range 200 {
		s := smtp.New(nil, nil)
		_, err := s.Listen("127.0.0.1:0", false)
		require.NoError(t, err)
		require.NoError(t, s.Close())
	}
}
