package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"rapport/internal/access"
	"rapport/internal/app"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/records"
	"rapport/internal/records/merging"
)

func recordsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "records", Short: "People, companies, deals and other records: from files, into files"}
	cmd.AddCommand(recordsImportCommand(), recordsExportCommand())
	return cmd
}

type importFlags struct {
	kind, format, onMatch, workspace, email string
	fields                                  []string
	dryRun, overwrite                       bool
}

func recordsImportCommand() *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use: "import FILE", Short: "Make records of a CSV or vCard file",
		Long: "Makes records of a CSV or vCard file; - is standard input. It says what each column becomes and what became of the lines, and names those with mistakes: line 1 is the first below the heads. " +
			"With --dry-run nothing is stored. A server on the same database may be running. The exit code is 1 when lines could not be read; the others are stored.",
		Args: cobra.ExactArgs(1),
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return within(func(cmd *cobra.Command, a *app.App) error { return importRecords(cmd, a, args[0], f) })(cmd, args)
	}
	flags := cmd.Flags()
	flags.StringVar(&f.kind, "type", string(crm.Person), "person, company, deal, or the key of a type of your own")
	flags.StringVar(&f.format, "format", "", "csv or vcard; default: by the name of the file")
	flags.StringArrayVar(&f.fields, "map", nil, "COLUMN=FIELD: what a column becomes, where it was guessed wrong; nothing after = leaves it out")
	flags.StringVar(&f.onMatch, "on-match", string(merging.MatchUpdate), "what becomes of a line whose record is there: update, skip or create another one")
	flags.BoolVar(&f.overwrite, "overwrite", false, "set fields that a person has typed, too")
	flags.BoolVar(&f.dryRun, "dry-run", false, "only say what would become of the lines")
	recordFlags(cmd, &f.workspace, &f.email)
	jsonFlag(cmd)
	return cmd
}

func recordFlags(cmd *cobra.Command, workspace, email *string) {
	cmd.Flags().StringVar(workspace, "workspace", "", "id of the workspace, where there are several")
	cmd.Flags().StringVar(email, "email", "", "address of the member who does it; default: the system")
}

func importRecords(cmd *cobra.Command, a *app.App, path string, f importFlags) error {
	change, err := f.change()
	if err != nil {
		return err
	}
	file, err := f.read(cmd, path)
	if err != nil {
		return err
	}
	c, err := recordsCaller(cmd, a, f.workspace, f.email)
	if err != nil {
		return err
	}
	in, err := a.Merging.CreateImport(cmd.Context(), c, file)
	if err == nil && (len(f.fields) > 0 || in.OnMatch != *change.OnMatch || f.overwrite) {
		in, err = a.Merging.ChangeImport(cmd.Context(), c, in.ID, change)
	}
	if err != nil {
		return wrongFlag(err)
	}
	var mistakes []merging.Mistake
	if f.dryRun {
		for _, row := range in.Preview {
			if row.Action == "error" || strings.Contains(row.Why, "Left out: ") {
				mistakes = append(mistakes, merging.Mistake{Row: row.Row, Name: row.Name, Why: row.Why})
			}
		}
	} else if in, mistakes, err = runImport(cmd, a, c, in); err != nil {
		return err
	}
	if wantsJSON(cmd) {
		err = printJSON(cmd.OutOrStdout(), importJSON(in, mistakes))
	} else {
		sayImport(cmd, in, mistakes)
	}
	if bad := in.Counts["error"] + in.Counts["failed"]; bad > 0 && err == nil {
		return fmt.Errorf("%d of %d lines could not be read", bad, in.Rows)
	}
	return err
}

func runImport(cmd *cobra.Command, a *app.App, c access.Caller, in merging.Import) (merging.Import, []merging.Mistake, error) {
	stop, err := a.Background(cmd.Context())
	if err != nil {
		return in, nil, err
	}
	defer stop()
	bar := newProgress(cmd, in.Name)
	in, err = a.ImportNow(cmd.Context(), c, in.ID, func(in merging.Import, waits string) { bar.set(in.Done, in.Rows, waits) })
	bar.end()
	if err != nil {
		return in, nil, err
	}
	mistakes, err := a.ImportMistakes(cmd.Context(), c, in.ID)
	return in, mistakes, err
}

// change is what the flags say of an import.
func (f importFlags) change() (merging.ImportChange, error) {
	match := merging.OnMatch(f.onMatch)
	out := merging.ImportChange{OnMatch: &match, Overwrite: &f.overwrite, Mapping: map[string]string{}}
	if !slices.Contains([]merging.OnMatch{merging.MatchUpdate, merging.MatchSkip, merging.MatchCreate}, match) {
		return out, usage("--on-match must be update, skip or create")
	}
	for _, pair := range f.fields {
		at := strings.LastIndexByte(pair, '=')
		if at <= 0 {
			return out, usage("--map must be COLUMN=FIELD, like --map \"Work phone=phone\"")
		}
		out.Mapping[pair[:at]] = pair[at+1:]
	}
	return out, nil
}

func (f importFlags) read(cmd *cobra.Command, path string) (merging.File, error) {
	out := merging.File{Type: crm.RecordType(f.kind), Format: f.format, Name: filepath.Base(path)}
	if ext := strings.ToLower(filepath.Ext(path)); out.Format == "" && (ext == ".vcf" || ext == ".vcard") {
		out.Format = "vcard"
	} else if out.Format == "" {
		out.Format = "csv"
	}
	from := cmd.InOrStdin()
	if path == "-" {
		out.Name = "standard input"
	} else {
		file, err := os.Open(path)
		if err != nil {
			return out, usage("%s cannot be read: %s", path, plainPath(err))
		}
		defer func() { _ = file.Close() }() // it was only read
		from = file
	}
	var err error
	if out.Data, err = io.ReadAll(io.LimitReader(from, merging.MostBytes+1)); err != nil {
		return out, usage("%s cannot be read: %s", path, plainPath(err))
	}
	return out, nil
}

