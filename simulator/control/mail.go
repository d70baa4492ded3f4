package control

import "net/http"

// imapView is what can be set about an account's IMAP.
type imapView struct {
	Language    string `json:"language"`    // of the folders under [Gmail]
	Disabled    bool   `json:"disabled"`    // switched off
	Connections int    `json:"connections"` // at once
	Connected   int    `json:"connected"`   // now; not to be set
}

func (s *Server) imap(r *http.Request) (any, error) {
	a, err := s.account(r)
	if err != nil {
		return nil, err
	}
	if s.IMAP == nil {
		return nil, absent("imap")
	}
	x := s.IMAP.Settings(a.Email)
	return imapView{x.Language, x.Disabled, x.Connections, len(s.IMAP.Sessions(a.Email))}, nil
}

// setIMAP changes what the body names and leaves the rest.
func (s *Server) setIMAP(r *http.Request) (any, error) {
	a, err := s.account(r)
	if err != nil {
		return nil, err
	}
	if s.IMAP == nil {
		return nil, absent("imap")
	}
	x := s.IMAP.Settings(a.Email)
	b := imapView{Language: x.Language, Disabled: x.Disabled, Connections: x.Connections}
	if err := read(r, &b); err != nil {
		return nil, err
	}
	if err := s.IMAP.Set(a.Email, IMAPSettings{Language: b.Language, Disabled: b.Disabled, Connections: b.Connections}); err != nil {
		return nil, bad("%v", err)
	}
	return s.imap(r)
}

// changeValidity gives the messages of a folder, or of all, other UIDs.
func (s *Server) changeValidity(r *http.Request) (any, error) {
	a, err := s.account(r)
	if err != nil {
		return nil, err
	}
	if s.IMAP == nil {
		return nil, absent("imap")
	}
	var b struct {
		Folder string `json:"folder"`
	}
	if err := read(r, &b); err != nil {
		return nil, err
	}
	if err := s.IMAP.ChangeValidity(a.Email, b.Folder); err != nil {
		return nil, bad("%v", err)
	}
	return nil, nil
}

// dropIMAP cuts the account's IMAP connections.
func (s *Server) dropIMAP(r *http.Request) (any, error) {
	a, err := s.account(r)
	if err != nil {
		return nil, err
	}
	if s.IMAP == nil {
		return nil, absent("imap")
	}
	s.IMAP.Drop(a.Email)
	return nil, nil
}
