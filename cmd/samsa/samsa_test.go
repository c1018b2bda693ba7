package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"samsa/check"
	"samsa/scenarios"
	"samsa/scenarios/cluster"
	"samsa/scenarios/observe"
	"samsa/scenarios/view"
)

var update = flag.Bool("update", false, "write the golden files again")

// binary is the command as a user would build it. go run would turn every exit code into 1.
var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "samsa")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "samsa")
		if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// result is the output of a run of the binary.
type result struct {
	out, err string
	code     code
}

// samsa runs the binary.
func samsa(t *testing.T, args ...string) result {
	t.Helper()
	cmd := exec.Command(binary, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	r := result{out.String(), errs.String(), code(cmd.ProcessState.ExitCode())}
	if strings.ContainsAny(r.out+r.err, "\x1b\r") {
		t.Errorf("samsa %v wrote an escape sequence to what is no terminal:\n%q", args, r.out+r.err)
	}
	return r
}

// scenario writes a file and returns its path.
func scenario(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mine.txt")
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// golden compares a text with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant (%s; go test ./cmd/samsa -update)\n%s", got, path, want)
	}
}

// The first command of the README prints a story and a verdict. The same seed gives the same bytes, and another seed gives
// other bytes.
func TestRunTellsAStory(t *testing.T) {
	a := samsa(t, "run", "leader-failover", "--seed", "7")
	if a.code != exitOK || a.err != "" {
		t.Fatalf("exit %d, stderr %q", a.code, a.err)
	}
	for _, want := range []string{"seed 7", "leads orders-0", "> crash b1", "acked", "what the judges say", "verdict   ok",
		"samsa run leader-failover --seed 7"} {
		if !strings.Contains(a.out, want) {
			t.Errorf("the story does not say %q:\n%s", want, a.out)
		}
	}
	for line := range strings.Lines(a.out) {
		if n := len([]rune(line)); n > 81 {
			t.Errorf("%d columns: %s", n-1, line)
		}
	}
	if b := samsa(t, "run", "leader-failover", "--seed", "7"); b.out != a.out {
		t.Error("the same seed printed other bytes")
	}
	if b := samsa(t, "run", "leader-failover", "--seed", "8"); b.code != exitOK || hashOf(t, b.out) == hashOf(t, a.out) {
		t.Errorf("seed 8 gave exit %d and the hash of seed 7", b.code)
	}
	if b := samsa(t, "run", "leader-failover"); b.out != a.out {
		t.Error("the file's own seed is 7, and without --seed the story is another")
	}
}

func hashOf(t *testing.T, out string) string {
	t.Helper()
	_, after, ok := strings.Cut(out, "hash ")
	if !ok {
		t.Fatalf("no hash in\n%s", out)
	}
	return strings.Fields(after)[0]
}

func TestRunJSON(t *testing.T) {
	r := samsa(t, "run", "leader-failover", "--seed", "7", "--json")
	if r.code != exitOK || r.err != "" || strings.Count(r.out, "\n") != 1 {
		t.Fatalf("exit %d, stderr %q, stdout %q", r.code, r.err, r.out)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(r.out), &got); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"schema", "seed", "hash", "events", "steps", "virtual_ns", "verdict", "properties"} {
		if _, ok := got[key]; !ok {
			t.Errorf("no %q", key)
		}
	}
	if got["schema"] != "samsa.run/1" || got["seed"] != "7" || got["verdict"] != "ok" {
		t.Errorf("got %v", got)
	}
	if hash, _ := got["hash"].(string); hash != hashOf(t, samsa(t, "run", "leader-failover").out) {
		t.Errorf("hash %v is not that of the story", got["hash"])
	}
	for _, p := range got["properties"].([]any) {
		p := p.(map[string]any)
		for _, key := range []string{"name", "status", "step", "explanation"} {
			if _, ok := p[key]; !ok {
				t.Errorf("property %v has no %q", p, key)
			}
		}
	}
}

