package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"samsa/scenarios"
	"samsa/scenarios/explore"
)

// failing writes a scenario that fails with the old rule K22, and returns its path.
func failing(t *testing.T) string {
	t.Helper()
	src, err := os.ReadFile("../../scenarios/explore/testdata/planted/K22.txt")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "k22.txt")
	src = bytes.Replace(src, []byte("\nrule K22\n"), []byte("\n"), 1)
	if err := os.WriteFile(path, src, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// read returns the text of a file.
func read(t *testing.T, path string) string {
	t.Helper()
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(src)
}

// The small scenario is beside the large one, which stays. It says what it is, and it fails when it runs.
func TestShrink(t *testing.T) {
	path := failing(t)
	src := read(t, path)
	r := samsa(t, "shrink", path, "--rule", "K22")
	small := strings.TrimSuffix(path, ".txt") + "-small.txt"
	if r.code != exitOK || !strings.Contains(r.out, "small     "+small+"\n") || !strings.Contains(r.out, "is        2 lines with 0 faults and 0 operations") {
		t.Fatalf("exit code %d\n%s%s", r.code, r.out, r.err)
	}
	text := read(t, small)
	for _, want := range []string{"# A small failure: reply-after-commit", "topic orders is created", "the old rule K22", "from k22.txt: ", "other draws of the noise", "# again: samsa run "} {
		if !strings.Contains(strings.ToLower(text), strings.ToLower(want)) {
			t.Errorf("the small file does not say %q:\n%s", want, text)
		}
	}
	if read(t, path) != src {
		t.Error("the scenario itself has changed")
	}
	if again := samsa(t, "run", small); again.code != exitViolated || !strings.Contains(again.out, "STILL THERE") {
		t.Errorf("the small scenario ends with %d:\n%s%s", again.code, again.out, again.err)
	}
	if left, _ := filepath.Glob(filepath.Dir(path) + "/.samsa*"); len(left) > 0 {
		t.Errorf("files are left: %q", left)
	}
	// A second search replaces its own result.
	if r := samsa(t, "shrink", path, "--rule", "K22"); r.code != exitOK {
		t.Errorf("the second search ends with %d: %s", r.code, r.err)
	}
}

func TestShrinkJSON(t *testing.T) {
	path := failing(t)
	r := samsa(t, "shrink", path, "--rule", "K22", "--json", "--mode", "guard", "-o", path+".out")
	var report shrinkReport
	if err := json.Unmarshal([]byte(r.out), &report); err != nil {
		t.Fatalf("%v: %s%s", err, r.out, r.err)
	}
	if report.Schema != "samsa.shrink/1" || report.Small != path+".out" || report.Check != "reply-after-commit" || report.Is.Lines != 2 ||
		report.Was.Lines < 50 || report.Salts != saltsTried || report.SaltsFail == 0 || report.Ended || report.Again != "samsa run "+path+".out --mode guard" || !slices.Equal(report.Rules, []string{"K22"}) {
		t.Errorf("%s", r.out)
	}
}

// Every mistake gets words and a next step, and nothing is written.
func TestShrinkMistakes(t *testing.T) {
	path := failing(t)
	mine := strings.TrimSuffix(path, ".txt") + "-small.txt"
	for _, c := range []struct {
		name string
		args []string
		says string
	}{
		{"no failure", []string{"leader-failover", "--rule", "M39"}, "leader-failover does not fail with the old rules M39; there is nothing to shrink"},
		{"a rule is not named", []string{path}, "does not fail; under these old rules it does: "},
		{"another check", []string{path, "--rule", "K22", "--check", "vote-once"}, "does not violate vote-once; it fails with reply-after-commit, registration-linearizable\n  try: samsa shrink " + path + " --rule K22 --check reply-after-commit"},
		{"no such check", []string{path, "--check", "vote-one"}, `did you mean "vote-once"?`},
		{"no such rule", []string{path, "--rule", "K2x"}, `there is no such old rule (did you mean "K2`},
		{"no such file", []string{path + ".no.txt"}, "cannot open the scenario"},
		{"the scenario itself", []string{path, "--rule", "K22", "-o", path}, "is the scenario itself, which samsa shrink never replaces"},
		{"no such folder", []string{path, "--rule", "K22", "-o", "/no/such/folder/x.txt"}, "cannot write the result"},
		{"no such mode", []string{path, "--mode", "gard"}, `--mode gard: there are pointer, wire, guard (did you mean "guard"?)`},
		{"no jobs", []string{path, "--jobs", "0"}, "--jobs must be a number from 1"},
		{"no time", []string{path, "--for", "-1s"}, "--for must be a time"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := samsa(t, append([]string{"shrink"}, c.args...)...)
			if r.code != exitUsage || !strings.Contains(r.err, c.says) || r.out != "" {
				t.Errorf("exit code %d, stdout %q, stderr\n%swanted %q", r.code, r.out, r.err, c.says)
			}
			if _, err := os.Stat(mine); err == nil {
				t.Error("a result was written")
			}
		})
	}
}

