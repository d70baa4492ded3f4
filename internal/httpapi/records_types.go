package httpapi

import (
	"context"

	"rapport/client"
	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/records"
)

// registerRecordTypes is the types of records, and tags.
func (s *Server) registerRecordTypes(r *router) {
	read, write, manage := may(access.RecordsRead), may(access.RecordsWrite), may(access.ObjectsManage)
	const object = w + "/objects/{key}"
	add(r, read, get, w+"/objects", "list-objects", "Types of records", s.listObjects)
	add(r, manage, post, w+"/objects", "create-object", "Make a type of records", once(s, "create-object", s.createObject), status(201))
	add(r, read, get, object, "get-object", "One type of records", s.getObject)
	add(r, manage, patch, object, "change-object", "Change names, icon and fields of a type", s.changeObject,
		says("Fields keep their key and type. Values of a field that is left out are kept, and not shown."))
	add(r, manage, remove, object, "delete-object", "Delete a type with its records", s.deleteObject)
	add(r, read, get, w+"/record-settings", "get-record-settings", "Settings of records", s.getRecordSettings)
	add(r, manage, patch, w+"/record-settings", "change-record-settings", "Change the settings of records", s.changeRecordSettings)
	add(r, read, get, w+"/tags", "list-tags", "Tags: the workspace's, and one's own", s.listTags)
	add(r, write, post, w+"/tags", "create-tag", "Make a tag", once(s, "create-tag", s.createTag), status(201))
	add(r, write, patch, w+"/tags/{tag_id}", "change-tag", "Change a tag", s.changeTag)
	add(r, write, remove, w+"/tags/{tag_id}", "delete-tag", "Delete a tag, and take it off all records", s.deleteTag)
}

func (s *Server) listObjects(ctx context.Context, c access.Caller, _ *InWorkspace) (*bodyOf[List[ObjectType]], error) {
	list, err := s.Records.Types(ctx, c)
	return pageOf(list, "", err, typeShape)
}

func fieldsIn(list []ObjectField) []crm.Field {
	return each(list, func(f ObjectField) crm.Field {
		return crm.Field{Key: f.Key, Name: f.Name, Type: crm.FieldType(f.Type), Options: f.Options, Currency: f.Currency, Target: crm.RecordType(f.Target), Required: f.Required}
	})
}

type createObjectInput struct {
	InWorkspace
	Idempotent
	Body client.NewObjectType
}

func (s *Server) createObject(ctx context.Context, c access.Caller, in *createObjectInput) (*bodyOf[ObjectType], error) {
	b := in.Body
	wish := records.TypeWish{Key: crm.RecordType(b.Key), Name: &b.Name}
	if b.Plural != "" {
		wish.Plural = &b.Plural
	}
	if b.Icon != "" {
		wish.Icon = &b.Icon
	}
	if fields := fieldsIn(b.Fields); len(fields) > 0 {
		wish.Fields = &fields
	}
	o, err := s.Records.CreateType(ctx, c, wish)
	return typeAnswer(o, err)
}

func typeAnswer(o crm.ObjectType, err error) (*bodyOf[ObjectType], error) {
	if err != nil {
		return nil, err
	}
	return &bodyOf[ObjectType]{typeShape(o)}, nil
}

// InObject is a path with a type of records.
type InObject struct {
	InWorkspace
	Key string `path:"key"`
}

func (s *Server) getObject(ctx context.Context, c access.Caller, in *InObject) (*bodyOf[ObjectType], error) {
	o, err := s.Records.Type(ctx, c, crm.RecordType(in.Key))
	return typeAnswer(o, err)
}

type changeObjectInput struct {
	InObject
	Body client.ObjectTypePatch
}

func (s *Server) changeObject(ctx context.Context, c access.Caller, in *changeObjectInput) (*bodyOf[ObjectType], error) {
	b := in.Body
	wish := records.TypeWish{Name: b.Name, Plural: b.Plural, Icon: b.Icon}
	if b.Fields != nil {
		fields := fieldsIn(*b.Fields)
		wish.Fields = &fields
	}
	o, err := s.Records.ChangeType(ctx, c, crm.RecordType(in.Key), wish)
	return typeAnswer(o, err)
}

type deleteObjectInput struct {
	InObject
	Confirm int64 `query:"confirm" minimum:"0" doc:"How many records go with it; of need when there are any."`
}

func (s *Server) deleteObject(ctx context.Context, c access.Caller, in *deleteObjectInput) (*nothing, error) {
	return nil, s.Records.DropType(ctx, c, crm.RecordType(in.Key), in.Confirm)
}

func (s *Server) getRecordSettings(ctx context.Context, c access.Caller, _ *InWorkspace) (*bodyOf[RecordSettings], error) {
	region, err := s.Records.Region(ctx, c)
	if err != nil {
		return nil, err
	}
	return &bodyOf[RecordSettings]{RecordSettings{Region: region}}, nil
}

type changeRecordSettingsInput struct {
	InWorkspace
	Body RecordSettings
}

func (s *Server) changeRecordSettings(ctx context.Context, c access.Caller, in *changeRecordSettingsInput) (*bodyOf[RecordSettings], error) {
	if err := s.Records.SetRegion(ctx, c, in.Body.Region); err != nil {
		return nil, err
	}
	return s.getRecordSettings(ctx, c, &in.InWorkspace)
}

func (s *Server) listTags(ctx context.Context, c access.Caller, _ *InWorkspace) (*bodyOf[List[Tag]], error) {
	list, err := s.Records.Tags(ctx, c)
	return pageOf(list, "", err, func(t crm.Tag) Tag { return tagShape(c, t) })
}

type createTagInput struct {
	InWorkspace
	Idempotent
	Body client.NewTag
}

func (s *Server) createTag(ctx context.Context, c access.Caller, in *createTagInput) (*bodyOf[Tag], error) {
	t, err := s.Records.CreateTag(ctx, c, in.Body.Name, in.Body.Colour, in.Body.Mine)
	if err != nil {
		return nil, err
	}
	return &bodyOf[Tag]{tagShape(c, t)}, nil
}

// InTag is a path with a tag.
type InTag struct {
	InWorkspace
	TagID string `path:"tag_id"`
}

type changeTagInput struct {
	InTag
	Body client.TagPatch
}

func (s *Server) changeTag(ctx context.Context, c access.Caller, in *changeTagInput) (*bodyOf[Tag], error) {
	t, err := s.Records.ChangeTag(ctx, c, crm.TagID(in.TagID), in.Body.Name, in.Body.Colour)
	if err != nil {
		return nil, err
	}
	return &bodyOf[Tag]{tagShape(c, t)}, nil
}

func (s *Server) deleteTag(ctx context.Context, c access.Caller, in *InTag) (*nothing, error) {
	return nil, s.Records.DropTag(ctx, c, crm.TagID(in.TagID))
}
