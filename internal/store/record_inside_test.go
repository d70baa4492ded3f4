package store

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Rows of the audit trail are written through to the disk, and other writes are
// not slowed down by it, however the recording ends.
func TestSQLiteWaitsForTheDiskWhenItRecords(t *testing.T) {
	ctx := context.Background()
	opened, err := openSQLite(ctx, filepath.Join(t.TempDir(), "rapport.db"), Options{})
	require.NoError(t, err)
	d := opened.(*sqliteDB)
	defer func() { require.NoError(t, d.close()) }()
	const normal, full = 1, 2 // https://www.sqlite.org/pragma.html#pragma_synchronous
	level := func(begin func(context.Context) (transaction, error), commit bool) (level int) {
		on, err := begin(ctx)
		require.NoError(t, err)
		require.NoError(t, d.writer.QueryRowContext(ctx, "PRAGMA synchronous").Scan(&level))
		if !commit {
			on.rollback()
			return level
		}
		require.NoError(t, on.commit())
		return level
	}
	for _, commit := range []bool{true, false, true} {
		require.Equal(t, full, level(d.beginRecord, commit))
		require.Equal(t, normal, level(d.begin, commit))
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	_, err = d.beginRecord(over)
	require.Error(t, err)
	require.Equal(t, normal, level(d.begin, true))
}
