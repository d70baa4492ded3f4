// Command rapport connects a CRM to Google Workspace. It is one program: the
// server, the demonstration, the simulator of Google, and the tools around them.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set by the linker.
var version = "dev"

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is main without the process: what went wrong stands on stderr in one
// line, and the exit code says of which kind it was.
func run(args []string, in io.Reader, out, errs io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := rootCommand()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	code := exitCode(err)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		code, err = exitInterrupted, errors.New("interrupted; run it again to go on")
	}
	for line := range linesOf(err) {
		fmt.Fprintln(errs, "rapport:", line)
	}
	return code
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use: "rapport", Short: "Google Workspace for your CRM",
		Long:         "Rapport connects a CRM to Google Workspace: one program with its own pages, an API, and a simulator of Google to try it on.\n\nStart with `rapport demo`, or with `rapport serve`.",
		SilenceUsage: true, SilenceErrors: true, Version: version,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	root.PersistentFlags().String("env-file", ".env", "file with settings; the environment wins over it")
	root.AddCommand(
		serveCommand(), demoCommand(), simCommand(), migrateCommand(), syncCommand(), verifyCommand(), enrichCommand(), exportCommand(), recordsCommand(), reparseCommand(), userCommand(), keyCommand(),
		doctorCommand(), keysCommand(), pubsubCommand(), openapiCommand(), docsCommand(), versionCommand(),
	)
	markUsage(root)
	root.SuggestionsMinimumDistance = 2
	return root
}

// markUsage makes wrong arguments usage errors, everywhere.
func markUsage(c *cobra.Command) {
	args := c.Args
	switch {
	case !c.Runnable():
		args = cobra.ArbitraryArgs
		c.RunE = func(cmd *cobra.Command, given []string) error {
			if len(given) > 0 {
				if near := cmd.SuggestionsFor(given[0]); len(near) > 0 {
					return usage("unknown command %q; did you mean %q?", given[0], cmd.CommandPath()+" "+near[0])
				}
				return usage("unknown command %q; see %s --help", given[0], cmd.CommandPath())
			}
			return cmd.Help()
		}
	case args == nil:
		args = cobra.NoArgs
	}
	c.Args = func(cmd *cobra.Command, given []string) error {
		if err := args(cmd, given); err != nil {
			return usage("%w; see %s --help", err, cmd.CommandPath())
		}
		return nil
	}
	for _, sub := range c.Commands() {
		markUsage(sub)
	}
}
