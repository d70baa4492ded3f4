package httpapi

import (
	"context"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"rapport/internal/access"
)

// Route is a line of the table of contents.
type Route struct {
	Method, Path, ID string
	Access           Access
}

// router collects operations.
type router struct {
	mux    *http.ServeMux
	api    huma.API
	server *Server
	routes []Route
}

// handler of one operation. The caller is nobody where the rule lets anyone in.
type handler[I, O any] func(ctx context.Context, c access.Caller, in *I) (*O, error)

const maxBody = 1 << 20

// describe makes the description of an operation; it panics without a rule.
func (r *router) describe(who rule, method, path, id, summary string, more []func(*huma.Operation)) huma.Operation {
	who.check(id)
	r.routes = append(r.routes, Route{Method: method, Path: path, ID: id, Access: who.published()})
	op := huma.Operation{
		Method: method, Path: path, OperationID: id, Summary: summary,
		Description:  "Access: " + who.String() + ".",
		Tags:         []string{tagOf(path)},
		MaxBodyBytes: maxBody,
		Extensions:   map[string]any{accessExtension: who.published()},
	}
	if !who.open() {
		op.Security = []map[string][]string{{"session": {}}, {"bearer": {}}}
	}
	for _, m := range more {
		m(&op)
	}
	return op
}

// add registers one operation with its rule. Whoever may not call it gets 401,
// 403, or 404 for workspaces they do not belong to, before the input is read.
// Paths are below /api/v1.
func add[I, O any](r *router, who rule, method, path, id, summary string, h handler[I, O], more ...func(*huma.Operation)) {
	s := r.server
	op := r.describe(who, method, base+path, id, summary, more)
	op.Middlewares = append(huma.Middlewares{func(ctx huma.Context, next func(huma.Context)) { s.admit(r.api, who, ctx, next) }}, op.Middlewares...)
	huma.Register(r.api, op, func(ctx context.Context, in *I) (*O, error) {
		c := callerOf(ctx)
		out, err := h(ctx, c, in)
		if err != nil {
			p := problemOf(err, c.RequestID)
			logFailure(ctx, err, p)
			return nil, p
		}
		return out, nil
	})
}

// plainHandler answers a request by itself; an error becomes a problem.
type plainHandler func(w http.ResponseWriter, r *http.Request, c access.Caller) error

// plain registers an operation that reads and writes HTTP by itself, with its
// rule and its description. Paths are whole ones; a path parameter with dots
// takes the rest of the path.
func plain(r *router, who rule, method, path, id, summary string, h plainHandler, more ...func(*huma.Operation)) {
	s := r.server
	op := r.describe(who, method, strings.NewReplacer("...}", "}", "{$}", "").Replace(path), id, summary, more)
	op.Parameters = append(pathParameters(op.Path, op.Parameters), op.Parameters...)
	r.api.OpenAPI().AddOperation(&op)
	r.mux.HandleFunc(method+" "+path, func(w http.ResponseWriter, req *http.Request) {
		c, err := s.admitted(who, req, req.PathValue("workspace_id"))
		if err == nil {
			err = h(w, req, c)
		}
		if err != nil {
			writeProblem(w, req, err)
		}
	})
}

// pathParameters describes the parameters of a path that are not described yet.
func pathParameters(path string, known []*huma.Param) []*huma.Param {
	var out []*huma.Param
	for part := range strings.SplitSeq(path, "/") {
		name, is := strings.CutPrefix(part, "{")
		if !is {
			continue
		}
		name = strings.TrimSuffix(name, "}")
		described := false
		for _, p := range known {
			described = described || p.Name == name
		}
		if !described {
			out = append(out, &huma.Param{Name: name, In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}})
		}
	}
	return out
}

// queryParameter describes a parameter of a plain operation.
func queryParameter(name, doc string, required bool) func(*huma.Operation) {
	return func(op *huma.Operation) {
		op.Parameters = append(op.Parameters, &huma.Param{Name: name, In: "query", Description: doc, Required: required, Schema: &huma.Schema{Type: huma.TypeString}})
	}
}

// answersJSON describes the good answer of a plain operation, and its problems.
func answersJSON[T any](r *router, code, description string) func(*huma.Operation) {
	return func(op *huma.Operation) {
		schemas := r.api.OpenAPI().Components.Schemas
		if op.Responses == nil {
			op.Responses = map[string]*huma.Response{}
		}
		op.Responses[code] = &huma.Response{Description: description, Content: map[string]*huma.MediaType{
			"application/json": {Schema: schemas.Schema(reflect.TypeFor[T](), true, "")},
		}}
		problems(r)(op)
	}
}

