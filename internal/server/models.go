package server

import "net/http"

// modelDoc is a model as /v1/models lists it. The last three are ours.
type modelDoc struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"` // when the server began
	OwnedBy string `json:"owned_by"`

	Arch    string `json:"arch"`
	Params  int    `json:"params"`
	Context int    `json:"context"` // most tokens of prompt and answer, as served
}

type modelsDoc struct {
	Object string     `json:"object"`
	Data   []modelDoc `json:"data"`
}

func (s *Server) describe(e *engine) modelDoc {
	return modelDoc{
		ID: e.Name, Object: "model", Created: s.started.Unix(), OwnedBy: "weft",
		Arch: e.Core.Config.Arch, Params: e.Params(), Context: e.batch.Context(),
	}
}

func (s *Server) listModels(w http.ResponseWriter, _ *http.Request) *apiError {
	doc := modelsDoc{Object: "list"}
	for _, e := range s.engines {
		doc.Data = append(doc.Data, s.describe(e))
	}
	reply(w, http.StatusOK, doc)
	return nil
}

func (s *Server) oneModel(w http.ResponseWriter, r *http.Request) *apiError {
	name := r.PathValue("model")
	if name == "" {
		return notFound(r.URL.Path)
	}
	e, err := s.engine(name)
	if err == nil {
		reply(w, http.StatusOK, s.describe(e))
	}
	return err
}

// health says whether requests are taken. It needs no key, and says nothing else.
func (s *Server) health(w http.ResponseWriter, _ *http.Request) *apiError {
	status, text := http.StatusOK, "ok"
	if s.draining.Err() != nil {
		status, text = http.StatusServiceUnavailable, "draining"
	}
	reply(w, status, map[string]string{"status": text})
	return nil
}