// The command that repeats a run has all that changes it, on one line however long that is, in the text and in the JSON; and
// the run that it starts is the same.
func TestAgainRepeatsTheRun(t *testing.T) {
	path := scenario(t, "rule M1\ncluster brokers=3 controllers=1\ntopic orders\nproduce p1 orders-0 a\n")
	args := []string{"run", path, "--seed", "9", "--set", "min.insync.replicas=2", "--rule", "K22", "--until", "8", "--mode", "wire", "--set", "replica.lag.time.max.ms=20000"}
	again := "samsa run " + path + " --seed 9 --set min.insync.replicas=2 --set replica.lag.time.max.ms=20000 --rule K22 --until 8 --mode wire"
	r := samsa(t, args...)
	if !strings.HasSuffix(r.out, "\nagain     "+again+"\n") {
		t.Errorf("want the last line\nagain     %s\n%s%s", again, r.out, r.err)
	}
	if same := samsa(t, strings.Fields(again)[1:]...); same.out != r.out || same.code != r.code {
		t.Errorf("exit %d and %d; the command gives\n%s\nand was printed by\n%s", same.code, r.code, same.out, r.out)
	}
	var got view.Report
	j := samsa(t, append(args, "--json")...)
	if err := json.Unmarshal([]byte(j.out), &got); err != nil {
		t.Fatal(err)
	}
	if got.Again != again || got.Until != 8 || got.Mode != "wire" || strings.Join(got.Rules, " ") != "M1 K22" ||
		strings.Join(got.Set, " ") != "min.insync.replicas=2 replica.lag.time.max.ms=20000" || got.Seed != "9" || got.StopReason != "step" {
		t.Errorf("got %+v", got)
	}
}

// A run that its user stops at a step is judged by its safety so far. Nothing is said about liveness, and that is no reason
// to call it inconclusive.
func TestUntilJudgesSafety(t *testing.T) {
	r := samsa(t, "run", "museum-m1", "--rule", "M1", "--until", "3", "--json")
	var got view.Report
	if err := json.Unmarshal([]byte(r.out), &got); err != nil || r.code != exitOK || got.Verdict != "ok" || got.Steps != 3 {
		t.Fatalf("exit %d, %v\n%s", r.code, err, r.out)
	}
	for _, p := range got.Properties {
		if check.Named(p.Name).Liveness && p.Status != "unexercised" {
			t.Errorf("%s is %s at step 3", p.Name, p.Status)
		}
	}
	whole := samsa(t, "run", "museum-m1", "--rule", "M1", "--json")
	if err := json.Unmarshal([]byte(whole.out), &got); err != nil || whole.code != exitViolated {
		t.Fatalf("exit %d, %v", whole.code, err)
	}
	last := strconv.FormatUint(got.Steps, 10)
	if r = samsa(t, "run", "museum-m1", "--rule", "M1", "--until", last); r.code != exitViolated {
		t.Errorf("at the last step the violation is exit %d", r.code)
	}
}

// An error gives the mistake, the reason, the next command and the nearest valid word. It goes to stderr, and the exit code
// is always 2.
func TestUsageErrors(t *testing.T) {
	bad := scenario(t, "cluster brokers=3\ntopic orders min.insync.replica=2\ncrahs b1\n")
	var all strings.Builder
	for _, args := range [][]string{
		{"rnu"}, {"rnu", "--seed", "7"}, {"leader-failover"}, {"--bogus"}, {"run"}, {"run", "a", "b"}, {"run", "leader-failovr"},
		{"run", "./nowhere.txt"}, {"run", "leader-failover", "--sede", "7"}, {"run", "leader-failover", "--seed"},
		{"run", "leader-failover", "--seed", "x"}, {"run", "leader-failover", "--seed", "-1"}, {"run", "leader-failover", "--until", "0"},
		{"run", "leader-failover", "--set", "min.insync.replica=1"}, {"run", "leader-failover", "--set", "acks=al"},
		{"run", "leader-failover", "--set", "nothing"}, {"run", "leader-failover", "--rule", "A1"},
		{"run", "leader-failover", "--expect", "violated:acked-durble"}, {"explore", "--find", "acked-durble"}, {"run", "leader-failover", "--expect", "held:x"},
		{"run", bad}, {"list"}, {"list", "check"}, {"help", "crsah"}, {"explain", "acked-durble"}, {"print", "folower-restarts"},
		{"version", "now"}, {"completion", "bsh"}, {"run", "leader-failover", "--until", "x"}, {"run", "leader-failover", "--trace", "/nowhere/at/all"},
	} {
		r := samsa(t, args...)
		if r.code != exitUsage || r.out != "" || r.err == "" {
			t.Errorf("samsa %v: exit %d, stdout %q, stderr %q", args, r.code, r.out, r.err)
		}
		said := strings.ReplaceAll(r.err, filepath.Dir(bad), "DIR")
		fmt.Fprintf(&all, "$ samsa %s\n%s\n", strings.ReplaceAll(strings.Join(args, " "), filepath.Dir(bad), "DIR"), said)

		// With --json, the same error is one object and nothing else is printed.
		r = samsa(t, append(args, "--json")...)
		var e errorReport
		if err := json.Unmarshal([]byte(r.out), &e); err != nil || e.Schema != "samsa.error/1" || e.Message == "" || r.err != "" || r.code != exitUsage {
			t.Errorf("samsa %v --json: exit %d, %v, stdout %q, stderr %q", args, r.code, err, r.out, r.err)
		}
	}
	golden(t, "errors.txt", all.String())
}

