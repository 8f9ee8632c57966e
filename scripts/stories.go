//go:build ignore

// Stories makes the sample text of the studio's Train panel: short stories, told by a small chat model.
//
//	go run scripts/stories.go SmolLM2-135M-Instruct.Q4_1.gguf >internal/studio/stories.txt
//
// The same model writes the same text again, whatever the machine's number of cores.
package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"os"
	"strings"
	"sync"

	"weft"
)

var (
	heroes = []string{"a little fox", "an old owl", "a brave mouse", "a lost puppy", "a kind bear", "a small girl called Nora",
		"a boy called Tom", "two sisters", "a lazy cat", "a young sailor", "a baker", "a shy robot"}
	things = []string{"a red balloon", "the moon", "a golden key", "a big storm", "a garden", "a secret door", "a broken clock",
		"a river", "the first snow", "a birthday cake", "an apple tree", "a wooden boat"}
)

func main() {
	m, err := weft.Open(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	stories := make([]string, len(heroes)*len(things))
	b, err := m.Batch(16, 1024)
	if err != nil {
		log.Fatal(err)
	}
	var wait sync.WaitGroup
	room := make(chan struct{}, 16)
	for i := range stories {
		wait.Add(1)
		go func() {
			defer wait.Done()
			room <- struct{}{}
			defer func() { <-room }()
			stories[i] = tell(b, m, i)
			fmt.Fprint(os.Stderr, ".")
		}()
	}
	wait.Wait()
	out := bufio.NewWriter(os.Stdout)
	fmt.Fprintln(out, strings.Join(stories, "\n\n"))
	if err := out.Flush(); err != nil {
		log.Fatal(err)
	}
}

func tell(b *weft.Batch, m *weft.Model, i int) string {
	s := m.Sampling
	s.Seed, s.Temp, s.TopP, s.RepeatPenalty = uint64(i), 0.7, 0.9, 1.15
	c, err := b.Chat(weft.Options{Sampling: &s, MaxTokens: 320})
	if err != nil {
		log.Fatal(err)
	}
	ask := fmt.Sprintf("Write a short story about %s and %s.", heroes[i%len(heroes)], things[i/len(heroes)])
	r, err := c.Say(context.Background(), ask, nil)
	if err != nil {
		log.Fatal(err)
	}
	text := strings.TrimSpace(r.Text)
	if end := strings.LastIndexAny(text, ".!?"); end >= 0 && r.Finish == "length" { // cut short: up to the last whole sentence
		text = text[:end+1]
	}
	return text
}
