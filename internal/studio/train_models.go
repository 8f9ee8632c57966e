package studio

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"weft/train"
)

// models lists the checkpoints of all runs, as models.
func (t *training) models(m *models) (list []listed) {
	for _, r := range t.list() {
		steps, err := train.Snapshots(r.modelDir())
		if err != nil {
			continue
		}
		put := func(step string, dir string) {
			l := listed{Name: "train:" + r.name + "@" + step, Kind: kindTrain}
			if info, err := os.Stat(filepath.Join(dir, "model.safetensors")); err == nil {
				l.Bytes = info.Size()
			}
			l.Open = m.isOpen(l.Name)
			list = append(list, l)
		}
		for _, step := range steps {
			put(fmt.Sprint(step), train.SnapshotPath(r.modelDir(), step))
		}
		if r.isDone() {
			put("best", r.modelDir())
		}
	}
	return list
}

func (m *models) isOpen(name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	o := m.open[name]
	return o != nil && isReady(o)
}

// forget closes the models whose names begin so, unless one is in use.
func (m *models) forget(prefix string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, o := range m.open {
		if strings.HasPrefix(name, prefix) && (o.users > 0 || !isReady(o)) {
			return problem(http.StatusConflict, "busy", "%s is in use; close what uses it and try again", name)
		}
	}
	for name, o := range m.open {
		if strings.HasPrefix(name, prefix) {
			delete(m.open, name)
			o.Close()
		}
	}
	return nil
}
