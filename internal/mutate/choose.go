package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// choose returns the reach of the original and the mutants to try.
func (t *tool) choose(ctx context.Context, o options, report *Report) (*Reach, []Mutant, error) {
	planted, err := t.plantedMistakes(o.mistakes)
	if err != nil {
		return nil, nil, err
	}
	var all []Mutant
	for _, name := range o.mutable {
		all = append(all, t.mutants(t.find(name))...)
	}
	var chosen []Mutant
	if o.planted || len(o.names) > 0 {
		if chosen, err = named(o.names, all, planted, report); err != nil {
			return nil, nil, err
		}
		if o.list {
			return nil, chosen, nil
		}
		for _, m := range chosen {
			if err := t.compiles(t.apply(m.edits)); err != nil {
				return nil, nil, fmt.Errorf("%s does not compile: %w", m.ID, err)
			}
		}
	}
	reach, err := t.measure(ctx)
	if err != nil {
		return nil, nil, err
	}
	for print := range reach.known() {
		report.Failing = append(report.Failing, print)
	}
	slices.Sort(report.Failing)
	if chosen == nil {
		report.Seed = strconv.FormatUint(o.seed, 10)
		wanted := strings.Split(o.packages, ",")
		all = slices.DeleteFunc(all, func(m Mutant) bool { return !slices.Contains(wanted, m.Package) })
		chosen = t.drawReached(all, o, reach, report)
	}
	return reach, chosen, nil
}

// named returns the mutants and planted mistakes with these names. If there are no names, it returns all planted
// mistakes.
func named(names []string, all []Mutant, planted []Planted, report *Report) (chosen []Mutant, err error) {
	if len(names) == 0 {
		for _, p := range planted {
			names = append(names, p.ID)
		}
	}
	for _, name := range names {
		i := slices.IndexFunc(planted, func(p Planted) bool { return p.ID == name || p.ID == "planted/"+name })
		j := slices.IndexFunc(all, func(m Mutant) bool { return m.ID == name })
		switch {
		case i >= 0 && planted[i].Today != "":
			report.Today = append(report.Today, Today{planted[i].ID, planted[i].Today})
		case i >= 0:
			chosen = append(chosen, planted[i].Mutant)
		case j >= 0:
			chosen = append(chosen, all[j])
		default:
			return nil, unknown(name, all, planted)
		}
	}
	return chosen, nil
}

// unknown returns the error for an unknown name. The error lists the mutants of the same function. If there are none, it
// lists the mutants with the last part of the function's name in their names, or else the planted mistakes.
func unknown(name string, all []Mutant, planted []Planted) error {
	var near []string
	function, _, _ := strings.Cut(name, "/")
	last := function[strings.LastIndexByte(function, '.')+1:]
	for _, m := range all {
		if of, _, _ := strings.Cut(m.ID, "/"); of == function {
			near = append(near, m.ID)
		}
	}
	for _, m := range all {
		if of, _, _ := strings.Cut(m.ID, "#"); len(near) == 0 && strings.Contains(of, last) {
			near = append(near, m.ID)
		}
	}
	if len(near) == 0 {
		for _, p := range planted {
			near = append(near, p.ID)
		}
	}
	return fmt.Errorf("no mutant %q; there are %s", name, strings.Join(near[:min(12, len(near))], ", "))
}

// drawReached draws mutants that compile and that some run executes.
func (t *tool) drawReached(all []Mutant, o options, reach *Reach, report *Report) (chosen []Mutant) {
	skips := map[string]*Skip{}
	for _, m := range all {
		if skips[m.Package] == nil {
			skips[m.Package] = &Skip{Package: m.Package}
		}
		skips[m.Package].Possible++
	}
	for m := range draw(all, o.seed) {
		if len(chosen) == o.n {
			break
		}
		switch {
		case len(t.seedsFor(m, reach)) == 0:
			skips[m.Package].Unreached++
		case t.compiles(t.apply(m.edits)) != nil:
			skips[m.Package].Uncompiled++
		default:
			chosen = append(chosen, m)
		}
	}
	for _, name := range o.mutable {
		if s := skips[name]; s != nil {
			report.Skipped = append(report.Skipped, *s)
		}
	}
	return chosen
}

// tryAll tries mutants, several at once, and saves each result as soon as it is known.
func (t *tool) tryAll(ctx context.Context, mutants []Mutant, reach *Reach, results *store, report *Report) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	scratch, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	built, err := t.buildBatch(ctx, scratch, slices.DeleteFunc(slices.Clone(mutants), func(m Mutant) bool {
		_, known := results.find(m.ID, t.version(m), t.runs)
		return known
	}))
	if err != nil {
		return err
	}
	var (
		mu   sync.Mutex
		wait sync.WaitGroup
		next = make(chan Mutant)
	)
	done := func(r Result) {
		mu.Lock()
		defer mu.Unlock()
		report.Results = append(report.Results, r)
		t.progress(fmt.Sprintf("%d/%d %s (%d s)", len(report.Results), len(mutants), r.sentence(), r.Seconds))
	}
	for range t.jobs {
		wait.Go(func() {
			for m := range next {
				r, known := results.find(m.ID, t.version(m), t.runs)
				var err error
				if !known {
					r, err = t.try(ctx, m, built[m.ID], reach)
				}
				if err == nil && t.untested(r) {
					err = t.unitTests(ctx, m, &r)
				}
				if err == nil {
					err = results.save(r)
				}
				if err != nil {
					cancel(fmt.Errorf("%s: %w", m.ID, err))
					return
				}
				done(r)
			}
		})
	}
	for _, m := range mutants {
		if r, ok := results.find(m.ID, t.version(m), t.runs); ok && !t.untested(r) {
			done(r)
			continue
		}
		select {
		case next <- m:
		case <-ctx.Done():
		}
	}
	close(next)
	wait.Wait()
	return context.Cause(ctx)
}
