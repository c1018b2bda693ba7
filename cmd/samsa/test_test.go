package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"samsa/scenarios/view"
)

// A file is tested on its own seed and on derived ones. Its outputs are rewritten only if asked for, and then it is as it says.
func TestTestOfAFile(t *testing.T) {
	const stale = "# A story.\ncluster brokers=1 controllers=1 seed=7\ntopic orders\n----\nnothing\n\nproduce p1 orders-0 a\n----\np1: orders-0 [0,1) acked  \"a\"\n"
	path := scenario(t, stale)
	r := samsa(t, "test", path, "--seeds", "3")
	want := "FAIL  " + path + "   1 of 4 seeds\n  line 2: the output is not the recorded one\n      - nothing\n      + orders-0  leader b1  epoch 0  [0,0) hw 0  isr 1\n" +
		"    on seed 7 (the file's own)\n  see it  samsa run " + path + " --seed 7\n1 file, 4 runs: 0 ok, 1 failed\n"
	if r.code != exitUnmet || r.out != want || r.err != "" {
		t.Errorf("exit %d, stderr %q\n%s\nwant exit %d\n%s", r.code, r.err, r.out, exitUnmet, want)
	}
	if src, _ := os.ReadFile(path); string(src) != stale {
		t.Errorf("without --rewrite the file became\n%s", src)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	r = samsa(t, "test", path, "--seeds", "3", "--rewrite")
	if r.code != exitOK || r.out != "ok    "+path+"   4 seeds, outputs rewritten\n1 file, 4 runs: 1 ok, 0 failed\n" {
		t.Errorf("--rewrite: exit %d\n%s%s", r.code, r.out, r.err)
	}
	src, _ := os.ReadFile(path)
	if want := strings.Replace(stale, "nothing", "orders-0  leader b1  epoch 0  [0,0) hw 0  isr 1", 1); string(src) != want {
		t.Errorf("rewritten to\n%s\nwant\n%s", src, want)
	}
	info, err := os.Stat(path)
	if others, _ := os.ReadDir(filepath.Dir(path)); err != nil || info.Mode().Perm() != 0o640 || len(others) != 1 {
		t.Errorf("%v, mode %v, %d files beside it", err, info.Mode(), len(others))
	}
	if r = samsa(t, "test", path, "--rewrite"); r.code != exitOK || strings.Contains(r.out, "rewritten") {
		t.Errorf("the file is as it says: exit %d\n%s", r.code, r.out)
	}
}

// The worst of all files is the exit code. A directory stands for its files.
func TestTestOfManyFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	const plain = "cluster brokers=1 controllers=1\ntopic orders\n"
	write("fine.txt", plain+"saw partition.leads\n")
	write("claim.txt", plain+"saw broker.fenced\n")
	write("budget.txt", plain+"wait 10d\nfound budget events=300\n")
	write("notes.md", "no scenario")
	for _, c := range []struct {
		args []string
		want code
		says []string
	}{
		{[]string{"fine.txt"}, exitOK, []string{"1 file, 3 runs: 1 ok, 0 failed"}},
		{[]string{"fine.txt", "budget.txt"}, exitInconclusive, []string{"ok    ", "FAIL  ", "the budget of 300 events is spent", "on all 3 seeds"}},
		{[]string{"."}, exitUnmet, []string{"claim.txt   3 of 3 seeds", "fine.txt   3 seeds", "line 3: no machine noted broker.fenced", "3 files, 9 runs: 1 ok, 2 failed"}},
		{[]string{"fine.txt", "fine.txt"}, exitOK, []string{"1 file, 3 runs"}},
	} {
		args := []string{"test", "--seeds", "2"}
		for _, name := range c.args {
			args = append(args, filepath.Join(dir, name))
		}
		r := samsa(t, args...)
		for _, says := range c.says {
			if r.code != c.want || !strings.Contains(r.out, says) {
				t.Errorf("%v: exit %d, want %d and %q\n%s%s", c.args, r.code, c.want, says, r.out, r.err)
			}
		}
		one := samsa(t, append(args, "--jobs", "1")...)
		if one.out != r.out {
			t.Errorf("%v: one job printed\n%s\nand several\n%s", c.args, one.out, r.out)
		}
		j := samsa(t, append(args, "--json")...)
		var got view.Trials
		if err := json.Unmarshal([]byte(j.out), &got); err != nil || got.Schema != "samsa.test/1" || j.code != c.want || strings.Count(j.out, "\n") != 1 {
			t.Errorf("%v --json: exit %d, %v\n%s", c.args, j.code, err, j.out)
		}
	}
	if r := samsa(t, "test", "leader-failover", "duplicate-id", "--seeds", "1"); r.code != exitOK {
		t.Errorf("scenarios by name, one of which expects a violation: exit %d\n%s%s", r.code, r.out, r.err)
	}
}

