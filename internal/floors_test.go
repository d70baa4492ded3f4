// Package internal holds the house. This test holds its floors: imports go down
// only, and neighbours on a floor never import each other.
package internal

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// floors maps the first folder under internal/ to its floor.
var floors = map[string]int{
	"crm": 0, "fault": 0, "config": 0,
	"engine": 1, "link": 1, "access": 1, "fact": 1, "work": 1, "netguard": 1,
	"org": 2, "vault": 2, "records": 2, "mail": 2, "calendar": 2, "contacts": 2, "enrich": 2, "booking": 2, "webhooks": 2,
	"store": 3, "google": 3, "imapsmtp": 3, "llm": 3, "httpapi": 3, "runner": 3, "outbound": 3,
	"app":      4,
	"scenario": 5, "bench": 5, // the whole product, tested and measured against the simulator
}

// groundExceptions are the libraries the ground may use.
var groundExceptions = []string{"github.com/caarlos0/env/v11"}

func TestFloorsImportsGoDownOnly(t *testing.T) {
	eachImport(t, ".", func(file, imported string) {
		room := strings.Split(filepath.ToSlash(file), "/")[0]
		floor, known := floors[room]
		if !known {
			t.Errorf("%s: internal/%s has no floor; give it one in floors_test.go", file, room)
			return
		}
		test := strings.HasSuffix(file, "_test.go") || strings.HasSuffix(room, "test") || strings.Contains(file, "test/")
		if floor == 0 && !test && strings.Contains(strings.Split(imported, "/")[0], ".") && !slices.Contains(groundExceptions, imported) {
			t.Errorf("%s imports %s, but the ground imports the standard library only", file, imported)
		}
		if strings.HasPrefix(imported, "rapport/simulator") && !test && room != "app" {
			t.Errorf("%s imports the simulator", file)
		}
		other, inside := strings.CutPrefix(imported, "rapport/internal/")
		if !inside || test {
			return
		}
		other = strings.Split(other, "/")[0]
		switch up := floors[other]; {
		case other == room:
		case up > floor:
			t.Errorf("%s (floor %d) imports %s (floor %d): imports go down only", file, floor, other, up)
		case up == floor && floor != 0 && floor != 5:
			t.Errorf("%s imports its neighbour %s on floor %d", file, other, floor)
		}
	})
}

func TestFloorsSimulatorIsAHouseOfItsOwn(t *testing.T) {
	eachImport(t, "../simulator", func(file, imported string) {
		if strings.HasPrefix(imported, "rapport/") && !strings.HasPrefix(imported, "rapport/simulator") {
			t.Errorf("simulator/%s imports %s: the simulator imports nothing of the product", file, imported)
		}
	})
}

// Templates call methods by name; a program that can do that keeps every method of
// every type it knows, a tenth of its size.
func TestFloorsNoTemplatesInTheProgram(t *testing.T) {
	for _, root := range []string{".", "../simulator", "../cmd", "../client"} {
		eachImport(t, root, func(file, imported string) {
			test := strings.HasSuffix(file, "_test.go") || strings.HasSuffix(filepath.Dir(file), "test")
			if (imported == "html/template" || imported == "text/template") && !test {
				t.Errorf("%s imports %s", file, imported)
			}
		})
	}
}

// eachImport calls see for each import of each Go file under root, with the
// file's path relative to root.
func eachImport(t *testing.T, root string, see func(file, imported string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || filepath.Dir(path) == "." {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		for _, s := range f.Imports {
			imported, _ := strconv.Unquote(s.Path.Value)
			see(rel, imported)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
