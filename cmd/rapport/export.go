package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"rapport/internal/access"
	"rapport/internal/app"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/mail/export"
)

type exportFlags struct {
	connection, format, out, query string
	original                       bool
}

func exportCommand() *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use: "export", Short: "Write the mail of a mailbox into a file",
		Long: "Writes the stored mail of one mailbox into a file, the newest first: mbox, EML in a ZIP archive, or JSON lines.\n\nMessages are put together from what is stored: header and texts, with a note in place of each file. " +
			"With --original each is asked for at Google as it was sent, files included, at 20 units of quota each. The file appears when it is whole.",
		RunE: within(func(cmd *cobra.Command, a *app.App) error { return exportTo(cmd, a, f) }),
	}
	flags := cmd.Flags()
	flags.StringVar(&f.connection, "connection", "", "id or address of the mailbox; may be left out where there is one only")
	flags.StringVar(&f.format, "format", "mbox", "mbox, eml or jsonl")
	flags.StringVarP(&f.out, "out", "o", "", "file to write; - is standard output")
	flags.StringVar(&f.query, "query", "", "only what this search finds, in Gmail's operators")
	flags.BoolVar(&f.original, "original", false, "ask Google for the messages as they were sent")
	jsonFlag(cmd)
	return cmd
}

func exportTo(cmd *cobra.Command, a *app.App, f exportFlags) error {
	if f.format != string(export.MBOX) && f.format != string(export.EML) && f.format != string(export.JSONL) {
		return usage("--format must be mbox, eml or jsonl")
	}
	if f.out == "" {
		return usage("--out says where to write; - is standard output")
	}
	c, err := mailbox(cmd.Context(), a, f.connection)
	if err != nil {
		return err
	}
	wish := export.Wish{Format: export.Format(f.format), Connection: c.ID, Original: f.original}
	if f.query != "" {
		wish.List.Search = mail.ParseSearch(f.query, mail.Viewer{Now: time.Now(), Emails: []string{c.GoogleEmail}})
	}
	bar := newProgress(cmd, c.GoogleEmail)
	var got export.Outcome
	err = written(cmd, f.out, func(w io.Writer) (err error) {
		got, err = a.Export.Export(cmd.Context(), access.System(c.WorkspaceID), wish, w, func(n int64) { bar.set(n, 0, "") })
		return err
	})
	bar.end()
	if err != nil {
		return err
	}
	if wantsJSON(cmd) && f.out != "-" {
		return printJSON(cmd.OutOrStdout(), got)
	}
	if f.out != "-" {
		say(cmd, "%s: %d messages written to %s", c.GoogleEmail, got.Written, f.out)
	}
	return nil
}

// mailbox finds one connection, by id in any state, else among those that sync.
func mailbox(ctx context.Context, a *app.App, which string) (crm.Connection, error) {
	if which != "" {
		c, err := a.Store.ConnectionByID(ctx, crm.ConnectionID(which))
		if err == nil || !fault.Is(err, fault.NotFound) {
			return c, err
		}
	}
	list, err := a.Targets(ctx, which)
	if err != nil {
		return crm.Connection{}, err
	}
	switch len(list) {
	case 0:
		return crm.Connection{}, fault.New(fault.NotFound, "%s", noConnections)
	case 1:
		return list[0], nil
	}
	return crm.Connection{}, usage("there are %d mailboxes; --connection says which", len(list))
}

// written writes a file that appears when it is whole, or to standard output.
func written(cmd *cobra.Command, path string, write func(io.Writer) error) error {
	if path == "-" {
		return write(cmd.OutOrStdout())
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return &app.Trouble{With: app.WithDisk, Text: fmt.Sprintf("%s cannot be written: %s", path, plainPath(err))}
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already when all went well
	b := bufio.NewWriterSize(f, 256<<10)
	err = write(b)
	if err == nil {
		err = errors.Join(b.Flush(), f.Sync())
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	var disk *os.PathError
	if errors.As(err, &disk) {
		return &app.Trouble{With: app.WithDisk, Text: fmt.Sprintf("%s cannot be written: %s", path, disk.Err)}
	}
	return err
}

func plainPath(err error) string {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
