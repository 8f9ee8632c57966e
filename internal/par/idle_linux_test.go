package par

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestIdleUsesNoCPU: once parked, the process's CPU time stands still.
func TestIdleUsesNoCPU(t *testing.T) {
	p := New(4)
	defer p.Close()
	checkWhole(t, p)
	waitParked(t, p)
	before := cpuTime(t)
	time.Sleep(200 * time.Millisecond)
	if used := cpuTime(t) - before; used > 20*time.Millisecond {
		t.Errorf("an idle pool used %v of CPU in 200 ms", used)
	}
}

func cpuTime(t *testing.T) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
