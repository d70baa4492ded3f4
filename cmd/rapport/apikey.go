package main

import (
	"time"

	"github.com/spf13/cobra"

	"rapport/internal/access"
	"rapport/internal/app"
	"rapport/internal/org"
)

func keyCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "apikey", Short: "Keys for programs that call the API"}
	cmd.AddCommand(keyCreateCommand())
	return cmd
}

type keyFlags struct {
	email, name, workspace string
	scopes                 []string
	days                   int
}

func keyCreateCommand() *cobra.Command {
	var f keyFlags
	cmd := &cobra.Command{
		Use: "create --email ADDRESS", Short: "Make an API key that acts for a member",
		PreRunE: func(*cobra.Command, []string) error {
			if f.email == "" {
				return usage("--email is missing")
			}
			return nil
		},
		RunE: within(func(cmd *cobra.Command, a *app.App) error { return createKey(cmd, a, f) }),
	}
	flags := cmd.Flags()
	flags.StringVar(&f.email, "email", "", "address of the member the key acts for")
	flags.StringVar(&f.name, "name", "command line", "what the key is for")
	flags.StringVar(&f.workspace, "workspace", "", "id of the workspace, where there are several")
	flags.StringSliceVar(&f.scopes, "scope", []string{"mail:read"}, "mail:read, admin, ...; * is every right of the member")
	flags.IntVar(&f.days, "days", 0, "days until it expires; 0: never")
	jsonFlag(cmd)
	return cmd
}

func createKey(cmd *cobra.Command, a *app.App, f keyFlags) error {
	ctx := cmd.Context()
	w, err := workspace(ctx, a, f.workspace)
	if err != nil {
		return err
	}
	user, err := a.Store.UserByEmail(ctx, f.email)
	if err != nil {
		return err
	}
	c, err := a.Org.Enter(ctx, access.Caller{Via: access.ViaSystem, UserID: user.ID, Remote: "command line"}, w)
	if err != nil {
		return err
	}
	var expires *time.Time
	if f.days > 0 {
		at := time.Now().AddDate(0, 0, f.days)
		expires = &at
	}
	key, secret, err := a.Org.CreateAPIKey(ctx, c, org.KeyWish{Name: f.name, Scopes: f.scopes, ExpiresAt: expires})
	if err != nil {
		return err
	}
	if wantsJSON(cmd) {
		return printJSON(cmd.OutOrStdout(), map[string]any{"id": key.ID, "key": secret.Reveal(), "scopes": key.Scopes, "workspace_id": w})
	}
	say(cmd, "%s", secret.Reveal())
	return nil
}
