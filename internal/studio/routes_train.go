package studio

// conversations lists what the studio answers about talking and training.
func (s *Studio) conversations() {
	for pattern, h := range map[string]handler{
		"POST /api/chat":               s.chat,
		"GET /api/train":               s.listTraining,
		"POST /api/train":              s.startTraining,
		"GET /api/train/{run}":         s.oneTraining,
		"GET /api/train/{run}/events":  s.trainingEvents,
		"POST /api/train/{run}/stop":   s.stopTraining,
		"POST /api/train/{run}/resume": s.resumeTraining,
		"POST /api/train/{run}/remove": s.removeTraining,
	} {
		s.mux.Handle(pattern, s.answer(h))
	}
}
