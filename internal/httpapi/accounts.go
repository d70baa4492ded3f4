package httpapi

// registerAccounts is e-mail accounts: IMAP and SMTP.
func (s *Server) registerAccounts(*router) {}
