package merging

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/link"
	"rapport/internal/records"
	"rapport/internal/work"
)

// ImportState is where an import stands.
type ImportState string

const (
	ImportReady   ImportState = "ready" // looked at, nothing is stored
	ImportQueued  ImportState = "queued"
	ImportRunning ImportState = "running"
	ImportDone    ImportState = "done"
	ImportUndoing ImportState = "undoing"
	ImportUndone  ImportState = "undone"
)

// OnMatch says what becomes of a row whose record is there.
type OnMatch string

const (
	MatchUpdate OnMatch = "update"
	MatchSkip   OnMatch = "skip"
	MatchCreate OnMatch = "create"
)

// Import is a file that becomes records. Counts are what would become of its rows
// (create, update, skip, error) until it runs, then what became of them (created,
// updated, skipped, failed; undone, kept).
type Import struct {
	ID        crm.ImportID
	Workspace crm.WorkspaceID
	UserID    crm.UserID
	KeyID     crm.KeyID
	Type      crm.RecordType
	Format    string
	Name      string
	State     ImportState
	Columns   []Column
	OnMatch   OnMatch
	Overwrite bool // what a person typed, too
	Rows      int64
	Pieces    int64
	Piece     int64 // the next one
	Done      int64
	Counts    map[string]int64
	Preview   []Foreseen
	CreatedAt time.Time
	BeganAt   *time.Time
	EndedAt   *time.Time
}

// Foreseen is what would become of a row.
type Foreseen struct {
	Row    int64  `json:"row"`
	Action string `json:"action"` // create, update, skip, error
	Why    string `json:"why,omitempty"`
	Name   string `json:"name,omitempty"`
}

// Mistake is a row that could not be stored as it is.
type Mistake struct {
	Row  int64
	Name string
	Why  string
}

// File is what is to be imported.
type File struct {
	Type   crm.RecordType
	Format string // csv, vcard
	Name   string
	Data   []byte
}

// ImportChange changes an import that does not run yet; nil stays.
type ImportChange struct {
	Mapping   map[string]string // field by column, "" for none
	OnMatch   *OnMatch
	Overwrite *bool
}

// KindImport stores the rows of an import, or takes them back.
const KindImport work.Kind = "records.import"

const (
	rowsAtOnce  = 50 // of a piece, a transaction
	mostPreview = 20 // and as many of those with mistakes that stand below
)

// CreateImport reads a file and foresees what would become of it. Nothing is stored.
func (s *Service) CreateImport(ctx context.Context, c access.Caller, file File) (Import, error) {
	if err := access.Allow(c, access.RecordsWrite); err != nil {
		return Import{}, err
	}
	if len(file.Data) > MostBytes {
		return Import{}, invalid("content", fmt.Sprintf("must have at most %d MB", MostBytes>>20))
	}
	o, err := s.Store.ObjectType(ctx, c.Workspace, file.Type)
	if fault.Is(err, fault.NotFound) {
		return Import{}, invalid("type", "is no type of records")
	}
	if err != nil {
		return Import{}, wrap("reading the type", err)
	}
	var t table
	switch file.Format {
	case "csv":
		t, err = readCSV(file.Data)
	case "vcard":
		if o.Key != crm.Person && o.Key != crm.Company {
			return Import{}, invalid("format", "is for people and companies")
		}
		t, err = readCards(file.Data)
	default:
		return Import{}, invalid("format", "must be csv or vcard")
	}
	if err != nil {
		return Import{}, err
	}
	id, err := s.id()
	if err != nil {
		return Import{}, err
	}
	name := strings.ToValidUTF8(file.Name, "\uFFFD")
	if utf8.RuneCountInString(name) > 200 {
		name = string([]rune(name)[:200])
	}
	in := Import{
		ID: crm.ImportID(id), Workspace: c.Workspace, UserID: c.UserID, KeyID: c.KeyID, Type: o.Key, Format: file.Format, Name: name, State: ImportReady, Columns: columnsOf(o, t),
		OnMatch: MatchUpdate, Rows: int64(len(t.rows)), CreatedAt: s.Now(),
	}
	pieces := slices.Collect(slices.Chunk(t.rows, rowsAtOnce))
	in.Pieces = int64(len(pieces))
	if err := s.Store.PutImport(ctx, in, pieces); err != nil {
		return Import{}, wrap("storing the import", err)
	}
	return s.foresee(ctx, c, in, o)
}

