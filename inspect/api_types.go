package inspect

// HeadOptions say how heads are examined. The zero value is eight random
// sequences of 50 tokens, each written twice.
type HeadOptions struct {
	Length    int // of the part that repeats; 0: 50, or what fits twice
	Sequences int // 0: 8
	Seed      uint64
	Copied    int     // tokens that the copying score tries; 0: 256
	Threshold float64 // from which on a score names a head; 0: 0.4
}

// HeadCard is what kind each head is, measured on random tokens that repeat after
// the beginning mark, where nothing but the repetition can be known.
type HeadCard struct {
	Provenance Provenance        `json:"provenance"`
	Method     string            `json:"method"`
	Length     int               `json:"length"`
	Sequences  int               `json:"sequences"`
	Seed       uint64            `json:"seed"`
	Threshold  float64           `json:"threshold"`
	Heads      []HeadScores      `json:"heads"`
	Found      map[string][]Head `json:"found"`       // by kind, strongest first; a kind without heads is there, and empty
	LossFirst  float64           `json:"loss_first"`  // nats per token, of the first copy
	LossSecond float64           `json:"loss_second"` // of the second: lower if the model uses the repetition
	Checks     CheckList         `json:"checks"`
}

// HeadScores are one head's. All but Copy are mean attention.
type HeadScores struct {
	Layer     int     `json:"layer"`
	Head      int     `json:"head"`
	Previous  float64 `json:"previous"`  // to the token before, from every token of index 2 on
	Duplicate float64 `json:"duplicate"` // from the second copy to the same token in the first
	Induction float64 `json:"induction"` // from the second copy to the token after the same token in the first
	First     float64 `json:"first"`     // to the first token, from all others
	Copy      float64 `json:"copy"`      // how far moving a token's vector raises that very token: share of other tokens that it beats; 0.5 is chance
	Kind      string  `json:"kind"`      // "previous", "duplicate", "induction", "first" or ""
}

// SaliencyOptions say which logit. The zero value is gradient × input of the
// predicted token's.
type SaliencyOptions struct {
	Token    *int32 // nil: what is predicted after the last token
	Against  *int32 // the difference to this token's logit; nil: the logit alone
	Steps    int    // > 0: integrated gradients in so many steps
	Baseline *int32 // integrated gradients: the token to come from; nil: the mean embedding
}

// Saliency is what each token of the prompt did to a logit, by gradients of its
// embedding.
type Saliency struct {
	Provenance Provenance `json:"provenance"`
	Method     string     `json:"method"` // "gradient x input" or "integrated gradients"
	Tokens     []int32    `json:"tokens"`
	Token      int32      `json:"token"`
	Against    *int32     `json:"against"`
	Value      float64    `json:"value"`    // of the logit or difference
	Baseline   float64    `json:"baseline"` // of the same, at the baseline; integrated gradients only
	Steps      int        `json:"steps"`
	Shares     []float64  `json:"shares"` // per token; integrated gradients: they sum to Value − Baseline
	Norms      []float64  `json:"norms"`  // per token: length of the gradient
	Checks     CheckList  `json:"checks"`
}

// JacobianOptions say how to fit.
type JacobianOptions struct {
	Skip   int // leading positions left out, whose streams are unlike others; 0: 16, negative: none
	OnPass func(done, total int)
}

// Jacobian is, for every block, how a change of the stream after it arrives in
// the last stream, on average: Dim × Dim, a row per number of the last stream.
type Jacobian struct {
	Provenance Provenance  `json:"provenance"`
	Prompts    int         `json:"prompts"`
	Positions  int         `json:"positions"` // that were averaged
	Layers     [][]float32 `json:"layers"`
	Checks     CheckList   `json:"checks"`
}

// Space is whose vectors tokens have.
type Space string

const (
	Embedding   Space = "embedding"
	Unembedding Space = "unembedding"
)

// Neighbours are tokens by the cosine of their vectors.
type Neighbours struct {
	Provenance Provenance  `json:"provenance"`
	Space      Space       `json:"space"`
	Tied       bool        `json:"tied"` // both spaces are one
	Plus       []int32     `json:"plus"`
	Minus      []int32     `json:"minus"`
	Near       []Neighbour `json:"near"` // nearest first, without the tokens asked with
	Checks     CheckList   `json:"checks"`
}

// Neighbour is one of them.
type Neighbour struct {
	ID     int32   `json:"id"`
	Cosine float64 `json:"cosine"`
}

// Projection is tokens on the two axes along which their vectors differ most (PCA).
type Projection struct {
	Provenance Provenance   `json:"provenance"`
	Space      Space        `json:"space"`
	Tokens     []int32      `json:"tokens"`
	Points     [][2]float64 `json:"points"`
	Explained  [2]float64   `json:"explained"` // shares of the variance
	Checks     CheckList    `json:"checks"`
}

// Promotion is what a direction of the residual stream says.
type Promotion struct {
	Provenance Provenance `json:"provenance"`
	Up         []Weighed  `json:"up"`   // strongest first
	Down       []Weighed  `json:"down"` // strongest first
	Checks     CheckList  `json:"checks"`
}

// Weighed is a token and what a unit of the direction adds to its logit, but for
// the final norm's divisor.
type Weighed struct {
	ID    int32   `json:"id"`
	Value float64 `json:"value"`
}

// Matching is how units of two models that were trained apart correspond.
type Matching struct {
	A      Provenance   `json:"a"`
	B      Provenance   `json:"b"`
	Layers []LayerMatch `json:"layers"`
	Checks CheckList    `json:"checks"`
}

// LayerMatch is one block's. Correlations are over tokens of the text.
type LayerMatch struct {
	Layer        int     `json:"layer"`
	Neurons      []int   `json:"neurons"`       // of B, in the order of A's
	Before       float64 `json:"before"`        // mean correlation of neuron i with neuron i
	After        float64 `json:"after"`         // with its partner
	WeightBefore float64 `json:"weight_before"` // relative distance of the MLP's weights
	WeightAfter  float64 `json:"weight_after"`
}

// LayerLosses is what each layer of B costs when it alone replaces A's.
type LayerLosses struct {
	A      Provenance  `json:"a"`
	B      Provenance  `json:"b"`
	Tokens int         `json:"tokens"`
	Whole  float64     `json:"whole_kl"` // nats per token, of B as a whole
	Layers []LayerLoss `json:"layers"`
	Checks CheckList   `json:"checks"`
}

// LayerLoss is one layer's.
type LayerLoss struct {
	Layer  int     `json:"layer"`  // -1: embedding and head
	KL     float64 `json:"kl"`     // nats per token
	Stream float64 `json:"stream"` // relative distance of the streams after it, in B as a whole
}
