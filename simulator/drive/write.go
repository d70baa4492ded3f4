package drive

import (
	"encoding/json"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"rapport/simulator/files"
	"rapport/simulator/front"
)

// metadata is what a request says of a file. nil: nothing.
type metadata struct {
	ID            *string
	Name          *string
	MimeType      *string
	Description   *string
	Starred       *bool
	Trashed       *bool
	Parents       []string
	CreatedTime   *time.Time
	ModifiedTime  *time.Time
	Properties    map[string]*string
	AppProperties map[string]*string
}

// notWritable are fields Drive answers but does not take.
var notWritable = []string{"kind", "size", "md5Checksum", "sha1Checksum", "sha256Checksum", "version", "owners", "permissions", "permissionIds",
	"webViewLink", "webContentLink", "iconLink", "headRevisionId", "shared", "ownedByMe", "trashedTime", "quotaBytesUsed", "spaces"}

func readMetadata(c *front.Call, alsoNot ...string) (metadata, error) {
	var m metadata
	if len(c.Body) == 0 {
		return m, nil
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(c.Body, &fields) != nil || json.Unmarshal(c.Body, &m) != nil {
		return m, &front.Error{Code: 400, Reason: "parseError", Message: "Parse Error"}
	}
	for _, name := range append(alsoNot, notWritable...) {
		if _, there := fields[name]; there {
			return m, &front.Error{Code: 403, Reason: "fieldNotWritable", Message: "The resource body includes fields which are not directly writable."}
		}
	}
	return m, nil
}

func (r *Room) create(c *front.Call) (any, error) {
	m, err := readMetadata(c)
	if err != nil {
		return nil, err
	}
	var out any
	err = r.store.Do(func(t *files.Tree) error {
		f := &files.File{Owner: c.Account, Apps: map[string]bool{c.Project: true}}
		if m.ID != nil {
			if t.Get(*m.ID) != nil {
				return &front.Error{Code: 409, Reason: "fileIdInUse", Message: "A file already exists with the provided ID."}
			}
			f.ID = *m.ID
		}
		if len(m.Parents) > 1 {
			return &front.Error{Code: 403, Reason: "multipleParentsNotSupported", Message: "A file cannot be created with more than one parent."}
		}
		if f.Parents, err = folders(t, c, m.Parents); err != nil {
			return err
		}
		if err := apply(t, c, f, m); err != nil {
			return err
		}
		if m.CreatedTime != nil {
			f.Created = *m.CreatedTime
		}
		if m.ModifiedTime != nil {
			f.Modified = *m.ModifiedTime
		}
		out = r.show(t, c, t.Add(f, c.Now))
		return nil
	})
	return out, err
}

// folders checks that the folders a file is to be put into are there.
func folders(t *files.Tree, c *front.Call, ids []string) ([]string, error) {
	var out []string
	for _, id := range ids {
		if root := t.Root(c.Account); id == "root" || id == root {
			out = append(out, root)
			continue
		}
		f := t.Get(id)
		if f == nil || f.Owner != c.Account || !reachOf(c, f).see {
			return nil, notFound(id)
		}
		if f.Type != files.Folder {
			return nil, &front.Error{Code: 403, Reason: "parentNotAFolder", Message: "The specified parent is not a folder."}
		}
		out = append(out, id)
	}
	return out, nil
}

// apply puts metadata and media of a request into a file.
func apply(t *files.Tree, c *front.Call, f *files.File, m metadata) error {
	if m.Name != nil {
		f.Name = *m.Name
	}
	if m.Description != nil {
		f.Description = *m.Description
	}
	if m.Starred != nil {
		f.Starred = *m.Starred
	}
	f.Properties = merged(f.Properties, m.Properties)
	if len(m.AppProperties) > 0 {
		if f.AppProperties == nil {
			f.AppProperties = map[string]map[string]string{}
		}
		f.AppProperties[c.Project] = merged(f.AppProperties[c.Project], m.AppProperties)
	}
	if err := fill(c, f, m); err != nil {
		return err
	}
	if m.Trashed != nil && *m.Trashed != f.InBin() {
		t.Trash(f, *m.Trashed, c.Now)
	}
	return nil
}

// fill puts the media of a request into a file and decides its type.
func fill(c *front.Call, f *files.File, m metadata) error {
	kind, _, err := mime.ParseMediaType(c.Type)
	if err != nil {
		kind = ""
	}
	if m.MimeType != nil {
		f.Type = *m.MimeType
	} else if c.Media != nil && !isOwnFormat(f.Type) && kind != "" {
		f.Type = kind
	}
	switch {
	case c.Media == nil:
	case f.Type == files.Spreadsheet && kind == "text/csv":
		book, err := files.FromCSV(c.Media)
		if err != nil {
			return &front.Error{Code: 400, Reason: "badRequest", Message: "Bad Request"}
		}
		f.Book = book
	case isOwnFormat(f.Type):
		return &front.Error{Code: 400, Reason: "invalidContentType", Message: "Invalid MIME type provided for the uploaded content."}
	default:
		f.Content, f.Original = c.Media, f.Name
	}
	return nil
}

func merged(old map[string]string, change map[string]*string) map[string]string {
	if len(change) == 0 {
		return old
	}
	out := maps.Clone(old)
	if out == nil {
		out = map[string]string{}
	}
	for k, v := range change {
		if v == nil {
			delete(out, k)
		} else {
			out[k] = *v
		}
	}
	return out
}

func (r *Room) update(c *front.Call) (any, error) {
	m, err := readMetadata(c, "id", "createdTime", "parents")
	if err != nil {
		return nil, err
	}
	var out any
	err = r.store.Do(func(t *files.Tree) error {
		f, may, err := find(t, c)
		if err != nil {
			return err
		}
		if !may.describe || c.Media != nil && !may.write {
			return notAuthorized(c, f, "write")
		}
		if m.MimeType != nil && *m.MimeType != f.Type && (isOwnFormat(*m.MimeType) || isOwnFormat(f.Type)) {
			return &front.Error{Code: 400, Reason: "invalidContentType", Message: "Invalid MIME type provided for the uploaded content."}
		}
		if err := move(t, c, f); err != nil {
			return err
		}
		if err := apply(t, c, f, m); err != nil {
			return err
		}
		f.Touch(c.Now)
		if m.ModifiedTime != nil {
			f.Modified = *m.ModifiedTime
		}
		out = r.show(t, c, f)
		return nil
	})
	return out, err
}

// move obeys addParents and removeParents.
func move(t *files.Tree, c *front.Call, f *files.File) error {
	list := func(name string) []string {
		return strings.FieldsFunc(c.Query.Get(name), func(r rune) bool { return r == ',' || r == ' ' })
	}
	add, err := folders(t, c, list("addParents"))
	if err != nil || len(add) == 0 {
		return err
	}
	if slices.Contains(add, f.ID) || slices.ContainsFunc(t.Below(f.ID), func(x *files.File) bool { return slices.Contains(add, x.ID) }) {
		return &front.Error{Code: 403, Reason: "cyclicFolder", Message: "A folder cannot be put into itself."}
	}
	f.Parents = add[len(add)-1:] // a file is in one folder
	return nil
}

func (r *Room) copy(c *front.Call) (any, error) {
	m, err := readMetadata(c)
	if err != nil {
		return nil, err
	}
	var out any
	err = r.store.Do(func(t *files.Tree) error {
		f, may, err := find(t, c)
		if err != nil {
			return err
		}
		if !may.read {
			return notAuthorized(c, f, "read")
		}
		if f.Type == files.Folder {
			return &front.Error{Code: 403, Reason: "cannotCopyFile", Message: "This file cannot be copied by the user."}
		}
		n := &files.File{Name: "Copy of " + f.Name, Type: f.Type, Description: f.Description, Original: f.Original, Owner: c.Account,
			Parents: slices.Clone(f.Parents), Content: slices.Clone(f.Content), Properties: maps.Clone(f.Properties), Book: f.Book.Clone(),
			Apps: map[string]bool{c.Project: true}}
		parents, err := folders(t, c, m.Parents)
		if err != nil {
			return err
		}
		if len(parents) > 0 {
			n.Parents = parents
		}
		if err := apply(t, c, n, m); err != nil {
			return err
		}
		out = r.show(t, c, t.Add(n, c.Now))
		return nil
	})
	return out, err
}

func (r *Room) delete(c *front.Call) (any, error) {
	return nil, r.store.Do(func(t *files.Tree) error {
		f, may, err := find(t, c)
		if err != nil {
			return err
		}
		if !may.write || f.Created.IsZero() { // My Drive itself stays
			return notAuthorized(c, f, "write")
		}
		t.Remove(f)
		return nil
	})
}

func (r *Room) emptyTrash(c *front.Call) (any, error) {
	return nil, r.store.Do(func(t *files.Tree) error {
		for _, f := range t.Of(c.Account) {
			if f.InBin() && t.Get(f.ID) == f {
				t.Remove(f)
			}
		}
		return nil
	})
}

func (r *Room) get(c *front.Call) (any, error) {
	var out any
	err := r.store.Do(func(t *files.Tree) error {
		f, may, err := find(t, c)
		if err != nil {
			return err
		}
		if c.Query.Get("alt") != "media" {
			out = r.show(t, c, f)
			return nil
		}
		switch {
		case !may.read:
			return notAuthorized(c, f, "read")
		case isOwnFormat(f.Type):
			return &front.Error{Code: 403, Reason: "fileNotDownloadable", Location: "alt", LocationType: "parameter",
				Message: "Only files with binary content can be downloaded. Use Export with Docs Editors files."}
		}
		out = front.Reply{Type: f.Type, Body: f.Content, Header: http.Header{"X-Goog-Stored-Content-Length": {strconv.Itoa(len(f.Content))}}}
		return nil
	})
	return out, err
}

func (r *Room) export(c *front.Call) (any, error) {
	var out any
	err := r.store.Do(func(t *files.Tree) error {
		f, may, err := find(t, c)
		switch {
		case err != nil:
			return err
		case !may.read:
			return notAuthorized(c, f, "read")
		case f.Book == nil:
			return &front.Error{Code: 403, Reason: "fileNotExportable", Message: "Export only supports Docs Editors files."}
		case c.Query.Get("mimeType") != "text/csv":
			return &front.Error{Code: 400, Reason: "badRequest", Message: "The requested conversion is not supported."}
		}
		out = front.Reply{Type: "text/csv", Body: f.Book.CSV()}
		return nil
	})
	return out, err
}

func (r *Room) generateIDs(c *front.Call) (any, error) {
	n, _ := strconv.Atoi(c.Query.Get("count")) // checked against the document
	ids := make([]string, n)
	err := r.store.Do(func(t *files.Tree) error {
		for i := range ids {
			ids[i] = t.NewID(c.Query.Get("type"))
		}
		return nil
	})
	return map[string]any{"kind": "drive#generatedIds", "space": c.Query.Get("space"), "ids": ids}, err
}
