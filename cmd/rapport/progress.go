package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
)

// progress shows how far something is: a bar on a terminal, now and then a
// plain line elsewhere. Both go to standard error.
type progress struct {
	what string
	out  io.Writer
	bar  *progressbar.ProgressBar // nil: lines
	said time.Time
	last string
}

// lineEvery is the time between plain lines.
const lineEvery = 5 * time.Second

func newProgress(cmd *cobra.Command, what string) *progress {
	p := &progress{what: what, out: cmd.ErrOrStderr(), said: time.Now()}
	if f, ok := p.out.(*os.File); ok && isTerminal(f) {
		p.bar = progressbar.NewOptions64(-1, progressbar.OptionSetWriter(f), progressbar.OptionSetDescription(what),
			progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))
	}
	return p
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

// set tells how far it is; waits is why nothing moves, or "".
func (p *progress) set(done, total int64, waits string) {
	if waits != "" {
		waits = "; waiting: " + waits
	}
	if p.bar != nil {
		p.bar.Describe(p.what + waits)
		if total > 0 && p.bar.GetMax64() != total {
			p.bar.ChangeMax64(total)
		}
		_ = p.bar.Set64(min(done, max(total, done))) // a bar that cannot be drawn is no trouble
		return
	}
	line := fmt.Sprintf("%s: %d", p.what, done)
	if total > 0 {
		line += fmt.Sprintf(" of %d", total)
	}
	line += waits
	if line != p.last && time.Since(p.said) >= lineEvery {
		p.said, p.last = time.Now(), line
		fmt.Fprintln(p.out, line)
	}
}

func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
