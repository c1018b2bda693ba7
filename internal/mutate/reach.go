package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"go/token"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Reach is the result of the original code on each seed: its hash, its failures, and the blocks of code that it executed. A
// run that does not execute a block is the same whatever the block contains, so a mutant need only run on the other seeds.
type Reach struct {
	Digest string          `json:"digest"` // of the code
	Runs   []Outcome       `json:"runs"`   // of the seeds 1, 2, 3, …
	Blocks map[string][]At `json:"blocks"` // by file, in the order of their positions
}

// Outcome is the line that package seeds prints for one seed.
type Outcome struct {
	Seed     uint64    `json:"seed"`
	Hash     string    `json:"hash"`
	Failures []Failure `json:"failures"`
}

// Failure is one failure of a run.
type Failure struct {
	Verdict     string `json:"verdict"`
	Check       string `json:"check"`
	Fingerprint string `json:"fingerprint"`
	Text        string `json:"text"`
}

// At is a block of statements and the seeds that execute it. From and To each have a line and a column; To is after the
// block.
type At struct {
	From  [2]int `json:"from"`
	To    [2]int `json:"to"`
	Seeds string `json:"seeds"` // a bit for each seed, in base 36; "*" if the block runs before the first seed
}

// has reports whether a position is inside the block.
func (a At) has(p token.Position) bool {
	at := [2]int{p.Line, p.Column}
	return slices.Compare(a.From[:], at[:]) <= 0 && slices.Compare(at[:], a.To[:]) < 0
}

// seedsOf looks for the first of the positions that is in a block, and returns the seeds that execute this block. A
// condition of a case is in no block, so the caller also passes the positions of the statements around it. If no position
// is in a block, all seeds are returned.
func (r *Reach) seedsOf(file string, positions []token.Position) (seeds []uint64) {
	bits := new(big.Int)
	for i := range r.Runs {
		bits.SetBit(bits, i, 1)
	}
search:
	for _, p := range positions {
		for _, block := range r.Blocks[file] {
			if block.has(p) {
				if block.Seeds != "*" {
					bits.SetString(block.Seeds, 36)
				}
				break search
			}
		}
	}
	for i, run := range r.Runs {
		if bits.Bit(i) == 1 {
			seeds = append(seeds, run.Seed)
		}
	}
	return seeds
}

// known returns the fingerprints of the failures of the original code. A mutant that fails in the same way is not killed by
// that.
func (r *Reach) known() map[string]bool {
	all := map[string]bool{}
	for _, run := range r.Runs {
		for _, f := range run.Failures {
			all[f.Fingerprint] = true
		}
	}
	return all
}

// measure returns the reach of the code, from a file if an earlier call has stored it there.
func (t *tool) measure(ctx context.Context) (*Reach, error) {
	path := filepath.Join(t.dir, fmt.Sprintf("reach-%s-%d.json", t.digest, t.runs))
	if data, err := os.ReadFile(path); err == nil {
		r := &Reach{}
		if json.Unmarshal(data, r) == nil && r.Digest == t.digest && len(r.Runs) == t.runs {
			return r, nil
		}
	}
	r, err := t.measureAnew(ctx)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	return r, os.WriteFile(path, data, 0o666)
}

