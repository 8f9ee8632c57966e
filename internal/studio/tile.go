package studio

// spread is where a matrix's numbers lie; what is not finite does not count.
type spread struct {
	Min, Max float32
	Lo, Hi   float32 // the 1st and 99th percentile
}
