package main

import (
	"fmt"
	"strings"
	"time"

	"weft/cmd/weft/internal/view"
	"weft/internal/hub"
)

// pullProgress shows a download: a bar, its rate, and when it will be done.
type pullProgress struct {
	*status
	marks []mark // of the last seconds, to measure the rate by
}

// mark is how much was there at some time.
type mark struct {
	at   time.Time
	done int64
}

// The rate is that of the last rateWindow, looked at every rateStep.
const (
	rateWindow = 10 * time.Second
	rateStep   = 250 * time.Millisecond
)

func (p *pullProgress) event(e hub.Event) {
	switch e := e.(type) {
	case hub.Note:
		p.say("%s", string(e))
	case hub.Progress:
		rate := 0.0
		if !e.Checking {
			rate = p.rate(time.Now(), e.Done)
		}
		p.show(func() string { return downloadLine(e, rate) })
	}
}

// rate is bytes per second; 0 as long as nothing can be said.
func (p *pullProgress) rate(now time.Time, done int64) float64 {
	if n := len(p.marks); n == 0 || done < p.marks[n-1].done { // begun, or begun again
		p.marks = []mark{{now, done}}
	} else if now.Sub(p.marks[n-1].at) >= rateStep {
		p.marks = append(p.marks, mark{now, done})
	}
	for len(p.marks) > 2 && now.Sub(p.marks[1].at) >= rateWindow {
		p.marks = p.marks[1:]
	}
	first := p.marks[0]
	if since := now.Sub(first.at).Seconds(); since >= 1 {
		return float64(done-first.done) / since
	}
	return 0
}

// barCells is how wide the bar is.
const barCells = 20

// downloadLine is where a download is, in one line.
func downloadLine(e hub.Progress, rate float64) string {
	var parts []string
	if e.Total > 0 {
		share := float64(min(e.Done, e.Total)) / float64(e.Total)
		full := int(share * barCells)
		bar := strings.Repeat("█", full) + strings.Repeat("░", barCells-full)
		parts = append(parts, fmt.Sprintf("%s %3d %%", bar, int(share*100)))
		parts = append(parts, view.Bytes(int(e.Done))+" of "+view.Bytes(int(e.Total)))
	} else {
		parts = append(parts, view.Bytes(int(e.Done)))
	}
	if e.Checking {
		return strings.Join(append([]string{"checking " + e.File}, parts...), " · ")
	}
	if rate > 0 {
		parts = append(parts, view.Bytes(int(rate))+"/s")
		if e.Total > 0 {
			parts = append(parts, clock(seconds(float64(e.Total-e.Done)/rate))+" left")
		}
	}
	return strings.Join(append(parts, e.File), " · ")
}
