package discovery

import (
	"encoding/json"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"sync"
)

// API is a compiled discovery document. It is immutable.
type API struct {
	Name        string // "gmail"
	Version     string // "v1"
	Host        string // "gmail.googleapis.com"
	ServicePath string // "" or "calendar/v3/"
	BatchPath   string
	Methods     map[string]*Method
	Common      map[string]*Param // parameters every method takes
	Classic     bool              // old error envelope: no status field (Calendar, Drive)
}

// Method is one method of an API.
type Method struct {
	API      *API
	ID       string // "gmail.users.messages.get"
	Short    string // "messages.get": the id without the API and without "users."
	HTTP     string // "GET"
	Template string // "gmail/v1/users/{userId}/messages/{id}"
	Query    map[string]*Param
	PathVars map[string]*Param
	Request  *Schema // nil: takes no body
	Response *Schema // nil: answers without a body
	Scopes   []string
	Upload   *Upload
	Download bool // supports alt=media

	defaults []string // query parameters that have a default
	required []string
	allowed  map[string]bool // Scopes as a set
}

// Upload describes the media a method accepts.
type Upload struct {
	MaxSize int64
	Accept  []string
}

// Param is a path or query parameter.
type Param struct {
	Name     string
	Type     string // string, integer, boolean, number
	Format   string
	Enum     map[string]string // lower case to the documented spelling; nil: anything
	Default  string
	Required bool
	Repeated bool
	Minimum  *int64
	Maximum  *int64
}

// Allows tells whether one of the scopes a token holds is enough for the method.
func (m *Method) Allows(scopes []string) bool {
	if len(m.allowed) == 0 {
		return true
	}
	for _, s := range scopes {
		if m.allowed[s] {
			return true
		}
	}
	return false
}

var compiled sync.Map // document text -> *API

// Compile reads a discovery document. Compiling the same document again
// returns the same API.
func Compile(doc []byte) (*API, error) {
	key := string(doc)
	if a, ok := compiled.Load(key); ok {
		return a.(*API), nil
	}
	a, err := compile(doc)
	if err != nil {
		return nil, err
	}
	got, _ := compiled.LoadOrStore(key, a)
	return got.(*API), nil
}

type rawDocument struct {
	Name, Version, RootURL, ServicePath, BatchPath string
	Parameters                                     map[string]rawParam
	Schemas                                        map[string]rawSchema
	rawResource
}

type rawResource struct {
	Methods   map[string]rawMethod
	Resources map[string]rawResource
}

type rawMethod struct {
	ID, Path, FlatPath, HTTPMethod string
	Parameters                     map[string]rawParam
	Request, Response              *struct {
		Ref string `json:"$ref"`
	}
	Scopes                []string
	SupportsMediaDownload bool
	MediaUpload           *struct {
		Accept    []string
		MaxSize   string
		Protocols map[string]struct{ Path string }
	}
}

type rawParam struct {
	Type, Format, Location, Pattern, Default string
	Required, Repeated                       bool
	Enum                                     []string
	Minimum, Maximum                         string
}

func compile(doc []byte) (*API, error) {
	var d rawDocument
	if err := json.Unmarshal(doc, &d); err != nil {
		return nil, fmt.Errorf("read discovery document: %w", err)
	}
	api := &API{
		Name:        d.Name,
		Version:     d.Version,
		Host:        strings.TrimSuffix(strings.TrimPrefix(d.RootURL, "https://"), "/"),
		ServicePath: d.ServicePath,
		BatchPath:   d.BatchPath,
		Methods:     map[string]*Method{},
		Common:      map[string]*Param{},
		Classic:     d.Name == "calendar" || d.Name == "drive",
	}
	for name, p := range d.Parameters {
		api.Common[name] = compileParam(name, p)
	}
	schemas := compileSchemas(d.Schemas)
	var walk func(r rawResource) error
	walk = func(r rawResource) error {
		for _, raw := range r.Methods {
			m, err := compileMethod(api, raw, schemas)
			if err != nil {
				return err
			}
			api.Methods[m.ID] = m
		}
		for _, sub := range r.Resources {
			if err := walk(sub); err != nil {
				return err
			}
		}
		return nil
	}
	if err := walk(d.rawResource); err != nil {
		return nil, err
	}
	return api, nil
}

func compileMethod(api *API, raw rawMethod, schemas map[string]*Schema) (*Method, error) {
	m := &Method{
		API:      api,
		ID:       raw.ID,
		Short:    short(raw.ID),
		HTTP:     raw.HTTPMethod,
		Query:    map[string]*Param{},
		PathVars: map[string]*Param{},
		Scopes:   raw.Scopes,
		Download: raw.SupportsMediaDownload,
		allowed:  map[string]bool{},
	}
	for _, s := range raw.Scopes {
		m.allowed[s] = true
	}
	m.Template = api.ServicePath + expandReserved(raw)
	for name, p := range raw.Parameters {
		c := compileParam(name, p)
		if p.Location == "path" {
			m.PathVars[name] = c
			continue
		}
		m.Query[name] = c
		if c.Default != "" && !c.Repeated {
			m.defaults = append(m.defaults, name)
		}
		if c.Required {
			m.required = append(m.required, name)
		}
	}
	sort.Strings(m.defaults)
	sort.Strings(m.required)
	if raw.Request != nil {
		m.Request = schemas[raw.Request.Ref]
	}
	if raw.Response != nil {
		m.Response = schemas[raw.Response.Ref]
	}
	if raw.MediaUpload != nil {
		size, err := strconv.ParseInt(raw.MediaUpload.MaxSize, 10, 64)
		if err != nil {
			size = 5 << 40 // drive.files: no limit worth enforcing
		}
		m.Upload = &Upload{MaxSize: size, Accept: raw.MediaUpload.Accept}
	}
	return m, nil
}

// expandReserved writes {+name} as the segments its pattern demands:
// "v1/{+topic}:publish" becomes "v1/{topic=projects/*/topics/*}:publish".
func expandReserved(raw rawMethod) string {
	path := raw.Path
	for name, p := range raw.Parameters {
		plain := "{+" + name + "}"
		if p.Location != "path" || !strings.Contains(path, plain) {
			continue
		}
		shape := strings.TrimSuffix(strings.TrimPrefix(p.Pattern, "^"), "$")
		shape = strings.ReplaceAll(shape, "[^/]+", "*")
		if shape == "" || shape == ".*" {
			shape = "*"
		}
		path = strings.Replace(path, plain, "{"+name+"="+shape+"}", 1)
	}
	return path
}

func compileParam(name string, p rawParam) *Param {
	c := &Param{Name: name, Type: p.Type, Format: p.Format, Default: p.Default, Required: p.Required, Repeated: p.Repeated}
	if len(p.Enum) > 0 {
		c.Enum = make(map[string]string, len(p.Enum))
		for _, e := range p.Enum {
			c.Enum[strings.ToLower(e)] = e
		}
	}
	if v, err := strconv.ParseInt(p.Minimum, 10, 64); err == nil {
		c.Minimum = &v
	}
	if v, err := strconv.ParseInt(p.Maximum, 10, 64); err == nil {
		c.Maximum = &v
	}
	return c
}

// short drops the API's name and a leading "users": what people call a method.
func short(id string) string {
	_, rest, _ := strings.Cut(id, ".")
	if after, ok := strings.CutPrefix(rest, "users."); ok && strings.HasPrefix(id, "gmail.") {
		return after
	}
	return rest
}
