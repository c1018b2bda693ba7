package scenarios

import (
	"cmp"
	"fmt"
	"slices"

	"samsa/check"
)

// Trial is one run of a file that tests what the file says: its claims and, on its own seed, its recorded outputs. On
// another seed the claims must hold too. The outputs and the found lines are not compared there, because they are about the
// file's own seed.
type Trial struct {
	Seed     uint64
	Own      bool // the seed is the file's
	Breaches []Breach
	Outputs  []string // the outputs of the blocks; nil if the run ended before its last line
	Stopped  bool     // the caller stopped the trial; it shows nothing
}

// Breach is one thing that differs from what the file says, or that is wrong in a run of any file.
type Breach struct {
	End       Conclusion // the conclusion of a run with this breach alone
	Line      int        // the line of the claim or of the output; 0 if no line is about it
	Check     string     // for a violation: its check; otherwise empty
	Kind      string     // for a violation: the part of its fingerprint after Check
	Step      uint64     // for a violation: the step at which it was decided
	Text      string
	Got, Want string // for an output: what the block printed, and what the file says
}

// Key identifies a breach among the runs of one file.
func (b Breach) Key() string { return fmt.Sprint(b.Line, b.Check, b.Kind, b.End, b.Got != b.Want) }

// Worst returns the worst conclusion of the breaches, Fine if there are none.
func (t Trial) Worst() Conclusion {
	worst := Fine
	for _, b := range t.Breaches {
		worst = Worse(worst, b.End)
	}
	return worst
}

// severity lists the conclusions, the worst first.
var severity = [...]Conclusion{Bug, Unsafe, Late, Unmet, Undecided, Fine} //immutable: a table

// Worse returns the worse of two conclusions.
func Worse(a, b Conclusion) Conclusion {
	if slices.Index(severity[:], b) < slices.Index(severity[:], a) {
		return b
	}
	return a
}

// Try runs a file with a seed. The function stop, which may be nil, is called now and then, and ends the trial if it returns
// true. A panic of the world is a breach.
func Try(p *Program, seed uint64, stop func() bool) (t Trial) {
	t = Trial{Seed: seed, Own: seed == p.Seed()}
	defer func() {
		if bad := recover(); bad != nil {
			t.Breaches = append(t.Breaches, Breach{End: Bug, Text: "a bug of Samsa's: " + fmt.Sprint(bad)})
		}
	}()
	s := New(p, RunOptions{Seed: &seed})
	defer s.Close()
	const quantum = 1 << 14 // the ticks between two calls of stop; they take some milliseconds
	for more := true; more; {
		if stop != nil && stop() {
			t.Stopped = true
			return t
		}
		var err error
		if more, err = s.Advance(quantum); err != nil {
			t.Breaches = append(t.Breaches, Breach{End: Unmet, Line: 1, Text: "it cannot be run: " + err.Error()})
			return t
		}
	}
	v := s.Verdict()
	v.Altered = false // the claims must hold on every seed, so they count here
	if !t.Own {
		v.Found = nil
	}
	t.Breaches = breaches(v)
	if t.Own && v.Stopped == "" {
		t.Outputs = s.Outputs()
		t.Breaches = append(t.Breaches, mismatches(p, t.Outputs)...)
	}
	slices.SortStableFunc(t.Breaches, func(a, b Breach) int {
		return cmp.Or(cmp.Compare(slices.Index(severity[:], a.End), slices.Index(severity[:], b.End)), cmp.Compare(a.Line, b.Line))
	})
	return t
}

// breaches returns the breaches in the verdict of a run.
func breaches(v *Verdict) (all []Breach) {
	if v.Unsound != nil {
		return []Breach{{End: Bug, Check: OfSoundness, Text: "a bug of Samsa's: " + v.Unsound.Error()}}
	}
	for _, f := range v.Findings {
		switch end := Unsafe; f.Status {
		case check.Violated:
			if f.Check.Liveness {
				end = Late
			}
			if !v.Expects(f.Check.Name, nil) {
				all = append(all, Breach{End: end, Check: f.Check.Name, Kind: f.Fact.Kind(), Step: f.Step, Text: f.Check.Name + " is violated: " + f.Explanation})
			}
		case check.Unknown:
			all = append(all, Breach{End: Undecided, Check: f.Check.Name, Text: f.Check.Name + " is not decided: " + f.Explanation})
		}
	}
	for _, f := range v.Found {
		if f.Check == OfRest && f.State == StillThere {
			all = append(all, Breach{End: Late, Line: f.Line.Num, Text: "the cluster still does not become quiet: " + f.Now.Text})
		}
	}
	for _, c := range v.UnmetClaims() {
		all = append(all, Breach{End: Unmet, Line: c.Line.Num, Text: c.Text})
	}
	if v.Reason != NotStopped && v.Reason != StopPatience {
		all = append(all, Breach{End: Undecided, Text: v.Stopped})
	}
	return all
}

// mismatches compares the outputs of a run with those that the file has recorded.
func mismatches(p *Program, outputs []string) (all []Breach) {
	for i, b := range p.File.Blocks {
		if b.Compared && outputs[i] != b.Expected {
			all = append(all, Breach{End: Unmet, Line: b.Lines[0].Num, Text: "the output is not the recorded one", Got: outputs[i], Want: b.Expected})
		}
	}
	return all
}
