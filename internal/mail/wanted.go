package mail

import (
	"slices"
	"time"

	"rapport/internal/crm"
)

// never are labels whose messages are not imported, whatever was chosen.
var never = []string{"SPAM", "TRASH", "DRAFT", "CHAT"}

// wanted says whether a message with these labels belongs to the chosen ones.
func wanted(labels, chosen []string) bool {
	for _, l := range labels {
		if slices.Contains(never, l) {
			return false
		}
	}
	if slices.Contains(chosen, crm.AllLabels) {
		return true
	}
	for _, l := range labels {
		if slices.Contains(chosen, l) {
			return true
		}
	}
	return false
}

// recent says whether a date is within the bound of the settings.
func recent(date time.Time, since *time.Time) bool {
	return since == nil || !date.Before(*since)
}

// becameWanted says whether a change of labels made a message wanted that was
// not wanted before it.
func becameWanted(r HistoryRecord, chosen []string) bool {
	if !wanted(r.Labels, chosen) {
		return false
	}
	if r.Kind != LabelsChanged || len(r.Added)+len(r.Removed) == 0 {
		return true
	}
	before := slices.DeleteFunc(slices.Clone(r.Labels), func(l string) bool { return slices.Contains(r.Added, l) })
	for _, l := range r.Removed {
		if !slices.Contains(r.Added, l) {
			before = append(before, l)
		}
	}
	return !wanted(before, chosen)
}

// outcome is the state of a run by its counts.
func outcome(n crm.Counts) crm.RunState {
	if n.Failed > 0 {
		return crm.RunPartial
	}
	return crm.RunSucceeded
}
