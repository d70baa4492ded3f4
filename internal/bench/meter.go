package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// used is what a piece of work took.
type used struct {
	Wall   float64 `json:"wall"`   // seconds
	CPU    float64 `json:"cpu"`    // seconds of this process, user and system
	Server float64 `json:"server"` // CPU seconds of a PostgreSQL server on this machine, 0 when unknown
	PeakMB float64 `json:"peak_mb"`
}

// meter measures this process from start to stop.
type meter struct {
	wall time.Time
	cpu  float64
}

func startMeter() meter { return meter{wall: time.Now(), cpu: ownCPU()} }

func (m meter) stop() used {
	return used{CPU: ownCPU() - m.cpu, Wall: time.Since(m.wall).Seconds(), PeakMB: memoryMB("self", "VmHWM")}
}

// ownCPU is getrusage(2) of this process.
func ownCPU() float64 {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return seconds(r.Utime) + seconds(r.Stime)
}

func seconds(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }

// resetPeak makes VmHWM of this process begin anew. (ru_maxrss would carry the
// parent's peak over exec.)
func resetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// memoryMB reads a line of /proc/<pid>/status (VmRSS, VmHWM), 0 where there is none.
func memoryMB(pid, line string) float64 {
	b, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return 0
	}
	for l := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(l, line+":"); ok {
			kb, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb / 1024
		}
	}
	return 0
}

// processTimes reads /proc/<pid>/stat: CPU seconds of the process, of its dead
// children, and its parent.
func processTimes(pid int) (own, children float64, parent int, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, 0, err
	}
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:])) // state ppid ...
	if len(f) < 15 {
		return 0, 0, 0, fmt.Errorf("short /proc/%d/stat", pid)
	}
	at := func(i int) float64 { v, _ := strconv.ParseFloat(f[i], 64); return v / 100 } // USER_HZ
	parent, err = strconv.Atoi(f[1])
	return at(11) + at(12), at(13) + at(14), parent, err
}

// treeCPU is the CPU seconds of a process and all its descendants, dead ones included.
func treeCPU(root int) float64 {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0
	}
	parents, times := map[int]int{}, map[int]float64{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if own, dead, parent, err := processTimes(pid); err == nil {
			parents[pid], times[pid] = parent, own+dead
		}
	}
	total := 0.0
	for pid, t := range times {
		for p := pid; p > 0; p = parents[p] {
			if p == root {
				total += t
				break
			}
		}
	}
	return total
}

// median of values; 0 of none.
func median(values []float64) float64 { return percentile(values, 50) }

// percentile by the nearest rank.
func percentile(values []float64, p float64) float64 {
	if len(values) == 0 {
		return 0
	}
	v := slices.Sorted(slices.Values(values))
	i := int(math.Ceil(p/100*float64(len(v)))) - 1
	return v[min(max(i, 0), len(v)-1)]
}

func pluck(all []used, of func(used) float64) []float64 {
	out := make([]float64, len(all))
	for i, u := range all {
		out[i] = of(u)
	}
	return out
}

// medianOf is the median of each number on its own.
func medianOf(all []used) used {
	return used{
		Wall:   median(pluck(all, func(u used) float64 { return u.Wall })),
		CPU:    median(pluck(all, func(u used) float64 { return u.CPU })),
		Server: median(pluck(all, func(u used) float64 { return u.Server })),
		PeakMB: median(pluck(all, func(u used) float64 { return u.PeakMB })),
	}
}

// interleave runs A B A B … so that a slow minute of the machine meets all of
// them, and gives the results of each.
func interleave[T any](rounds int, each ...func(round int) (T, error)) ([][]T, error) {
	out := make([][]T, len(each))
	for round := range rounds {
		for i, f := range each {
			r, err := f(round)
			if err != nil {
				return nil, fmt.Errorf("round %d: %w", round+1, err)
			}
			out[i] = append(out[i], r)
		}
	}
	return out, nil
}

// check is nil when the work was done.
func check[T comparable](what string, got, want T) error {
	if got != want {
		return fmt.Errorf("the work was not done: %s is %v, must be %v", what, got, want)
	}
	return nil
}
