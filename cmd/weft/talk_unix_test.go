//go:build unix

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
)

// console is weft at a terminal.
type console struct {
	t    *testing.T
	tty  *os.File
	cmd  *exec.Cmd
	mu   sync.Mutex
	seen strings.Builder
	read int // how much of it has been expected
	done chan bool
}

// atTerminal starts weft at a terminal so many columns wide.
func atTerminal(t *testing.T, columns uint16, env []string, args ...string) *console {
	t.Helper()
	c := &console{t: t, cmd: exec.Command("weft", args...), done: make(chan bool)}
	c.cmd.Env = append(append(os.Environ(), "TERM=xterm-256color"), env...)
	c.cmd.Dir = t.TempDir()
	var err error
	if c.tty, err = pty.StartWithSize(c.cmd, &pty.Winsize{Rows: 30, Cols: columns}); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(c.done)
		for buf := make([]byte, 4096); ; {
			n, err := c.tty.Read(buf)
			c.mu.Lock()
			c.seen.Write(buf[:n])
			c.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		c.cmd.Process.Kill()
		c.tty.Close()
	})
	return c
}

// expect waits for a text and returns what came before it.
func (c *console) expect(text string) string {
	c.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		c.mu.Lock()
		rest := c.seen.String()[c.read:]
		c.mu.Unlock()
		if before, _, ok := strings.Cut(rest, text); ok {
			c.read += len(before) + len(text)
			return before
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("%q did not come, but %q", text, rest)
		}
	}
}

const ready = "› "

// say types a line and returns what is shown until the next one may be typed.
func (c *console) say(line string) string {
	c.t.Helper()
	c.press(line + "\r")
	c.expect("\r\n") // the line itself
	return c.expect(ready)
}

func (c *console) press(keys string) {
	c.t.Helper()
	if _, err := c.tty.WriteString(keys); err != nil {
		c.t.Fatal(err)
	}
}

// ends waits for the end and returns the exit code.
func (c *console) ends() int {
	c.t.Helper()
	select {
	case <-c.done:
	case <-time.After(30 * time.Second):
		c.t.Fatalf("it does not end: %q", c.all())
	}
	return exitCode(c.cmd.Wait())
}

func (c *console) all() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen.String()
}

func has(t *testing.T, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %q", want, text)
		}
	}
}

var escape = regexp.MustCompile(`\x1b\[[0-9;?]*[a-zA-Z]`)

// TestTalk holds a conversation and uses every command in it.
func TestTalk(t *testing.T) {
	_, model := tiny(t)
	c := atTerminal(t, 80, nil, "chat", model, "--temp", "0", "--max-tokens", "6")
	has(t, escape.ReplaceAllString(c.expect(ready), ""), "tiny", "llama, 8.24K parameters, context 32", "no chat template", "/help", "Ctrl-D")

	has(t, c.say("/help"), "/help", "/why", "/tokens", "/regen", "/system", "/reset", "/save", "/load", "/quit", "Ctrl-C")
	has(t, c.say("/why"), "no answer to explain")
	has(t, c.say("/regen"), "nothing to answer yet")
	has(t, c.say("/nonsense"), "there is no /nonsense")
	has(t, c.say("/save"), "the name of a file is missing")
	if shown := c.say("   "); strings.Contains(shown, "!") {
		t.Errorf("an empty line shows %q", shown)
	}

	has(t, c.say("the cat"), "stopped after 6 tokens")
	has(t, c.say("/tokens"), "the conversation has ", "the context 32", "6 of answer", "prompt", "answer")
	has(t, c.say("/why"), "token", "chance", "instead", "%")
	if rows := strings.Count(c.say("/why 2"), "\r\n"); rows < 4 {
		t.Errorf("/why 2 shows %d lines", rows)
	}
	has(t, c.say("/why never"), `"never" is no number of tokens`)
	has(t, c.say("/regen"), "stopped after 6 tokens")
	has(t, c.say("/system"), "there is no system text")
	has(t, c.say("/system Be brief."), "system text: Be brief.")
	has(t, c.say("/system -"), "there is no system text")

	has(t, c.say("/save talk.json"), "saved 2 messages in talk.json")
	has(t, c.say("/save no/such/folder/talk.json"), "no such file or directory")
	has(t, c.say("/reset"), "forgotten")
	has(t, c.say("/load missing.json"), "missing.json")
	write(t, filepath.Join(c.cmd.Dir, "bad.json"), "{")
	has(t, c.say("/load bad.json"), "not a saved conversation")
	has(t, c.say("/load talk.json"), "loaded 2 messages", "the cat")
	has(t, c.say("//slash"), "stopped after")

	c.press("/quit\r")
	if code := c.ends(); code != exitDone {
		t.Errorf("/quit: exit code %d", code)
	}
	var saved struct {
		Messages []struct{ Role, Content string }
	}
	if err := json.Unmarshal([]byte(read(t, c.cmd.Dir, "talk.json")), &saved); err != nil {
		t.Fatal(err)
	}
	if m := saved.Messages; len(m) != 2 || m[0].Content != "the cat" || m[0].Role != "user" || m[1].Role != "assistant" {
		t.Errorf("saved %+v", saved)
	}
}

