package train

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// childEnv makes the test binary a process that trains, for TestKilled.
const childEnv = "WEFT_TEST_TRAIN"

// childRun is what such a process is told.
type childRun struct {
	Data, Out string
	Threads   int
	Recipe    Recipe
}

func TestMain(m *testing.M) {
	if text := os.Getenv(childEnv); text != "" {
		os.Exit(child(text))
	}
	os.Exit(m.Run())
}

// child trains, or goes on training, and prints every step.
func child(text string) int {
	var c childRun
	err := json.Unmarshal([]byte(text), &c)
	if err == nil {
		_, err = Run(context.Background(), Options{Data: []string{c.Data}, Out: c.Out, Recipe: &c.Recipe, Resume: true,
			Threads: c.Threads, SaveEvery: 3, OnEvent: func(e Event) {
				if line, ok := e.(Line); ok {
					fmt.Println(line.Step)
				}
			}})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// when waits until it is time to kill, or until steps is closed.
type when func(steps <-chan struct{})

func afterSteps(n int, while time.Duration) when {
	return func(steps <-chan struct{}) {
		for range n {
			<-steps
		}
		time.Sleep(while)
	}
}

// whileWriting waits for some steps and then for a file that is being written in dir.
func whileWriting(dir string, n int) when {
	return func(steps <-chan struct{}) {
		afterSteps(n, 0)(steps)
		for !beingWritten(dir) {
			select {
			case _, running := <-steps:
				if !running {
					return
				}
			default:
			}
		}
	}
}

// beingWritten says whether dir holds the beginning of a file.
func beingWritten(dir string) bool {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".weft-tmp-") {
			return true
		}
	}
	return false
}

// TestKilled kills training processes with SIGKILL: at random steps and a
// random moment later, while the tokenizer and the tokens are written, while a
// checkpoint is, while the model folder is. Each is resumed with another number
// of threads. The model has the bits of a run that nobody disturbed, and the log
// has every step once.
func TestKilled(t *testing.T) {
	data := verse(t)
	caught := map[string]int{}
	for name, recipe := range tinyRecipes() {
		t.Run(name, func(t *testing.T) { killRuns(t, data, recipe, caught) })
	}
	if caught["checkpoint"] < 4 || caught["folder"] < 4 {
		t.Errorf("killed in the middle of writing: %v times; too seldom to prove anything", caught)
	}
	t.Logf("killed in the middle of writing: %v", caught)
}

// killsOfEach is how many kills of each kind every recipe gets.
const killsOfEach = 3

func killRuns(t *testing.T, data string, recipe Recipe, caught map[string]int) {
	dir := t.TempDir()
	whole, out := filepath.Join(dir, "whole"), filepath.Join(dir, "killed")
	train(t, Options{Data: []string{data}, Out: whole, Recipe: &recipe, Threads: 1})
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	killed, finished, working := 0, 0, filepath.Join(out, "train")
	for run := 0; killed < 4*killsOfEach; run++ {
		if run > 20*killsOfEach {
			t.Fatalf("%d processes, but only %d kills", run, killed)
		}
		// All die within the next few steps, so that progress is slow and the kills many.
		moment := []when{
			afterSteps(1+rng.IntN(5), time.Duration(rng.IntN(3000))*time.Microsecond),
			whileWriting(working, 0),
			whileWriting(working, 1+rng.IntN(3)),
			whileWriting(out, rng.IntN(3)),
		}[killed%4]
		c := childRun{data, out, 1 + run%3, recipe}
		if c.process(t, moment) {
			killed++
			for what, dir := range map[string]string{"checkpoint": working, "folder": out} {
				if beingWritten(dir) {
					caught[what]++
				}
			}
			continue
		}
		finished++ // before all kills were made: check, and once more from the start
		check(t, out, whole)
		if err := os.RemoveAll(out); err != nil {
			t.Fatal(err)
		}
	}
	childRun{data, out, 2, recipe}.process(t, afterSteps(1<<30, 0))
	check(t, out, whole)
	t.Logf("%d kills, %d finished runs", killed, finished+1)
}

func check(t *testing.T, out, whole string) {
	t.Helper()
	lines(t, out, 40)
	if !bytes.Equal(modelBytes(t, out), modelBytes(t, whole)) {
		t.Fatal("killed and resumed, the run ends in another model")
	}
	if beingWritten(out) || beingWritten(filepath.Join(out, "train")) {
		t.Fatal("what was half written is still there")
	}
}

// process runs a child and kills it when it is time. It says whether the child
// was killed, rather than done before.
func (c childRun) process(t *testing.T, moment when) (killed bool) {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	steps := make(chan struct{}, 1000) // more than there are
	go func() {
		moment(steps)
		cmd.Process.Kill()
	}()
	for in := bufio.NewScanner(stdout); in.Scan(); {
		steps <- struct{}{}
	}
	close(steps)
	err = cmd.Wait()
	if err == nil {
		return false
	}
	if stderr.Len() > 0 {
		t.Fatalf("the child failed: %s", &stderr)
	}
	return true
}
