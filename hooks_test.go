package weft_test

import (
	"context"
	"testing"

	"weft"
	"weft/inspect"
	"weft/model"
	"weft/sample"
)

// TestLiveHooks: an answer under hooks is another, in one piece and in a chat, and
// without them the first again; a batch refuses them.
func TestLiveHooks(t *testing.T) {
	m, ctx := tiny(t, 200), context.Background()
	s := inspect.NewSubject(m.Core, inspect.About{BOS: -1})
	h := &model.Hooks{}
	if err := s.AddAblation(h, inspect.Ablation{Targets: []inspect.Target{{Kind: inspect.TargetLayer, Layer: 1}}}); err != nil {
		t.Fatal(err)
	}
	plain := weft.Options{MaxTokens: 20, Sampling: &sample.Options{}}
	hooked := plain
	hooked.Hooks = h
	var texts []string
	for _, o := range []weft.Options{plain, hooked, plain} {
		res, err := m.Complete(ctx, "abc", o, nil)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, res.Text)
	}
	if texts[0] == texts[1] || texts[0] != texts[2] {
		t.Errorf("plain, without the last block, plain: %q", texts)
	}
	bad := &model.Hooks{}
	bad.On("blocks.7.nothing", func(*model.Point) error { return nil })
	if _, err := m.Chat(weft.Options{Hooks: bad}); err == nil {
		t.Error("a hook at no point was taken")
	}
	batch, err := m.Batch(2, 64)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := batch.Complete(ctx, "abc", hooked, nil); err == nil {
		t.Error("a batch took hooks")
	}
}
