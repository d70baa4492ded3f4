package httpapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// docsFolder is where the web build puts the files of Swagger UI.
const docsFolder = "docs/"

const swaggerPage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Rapport API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</html>
`

const swaggerStart = `SwaggerUIBundle({ url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null, withCredentials: true });
`

const plainHead = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Rapport API</title>
<style>body{font:15px/1.6 system-ui,sans-serif;max-width:60rem;margin:3rem auto;padding:0 1.5rem}code{background:#8883;padding:.1em .35em;border-radius:4px}td{padding:.3rem .8rem .3rem 0;vertical-align:top}h2{margin-top:2.5rem}</style>
`

type docsGroup struct {
	Name       string
	Operations []docsOperation
}

type docsOperation struct{ Method, Path, Summary, Text string }

// docsPage is the documentation for people; it loads nothing from elsewhere.
func docsPage(api *huma.OpenAPI, p *pages) http.Handler {
	page := []byte(swaggerPage)
	if !p.has(docsFolder + "swagger-ui-bundle.js") {
		page = plainDocs(api)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		serveBytes(w, r, "text/html; charset=utf-8", page)
	})
}

func docsFiles(p *pages) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch name := strings.TrimPrefix(r.URL.Path, "/docs/"); name {
		case "":
			http.Redirect(w, r, "/docs", http.StatusMovedPermanently)
		case "start.js":
			serveBytes(w, r, "text/javascript; charset=utf-8", []byte(swaggerStart))
		default:
			if !p.file(w, r, docsFolder+name) {
				http.NotFound(w, r)
			}
		}
	})
}

// plainDocs documents the API without any script: for builds without the files of
// Swagger UI.
func plainDocs(api *huma.OpenAPI) []byte {
	var groups []docsGroup
	for path, item := range api.Paths {
		for method, op := range map[string]*huma.Operation{"GET": item.Get, "POST": item.Post, "PATCH": item.Patch, "PUT": item.Put, "DELETE": item.Delete} {
			if op != nil {
				groups = addDocs(groups, op.Tags[0], docsOperation{method, path, op.Summary, op.Description})
			}
		}
	}
	slices.SortFunc(groups, func(a, b docsGroup) int { return strings.Compare(a.Name, b.Name) })
	for _, g := range groups {
		slices.SortFunc(g.Operations, func(a, b docsOperation) int { return strings.Compare(a.Path+a.Method, b.Path+b.Method) })
	}
	var b strings.Builder
	b.WriteString(plainHead)
	putHTML(&b, "<h1>Rapport API %s</h1>\n<p>%s The full description is ", api.Info.Version, api.Info.Description)
	b.WriteString(`<a href="/openapi.json">/openapi.json</a>.</p>` + "\n")
	for _, g := range groups {
		putHTML(&b, "<h2>%s</h2><table>\n", g.Name)
		for _, op := range g.Operations {
			putHTML(&b, "<tr><td><code>%s %s</code></td><td>%s<br><small>%s</small></td></tr>\n", op.Method, op.Path, op.Summary, op.Text)
		}
		b.WriteString("</table>")
	}
	b.WriteString("\n</html>\n")
	return []byte(b.String())
}

func addDocs(groups []docsGroup, name string, op docsOperation) []docsGroup {
	for i := range groups {
		if groups[i].Name == name {
			groups[i].Operations = append(groups[i].Operations, op)
			return groups
		}
	}
	return append(groups, docsGroup{name, []docsOperation{op}})
}
