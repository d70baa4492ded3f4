package httpapi

import (
	"context"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/access"
)

// rule is who may call an operation.
type rule struct {
	public bool          // nobody has to be signed in
	action access.Action // what has to be allowed in the workspace of the path; "" is just signed in
}

var (
	anyone   = rule{public: true}
	signedIn = rule{}
)

// may lets in members of the workspace in the path who may do the action.
func may(a access.Action) rule { return rule{action: a} }

func (r rule) String() string {
	switch {
	case r.public:
		return "anyone"
	case r.action == "":
		return "signed in"
	}
	return "may " + string(r.action)
}

// Route is a line of the table of contents.
type Route struct {
	Method, Path, ID string
	Public           bool
	Action           access.Action
}

// router collects operations.
type router struct {
	api    huma.API
	server *Server
	routes []Route
}

// handler of one operation. The caller is nobody where the rule lets anyone in.
type handler[I, O any] func(ctx context.Context, c access.Caller, in *I) (*O, error)

const maxBody = 1 << 20

// add registers one operation with its rule. Whoever may not call it gets 401,
// 403, or 404 for workspaces they do not belong to, before the input is read.
func add[I, O any](r *router, who rule, method, path, id, summary string, h handler[I, O], more ...func(*huma.Operation)) {
	s := r.server
	r.routes = append(r.routes, Route{Method: method, Path: base + path, ID: id, Public: who.public, Action: who.action})
	op := huma.Operation{
		Method: method, Path: base + path, OperationID: id, Summary: summary,
		Description:  "Access: " + who.String() + ".",
		Tags:         []string{tagOf(path)},
		MaxBodyBytes: maxBody,
		Middlewares:  huma.Middlewares{func(ctx huma.Context, next func(huma.Context)) { s.admit(r.api, who, ctx, next) }},
	}
	if !who.public {
		op.Security = []map[string][]string{{"session": {}}, {"bearer": {}}}
	}
	for _, m := range more {
		m(&op)
	}
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

// tagOf groups operations in the documentation.
func tagOf(path string) string {
	switch {
	case strings.Contains(path, "/gmail/"):
		return "Mail"
	case strings.Contains(path, "/integrations/google"):
		return "Google connection"
	case strings.HasPrefix(path, "/auth"), strings.HasPrefix(path, "/setup"), strings.HasPrefix(path, "/me"):
		return "Sign-in"
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
