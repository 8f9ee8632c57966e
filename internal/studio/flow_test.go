package studio

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net/http/httptest"
	"reflect"
	"testing"

	"weft"
	"weft/inspect"
	"weft/kvcache"
)

// post asks for a run of exact tokens.
func post(t *testing.T, server *httptest.Server, ids []int32, out any) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"ids": ids})
	if err != nil {
		t.Fatal(err)
	}
	ask(t, server, "POST", "/api/run", string(body), 200, out)
}

// fetchTile is a tile's numbers and its shape.
func fetchTile(t *testing.T, server *httptest.Server, path string) (cells []float32, rows, cols int) {
	t.Helper()
	var data []byte
	res := ask(t, server, "GET", path, "", 200, &data)
	if _, err := fmt.Sscanf(res.Header.Get("X-Weft-Shape"), "%d,%d", &rows, &cols); err != nil || len(data) != 4*rows*cols {
		t.Fatalf("%s: shape %q, %d bytes: %v", path, res.Header.Get("X-Weft-Shape"), len(data), err)
	}
	cells = make([]float32, rows*cols)
	for i := range cells {
		cells[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return cells, rows, cols
}

func sameBits(a, b []float32) bool {
	if len(a) != len(b) {
		return false
	}
	for i, v := range a {
		if math.Float32bits(v) != math.Float32bits(b[i]) {
			return false
		}
	}
	return true
}

// TestFlowIsTheRecord: every cell of every point, fetched as tiles, has the bits that
// inspect.Record has, and the run says what inspect.Look says. A small budget makes
// runs keep few streams, so that blocks are run again.
func TestFlowIsTheRecord(t *testing.T) {
	for name, c := range shapes() {
		for _, budget := range []int64{0, 8 << 10} {
			t.Run(fmt.Sprint(name, " ", budget), func(t *testing.T) {
				s, server := serve(t, Options{Default: random(t, c, kvcache.F16), Kind: kindFile, RunBytes: budget})
				s.models.open[s.o.Name].subject.Budget = 1 << 30
				compareFlow(t, s, server, tokens(13))
			})
		}
	}
}

func TestBuiltInFlowIsTheRecord(t *testing.T) {
	s, server := serve(t, Options{})
	compareFlow(t, s, server, s.o.Default.Encode("To be, or not to be: that is the question.", weft.Options{}))
}

func compareFlow(t *testing.T, s *Studio, server *httptest.Server, ids []int32) {
	core := s.o.Default.Core
	c := core.Config
	record, err := inspect.NewSubject(core, inspect.About{BOS: -1}).Record(context.Background(), [][]int32{ids}, c.HookPoints()...)
	if err != nil {
		t.Fatal(err)
	}
	var run runJSON
	post(t, server, ids, &run)
	trace, err := inspect.Look(core, ids, inspect.Options{Top: 10})
	if err != nil {
		t.Fatal(err)
	}
	compareTrace(t, run, trace)
	if kept := s.runs.find(run.Run); (kept.stride > 1) != (s.o.RunBytes < 1<<20) {
		t.Fatalf("the run keeps every %d-th stream", kept.stride)
	}
	for _, p := range run.Points {
		if p.Name == finalLogits && s.o.RunBytes < 1<<20 {
			continue // over the budget
		}
		a := record.At(0, p.Name)
		if a == nil || !reflect.DeepEqual(a.Shape, p.Shape) {
			t.Fatalf("%s: shape %v", p.Name, p.Shape)
		}
		heads := max(1, headsOf(c, p.Name))
		cols := p.Shape[len(p.Shape)-1]
		for h := range heads {
			path := fmt.Sprintf("/api/run/%s/tile?point=%s", run.Run, p.Name)
			if headsOf(c, p.Name) > 0 {
				path += fmt.Sprintf("&head=%d", h)
			}
			cells, _, _ := fetchTile(t, server, path)
			var want []float32
			for i := range ids {
				at := (i*heads + h) * cols
				if isPattern(p.Name) {
					at = (h*len(ids) + i) * cols
				}
				want = append(want, a.Data[at:at+cols]...)
			}
			if !sameBits(cells, want) {
				t.Errorf("%s head %d differs", p.Name, h)
			}
		}
	}
}

func compareTrace(t *testing.T, run runJSON, trace *inspect.Trace) {
	if !reflect.DeepEqual(run.Embedding.Norms, trace.Embedding.Norms) {
		t.Error("embedding norms differ")
	}
	for i, b := range trace.Blocks {
		got := run.Blocks[i]
		want := blockJSON{b.Layer, b.After.Norms, b.Attn.Norms, b.Attn.Cosines, b.MLP.Norms, b.MLP.Cosines}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("block %d differs", i)
		}
	}
	for i, want := range trace.Next.Top {
		if got := run.Prediction[i]; got.Candidate != want {
			t.Errorf("candidate %d is %+v, want %+v", i, got, want)
		}
	}
	for _, check := range run.Checks {
		if !check.OK {
			t.Errorf("check %+v", check)
		}
	}
}
