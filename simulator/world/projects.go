package world

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Projects holds which APIs are not enabled in which Cloud projects. A project
// that is not mentioned has all of them.
type Projects struct {
	any      atomic.Bool // spares the lock when every API is enabled
	mu       sync.RWMutex
	disabled map[string][]string // project number to names of APIs
}

// NewProjects returns projects that have every API enabled.
func NewProjects() *Projects { return &Projects{disabled: map[string][]string{}} }

// Disable makes apis ("gmail", "drive", …) the ones a project has not enabled;
// none enables all.
func (p *Projects) Disable(project string, apis []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(apis) == 0 {
		delete(p.disabled, project)
	} else {
		p.disabled[project] = slices.Clone(apis)
	}
	p.any.Store(len(p.disabled) > 0)
}

// Disabled lists what Disable was told last.
func (p *Projects) Disabled(project string) []string {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return slices.Clone(p.disabled[project])
}

// Lacks tells whether an API is not enabled in a project.
func (p *Projects) Lacks(project, api string) bool {
	if !p.any.Load() {
		return false
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	return slices.Contains(p.disabled[project], api)
}

// Reset enables everything everywhere.
func (p *Projects) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.disabled)
	p.any.Store(false)
}
