package train

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// childEnv makes the test binary a process that trains, for TestKilled.
const childEnv = "WEFT_TEST_TRAIN" // "DATA OUT THREADS"

func TestMain(m *testing.M) {
	if args := strings.Fields(os.Getenv(childEnv)); len(args) == 3 {
		os.Exit(child(args[0], args[1], args[2]))
	}
	os.Exit(m.Run())
}

// child trains, or goes on training, and prints every step.
func child(data, out, threads string) int {
	recipe := tinyRecipe()
	n, err := strconv.Atoi(threads)
	if err == nil {
		_, err = Run(context.Background(), Options{Data: []string{data}, Out: out, Recipe: &recipe, Resume: true, Threads: n, SaveEvery: 3,
			OnEvent: func(e Event) {
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

// kills is how often TestKilled kills.
const kills = 24

// TestKilled kills a training process with SIGKILL at random steps, and a
// random moment later, each time resuming with the other number of threads:
// the model has the bits of a run that nobody disturbed, and the log every step.
func TestKilled(t *testing.T) {
	data, recipe, dir := verse(t), tinyRecipe(), t.TempDir()
	whole, out := filepath.Join(dir, "whole"), filepath.Join(dir, "killed")
	train(t, Options{Data: []string{data}, Out: whole, Recipe: &recipe, Threads: 1})
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	killed, finished := 0, 0
	for run := 0; killed < kills; run++ {
		if run > 5*kills {
			t.Fatalf("%d processes, but only %d kills", run, killed)
		}
		// Most die within the next few steps, so that progress is slow and the kills many.
		if process(t, data, out, 1+run%2, 1+rng.IntN(6), time.Duration(rng.IntN(3000))*time.Microsecond) {
			killed++
			continue
		}
		finished++ // before all kills were made: check, and once more from the start
		check(t, out, whole)
		if err := os.RemoveAll(out); err != nil {
			t.Fatal(err)
		}
	}
	process(t, data, out, 2, 1<<30, 0)
	check(t, out, whole)
	t.Logf("%d kills, %d finished runs", killed, finished+1)
}

func check(t *testing.T, out, whole string) {
	t.Helper()
	lines(t, out, 40)
	if !bytes.Equal(modelBytes(t, out), modelBytes(t, whole)) {
		t.Fatal("killed and resumed, the run ends in another model")
	}
}

// process runs a child and kills it a while after its steps-th step. It says
// whether the child was killed, rather than done before.
func process(t *testing.T, data, out string, threads, steps int, while time.Duration) (killed bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %d", childEnv, data, out, threads))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for in := bufio.NewScanner(stdout); in.Scan(); {
		if seen++; seen == steps {
			time.Sleep(while)
			cmd.Process.Kill()
		}
	}
	err = cmd.Wait()
	if err == nil {
		return false
	}
	if stderr.Len() > 0 {
		t.Fatalf("the child failed: %s", &stderr)
	}
	return true
}
