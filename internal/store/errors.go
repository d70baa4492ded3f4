package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"rapport/internal/fault"
)

// classify is the border: what the database says becomes a fault. Errors that
// are classified already pass unchanged.
func classify(err error) error {
	var f *fault.Error
	if err == nil || errors.As(err, &f) {
		return err
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return classifySQLite(lite.Code(), err)
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return classifyPostgres(pg.Code, err)
	}
	var refused *pgconn.ConnectError
	var network net.Error
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, sql.ErrTxDone): // nobody ends a transaction before we do but the end of its context
		return fmt.Errorf("%w: %w", context.Canceled, err)
	case errors.As(err, &refused), errors.As(err, &network), errors.Is(err, driver.ErrBadConn), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return unreachable(err)
	}
	return err
}

func full(err error) error {
	return &fault.Error{Kind: fault.Unavailable, Code: "storage_full", Err: err,
		Text: "The disk of the database is full. Free some space; the work goes on by itself then."}
}

func busy(err error) error {
	return &fault.Error{Kind: fault.Unavailable, Code: "storage_busy", Err: err,
		Text: "The database is busy. Try again in a moment."}
}

func unreachable(err error) error {
	return &fault.Error{Kind: fault.Unavailable, Code: "storage_unavailable", Err: err,
		Text: "The database cannot be reached."}
}

func exists(err error) error {
	return &fault.Error{Kind: fault.Conflict, Code: "exists", Err: err, Text: "There is one already."}
}

func missing(err error) error {
	return &fault.Error{Kind: fault.Conflict, Code: "missing_reference", Err: err,
		Text: "Something this belongs to does not exist any more."}
}

// unreadable is text with NUL or broken UTF-8: SQLite finds nothing by it,
// PostgreSQL does not even look.
func unreadable(err error) error {
	return &fault.Error{Kind: fault.Invalid, Code: "bad_text", Err: err,
		Text: "The request has characters that no text has: NUL or broken UTF-8."}
}

// classifySQLite goes by the result codes of https://www.sqlite.org/rescode.html.
func classifySQLite(code int, err error) error {
	switch code {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
		return exists(err)
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return missing(err)
	case sqlite3.SQLITE_INTERRUPT:
		return context.Canceled
	}
	switch code & 0xff {
	case sqlite3.SQLITE_FULL:
		return full(err)
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL:
		return busy(err)
	case sqlite3.SQLITE_CANTOPEN:
		return &fault.Error{Kind: fault.Unavailable, Code: "storage_unavailable", Err: err,
			Text: "The database file cannot be opened. Check that its folder exists and may be written."}
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		return &fault.Error{Kind: fault.Unavailable, Code: "storage_readonly", Err: err,
			Text: "The database file may not be written. Check its owner and permissions."}
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		return &fault.Error{Kind: fault.Internal, Code: "storage_damaged", Err: err,
			Text: "The database file is damaged or is not a database. Restore a backup."}
	case sqlite3.SQLITE_IOERR:
		return &fault.Error{Kind: fault.Unavailable, Code: "storage_io", Err: err,
			Text: "The disk of the database answers with errors."}
	}
	return err
}

// deadlocked reports an error that goes away when the transaction is run again.
func deadlocked(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40P01" || pg.Code == "40001")
}

// classifyPostgres goes by the codes of PostgreSQL's Appendix A.
func classifyPostgres(code string, err error) error {
	switch code {
	case "23505":
		return exists(err)
	case "23503":
		return missing(err)
	case "53100":
		return full(err)
	case "40001", "40P01", "55P03", "53300", "53200":
		return busy(err)
	case "28000", "28P01", "3D000":
		return &fault.Error{Kind: fault.Unavailable, Code: "storage_unavailable", Err: err,
			Text: "PostgreSQL refuses the connection: the name of the database, the user or the password in DATABASE_URL is wrong."}
	case "57014":
		return context.Canceled
	case "22021":
		return unreadable(err)
	}
	if strings.HasPrefix(code, "08") || strings.HasPrefix(code, "57P") {
		return unreachable(err)
	}
	return err
}
