package modelfile

import (
	"strings"
	"testing"

	"weft/tensor"
)

// TestPackedRefuses: blocks and scales that do not belong together are named.
func TestPackedRefuses(t *testing.T) {
	raw := func(d tensor.DType, shape ...int) tensor.Raw {
		n, err := tensor.SizeOf(d, shape)
		if err != nil {
			t.Fatal(err)
		}
		return tensor.Raw{DType: d, Shape: shape, Data: make([]byte, n)}
	}
	good := madeWeights{"a_blocks": raw(tensor.U8, 2, 3, 16), "a_scales": raw(tensor.U8, 2, 3), "b_scales": raw(tensor.U8, 1)}
	src, err := unpacked(good)
	if err != nil {
		t.Fatal(err)
	}
	r, err := src.Tensor("a")
	if err != nil || r.Check() != nil || r.DType != tensor.MXFP4 || r.Rows() != 2 || r.Cols() != 96 || len(src.Names()) != 2 {
		t.Errorf("%v %v, %v of %q", r.DType, r.Shape, err, src.Names())
	}
	for name, change := range map[string]func(m madeWeights){
		"no scales":    func(m madeWeights) { delete(m, "a_scales") },
		"few scales":   func(m madeWeights) { m["a_scales"] = raw(tensor.U8, 2, 2) },
		"small blocks": func(m madeWeights) { m["a_blocks"] = raw(tensor.U8, 2, 3, 15) },
		"one number":   func(m madeWeights) { m["a_blocks"] = raw(tensor.U8) },
		"floats":       func(m madeWeights) { m["a_blocks"] = raw(tensor.F32, 2, 3, 16) },
		"float scales": func(m madeWeights) { m["a_scales"] = raw(tensor.F16, 2, 3) },
	} {
		m := madeWeights{"a_blocks": raw(tensor.U8, 2, 3, 16), "a_scales": raw(tensor.U8, 2, 3)}
		change(m)
		if _, err := unpacked(m); err == nil || !strings.Contains(err.Error(), `"a`) {
			t.Errorf("%s: %v", name, err)
		}
	}
	config := `{"model_type": %, "quantization_config": {"quant_method": "mxfp4"}}`
	if _, _, err := parseConfig([]byte(strings.Replace(config, "%", `"llama"`, 1))); err == nil || !strings.Contains(err.Error(), "quantization_config") {
		t.Errorf("llama: %v", err)
	}
}