// problems describes the errors of a plain operation.
func problems(r *router) func(*huma.Operation) {
	return func(op *huma.Operation) {
		if op.Responses == nil {
			op.Responses = map[string]*huma.Response{}
		}
		op.Responses["default"] = &huma.Response{Description: "Error", Content: map[string]*huma.MediaType{
			"application/problem+json": {Schema: r.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "")},
		}}
	}
}

// says puts a text in front of the description of an operation.
func says(text string) func(*huma.Operation) {
	return func(op *huma.Operation) { op.Description = text + "\n\n" + op.Description }
}

// admit lets a request through to its operation, or answers for it.
func (s *Server) admit(api huma.API, who rule, ctx huma.Context, next func(huma.Context)) {
	r, _ := humago.Unwrap(ctx)
	c, err := s.admitted(who, r, ctx.Param("workspace_id"))
	if err == nil {
		next(huma.WithValue(ctx, keyCaller, c))
		return
	}
	p := problemOf(err, c.RequestID)
	logFailure(ctx.Context(), err, p)
	for k := range p.header {
		ctx.SetHeader(k, p.header.Get(k))
	}
	ctx.SetHeader("Content-Type", "application/problem+json")
	ctx.SetStatus(p.Status)
	_ = api.Marshal(ctx.BodyWriter(), "application/json", p)
}

// tagOf groups operations in the documentation.
func tagOf(path string) string {
	switch {
	case strings.Contains(path, "/gmail/"):
		return "Mail"
	case strings.Contains(path, "/records"), strings.Contains(path, "/objects"), strings.HasSuffix(path, "/record-settings"), strings.Contains(path, "/tags"),
		strings.Contains(path, "/notes"), strings.Contains(path, "/tasks"):
		return "Records"
	case strings.Contains(path, "}/webhooks"), strings.HasSuffix(path, "/webhook-events"):
		return "Webhooks"
	case strings.Contains(path, "/google-approval"), strings.Contains(path, "/google-clients"), strings.HasSuffix(path, "/doctor"),
		strings.HasSuffix(path, "/connections"), strings.HasSuffix(path, "/directory"), strings.Contains(path, "/connect-links"):
		return "Organisation"
	case strings.HasPrefix(path, "/api/token"), strings.HasPrefix(path, "/oauth/"), strings.Contains(path, "/tokens"):
		return "Token service"
	case strings.HasPrefix(path, base+"/google/proxy"):
		return "Leases"
	case strings.Contains(path, "/integrations/google"):
		return "Google connection"
	case strings.HasPrefix(path, base+"/auth"), strings.HasPrefix(path, base+"/setup"), strings.HasPrefix(path, base+"/me"), strings.HasPrefix(path, base+"/invitations"):
		return "Sign-in"
	case !strings.HasPrefix(path, base):
		return "About"
	}
	return "Workspaces"
}

// status sets the status of the good answer.
func status(code int) func(*huma.Operation) {
	return func(op *huma.Operation) { op.DefaultStatus = code }
}

// answers documents an answer that is not JSON.
func answers(code, mediaType, description string) func(*huma.Operation) {
	return func(op *huma.Operation) {
		if op.Responses == nil {
			op.Responses = map[string]*huma.Response{}
		}
		op.Responses[code] = &huma.Response{
			Description: description,
			Content:     map[string]*huma.MediaType{mediaType: {Schema: &huma.Schema{Type: huma.TypeString}}},
		}
	}
}

// redirects documents an answer that sends the browser on.
func redirects(op *huma.Operation) {
	op.DefaultStatus = http.StatusFound
}

// optional is a parameter that may be absent.
type optional[T any] struct {
	Value T
	Set   bool
}

// Schema is that of the value.
func (o optional[T]) Schema(r huma.Registry) *huma.Schema {
	return huma.SchemaFromType(r, reflect.TypeFor[T]())
}

// Receiver is where huma puts the value.
func (o *optional[T]) Receiver() reflect.Value { return reflect.ValueOf(o).Elem().Field(0) }

// OnParamSet notes whether there was one.
func (o *optional[T]) OnParamSet(set bool, _ any) { o.Set = set }

func (o optional[T]) pointer() *T {
	if !o.Set {
		return nil
	}
	return &o.Value
}
