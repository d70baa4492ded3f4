package httpapi

import (
	"context"
	"strings"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/org"
)

// InWorkspace is the workspace of the path. Embedded inputs are exported because
// huma reads exported fields only.
type InWorkspace struct {
	WorkspaceID string `path:"workspace_id" doc:"Id of the workspace, or default where there is only one."`
}

func (s *Server) listWorkspaces(ctx context.Context, c access.Caller, _ *nothing) (*bodyOf[List[Workspace]], error) {
	memberships, err := s.Org.WorkspacesOf(ctx, c.UserID)
	if err != nil {
		return nil, err
	}
	return listOf(each(memberships, workspaceShape)), nil
}

func (s *Server) getWorkspace(ctx context.Context, c access.Caller, _ *InWorkspace) (*bodyOf[Workspace], error) {
	w, err := s.Org.Workspace(ctx, c)
	if err != nil {
		return nil, err
	}
	return &bodyOf[Workspace]{Workspace{ID: string(w.ID), Name: w.Name, Role: string(c.Role)}}, nil
}

type listMembersInput struct {
	InWorkspace
	PageInput
	Q       string `query:"q" maxLength:"200" doc:"Words that each stand in the name or the address."`
	Role    string `query:"role" enum:"owner,admin,member"`
	UserIDs string `query:"user_ids" maxLength:"4000" doc:"Only these, with commas between; at most 100."`
}

// mostUserIDs is how many members are asked for by their ids at once.
const mostUserIDs = 100

func (s *Server) listMembers(ctx context.Context, c access.Caller, in *listMembersInput) (*bodyOf[List[Member]], error) {
	q := org.MemberQuery{Q: in.Q, Role: crm.Role(in.Role), Page: in.part()}
	if in.UserIDs != "" {
		q.Users = each(strings.Split(in.UserIDs, ","), func(id string) crm.UserID { return crm.UserID(strings.TrimSpace(id)) })
	}
	if len(q.Users) > mostUserIDs {
		return nil, &fault.Error{Kind: fault.Invalid, Text: "These are too many members at once. Ask for at most 100.", Fields: map[string]string{"user_ids": "must be at most 100"}}
	}
	list, next, err := s.Org.Members(ctx, c, q)
	return pageOf(list, next, err, memberShape)
}

type addMemberInput struct {
	InWorkspace
	Idempotent
	Body NewMember
}

func (s *Server) addMember(ctx context.Context, c access.Caller, in *addMemberInput) (*bodyOf[Member], error) {
	m, err := s.Org.AddMember(ctx, c, org.NewMember{
		Email: in.Body.Email, Name: in.Body.Name, Role: crm.Role(in.Body.Role), Password: crm.NewSecret(in.Body.Password),
		Again: in.Key != "",
	})
	if err != nil {
		return nil, err
	}
	return &bodyOf[Member]{memberShape(m)}, nil
}

type listKeysInput struct {
	InWorkspace
	PageInput
	State string `query:"state" enum:"active,ended" doc:"active: those that open something; ended: revoked and expired ones."`
}

func (s *Server) listKeys(ctx context.Context, c access.Caller, in *listKeysInput) (*bodyOf[List[APIKey]], error) {
	list, next, err := s.Org.APIKeys(ctx, c, org.KeyState(in.State), in.part())
	return pageOf(list, next, err, keyShape)
}

type createKeyInput struct {
	InWorkspace
	Idempotent
	Body NewAPIKey
}

func (s *Server) createKey(ctx context.Context, c access.Caller, in *createKeyInput) (*bodyOf[CreatedAPIKey], error) {
	k, secret, err := s.Org.CreateAPIKey(ctx, c, org.KeyWish{
		Name: in.Body.Name, Scopes: in.Body.Scopes, ExpiresAt: in.Body.ExpiresAt, Idempotency: in.Key,
	})
	if err != nil {
		return nil, err
	}
	return &bodyOf[CreatedAPIKey]{CreatedAPIKey{APIKey: keyShape(k), Key: secret.Reveal()}}, nil
}

type keyInput struct {
	InWorkspace
	KeyID string `path:"key_id"`
}

func (s *Server) revokeKey(ctx context.Context, c access.Caller, in *keyInput) (*nothing, error) {
	return nil, s.Org.RevokeAPIKey(ctx, c, crm.KeyID(in.KeyID))
}

func workspaceShape(m org.Membership) Workspace {
	return Workspace{ID: string(m.Workspace.ID), Name: m.Workspace.Name, Role: string(m.Role)}
}

func memberShape(m crm.Member) Member {
	return Member{UserID: string(m.UserID), Email: m.Email, Name: m.Name, Role: string(m.Role), JoinedAt: m.JoinedAt.UTC()}
}

func keyShape(k org.APIKey) APIKey {
	return APIKey{
		ID: string(k.ID), Name: k.Name, Prefix: k.Prefix, Scopes: texts(k.Scopes), UserID: string(k.UserID), CreatedAt: k.CreatedAt.UTC(),
		ExpiresAt: utc(k.ExpiresAt), LastUsedAt: utc(k.LastUsedAt), RevokedAt: utc(k.RevokedAt),
	}
}
