package httpapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/org"
)

type changeMemberInput struct {
	InUser
	Body MemberPatch
}

func (s *Server) changeMember(ctx context.Context, c access.Caller, in *changeMemberInput) (*bodyOf[Member], error) {
	if err := s.Org.ChangeRole(ctx, c, crm.UserID(in.UserID), crm.Role(in.Body.Role)); err != nil {
		return nil, err
	}
	m, err := s.Org.Member(ctx, c, crm.UserID(in.UserID))
	if err != nil {
		return nil, err
	}
	return &bodyOf[Member]{memberShape(m)}, nil
}

type removeMemberInput struct {
	InUser
	SuccessorID string `query:"successor_id" maxLength:"64" doc:"Who gets their records and open tasks; without one they are nobody's. It takes a while."`
}

func (s *Server) removeMember(ctx context.Context, c access.Caller, in *removeMemberInput) (*nothing, error) {
	return nil, s.Org.ReplaceMember(ctx, c, crm.UserID(in.UserID), crm.UserID(in.SuccessorID))
}

type openInput struct {
	InWorkspace
	PageInput
	Open bool `query:"open" doc:"Only those that can be used still."`
}

func (s *Server) listInvitations(ctx context.Context, c access.Caller, in *openInput) (*bodyOf[List[Invitation]], error) {
	list, next, err := s.Org.Invitations(ctx, c, in.Open, in.part())
	return pageOf(list, next, err, invitationShape)
}

type inviteInput struct {
	InWorkspace
	Idempotent
	Body NewInvitation
}

func (s *Server) invite(ctx context.Context, c access.Caller, in *inviteInput) (*bodyOf[CreatedInvitation], error) {
	made, token, err := s.Org.InviteByLink(ctx, c, org.InvitationWish{Email: in.Body.Email, Name: in.Body.Name, Role: crm.Role(in.Body.Role)})
	if err != nil {
		return nil, err
	}
	return &bodyOf[CreatedInvitation]{CreatedInvitation{Invitation: invitationShape(made), URL: s.PublicURL + "/invite/" + token.Reveal()}}, nil
}

func invitationShape(in org.Invitation) Invitation {
	return Invitation{
		ID: string(in.ID), Email: in.Email, Name: in.Name, Role: string(in.Role), InvitedBy: in.InviterName,
		CreatedAt: in.CreatedAt.UTC(), ExpiresAt: in.ExpiresAt.UTC(),
	}
}

type invitationInput struct {
	InWorkspace
	InvitationID string `path:"invitation_id"`
}

func (s *Server) revokeInvitation(ctx context.Context, c access.Caller, in *invitationInput) (*nothing, error) {
	return nil, s.Org.RevokeInvitation(ctx, c, crm.InvitationID(in.InvitationID))
}

// ByToken is a path that carries a secret: see hide.
type ByToken struct {
	Token string `path:"token" doc:"From the address that was handed out."`
}

