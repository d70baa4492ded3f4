package httpapi

// registerChanges is what changes mail: read state, labels, archive, trash.
func (s *Server) registerChanges(*router) {}
