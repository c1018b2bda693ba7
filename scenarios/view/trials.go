package view

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"samsa/scenarios"
)

// Trials is the result of a test of files. The test checks the claims of the files, and the outputs that they have
// recorded. The result depends on the files and the seeds only.
type Trials struct {
	Schema      string       `json:"schema"` // "samsa.test/1"
	Seeds       int          `json:"seeds"`  // the number of derived seeds for each file
	Verdict     string       `json:"verdict"`
	Files       []FileTrials `json:"files"`
	Interrupted bool         `json:"interrupted,omitempty"`

	end scenarios.Conclusion
}

// FileTrials is the result of one file.
type FileTrials struct {
	File      string   `json:"file"`
	Seed      string   `json:"seed"`    // the seed of the file itself
	Verdict   string   `json:"verdict"` // a word of samsa.run/1, or "internal"
	Runs      int      `json:"runs"`
	Failed    int      `json:"failed"` // the number of runs that are not as they must be
	Rewritten bool     `json:"rewritten,omitempty"`
	Breaches  []Breach `json:"breaches"` // each kind once, with its seeds
	Stopped   bool     `json:"stopped,omitempty"`
	keys      []string // the key of each element of Breaches
	end       scenarios.Conclusion
}

// Breach is one thing that differs from what a file says, with the seeds on which it differs.
type Breach struct {
	Line  int      `json:"line,omitempty"`
	Check string   `json:"check,omitempty"`
	Kind  string   `json:"kind,omitempty"`
	Step  uint64   `json:"step,omitempty"` // the step on the first of the seeds; Text, Got and Want are of that seed too
	Text  string   `json:"text"`
	Got   string   `json:"got,omitempty"`
	Want  string   `json:"want,omitempty"`
	Seeds []string `json:"seeds"`
}

// NewTrials returns the result of a test that has not tested a file yet.
func NewTrials(seeds int) *Trials {
	return &Trials{Schema: "samsa.test/1", Seeds: seeds, Verdict: verdictWord(scenarios.Fine), Files: []FileTrials{}, end: scenarios.Fine}
}

// NewFileTrials returns the result of a file that has not run yet.
func NewFileTrials(file string, seed uint64) *FileTrials {
	return &FileTrials{File: file, Seed: strconv.FormatUint(seed, 10), Verdict: verdictWord(scenarios.Fine), Breaches: []Breach{}, end: scenarios.Fine}
}

// Add adds a run. Runs come in the order of their seeds, the file's own first.
func (f *FileTrials) Add(t scenarios.Trial) {
	if t.Stopped {
		f.Stopped = true
		return
	}
	f.Runs++
	if len(t.Breaches) > 0 {
		f.Failed++
	}
	f.end = scenarios.Worse(f.end, t.Worst())
	f.Verdict = verdictWord(f.end)
	seed := strconv.FormatUint(t.Seed, 10)
	for _, b := range t.Breaches {
		at := slices.Index(f.keys, b.Key())
		if at < 0 {
			at = len(f.keys)
			f.keys = append(f.keys, b.Key())
			f.Breaches = append(f.Breaches, Breach{b.Line, b.Check, b.Kind, b.Step, b.Text, b.Got, b.Want, nil})
		}
		if x := &f.Breaches[at]; !slices.Contains(x.Seeds, seed) {
			x.Seeds = append(x.Seeds, seed)
		}
	}
}

// Add adds a file.
func (r *Trials) Add(f *FileTrials) {
	r.Files = append(r.Files, *f)
	r.end = scenarios.Worse(r.end, f.end)
	r.Verdict = verdictWord(r.end)
}

// End returns the conclusion of all files.
func (r *Trials) End() scenarios.Conclusion { return r.end }

// Text returns the result of a file as text, a single line if no run failed. An interrupted test has fewer runs than
// seeds.
func (f *FileTrials) Text() string {
	var b strings.Builder
	word := "ok"
	switch {
	case f.Failed > 0:
		word = "FAIL"
	case f.Runs == 0:
		word = "none"
	}
	head := fmt.Sprintf("%-4s  %s", word, clean(f.File))
	switch {
	case f.Failed > 0:
		head += fmt.Sprintf("   %d of %s", f.Failed, amount(f.Runs, "seed"))
	default:
		head += "   " + amount(f.Runs, "seed")
	}
	if f.Rewritten {
		head += ", outputs rewritten"
	}
	if f.Stopped {
		head += ", interrupted"
	}
	b.WriteString(head + "\n")
	var shown []string
	for _, x := range f.Breaches {
		place := "  "
		if x.Line > 0 {
			place = fmt.Sprintf("  line %d: ", x.Line)
		}
		b.WriteString(fill(clean(x.Text), place, "    ") + "\n")
		if x.Got != x.Want {
			b.WriteString(difference(x.Got, x.Want))
		}
		b.WriteString(fill(f.seeds(x), "    ", "    ") + "\n")
		if !slices.Contains(shown, x.Seeds[0]) && len(shown) < 3 {
			shown = append(shown, x.Seeds[0])
		}
	}
	for _, seed := range shown {
		fmt.Fprintf(&b, "  see it  samsa run %s --seed %s\n", ShellWord(f.File), seed)
	}
	return b.String()
}

// seeds says on which seeds a breach happened.
func (f *FileTrials) seeds(x Breach) string {
	const most = 3
	own := ""
	if x.Seeds[0] == f.Seed {
		own = " (the file's own)"
	}
	switch n := len(x.Seeds); {
	case n == 1:
		return "on seed " + x.Seeds[0] + own
	case n == f.Runs:
		return fmt.Sprintf("on all %d seeds", n)
	case n > most:
		return fmt.Sprintf("on %d of %d seeds: %s%s, %s and %d more", n, f.Runs, x.Seeds[0], own, strings.Join(x.Seeds[1:most], ", "), n-most)
	default:
		return fmt.Sprintf("on %d of %d seeds: %s%s, %s", n, f.Runs, x.Seeds[0], own, strings.Join(x.Seeds[1:], ", "))
	}
}

// difference shows the lines in which an output differs from the output in the file, with one equal line before and after
// them.
func difference(got, want string) string {
	g, w := strings.Split(strings.TrimSuffix(got, "\n"), "\n"), strings.Split(strings.TrimSuffix(want, "\n"), "\n")
	from, behind := 0, 0
	for from < len(g) && from < len(w) && g[from] == w[from] {
		from++
	}
	for behind < len(g)-from && behind < len(w)-from && g[len(g)-1-behind] == w[len(w)-1-behind] {
		behind++
	}
	var b strings.Builder
	show := func(mark string, lines []string) {
		const most = 12
		for i, line := range lines {
			if i == most {
				fmt.Fprintf(&b, "      %s and %d more lines\n", mark, len(lines)-most)
				return
			}
			b.WriteString(keep(line, "      "+mark+" ") + "\n")
		}
	}
	show(" ", w[max(0, from-1):from])
	show("-", w[from:len(w)-behind])
	show("+", g[from:len(g)-behind])
	show(" ", w[len(w)-behind:min(len(w), len(w)-behind+1)])
	return b.String()
}

// Closing returns the text after the files.
func (r *Trials) Closing() string {
	ok, failed, runs := 0, 0, 0
	for _, f := range r.Files {
		runs += f.Runs
		switch {
		case f.Failed > 0:
			failed++
		case f.Runs > 0:
			ok++
		}
	}
	s := fmt.Sprintf("%s, %s: %d ok, %d failed", amount(len(r.Files), "file"), amount(runs, "run"), ok, failed)
	if r.Interrupted {
		s += "; interrupted"
	}
	return s + "\n"
}

func amount(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
