package records

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/unicode/norm"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
)

// Bounds of types.
const (
	mostTypes   = 50
	mostFields  = 60
	mostOptions = 200
)

// TypeWish asks for a type of records, or for a change of one: nil stays.
type TypeWish struct {
	Key                crm.RecordType // of a new one; "" is made from the name
	Name, Plural, Icon *string
	Fields             *[]crm.Field
}

// Types lists the types of the workspace, the standard ones first.
func (s *Service) Types(ctx context.Context, c access.Caller) ([]crm.ObjectType, error) {
	if err := access.Allow(c, access.RecordsRead); err != nil {
		return nil, err
	}
	list, err := s.Store.ObjectTypes(ctx, c.Workspace)
	return list, wrap("listing types", err)
}

// Type reads a type.
func (s *Service) Type(ctx context.Context, c access.Caller, key crm.RecordType) (crm.ObjectType, error) {
	if err := access.Allow(c, access.RecordsRead); err != nil {
		return crm.ObjectType{}, err
	}
	o, err := s.Store.ObjectType(ctx, c.Workspace, key)
	return o, wrap("reading the type", err)
}

var keyForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

// reserved are keys that mean something else where records are listed.
var reserved = []crm.RecordType{crm.Person, crm.Company, crm.Deal, "lead", "note", "task", "email", "meeting", "call", "record", "settings", "all"}

// CreateType makes a type.
func (s *Service) CreateType(ctx context.Context, c access.Caller, wish TypeWish) (crm.ObjectType, error) {
	if err := access.Allow(c, access.ObjectsManage); err != nil {
		return crm.ObjectType{}, err
	}
	o := crm.ObjectType{WorkspaceID: c.Workspace, Key: wish.Key, Icon: "box", CreatedAt: s.Now()}
	if o.Key == "" && wish.Name != nil {
		types, err := s.keys(ctx, c.Workspace)
		if err != nil {
			return o, err
		}
		if o.Key = crm.RecordType(keyOf(*wish.Name)); o.Key == "" {
			o.Key = free("object", types)
		}
	}
	if !keyForm.MatchString(string(o.Key)) {
		return o, invalid("key", "must be a name of a-z, 0-9 and _ that begins with a letter")
	}
	if slices.Contains(reserved, o.Key) {
		return o, invalid("key", "is taken")
	}
	if err := s.alterType(ctx, &o, wish); err != nil {
		return o, err
	}
	if o.Name == "" {
		return o, invalid("name", "is required")
	}
	if o.Plural == "" {
		o.Plural = o.Name + "s"
	}
	id, err := crm.NewID(s.Now(), s.Random)
	if err != nil {
		return o, err
	}
	o.ID = crm.ObjectTypeID(id)
	o, err = s.Store.PutObjectType(ctx, o, mostTypes, s.act(c, "type.create", id, string(o.Key)))
	return o, wrap("storing the type", err)
}

// keyOf makes a key of a name; "" of one without Latin letters.
func keyOf(name string) string {
	key := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return r
		case r == ' ', r == '-', r == '_':
			return '_'
		}
		return -1
	}, norm.NFD.String(strings.ToLower(strings.TrimSpace(name))))
	key = strings.Trim(strings.TrimLeft(key, "0123456789_"), "_")
	return strings.Trim(key[:min(len(key), 40)], "_")
}

// free is a key, with a number behind it where it is taken.
func free[K ~string](key K, taken []K) K {
	out := key
	for n := 2; slices.Contains(taken, out); n++ {
		out = K(fmt.Sprintf("%s_%d", key[:min(len(key), 37)], n))
	}
	return out
}

// shownFields are what records show besides the fields that are written.
var shownFields = []string{"id", "owner", "tags", "company", "sources", "created_by", "created_at", "updated_at", "last_at", "deleted_at", "merged_into", "version"}

// standing are the keys of fields that records of a type have anyway.
func standing(kind crm.RecordType) []string {
	return slices.Concat(allTypes, shownFields, fieldsOf[kind])
}

