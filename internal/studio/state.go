package studio

import (
	"net/http"
	"time"

	"weft/internal/cpu"
	"weft/internal/hub"
)

type stateJSON struct {
	Version string `json:"version"`
	Threads int    `json:"threads"`
	CPU     string `json:"cpu"`
	Default string `json:"default"`
	Uptime  int    `json:"uptime_s"`
	Boot    string `json:"boot"` // another one: the server was restarted
}

func (s *Studio) state(w http.ResponseWriter, r *http.Request) error {
	threads := s.o.Threads
	if threads == 0 {
		threads = cpu.Cores()
	}
	return writeJSON(w, http.StatusOK, stateJSON{s.o.Version, threads, cpu.Name(), s.o.Name, int(time.Since(s.start).Seconds()), s.boot})
}

func (s *Studio) listModels(w http.ResponseWriter, r *http.Request) error {
	list, err := s.models.list()
	if err != nil {
		return err
	}
	list = append(list, s.train.models(s.models)...)
	return writeJSON(w, http.StatusOK, map[string]any{"models": list})
}

// stored is what the store has.
func (m *models) stored() ([]hub.Model, error) {
	if m.o.Store == (hub.Store{}) {
		return nil, nil
	}
	list, _, err := m.o.Store.List()
	return list, err
}
