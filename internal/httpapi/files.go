package httpapi

import (
	"context"
	"encoding/csv"
	"io"
	"mime"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"rapport/client"
	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/records/merging"
)

type (
	NewImport   = client.NewImport
	Import      = client.Import
	ImportPatch = client.ImportPatch
)

// registerFiles is records from files and to files.
func (s *Server) registerFiles(r *router) {
	read, write := may(access.RecordsRead), may(access.RecordsWrite)
	const one = w + "/imports/{import_id}"
	add(r, write, post, w+"/imports", "create-import", "Look at a CSV or vCard file that is to become records", once(s, "create-import", s.createImport), status(201), largeBody,
		says("Nothing is stored before it is run: the answer says which column becomes what, and what would become of each row."))
	add(r, write, get, w+"/imports", "list-imports", "Imports, the newest first", s.listImports)
	add(r, write, get, one, "get-import", "One import", s.getImport)
	add(r, write, patch, one, "change-import", "Map columns otherwise, or choose what becomes of records that are there", s.changeImport)
	add(r, write, post, one+"/run", "run-import", "Store the records of an import, in the background", s.runImport, status(202))
	add(r, write, post, one+"/undo", "undo-import", "Take an import back, in the background", s.undoImport, status(202),
		says("What it made is deleted, what it changed is put back, but for what somebody has changed since (counts: kept). For 30 days."))
	add(r, write, get, one+"/mistakes", "list-import-mistakes", "Rows that could not be stored as they are, as CSV", s.importMistakes, answers("200", "text/csv", "row, name, why"))
	add(r, read, get, w+"/records/export", "export-records", "The records of a list as a file", s.exportRecords, anyField, answers("200", "text/csv", "The file"),
		says("csv: a column for each field; cells that a program might calculate begin with an apostrophe. vcard: people and companies as vCard 4.0. jsonl: records as the API shows them, one a line. An import of it changes nothing."))
}

// largeBody is that of a file in base64.
func largeBody(op *huma.Operation) { op.MaxBodyBytes = merging.MostBytes/3*4 + maxBody }

type createImportInput struct {
	InWorkspace
	Idempotent
	Body NewImport
}

func (s *Server) createImport(ctx context.Context, c access.Caller, in *createImportInput) (*bodyOf[Import], error) {
	b := in.Body
	data := b.Data
	if len(data) == 0 {
		data = []byte(b.Content)
	}
	return importOf(s.Merging.CreateImport(ctx, c, merging.File{Type: crm.RecordType(b.Type), Format: b.Format, Name: b.Name, Data: data}))
}

func importOf(in merging.Import, err error) (*bodyOf[Import], error) {
	if err != nil {
		return nil, err
	}
	return &bodyOf[Import]{importShape(in)}, nil
}

func importShape(in merging.Import) Import {
	return Import{
		ID: string(in.ID), Type: string(in.Type), Format: in.Format, Name: in.Name, State: string(in.State), OnMatch: string(in.OnMatch), Overwrite: in.Overwrite, Rows: in.Rows, Done: in.Done, Counts: in.Counts,
		Columns: each(in.Columns, func(c merging.Column) client.ImportColumn { return client.ImportColumn(c) }), Preview: each(in.Preview, func(f merging.Foreseen) client.ImportRow { return client.ImportRow(f) }),
		CreatedAt: in.CreatedAt.UTC(), BeganAt: utc(in.BeganAt), EndedAt: utc(in.EndedAt),
	}
}

type listImportsInput struct {
	InWorkspace
	PageInput
}

func (s *Server) listImports(ctx context.Context, c access.Caller, in *listImportsInput) (*bodyOf[List[Import]], error) {
	list, next, err := s.Merging.Imports(ctx, c, in.Cursor, in.Limit)
	return pageOf(list, next, err, importShape)
}

// InImport is a path with an import.
type InImport struct {
	InWorkspace
	ImportID string `path:"import_id"`
}