func TestErrorJSONNamesThePlace(t *testing.T) {
	r := samsa(t, "run", scenario(t, "cluster\ncrahs b1\n"), "--json")
	var e errorReport
	if err := json.Unmarshal([]byte(r.out), &e); err != nil {
		t.Fatal(err)
	}
	if len(e.Scenario) != 1 || e.Scenario[0].Line != 2 || e.Scenario[0].Col != 1 || e.Scenario[0].Word != "crahs" || e.Scenario[0].Suggestion != "crash" {
		t.Errorf("got %+v", e)
	}
}

// Each verdict that a scenario can cause has its exit code.
func TestExitCodes(t *testing.T) {
	const never = "cluster controllers=1\ntopic orders\nrun until isr orders-0 2 within 5s\n"
	stuck := scenario(t, never)
	stuckFound := scenario(t, never+"found quiet kind=\"run until isr: a broker is not idle\"\n")
	stuckOther := scenario(t, never+"found quiet kind=\"run until isr: a partition has no leader\"\n")
	gone := scenario(t, "cluster controllers=1\nrule M1\ntopic orders\nfound quiet hash=00000000000000aa version=v1.2.3 kind=\"a broker is fenced\"\n")
	unjudged := scenario(t, "cluster controllers=1\nfound own:sum\n")
	budget := scenario(t, "cluster controllers=1\nwait 10d\nfound budget events=500\n")
	unseen := scenario(t, "cluster controllers=1\nsaw broker.fenced\n")
	for _, c := range []struct {
		args []string
		want code
		says string
	}{
		{[]string{"run", "leader-failover"}, exitOK, "verdict   ok"},
		{[]string{"run", stuck}, exitUnmet, "verdict   unmet\n          1 claim of the file is not met\nended     line 3: run until isr orders-0 2 within 5s: not so after"},
		{[]string{"run", stuck, "--seed", "8"}, exitInconclusive, "verdict   unknown\n          the file's claims do not count: they are about its own seed"},
		{[]string{"run", stuckFound}, exitLiveness, "  quiet                  STILL THERE at step "},
		{[]string{"run", stuckFound, "--set", "num.replica.fetchers=1"}, exitInconclusive, "the file's claims and found lines do not count: they are about"},
		{[]string{"run", stuckOther}, exitUnmet, "  quiet                  GONE\n"},
		{[]string{"run", gone}, exitOK, "  quiet                  GONE\n    a broker is fenced\n  This is not the run that was saved by Samsa v1.2.3: its hash is another.\n"},
		{[]string{"run", gone, "--until", "3"}, exitOK, "  quiet                  NOT THERE SO FAR\n    a broker is fenced\n\nverdict   ok\n"},
		{[]string{"run", unjudged}, exitInconclusive, "  own:sum                NOT JUDGED, for only a test has the invariant\n"},
		{[]string{"run", budget}, exitInconclusive, "  budget                 STILL THERE at step "},
		{[]string{"run", unseen}, exitUnmet, "line 2: no machine noted broker.fenced"},
		{[]string{"run", "leader-failover", "--expect", "violated:acked-durable"}, exitUnmet, "acked-durable is not violated, which was expected"},
		{[]string{"run", "leader-failover", "--until", "3"}, exitOK, "stopped at step 3, as requested"},
		{[]string{"run", "duplicate-id"}, exitOK, "verdict   ok\n"},
		{[]string{"run", "leader-failover", "--until", "100000"}, exitOK, "verdict   ok"},
		{[]string{"list", "verbs"}, exitOK, "crash"},
		{[]string{"help", "crash"}, exitOK, "crash HOSTS [power]"},
		{nil, exitOK, "Commands"},
	} {
		r := samsa(t, c.args...)
		if r.code != c.want || !strings.Contains(r.out, c.says) {
			t.Errorf("samsa %v: exit %d, want %d and %q\n%s%s", c.args, r.code, c.want, c.says, r.out, r.err)
		}
	}
}