// ChangeType changes names, icon and fields of a type. A field keeps its key and type
// once it is there; values of one that is left out are kept and not shown.
func (s *Service) ChangeType(ctx context.Context, c access.Caller, key crm.RecordType, wish TypeWish) (crm.ObjectType, error) {
	if err := access.Allow(c, access.ObjectsManage); err != nil {
		return crm.ObjectType{}, err
	}
	types, err := s.keys(ctx, c.Workspace)
	if err != nil {
		return crm.ObjectType{}, err
	}
	o, err := s.Store.ChangeObjectType(ctx, c.Workspace, key, s.act(c, "type.change", string(key), ""), func(o *crm.ObjectType) error {
		return alter(o, wish, types)
	})
	return o, wrap("changing the type", err)
}

func (s *Service) alterType(ctx context.Context, o *crm.ObjectType, wish TypeWish) error {
	types, err := s.keys(ctx, o.WorkspaceID)
	if err != nil {
		return err
	}
	return alter(o, wish, append(types, o.Key))
}

func (s *Service) keys(ctx context.Context, w crm.WorkspaceID) ([]crm.RecordType, error) {
	list, err := s.Store.ObjectTypes(ctx, w)
	keys := make([]crm.RecordType, len(list))
	for i, o := range list {
		keys[i] = o.Key
	}
	return keys, wrap("reading types", err)
}

// alter does what a wish asks for, if it is in order; types are those that relations
// may point to.
func alter(o *crm.ObjectType, wish TypeWish, types []crm.RecordType) error {
	wrong := map[string]string{}
	for field, t := range map[string]struct {
		at   *string
		to   *string
		most int
	}{"name": {&o.Name, wish.Name, 60}, "plural": {&o.Plural, wish.Plural, 60}, "icon": {&o.Icon, wish.Icon, 40}} {
		if t.to == nil {
			continue
		}
		text := tidyText(*t.to, false)
		switch {
		case text == "" && field != "icon":
			wrong[field] = "is required"
		case utf8.RuneCountInString(text) > t.most:
			wrong[field] = fmt.Sprintf("must have at most %d characters", t.most)
		default:
			*t.at = text
		}
	}
	if wish.Fields != nil {
		fields := tidyFields(*wish.Fields, standing(o.Key))
		checkFields(o, fields, types, wrong)
		o.Fields = fields
	}
	if len(wrong) > 0 {
		return Invalid(wrong)
	}
	return nil
}

// tidyFields makes keys where none are given; others than those that stand already.
func tidyFields(in []crm.Field, standing []string) []crm.Field {
	list := slices.Clone(in)
	taken := slices.Clone(standing)
	for _, f := range in {
		taken = append(taken, f.Key)
	}
	for i := range list {
		list[i].Name = tidyText(list[i].Name, false)
		if key := keyOf(list[i].Name); list[i].Key == "" && key != "" {
			list[i].Key = free(key, standing)
		} else if list[i].Key == "" && list[i].Name != "" {
			list[i].Key = free("field", taken)
			taken = append(taken, list[i].Key)
		}
		list[i].Options = slices.Clone(list[i].Options)
		for j := range list[i].Options {
			list[i].Options[j] = tidyText(list[i].Options[j], false)
		}
		list[i].Currency = strings.ToUpper(list[i].Currency)
	}
	return list
}

var fieldTypes = []crm.FieldType{crm.FieldText, crm.FieldNumber, crm.FieldMoney, crm.FieldDate, crm.FieldSelect, crm.FieldEmail, crm.FieldPhone, crm.FieldURL, crm.FieldRelation}

