package httpapi

// registerRecords is filled by its room.
func (s *Server) registerRecords(r *router) {}
