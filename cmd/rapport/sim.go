package main

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"rapport/internal/app"
)

type simFlags struct {
	host, quota string
	port        int
	seed        int64
}

func simCommand() *cobra.Command {
	var f simFlags
	cmd := &cobra.Command{
		Use: "sim", Short: "Run the simulator of Google alone",
		Long: "Runs a local Google on one port: sign-in, Gmail, Pub/Sub, and a control API under /_sim/. Point GOOGLE_BASE_URL at it. See simulator/README.md.",
		RunE: func(cmd *cobra.Command, _ []string) error { return sim(cmd, f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.host, "host", "127.0.0.1", "address to listen on; its control API has no login")
	flags.IntVar(&f.port, "port", 8100, "port to listen on; 0 lets the system choose")
	flags.StringVar(&f.quota, "quota", "2026", "quota to enforce: 2026, legacy or none")
	flags.Int64Var(&f.seed, "seed", app.DemoSeed, "seed of the invented world")
	jsonFlag(cmd)
	return cmd
}

func sim(cmd *cobra.Command, f simFlags) error {
	s, err := app.StartSimulator(net.JoinHostPort(f.host, strconv.Itoa(f.port)), app.World{Seed: f.seed, Quota: f.quota})
	if err != nil {
		return err
	}
	if wantsJSON(cmd) {
		if err := printJSON(cmd.OutOrStdout(), map[string]string{"sim_url": s.URL()}); err != nil {
			return err
		}
	} else {
		say(cmd, "The simulated Google is at %s (accounts: %s/_sim/accounts). Ctrl-C ends it.", s.URL(), s.URL())
	}
	<-cmd.Context().Done()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(cmd.Context()), 5*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		return fmt.Errorf("stopping the simulator: %w", err)
	}
	return nil
}
