package store

import "context"

// WriterExec runs a statement on the writing connection of an SQLite store.
func WriterExec(s *Store, query string) error {
	_, err := s.d.(*sqliteDB).writer.ExecContext(context.Background(), query)
	return err
}
