package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"rapport/internal/app"
	"rapport/internal/crm"
	"rapport/internal/vault"
)

func keysCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "keys", Short: "Encryption keys"}
	cmd.AddCommand(keysRotateCommand())
	return cmd
}

func keysRotateCommand() *cobra.Command {
	var after string
	cmd := &cobra.Command{
		Use: "rotate", Short: "Seal every stored token under the first key",
		Long: "Seals every stored token under the first key of ENCRYPTION_KEY. The service may go on running. Put the new key first and keep the old one " +
			"behind it, restart every process, run this, then remove the old key. Interrupted, it goes on with --after.",
		RunE: with(func(cmd *cobra.Command, a *app.App) error { return rotate(cmd, a, after) }),
	}
	cmd.Flags().StringVar(&after, "after", "", "go on behind this grant")
	jsonFlag(cmd)
	return cmd
}

func rotate(cmd *cobra.Command, a *app.App, after string) error {
	bar := newProgress(cmd, "grants")
	done, err := a.Vault.Rotate(cmd.Context(), crm.GrantID(after), func(r vault.Rotation) { bar.set(r.Seen, 0) })
	bar.end()
	if err != nil {
		return fmt.Errorf("stopped behind grant %s, go on with --after: %w", done.After, err)
	}
	if wantsJSON(cmd) {
		if err := printJSON(cmd.OutOrStdout(), map[string]any{"seen": done.Seen, "resealed": done.Resealed, "failed": done.Failed}); err != nil {
			return err
		}
	} else {
		say(cmd, "%d grants looked at, %d sealed anew.", done.Seen, done.Resealed)
	}
	if len(done.Failed) > 0 {
		return &app.Trouble{With: app.WithKey, Text: fmt.Sprintf("%d grants cannot be opened by any of the keys; their owners have to reconnect", len(done.Failed))}
	}
	return nil
}
