package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tool runs mutants of one module.
type tool struct {
	*Source
	root, dir string   // root is the module; dir has the results and the reach of the original
	digest    string   // of the original code
	packages  []string // the paths of the packages to change, inside the module
	explorer  string   // the package that explores seeds: ./internal/mutate/seeds
	runs      int      // the seeds of a campaign are 1 to runs
	jobs      int      // the number of mutants at once
	limit     time.Duration
	stall     time.Duration
	tests     bool
	progress  func(string)
}

// State says what became of a mutant.
type State string

// The states.
const (
	Killed     State = "killed"     // a run failed in a way in which the original never fails
	Moved      State = "survived"   // no run failed; the hash of some run differs from the original's
	Equal      State = "equal"      // no run failed, and all hashes are equal: the mutant is equivalent, or no run shows a difference
	Unfinished State = "unfinished" // the time limit came first
)

// Result is the outcome of one mutant.
type Result struct {
	ID       string   `json:"id"`
	Digest   string   `json:"digest"` // of the original code and the change
	Campaign int      `json:"campaign"`
	Package  string   `json:"package"`
	Operator Operator `json:"operator"`
	File     string   `json:"file"`
	Line     int      `json:"line"`
	Change   string   `json:"change"`
	Reached  int      `json:"reached"` // the number of runs that execute the changed code
	State    State    `json:"state"`
	By       []string `json:"by"` // the checks that killed it, or quiet, panic, budget
	Run      uint64   `json:"run"`
	Text     string   `json:"text"`       // the text of the first failure
	MovedAt  uint64   `json:"moved_at"`   // the first run with another hash; 0 if there is none
	TestsRun bool     `json:"tests_run"`  // whether the tests of the package ran too
	TestFail string   `json:"test_fails"` // the first test that failed
	Seconds  int      `json:"seconds"`
	Class    string   `json:"class"`  // a reader's opinion: equivalent, performance, or empty
	Reason   string   `json:"reason"` // for that opinion
}

// try runs a mutant on the seeds that execute the changed code, and stops at the first failure. If the mutant is in no
// batch, try builds it.
func (t *tool) try(ctx context.Context, m Mutant, in target, reach *Reach) (Result, error) {
	began := time.Now()
	r := Result{
		ID: m.ID, Digest: t.version(m), Campaign: t.runs, Package: m.Package, Operator: m.Operator, File: m.File, Line: m.Line, Change: m.Change, By: []string{},
	}
	seeds := t.seedsFor(m, reach)
	r.Reached = len(seeds)
	if in.path == "" {
		scratch, err := os.MkdirTemp("", "mutate-")
		if err != nil {
			return r, err
		}
		defer os.RemoveAll(scratch)
		if in.path, err = t.build(ctx, scratch, t.apply(m.edits)); err != nil {
			return r, err
		}
	}
	err := t.explore(ctx, in, seeds, reach, &r)
	r.Seconds = int(time.Since(began).Seconds())
	return r, err
}

// version identifies the code with the change of a mutant. The ID is not enough, because the ID of a planted mistake
// stays the same when its file is edited.
func (t *tool) version(m Mutant) string {
	h := fnv.New32a()
	fmt.Fprint(h, m.edits)
	return fmt.Sprintf("%s-%08x", t.digest, h.Sum32())
}

// seedsFor returns the seeds on which a mutant must run. A planted mistake runs on all seeds.
func (t *tool) seedsFor(m Mutant, reach *Reach) (seeds []uint64) {
	if len(m.reach) > 0 {
		return reach.seedsOf(m.File, m.reach)
	}
	for seed := range uint64(t.runs) {
		seeds = append(seeds, seed+1)
	}
	return seeds
}

// overlay writes the changed files and the overlay that replaces the original ones with them. The checkout stays as it is,
// and packages that do not depend on a changed one come from the build cache.
func (t *tool) overlay(dir string, files map[string][]byte) (path string, err error) {
	replace := map[string]string{}
	for name, text := range files {
		changed := filepath.Join(dir, strings.ReplaceAll(name, "/", "-"))
		if err := os.WriteFile(changed, text, 0o666); err != nil {
			return "", err
		}
		replace[filepath.Join(t.Root, filepath.FromSlash(name))] = changed
	}
	data, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, data, 0o666)
}

// Causes of the end of an explorer.
var (
	errLimit = errors.New("the time limit is over")
	errStall = errors.New("one run does not end")
)

