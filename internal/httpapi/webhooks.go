package httpapi

// registerWebhooks is webhooks out.
func (s *Server) registerWebhooks(*router) {}