func (s *Server) viewInvitation(ctx context.Context, c access.Caller, _ *ByToken) (*bodyOf[InvitationView], error) {
	var found org.Invitation
	err := s.guess(ctx, c, guessInvitation, func() (err error) {
		found, err = s.Org.InvitationByToken(ctx, hiddenOf(ctx))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &bodyOf[InvitationView]{InvitationView{
		WorkspaceName: found.WorkspaceName, Email: found.Email, Name: found.Name, Role: string(found.Role), InvitedBy: found.InviterName,
		ExpiresAt: found.ExpiresAt.UTC(), HasAccount: found.HasAccount, GoogleSignIn: s.googleSignIn(ctx),
	}}, nil
}

type acceptInput struct {
	ByToken
	UserAgent string `header:"User-Agent" hidden:"true"`
	Body      AcceptInvitation
}

func (s *Server) acceptInvitation(ctx context.Context, c access.Caller, in *acceptInput) (*setupOutput, error) {
	var user crm.User
	err := s.guess(ctx, c, guessInvitation, func() (err error) {
		user, err = s.Org.AcceptInvitation(ctx, c, hiddenOf(ctx), in.Body.Name, crm.NewSecret(in.Body.Password))
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.open(ctx, c, user, in.UserAgent)
}

type directoryInput struct {
	InWorkspace
	PageInput
	Q            string `query:"q" maxLength:"200" doc:"Beginning of a name or an address."`
	NotConnected bool   `query:"not_connected" doc:"Only people who have not connected Google yet."`
}

func (s *Server) listColleagues(ctx context.Context, c access.Caller, in *directoryInput) (*bodyOf[List[Colleague]], error) {
	read := s.Org.Colleagues
	if in.NotConnected {
		read = s.Org.NotConnected
	}
	found, next, err := read(ctx, c, strings.TrimSpace(in.Q), in.Cursor, in.Limit)
	if err != nil {
		return nil, withDirectoryAddress(c, err)
	}
	out := listOf(each(found, colleagueShape))
	out.Body.NextCursor = next
	return out, nil
}

// withDirectoryAddress puts the address that connects the directory into the
// problem that asks for it: an administrator's own grant for that service.
func withDirectoryAddress(c access.Caller, err error) error {
	var f *fault.Error
	if !errors.As(err, &f) || f.Code != "directory_not_connected" {
		return err
	}
	out := *f
	out.Action = oauthPath + "/authorize?" + url.Values{"service": {string(crm.ServiceDirectory)}, "workspace_id": {string(c.Workspace)}, "redirect": {colleaguesPage}}.Encode()
	return &out
}

// colleaguesPage is the page of the web application that shows the directory.
const colleaguesPage = "/admin/colleagues"

func colleagueShape(x org.Colleague) Colleague {
	out := Colleague{
		ID: x.ID, Email: x.Email, Name: x.Name, PhotoURL: x.PhotoURL, OrgUnit: x.OrgUnit, Suspended: x.Suspended, Archived: x.Archived,
		Admin: x.Admin, NoMailbox: x.NoMailbox, Connected: x.Connected, Status: string(x.Status), LinkSentAt: utc(x.LinkSentAt),
	}
	if x.Member != nil {
		out.UserID, out.Role = string(x.Member.UserID), string(x.Member.Role)
	}
	return out
}

func (s *Server) listSessions(ctx context.Context, c access.Caller, in *PageInput) (*bodyOf[List[Session]], error) {
	list, next, err := s.Org.Sessions(ctx, c, in.part())
	return pageOf(list, next, err, func(x org.OwnSession) Session {
		return Session{
			ID: string(x.ID), CreatedAt: x.CreatedAt.UTC(), LastSeenAt: x.LastSeenAt.UTC(), Remote: x.Remote, UserAgent: x.UserAgent, Current: x.Current,
		}
	})
}

// part is the page that is asked for, as the organisation's lists take it.
func (p PageInput) part() org.Page { return org.Page{Cursor: p.Cursor, Limit: p.Limit} }

// pageOf is the answer with a page of a list, or with what went wrong.
func pageOf[From, To any](list []From, next string, err error, shape func(From) To) (*bodyOf[List[To]], error) {
	if err != nil {
		return nil, err
	}
	out := listOf(each(list, shape))
	out.Body.NextCursor = next
	return out, nil
}

type sessionInput struct {
	SessionID string `path:"session_id"`
}

func (s *Server) endSession(ctx context.Context, c access.Caller, in *sessionInput) (*nothing, error) {
	return nil, s.Org.EndSession(ctx, c, crm.SessionID(in.SessionID))
}

type everywhereInput struct {
	Body *SignOutEverywhere
}

type everywhereOutput struct {
	Cookie []http.Cookie `header:"Set-Cookie"`
}

func (s *Server) signOutEverywhere(ctx context.Context, c access.Caller, in *everywhereInput) (*everywhereOutput, error) {
	keep := in.Body != nil && in.Body.KeepThis
	if err := s.Org.SignOutEverywhere(ctx, c, keep); err != nil || keep {
		return &everywhereOutput{}, err
	}
	return &everywhereOutput{[]http.Cookie{s.endedCookie()}}, nil
}

func (s *Server) changePassword(ctx context.Context, c access.Caller, in *bodyOf[PasswordChange]) (*nothing, error) {
	return nil, s.Org.ChangePassword(ctx, c, crm.NewSecret(in.Body.OldPassword), crm.NewSecret(in.Body.NewPassword))
}

type auditInput struct {
	InWorkspace
	PageInput
	UserID string              `query:"user_id" maxLength:"64"`
	Action string              `query:"action" maxLength:"64" doc:"An action, or how it begins: token. is everything about tokens."`
	Target string              `query:"target" maxLength:"64" doc:"Id of the thing that was acted on."`
	Since  optional[time.Time] `query:"since" doc:"From this moment on."`
	Until  optional[time.Time] `query:"until" doc:"Before this moment."`
}

func (s *Server) listAudit(ctx context.Context, c access.Caller, in *auditInput) (*bodyOf[List[AuditRow]], error) {
	rows, next, err := s.Org.AuditLog(ctx, c, org.AuditQuery{
		UserID: crm.UserID(in.UserID), Action: in.Action, Target: in.Target, Since: in.Since.Value, Until: in.Until.Value, Cursor: in.Cursor, Limit: in.Limit,
	})
	if err != nil {
		return nil, err
	}
	out := listOf(each(rows, auditShape))
	out.Body.NextCursor = next
	return out, nil
}

func auditShape(x org.AuditRow) AuditRow {
	return AuditRow{
		ID: strconv.FormatInt(x.ID, 10), At: x.At.UTC(), UserID: string(x.UserID), UserName: x.UserName, KeyID: string(x.KeyID), Via: string(x.Via),
		Action: x.Action, Target: x.Target, Outcome: x.Outcome, Detail: x.Detail, Remote: x.Remote,
	}
}
