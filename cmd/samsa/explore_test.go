package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"samsa/scenarios/explore"
	"samsa/scenarios/shrink"
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
		if kept, err := save(report, x, dir); err != nil || len(kept) > 0 {
			t.Fatal(kept, err)
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

// An exploration never loses a file that was edited, or is of other rules or about another failure. The new scenario has another
// name, and the report and stderr say so. An unedited one about the same failure gives way.
func TestExploreKeepsFiles(t *testing.T) {
	dir := t.TempDir()
	first, second := filepath.Join(dir, "seed-1.txt"), filepath.Join(dir, "seed-1-2.txt")
	explore := func() result {
		return samsa(t, "explore", "--runs", "1", "--rule", "K22", "--profile", "compressed", "--no-shrink", "--out", dir)
	}
	if r := explore(); r.code != exitViolated || !strings.Contains(r.out, "samsa run "+first+"\n") {
		t.Fatalf("exit code %d\n%s%s", r.code, r.out, r.err)
	}
	saved := read(t, first)
	old := string(shrink.Sealed(regexp.MustCompile(`hash=[0-9a-f]{16}`).ReplaceAllString(unsealed(saved), "hash=0000000000000000")))
	for _, c := range []struct{ name, was, says string }{
		{"the same", saved, ""},
		{"of an older version", old, ""},
		{"edited", saved + "# Mine.\n", "it was edited, or samsa did not write it"},
		{"another file", "cluster\n", "it was edited, or samsa did not write it"},
		{"empty", "", "it was edited, or samsa did not write it"},
		{"of another rule", string(shrink.Sealed(strings.Replace(unsealed(saved), "rule K22", "rule M1", 1))), "it fails under other rules"},
	} {
		if err := errors.Join(os.WriteFile(first, []byte(c.was), 0o666), os.RemoveAll(second)); err != nil {
			t.Fatal(err)
		}
		r := explore()
		if c.says == "" {
			if _, err := os.Stat(second); read(t, first) != saved || err == nil || strings.Contains(r.err, "kept") {
				t.Errorf("%s: it is not replaced\n%s%s", c.name, r.out, r.err)
			}
			continue
		}
		want := "samsa: " + first + " is kept: " + c.says + "; the scenario of seed 1 is " + second + "\n"
		if r.code != exitViolated || read(t, first) != c.was || read(t, second) != saved || !strings.Contains(r.err, want) || !strings.Contains(r.out, "samsa run "+second+"\n") {
			t.Errorf("%s: exit code %d\n%s%s", c.name, r.code, r.out, r.err)
		}
	}
	if left, _ := filepath.Glob(dir + "/.samsa*"); len(left) > 0 {
		t.Errorf("files are left: %q", left)
	}
}

// unsealed returns a file without the line of its checksum.
func unsealed(text string) string {
	return regexp.MustCompile(`(?m)^# Checksum .*\n`).ReplaceAllString(text, "")
}

// If a scenario cannot be saved, the report is printed all the same, and the exit code is that of the verdict.
func TestExploreThatCannotSave(t *testing.T) {
	notFolder := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(notFolder, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{notFolder, "/proc/1"} {
		report, r := explored(t, "--runs", "1", "--rule", "K22", "--out", dir)
		if r.code != exitViolated || report.Runs != 1 || len(report.Kinds) == 0 || len(report.Kinds[0].Files) > 0 || !strings.Contains(r.err, "samsa: cannot save a scenario: ") {
			t.Errorf("%s: exit code %d\n%s%s", dir, r.code, r.out, r.err)
		}
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