// explore runs the seeds in the explorer of a mutant and sets the state of the result.
func (t *tool) explore(ctx context.Context, in target, seeds []uint64, reach *Reach, r *Result) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	limit := time.AfterFunc(t.limit, func() { cancel(errLimit) })
	defer limit.Stop()
	stall := time.AfterFunc(t.stall, func() { cancel(errStall) })
	defer stall.Stop()
	known := reach.known()
	done := uint64(0) // the last seed with a line
	killed := errors.New("killed")
	err := error(nil)
	if len(seeds) > 0 {
		cmd := exec.CommandContext(ctx, in.path, "-seeds", list(seeds))
		cmd.Env = append(os.Environ(), selector+"="+strconv.Itoa(in.number))
		err = eachOutcome(cmd, func(o Outcome) error {
			stall.Reset(t.stall)
			done = o.Seed
			if r.MovedAt == 0 && (o.Seed > uint64(len(reach.Runs)) || reach.Runs[o.Seed-1].Hash != o.Hash) {
				r.MovedAt = o.Seed
			}
			if r.killedBy(o, known) {
				return killed
			}
			return nil
		})
	}
	cause := context.Cause(ctx)
	switch {
	case err == killed:
	case err == nil:
		r.State = Equal
		if r.MovedAt > 0 {
			r.State = Moved
		}
	case errors.Is(cause, errStall):
		r.State, r.By, r.Run, r.Text = Killed, []string{"budget"}, after(seeds, done), fmt.Sprintf("a run does not end within %s", t.stall)
	case errors.Is(cause, errLimit):
		r.State, r.Run, r.Text = Unfinished, done, fmt.Sprintf("run %d was the last within %s", done, t.limit)
	case cause != nil:
		return cause
	default: // the process died: a fatal error of the runtime, or too much memory
		by := "crash"
		if strings.Contains(err.Error(), "MB") {
			by = "budget"
		}
		r.State, r.By, r.Run, r.Text = Killed, []string{by}, after(seeds, done), tail(err.Error())
	}
	return nil
}

// killedBy sets the result if a run has a failure that the original never has. A run with too little evidence for its judges
// kills nothing, but a run that spends its budget of events does.
func (r *Result) killedBy(o Outcome, known map[string]bool) bool {
	for _, f := range o.Failures {
		if known[f.Fingerprint] || f.Verdict == "unknown" && f.Check != "budget" {
			continue
		}
		if r.Text == "" {
			r.Text = f.Text
		}
		r.State, r.Run = Killed, o.Seed
		r.By = append(r.By, f.Check)
	}
	return r.State == Killed
}

// after returns the seed after the last one that ended.
func after(seeds []uint64, done uint64) uint64 {
	for _, seed := range seeds {
		if seed > done {
			return seed
		}
	}
	return done
}

// untested reports whether the tests of the package have to run on a mutant: they are wanted and have not run, and it
// survived.
func (t *tool) untested(r Result) bool {
	return t.tests && r.Package != "" && r.State != Killed && !r.TestsRun
}

// unitTests runs the tests of the mutant's package. If no run shows a mutant but a test does, exploration has a hole and
// the tests do not.
func (t *tool) unitTests(ctx context.Context, m Mutant, r *Result) error {
	scratch, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	overlay, err := t.overlay(scratch, t.apply(m.edits))
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "test", "-overlay", overlay, "-failfast", "-timeout", t.stall.String(), "./"+r.Package)
	cmd.Dir = t.root
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	r.TestsRun = true
	if err == nil {
		return nil
	}
	r.TestFail = "the tests do not compile, or end in a panic"
	for line := range strings.Lines(string(out)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "--- FAIL: "); ok {
			r.TestFail, _, _ = strings.Cut(name, " ")
			break
		}
	}
	return nil
}

// goCommand runs the go command in the module.
func (t *tool) goCommand(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = t.root
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("go %s: %w\n%s", args[0], err, tail(string(out)))
	}
	return nil
}

// importPaths returns the import paths of the packages to change.
func (t *tool) importPaths() (paths []string) {
	for _, name := range t.packages {
		paths = append(paths, t.Module+"/"+name)
	}
	return paths
}

// list writes seeds as numbers and ranges.
func list(seeds []uint64) string {
	var words []string
	for i := 0; i < len(seeds); {
		j := i
		for j+1 < len(seeds) && seeds[j+1] == seeds[j]+1 {
			j++
		}
		word := strconv.FormatUint(seeds[i], 10)
		if j > i {
			word += "-" + strconv.FormatUint(seeds[j], 10)
		}
		words = append(words, word)
		i = j + 1
	}
	return strings.Join(words, ",")
}

// tail returns the last lines of a text.
func tail(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-6):], "\n")
}
