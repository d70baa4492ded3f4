package httpapi

// registerExport is mail as files.
func (s *Server) registerExport(*router) {}
