package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"samsa/scenarios/explore"
)

// explored runs a small campaign and parses its JSON report.
func explored(t *testing.T, args ...string) (explore.Report, result) {
	t.Helper()
	r := samsa(t, append([]string{"explore", "--profile", "compressed", "--json", "--out", t.TempDir()}, args...)...)
	var report explore.Report
	if err := json.Unmarshal([]byte(r.out), &report); err != nil {
		t.Fatalf("%v: %s%s", err, r.out, r.err)
	}
	return report, r
}

func TestExplore(t *testing.T) {
	report, one := explored(t, "--runs", "6", "--seed", "40", "--jobs", "1")
	if report.Schema != "samsa.explore/1" || report.Runs != 6 || report.Seed != "40" || len(report.Hash) == 0 {
		t.Errorf("%s", one.out)
	}
	if want := codeOfReport(&report, false); one.code != want {
		t.Errorf("exit code %d, want %d", one.code, want)
	}
	if !strings.Contains(one.err, "6 runs in ") {
		t.Errorf("stderr says %q", one.err)
	}
	if _, single := explored(t, "--runs", "1", "--seed", "40", "--jobs", "1"); !strings.Contains(single.err, "1 world at once\n1 run in ") {
		t.Errorf("stderr of one run says %q", single.err)
	}
	again, _ := explored(t, "--runs", "6", "--seed", "40", "--jobs", "3")
	if again.Hash != report.Hash || again.Events != report.Events {
		t.Errorf("with three jobs the campaign is %s, with one %s", again.Hash, report.Hash)
	}
}

// A campaign of six runs cannot fire every fault. It reports that if asked.
func TestExploreCoverage(t *testing.T) {
	report, r := explored(t, "--runs", "6", "--seed", "40", "--require-coverage")
	if len(report.NeverFired) == 0 {
		t.Fatal("six runs saw every fault there is")
	}
	if want := codeOfReport(&report, true); r.code != want || want == exitOK {
		t.Errorf("exit code %d, want %d", r.code, want)
	}
}

// The exit code is that of the worst failure.
func TestExploreCodes(t *testing.T) {
	for _, c := range []struct {
		verdicts []explore.Verdict
		want     code
	}{
		{nil, exitOK},
		{[]explore.Verdict{explore.Held}, exitOK},
		{[]explore.Verdict{explore.Held, explore.Unknown}, exitInconclusive},
		{[]explore.Verdict{explore.Unknown, explore.Stuck}, exitLiveness},
		{[]explore.Verdict{explore.Stuck, explore.Violated}, exitViolated},
		{[]explore.Verdict{explore.Violated, explore.Internal}, exitInternal},
	} {
		r := explore.NewReport(explore.Campaign{})
		for i, v := range c.verdicts {
			r.Add(explore.Result{Seed: uint64(i), Verdict: v})
		}
		if got := codeOfReport(r, false); got != c.want {
			t.Errorf("%v is exit code %d, want %d", c.verdicts, got, c.want)
		}
		if r.Interrupted = true; codeOfReport(r, false) != exitInterrupted {
			t.Errorf("%v, interrupted, is not exit code 130", c.verdicts)
		}
	}
}

// A failing run is saved for each kind of failure, at most three times per kind.
func TestExploreSaves(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "found")
	report := explore.NewReport(explore.Campaign{})
	for seed := range uint64(5) {
		x := explore.Result{Seed: seed, Verdict: explore.Violated, Text: "cluster\n", Failures: []explore.Failure{
			{Verdict: explore.Violated, Check: "acked-durable", Text: "offset 7 is gone"}, {Verdict: explore.Stuck, Check: "quiet", Text: "broker 2 is fenced"},
		}}
		report.Add(x)
		if err := save(report, x, dir); err != nil {
			t.Fatal(err)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != savedPerKind || files[0].Name() != "seed-0.txt" {
		t.Errorf("%v, %v", files, err)
	}
	if again := "samsa run " + filepath.Join(dir, "seed-2.txt"); !strings.Contains(report.Text(), again) {
		t.Errorf("the report does not say %q:\n%s", again, report.Text())
	}
}

func TestExploreUsage(t *testing.T) {
	for _, c := range []struct{ args, says string }{
		{"explore --runs 0", "--runs must be a number from 1"},
		{"explore --jobs 0", "--jobs must be a number from 1"},
		{"explore --seed x", "--seed must be a number"},
		{"explore --profile kafak", `(did you mean "kafka"?)`},
		{"explore --rule none", "there is no such old rule"},
		{"explore --mode loud", "there are pointer, wire, guard"},
		{"explore --runs 5 --for 2s", "exclude each other"},
		{"explore --for soon", `--for must be a time such as 90s or 10m, not "soon"`},
		{"explore --runs x", `--runs must be a number, not "x"`},
		{"explore --json=maybe", `--json must be true or false, or nothing, not "maybe"`},
		{"explore leader-failover", "takes no words"},
	} {
		if r := samsa(t, strings.Fields(c.args)...); r.code != exitUsage || !strings.Contains(r.err, c.says) {
			t.Errorf("samsa %s: code %d, %q, want %q", c.args, r.code, r.err, c.says)
		}
	}
}

// After Ctrl-C the campaign prints the report so far.
func TestExploreInterrupted(t *testing.T) {
	cmd := exec.Command(binary, "explore", "--for", "10m", "--jobs", "1", "--json", "--out", t.TempDir())
	var out bytes.Buffer
	cmd.Stdout = &out
	progress, err := cmd.StderrPipe() // once it has a line, the process handles signals
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := progress.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, progress) }()
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if c := code(cmd.ProcessState.ExitCode()); c != exitInterrupted {
		t.Errorf("exit code %d, want 130", c)
	}
	var r explore.Report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil || r.Schema != "samsa.explore/1" || !r.Interrupted {
		t.Errorf("%v: %s", err, out.String())
	}
}
