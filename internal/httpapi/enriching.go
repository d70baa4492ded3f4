package httpapi

// registerEnriching is filled by its room.
func (s *Server) registerEnriching(r *router) {}