// measureAnew explores all seeds with a binary that counts the blocks it executes.
func (t *tool) measureAnew(ctx context.Context) (*Reach, error) {
	scratch, err := os.MkdirTemp("", "mutate-reach-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(scratch)
	bin := filepath.Join(scratch, "seeds")
	t.progress("build the explorer with coverage")
	// The go command gives a binary its counters only if the package of its main function has counters too.
	counted := strings.Join(append(t.importPaths(), t.explorer), ",")
	args := []string{"build", "-cover", "-covermode=atomic", "-coverpkg=" + counted, "-o", bin, t.explorer}
	if err := t.goCommand(ctx, args...); err != nil {
		return nil, err
	}
	if err := t.unchanged(); err != nil {
		return nil, err
	}
	decode, err := covdata(ctx, t.root)
	if err != nil {
		return nil, err
	}
	r := &Reach{Digest: t.digest, Runs: make([]Outcome, t.runs), Blocks: map[string][]At{}}
	marks := blocks{}
	var mu sync.Mutex
	add := func(seed int, o *Outcome) error { // seed 0 is the code that ran before the first seed
		dir := filepath.Join(scratch, "cover", fmt.Sprint(seed))
		out, err := exec.CommandContext(ctx, decode, "textfmt", "-i="+dir, "-o="+dir+".txt").CombinedOutput()
		if err != nil {
			return fmt.Errorf("decode the coverage of seed %d: %w\n%s", seed, err, out)
		}
		text, err := os.ReadFile(dir + ".txt")
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		if o != nil {
			r.Runs[seed-1] = *o
			if done := len(r.Runs) - unset(r.Runs); done%50 == 0 || done == t.runs {
				t.progress(fmt.Sprintf("original: %d of %d runs", done, t.runs))
			}
		}
		if err := marks.add(text, t.Module+"/", seed); err != nil {
			return err
		}
		return os.RemoveAll(dir)
	}
	if err := t.coverAll(ctx, bin, filepath.Join(scratch, "cover"), add); err != nil {
		return nil, err
	}
	for place, seeds := range marks {
		r.Blocks[place.file] = append(r.Blocks[place.file], At{place.from, place.to, seeds.String()})
	}
	for _, list := range r.Blocks {
		slices.SortFunc(list, func(a, b At) int {
			return cmp.Or(slices.Compare(a.From[:], b.From[:]), slices.Compare(a.To[:], b.To[:]))
		})
	}
	return r, nil
}

// unset returns the number of runs that have not ended.
func unset(runs []Outcome) (n int) {
	for _, o := range runs {
		if o.Seed == 0 {
			n++
		}
	}
	return n
}

// coverAll explores all seeds, in as many processes as the tool has jobs, and calls add for each seed and for seed 0. The
// processes write their counters into directories by seed; each also writes what ran before its first seed.
func (t *tool) coverAll(ctx context.Context, bin, dir string, add func(int, *Outcome) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wait sync.WaitGroup
	part := (t.runs + t.jobs - 1) / t.jobs
	for first := 1; first <= t.runs; first += part {
		seeds := fmt.Sprintf("%d-%d", first, min(first+part-1, t.runs))
		wait.Go(func() {
			cmd := exec.CommandContext(ctx, bin, "-seeds", seeds, "-cover", dir)
			err := eachOutcome(cmd, func(o Outcome) error { return add(int(o.Seed), &o) })
			if err != nil {
				cancel(fmt.Errorf("explore the original code: %w", err))
			}
		})
	}
	wait.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return add(0, nil)
}

// eachOutcome runs the explorer and calls add for each line that it prints.
func eachOutcome(cmd *exec.Cmd, add func(Outcome) error) error {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	dec := json.NewDecoder(out)
	var bad error
	for bad == nil && dec.More() {
		var o Outcome
		if bad = dec.Decode(&o); bad == nil {
			bad = add(o)
		}
	}
	if bad != nil {
		cmd.Process.Kill()
	}
	err = cmd.Wait()
	switch {
	case bad != nil:
		return bad
	case err != nil:
		return fmt.Errorf("%w\n%s", err, tail(stderr.String()))
	}
	return nil
}

// blocks has the seeds of each block.
type blocks map[place]*seedSet

// place is the position of a block.
type place struct {
	file     string
	from, to [2]int
}

// seedSet is a set of seeds, or all of them.
type seedSet struct {
	bits big.Int
	all  bool
}

// String returns the set in the form of At.
func (s *seedSet) String() string {
	if s.all {
		return "*"
	}
	return s.bits.Text(36)
}

// add reads the coverage profile of one seed, or of the code that ran before the first seed, if seed is 0. Lines have the
// form samsa/wire/crc.go:12.34,15.2 1 8, and the last number says how often the block ran.
func (b blocks) add(profile []byte, module string, seed int) error {
	for line := range strings.Lines(string(profile)) {
		if strings.HasPrefix(line, "mode:") {
			continue
		}
		var p place
		var statements, count int
		name, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		if _, err := fmt.Sscanf(rest, "%d.%d,%d.%d %d %d", &p.from[0], &p.from[1], &p.to[0], &p.to[1], &statements, &count); err != nil {
			return fmt.Errorf("read the coverage profile: line %q: %w", line, err)
		}
		p.file = strings.TrimPrefix(name, module)
		set := b[p]
		if set == nil {
			set = &seedSet{}
			b[p] = set
		}
		switch {
		case count == 0:
		case seed == 0:
			set.all = true
		default:
			set.bits.SetBit(&set.bits, seed-1, 1)
		}
	}
	return nil
}

// covdata returns the path of Go's decoder of coverage counters. The tool runs the decoder once per seed, and `go tool`
// would look it up each time.
func covdata(ctx context.Context, root string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "tool", "-n", "covdata")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go tool -n covdata: %w", err)
	}
	scanner := bufio.NewScanner(bytes.NewReader(out))
	scanner.Scan()
	return strings.TrimSpace(scanner.Text()), nil
}