// A file that samsa shrink did not write is replaced only if it is named.
func TestShrinkReplacesNothingOfTheUsers(t *testing.T) {
	path := failing(t)
	mine := strings.TrimSuffix(path, ".txt") + "-small.txt"
	if err := os.WriteFile(mine, []byte("# Mine.\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	r := samsa(t, "shrink", path, "--rule", "K22")
	if r.code != exitUsage || !strings.Contains(r.err, "samsa shrink did not write it") || read(t, mine) != "# Mine.\n" {
		t.Errorf("exit code %d: %s", r.code, r.err)
	}
	if r := samsa(t, "shrink", path, "--rule", "K22", "-o", mine); r.code != exitOK || read(t, mine) == "# Mine.\n" {
		t.Errorf("with -o the exit code is %d: %s", r.code, r.err)
	}
}

// A disk that is full gets words, and the result is printed instead. A device stays a device, and a link stays a link.
func TestShrinkOntoAFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("there is no /dev/full here")
	}
	path := failing(t)
	r := samsa(t, "shrink", path, "--rule", "K22", "-o", "/dev/full")
	if r.code != exitUsage || !strings.Contains(r.err, "cannot write the result: write /dev/full: no space left on device") || !strings.HasPrefix(r.out, "# A small failure") {
		t.Errorf("exit code %d\n%s%s", r.code, r.out, r.err)
	}
	if info, err := os.Stat("/dev/full"); err != nil || info.Mode().IsRegular() {
		t.Errorf("/dev/full is now %v, %v", info, err)
	}
	link, to := path+".link", path+".to"
	if err := errors.Join(os.WriteFile(to, nil, 0o666), os.Symlink(to, link)); err != nil {
		t.Fatal(err)
	}
	if r := samsa(t, "shrink", path, "--rule", "K22", "-o", link); r.code != exitOK || !strings.HasPrefix(read(t, to), "# A small failure") {
		t.Errorf("over a link, exit code %d\n%s%s", r.code, r.out, r.err)
	}
	if r := samsa(t, "shrink", path, "--rule", "K22", "-o", filepath.Dir(path)); r.code != exitUsage || !strings.Contains(r.err, "is a folder") {
		t.Errorf("onto a folder, exit code %d\n%s%s", r.code, r.out, r.err)
	}
}

// A search that the user or --for ends writes the smallest scenario so far.
func TestShrinkEndsEarly(t *testing.T) {
	path := failing(t)
	r := samsa(t, "shrink", path, "--rule", "K22", "--for", "1ns", "-o", path+".out")
	if r.code != exitOK || !strings.Contains(r.out, "ended     by --for") || !strings.Contains(read(t, path+".out"), "ended early") {
		t.Errorf("exit code %d\n%s%s", r.code, r.out, r.err)
	}
	if r := samsa(t, "run", path+".out"); r.code != exitViolated {
		t.Errorf("the result ends with %d", r.code)
	}
}

// An interrupted search writes the smallest scenario so far and exits with 130. Its progress is on stderr alone.
func TestShrinkInterrupted(t *testing.T) {
	path := failing(t)
	var out, errs bytes.Buffer
	a := &app{out: &out, err: &errs, errTTY: true, interrupt: make(chan os.Signal, 1), now: time.Now}
	a.interrupt <- os.Interrupt
	if c := a.main([]string{"shrink", path, "--rule", "K22", "--json", "-o", path + ".out"}); c != exitInterrupted {
		t.Errorf("exit code %d: %s", c, errs.String())
	}
	var report shrinkReport
	if err := json.Unmarshal(out.Bytes(), &report); err != nil || !report.Interrupted || !report.Ended {
		t.Errorf("%v: %s", err, out.String())
	}
	if r := samsa(t, "run", path+".out"); r.code != exitViolated {
		t.Errorf("what was written ends with %d:\n%s", r.code, r.out)
	}
}

// Exploration makes the first scenario of each kind of failure small, unless it is told not to.
func TestExploreShrinks(t *testing.T) {
	dir := t.TempDir()
	r := samsa(t, "explore", "--runs", "2", "--rule", "K22", "--profile", "compressed", "--out", dir)
	small := filepath.Join(dir, "seed-1-reply-after-commit-small.txt")
	if r.code != exitViolated || !strings.Contains(r.out, "small  samsa run "+small+"\n") {
		t.Fatalf("exit code %d\n%s%s", r.code, r.out, r.err)
	}
	if text := read(t, small); strings.Count(text, "\n") > 20 {
		t.Errorf("the small scenario is\n%s", text)
	}
	r = samsa(t, "explore", "--runs", "2", "--rule", "K22", "--profile", "compressed", "--no-shrink", "--out", t.TempDir())
	if r.code != exitViolated || strings.Contains(r.out, "small  ") {
		t.Errorf("with --no-shrink, exit code %d\n%s", r.code, r.out)
	}
}

// Of several failures the one is kept for which the file was saved, even if another is listed before it.
func TestShrinkKeepsWhatTheFileWasSavedFor(t *testing.T) {
	program := loaded(t, "cluster brokers=1 controllers=1 seed=3\ntopic orders\nfound hw-justified kind=\"leader of a partition: in the ISR, never had it\"\n")
	j := &shrinking{program: program}
	others := []explore.Failure{
		{Verdict: explore.Violated, Check: "acked-electable", Kind: "follower of a partition: in the ISR, never had it"},
		{Verdict: explore.Violated, Check: "hw-justified", Kind: "leader of a partition: cut it"},
	}
	saved := explore.Failure{Verdict: explore.Violated, Check: "hw-justified", Kind: "leader of a partition: in the ISR, never had it"}
	if f, err := j.choose(append(slices.Clone(others), saved), ""); err != nil || f != saved {
		t.Errorf("%+v, error %v, want the failure that the found line names", f, err)
	}
	if f, err := j.choose(others, ""); err != nil || f != others[0] {
		t.Errorf("%+v, error %v, want the first failure if the one of the found line is gone", f, err)
	}
	if f, err := j.choose(append(slices.Clone(others), saved), "acked-electable"); err != nil || f != others[0] {
		t.Errorf("%+v, error %v, want the check that --check names", f, err)
	}
}

// loaded returns the program of a text.
func loaded(t *testing.T, src string) *scenarios.Program {
	t.Helper()
	p, err := scenarios.Load("test", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return p
}