// Every conclusion has its exit code.
func TestCodeOf(t *testing.T) {
	for end, want := range map[scenarios.Conclusion]code{
		scenarios.Bug: exitInternal, scenarios.Unsafe: exitViolated, scenarios.Late: exitLiveness, scenarios.Unmet: exitUnmet,
		scenarios.Undecided: exitInconclusive, scenarios.Fine: exitOK,
	} {
		if got := codeOf(end); got != want {
			t.Errorf("%s: exit %d, want %d", end, got, want)
		}
	}
}

// endless is a scenario that does not end during a test.
const endless = "cluster controllers=1\ntopic orders on=1,2,3\nproduce p1 orders-0 a\nwait 10000d\n"

// Ctrl-C prints the findings so far and exits with 130.
func TestInterrupt(t *testing.T) {
	for _, json := range []bool{false, true} {
		args := []string{"run", scenario(t, endless)}
		if json {
			args = append(args, "--json")
		}
		cmd := exec.Command(binary, append(args, "--trace", "/dev/stderr")...)
		var out bytes.Buffer
		cmd.Stdout = &out
		notes, err := cmd.StderrPipe() // the trace; once it has a line, the run has begun
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := notes.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = io.Copy(io.Discard, notes) }()
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		if got := code(cmd.ProcessState.ExitCode()); got != exitInterrupted {
			t.Errorf("exit %d, want %d", got, exitInterrupted)
		}
		want := "interrupted; the findings are about the run so far"
		if !strings.Contains(out.String(), want) || json && !strings.Contains(out.String(), `"interrupted":true`) {
			t.Errorf("got %s", out.String())
		}
	}
}

func TestTrace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "trace")
	if r := samsa(t, "run", "leader-failover", "--trace", path); r.code != exitOK {
		t.Fatalf("exit %d: %s", r.code, r.err)
	}
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	elected := false
	for line := range strings.Lines(string(src)) {
		var l traceLine
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		elected = elected || l.Note == "partition.elected" && strings.Contains(l.Text, "orders-0") && l.Step > 0
	}
	if !elected {
		t.Errorf("no leader is elected in\n%s", src)
	}
}

// rigged is a cluster whose judge always reports a violation.
type rigged struct{ observe.Cluster }

func (r rigged) Judge() []check.Finding {
	found := r.Cluster.Judge()
	for i := range found {
		found[i].Result = check.Result{Status: check.Violated, Step: 9, Explanation: "p1 was told <a> is stored"}
	}
	return found[:1]
}

// broken is a cluster with a bug of Samsa's.
type broken struct{ observe.Cluster }

func (broken) Step() bool { panic("high watermark 3 is above the end 2") }

// unsound is a cluster in which the world found an internal error.
type unsound struct{ observe.Cluster }

func (unsound) Sound() error { return errors.New("a message from b1 was changed after it was sent") }

// A panic of the world and an unsound world are bugs of Samsa's. They are reported with the seed.
func TestBugsComeWithTheirSeed(t *testing.T) {
	for want, rig := range map[string]func(observe.Cluster) observe.Cluster{
		"high watermark 3 is above the end 2":             func(c observe.Cluster) observe.Cluster { return broken{c} },
		"a message from b1 was changed after it was sent": func(c observe.Cluster) observe.Cluster { return unsound{c} },
	} {
		var out, errs bytes.Buffer
		a := &app{out: &out, err: &errs, now: time.Now}
		j, err := understand("run", "leader-failover", commonFlags{seed: "9"})
		if err != nil {
			t.Fatal(err)
		}
		j.options.Build = func(o cluster.Options) (observe.Cluster, error) {
			cluster, err := observe.Assemble(o)
			return rig(cluster), err
		}
		if err := a.play(j, nil); err != nil || a.code != exitInternal || out.Len() > 0 ||
			!strings.Contains(errs.String(), want) || !strings.Contains(errs.String(), "samsa run leader-failover --seed 9\n") {
			t.Errorf("%v, exit %d\n%s%s", err, a.code, out.String(), errs.String())
		}
	}
}

