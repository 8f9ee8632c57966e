package studio

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"weft"
	"weft/inspect"
	"weft/model"
)

// opened is a model that is open, for as many requests as want it.
type opened struct {
	*weft.Model
	name  string
	kind  string
	bytes int64 // of its weights; of the default, what was added since

	subject *inspect.Subject
	floats  sync.Mutex       // one makes floated, others wait
	floated *inspect.Subject // in float32, for gradients; nil until somebody asks
	slots   chatSlots        // where conversations are answered

	naming   sync.Once
	params   map[string]model.Param
	counting sync.Mutex
	counted  map[string]*statistics // by tensor

	ready chan struct{} // closed when it is open, or err says why not
	err   error
	users int
	used  int64 // by the clock of models
}

// in is the subject for one request, whose analyses end with it. template is the chat
// template that the prompt went through, or "".
func (o *opened) in(ctx context.Context, template string) *inspect.Subject {
	u := o.subject.Until(ctx)
	u.About.Template = template
	return u
}

// piece spells a token.
func (o *opened) piece(id int32) []byte { return o.Tokenizer.Piece(id) }

// weightBytes is what a model's weights take.
func weightBytes(m *weft.Model) int64 {
	bytes := int64(0)
	for _, t := range m.Stored {
		bytes += int64(t.Bytes)
	}
	if bytes == 0 { // made in memory
		bytes = 4 * int64(m.Params())
	}
	return bytes
}

// listed is a model that requests may name.
type listed struct {
	Name    string `json:"name"`
	Kind    string `json:"path_kind"`
	Open    bool   `json:"open"`
	Default bool   `json:"default"`
	Bytes   int64  `json:"bytes"` // of its files; 0: not known
}

// list is every model but the training runs' checkpoints.
func (m *models) list() ([]listed, error) {
	list := []listed{{Name: m.o.Name, Kind: m.o.Kind, Default: true, Bytes: weightBytes(m.o.Default)}}
	if m.o.Kind != kindBuiltIn {
		list = append(list, listed{Name: builtIn, Kind: kindBuiltIn})
	}
	for _, name := range m.o.Models {
		list = append(list, listed{Name: name, Kind: kindFile, Bytes: fileBytes(name)})
	}
	stored, err := m.stored()
	if err != nil {
		return nil, fmt.Errorf("list models: %w", err)
	}
	for _, s := range stored {
		list = append(list, listed{Name: s.Name, Kind: kindStore, Bytes: s.Size})
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	seen := map[string]bool{}
	list = slices.DeleteFunc(list, func(l listed) bool {
		again := seen[l.Name]
		seen[l.Name] = true
		return again
	})
	for i := range list {
		o := m.open[list[i].Name]
		list[i].Open = o != nil && isReady(o)
	}
	return list, nil
}
