package store

import "time"

// The position of a message is one number that sorts the messages of a
// connection by date:
//
//	22 bits  number of the connection (google_integrations.no)
//	32 bits  second of Google's internal date
//	 9 bits  half the millisecond, or the next free slot
//
// It is the primary key of synced_emails and of everything that hangs on it, so a
// list page is one range, also in the full-text index, and lists of several
// connections are merged by the lower 41 bits alone. A second with more than 512
// messages flows over into the next one: the order is then off by seconds, the
// stored date is not.
const (
	slotBits  = 9
	timeBits  = 32 + slotBits
	slots     = 1 << slotBits
	timeMask  = 1<<timeBits - 1
	mostBoxes = 1<<22 - 1
)

// lowest and highest bound the positions of a connection.
func lowest(no int64) int64  { return no << timeBits }
func highest(no int64) int64 { return no<<timeBits | timeMask }

// timePart is the part of a position that compares across connections.
func timePart(pos int64) int64 { return pos & timeMask }

// wantedPosition is where a message of a date would like to be. Dates outside
// 1970-2106 are moved to the ends.
func wantedPosition(no int64, date time.Time) int64 {
	seconds := min(max(date.Unix(), 0), 1<<32-1)
	half := int64(date.Nanosecond()) / 2_000_000
	return lowest(no) | seconds<<slotBits | half
}

// secondsToPosition is the first position of a second.
func secondsToPosition(no, seconds int64) int64 {
	return lowest(no) | min(max(seconds, 0), 1<<32-1)<<slotBits
}

// place finds a free position for each wanted one, in order; taken holds those
// in use and is added to. full asks whether positions beyond what taken knows of
// may be in use; it loads the second of the position given.
func place(wanted []int64, taken map[int64]bool, load func(second int64) error) ([]int64, error) {
	placed := make([]int64, len(wanted))
	for i, want := range wanted {
		pos, end := want, want|timeMask
		for {
			if err := load(pos >> slotBits); err != nil {
				return nil, err
			}
			if !taken[pos] {
				break
			}
			if pos == end { // the end of time: go back instead
				pos, end = want-1, want&^timeMask
				continue
			}
			if end < want {
				pos--
			} else {
				pos++
			}
		}
		taken[pos] = true
		placed[i] = pos
	}
	return placed, nil
}
