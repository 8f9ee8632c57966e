package inspect

import (
	"context"
	"math"

	"weft/tensor"
)

// assignment is a column for every row, one to one, such that the values' sum is
// largest, and its proof: prices of rows and columns. No pair is worth more than its
// two prices together, and every chosen pair is worth just that, so no other choice
// can have a larger sum.
type assignment struct {
	columns []int        // per row
	prices  [2][]float64 // of rows and of columns
}

// assigner finds it (Jonker and Volgenant 1987). Costs are values with the sign
// turned; v is the columns' part of the dual, the rows' follows from it.
type assigner struct {
	value     tensor.Mat // square
	v         []float64
	columnOf  []int // per row; -1: free
	rowOf     []int // per column; -1: free
	least     []float64
	from      []int // per column: the row from which it is reached
	unscanned []int
}

const free = -1

// assign takes time for n² numbers where most rows have a column that no other row
// wants, and for n³ at worst.
func assign(ctx context.Context, value tensor.Mat) (assignment, error) {
	n := value.Rows
	a := &assigner{value: value, v: make([]float64, n), columnOf: make([]int, n), rowOf: make([]int, n),
		least: make([]float64, n), from: make([]int, n), unscanned: make([]int, n)}
	for i := range n {
		a.columnOf[i], a.rowOf[i], a.v[i] = free, free, math.Inf(1)
	}
	for i := range n {
		for j, x := range value.Row(i) {
			a.v[j] = min(a.v[j], -float64(x))
		}
	}
	if err := a.bid(ctx); err != nil {
		return assignment{}, err
	}
	for i, j := range a.columnOf {
		if j == free {
			if err := a.augment(ctx, i); err != nil {
				return assignment{}, err
			}
		}
	}
	return a.result(), nil
}

// bidRounds is how often every row may bid, on average. Bids get most rows a column
// soon, and the last ones hardly.
const bidRounds = 4

// bid lets free rows take the column that is best for them at its price, and lower
// the price until their second best is as good; who loses its column bids again.
func (a *assigner) bid(ctx context.Context) error {
	n := len(a.v)
	queue := make([]int, n)
	for i := range queue {
		queue[i] = n - 1 - i // taken from the end: in order
	}
	for left := bidRounds * n; left > 0 && len(queue) > 0; left-- {
		if err := ctx.Err(); err != nil {
			return err
		}
		i := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		first, at := math.Inf(1), free
		second, other := math.Inf(1), free
		for j, x := range a.value.Row(i) {
			switch r := -float64(x) - a.v[j]; {
			case r < first:
				second, other = first, at
				first, at = r, j
			case r < second:
				second, other = r, j
			}
		}
		switch {
		case other != free && second > first:
			a.v[at] -= second - first
		case a.rowOf[at] == free:
		case other != free && a.rowOf[other] == free:
			at = other // as good, and nobody's
		default:
			continue // to take it from another would lead nowhere: augment finds a way
		}
		if loser := a.rowOf[at]; loser != free {
			a.columnOf[loser] = free
			queue = append(queue, loser)
		}
		a.columnOf[i], a.rowOf[at] = at, i
	}
	return nil
}

// augment gives a free row a column, along the cheapest way of moving others from
// theirs to one that nobody has (Dijkstra's).
func (a *assigner) augment(ctx context.Context, row int) error {
	for j, x := range a.value.Row(row) {
		a.least[j], a.from[j] = -float64(x)-a.v[j], row
		a.unscanned[j] = j
	}
	left := a.unscanned[:len(a.v)]
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		k := a.nearest(left)
		at := left[k]
		if a.rowOf[at] == free {
			a.settle(row, at, left)
			return nil
		}
		left[k], left[len(left)-1] = left[len(left)-1], at
		left = left[:len(left)-1]
		a.scan(a.rowOf[at], at, left)
	}
}

// nearest is the index in left of the column that costs least, a free one rather
// than another's.
func (a *assigner) nearest(left []int) int {
	best := 0
	for k, j := range left {
		switch d, least := a.least[j], a.least[left[best]]; {
		case d < least, d == least && a.rowOf[j] == free && a.rowOf[left[best]] != free:
			best = k
		}
	}
	return best
}

// scan goes on from a column through the row that has it.
func (a *assigner) scan(row, column int, left []int) {
	values := a.value.Row(row)
	offset := a.least[column] + float64(values[column]) + a.v[column]
	for _, j := range left {
		if d := offset - float64(values[j]) - a.v[j]; d < a.least[j] {
			a.least[j], a.from[j] = d, row
		}
	}
}

// settle changes the prices of the columns on the way, and who has them.
func (a *assigner) settle(row, column int, left []int) {
	reached := a.least[column]
	for _, j := range a.unscanned[len(left):] {
		a.v[j] += a.least[j] - reached
	}
	for {
		i := a.from[column]
		a.rowOf[column] = i
		column, a.columnOf[i] = a.columnOf[i], column
		if i == row {
			return
		}
	}
}

func (a *assigner) result() assignment {
	out := assignment{columns: a.columnOf, prices: [2][]float64{make([]float64, len(a.v)), a.v}}
	for i, j := range a.columnOf {
		a.v[j] = -a.v[j] // in values, not costs
		out.prices[0][i] = float64(a.value.Row(i)[j]) - a.v[j]
	}
	return out
}

// gap is by how much, at most, another choice may have a larger sum than this: what
// all prices come to, and all that pairs may be worth beyond their prices, less the sum.
func (a assignment) gap(value tensor.Mat) float64 {
	beyond, gap := 0.0, 0.0
	for i, u := range a.prices[0] {
		for j, x := range value.Row(i) {
			beyond = worse(beyond, float64(x)-u-a.prices[1][j])
		}
		gap += u + a.prices[1][i] - float64(value.Row(i)[a.columns[i]])
	}
	return gap + beyond*float64(len(a.columns))
}
