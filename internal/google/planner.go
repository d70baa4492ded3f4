package google

import "rapport/internal/mail"

// fetchCall is one call that brings wanted messages: a messages.get of one, or
// a threads.get of several of a thread.
type fetchCall struct {
	thread string // "" for a messages.get
	refs   []mail.Ref
	units  int64
}

func (c fetchCall) method() string {
	if c.thread == "" {
		return "messages.get"
	}
	return "threads.get"
}

// weight is how many messages the answer may hold.
func (c fetchCall) weight() int {
	if c.thread == "" {
		return 1
	}
	return max(len(c.refs), threadWeight)
}

// plan chooses calls for refs, which are newest first, by their cost: a
// threads.get costs as much as two gets however long the thread, so it wins
// from three wanted messages of a thread, and at two it is the same in fewer
// calls. Calls stand in the order of their newest message. A ref that is named
// twice is fetched once.
func plan(refs []mail.Ref, q Quota) []fetchCall {
	one, whole := q.cost("messages.get"), q.cost("threads.get")
	wanted := make(map[string]int, len(refs)) // by thread
	seen := make(map[string]bool, len(refs))
	for _, r := range refs {
		if !seen[r.ID] {
			seen[r.ID] = true
			wanted[r.ThreadID]++
		}
	}
	calls := make([]fetchCall, 0, len(refs))
	at := make(map[string]int) // thread → its call
	for _, r := range refs {
		if !seen[r.ID] {
			continue
		}
		delete(seen, r.ID)
		n := int64(wanted[r.ThreadID])
		if r.ThreadID == "" || n < 2 || whole > n*one {
			calls = append(calls, fetchCall{refs: []mail.Ref{r}, units: one})
			continue
		}
		i, ok := at[r.ThreadID]
		if !ok {
			i = len(calls)
			at[r.ThreadID] = i
			calls = append(calls, fetchCall{thread: r.ThreadID, refs: make([]mail.Ref, 0, n), units: whole})
		}
		calls[i].refs = append(calls[i].refs, r)
	}
	return calls
}
