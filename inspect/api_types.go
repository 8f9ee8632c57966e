package inspect

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
