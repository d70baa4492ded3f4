package mail

import (
	"encoding/json"
	"fmt"
	"slices"

	"rapport/internal/crm"
	"rapport/internal/engine"
)

// backfillMark is what has been imported: the mark of the stream between passes.
type backfillMark struct {
	Labels map[string]covered `json:"labels"`
	After  uint64             `json:"after,omitempty"` // see backfillPass
	Lane   LaneState          `json:"lane,omitzero"`
}

// covered is how far one label has been imported.
type covered struct {
	Limit int   `json:"limit"`           // 0: all
	Since int64 `json:"since"`           // Unix seconds, 0: no bound
	Floor int64 `json:"floor,omitempty"` // Unix ms of the oldest message; 0: to the label's end
}

// less says whether c covers less than the settings ask for.
func (c covered) less(limit int, since int64) bool {
	if c.Since != 0 && (since == 0 || since < c.Since) {
		return true
	}
	return c.Floor != 0 && c.Limit != 0 && (limit == 0 || limit > c.Limit)
}

func readMark(c engine.Cursor) (backfillMark, error) {
	var m backfillMark
	if c == "" {
		return m, nil
	}
	if err := json.Unmarshal([]byte(c), &m); err != nil {
		return m, fmt.Errorf("the back-fill's stored mark: %w", err)
	}
	return m, nil
}

// missing gives the chosen labels that are not covered yet.
func (m backfillMark) missing(s crm.ConnectionSettings) []string {
	chosen := s.Labels
	if slices.Contains(chosen, crm.AllLabels) {
		chosen = []string{crm.AllLabels}
	}
	since := int64(0)
	if s.Since != nil {
		since = s.Since.Unix()
	}
	var out []string
	for _, l := range chosen {
		if c, ok := m.of(l); !ok || c.less(s.Limit, since) {
			out = append(out, l)
		}
	}
	return out
}

// of says how far a label has been imported, by itself or with all the others.
func (m backfillMark) of(label string) (c covered, ok bool) {
	if c, ok = m.Labels[label]; !ok {
		c, ok = m.Labels[crm.AllLabels]
	}
	return c, ok
}

// kept is the mark without labels that are not chosen any more: what arrives
// under them from now on is not imported, so they are not covered if they are
// chosen again.
func (m backfillMark) kept(chosen []string) backfillMark {
	labels := make(map[string]covered, len(chosen))
	for _, l := range chosen {
		if c, ok := m.of(l); ok {
			labels[l] = c
		}
	}
	m.Labels = labels
	return m
}
