package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// On a terminal the progress is one line that changes and is gone at the end; elsewhere a new line every ten seconds. A line
// is made only when it is shown, and never wraps at 80 columns.
func TestMeter(t *testing.T) {
	for _, tty := range []bool{true, false} {
		var errs bytes.Buffer
		clock := time.Unix(0, 0)
		a := &app{err: &errs, errTTY: tty, now: func() time.Time { clock = clock.Add(80 * time.Millisecond); return clock }}
		m, made := a.meter(), 0
		for range 250 { // 20 seconds
			m.tick(func(spent time.Duration) string { made++; return spent.String() + strings.Repeat("x", 100) })
		}
		m.wipe()
		m.wipe() // there is nothing left to remove
		got := errs.String()
		if !tty && got != fmt.Sprintf("10s%s\n20s%[1]s\n", strings.Repeat("x", 100)) {
			t.Errorf("without a terminal: %q", got)
		}
		if lines := strings.Split(got, "\r"); tty {
			if made != 83 || len(lines) != made+3 || strings.TrimSpace(lines[made+1]) != "" || lines[made+2] != "" {
				t.Errorf("%d lines made, %d printed, the last ones %q", made, len(lines), lines[len(lines)-3:])
			}
			for _, l := range lines[1 : made+2] {
				if len(l) != meterWidth {
					t.Errorf("%d columns: %q", len(l), l)
				}
			}
		}
	}
}

func TestETA(t *testing.T) {
	for _, c := range []struct {
		done, all int
		want      string
	}{{0, 4, ""}, {1, 4, "  ETA 30s"}, {4, 4, "  ETA 0s"}} {
		if got := eta(10*time.Second, c.done, c.all); got != c.want {
			t.Errorf("%d of %d after 10s: %q, want %q", c.done, c.all, got, c.want)
		}
	}
}

// longCommands are all commands that can take long, each with its progress and with an answer to Ctrl-C.
func longCommands(t *testing.T) map[string][]string {
	mine := scenario(t, failure)
	return map[string][]string{
		"of virtual time":    {"run", mine},
		"changes tried  ETA": {"why", mine},
		"events  ":           {"diff", mine, "--seed", "8"},
		" of at most ":       {"cause", mine, "--futures", "2"},
		"of failure  ETA":    {"explore", "--runs", "2", "--rule", "K22", "--profile", "compressed", "--no-shrink", "--out", t.TempDir()},
		"of 3 runs  ":        {"test", mine, "--seeds", "2"},
		" left after ":       {"shrink", mine, "-o", mine + ".small"},
	}
}

// failure is a scenario that fails.
const failure = "rule K22\ncluster brokers=1 controllers=3 seed=3\ntopic orders partitions=1 replicas=1\nproduce p1 orders-0 a\n"

// Every long command shows its progress on stderr, on a terminal and elsewhere, and its result on stdout alone.
func TestProgress(t *testing.T) {
	for says, args := range longCommands(t) {
		for _, tty := range []bool{true, false} {
			var out, errs bytes.Buffer
			clock := time.Time{}
			a := &app{out: &out, err: &errs, errTTY: tty, now: func() time.Time { clock = clock.Add(11 * time.Second); return clock }}
			a.main(args)
			said := errs.String()
			if !strings.Contains(said, says) || strings.ContainsAny(out.String(), "\r\x1b") {
				t.Errorf("samsa %v: progress %q", args, said)
			}
			if strings.Contains(said, "\r") != tty {
				t.Errorf("samsa %v: a line that changes: %v, terminal: %v", args, !tty, tty)
			}
			if last := said[max(strings.LastIndex(said, says), 0):]; tty && !strings.Contains(last, "\r"+strings.Repeat(" ", meterWidth)+"\r") {
				t.Errorf("samsa %v: the line stays: %q", args, last)
			}
		}
	}
}

// Ctrl-C has the same effect in every long command: it ends with 130, and it leaves no line of progress behind.
func TestEveryCommandInterrupted(t *testing.T) {
	for _, args := range longCommands(t) {
		var out, errs bytes.Buffer
		a := &app{out: &out, err: &errs, errTTY: true, interrupt: make(chan os.Signal, 1), now: time.Now}
		a.interrupt <- os.Interrupt
		if c := a.main(args); c != exitInterrupted || !strings.Contains(out.String()+errs.String(), "interrupted") {
			t.Errorf("samsa %v: exit %d, want 130 and the word\n%s%s", args, c, out.String(), errs.String())
		}
		if said := errs.String(); strings.Contains(said, "\r") && !strings.HasSuffix(said, "\r") {
			t.Errorf("samsa %v: the line stays: %q", args, said)
		}
	}
}
