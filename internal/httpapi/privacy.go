package httpapi

// registerPrivacy is who sees what: shares, blocked and protected addresses, the workspace's rules for mail.
func (s *Server) registerPrivacy(*router) {}
