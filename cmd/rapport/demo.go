package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"rapport/internal/app"
)

type demoFlags struct {
	port, simPort int
	data          string
}

func demoCommand() *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use: "demo", Short: "Run Rapport with the simulator and sample data",
		Long: "Runs Rapport together with the simulator of Google: a workspace whose owner is connected and syncing, and a second member who is not connected yet. Run again on the same folder it goes on.",
		RunE: func(cmd *cobra.Command, _ []string) error { return demo(cmd, f) },
	}
	flags := cmd.Flags()
	flags.IntVar(&f.port, "port", 8000, "port of Rapport; 0 lets the system choose")
	flags.IntVar(&f.simPort, "sim-port", 8100, "port of the simulator; 0 lets the system choose")
	flags.StringVar(&f.data, "data", "rapport-data", "folder for the database and the key")
	cmd.Flags().Bool("json", false, "print one line of JSON, when everything listens")
	return cmd
}

func demo(cmd *cobra.Command, f demoFlags) error {
	c, err := app.DemoSettings(os.Environ(), f.port, f.data)
	if err != nil {
		return err
	}
	log := app.NewLogger(c, cmd.ErrOrStderr())
	slog.SetDefault(log)
	return app.Demo(cmd.Context(), app.DemoOptions{
		Options: app.Options{Config: c, Version: version, Log: log}, SimPort: f.simPort,
		Ready: func(d app.DemoReady) error {
			if wantsJSON(cmd) {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(d)
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), demoText, d.URL, d.Owner.Email, d.Owner.Password, d.Member.Email, d.Member.Password, d.SimURL, d.SimIMAP, d.SimSMTP, f.data, d.SimURL)
			return err
		},
	})
}

const demoText = `
  Rapport is running:  %s

  Owner, connected:    %s   password: %s
  Member, to connect:  %s   password: %s

  The simulated Google: %s  (deliver mail, inject faults: /_sim/)
  Its IMAP and SMTP:    %s and %s, for imap.gmail.com and smtp.gmail.com
  Commands find it by: DATA_DIR=%s GOOGLE_BASE_URL=%s rapport sync
  Ctrl-C ends both. Run it again on the same folder and it goes on.

`
