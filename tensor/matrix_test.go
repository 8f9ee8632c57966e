package tensor

import "testing"

func TestViews(t *testing.T) {
	m := New(4, 6)
	for i := range m.Data {
		m.Data[i] = float32(i)
	}
	v := m.Slice(1, 3).Columns(2, 5)
	if v.Rows != 2 || v.Cols != 3 || v.At(0, 0) != 8 || v.At(1, 2) != 16 {
		t.Errorf("view %+v", v)
	}
	if row := v.Row(1); len(row) != 3 || cap(row) != 3 || row[0] != 14 {
		t.Errorf("row %v", row)
	}
	w := v.T()
	if w.Rows != 3 || w.Cols != 2 || w.At(2, 1) != 16 || w.Slice(1, 3).At(1, 0) != 10 {
		t.Errorf("transpose %+v", w)
	}
	for _, e := range []Mat{m.Slice(4, 4), m.Columns(6, 6), m.Slice(2, 2).Columns(1, 1), New(0, 3), {}} {
		e.check("empty")
	}
	v.Row(0)[0] = 100
	if m.At(1, 2) != 100 {
		t.Error("a view does not share its memory")
	}
}

func TestViewsRefuse(t *testing.T) {
	m := New(4, 6)
	for name, f := range map[string]func(){
		"rows":        func() { m.Slice(2, 5) },
		"backwards":   func() { m.Slice(3, 2) },
		"negative":    func() { m.Slice(-1, 2) },
		"columns":     func() { m.Columns(0, 7) },
		"row":         func() { m.Row(4) },
		"row of T":    func() { m.T().Row(0) },
		"short":       func() { Of(m.Data, 5, 5) },
		"of negative": func() { Of(m.Data, -1, 5) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}