// foresee finds what would become of the rows of an import.
func (s *Service) foresee(ctx context.Context, c access.Caller, in Import, o crm.ObjectType) (Import, error) {
	read, err := s.rowReader(ctx, in, o)
	if err != nil {
		return in, err
	}
	in.Counts, in.Preview = map[string]int64{}, nil
	before := map[string]int64{}
	for piece := range in.Pieces {
		rows, err := s.Store.ImportPiece(ctx, in.ID, piece)
		if err != nil {
			return in, wrap("reading the import", err)
		}
		list := read.all(piece, rows)
		seen, err := s.Store.Foresee(ctx, c, in, list)
		if err != nil {
			return in, wrap("comparing with what is there", err)
		}
		for i, f := range seen {
			within(before, in, list[i], &f)
			in.Counts[f.Action]++
			if i := int64(len(in.Preview)); i < mostPreview || f.Action == "error" && i < 2*mostPreview {
				in.Preview = append(in.Preview, f)
			}
		}
	}
	return in, wrap("storing the import", s.Store.SaveForeseen(ctx, in))
}

// within notes what a row is known by, and finds rows that are about the same as one
// before them.
func within(before map[string]int64, in Import, row Row, f *Foreseen) {
	if f.Action != "create" || in.OnMatch == MatchCreate {
		return
	}
	var keys []string
	if row.Wish.Emails != nil {
		for _, c := range *row.Wish.Emails {
			keys = append(keys, "e"+link.Key(c.Value))
		}
	}
	if row.Wish.Domains != nil {
		for _, d := range *row.Wish.Domains {
			keys = append(keys, "d"+d)
		}
	}
	for system, id := range row.Wish.ExternalIDs {
		keys = append(keys, "x"+system+":"+id)
	}
	if in.Type != crm.Person || row.Company != "" {
		keys = append(keys, "n"+strings.Join(folded(row.Name), " ")+"|"+strings.Join(folded(row.Company), " "))
	}
	for _, key := range keys {
		if n := before[key]; n != 0 {
			f.Action, f.Why = string(in.OnMatch), strings.TrimSpace(fmt.Sprintf("The same as line %d. %s", n, f.Why))
			return
		}
	}
	for _, key := range keys {
		before[key] = row.Number
	}
}

func (s *Service) rowReader(ctx context.Context, in Import, o crm.ObjectType) (rowReader, error) {
	region, err := s.Store.Region(ctx, in.Workspace)
	return rowReader{object: o, columns: in.Columns, check: records.Checker{Region: region}}, wrap("reading the region", err)
}

// all reads the rows of a piece.
func (r rowReader) all(piece int64, rows [][]string) []Row {
	out := make([]Row, len(rows))
	for i, cells := range rows {
		out[i] = r.read(piece*rowsAtOnce+int64(i)+1, cells)
	}
	return out
}

// Import reads an import.
func (s *Service) Import(ctx context.Context, c access.Caller, id crm.ImportID) (Import, error) {
	if err := access.Allow(c, access.RecordsWrite); err != nil {
		return Import{}, err
	}
	in, err := s.Store.ImportOf(ctx, c.Workspace, id)
	return in, wrap("reading the import", err)
}

// Imports lists imports, the newest first.
func (s *Service) Imports(ctx context.Context, c access.Caller, cursor string, limit int) ([]Import, string, error) {
	if err := access.Allow(c, access.RecordsWrite); err != nil {
		return nil, "", err
	}
	list, next, err := s.Store.Imports(ctx, c.Workspace, cursor, limit)
	return list, next, wrap("listing imports", err)
}

