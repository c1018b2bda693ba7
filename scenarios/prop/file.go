package prop

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"samsa/scenarios"
	"samsa/scenarios/explore"
	"samsa/scenarios/shrink"
	"samsa/scenarios/view"
)

// saved is the directory in which failures are saved as scenario files.
const saved = "testdata/samsa"

// notShrunk is the text in the comment of a file that is to be shrunk when it is replayed.
const notShrunk = "not shrunk yet"

// replayFlag replays the file of -samsa.file, and reports whether there is one. A test that the file does not name is skipped.
func (r *runner) replayFlag(t testing.TB) bool {
	t.Helper()
	if *fileFlag == "" {
		return false
	}
	p := r.read(t, *fileFlag)
	switch of := p.Workload(); {
	case of == "":
		t.Fatalf("-samsa.file: %s has no workload line, so it needs no test: samsa run %s", *fileFlag, *fileFlag)
	case of != r.needs.Test && !hasTest(of):
		t.Fatalf("-samsa.file: %s is a file of %s, and no test of this directory has that name", *fileFlag, of)
	case of != r.needs.Test:
		t.Skipf("%s is a file of %s", *fileFlag, of)
	}
	t.Log(r.story(p))
	r.replay(t, *fileFlag, p)
	return true
}

// hasTest reports whether a test file in the current directory has a test. The name may be the name of a subtest. If there
// are no test files, because the test binary runs elsewhere, hasTest returns true for every name.
func hasTest(name string) bool {
	name, _, _ = strings.Cut(name, "/")
	files, _ := filepath.Glob("*_test.go")
	for _, file := range files {
		if src, err := os.ReadFile(file); err == nil && strings.Contains(string(src), "\nfunc "+name+"(") {
			return true
		}
	}
	return len(files) == 0
}

// unclaimed fails the test for each saved file that names a test which this directory does not have. The test may have been
// renamed.
func (r *runner) unclaimed(t testing.TB) {
	t.Helper()
	for _, path := range savedFiles() {
		src, err := os.ReadFile(path)
		if err != nil {
			continue // replaySaved reports it
		}
		if p, err := scenarios.Load(path, src); err == nil && p.Workload() != "" && !hasTest(p.Workload()) {
			t.Errorf("%s is a file of %s, and no test of this directory has that name: nothing replays it. If the test was renamed, "+
				"rename it in the workload line of the file too; if it is gone, delete the file", path, p.Workload())
		}
	}
}

// savedFiles returns the paths of all saved files, sorted.
func savedFiles() []string {
	paths, _ := filepath.Glob(filepath.Join(saved, "*.txt"))
	return paths
}

// replaySaved replays the files of this test. It reports whether one of them failed.
func (r *runner) replaySaved(t testing.TB) bool {
	t.Helper()
	failed := false
	for _, path := range savedFiles() {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Errorf("a saved file: %v", err)
			failed = true
			continue
		}
		// If a file cannot be read, the test with the name in the file's path reports it.
		p, err := scenarios.Load(path, src)
		switch {
		case err == nil && p.Workload() == r.needs.Test && r.needs.Test != "":
			failed = r.replay(t, path, p) || failed
		case err != nil && strings.HasPrefix(filepath.Base(path), fileName(r.name)+"-"):
			t.Errorf("a saved file: %v", err)
			failed = true
		}
	}
	return failed
}

// read reads a file.
func (r *runner) read(t testing.TB, path string) *scenarios.Program {
	t.Helper()
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("-samsa.file: %v (the path begins in the directory of the test)", err)
	}
	p, err := scenarios.Load(path, src)
	if err != nil {
		t.Fatalf("-samsa.file: %v", err)
	}
	return p
}

// replay runs a file once, and reports whether it failed.
func (r *runner) replay(t testing.TB, path string, p *scenarios.Program) (failed bool) {
	t.Helper()
	res, err := r.watch(p)
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return true
	}
	if !res.failed() {
		t.Logf("%s: held%s", path, gone(res.verdict))
		return false
	}
	if how := r.differs(p.File.String(), res); how != "" {
		t.Errorf("%s: %s", path, notDeterministic(how))
		return true
	}
	target := res.worst()
	if strings.Contains(strings.ToLower(p.File.Story), notShrunk) {
		small, again, how := r.small(p.File.String(), res, target)
		if r.flaky != "" {
			t.Errorf("%s: %s", path, notDeterministic(r.flaky))
			return true
		}
		if small != "" {
			res, target = again, again.of(target)
			if err := write(path, r.file(small, res, target, how)); err != nil {
				how = err.Error()
			}
		}
		t.Logf("%s: %s", path, how)
	}
	t.Errorf("%s:\n%s%s", path, hang("", describe(target)), r.details(res, target, path))
	return true
}

