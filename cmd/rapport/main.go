// Command rapport connects a CRM to Google Workspace. It is one program: the
// server, the demonstration, the simulator of Google, and the tools around them.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

// version is set by the linker.
var version = "dev"

func main() {
	root := &cobra.Command{Use: "rapport", Short: "Google Workspace for your CRM", SilenceUsage: true, SilenceErrors: true}
	root.AddCommand(openapiCommand())
	if err := root.Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "rapport:", err)
		os.Exit(1)
	}
}
