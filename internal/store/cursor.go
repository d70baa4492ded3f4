package store

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"
	"time"

	"rapport/internal/fault"
)

// Limits of a page.
const (
	pageUsual = 50
	pageMost  = 500
)

func pageLimit(n int) int {
	if n <= 0 {
		return pageUsual
	}
	return min(n, pageMost)
}

// writeCursor packs where a list was left: a number that sorts it, and an id
// among equals. readCursor("") is before the first row of a falling order.
func writeCursor(at int64, id string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(at, 36) + "." + id))
}

func readCursor(cursor string) (at int64, id string, err error) {
	if cursor == "" {
		return math.MaxInt64, "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		number, rest, ok := strings.Cut(string(b), ".")
		at, err = strconv.ParseInt(number, 36, 64)
		if err == nil && ok {
			return at, clean(rest), nil
		}
	}
	return 0, "", &fault.Error{Kind: fault.Invalid, Code: "bad_cursor", Text: "The cursor is not one of this list. Begin again without it.", Err: err}
}

// readCursorRising is readCursor where the order rises.
func readCursorRising(cursor string) (at int64, id string, err error) {
	if cursor == "" {
		return math.MinInt64, "", nil
	}
	return readCursor(cursor)
}

// pageOf cuts a list that was read with one row more than the limit, and gives
// the cursor behind its last row, "" when the list ends there.
func pageOf[T any](list []T, limit int, at func(T) (time.Time, string)) ([]T, string) {
	if len(list) <= limit {
		return list, ""
	}
	when, id := at(list[limit-1])
	return list[:limit], writeCursor(stamp(when), id)
}

// readCursorNumber is readCursor where the id is a number.
func readCursorNumber(cursor string) (at, id int64, err error) {
	at, text, err := readCursor(cursor)
	if err != nil || cursor == "" {
		return at, math.MaxInt64, err
	}
	if id, err = strconv.ParseInt(text, 10, 64); err != nil {
		return 0, 0, &fault.Error{Kind: fault.Invalid, Code: "bad_cursor", Text: "The cursor is not one of this list. Begin again without it.", Err: err}
	}
	return at, id, nil
}