// A failed write of the result is an error.
func TestFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full here")
	}
	defer full.Close()
	for _, args := range [][]string{{"run", "leader-failover"}, {"run", "leader-failover", "--json"}, {"list", "verbs"}} {
		cmd := exec.Command(binary, args...)
		var errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = full, &errs
		_ = cmd.Run()
		if got := code(cmd.ProcessState.ExitCode()); got != exitUsage || !strings.Contains(errs.String(), "cannot write the result") {
			t.Errorf("samsa %v: exit %d, %q", args, got, errs.String())
		}
	}
}

// A violation is a result and not an error. It prints a story or one object on stdout and nothing on stderr, and exits with
// 1, or with 0 if it was expected.
func TestViolationIsAResult(t *testing.T) {
	const plain = "cluster brokers=1 controllers=1\ntopic orders\n"
	const found = plain + "found acked-durable step=7 hash=0000000000000001 kind=\" of nothing\"\n"
	expecting := func(all ...string) runFlags { return runFlags{expect: all} }
	asJSON, seed8 := commonFlags{json: true}, runFlags{commonFlags: commonFlags{seed: "8"}}
	for _, c := range []struct {
		file  string
		flags runFlags
		want  code
		says  string
	}{
		{plain, runFlags{}, exitViolated, "VIOLATED at step 9"},
		{plain, runFlags{commonFlags: asJSON}, exitViolated, `"verdict":"violated"`},
		{plain, runFlags{commonFlags: asJSON, expect: []string{"violated:acked-durable"}}, exitOK,
			`{"name":"acked-durable","status":"violated","step":9,"explanation":"p1 was told <a> is stored","expected":true}`},
		{plain, expecting("violated:acked-durable"), exitOK, "verdict   ok\n          acked-durable is violated, as expected\n"},
		{plain, expecting("violated:lost-write"), exitViolated, "lost-write is not violated, which was expected"},
		{plain, expecting("violated:lost-write,acked-durable"), exitUnmet, "verdict   unmet\n"},
		{plain, expecting("violated:acked-durable", "violated:lost-write"), exitUnmet, "acked-durable is violated, as expected; lost-write is not"},
		{plain + "expect acked-durable violated\n", runFlags{}, exitOK, "verdict   ok\n          acked-durable is violated, as expected\n"},
		{plain + "expect acked-durable violated\n", seed8, exitOK, "acked-durable is violated, as expected\n"},
		{plain + "expect acked-durable held\n", runFlags{}, exitViolated, "1 claim of the file is not met"},
		{plain + "expect acked-durable held\n", seed8, exitViolated, "the file's claims do not count: they are about its own seed"},
		{plain + "expect acked-durable priced\n", expecting("violated:acked-durable"), exitUnmet, "line 3: expected acked-durable priced, but it is violated"},
		{found, runFlags{}, exitViolated, "  acked-durable          STILL THERE at step 9\n    of nothing\n  This is not the run that was saved: its hash is another.\n"},
		{found, runFlags{commonFlags: asJSON}, exitViolated, `"found":[{"line":3,"check":"acked-durable","kind":" of nothing","state":"there","step":9,` +
			`"explanation":"p1 was told <a> is stored","hash":"0000000000000001"}],"failures":[{"check":"acked-durable","kind":" of nothing","step":9,` +
			`"explanation":"p1 was told <a> is stored","found":true}]`},
		{plain + "found lost-write\n", runFlags{}, exitViolated, "  lost-write             GONE\n  no found line names: acked-durable: of nothing\n"},
	} {
		var out, errs bytes.Buffer
		a := &app{out: &out, err: &errs, now: time.Now}
		j, err := c.flags.job(scenario(t, c.file))
		if err != nil {
			t.Fatal(err)
		}
		j.options.Build = func(o cluster.Options) (observe.Cluster, error) {
			cluster, err := observe.Assemble(o)
			return rigged{cluster}, err
		}
		if err := a.play(j, nil); err != nil || a.code != c.want || errs.Len() > 0 || !strings.Contains(out.String(), c.says) {
			t.Errorf("%q %+v: %v, exit %d, want %d and %s\n%s%s", c.file, c.flags, err, a.code, c.want, c.says, out.String(), errs.String())
		}
		if c.flags.json && (strings.Count(out.String(), "\n") != 1 || !json.Valid(out.Bytes())) {
			t.Errorf("not one object: %s", out.String())
		}
	}
}

