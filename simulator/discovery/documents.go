// Package discovery knows what Google's APIs accept. It holds copies of
// Google's discovery documents and compiles them into matchers: which method a
// request means, whether its parameters and body are allowed, and which scopes
// the method needs.
//
// The copies are made by go generate from the module google.golang.org/api; a
// test compares them with the module in use.
package discovery

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"io"
	"sync"
)

//go:generate go run ./generate

//go:embed docs/*.json.gz
var docs embed.FS

// Sources maps the names of the simulator's APIs to the discovery documents
// inside module google.golang.org/api.
var Sources = map[string]string{
	"gmail":     "gmail/v1/gmail-api.json",
	"pubsub":    "pubsub/v1/pubsub-api.json",
	"oauth2":    "oauth2/v2/oauth2-api.json",
	"calendar":  "calendar/v3/calendar-api.json",
	"people":    "people/v1/people-api.json",
	"directory": "admin/directory/v1/admin-api.json",
	"drive":     "drive/v3/drive-api.json",
	"sheets":    "sheets/v4/sheets-api.json",
	"meet":      "meet/v2/meet-api.json",
}

var unpacked sync.Map // name -> func() []byte

// Document returns the discovery document of an API by the simulator's name
// for it. It panics for a name that is not in Sources. The result is shared:
// do not change it.
func Document(name string) []byte {
	f, _ := unpacked.LoadOrStore(name, sync.OnceValue(func() []byte { return unpack(name) }))
	return f.(func() []byte)()
}

func unpack(name string) []byte {
	packed, err := docs.ReadFile("docs/" + name + ".json.gz")
	if err != nil {
		panic(fmt.Sprintf("no discovery document %q", name))
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		panic(fmt.Sprintf("discovery document %q: %v", name, err))
	}
	doc, err := io.ReadAll(z)
	if err != nil {
		panic(fmt.Sprintf("discovery document %q: %v", name, err))
	}
	return doc
}
