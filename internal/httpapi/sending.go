package httpapi

// registerSending is what is sent: the outbox, drafts, aliases.
func (s *Server) registerSending(*router) {}
