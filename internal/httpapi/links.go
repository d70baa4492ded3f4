package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"rapport/internal/access"
	"rapport/internal/crm"
	"rapport/internal/fault"
	"rapport/internal/org"
	"rapport/internal/vault"
)

func (s *Server) listConnectLinks(ctx context.Context, c access.Caller, in *openInput) (*bodyOf[List[ConnectLink]], error) {
	list, next, err := s.Org.ConnectLinks(ctx, c, in.Open, in.part())
	return pageOf(list, next, err, linkShape)
}

type createLinksInput struct {
	InWorkspace
	Idempotent
	Body NewConnectLinks
}

func (s *Server) createConnectLinks(ctx context.Context, c access.Caller, in *createLinksInput) (*bodyOf[List[CreatedConnectLink]], error) {
	wishes := each(in.Body.People, func(p LinkPerson) org.LinkWish { return org.LinkWish{Email: p.Email, Name: p.Name} })
	made, err := s.Org.CreateConnectLinks(ctx, c, wishes, each(in.Body.Services, func(x string) crm.Service { return crm.Service(x) }))
	if err != nil {
		return nil, err
	}
	return listOf(each(made, func(x org.CreatedLink) CreatedConnectLink {
		return CreatedConnectLink{ConnectLink: linkShape(x.Link), URL: s.PublicURL + linkPage + x.Token.Reveal()}
	})), nil
}

func linkShape(l org.ConnectLink) ConnectLink {
	return ConnectLink{
		ID: string(l.ID), UserID: string(l.UserID), Email: l.Email, Name: l.Name, Services: texts(l.Services),
		CreatedAt: l.CreatedAt.UTC(), ExpiresAt: l.ExpiresAt.UTC(), UsedAt: utc(l.UsedAt),
	}
}

type linkInput struct {
	InWorkspace
	LinkID string `path:"link_id"`
}

func (s *Server) revokeConnectLink(ctx context.Context, c access.Caller, in *linkInput) (*nothing, error) {
	return nil, s.Org.RevokeConnectLink(ctx, c, crm.LinkID(in.LinkID))
}

// linkPage is the page of a connect link; its token stands behind it.
const linkPage = "/connect/"

// linkOf finds a connect link that can be used.
func (s *Server) linkOf(ctx context.Context, c access.Caller, token crm.Secret) (org.ConnectLink, error) {
	var found org.ConnectLink
	err := s.guess(ctx, c, guessLink, func() (err error) {
		found, err = s.Org.ConnectLinkByToken(ctx, token)
		return err
	})
	return found, err
}

func (s *Server) viewConnectLink(ctx context.Context, c access.Caller, _ *ByToken) (*bodyOf[ConnectLinkView], error) {
	l, err := s.linkOf(ctx, c, hiddenOf(ctx))
	if err != nil {
		return nil, err
	}
	view := ConnectLinkView{WorkspaceName: l.WorkspaceName, Email: l.Email, Services: texts(l.Services), ExpiresAt: l.ExpiresAt.UTC()}
	if somebodyElse(c, l) {
		u, err := s.Org.User(ctx, c.UserID)
		if err != nil {
			return nil, err
		}
		view.SignedInAs = u.Email
	}
	return &bodyOf[ConnectLinkView]{view}, nil
}

// somebodyElse reports whether another person is signed in than the one a link
// was made for.
func somebodyElse(c access.Caller, l org.ConnectLink) bool {
	return c.UserID != "" && c.UserID != l.UserID
}

// startConnectLink sends the holder of a connect link to Google. The consent
// ends in the browser that began it: a cookie ties the two.
func (s *Server) startConnectLink(ctx context.Context, c access.Caller, _ *ByToken) (*redirectOutput, error) {
	token := hiddenOf(ctx)
	started, err := s.beginByLink(ctx, c, token)
	if err != nil {
		p := problemOf(err, c.RequestID)
		logFailure(ctx, err, p)
		return &redirectOutput{Location: linkPage + url.PathEscape(token.Reveal()) + "?" + url.Values{"google": {outcomeOf(p.Code)}, "reference": {c.RequestID}}.Encode()}, nil
	}
	return &redirectOutput{Location: started.URL, Cookie: []http.Cookie{s.linkCookie(started.State, token, started.ExpiresAt)}}, nil
}

func (s *Server) beginByLink(ctx context.Context, c access.Caller, token crm.Secret) (vault.Started, error) {
	l, err := s.linkOf(ctx, c, token)
	if err != nil {
		return vault.Started{}, err
	}
	if somebodyElse(c, l) {
		return vault.Started{}, &fault.Error{Kind: fault.Forbidden, Code: "wrong_user",
			Text: "This link was made for " + l.Email + ", and somebody else is signed in here. Sign out, or open the link in a browser of their own."}
	}
	c, err = s.Org.Enter(ctx, byLink(c, l), l.WorkspaceID)
	if err != nil {
		return vault.Started{}, err
	}
	return s.Vault.Begin(ctx, c, vault.Request{
		Purpose: vault.PurposeConnect, Services: l.Services, Link: l.ID, LoginHint: l.Email, RedirectURI: s.RedirectURI, ReturnTo: linkPage + hiddenMark,
	})
}

// viaLink is how the holder of a connect link comes: as the person it was made for.
const viaLink access.Via = "link"

func byLink(c access.Caller, l org.ConnectLink) access.Caller {
	return access.Caller{Via: viaLink, UserID: l.UserID, Remote: c.Remote, RequestID: c.RequestID}
}

// linkCookie ties a consent to the browser that opened the connect link.
func (s *Server) linkCookie(state string, token crm.Secret, expires time.Time) http.Cookie {
	c := s.cookie(token, expires)
	c.Name, c.Path = stateName("rapport_link_", state), base
	return c
}

// linkBehind gives the token of the connect link that a consent was begun by,
// and who its holder is. The zero token is none. Who is signed in stays who they
// are: somebody else is refused, and the person themselves may choose another
// account of theirs.
func (s *Server) linkBehind(ctx context.Context, c access.Caller, in AnyCallback) (crm.Secret, access.Caller, error) {
	cookies, err := http.ParseCookie(in.Cookies)
	if err != nil { // none, or not ours
		return crm.Secret{}, c, nil //nolint:nilerr // see above
	}
	name := stateName("rapport_link_", in.State)
	for _, x := range cookies {
		if x.Name != name || x.Value == "" {
			continue
		}
		token := crm.NewSecret(x.Value)
		l, err := s.linkOf(ctx, c, token)
		if fault.Is(err, fault.NotFound) { // used or revoked meanwhile
			return token, c, nil
		}
		if err != nil || c.UserID != "" {
			return token, c, err
		}
		return token, byLink(c, l), nil
	}
	return crm.Secret{}, c, nil
}
