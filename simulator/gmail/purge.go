package gmail

import (
	"slices"
	"time"
)

// binLife is how long messages stay in spam and trash.
const binLife = 30 * 24 * time.Hour

// binned tells whether a set of labels means spam or trash.
func (m *mailbox) binned(set uint32) bool { return m.sets[set].bits&(1<<lSpam|1<<lTrash) != 0 }

// bin notes that a message was thrown away, or taken back.
func (m *mailbox) bin(slot, before, after uint32, at int64) {
	was, is := m.binned(before), m.binned(after)
	switch {
	case is && !was:
		m.bins[slot] = at
		if due := at + binLife.Milliseconds(); due < m.nextPurge.Load() {
			m.nextPurge.Store(due)
		}
	case was && !is:
		delete(m.bins, slot)
	}
}

// purge deletes what has been in spam or trash for 30 days.
func (r *Room) purge(m *mailbox) {
	now := r.world.Clock.Now().UnixMilli()
	if now < m.nextPurge.Load() {
		return
	}
	m.mu.Lock()
	var over []uint32
	next := int64(1<<63 - 1)
	for slot, at := range m.bins {
		if due := at + binLife.Milliseconds(); due <= now {
			over = append(over, slot)
		} else {
			next = min(next, due)
		}
	}
	slices.Sort(over)
	for _, slot := range over {
		m.remove(slot)
	}
	m.nextPurge.Store(next)
	due := m.takeDue()
	m.mu.Unlock()
	r.notify(m, due)
}
