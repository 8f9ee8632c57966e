// Package studio is the page on which one watches a language model think: the data
// that it shows, under /api/, and its built files.
//
// It computes nothing itself. Every number comes from package inspect or from the
// hooks of package model, so it is the number that `weft look --json` prints.
//
//   - [New] makes the handler; routes.go lists what it answers.
//   - models.go keeps models open, runs.go what prompts made of them, both within a
//     budget. There is no current model or prompt: every request names its own, so two
//     tabs do not mix.
//   - wire.go is how requests are read and answered, long.go how long work tells of
//     itself and ends when nobody waits for it, tile.go how matrices travel.
//   - One file for each family of endpoints: model.go, run.go, cell.go, why.go, ….
package studio

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"weft"
	"weft/internal/hub"
)

// Options say what a studio shows. Default is needed; else the zero value does.
type Options struct {
	Default *weft.Model // what requests get that name no model; the caller closes it, after the studio
	Name    string      // its name; "": Default.Name

	// Open opens a model by a name of Models or of the store, or "" for the built-in
	// one; the studio closes it. nil: weft.Open, of the paths that the names stand for.
	Open     func(name string) (*weft.Model, error)
	Kind     string    // of the default: "builtin", "file" or "store"; "": builtin
	Models   []string  // more models that requests may name, besides the store's
	Store    hub.Store // the zero value: none
	TrainDir string    // where training runs are kept; "": there is no training

	ModelBytes int64 // most memory for models besides the default; 0: 8 GiB
	RunBytes   int64 // most memory for runs together, and for an analysis; 0: 1 GiB
	Heavy      int   // how many long works run at once, others wait; 0: 2

	Version string
	Threads int
	Log     *slog.Logger // nil: nobody is told
}

// Studio answers the page's requests. It is safe for concurrent use.
type Studio struct {
	o      Options
	mux    *http.ServeMux
	page   *page
	models *models
	runs   *runs
	train  *training
	heavy  chan struct{} // a place for each long work
	boot   string        // of this start of the server
	start  time.Time
}

// New makes a studio. Close it.
func New(o Options) (*Studio, error) {
	if o.Default == nil {
		return nil, errors.New("studio: no default model")
	}
	if o.Name == "" {
		o.Name = o.Default.Name
	}
	if o.Kind == "" {
		o.Kind = kindBuiltIn
	}
	if o.Open == nil {
		o.Open = weft.Open
	}
	if o.ModelBytes <= 0 {
		o.ModelBytes = 8 << 30
	}
	if o.RunBytes <= 0 {
		o.RunBytes = 1 << 30
	}
	if o.Heavy <= 0 {
		o.Heavy = 2
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	page, err := built()
	if err != nil {
		return nil, fmt.Errorf("studio: %w", err)
	}
	training, err := newTraining(o.TrainDir, o.Threads)
	if err != nil {
		return nil, fmt.Errorf("studio: %w", err)
	}
	s := &Studio{o: o, train: training, mux: http.NewServeMux(), page: page, models: newModels(o), runs: newRuns(o.RunBytes),
		heavy: make(chan struct{}, o.Heavy), boot: rand.Text(), start: time.Now()}
	s.models.checkpoint = s.train.checkpoint
	s.routes()
	s.conversations()
	return s, nil
}

// Close stops the training runs, each with a checkpoint, and closes the models that the
// studio opened, once nobody uses them any more.
func (s *Studio) Close() error {
	s.train.close()
	return s.models.close()
}

func (s *Studio) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	guard(w.Header())
	s.mux.ServeHTTP(w, r)
}
