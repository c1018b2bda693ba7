package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"
)

// doctor runs the command under a clock that moves a tenth of a second whenever it is read. Each measurement then has one
// round per turn, and every figure follows from the amount of work.
func doctor(t *testing.T, interrupted bool, args ...string) (string, code) {
	t.Helper()
	var out, errs strings.Builder
	clock := time.Unix(0, 0)
	a := &app{out: &out, err: &errs, interrupt: make(chan os.Signal, 2), now: func() time.Time {
		clock = clock.Add(100 * time.Millisecond)
		return clock
	}}
	if interrupted {
		a.interrupt <- os.Interrupt
	}
	c := a.main(append([]string{"doctor"}, args...))
	if errs.Len() > 0 {
		return errs.String(), c
	}
	return out.String(), c
}

func TestDoctorSpeed(t *testing.T) {
	out, c := doctor(t, false, "speed", "--for", "400ms", "--json")
	if c != exitOK || strings.Count(out, "\n") != 1 {
		t.Fatalf("exit %d: %s", c, out)
	}
	var r doctorReport
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	near := func(got, want float64) bool { return got > 0.999*want && got < 1.001*want }
	// One round of ten thousand events takes 0.1 s.
	if r.Schema != "samsa.doctor/1" || r.Build == "" || !near(r.KernelEventsPerSecond, 100_000) || len(r.Clusters) != 2 || r.Interrupted {
		t.Errorf("%+v", r)
	}
	// A round of the load with 100 batches a second takes 0.1 s of virtual time, one with 1,000 takes 0.01 s. Both take 0.1
	// s of the clock.
	for i, x := range []float64{1, 0.1} {
		if c := r.Clusters[i]; !near(c.XReal, x) || !near(c.XRealPerMillion, 10*x) || c.EventsPerSecond < 100 {
			t.Errorf("%+v, want %v x real time", c, x)
		}
	}
	if s := r.Seeds; !near(s.PerSecond, 10) || s.EventsPerSeed < 1000 || !near(s.TenThousand, s.EventsPerSeed/1000) || !near(s.PerMillion, 10*s.TenThousand) {
		t.Errorf("%+v", s)
	}
	text := r.text()
	for _, want := range []string{"one core", "0.10 M events/s", "1,000 batches per virtual second      0.1 x real time      1.0\n", "explored seeds of 10,000 events"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
	for line := range strings.Lines(text) {
		if len(line) > 81 {
			t.Errorf("wider than 80: %s", line)
		}
	}
}

func TestDoctorInterrupted(t *testing.T) {
	out, c := doctor(t, true, "speed", "--json")
	if c != exitInterrupted || !strings.Contains(out, `"interrupted":true`) || strings.Contains(out, "NaN") {
		t.Errorf("exit %d: %s", c, out)
	}
}

func TestDoctorUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		code code
		says string
	}{
		{nil, exitOK, "samsa doctor speed --for 10s --json"},
		{[]string{"speed", "--help"}, exitOK, "samsa doctor speed --for 10s "},
		{[]string{"spede"}, exitUsage, `cannot measure "spede"; there is speed (did you mean "speed"?)`},
		{[]string{"speed", "now"}, exitUsage, "samsa doctor speed takes no words, not: now\n  try: samsa help doctor"},
		{[]string{"speed", "--for", "0s"}, exitUsage, "--for must be a time such as 3s, not 0s"},
		{[]string{"speed", "--fro", "1s"}, exitUsage, `samsa doctor speed has no flag --fro (did you mean "--for"?)`},
	} {
		if out, got := doctor(t, false, c.args...); got != c.code || !strings.Contains(out, c.says) {
			t.Errorf("samsa doctor %v: exit %d, want %d and %q\n%s", c.args, got, c.code, c.says, out)
		}
	}
}
