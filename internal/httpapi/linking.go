package httpapi

// registerLinking is filled by its room.
func (s *Server) registerLinking(r *router) {}
