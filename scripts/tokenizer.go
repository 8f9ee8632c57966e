//go:build ignore

// The Go side of tokenizer_check.py and tokenizer_speed.py.
//
//	go run scripts/tokenizer.go train SPLIT VOCAB FILE...   writes a tokenizer.json to standard output
//	go run scripts/tokenizer.go encode TOKENIZER            reads texts in base64, one a line; writes their IDs, one list a line
//	go run scripts/tokenizer.go speed TOKENIZER FILE        for every line read, writes the seconds of CPU that encoding the file took;
//	                                                        it is encoded in documents, each ending at the first newline after 16 kB
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"

	"weft/modelfile"
	"weft/tokenizer"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) < 3 {
		log.Fatal("say train, encode or speed")
	}
	if err := map[string]func([]string) error{"train": train, "encode": encode, "speed": speed}[os.Args[1]](os.Args[2:]); err != nil {
		log.Fatal(err)
	}
}

func train(args []string) error {
	vocab, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	split := slices.IndexFunc([]string{"gpt2", "cl100k", "o200k", "qwen2"}, func(s string) bool { return s == args[0] })
	docs := func(yield func([]byte) bool) {
		for _, path := range args[2:] {
			doc, err := os.ReadFile(path)
			if err != nil {
				log.Fatal(err)
			}
			if !yield(doc) {
				return
			}
		}
	}
	start := time.Now()
	t, err := tokenizer.Train(docs, tokenizer.TrainOptions{Vocab: vocab, Split: tokenizer.Split(split), Specials: []string{"<|endoftext|>"}})
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "trained in %v\n", time.Since(start).Round(time.Millisecond))
	text, err := t.JSON()
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(text)
	return err
}

func encode(args []string) error {
	t, err := modelfile.OpenTokenizer(args[0])
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<30)
	for lines.Scan() {
		text, err := base64.StdEncoding.DecodeString(lines.Text())
		if err != nil {
			return err
		}
		ids, err := json.Marshal(append([]int32{}, t.AppendEncode(nil, text, tokenizer.Encode{ParseSpecial: true})...))
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s\n", ids)
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return out.Flush()
}

func speed(args []string) error {
	t, err := modelfile.OpenTokenizer(args[0])
	if err != nil {
		return err
	}
	text, err := os.ReadFile(args[1])
	if err != nil {
		return err
	}
	docs := documents(text)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		start, count := cpuTime(), 0
		for _, doc := range docs {
			count += len(t.AppendEncode(nil, doc, tokenizer.Encode{}))
		}
		fmt.Println((cpuTime() - start).Seconds(), count)
	}
	return nil
}

func documents(text []byte) (docs [][]byte) {
	const size = 16 << 10
	for len(text) > size {
		n := bytes.IndexByte(text[size:], '\n')
		if n < 0 {
			break
		}
		docs, text = append(docs, text[:size+n+1]), text[size+n+1:]
	}
	return append(docs, text)
}

// cpuTime is what the process has used: other processes on the machine do not count.
func cpuTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		log.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