// story runs a file and returns its story.
func (r *runner) story(p *scenarios.Program) (text string) {
	s := scenarios.New(p, r.options(&record{runner: r, marks: map[string]bool{}}))
	defer s.Close()
	defer func() {
		if bad := recover(); bad != nil {
			text = fmt.Sprintf("no story: %v", bad)
		}
	}()
	if _, err := s.Finish(); err != nil {
		return err.Error()
	}
	return view.StoryText(view.Story(s))
}

// gone lists the failures that the found lines of a file name and that the run did not have.
func gone(v *scenarios.Verdict) string {
	var all []string
	for _, f := range v.Found {
		if f.State == scenarios.Gone {
			all = append(all, f.Fingerprint())
		}
	}
	if len(all) == 0 {
		return ""
	}
	return "; gone: " + strings.Join(all, ", ")
}

// describe returns a failure in words.
func describe(f scenarios.Failure) string {
	return strings.TrimPrefix(f.Check, scenarios.Own) + ": " + f.Text
}

// notDeterministic returns the report on a workload that is not deterministic.
func notDeterministic(how string) string {
	return "the workload is not deterministic:\n" + hang("", "The same draw gave two runs. Look for goroutines, real time, random numbers, the order "+
		"of a map, and state that an earlier run has left.") + "\n" + how
}

// details returns the other failures, the losses that were allowed, the file, and the command that replays the file.
func (r *runner) details(res result, target scenarios.Failure, path string) string {
	var b strings.Builder
	for _, f := range res.failures {
		if f.Fingerprint() != target.Fingerprint() {
			b.WriteString(hang("    also    ", describe(f)))
		}
	}
	for _, p := range res.priced {
		b.WriteString(hang("    PRICED  ", p))
	}
	fmt.Fprintf(&b, "    file    %s\n    again   go test -run '%s' -samsa.file %s\n", path, scenarios.TestPattern(r.name), path)
	return b.String()
}

// columns is the width of reports. go test indents them by eight columns.
const columns = 72

// hang wraps a text after a head, and indents later lines by the width of the head.
func hang(head, text string) string {
	return head + strings.ReplaceAll(scenarios.Wrap(text, columns-len(head)), "\n", "\n"+strings.Repeat(" ", len(head))) + "\n"
}

// fail shrinks a draw that failed, saves it, and ends the test.
func (r *runner) fail(t testing.TB, text string, res result, seed int) {
	t.Helper()
	if how := r.differs(text, res); how != "" {
		t.Fatalf("draw %d: %s", seed, notDeterministic(how))
	}
	target := res.worst()
	path := r.path(target.Check)
	whole := r.file(text, res, target, "")
	if err := write(path, whole); err != nil { // before it is shrunk, so that an end of the process loses nothing
		path = filepath.Join(os.TempDir(), filepath.Base(path))
		t.Logf("the file cannot be saved: %v", err)
		if err := write(path, whole); err != nil {
			t.Fatalf("draw %d:\n%sthe file cannot be saved: %v\n%s", seed, hang("", describe(target)), err, whole)
		}
	}
	small, again, how := r.small(text, res, target)
	if r.flaky != "" {
		t.Fatalf("draw %d, %s: %s", seed, path, notDeterministic(r.flaky))
	}
	if r.twoAs != nil {
		t.Fatalf("draw %d, %s:\n%s%s", seed, path, hang("", "Client.Fail: "+r.twoAs.Error()), hang("", describe(target)))
	}
	if small != "" {
		res, target = again, again.of(target)
		whole = r.file(small, res, target, how)
		if err := write(path, whole); err != nil {
			t.Logf("the file keeps the draw as it was: %v", err)
		}
	}
	t.Fatalf("draw %d fails:\n%s%s%s\n%s", seed, hang("", describe(target)), hang("    draw    ", how), r.details(res, target, path), indent(whole))
}

// small shrinks a draw that failed in a first run, and runs the small draw. If the draw cannot be shrunk, the result
// "small" is "". The result "how" says how the shrinking ended.
func (r *runner) small(text string, first result, target scenarios.Failure) (small string, res result, how string) {
	if target.Verdict == scenarios.ClassUndecided {
		return "", res, "not shrunk, because the run was cut off"
	}
	if small, how = r.shrink(text, first, target); small == "" {
		return "", res, how
	}
	res, err := r.try(load(small), events)
	if err != nil || !slices.ContainsFunc(res.failures, func(f scenarios.Failure) bool { return f.Fingerprint() == target.Fingerprint() }) {
		r.flaky = "A smaller draw failed in one run and held in the next:\n\n" + indent(small)
		return "", res, "not shrunk"
	}
	return small, res, how
}