// A file whose run ends early keeps the outputs that it has.
func TestRewriteKeepsWhatItCannotKnow(t *testing.T) {
	const text = "cluster controllers=1\ntopic orders\n----\nx\n\nrun until isr orders-0 2 within 1s\n\nshow orders-0\n----\ny\n"
	path := scenario(t, text)
	r := samsa(t, "test", path, "--rewrite", "--seeds", "0")
	src, _ := os.ReadFile(path)
	if r.code != exitUnmet || r.err != "" || string(src) != text || !strings.Contains(r.out, "the outputs are not rewritten, because the run ended before its last line") {
		t.Errorf("exit %d\n%s%s\nthe file is\n%s", r.code, r.out, r.err, src)
	}
	if err := replaceFile(filepath.Join(t.TempDir(), "gone", "x.txt"), nil); err == nil || !strings.Contains(err.Error(), "x.txt, which is as it was") {
		t.Errorf("in a directory that is not there: %v", err)
	}
}

// Every mistake in the arguments and in all files is reported before anything runs.
func TestTestUsage(t *testing.T) {
	bad, worse := scenario(t, "cluster\ncrahs b1\n"), scenario(t, "clutser\n")
	empty, work := t.TempDir(), scenario(t, "cluster\nworkload TestX as app\n")
	for _, c := range []struct {
		args []string
		says []string
	}{
		{nil, []string{"samsa test needs a scenario file"}},
		{[]string{bad, worse}, []string{`did you mean "crash"?`, `did you mean "cluster"?`}},
		{[]string{"leader-failovr"}, []string{"no scenario", "leader-failover"}},
		{[]string{"./nowhere.txt"}, []string{"cannot open the scenario ./nowhere.txt"}},
		{[]string{work}, []string{work + ": its workload is Go code, which only TestX has", "go test -run '^TestX$' -samsa.file " + work}},
		{[]string{empty}, []string{"has no file that ends in .txt"}},
		{[]string{"leader-failover", "--rewrite"}, []string{"leader-failover is compiled in", "samsa print leader-failover > mine.txt"}},
		{[]string{"leader-failover", "--seeds", "-1"}, []string{"--seeds must be a number from 0"}},
		{[]string{"leader-failover", "--jobs", "0"}, []string{"--jobs must be a number from 1"}},
	} {
		r := samsa(t, append([]string{"test"}, c.args...)...)
		for _, says := range c.says {
			if r.code != exitUsage || r.out != "" || !strings.Contains(r.err, says) {
				t.Errorf("%v: exit %d, stdout %q, stderr %q, want %q", c.args, r.code, r.out, r.err, says)
			}
		}
	}
}

// After Ctrl-C the files so far are reported.
func TestTestInterrupted(t *testing.T) {
	fine := scenario(t, "cluster brokers=1 controllers=1\n")
	cmd := exec.Command(binary, "test", fine, scenario(t, endless), "--seeds", "0", "--jobs", "1")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	first := make([]byte, 1) // the result of the first file: the second is running
	if _, err := out.Read(first); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_, _ = all.ReadFrom(out)
	_ = cmd.Wait()
	got := string(first) + all.String()
	if c := code(cmd.ProcessState.ExitCode()); c != exitInterrupted || !strings.HasPrefix(got, "ok    "+fine+"   1 seed\n") || !strings.HasSuffix(got, "interrupted\n") || errs.Len() > 0 {
		t.Errorf("exit %d\n%s%s", c, got, errs.String())
	}
}