// ChangeImport maps columns otherwise, and foresees again.
func (s *Service) ChangeImport(ctx context.Context, c access.Caller, id crm.ImportID, change ImportChange) (Import, error) {
	in, err := s.Import(ctx, c, id)
	if err != nil {
		return in, err
	}
	if in.State != ImportReady {
		return in, &fault.Error{Kind: fault.Conflict, Code: "import_began", Text: "This import has begun already."}
	}
	o, err := s.Store.ObjectType(ctx, c.Workspace, in.Type)
	if err != nil {
		return in, wrap("reading the type", err)
	}
	for name, field := range change.Mapping {
		at := slices.IndexFunc(in.Columns, func(c Column) bool { return c.Name == name })
		switch {
		case at < 0:
			return in, invalid("mapping", "names a column that is none")
		case field != "" && !fieldExists(o, field):
			return in, invalid("mapping", "names a field that is none")
		}
		in.Columns[at].Field = field
	}
	if change.OnMatch != nil {
		if in.OnMatch = *change.OnMatch; in.OnMatch != MatchUpdate && in.OnMatch != MatchSkip && in.OnMatch != MatchCreate {
			return in, invalid("on_match", "must be update, skip or create")
		}
	}
	if change.Overwrite != nil {
		in.Overwrite = *change.Overwrite
	}
	return s.foresee(ctx, c, in, o)
}

// RunImport lets an import be stored, in the background.
func (s *Service) RunImport(ctx context.Context, c access.Caller, id crm.ImportID) (Import, error) {
	return s.begin(ctx, c, id, ImportQueued, "import.run")
}

// UndoImport takes an import back, in the background: what it made is deleted, what it
// changed put back, but for what somebody has changed since.
func (s *Service) UndoImport(ctx context.Context, c access.Caller, id crm.ImportID) (Import, error) {
	return s.begin(ctx, c, id, ImportUndoing, "import.undo")
}

func (s *Service) begin(ctx context.Context, c access.Caller, id crm.ImportID, to ImportState, action string) (Import, error) {
	if err := access.Allow(c, access.RecordsWrite); err != nil {
		return Import{}, err
	}
	in, err := s.Store.BeginImport(ctx, c, id, to, s.act(c, action, string(id), ""))
	if err != nil {
		return in, wrap("beginning the import", err)
	}
	return in, wrap("asking for the import", s.Queue.Enqueue(ctx, work.Job{Kind: KindImport, Subject: string(id), Group: "import:" + string(c.Workspace), DueAt: s.Now()}))
}

// Mistakes gives rows that could not be stored as they are, a page after a row.
func (s *Service) Mistakes(ctx context.Context, c access.Caller, id crm.ImportID, after int64) ([]Mistake, error) {
	if err := access.Allow(c, access.RecordsWrite); err != nil {
		return nil, err
	}
	list, err := s.Store.ImportMistakes(ctx, c.Workspace, id, after, 1000)
	return list, wrap("reading what is wrong", err)
}

// importStep is the step of KindImport: it goes on where it was left.
func (s *Service) importStep(ctx context.Context, subject string) (more bool, err error) {
	ctx = work.Patient(ctx)
	return s.forAWhile(func() (bool, error) { return s.importSome(ctx, crm.ImportID(subject)) })
}

func (s *Service) importSome(ctx context.Context, id crm.ImportID) (more bool, err error) {
	in, err := s.Store.ImportOf(ctx, "", id)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	switch in.State {
	case ImportUndoing:
		return s.Store.UndoImportSome(ctx, in)
	case ImportQueued, ImportRunning:
	default:
		return false, nil
	}
	o, err := s.Store.ObjectType(ctx, in.Workspace, in.Type)
	if err != nil {
		return false, err
	}
	read, err := s.rowReader(ctx, in, o)
	if err != nil {
		return false, err
	}
	var rows [][]string
	if in.Piece < in.Pieces {
		if rows, err = s.Store.ImportPiece(ctx, in.ID, in.Piece); err != nil {
			return false, err
		}
	}
	return s.Store.ImportSome(ctx, in, read.all(in.Piece, rows))
}
