package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"rapport/internal/app"
	"rapport/simulator"
)

type simFlags struct {
	host, quota string
	port        int
	mail        [3]int // ports of IMAP, SMTP, submission; negative: not served
	certificate string
	seed        int64
}

func simCommand() *cobra.Command {
	var f simFlags
	cmd := &cobra.Command{
		Use: "sim", Short: "Run the simulator of Google alone",
		Long: "Runs a local Google on one port: sign-in, Gmail, Pub/Sub, and a control API under /_sim/; IMAP and SMTP on ports of their own. Point GOOGLE_BASE_URL, GOOGLE_IMAP_ADDRESS and GOOGLE_SMTP_ADDRESS at it. See simulator/README.md.",
		RunE: func(cmd *cobra.Command, _ []string) error { return sim(cmd, f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.host, "host", "127.0.0.1", "address to listen on; its control API has no login")
	flags.IntVar(&f.port, "port", 8100, "port to listen on; 0 lets the system choose")
	flags.IntVar(&f.mail[0], "imap-port", 8993, "port of IMAP, with TLS; 0 lets the system choose, -1 does without")
	flags.IntVar(&f.mail[1], "smtp-port", 8465, "port of SMTP, with TLS; 0 lets the system choose, -1 does without")
	flags.IntVar(&f.mail[2], "submission-port", 8587, "port of SMTP with STARTTLS; 0 lets the system choose, -1 does without")
	flags.StringVar(&f.certificate, "mail-certificate", "", "file to write the certificate of IMAP and SMTP to, for MAIL_CA_FILE")
	flags.StringVar(&f.quota, "quota", "2026", "quota to enforce: 2026, legacy or none")
	flags.Int64Var(&f.seed, "seed", app.DemoSeed, "seed of the invented world")
	jsonFlag(cmd)
	return cmd
}

func sim(cmd *cobra.Command, f simFlags) error {
	at := func(i int) string {
		if f.mail[i] < 0 {
			return ""
		}
		return net.JoinHostPort(f.host, strconv.Itoa(f.mail[i]))
	}
	s, err := app.StartSimulator(net.JoinHostPort(f.host, strconv.Itoa(f.port)), app.World{Seed: f.seed, Quota: f.quota,
		Mail: simulator.MailAddresses{IMAP: at(0), SMTP: at(1), Submission: at(2)}})
	if err != nil {
		return err
	}
	if err := tellSim(cmd, f, s); err != nil {
		return errors.Join(err, s.Close())
	}
	<-cmd.Context().Done()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(cmd.Context()), 5*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		return fmt.Errorf("stopping the simulator: %w", err)
	}
	return nil
}

// tellSim says where the simulator listens.
func tellSim(cmd *cobra.Command, f simFlags, s *simulator.Simulator) error {
	if f.certificate != "" {
		text, err := s.CertPEM()
		if err != nil {
			return fmt.Errorf("certificate of the mail servers: %w", err)
		}
		if err := os.WriteFile(f.certificate, text, 0o600); err != nil {
			return fmt.Errorf("writing the certificate of the mail servers: %w", err)
		}
	}
	if wantsJSON(cmd) {
		return printJSON(cmd.OutOrStdout(), map[string]string{"sim_url": s.URL(), "imap": s.IMAPAddr(), "smtp": s.SMTPAddr(), "submission": s.SubmissionAddr()})
	}
	say(cmd, "The simulated Google is at %s (accounts: %s/_sim/accounts). Ctrl-C ends it.", s.URL(), s.URL())
	for _, l := range []struct{ what, address string }{
		{"IMAP with TLS", s.IMAPAddr()}, {"SMTP with TLS", s.SMTPAddr()}, {"SMTP with STARTTLS", s.SubmissionAddr()},
	} {
		if l.address != "" {
			say(cmd, "%s: %s", l.what, l.address)
		}
	}
	return nil
}
