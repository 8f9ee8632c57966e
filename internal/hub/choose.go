package hub

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// memory is how many bytes a model may take; 0 is unknown.
type memory int64

// assumed is the memory of a machine that does not tell.
const assumed = 8 << 30

// needs is about what running a model takes: its weights, and beside them the
// keys and values of some thousand tokens and room to compute. What that comes
// to depends on the model's shape, which only its file tells; this is a margin
// that models of usual shape stay within.
func needs(size int64) int64 { return size + size/10 + 512<<20 }

// variant is one way to store the model of a repository: a GGUF, maybe in parts.
type variant struct {
	files []file // part by part
	quant string
	size  int64 // -1: unknown
}

func (v variant) name() string { return v.files[0].name }

// variants groups the GGUF models among files. Sets with a part missing are
// returned by their stems.
func variants(files []file) (whole []variant, broken []string) {
	sets := map[string][]file{}
	var order []string
	for _, f := range files {
		if !isModel(f.name) {
			continue
		}
		stem, _, of := split(f.name)
		key := fmt.Sprintf("%s/%d", stem, of)
		if sets[key] == nil {
			order = append(order, key)
		}
		sets[key] = append(sets[key], f)
	}
	for _, key := range order {
		set := sets[key]
		slices.SortFunc(set, func(a, b file) int { return cmp.Compare(a.name, b.name) })
		stem, _, of := split(set[0].name)
		complete := len(set) == of
		for i, f := range set {
			_, part, _ := split(f.name)
			complete = complete && part == i+1
		}
		if !complete {
			broken = append(broken, stem)
			continue
		}
		whole = append(whole, variant{set, quant(set[0].name), total(set)})
	}
	return whole, broken
}

// total is -1 when a size is unknown.
func total(files []file) (n int64) {
	for _, f := range files {
		if f.size < 0 {
			return -1
		}
		n += f.size
	}
	return n
}

// ladder lists what to look for, best first. From Q8_0 down to Q4_K_M a model
// loses little and every step makes it smaller and faster; below, it shows.
var ladder = []string{
	"Q8_0", "Q6_K", "Q5_K_M", "Q5_K", "Q5_K_S", "Q5_1", "Q5_0", "Q4_K_M", "Q4_K",
	"Q4_K_S", "Q4_1", "Q4_0", "IQ4_NL", "IQ4_XS", "Q3_K_L", "Q3_K_M", "Q3_K", "Q3_K_S", "Q2_K",
}

// rank orders variants by the ladder. What has no place on it comes after, and
// last what is stored at 16 or 32 bits: it takes more memory and time for
// nothing that one would notice.
func (v variant) rank() int {
	if i := slices.Index(ladder, v.quant); i >= 0 {
		return i
	}
	switch v.quant {
	case "BF16", "F16":
		return len(ladder) + 1
	case "F32":
		return len(ladder) + 2
	}
	return len(ladder)
}

// choose picks the best variant that fits, and says why.
func choose(all []variant, free memory) (variant, string, error) {
	if len(all) == 1 && all[0].size < 0 {
		return all[0], "it is the only GGUF file there", nil
	}
	room, of := int64(free), "free memory"
	if room == 0 {
		room, of = assumed, "memory, assumed since this system does not tell"
	}
	var fit []variant
	for _, v := range all {
		if v.size < 0 {
			return variant{}, "", fmt.Errorf("the server does not say how large the files are; name one: %s", names(all))
		}
		if needs(v.size) <= room {
			fit = append(fit, v)
		}
	}
	if len(fit) == 0 {
		smallest := slices.MinFunc(all, func(a, b variant) int { return cmp.Compare(a.size, b.size) })
		return variant{}, "", fmt.Errorf("the smallest of its %d GGUF files, %s, needs about %s to run and there are %s of %s; name a file to pull it all the same",
			len(all), smallest.name(), human(needs(smallest.size)), human(room), of)
	}
	best := slices.MinFunc(fit, func(a, b variant) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(b.size, a.size), cmp.Compare(a.name(), b.name()))
	})
	what := fmt.Sprintf("the best of %d GGUF files that fits", len(all))
	if len(all) == 1 {
		what = "the only GGUF file there, and it fits"
	}
	return best, fmt.Sprintf("%s: with about %s for the context it needs %s of the %s of %s",
		what, human(needs(best.size)-best.size), human(needs(best.size)), human(room), of), nil
}

func names(all []variant) string {
	var list []string
	for _, v := range all {
		list = append(list, v.name())
	}
	return strings.Join(list, ", ")
}

// human writes a size for people.
func human(n int64) string {
	v, units := float64(n), []string{"B", "KiB", "MiB", "GiB", "TiB"}
	for v >= 1000 && len(units) > 1 {
		v, units = v/1024, units[1:]
	}
	if v < 10 && units[0] != "B" {
		return fmt.Sprintf("%.1f %s", v, units[0])
	}
	return fmt.Sprintf("%.0f %s", v, units[0])
}
