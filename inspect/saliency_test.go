package inspect

import (
	"errors"
	"testing"

	"weft/model"
)

// TestGradientsOfFamilies: every family that has gradients has a saliency and a Jacobian
// that prove themselves, the others say what they lack.
func TestGradientsOfFamilies(t *testing.T) {
	have := map[string]bool{"llama": true, "gpt2": true, "gemma": true, "olmo2": true}
	clean, _ := sentences()
	for name, c := range families() {
		t.Run(name, func(t *testing.T) {
			s := family(t, c, 1)
			a, err := s.Saliency(background, clean, SaliencyOptions{})
			if !have[name] {
				if !errors.Is(err, ErrArch) || !errors.Is(err, model.ErrNoBackward) || errors.Is(err, model.ErrConfig) {
					t.Errorf("error %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			fine(t, err, a.Provenance, a.Checks)
			j, err := s.FitJacobian(background, [][]int32{clean}, JacobianOptions{Skip: 2})
			if err != nil {
				t.Fatal(err)
			}
			fine(t, err, j.Provenance, j.Checks)

			// A way of no length: the baseline is embedded as the prompt is.
			a, err = s.Saliency(background, clean, SaliencyOptions{Steps: 128, Baseline: &clean[3]})
			if err != nil {
				t.Fatal(err)
			}
			fine(t, err, a.Provenance, a.Checks)
			if a.Shares[3] != 0 || a.Shares[4] == 0 {
				t.Errorf("shares %v", a.Shares)
			}
		})
	}
}
