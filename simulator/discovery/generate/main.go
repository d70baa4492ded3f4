// Command generate copies Google's discovery documents from the module
// google.golang.org/api into the folder docs, compressed.
package main

import (
	"bytes"
	"compress/gzip"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"rapport/simulator/discovery"
)

func main() {
	log.SetFlags(0)
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "google.golang.org/api").Output()
	if err != nil {
		log.Fatalf("find module google.golang.org/api: %v", err)
	}
	dir := strings.TrimSpace(string(out))
	for name, file := range discovery.Sources {
		doc, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(file)))
		if err != nil {
			log.Fatal(err)
		}
		var packed bytes.Buffer
		z, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression)
		if _, err := z.Write(doc); err != nil {
			log.Fatal(err)
		}
		if err := z.Close(); err != nil {
			log.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join("docs", name+".json.gz"), packed.Bytes(), 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
