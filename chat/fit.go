package chat

// Fit leaves out the oldest turns until the prompt has at most limit tokens, and
// says how many. The system text and the last message always stay, so the prompt
// may still be too long. What is kept begins with a user's turn.
func Fit(messages []Message, limit int, count func([]Message) (int, error)) (kept []Message, dropped int, err error) {
	first := 0
	if len(messages) > 0 && messages[0].Role == System {
		first = 1
	}
	for {
		kept = append(append(kept[:0:0], messages[:first]...), messages[first+dropped:]...)
		n, err := count(kept)
		if err != nil || n <= limit || len(kept)-first <= 1 {
			return kept, dropped, err
		}
		dropped++
		for len(messages)-first-dropped > 1 && messages[first+dropped].Role != User {
			dropped++
		}
	}
}
