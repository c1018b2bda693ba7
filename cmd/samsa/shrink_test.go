package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"samsa/scenarios"
	"samsa/scenarios/explore"
	"samsa/scenarios/shrink"
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
	if r := samsa(t, "shrink", path, "--rule", "K22"); r.code != exitOK || !strings.Contains(r.out, "small     "+small+"\n") || strings.Contains(r.out, "kept") || read(t, small) != text {
		t.Errorf("the second search ends with %d: %s%s", r.code, r.out, r.err)
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
	over := scenario(t, "cluster brokers=1 controllers=1\nwait 1h\nfound budget events=200 \"it does not end\"\n")
	if r := samsa(t, "shrink", path, "--rule", "K22", "--json", "-o", "-"); r.code != exitUsage || !strings.Contains(r.out, "--output must name a file") {
		t.Errorf("JSON and the result, both on stdout: exit code %d\n%s%s", r.code, r.out, r.err)
	}
	for _, c := range []struct {
		name string
		args []string
		says string
	}{
		{"no failure", []string{"leader-failover", "--rule", "M39"}, "leader-failover does not fail with the old rules M39; there is nothing to shrink"},
		{"a rule is not named", []string{path}, "does not fail; under these old rules it does: "},
		{"another check", []string{path, "--rule", "K22", "--check", "vote-once"}, "does not violate vote-once; it fails with reply-after-commit, operator-answers-true, brokers-return\n  try: samsa shrink " + path + " --rule K22 --check reply-after-commit"},
		{"no such check", []string{path, "--check", "vote-one"}, `did you mean "vote-once"?`},
		{"no such rule", []string{path, "--rule", "K2x"}, `there is no such old rule (did you mean "K2`},
		{"no such file", []string{path + ".no.txt"}, "cannot open the scenario"},
		{"the scenario itself", []string{path, "--rule", "K22", "-o", path}, "is the scenario itself, which samsa shrink never replaces"},
		{"no such folder", []string{path, "--rule", "K22", "-o", "/no/such/folder/x.txt"}, "cannot write the result"},
		{"no such mode", []string{path, "--mode", "gard"}, `--mode gard: there are pointer, wire, guard (did you mean "guard"?)`},
		{"no jobs", []string{path, "--jobs", "0"}, "--jobs must be a number from 1"},
		{"over budget", []string{over}, "did not end within 200 events, so no smaller scenario can be compared with it\n  try: samsa run "},
		{"no such config", []string{path, "--set", "min.insync.replica=1"}, `did you mean "min.insync.replicas`},
		{"no seed", []string{path, "--seed", "x"}, "--seed must be a number"},
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

// A file that is edited, smaller, about another failure, or not a result at all is kept, and the report says where the new result
// is. --output replaces any file.
func TestShrinkKeepsFiles(t *testing.T) {
	path := failing(t)
	small := strings.TrimSuffix(path, ".txt") + "-small.txt"
	shrunk := func(args ...string) result {
		return samsa(t, append([]string{"shrink", path, "--rule", "K22"}, args...)...)
	}
	if r := shrunk(); r.code != exitOK {
		t.Fatalf("exit code %d: %s", r.code, r.err)
	}
	best := read(t, small)
	for n, c := range []struct {
		was, why string
		args     []string
	}{
		{best, "it is smaller than the new one", []string{"--for", "1ns"}},
		{best, "it is about another failure", []string{"--check", "brokers-return"}},
		{best + "# Mine.\n", "it was edited, or samsa did not write it", nil},
		{"# Mine.\n", "it was edited, or samsa did not write it", nil},
		{"", "it was edited, or samsa did not write it", nil},
	} {
		other := strings.TrimSuffix(path, ".txt") + "-small-2.txt"
		if err := errors.Join(os.WriteFile(small, []byte(c.was), 0o666), os.RemoveAll(other)); err != nil {
			t.Fatal(err)
		}
		r := shrunk(c.args...)
		if r.code != exitOK || read(t, small) != c.was || !strings.Contains(r.out, "kept      "+small+": "+c.why+"\nsmall     "+other+"\n") || !strings.HasPrefix(read(t, other), "# A small failure") {
			t.Errorf("%d: exit code %d, %s%s", n, r.code, r.out, r.err)
		}
		if n == 0 { // a smaller result takes the place of a larger one, which ended early
			long := read(t, other)
			if err := os.WriteFile(small, []byte(long), 0o666); err != nil {
				t.Fatal(err)
			}
			if r := shrunk(); r.code != exitOK || read(t, small) != best || read(t, other) != long {
				t.Errorf("over a larger result, exit code %d, %s%s", r.code, r.out, r.err)
			}
		}
	}
	if r := shrunk("-o", small); r.code != exitOK || read(t, small) != best {
		t.Errorf("with -o the exit code is %d: %s", r.code, r.err)
	}
}

// With - the result is on stdout, alone, and the report on stderr. The seed and the settings of the command line are in it.
func TestShrinkToStdout(t *testing.T) {
	path := failing(t)
	r := samsa(t, "shrink", path, "--rule", "K22", "--seed", "77", "--set", "broker.session.timeout.ms=4321", "-o", "-")
	if r.code != exitOK || !strings.HasPrefix(r.out, "# A small failure: reply-after-commit") || !strings.Contains(r.out, " seed=77\n") || !strings.Contains(r.err, "small     -\n") {
		t.Fatalf("exit code %d\n%s%s", r.code, r.out, r.err)
	}
	if left, _ := filepath.Glob(filepath.Dir(path) + "/*"); len(left) != 1 {
		t.Errorf("files were written: %q", left)
	}
	file := path + ".out"
	if err := os.WriteFile(file, []byte(r.out), 0o666); err != nil {
		t.Fatal(err)
	}
	if r := samsa(t, "run", file); r.code != exitViolated || !strings.Contains(r.out, "STILL THERE") {
		t.Errorf("the result ends with %d:\n%s%s", r.code, r.out, r.err)
	}
}

// Every failure of the small scenario has a found line, first the one that was kept.
func TestShrinkWritesAllThatIsFound(t *testing.T) {
	path := failing(t)
	for _, check := range []string{"reply-after-commit", "brokers-return"} {
		r := samsa(t, "shrink", path, "--rule", "K22", "--check", check, "--for", "1ns", "--json", "-o", path+".out")
		var report shrinkReport
		if err := json.Unmarshal([]byte(r.out), &report); err != nil {
			t.Fatalf("%v: %s%s", err, r.out, r.err)
		}
		found := loaded(t, read(t, report.Small)).Found()
		if len(found) != 1+len(report.Others) || len(found) < 2 || found[0].Check != check || found[0].Fingerprint() != report.Fingerprint {
			t.Fatalf("the found lines are %v; the report is %s", found, r.out)
		}
		for i, print := range report.Others {
			if found[i+1].Fingerprint() != print {
				t.Errorf("found line %d is of %s, wanted %s", i+2, found[i+1].Fingerprint(), print)
			}
		}
	}
}

// A disk that is full gets words, and the result is printed instead. A device stays a device, and a link stays a link.
func TestShrinkOntoAFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("there is no /dev/full here")
	}
	path := failing(t)
	r := samsa(t, "shrink", path, "--rule", "K22", "-o", "/dev/full")
	if r.code != exitUsage || !strings.Contains(r.err, "cannot write the result: write /dev/full: no space left on device") || !strings.HasPrefix(r.out, "# A small failure") ||
		strings.Contains(r.out, "samsa run /dev/full") {
		t.Errorf("exit code %d\n%s%s", r.code, r.out, r.err)
	}
	if info, err := os.Stat("/dev/full"); err != nil || info.Mode().IsRegular() {
		t.Errorf("/dev/full is now %v, %v", info, err)
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	var errs bytes.Buffer
	cmd := exec.Command(binary, "shrink", path, "--rule", "K22", "-o", "-")
	cmd.Stdout, cmd.Stderr = full, &errs
	_ = cmd.Run()
	if text := errs.String(); cmd.ProcessState.ExitCode() != int(exitUsage) || strings.Count(text, "no space left on device") != 1 || !strings.Contains(text, "\n# A small failure") {
		t.Errorf("onto a full stdout, exit code %d\n%s", cmd.ProcessState.ExitCode(), text)
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

// A search that --for ends writes the smallest scenario so far.
func TestShrinkEndsEarly(t *testing.T) {
	path := failing(t)
	r := samsa(t, "shrink", path, "--rule", "K22", "--for", "1ns", "-o", path+".out")
	if r.code != exitOK || !strings.Contains(r.out, "ended     by --for") || !strings.Contains(unwrapped(read(t, path+".out")), "The search was ended early") {
		t.Errorf("exit code %d\n%s%s", r.code, r.out, r.err)
	}
	if r := samsa(t, "run", path+".out"); r.code != exitViolated {
		t.Errorf("the result ends with %d", r.code)
	}
}

// unwrapped joins the lines of comments.
func unwrapped(text string) string { return strings.ReplaceAll(text, "\n# ", " ") }

// interrupted runs the binary until a text is on stderr, presses Ctrl-C then, and returns what the binary does.
func interrupted(t *testing.T, when string, args ...string) result {
	t.Helper()
	cmd := exec.Command(binary, args...)
	var out bytes.Buffer
	cmd.Stdout = &out
	errs, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	for lines := bufio.NewScanner(errs); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), when) {
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait()
	return result{out.String(), said.String(), code(cmd.ProcessState.ExitCode())}
}

// Ctrl-C during the first run ends the command at once. Nothing is known yet, so nothing is written.
func TestShrinkInterruptedInItsFirstRun(t *testing.T) {
	path := scenario(t, endless)
	r := interrupted(t, "running ", "shrink", path)
	if left, _ := filepath.Glob(filepath.Dir(path) + "/*"); r.code != exitInterrupted || len(left) != 1 || !strings.Contains(r.err, "samsa: interrupted before the scenario had run once; nothing is written\n") {
		t.Errorf("exit code %d, files %q\n%s%s", r.code, left, r.out, r.err)
	}
	r = interrupted(t, "running ", "shrink", path, "--json")
	var report errorReport
	if err := json.Unmarshal([]byte(r.out), &report); err != nil || report.Schema != "samsa.error/1" || report.Code != int(exitInterrupted) {
		t.Errorf("%v: %s", err, r.out)
	}
}

// Ctrl-C during the search writes the smallest scenario so far and exits with 130.
func TestShrinkInterrupted(t *testing.T) {
	path := scenario(t, read(t, "../../scenarios/explore/testdata/planted/M1.txt"))
	r := interrupted(t, "shrinking it", "shrink", path)
	small := strings.TrimSuffix(path, ".txt") + "-small.txt"
	if r.code != exitInterrupted || !strings.Contains(r.out, "ended     interrupted; this is the smallest scenario so far\n") || !strings.Contains(r.out, "unchecked ") {
		t.Fatalf("exit code %d\n%s%s", r.code, r.out, r.err)
	}
	if r := samsa(t, "run", small); r.code != exitViolated || !strings.Contains(r.out, "STILL THERE") {
		t.Errorf("what was written ends with %d:\n%s", r.code, r.out)
	}
}

// ending runs a search of which only the last checks matter. It returns the exit code, the report, the file and stderr.
func ending(t *testing.T, confirm func(a *app, own shrink.Trial) shrink.Trial) (code, shrinkReport, string, string) {
	t.Helper()
	path := failing(t)
	var out, errs bytes.Buffer
	a := &app{out: &out, err: &errs, interrupt: make(chan os.Signal, 1), now: time.Now}
	j, err := a.understandShrink(path, shrinkFlags{commonFlags: commonFlags{rules: []string{"K22"}, jobs: 1, json: true}, check: "reply-after-commit"})
	if err != nil {
		t.Fatal(err)
	}
	own := shrink.Replaying(explore.Options{Abandon: a.pressed})
	j.confirm = []shrink.Confirmation{{Where: "in wire mode", Try: confirm(a, own)}}
	first, err := explore.Replay(j.program, explore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if j.target, err = j.choose(first.Failures, "reply-after-commit"); err != nil {
		t.Fatal(err)
	}
	s, err := j.search()
	if err == nil {
		err = j.finish(s)
	}
	if err != nil {
		t.Fatal(err)
	}
	var report shrinkReport
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	return a.code, report, unwrapped(read(t, report.Small)), errs.String()
}

// Ctrl-C in the last checks of a search is heard at once, and the result is written.
func TestShrinkInterruptedInItsLastChecks(t *testing.T) {
	c, report, text, _ := ending(t, func(a *app, own shrink.Trial) shrink.Trial { // in a run of another message mode
		return func(p *scenarios.Program, n uint64) shrink.Tried {
			a.interrupt <- os.Interrupt
			return own(p, n)
		}
	})
	if c != exitInterrupted || !report.Interrupted || report.Ended || report.Confirmed || report.Bug != "" || report.Salts != 0 || report.Is.Lines != 2 || strings.Contains(text, "ended early") {
		t.Errorf("in the confirmation, exit code %d, %+v\n%s", c, report, text)
	}
	c, report, text, _ = ending(t, func(a *app, own shrink.Trial) shrink.Trial { // in the runs with other salts, which follow
		return func(p *scenarios.Program, n uint64) shrink.Tried {
			defer func() { a.interrupt <- os.Interrupt }()
			return own(p, n)
		}
	})
	if c != exitInterrupted || !report.Interrupted || report.Ended || !report.Confirmed || report.Salts != 0 || !strings.Contains(text, "found reply-after-commit ") {
		t.Errorf("in the runs with other salts, exit code %d, %+v\n%s", c, report, text)
	}
}

// A result that does not fail in each message mode is a bug of Samsa's. It is kept, and says so.
func TestShrinkResultThatDiffers(t *testing.T) {
	c, report, text, errs := ending(t, func(*app, shrink.Trial) shrink.Trial {
		return func(*scenarios.Program, uint64) shrink.Tried { return shrink.Tried{} }
	})
	want := "It does not fail in the same way in wire mode, which is a bug of Samsa's."
	if c != exitInternal || report.Confirmed || report.Bug != want || !strings.Contains(text, want) || !strings.HasSuffix(errs, "samsa: "+want+" "+report.Small+" has the scenario; please report it.\n") {
		t.Errorf("exit code %d, %+v\n%s%s", c, report, text, errs)
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
	if f, err := j.choose(others, ""); err == nil {
		t.Errorf("%+v, want no failure if the one of the found line is gone", f)
	}
	if f, err := j.choose(append(slices.Clone(others), saved), "acked-electable"); err != nil || f != others[0] {
		t.Errorf("%+v, error %v, want the check that --check names", f, err)
	}
}

// If the failure that a file was saved for is gone, no command takes another one without a word: each says which is gone, what
// fails instead, and how to go on. With the check named, it goes on.
func TestWhatTheFileWasSavedForIsGone(t *testing.T) {
	path := scenario(t, "cluster brokers=3 controllers=1 seed=3\nrule K22\ntopic orders partitions=1 replicas=3\nwait 200ms\n"+
		"found acked-durable kind=\"leader of a partition: cut it\"\n")
	for _, c := range []struct{ command, next string }{
		{"shrink", "samsa shrink " + path + " --check reply-after-commit"},
		{"why", "samsa why " + path + " reply-after-commit --seed 3"},
		{"cause", "samsa cause " + path + " reply-after-commit"},
	} {
		r := samsa(t, c.command, path)
		says := "the failure of its found line is gone: acked-durable: leader of a partition: cut it. It fails with reply-after-commit"
		if r.code != exitUsage || r.out != "" || !strings.Contains(strings.Join(strings.Fields(r.err), " "), says) || !strings.Contains(r.err, "try: "+c.next+"\n") {
			t.Errorf("%s: exit code %d\n%s%s", c.command, r.code, r.out, r.err)
		}
		if r := samsa(t, append(strings.Fields(c.next)[1:], map[string][]string{"cause": {"--futures", "1"}, "why": {"--no-try"}}[c.command]...)...); r.code != exitOK || !strings.Contains(r.out, "reply-after-commit") {
			t.Errorf("%s: exit code %d\n%s%s", c.next, r.code, r.out, r.err)
		}
	}
}

// A rule that is missing is one under which the failure of the found line is there, and not just any failure.
func TestShrinkNamesTheRuleOfTheFoundLine(t *testing.T) {
	src := func(found string) string {
		return "cluster brokers=3 controllers=1 seed=3\ntopic orders partitions=1 replicas=3\nwait 200ms\n" + found + "\n"
	}
	for _, c := range []struct{ found, says, next string }{
		{"", "does not fail; under these old rules it does: ", " --rule "},
		{"found reply-after-commit", "does not fail; under these old rules it does: K22\n", " --rule K22\n"},
		{"found metadata-complete", "no single old rule brings back what its found line names; old rules with that check are K", "try: samsa list rules\n"},
		{"found reads-fresh kind=\"x\"", "does not fail", "try: samsa "},
	} {
		path := scenario(t, src(c.found))
		r := samsa(t, "shrink", path)
		if r.code != exitUsage || !strings.Contains(r.err, c.says) || !strings.Contains(r.err, c.next) {
			t.Errorf("%s: exit code %d\n%s%s", c.found, r.code, r.out, r.err)
		}
	}
}

// A long fingerprint is wrapped to the width of a terminal.
func TestShrinkReportFits(t *testing.T) {
	long := "acked-durable: " + strings.Repeat("leader of a partition, ", 9) + "cut it"
	text := shrinkReport{Check: "acked-durable", Fingerprint: long, Others: []string{long}}.text()
	for line := range strings.Lines(text) {
		if len(line) > 81 {
			t.Errorf("%q is wider than 80 columns", line)
		}
	}
	if strings.Count(strings.Join(strings.Fields(text), " "), long) != 2 {
		t.Error(text)
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
