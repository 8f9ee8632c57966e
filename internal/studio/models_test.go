package studio

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"weft"
	"weft/internal/hub"
)

// shelf opens the built-in model under any name, and counts.
type shelf struct {
	opens atomic.Int32
	fail  error
}

func (s *shelf) open(string) (*weft.Model, error) {
	s.opens.Add(1)
	if s.fail != nil {
		return nil, s.fail
	}
	return weft.Opener{Threads: 1}.Open("")
}

func TestModelsOpenOnce(t *testing.T) {
	shelf := &shelf{}
	s, server := serve(t, Options{Open: shelf.open, Models: []string{"a", "b"}})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			var run runJSON
			ask(t, server, "POST", "/api/run", `{"model":"a","prompt":"To be"}`, 200, &run)
			ask(t, server, "GET", "/api/run/"+run.Run+"/tile?point=hook_embed", "", 200, nil)
		})
	}
	wg.Wait()
	if n := shelf.opens.Load(); n != 1 {
		t.Errorf("opened %d times", n)
	}
	s.models.mu.Lock()
	defer s.models.mu.Unlock()
	if o := s.models.open["a"]; o == nil || o.users != 0 {
		t.Errorf("a is %+v", o)
	}
}

func TestModelsWithinBudget(t *testing.T) {
	m, err := builtInModel()
	if err != nil {
		t.Fatal(err)
	}
	one := weightBytes(m)
	shelf := &shelf{}
	s, server := serve(t, Options{Open: shelf.open, Models: []string{"a", "b", "c"}, ModelBytes: 2*one + one/2})
	ctx := context.Background()
	for _, name := range []string{"a", "b", "a", "c", "a", "b"} {
		_, done, err := s.models.use(ctx, name)
		if err != nil {
			t.Fatal(name, err)
		}
		done()
	}
	if n := shelf.opens.Load(); n != 4 { // b was closed for c, and c for b
		t.Errorf("opened %d times, want 4", n)
	}
	_, a, err := s.models.use(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	_, b, err := s.models.use(ctx, "b")
	if err != nil {
		t.Fatal(err)
	}
	var refused struct{ Error apiError }
	ask(t, server, "GET", "/api/model?model=c", "", 413, &refused)
	if refused.Error.Code != "over_budget" {
		t.Errorf("%+v", refused)
	}
	a()
	ask(t, server, "GET", "/api/model?model=c", "", 200, nil)
	b()
	var list struct{ Models []listed }
	ask(t, server, "GET", "/api/models", "", 200, &list)
	open := ""
	for _, l := range list.Models {
		if l.Open {
			open += l.Name + " "
		}
	}
	if want := s.o.Name + " b c "; open != want {
		t.Errorf("open are %q, want %q", open, want)
	}
}

func TestModelsRefused(t *testing.T) {
	shelf := &shelf{fail: errors.New("no such architecture")}
	_, server := serve(t, Options{Open: shelf.open, Models: []string{"a"}})
	for path, status := range map[string]int{
		"/api/model?model=a": 422, "/api/model?model=/etc/passwd": 404, "/api/model?model=../a": 404, "/api/model?model=train:x@1": 404,
	} {
		var refused struct{ Error apiError }
		ask(t, server, "GET", path, "", status, &refused)
		if refused.Error.Message == "" {
			t.Errorf("%s: %+v", path, refused)
		}
	}
	ask(t, server, "GET", "/api/model?model=a", "", 422, nil)
	if n := shelf.opens.Load(); n != 2 { // a failure is not kept
		t.Errorf("opened %d times", n)
	}
}

func TestStoreIsListed(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "owner", "repo", "model.gguf")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("GGUF"), 0o644); err != nil {
		t.Fatal(err)
	}
	shelf := &shelf{}
	_, server := serve(t, Options{Open: shelf.open, Store: hub.Store{Dir: dir}, Models: []string{"a"}, Kind: kindFile, Name: "mine"})
	var list struct{ Models []listed }
	ask(t, server, "GET", "/api/models", "", 200, &list)
	var got []string
	for _, l := range list.Models {
		got = append(got, l.Kind)
	}
	if fmt.Sprint(got) != "[file builtin file store]" {
		t.Errorf("%+v", list.Models)
	}
	ask(t, server, "GET", "/api/model?model="+list.Models[3].Name, "", 200, nil)
	ask(t, server, "GET", "/api/model?model=built-in", "", 200, nil)
}

// TestClosedWhenIdle: a studio that stops closes a model that is in use once it is not.
func TestClosedWhenIdle(t *testing.T) {
	shelf := &shelf{}
	s, _ := serve(t, Options{Open: shelf.open, Models: []string{"a"}})
	o, done, err := s.models.use(context.Background(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Complete(context.Background(), "To be", weft.Options{MaxTokens: 2}, nil); err != nil {
		t.Errorf("a model in use was closed: %v", err)
	}
	done()
	if _, _, err := s.models.use(context.Background(), "a"); err == nil {
		t.Error("a closed studio opens models")
	}
}