func recordsCaller(cmd *cobra.Command, a *app.App, workspaceID, email string) (access.Caller, error) {
	w, err := workspace(cmd.Context(), a, workspaceID)
	if err != nil {
		return access.Caller{}, err
	}
	return a.As(cmd.Context(), w, email)
}

// wrongFlag tells what is wrong with a flag or a file as the usage error it is.
func wrongFlag(err error) error {
	var f *fault.Error
	if !errors.As(err, &f) || f.Kind != fault.Invalid || len(f.Fields) == 0 {
		return err
	}
	names := map[string]string{"type": "--type", "format": "--format", "mapping": "--map", "content": "the file", "data": "the file"}
	said := ""
	for _, field := range slices.Sorted(maps.Keys(f.Fields)) {
		name, what := names[field], f.Fields[field]
		if name == "" {
			name = field
		}
		said += "; " + name + " " + what
	}
	return usage("%s", strings.TrimPrefix(said, "; "))
}

func importJSON(in merging.Import, mistakes []merging.Mistake) any {
	type line struct {
		Row  int64  `json:"row"`
		Name string `json:"name,omitempty"`
		Why  string `json:"why"`
	}
	lines, mapping := []line{}, map[string]string{}
	for _, m := range mistakes {
		lines = append(lines, line(m))
	}
	for _, c := range in.Columns {
		mapping[c.Name] = c.Field
	}
	return struct {
		ID       crm.ImportID        `json:"id"`
		Type     crm.RecordType      `json:"type"`
		State    merging.ImportState `json:"state"`
		Rows     int64               `json:"rows"`
		Counts   map[string]int64    `json:"counts"`
		Mapping  map[string]string   `json:"mapping"`
		Mistakes []line              `json:"mistakes"`
	}{in.ID, in.Type, in.State, in.Rows, in.Counts, mapping, lines}
}

func sayImport(cmd *cobra.Command, in merging.Import, mistakes []merging.Mistake) {
	for _, c := range in.Columns {
		field := c.Field
		if field == "" {
			field = "left out"
		}
		say(cmd, "%s: %s", c.Name, field)
	}
	for _, m := range mistakes {
		say(cmd, "line %d: %s", m.Row, m.Why)
	}
	n := in.Counts
	if in.State == merging.ImportReady {
		say(cmd, "%s: %d lines; %d would be made, %d completed, %d left out, %d with mistakes; nothing is stored", in.Name, in.Rows, n["create"], n["update"], n["skip"], n["error"])
		return
	}
	say(cmd, "%s: %d lines; %d made, %d completed, %d left out, %d with mistakes", in.Name, in.Rows, n["created"], n["updated"], n["skipped"], n["failed"])
}

type exportRecordsFlags struct {
	kind, format, out, workspace, email, q, stage string
}

func recordsExportCommand() *cobra.Command {
	var f exportRecordsFlags
	cmd := &cobra.Command{
		Use: "export", Short: "Write records into a file",
		Long: "Writes records into a file: CSV, vCard (people and companies), or JSON with one record on each line, as the API shows it. An import of the CSV changes nothing. Cells that a spreadsheet might calculate begin with an apostrophe. " +
			"The file appears when it is whole.",
		RunE: within(func(cmd *cobra.Command, a *app.App) error { return exportRecords(cmd, a, f) }),
	}
	flags := cmd.Flags()
	flags.StringVar(&f.kind, "type", string(crm.Person), "person, company, deal, or the key of a type of your own; with json also all")
	flags.StringVar(&f.format, "format", string(merging.CSV), "csv, vcard or json")
	flags.StringVarP(&f.out, "out", "o", "-", "file to write; - is standard output")
	flags.StringVar(&f.q, "query", "", "only those in whose name, address, company, domain or number words begin so")
	flags.StringVar(&f.stage, "stage", "", "only those of a stage")
	recordFlags(cmd, &f.workspace, &f.email)
	jsonFlag(cmd)
	return cmd
}

func exportRecords(cmd *cobra.Command, a *app.App, f exportRecordsFlags) error {
	formats := map[string]merging.Format{"csv": merging.CSV, "vcard": merging.VCard, "json": merging.JSONL, "jsonl": merging.JSONL}
	format, known := formats[f.format]
	if !known {
		return usage("--format must be csv, vcard or json")
	}
	q := records.Query{Type: crm.RecordType(f.kind), Q: f.q, Stage: f.stage}
	if f.kind == "all" {
		q.Type = ""
	}
	c, err := recordsCaller(cmd, a, f.workspace, f.email)
	if err != nil {
		return err
	}
	if q.Type != "" {
		if _, err := a.Store.ObjectType(cmd.Context(), c.Workspace, q.Type); fault.Is(err, fault.NotFound) {
			return usage("--type %s is no type of records", f.kind)
		} else if err != nil {
			return err
		}
	}
	bar := newProgress(cmd, f.kind)
	var n int64
	err = written(cmd, f.out, func(w io.Writer) (err error) {
		n, err = a.ExportRecords(cmd.Context(), c, format, q, w, func(n int64) { bar.set(n, 0, "") })
		return err
	})
	bar.end()
	switch {
	case err != nil:
		return wrongFlag(err)
	case f.out == "-":
	case wantsJSON(cmd):
		return printJSON(cmd.OutOrStdout(), map[string]any{"type": f.kind, "format": f.format, "written": n})
	default:
		say(cmd, "%s: %d records written to %s", f.kind, n, f.out)
	}
	return nil
}
