// Package drive is the simulated Google Drive: one "My Drive" for each account,
// without shared drives and without sharing between people.
package drive

import (
	"slices"
	"strings"

	"rapport/simulator/discovery"
	"rapport/simulator/files"
	"rapport/simulator/front"
	"rapport/simulator/world"
)

// Room is the Drive API of a world.
type Room struct {
	world *world.World
	store *files.Store
}

// New makes a Drive over a store that other rooms may share.
func New(w *world.World, s *files.Store) *Room { return &Room{world: w, store: s} }

// Name is the room's name in faults and logs.
func (r *Room) Name() string { return "drive" }

// Document is Drive's discovery document.
func (r *Room) Document() []byte { return discovery.Document("drive") }

// Reset removes all files.
func (r *Room) Reset() { r.store.Reset() }

// Methods lists what is served.
func (r *Room) Methods() map[string]front.Handler {
	return map[string]front.Handler{
		"drive.about.get":         r.about,
		"drive.files.list":        r.list,
		"drive.files.get":         r.get,
		"drive.files.create":      r.create,
		"drive.files.update":      r.update,
		"drive.files.copy":        r.copy,
		"drive.files.delete":      r.delete,
		"drive.files.emptyTrash":  r.emptyTrash,
		"drive.files.export":      r.export,
		"drive.files.generateIds": r.generateIDs,
	}
}

const scopes = "https://www.googleapis.com/auth/drive"

// reach is what a token may do with a file of its account.
type reach struct{ see, read, describe, write bool }

// reachOf follows Drive's scopes: drive.file sees what the application's
// project made or opened, the wider ones everything.
func reachOf(c *front.Call, f *files.File) reach {
	has := func(tail string) bool { return slices.Contains(c.Scopes, scopes+tail) }
	own := has(".file") && f.Apps[c.Project]
	all := has("")
	out := reach{read: all || own || has(".readonly"), write: all || own}
	out.describe = out.write || has(".metadata")
	out.see = out.read || out.describe || has(".metadata.readonly")
	return out
}

// find gives a file of the caller that the token may see. "root" is My Drive.
func find(t *files.Tree, c *front.Call) (*files.File, reach, error) {
	id := c.Path.Get("fileId")
	if id == "root" {
		id = t.Root(c.Account)
	}
	f := t.Get(id)
	if f == nil && id == t.Root(c.Account) {
		f = &files.File{ID: id, Name: "My Drive", Type: files.Folder, Owner: c.Account, Apps: map[string]bool{c.Project: true}}
	}
	if f == nil || f.Owner != c.Account {
		return nil, reach{}, notFound(id)
	}
	may := reachOf(c, f)
	if !may.see {
		return nil, reach{}, notFound(id)
	}
	return f, may, nil
}

func notFound(id string) *front.Error {
	return &front.Error{Code: 404, Reason: "notFound", Message: "File not found: " + id + ".", Location: "fileId", LocationType: "parameter"}
}

// notAuthorized answers for a file that is seen through one scope and changed
// through another that does not cover it.
func notAuthorized(c *front.Call, f *files.File, verb string) *front.Error {
	return &front.Error{Code: 403, Reason: "appNotAuthorizedToFile",
		Message: "The user has not granted the app " + c.Project + " " + verb + " access to the file " + f.ID + "."}
}

func invalidValue(parameter string) *front.Error {
	return &front.Error{Code: 400, Reason: "invalid", Message: "Invalid Value", Location: parameter, LocationType: "parameter"}
}

func isOwnFormat(kind string) bool { return strings.HasPrefix(kind, "application/vnd.google-apps.") }
