// Package web holds the built browser application, embedded in the program.
//
// The application is built by `npm ci && npm run build` in this folder, which writes dist/.
// A program compiled before that still works: [Files] then has one page that says how to build.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist placeholder
var embedded embed.FS

// Files is the built application: index.html at the root, everything with a content hash in its name under assets/.
// Files under assets/ never change and may be cached for ever; index.html must be revalidated.
// What compresses well is there compressed only, as name.gz (RFC 1952).
// A path that names no file and belongs to no API is a route of the application: answer it with index.html.
func Files() fs.FS {
	folder := "placeholder"
	if Built() {
		folder = "dist"
	}
	files, err := fs.Sub(embedded, folder)
	if err != nil { // only for a malformed name: both are named in the directive above
		panic(err)
	}
	return files
}

// Built tells whether the application was there when the program was compiled.
func Built() bool {
	_, err := fs.Stat(embedded, "dist/index.html")
	return err == nil
}