// checkFields notes what is wrong with fields that are to take the place of others.
func checkFields(o *crm.ObjectType, in []crm.Field, types []crm.RecordType, wrong map[string]string) {
	before, standing := o.Fields, standing(o.Key)
	if len(in) > mostFields {
		wrong["fields"] = fmt.Sprintf("must have at most %d", mostFields)
		return
	}
	var seen []string
	for i, f := range in {
		at := fmt.Sprintf("fields[%d]", i)
		if where, what := checkField(f, types); what != "" {
			wrong[at+"."+where] = what
			continue
		}
		if slices.Contains(seen, f.Key) {
			wrong[at+".key"] = "stands twice"
		}
		seen = append(seen, f.Key)
		old := slices.IndexFunc(before, func(b crm.Field) bool { return b.Key == f.Key })
		if old < 0 && slices.Contains(standing, f.Key) {
			wrong[at+".key"] = "is that of a field that is there anyway"
		}
		if old >= 0 && before[old].Type != f.Type {
			wrong[at+".type"] = "cannot be changed: add another field"
		}
		if old >= 0 && f.Type == crm.FieldRelation && before[old].Target != f.Target {
			wrong[at+".target"] = "cannot be changed: add another field"
		}
	}
}

func known(currency string) bool {
	_, known := crm.Exponent(currency)
	return known
}

func checkField(f crm.Field, types []crm.RecordType) (where, what string) {
	switch {
	case f.Name == "" || utf8.RuneCountInString(f.Name) > 60:
		return "name", "must have 1 to 60 characters"
	case !keyForm.MatchString(f.Key):
		return "key", "must be a name of a-z, 0-9 and _ that begins with a letter"
	case !slices.Contains(fieldTypes, f.Type):
		return "type", "is none of text, number, money, date, select, email, phone, url, relation"
	case f.Type == crm.FieldSelect && (len(f.Options) == 0 || len(f.Options) > mostOptions):
		return "options", fmt.Sprintf("must have 1 to %d", mostOptions)
	case f.Type != crm.FieldSelect && len(f.Options) > 0:
		return "options", "are for fields of the type select"
	case f.Type == crm.FieldRelation && !slices.Contains(types, f.Target):
		return "target", "names no type of records"
	case f.Type != crm.FieldRelation && f.Target != "":
		return "target", "is for fields of the type relation"
	case f.Currency != "" && f.Type != crm.FieldMoney:
		return "currency", "is for fields of the type money"
	case f.Currency != "" && !known(f.Currency):
		return "currency", fmt.Sprintf("must be one of ISO 4217, which does not have %q", f.Currency)
	}
	for i, o := range f.Options {
		if o == "" || utf8.RuneCountInString(o) > 100 || slices.Contains(f.Options[:i], o) {
			return fmt.Sprintf("options[%d]", i), "must have 1 to 100 characters, and stand once"
		}
	}
	return "", ""
}

// DropType deletes a type that is not a standard one. It must say how many records go
// with it, unless there are none.
func (s *Service) DropType(ctx context.Context, c access.Caller, key crm.RecordType, confirm int64) error {
	if err := access.Allow(c, access.ObjectsManage); err != nil {
		return err
	}
	if key == crm.Person || key == crm.Company || key == crm.Deal {
		return fault.New(fault.Conflict, "People, companies and deals are always there.")
	}
	return wrap("deleting the type", s.Store.DropObjectType(ctx, c.Workspace, key, confirm, s.act(c, "type.delete", string(key), "")))
}

// Region gives where numbers without a country code are from, "" unless chosen.
func (s *Service) Region(ctx context.Context, c access.Caller) (string, error) {
	if err := access.Allow(c, access.RecordsRead); err != nil {
		return "", err
	}
	region, err := s.Store.Region(ctx, c.Workspace)
	return region, wrap("reading the region", err)
}

// SetRegion chooses it.
func (s *Service) SetRegion(ctx context.Context, c access.Caller, region string) error {
	if err := access.Allow(c, access.ObjectsManage); err != nil {
		return err
	}
	region = strings.ToUpper(strings.TrimSpace(region))
	if region != "" && !phonenumbers.GetSupportedRegions()[region] {
		return invalid("region", "is no country of ISO 3166, such as DE")
	}
	return wrap("storing the region", s.Store.SetRegion(ctx, c.Workspace, region, s.act(c, "records.region", "", region)))
}

func asFault(err error, f **fault.Error) bool { return errors.As(err, f) }
