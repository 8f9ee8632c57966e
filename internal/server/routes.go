package server

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// route is an endpoint.
type route struct {
	methods []string
	path    string
	answer  func(http.ResponseWriter, *http.Request) *apiError // an error that it returns has not been written
	about   string
}

// name is the path as people read it.
func (e route) name() string { return strings.Replace(e.path, "{model...}", "NAME", 1) }

func (s *Server) endpoints() []route {
	get, post := []string{http.MethodGet, http.MethodHead}, []string{http.MethodPost}
	return []route{
		{get, "/health", s.health, "whether the server is up"},
		{get, "/v1/models", s.listModels, "the models"},
		{get, "/v1/models/{model...}", s.oneModel, "one of them"},
		{post, "/v1/chat/completions", s.chatCompletions, "an answer to a conversation"},
	}
}

// routes puts the server together. What stands outside comes first: a request is
// logged whatever becomes of it, and nobody learns anything before the guard.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	for _, e := range s.endpoints() {
		mux.Handle(e.path, s.api(e))
	}
	mux.HandleFunc("/v1/", func(w http.ResponseWriter, r *http.Request) { fail(w, notFound(r.URL.Path)) })
	mux.Handle("/", s.page())
	return s.logged(s.safe(s.guard(s.locked(mux))))
}

// api runs an endpoint.
func (s *Server) api(e route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(e.methods, r.Method) {
			w.Header().Set("Allow", strings.Join(e.methods, ", "))
			fail(w, newError(http.StatusMethodNotAllowed, invalidRequest, "method_not_allowed",
				"%s takes %s, not %.20s", e.name(), e.methods[0], r.Method))
			return
		}
		if e.path == "/health" { // also while draining, and however many requests there are
			e.answer(w, r)
			return
		}
		if err := enter(&s.gate); err != nil {
			fail(w, err)
			return
		}
		defer s.gate.leave()
		ctx, cancel := until(r.Context(), s.ending)
		defer cancel()
		if err := e.answer(w, s.limited(w, r.WithContext(ctx), maxBody)); err != nil {
			fail(w, err)
		}
	})
}

func enter(g *gate) *apiError {
	switch g.enter() {
	case crowded:
		return tooMany("there are %d requests already; try again in a moment", maxRequests)
	case shut:
		return unavailable()
	}
	return nil
}

// page is for what is not the API's. It ends as soon as the server drains.
func (s *Server) page() http.Handler {
	page := s.o.Page
	if page == nil {
		page = http.HandlerFunc(s.contents)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := enter(&s.pages); err != nil {
			fail(w, err)
			return
		}
		defer s.pages.leave()
		ctx, cancel := until(r.Context(), s.draining)
		defer cancel()
		page.ServeHTTP(w, s.limited(w, r.WithContext(ctx), maxBody))
	})
}

// contents lists what there is, where there is no page.
func (s *Server) contents(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/" {
		fail(w, notFound(r.URL.Path))
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	for _, e := range s.endpoints() {
		fmt.Fprintf(w, "%-4s  %-24s  %s\n", e.methods[0], e.name(), e.about)
	}
}
