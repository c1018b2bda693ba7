package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"samsa/scenarios"
	"samsa/scenarios/explore"
)

// search is one call of the command.
type search struct {
	options
	kept     *store
	progress func(line string)

	flaws   []*flaw
	seeds   int      // seeds that have been looked at
	failing []uint64 // seeds that fail without any old rule, which should not be
}

// flaw is an old rule with one of the checks that must notice it. A rule of two packages may name two checks.
type flaw struct {
	id, check string
	found     uint64   // the first seed in which the check fires
	is        bool     // found is set
	decides   int      // seeds in which the rule would decide otherwise, until it is found
	others    []string // the other checks that fired before, each with its first seed
}

func newSearch(o options, kept *store, progress func(string)) *search {
	s := &search{options: o, kept: kept, progress: progress}
	for _, r := range scenarios.OldRules() {
		if slices.Contains(o.rules, r.ID) && !slices.ContainsFunc(s.flaws, func(f *flaw) bool { return f.id == r.ID && f.check == r.Check }) {
			s.flaws = append(s.flaws, &flaw{id: r.ID, check: r.Check})
		}
	}
	return s
}

// run looks at one seed after the other until every flaw is found.
func (s *search) run(ctx context.Context) error {
	for i := range s.runs {
		if s.missing() == 0 {
			return nil
		}
		seed := s.seed + uint64(i)
		if !s.wants(seed) {
			s.seeds++
			continue
		}
		ids, err := s.otherwise(ctx, seed)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := s.try(ctx, id, seed); err != nil {
				return err
			}
		}
		if s.seeds++; s.seeds%100 == 0 {
			s.progress(fmt.Sprintf("%d seeds, %d of %d not found", s.seeds, s.missing(), len(s.flaws)))
		}
	}
	return nil
}

// wants reports whether the plan of a seed has one of the families or kinds in the flag -with. Without the flag, it returns
// true.
func (s *search) wants(seed uint64) bool {
	return len(s.with) == 0 || slices.ContainsFunc(explore.Draw(seed, explore.Mixed).Drawn(), func(name string) bool { return slices.Contains(s.with, name) })
}

// otherwise returns the rules that would decide otherwise in a seed.
func (s *search) otherwise(ctx context.Context, seed uint64) ([]string, error) {
	l, known := s.kept.clean[seed]
	if !known {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r, ids := explore.Otherwise(seed, explore.Options{})
		l = entry{Seed: seed, Otherwise: ids, Failed: failed(&r)}
		if err := s.kept.add(l); err != nil {
			return nil, err
		}
	}
	if len(l.Failed) > 0 {
		s.failing = append(s.failing, seed)
		s.progress(fmt.Sprintf("seed %d fails without any old rule: %s", seed, strings.Join(l.Failed, ", ")))
		return nil, nil
	}
	return l.Otherwise, nil
}

// try runs a seed with an old rule, if the rule is still searched for.
func (s *search) try(ctx context.Context, id string, seed uint64) error {
	open := slices.DeleteFunc(slices.Clone(s.flaws), func(f *flaw) bool { return f.id != id || f.is })
	if len(open) == 0 {
		return nil
	}
	k := tried{id, seed}
	l, known := s.kept.with[k]
	if !known || s.plans != "" && slices.ContainsFunc(open, func(f *flaw) bool { return slices.Contains(l.Failed, f.check) }) {
		if err := ctx.Err(); err != nil {
			return err
		}
		r := explore.Run(seed, explore.Options{Rules: []string{id}})
		l = entry{Seed: seed, Rule: id, Failed: failed(&r)}
		if err := s.keepPlan(open, l, r.Text); err != nil {
			return err
		}
		if !known {
			if err := s.kept.add(l); err != nil {
				return err
			}
		}
	}
	for _, f := range open {
		f.decides++
		for _, c := range l.Failed {
			at := c + " " + strconv.FormatUint(seed, 10)
			switch {
			case c == f.check:
				f.found, f.is = seed, true
				s.progress(fmt.Sprintf("%s is found by %s in seed %d", f.id, f.check, seed))
			case !slices.ContainsFunc(f.others, func(have string) bool { return strings.HasPrefix(have, c+" ") }):
				f.others = append(f.others, at)
			}
		}
	}
	return nil
}

// keepPlan writes the plan in which the first check of a rule fires. The only found line of the plan says what that check
// found.
func (s *search) keepPlan(open []*flaw, l entry, text string) error {
	if s.plans == "" || !slices.Contains(l.Failed, open[0].check) || slices.ContainsFunc(s.flaws, func(f *flaw) bool { return f.id == l.Rule && f.is }) {
		return nil
	}
	var lines []string
	for _, line := range strings.SplitAfter(text, "\n") {
		if !strings.HasPrefix(line, "found ") || strings.HasPrefix(line, "found "+open[0].check+" ") {
			lines = append(lines, line)
		}
	}
	return os.WriteFile(filepath.Join(s.plans, l.Rule+".txt"), []byte(strings.Join(lines, "")), 0o666)
}

// failed returns the checks that a run violated, each once. A cluster that does not become quiet violates a liveness check too.
func failed(r *explore.Result) (checks []string) {
	for _, f := range r.Failures {
		if !slices.Contains(checks, f.Check) {
			checks = append(checks, f.Check)
		}
	}
	return checks
}

// missing returns the number of flaws that are not found.
func (s *search) missing() (n int) {
	for _, f := range s.flaws {
		if !f.is {
			n++
		}
	}
	return n
}

// write prints the result as a table.
func (s *search) write(w io.Writer) {
	fmt.Fprintf(w, "%d seeds from %d\n\n| rule | check | found in seed | decides otherwise until then | other checks before |\n|---|---|---|---|---|\n", s.seeds, s.seed)
	for _, f := range s.flaws {
		seed := "-"
		if f.is {
			seed = strconv.FormatUint(f.found, 10)
		}
		fmt.Fprintf(w, "| %s | `%s` | %s | %d | %s |\n", f.id, f.check, seed, f.decides, cmp.Or(strings.Join(f.others, ", "), "-"))
	}
	fmt.Fprintf(w, "\n%d of %d found\n", len(s.flaws)-s.missing(), len(s.flaws))
	if len(s.failing) > 0 {
		fmt.Fprintf(w, "%d seeds fail without any old rule: %v\n", len(s.failing), s.failing)
	}
}
