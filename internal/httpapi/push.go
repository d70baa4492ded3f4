package httpapi

// registerPush is how Google tells of new mail.
func (s *Server) registerPush(*router) {}
