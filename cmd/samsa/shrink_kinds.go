package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"samsa/scenarios"
	"samsa/scenarios/explore"
)

// shrinkTime is the real time for shrinking in a campaign without --for. All kinds of failure share it.
const shrinkTime = time.Minute

// shrinkKinds makes the first saved scenario of each kind of failure small, and writes the result beside it. The kinds share
// the time. If a scenario cannot be shrunk or saved, shrinkKinds prints a line on stderr and continues.
func (a *app) shrinkKinds(report *explore.Report, f exploreFlags, began time.Time) {
	mode, err := modeOf(f.mode, "samsa help explore")
	if err != nil {
		return // the flags have been checked before the campaign
	}
	until := a.now().Add(shrinkTime)
	if f.lasts > 0 {
		until = began.Add(f.lasts)
	}
	for i := range report.Kinds {
		k := &report.Kinds[i]
		left := until.Sub(a.now()) / time.Duration(len(report.Kinds)-i)
		if len(k.Files) == 0 || k.Verdict == explore.Unknown || left <= 0 || report.Interrupted {
			continue
		}
		from := k.Files[0]
		j := &shrinking{app: a, name: from, mode: mode, jobs: f.jobs, lasts: left, meter: a.meter(), out: smallOf(report, i)}
		j.confirmAll()
		err := j.mayWrite()
		if err == nil {
			err = j.shrinkKind(k)
		}
		if report.Interrupted = a.pressed(); err != nil {
			fmt.Fprintf(a.err, "samsa: %s is not made small: %v\n", from, err)
			continue
		}
	}
}

// smallOf returns the name of the small scenario of a kind of failure. A seed may be the first of several kinds.
func smallOf(report *explore.Report, i int) string {
	k := &report.Kinds[i]
	base, n := strings.TrimSuffix(k.Files[0], ".txt")+"-"+k.Check, 1
	for _, other := range report.Kinds[:i] {
		if len(other.Files) > 0 && other.Files[0] == k.Files[0] && other.Check == k.Check {
			n++
		}
	}
	if n > 1 {
		base += fmt.Sprintf("-%d", n)
	}
	return base + "-small.txt"
}

// shrinkKind makes the scenario of one kind small and writes it.
func (j *shrinking) shrinkKind(k *explore.Kind) (err error) {
	if j.src, err = os.ReadFile(j.name); err != nil {
		return err
	}
	if j.program, err = scenarios.Load(j.name, j.src); err != nil {
		return err
	}
	_, kind, _ := strings.Cut(k.Fingerprint, ": ")
	j.target = explore.Failure{Verdict: k.Verdict, Check: k.Check, Kind: kind}
	s, err := j.search()
	if err != nil {
		return err
	}
	if err := j.write(s); err != nil {
		return err
	}
	k.Small = s.report.Small
	for _, kept := range s.report.Kept {
		fmt.Fprintf(j.err, "samsa: %s is kept: %s; the new small scenario is %s\n", kept.File, kept.Why, k.Small)
	}
	if s.report.Bug != "" {
		fmt.Fprintf(j.err, "samsa: %s: %s\n", k.Small, s.report.Bug)
	}
	return nil
}
