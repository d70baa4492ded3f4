package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"rapport/internal/httpapi"
)

func openapiCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "openapi",
		Short: "Print the description of the API (OpenAPI 3.1)",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			doc, err := (&httpapi.Server{Version: version}).OpenAPI()
			if err != nil {
				return fmt.Errorf("describing the API: %w", err)
			}
			_, err = cmd.OutOrStdout().Write(doc)
			return err
		},
	}
}