func TestListsAndPages(t *testing.T) {
	for _, kind := range []string{"scenarios", "checks", "rules", "faults", "verbs", "configs", "sites", "notes", "lessons", "keys"} {
		r := samsa(t, "list", kind)
		if r.code != exitOK || r.out == "" || r.err != "" {
			t.Errorf("list %s: exit %d, %q %q", kind, r.code, r.out, r.err)
		}
		for line := range strings.Lines(r.out) {
			if len([]rune(line)) > 81 {
				t.Errorf("list %s is wider than 80: %s", kind, line)
			}
		}
	}
	for _, name := range []string{"acked-durable", "min.insync.replicas", "disk.sync-lies", "partition.leads", "leader-failover", "crash"} {
		if r := samsa(t, "explain", name); r.code != exitOK || len(r.out) < 60 {
			t.Errorf("explain %s: exit %d, %q", name, r.code, r.out)
		}
	}
	if r := samsa(t, "help", "run"); !strings.Contains(r.out, "samsa run leader-failover") || !strings.Contains(r.out, "run until quiet") {
		t.Errorf("help run tells of the command alone, or of the verb alone:\n%s", r.out)
	}
	src, err := os.ReadFile("../../scenarios/leader-failover.txt")
	if err != nil {
		t.Fatal(err)
	}
	if r := samsa(t, "print", "leader-failover"); r.out != string(src) {
		t.Error("print is not the file")
	}
	if r := samsa(t, "version"); !strings.HasPrefix(r.out, "samsa ") || !strings.Contains(r.out, "go1") {
		t.Errorf("version %q", r.out)
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		r := result{}
		cmd := exec.Command(binary, "completion", shell)
		out, err := cmd.Output()
		r.out = string(out)
		if err != nil || !strings.Contains(r.out, "samsa") {
			t.Errorf("completion %s: %v", shell, err)
		}
	}
	for args, want := range map[string]string{
		"run ": "leader-failover", "list ": "verbs", "help ": "crash", "explain ": "acked-durable", "print ": "follower-restarts",
		"run leader-failover --expect ": "violated:acked-durable", "": "run",
	} {
		words := append([]string{"__complete"}, strings.Split(args, " ")...)
		out, err := exec.Command(binary, words...).Output()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("completing %q: %v\n%s", args, err, out)
		}
	}
}

// On a terminal, samsa without arguments prints five lines. A panic of the world is reported with its seed.
func TestWelcomeAndInternalError(t *testing.T) {
	var out, errs bytes.Buffer
	a := &app{out: &out, err: &errs, tty: true}
	if c := a.main([]string{}); c != exitOK || strings.Count(out.String(), "\n") != 5 || strings.Count(out.String(), "\n  samsa ") != 3 {
		t.Errorf("exit %d\n%s", c, out.String())
	}
	for line := range strings.Lines(out.String()) {
		if len(line) > 81 {
			t.Errorf("wider than 80: %s", line)
		}
	}
	out.Reset()
	j := &job{name: "x", again: "samsa run x --seed 9"}
	a.internal("high watermark 3 is above the end 2", j, "9")
	if a.code != exitInternal || !strings.Contains(errs.String(), "high watermark 3") || !strings.Contains(errs.String(), "samsa run x --seed 9") || out.Len() > 0 {
		t.Errorf("exit %d\n%s", a.code, errs.String())
	}
	j.json = true
	a.internal("high watermark 3 is above the end 2", j, "9")
	var e errorReport
	if err := json.Unmarshal(out.Bytes(), &e); err != nil || e.Code != 70 || e.Seed != "9" {
		t.Errorf("%v: %s", err, out.String())
	}
}

func TestShellWord(t *testing.T) {
	for in, want := range map[string]string{"a.txt": "a.txt", "a b": "'a b'", "": "''", "it's": `'it'\''s'`, "k=v": "k=v", "$x": "'$x'"} {
		if got := shellWord(in); got != want {
			t.Errorf("%q is %s, want %s", in, got, want)
		}
	}
}