// TestTalkSeed: the same seed and the same lines are the same conversation.
func TestTalkSeed(t *testing.T) {
	_, model := tiny(t)
	var talks [2]string
	for i := range talks {
		c := atTerminal(t, 80, nil, "chat", model, "--seed", "7", "--max-tokens", "8", "-q")
		c.expect(ready)
		talks[i] = c.say("the cat") + c.say("/regen")
	}
	if talks[0] != talks[1] {
		t.Errorf("%q and %q", talks[0], talks[1])
	}
}

// TestTalkKeys: what Ctrl-C, Ctrl-D and Tab do.
func TestTalkKeys(t *testing.T) {
	_, model := tiny(t)
	start := func() *console {
		c := atTerminal(t, 80, nil, "chat", model, "--max-tokens", "4")
		c.expect(ready)
		return c
	}
	c := start()
	c.press("not this\x03/reset\r") // Ctrl-C clears the line
	c.expect("forgotten")
	c.expect(ready)
	c.press("/res\t\r")
	c.expect("forgotten")
	c.expect(ready)
	c.press("\x03/reset\r") // one Ctrl-C on an empty line does nothing
	c.expect("forgotten")
	c.expect(ready)
	c.press("\x03\x03")
	if code := c.ends(); code != exitDone {
		t.Errorf("Ctrl-C twice: exit code %d", code)
	}

	c = start()
	c.press("\x04")
	if code := c.ends(); code != exitDone {
		t.Errorf("Ctrl-D: exit code %d", code)
	}
}

// TestTalkPlain: without colour, and in a narrow window, nothing is lost.
func TestTalkPlain(t *testing.T) {
	_, model := tiny(t)
	for _, env := range []string{"NO_COLOR=1", "TERM=dumb"} {
		c := atTerminal(t, 40, []string{env}, "chat", model, "--seed", "1", "--max-tokens", "6", "-q")
		c.expect(ready)
		c.say("the cat")
		shown := c.say("/tokens") + c.say("/why")
		if strings.Contains(shown, "\x1b[3") || strings.Contains(shown, "\x1b[2m") {
			t.Errorf("%s: colours in %q", env, shown)
		}
		for line := range strings.Lines(escape.ReplaceAllString(c.say("/why"), "")) {
			if n := len([]rune(strings.TrimRight(line, "\r\n"))); n > 40 && !strings.Contains(line, "probabilities") {
				t.Errorf("%s: %d columns in a window of 40: %q", env, n, line)
			}
		}
	}
}

// TestTerminalLook: pictures use the window's width, and colour only if wanted.
func TestTerminalLook(t *testing.T) {
	for _, columns := range []uint16{40, 80, 200} {
		for _, env := range []string{"NO_COLOR=", "NO_COLOR=1"} {
			c := atTerminal(t, columns, []string{env}, "look", "-p", "To be, or not to be")
			if code := c.ends(); code != exitDone {
				t.Fatalf("exit code %d: %s", code, c.all())
			}
			out := c.all()
			if colour := strings.Contains(out, "\x1b["); colour != (env == "NO_COLOR=") {
				t.Errorf("%d columns, %s: colour is %v", columns, env, colour)
			}
			for line := range strings.Lines(escape.ReplaceAllString(out, "")) {
				if n := len([]rune(strings.TrimRight(line, "\r\n"))); n > max(60, int(columns)) {
					t.Errorf("%d columns in a window of %d: %q", n, columns, line)
				}
			}
		}
	}
}

// TestTerminalTrain: one line of progress that is written over.
func TestTerminalTrain(t *testing.T) {
	text, _ := tiny(t)
	recipe := filepath.Join(t.TempDir(), "recipe.json")
	write(t, recipe, strings.Replace(tinyRecipe, `"steps": 12`, `"steps": 20000`, 1))
	c := atTerminal(t, 60, nil, "train", text, "--config", recipe, "--out", "out")
	c.expect("\r\x1b[Kstep ")
	for range 3 { // more than a moment: the answer is a whole screen line each time
		if line := c.expect("\r\x1b[K"); len([]rune(line)) > 60 {
			t.Errorf("the line of progress is wider than the window: %q", line)
		}
	}
	c.press("\x03")
	c.expect("which is saved")
	c.expect("--resume")
	if code := c.ends(); code != exitInterrupted {
		t.Errorf("Ctrl-C: exit code %d", code)
	}
}
