package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"rapport/internal/app"
	"rapport/internal/crm"
	"rapport/internal/vault"
)

func keysCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "keys", Short: "Encryption keys"}
	cmd.AddCommand(keysRotateCommand(), keysCreateCommand())
	return cmd
}

func keysRotateCommand() *cobra.Command {
	var after string
	cmd := &cobra.Command{
		Use: "rotate", Short: "Seal every stored token and client secret under the first key",
		Long: "Seals every stored token, and the secrets of OAuth clients, under the first key of ENCRYPTION_KEY. The service may go on running. Put the new key first and keep the old one " +
			"behind it, restart every process, run this, then remove the old key. Interrupted, it goes on with --after.",
		RunE: within(func(cmd *cobra.Command, a *app.App) error { return rotate(cmd, a, after) }),
	}
	cmd.Flags().StringVar(&after, "after", "", "go on behind this grant")
	jsonFlag(cmd)
	return cmd
}

func keysCreateCommand() *cobra.Command {
	return &cobra.Command{
		Use: "create", Short: "Make a new encryption key after the old one was lost",
		Long: "Makes a new key file where the old one was lost for good. What was sealed with the old key stays closed: everybody has to reconnect. " +
			"Nothing is changed when there is a key file, or when ENCRYPTION_KEY is set. The first start of a new installation makes a key by itself.",
		RunE: func(cmd *cobra.Command, _ []string) error { return createKeys(cmd) },
	}
}

func createKeys(cmd *cobra.Command) error {
	c, err := settings(cmd)
	if err != nil {
		return err
	}
	if !c.EncryptionKey.IsZero() {
		return &app.Trouble{With: app.WithKey, Text: "ENCRYPTION_KEY is set and would win over a key file: unset it first"}
	}
	if err := app.Installed(c); err != nil {
		return err
	}
	made, err := app.MakeKeyFile(c)
	if err != nil {
		return err
	}
	if !made {
		return &app.Trouble{With: app.WithKey, Text: "there is a key file already: " + c.KeyFile()}
	}
	say(cmd, "Made %s. Keep a copy apart from the database. Everybody whose account was connected before has to reconnect.", c.KeyFile())
	return nil
}

func rotate(cmd *cobra.Command, a *app.App, after string) error {
	bar := newProgress(cmd, "grants")
	done, err := a.Vault.Rotate(cmd.Context(), crm.GrantID(after), func(r vault.Rotation) { bar.set(r.Seen, 0, "") })
	bar.end()
	if err != nil {
		return fmt.Errorf("stopped behind grant %s, go on with --after: %w", done.After, err)
	}
	accounts, err := a.Accounts.Rotate(cmd.Context())
	if err != nil {
		return fmt.Errorf("passwords of e-mail accounts: %w", err)
	}
	hooks, err := a.Webhooks.Reseal(cmd.Context())
	if err != nil {
		return fmt.Errorf("secrets of webhooks: %w", err)
	}
	models, err := a.Enrich.Reseal(cmd.Context())
	if err != nil {
		return fmt.Errorf("keys of models: %w", err)
	}
	if wantsJSON(cmd) {
		err := printJSON(cmd.OutOrStdout(), map[string]any{
			"seen": done.Seen, "resealed": done.Resealed, "failed": done.Failed, "clients": done.Clients, "failed_clients": done.FailedClients,
			"accounts": accounts.Resealed, "failed_accounts": accounts.Failed, "webhooks": hooks.Resealed, "failed_webhooks": hooks.Failed,
			"models": models.Resealed, "failed_models": models.Failed,
		})
		if err != nil {
			return err
		}
	} else {
		say(cmd, "%d grants looked at, %d sealed anew; %d secrets of OAuth clients, %d passwords of e-mail accounts, %d secrets of webhooks and %d keys of models sealed anew.", done.Seen, done.Resealed, done.Clients, accounts.Resealed, hooks.Resealed, models.Resealed)
	}
	return unopened(done, len(accounts.Failed), len(hooks.Failed), len(models.Failed))
}

// unopened says what no key opens.
func unopened(r vault.Rotation, accounts, hooks, models int) error {
	var lost []string
	if n := len(r.Failed); n > 0 {
		lost = append(lost, fmt.Sprintf("%d grants cannot be opened by any of the keys; their owners have to reconnect", n))
	}
	if n := len(r.FailedClients); n > 0 {
		lost = append(lost, fmt.Sprintf("the secrets of %d OAuth clients cannot be opened by any of the keys; an administrator has to enter them again", n))
	}
	if accounts > 0 {
		lost = append(lost, fmt.Sprintf("the passwords of %d e-mail accounts cannot be opened by any of the keys; their owners have to enter them again", accounts))
	}
	if hooks > 0 {
		lost = append(lost, fmt.Sprintf("the secrets of %d webhooks cannot be opened by any of the keys; an administrator has to make new ones", hooks))
	}
	if models > 0 {
		lost = append(lost, fmt.Sprintf("the API keys of models of %d workspaces cannot be opened by any of the keys; an administrator has to enter them again", models))
	}
	if len(lost) == 0 {
		return nil
	}
	return &app.Trouble{With: app.WithKey, Text: strings.Join(lost, "; ")}
}
