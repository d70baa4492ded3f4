package httpapi

// registerMerging is filled by its room.
func (s *Server) registerMerging(r *router) {}
