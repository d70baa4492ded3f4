package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"rapport/internal/access"
	"rapport/internal/app"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/org"
)

func userCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "user", Short: "People who can sign in"}
	cmd.AddCommand(userCreateCommand(), userPasswordCommand())
	return cmd
}

type userFlags struct {
	email, name, role, workspace string
	stdin                        bool
}

func userCreateCommand() *cobra.Command {
	var f userFlags
	cmd := &cobra.Command{
		Use: "create --email ADDRESS", Short: "Make a person who signs in with a password",
		Long: "Makes a person who signs in with a password. In a new installation they become the owner of the first workspace. " +
			"Without --password-stdin a password is made and printed once.",
		RunE: with(func(cmd *cobra.Command, a *app.App) error { return createUser(cmd, a, f) }),
	}
	flags := cmd.Flags()
	flags.StringVar(&f.email, "email", "", "e-mail address")
	flags.StringVar(&f.name, "name", "", "name; default: the address before the @")
	flags.StringVar(&f.role, "role", "", "owner, admin or member (default member; the first person is the owner)")
	flags.StringVar(&f.workspace, "workspace", "", "id of the workspace, where there are several; or the name of the first one")
	flags.BoolVar(&f.stdin, "password-stdin", false, "read the password from the first line of standard input")
	jsonFlag(cmd)
	return cmd
}

func createUser(cmd *cobra.Command, a *app.App, f userFlags) error {
	ctx := cmd.Context()
	if f.email == "" {
		return usage("--email is missing")
	}
	password, err := passwordFor(cmd, f.stdin)
	if err != nil {
		return err
	}
	first, err := a.Org.NeedsSetup(ctx)
	if err != nil {
		return err
	}
	role := crm.Role(f.role)
	if first {
		role = crm.RoleOwner
		name := f.workspace
		if name == "" {
			name = "My workspace"
		}
		_, err = a.Org.Setup(ctx, org.FirstOwner{Workspace: name, Name: f.name, Email: f.email, Password: password, Remote: "command line"})
	} else {
		var w crm.WorkspaceID
		if w, err = workspace(ctx, a, f.workspace); err != nil {
			return err
		}
		var m crm.Member
		m, err = a.Org.AddMember(ctx, access.System(w), org.NewMember{Email: f.email, Name: f.name, Role: role, Password: password})
		role = m.Role
	}
	if err != nil {
		return err
	}
	if wantsJSON(cmd) {
		out := map[string]string{"email": f.email, "role": string(role)}
		if !f.stdin {
			out["password"] = password.Reveal()
		}
		return printJSON(cmd.OutOrStdout(), out)
	}
	say(cmd, "%s can sign in at %s/login as %s.", f.email, a.Config.PublicURL, role)
	if !f.stdin {
		say(cmd, "Password (shown this once): %s", password.Reveal())
	}
	return nil
}

func userPasswordCommand() *cobra.Command {
	var email string
	var stdin bool
	cmd := &cobra.Command{
		Use: "password --email ADDRESS", Short: "Give a person a new password",
		Long: "Gives a person a new password, for when nobody can sign in as them any more: all their sessions and bearer tokens end, and the audit log tells of it. " +
			"The service may be running meanwhile. Without --password-stdin a password is made and printed once.",
		RunE: within(func(cmd *cobra.Command, a *app.App) error { return resetPassword(cmd, a, email, stdin) }),
	}
	cmd.Flags().StringVar(&email, "email", "", "e-mail address of the person")
	cmd.Flags().BoolVar(&stdin, "password-stdin", false, "read the password from the first line of standard input")
	jsonFlag(cmd)
	return cmd
}

func resetPassword(cmd *cobra.Command, a *app.App, email string, stdin bool) error {
	if email == "" {
		return usage("--email is missing")
	}
	password, err := passwordFor(cmd, stdin)
	if err != nil {
		return err
	}
	u, err := a.Org.ResetPassword(cmd.Context(), email, password)
	if err != nil {
		return err
	}
	if wantsJSON(cmd) {
		out := map[string]string{"email": u.Email}
		if !stdin {
			out["password"] = password.Reveal()
		}
		return printJSON(cmd.OutOrStdout(), out)
	}
	say(cmd, "%s signs in with the new password from now on; what they had open is signed out.", u.Email)
	if !stdin {
		say(cmd, "Password (shown this once): %s", password.Reveal())
	}
	return nil
}

func passwordFor(cmd *cobra.Command, stdin bool) (crm.Secret, error) {
	if !stdin {
		return crm.NewSecret(rand.Text()), nil
	}
	line, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
	if err != nil && err != io.EOF {
		return crm.Secret{}, fmt.Errorf("reading the password: %w", err)
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return crm.Secret{}, usage("standard input holds no password")
	}
	return crm.NewSecret(line), nil
}

// workspace finds the workspace with the id, or the only one.
func workspace(ctx context.Context, a *app.App, id string) (crm.WorkspaceID, error) {
	if id != "" {
		w, err := a.Store.Workspace(ctx, crm.WorkspaceID(id))
		return w.ID, err
	}
	w, err := a.Store.Only(ctx)
	if fault.Is(err, fault.NotFound) {
		return "", usage("there is not exactly one workspace: name it with --workspace ID")
	}
	return w.ID, err
}
