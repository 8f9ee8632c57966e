package inspect

// DefaultText is what models are compared on, and what means are taken over, where there
// is no other text: ours, so that no file is needed. Each line is a prompt.
const DefaultText = `The harbour was quiet that morning. Two boats lay at the pier, and an old man mended a net without looking at his hands.
"Will it rain?" asked the girl. He counted the gulls on the roof of the shed, seven of them, all facing west.
"Not before noon," he said, "and then only a little." She wrote it down: 12:00, rain, light; wind from the west at 3.5 m/s.

func mean(list []float64) (sum float64) {
	for _, v := range list {
		sum += v / float64(len(list))
	}
	return sum
}

If every number in a list grows by two, its mean grows by two as well, because adding and dividing may change places.
`
