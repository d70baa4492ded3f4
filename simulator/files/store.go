// Package files holds what the Drive and the Sheets rooms have in common: files
// with owner, folder and contents. A spreadsheet is a file whose contents are a
// Workbook, so that one made in Drive is the same in Sheets.
package files

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"rapport/simulator/world"
)

// Types of files that hold no bytes.
const (
	Folder      = "application/vnd.google-apps.folder"
	Spreadsheet = "application/vnd.google-apps.spreadsheet"
)

// File is one file. It is read and changed inside Store.Do only.
type File struct {
	ID, Name, Type, Description string
	Original                    string // name it was uploaded under
	Owner                       string // address
	Parents                     []string
	Created, Modified           time.Time
	Trashed                     time.Time // zero: not in the bin
	Explicit                    bool      // it, not a folder above it, was put into the bin
	Starred                     bool
	Version                     int64
	Content                     []byte
	Properties                  map[string]string
	AppProperties               map[string]map[string]string // by project: an application sees its own
	Apps                        map[string]bool              // projects that made the file or opened it
	Book                        *Workbook                    // of a Spreadsheet
}

// InBin tells whether the file or a folder above it is in the bin.
func (f *File) InBin() bool { return !f.Trashed.IsZero() }

// Store holds the files of all accounts.
type Store struct {
	world *world.World
	mu    sync.Mutex
	tree  Tree
}

// Tree is the files as seen inside Store.Do.
type Tree struct {
	rand  *rand.Rand
	byID  map[string]*File
	order []*File           // as they were made
	roots map[string]string // address to the id of "My Drive"
}

// New returns a store without files.
func New(w *world.World) *Store {
	s := &Store{world: w}
	s.Reset()
	return s
}

// Reset removes all files.
func (s *Store) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tree = Tree{rand: s.world.Rand("files"), byID: map[string]*File{}, roots: map[string]string{}}
}

// Do runs f on the files alone.
func (s *Store) Do(f func(t *Tree) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return f(&s.tree)
}

const idLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// NewID makes an id as Drive's are: "1" and letters, 33 for files and 44 for
// Google's own formats.
func (t *Tree) NewID(kind string) string {
	n := 33
	if kind == Spreadsheet {
		n = 44
	}
	b := make([]byte, n)
	b[0] = '1'
	for i := 1; i < n; i++ {
		b[i] = idLetters[t.rand.IntN(len(idLetters))]
	}
	return string(b)
}

// Root is the id of an account's "My Drive".
func (t *Tree) Root(owner string) string {
	if id := t.roots[owner]; id != "" {
		return id
	}
	b := []byte("0A")
	for range 14 {
		b = append(b, idLetters[t.rand.IntN(len(idLetters)-2)])
	}
	t.roots[owner] = string(b) + "UkPVA"
	return t.roots[owner]
}

// Add puts a new file into the tree and fills what is missing: id, name, type,
// times, folder, an empty workbook.
func (t *Tree) Add(f *File, now time.Time) *File {
	if f.Type == "" {
		f.Type = "application/octet-stream"
	}
	if f.ID == "" {
		f.ID = t.NewID(f.Type)
	}
	if f.Name == "" {
		f.Name = "Untitled"
	}
	if f.Created.IsZero() {
		f.Created = now
	}
	if f.Modified.IsZero() {
		f.Modified = now
	}
	if len(f.Parents) == 0 {
		f.Parents = []string{t.Root(f.Owner)}
	}
	if f.Type == Spreadsheet && f.Book == nil {
		f.Book = NewWorkbook()
	}
	if f.Apps == nil {
		f.Apps = map[string]bool{}
	}
	f.Version = 1
	t.byID[f.ID] = f
	t.order = append(t.order, f)
	return f
}

// Get finds a file; nil when there is none.
func (t *Tree) Get(id string) *File { return t.byID[id] }

// Of lists the files of an account in the order they were made.
func (t *Tree) Of(owner string) []*File {
	var out []*File
	for _, f := range t.order {
		if f.Owner == owner {
			out = append(out, f)
		}
	}
	return out
}

// Touch notes a change.
func (f *File) Touch(now time.Time) {
	f.Modified = now
	f.Version++
}

// Below lists what is in a folder, in its folders and so on.
func (t *Tree) Below(id string) []*File {
	var out []*File
	for _, f := range t.order {
		if slices.Contains(f.Parents, id) {
			out = append(append(out, f), t.Below(f.ID)...)
		}
	}
	return out
}

// Trash puts a file, and what is below it, into the bin, or takes it out.
func (t *Tree) Trash(f *File, in bool, now time.Time) {
	f.Trashed, f.Explicit = time.Time{}, in
	if in {
		f.Trashed = now
	}
	for _, x := range t.Below(f.ID) {
		if !x.Explicit {
			x.Trashed = f.Trashed
		}
	}
}

// Remove deletes a file, and what is below it, for good.
func (t *Tree) Remove(f *File) {
	gone := append(t.Below(f.ID), f)
	for _, x := range gone {
		delete(t.byID, x.ID)
	}
	t.order = slices.DeleteFunc(t.order, func(x *File) bool { return t.byID[x.ID] != x })
}
