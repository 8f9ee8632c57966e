package studio

import "net/http"

// routes lists what the studio answers.
func (s *Studio) routes() {
	for pattern, h := range map[string]handler{
		"GET /api/state":                     s.state,
		"GET /api/models":                    s.listModels,
		"POST /api/open":                     s.open,
		"GET /api/model":                     s.model,
		"GET /api/model/tensor":              s.tensor,
		"GET /api/model/tensor/stats":        s.tensorStats,
		"POST /api/model/heads":              s.heads,
		"POST /api/tokenize":                 s.tokenize,
		"POST /api/run":                      s.run,
		"GET /api/run/{id}/tile":             s.tile,
		"GET /api/run/{id}/cell":             s.cell,
		"GET /api/run/{id}/lens":             s.lens,
		"GET /api/run/{id}/attribution":      s.attribution,
		"GET /api/run/{id}/attention":        s.attention,
		"GET /api/run/{id}/attention/thumbs": s.thumbs,
		"GET /api/run/{id}/saliency":         s.saliency,
		"POST /api/run/{id}/change":          s.change,
		"POST /api/patch":                    s.patch,
		"GET /api/words/near":                s.wordsNear,
		"GET /api/words/map":                 s.wordsMap,
		"GET /api/words/find":                s.wordsFind,
		"POST /api/words/promoted":           s.wordsPromoted,
	} {
		s.mux.Handle(pattern, s.answer(h))
	}
	s.mux.Handle("/api/", s.answer(func(http.ResponseWriter, *http.Request) error {
		return problem(http.StatusNotFound, "not_found", "there is no such endpoint here, or not with this method; the page at / shows what there is")
	}))
	s.mux.Handle("/", s.page)
}
