package studio

import "net/http"

// routes lists what the studio answers.
func (s *Studio) routes() {
	for pattern, h := range map[string]handler{
		"GET /api/state":              s.state,
		"GET /api/models":             s.listModels,
		"POST /api/open":              s.open,
		"GET /api/model":              s.model,
		"GET /api/model/tensor":       s.tensor,
		"GET /api/model/tensor/stats": s.tensorStats,
		"POST /api/model/heads":       s.heads,
		"POST /api/tokenize":          s.tokenize,
		"POST /api/run":               s.run,
		"GET /api/run/{id}/tile":      s.tile,
	} {
		s.mux.Handle(pattern, s.answer(h))
	}
	s.mux.Handle("/api/", s.answer(func(http.ResponseWriter, *http.Request) error {
		return problem(http.StatusNotFound, "not_found", "there is no such endpoint here, or not with this method; docs list them under /api/")
	}))
	s.mux.Handle("/", s.page)
}
