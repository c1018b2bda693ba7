package main

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
)

// readingsFile has what readers found out about mutants that no run kills. A reading has three lines:
//
//	equivalent replication.Partition.Advance/bound#2
//	  if hw <= p.hw {  →  if hw < p.hw {
//	  the high watermark is set to the value that it has
//
// The first word is a class. The second line is the change as a report prints it. If the name later means another change,
// the reading does not count.
//
//go:embed testdata/readings.txt
var readingsFile string

// The classes of a reading.
const (
	Equivalent  = "equivalent"  // no run can show the change, except in its notes
	Performance = "performance" // the change costs time, messages or space, and breaks no promise
)

// Reading is a reader's opinion of a mutant.
type Reading struct {
	Class, ID, Change, Reason string
}

// parseReadings reads a file of readings. Empty lines and lines that begin with # are comments.
func parseReadings(text string) (all []Reading, err error) {
	for n, line := range strings.Split(text, "\n") {
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		words, isMore := strings.CutPrefix(line, "  ")
		if !isMore {
			f := strings.Fields(line)
			if len(f) != 2 || f[0] != Equivalent && f[0] != Performance {
				return nil, fmt.Errorf("line %d: %q is not %s or %s with the name of a mutant", n+1, line, Equivalent, Performance)
			}
			all = append(all, Reading{Class: f[0], ID: f[1]})
			continue
		}
		if len(all) == 0 {
			return nil, fmt.Errorf("line %d: the first line of a reading is a class and the name of a mutant", n+1)
		}
		switch r := &all[len(all)-1]; {
		case r.Change == "":
			r.Change = words
		case r.Reason == "":
			r.Reason = words
		default:
			r.Reason += " " + words
		}
	}
	for _, r := range all {
		if r.Change == "" || len(strings.Fields(r.Reason)) < 3 {
			return nil, fmt.Errorf("the reading of %s needs the change and a reason", r.ID)
		}
	}
	return all, nil
}

// read adds the reading of a mutant to its result. A killed mutant needs none.
func (r *Result) read(readings []Reading) {
	r.Class, r.Reason = "", ""
	i := slices.IndexFunc(readings, func(x Reading) bool { return x.ID == r.ID && x.Change == r.Change })
	if i >= 0 && r.State != Killed {
		r.Class, r.Reason = readings[i].Class, readings[i].Reason
	}
}
