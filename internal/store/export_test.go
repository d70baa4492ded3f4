package store

import (
	"context"
	"database/sql"
)

// WriterExec runs a statement on the writing connection of an SQLite store.
func WriterExec(s *Store, query string) error {
	_, err := s.d.(*sqliteDB).writer.ExecContext(context.Background(), query)
	return err
}

// Overhear tells see what single statements ask the store for reading from now on.
func Overhear(s *Store, see func(query string, args []any)) { s.d = overheard{s.d, see} }

type overheard struct {
	dialect
	see func(query string, args []any)
}

func (d overheard) read() executor   { return overhearing{d.dialect.read(), d.see} }
func (d overheard) steady() executor { return overhearing{d.dialect.steady(), d.see} }

type overhearing struct {
	executor
	see func(query string, args []any)
}

func (e overhearing) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	e.see(query, args)
	return e.executor.QueryContext(ctx, query, args...)
}
