// Package strip repeats what of the layouts of package lanes the generators of its
// assembly have to know.
package strip

// What package lanes calls BlockLen/4 and Rows·4.
const (
	Groups = 8
	Plane  = 64
)

// Kind is how a block of an unpacked strip looks, as lanes.Kind says it.
type Kind struct {
	Name string
	Subs int  // parts of a block with a scale each
	Mins bool // and with a minimum each
}

// Kinds are all of them.
var Kinds = []Kind{{"Whole", 1, false}, {"WholeMins", 1, true}, {"Halves", 2, false}, {"HalvesMins", 2, true}}

// Vector is where vector i of a block's scales and minima begins.
func (k Kind) Vector(i int) int { return Groups*Plane + i*Plane }

// BlockBytes is the size of a block.
func (k Kind) BlockBytes() int {
	if k.Mins {
		return k.Vector(2 * k.Subs)
	}
	return k.Vector(k.Subs)
}