func (i InImport) id() crm.ImportID { return crm.ImportID(i.ImportID) }

func (s *Server) getImport(ctx context.Context, c access.Caller, in *InImport) (*bodyOf[Import], error) {
	return importOf(s.Merging.Import(ctx, c, in.id()))
}

type changeImportInput struct {
	InImport
	Body ImportPatch
}

func (s *Server) changeImport(ctx context.Context, c access.Caller, in *changeImportInput) (*bodyOf[Import], error) {
	return importOf(s.Merging.ChangeImport(ctx, c, in.id(), merging.ImportChange{Mapping: in.Body.Mapping, OnMatch: (*merging.OnMatch)(in.Body.OnMatch), Overwrite: in.Body.Overwrite}))
}

func (s *Server) runImport(ctx context.Context, c access.Caller, in *InImport) (*bodyOf[Import], error) {
	return importOf(s.Merging.RunImport(ctx, c, in.id()))
}

func (s *Server) undoImport(ctx context.Context, c access.Caller, in *InImport) (*bodyOf[Import], error) {
	return importOf(s.Merging.UndoImport(ctx, c, in.id()))
}

func (s *Server) importMistakes(ctx context.Context, c access.Caller, in *InImport) (*huma.StreamResponse, error) {
	list, err := s.Merging.Mistakes(ctx, c, in.id(), 0)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		fileHeaders(hc, "text/csv; charset=utf-8", "import-mistakes.csv")
		_, w := humago.Unwrap(hc)
		out := csv.NewWriter(patient{w, http.NewResponseController(w)})
		err := out.Write([]string{"row", "name", "why"})
		for len(list) > 0 && err == nil {
			for _, m := range list {
				_ = out.Write([]string{strconv.FormatInt(m.Row, 10), merging.Guarded(m.Name), merging.Guarded(m.Why)}) // told by Error below
			}
			list, err = s.Merging.Mistakes(ctx, c, in.id(), list[len(list)-1].Row)
		}
		if out.Flush(); err != nil || out.Error() != nil {
			panic(http.ErrAbortHandler) // half a file must not look like a whole one
		}
	}}, nil
}

func fileHeaders(hc huma.Context, kind, name string) {
	hc.SetHeader("Content-Type", kind)
	hc.SetHeader("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	hc.SetHeader("Content-Security-Policy", "sandbox; default-src 'none'")
	hc.SetHeader("Cache-Control", "no-store")
	hc.SetStatus(http.StatusOK)
}

type exportRecordsInput struct {
	InWorkspace
	RecordFilter
	Format string `query:"format" enum:"csv,vcard,jsonl" default:"csv"`
}

func (s *Server) exportRecords(ctx context.Context, c access.Caller, in *exportRecordsInput) (*huma.StreamResponse, error) {
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	body, pipe := io.Pipe()
	go func() {
		err := s.Merging.Export(ctx, c, merging.Format(in.Format), q, pipe, func(r crm.Record) any { return RecordShape(c, r) })
		_ = pipe.CloseWithError(err)
	}()
	// The first bytes decide between an answer and a problem.
	first := make([]byte, 32<<10)
	n, err := io.ReadFull(body, first)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	kind, end := "text/csv; charset=utf-8", ".csv"
	switch merging.Format(in.Format) {
	case merging.VCard:
		kind, end = "text/vcard; charset=utf-8", ".vcf"
	case merging.JSONL:
		kind, end = "application/x-ndjson", ".jsonl"
	}
	name := in.Type
	if name == "" {
		name = "records"
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		fileHeaders(hc, kind, name+"-"+s.Now().UTC().Format("2006-01-02")+end)
		_, w := humago.Unwrap(hc)
		out := patient{w, http.NewResponseController(w)}
		_, err := out.Write(first[:n])
		if err == nil {
			_, err = io.Copy(out, body)
		}
		_ = body.CloseWithError(err)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
	}}, nil
}