// shrink returns a smaller draw with the same failure, or "" if it finds none. The result "how" says how the shrinking
// ended.
func (r *runner) shrink(text string, first result, target scenarios.Failure) (small, how string) {
	s := shrink.Shrinker{
		Target: target, Stop: r.shrinkStop(),
		Try: func(p *scenarios.Program, limit uint64) shrink.Tried {
			if !r.keeps(p) {
				return shrink.Tried{}
			}
			res, err := r.try(p, min(limit, events))
			if err != nil {
				return shrink.Tried{}
			}
			tried := shrink.Tried{Failures: res.failures}
			if res.verdict != nil {
				tried.Events = res.verdict.Events
			}
			return tried
		},
	}
	from := 0
	s.Progress = func(p shrink.Progress) { from = p.From }
	out, err := s.Shrink([]byte(text))
	var held *shrink.NotFailingError
	switch {
	case errors.As(err, &held): // the draw failed in two runs before, and does not fail now
		r.flaky = cmp.Or(r.differs(text, first), "It failed in two runs and held in the third.\n")
		return "", "not shrunk"
	case err != nil:
		return "", "not shrunk: " + err.Error()
	}
	how = fmt.Sprintf("shrunk from %d lines to %d in %d runs", from, len(load(string(out.Text)).Commands()), out.Tries)
	if out.Stopped {
		how += ", when its time was over"
	}
	return string(out.Text), how
}

// keeps reports whether a file still has what the test itself decides: its topics, and its client with its configs. A file
// without them would fail for a reason that the test excludes.
func (r *runner) keeps(p *scenarios.Program) bool {
	var have []string
	for _, c := range p.Commands() {
		have = append(have, c.Line.String())
	}
	for _, words := range r.needs.Topics {
		if !slices.Contains(have, "topic "+strings.Join(strings.Fields(words), " ")) {
			return false
		}
	}
	return r.needs.Test == "" || slices.ContainsFunc(p.Commands(), func(c scenarios.Command) bool {
		line := strings.Fields(c.Line.String())
		at := slices.Index(line, "workload")
		lost := slices.ContainsFunc(r.needs.Configs, func(config string) bool { return !slices.Contains(line, config) })
		return at >= 0 && slices.Contains(line, explore.TestClient) && !lost
	})
}

// first returns the path of the first file for the failures of a check.
func (r *runner) first(check string) string {
	return filepath.Join(saved, fileName(r.name)+"-"+fileName(strings.TrimPrefix(check, scenarios.Own))+".txt")
}

// path returns a path for a new file about a failure of a check. No file has this path yet.
func (r *runner) path(check string) string {
	path := r.first(check)
	for n := 2; exists(path); n++ {
		path = fmt.Sprintf("%s-%d.txt", strings.TrimSuffix(r.first(check), ".txt"), n)
	}
	return path
}

// fileName returns a name without the characters that paths cannot have.
func fileName(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, s)
}

// file returns the text of a file: a comment, the lines, and what was found in them.
func (r *runner) file(text string, res result, target scenarios.Failure, how string) string {
	var b strings.Builder
	for _, line := range strings.Split(scenarios.Wrap(r.name+" fails: "+describe(target), columns-6), "\n") {
		fmt.Fprintf(&b, "# %s\n", line)
	}
	if how != "" {
		for _, line := range strings.Split(scenarios.Wrap(strings.ToUpper(how[:1])+how[1:]+".", columns-6), "\n") {
			b.WriteString("# " + line + "\n")
		}
	}
	b.WriteString("\n")
	lines := slices.DeleteFunc(strings.Split(strings.TrimSpace(text), "\n"), func(l string) bool {
		return strings.HasPrefix(l, "#") || strings.HasPrefix(l, "found ")
	})
	b.WriteString(strings.TrimSpace(strings.Join(lines, "\n")) + "\n")
	seen := map[string]bool{}
	for _, f := range res.failures {
		if print := f.Fingerprint(); !seen[print] {
			seen[print] = true
			b.WriteString(f.FoundLine(res.hash(), events, "") + "\n")
		}
	}
	return b.String()
}

// write writes a file, and makes its directory. If the disk is full, an earlier file of that path stays.
func write(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	part := path + ".part"
	if err := os.WriteFile(part, []byte(text), 0o666); err != nil {
		return errors.Join(err, os.Remove(part))
	}
	return os.Rename(part, path)
}

// indent indents a text by four spaces.
func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ")
}
