package server

// allows tells whether pages of an origin may send. A request without one
// comes from no page.
func (s *Server) allows(origin []byte) bool {
	return len(origin) == 0 || s.options.Origins.Allow(origin)
}

// answerOrigin lets the page that sent a request read its answer if it may
// send.
func (s *Server) answerOrigin(w *work) {
	if origin := w.request.origin; len(origin) > 0 {
		w.response.byOrigin = true
		if s.allows(origin) {
			w.response.origin = origin
		}
	}
}
