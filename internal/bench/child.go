package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"syscall"
	"time"
)

// A measurement runs in a child process of its own, so that memory and CPU are
// its alone and nothing is warm: the parent sends the task as JSON on standard
// input and reads the result from standard output.

// children are the tasks by name.
func children() map[string]func(context.Context, json.RawMessage) (any, error) {
	return map[string]func(context.Context, json.RawMessage) (any, error){
		"connection": connectionTask,
		"fill":       fillChild,
		"seats":      seatsChild,
		"match":      matchChild,
		"link":       linkChild,
		"import":     importChild,
		"jobs":       jobsChild,
		"decode":     decodeChild,
		"grants":     grantsChild,
		"load":       loadChild,
	}
}

// runChild is main of a child process.
func runChild(name string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := answerTask(ctx, name)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func answerTask(ctx context.Context, name string) error {
	do, ok := children()[name]
	if !ok {
		return fmt.Errorf("no task %q", name)
	}
	var task json.RawMessage
	if err := json.NewDecoder(os.Stdin).Decode(&task); err != nil {
		return fmt.Errorf("reading the task: %w", err)
	}
	result, err := do(ctx, task)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

// spawn runs a task in a child and decodes its result.
func spawn[R any](ctx context.Context, b *bench, name string, task any) (R, error) {
	var result R
	in, err := json.Marshal(task)
	if err != nil {
		return result, err
	}
	self, err := os.Executable()
	if err != nil {
		return result, err
	}
	cmd := exec.CommandContext(ctx, self, "--child", name)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	var out, complaints bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &complaints
	if b.profile != "" {
		cmd.Env = append(os.Environ(), "BENCH_PROFILE="+filepath.Join(b.profile, name))
	}
	if err := cmd.Run(); err != nil {
		return result, fmt.Errorf("%s: %w: %s", name, err, tail(complaints.Bytes(), 600))
	}
	if err := json.Unmarshal(out.Bytes(), &result); err != nil {
		return result, fmt.Errorf("%s: reading its result: %w: %s", name, err, tail(out.Bytes(), 300))
	}
	return result, nil
}

// profiled runs work with the CPU profiler on when the parent wants profiles;
// kind tells several pieces of work of one task apart.
func profiled(kind string, work func() error) (err error) {
	prefix := os.Getenv("BENCH_PROFILE")
	if prefix == "" {
		return work()
	}
	f, err := os.Create(fmt.Sprintf("%s-%s-%d.pprof", prefix, kind, os.Getpid()))
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return errors.Join(err, f.Close())
	}
	err = work()
	pprof.StopCPUProfile()
	return errors.Join(err, f.Close())
}

func tail(b []byte, n int) string {
	b = bytes.TrimSpace(b)
	if len(b) > n {
		b = append([]byte("…"), b[len(b)-n:]...)
	}
	return string(b)
}
