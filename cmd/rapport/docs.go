package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"rapport/internal/config"
	"rapport/internal/crm"
	"rapport/internal/vault"
)

// docsCommand writes the generated pages of docs/reference, and the tables that
// the pages need before they ask: scopes by choice, and decimals of currencies.
func docsCommand() *cobra.Command {
	var dir, env, scopes, currencies string
	cmd := &cobra.Command{
		Use: "docs", Short: "Write the generated reference pages", Hidden: true,
		RunE: func(*cobra.Command, []string) error {
			table, err := scopesTable()
			if err != nil {
				return err
			}
			decimals, err := pageJSON(crm.Currencies)
			if err != nil {
				return err
			}
			pages := map[string]string{
				filepath.Join(dir, "configuration.md"): config.Markdown(),
				filepath.Join(dir, "commands.md"):      commandsPage(),
				filepath.Join(dir, "exit-codes.md"):    exitCodesPage(),
				env:                                    config.Example(),
				scopes:                                 table,
				currencies:                             decimals,
			}
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return fmt.Errorf("making the folder: %w", err)
			}
			for path, text := range pages {
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					return fmt.Errorf("writing a page: %w", err)
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "docs/reference", "folder of the pages")
	cmd.Flags().StringVar(&env, "env", ".env.example", "the example of a settings file")
	cmd.Flags().StringVar(&scopes, "scopes", "web/src/lib/profiles.json", "the table of scopes for the pages")
	cmd.Flags().StringVar(&currencies, "currencies", "web/src/lib/currencies.json", "the table of currencies for the pages")
	return cmd
}

// scopesTable is what each service asks for under each profile.
func scopesTable() (string, error) {
	table := map[crm.ScopeProfile]map[crm.Service][]string{}
	for _, p := range []crm.ScopeProfile{crm.ProfileMetadata, crm.ProfileRead, crm.ProfileFull} {
		table[p] = map[crm.Service][]string{}
		for _, s := range vault.Services(p) {
			table[p][s], _ = vault.ScopesOf(p, s)
		}
	}
	return pageJSON(table)
}

func pageJSON(table any) (string, error) {
	text, err := json.MarshalIndent(table, "", "  ")
	if err != nil {
		return "", fmt.Errorf("writing a table: %w", err)
	}
	return string(text) + "\n", nil
}

func exitCodesPage() string {
	var b strings.Builder
	b.WriteString("# Exit codes\n\nGenerated from `cmd/rapport/exit.go`. What went wrong stands on standard error, one line for each thing.\n\n| code | meaning |\n|---|---|\n")
	for _, e := range exitCodes {
		fmt.Fprintf(&b, "| %d | %s |\n", e.code, e.text)
	}
	return b.String()
}

func commandsPage() string {
	var b strings.Builder
	b.WriteString("# Commands\n\nGenerated from `cmd/rapport`. Long work shows a progress bar on a terminal and plain lines elsewhere; `--json` prints what a script reads.\n")
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if !c.HasSubCommands() && !c.Hidden {
			describe(&b, c)
		}
		for _, sub := range c.Commands() {
			if !sub.Hidden && sub.Name() != "help" && sub.Name() != "completion" {
				walk(sub)
			}
		}
	}
	walk(rootCommand())
	return b.String()
}

func describe(b *strings.Builder, c *cobra.Command) {
	text := c.Long
	if text == "" {
		text = c.Short + "."
	}
	text, _, _ = strings.Cut(text, "\n\nSettings come") // they have a page of their own
	fmt.Fprintf(b, "\n## %s\n\n%s\n", c.UseLine(), text)
	if flags := c.LocalNonPersistentFlags().FlagUsages(); flags != "" {
		fmt.Fprintf(b, "\n```\n%s```\n", flags)
	}
}
