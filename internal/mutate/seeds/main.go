// Command seeds explores a list of seeds, one after the other, and prints one JSON object per seed when its run has ended.
// Package mutate builds it with a changed file and compares what it prints with the lines of the original.
//
//	go run ./internal/mutate/seeds -seeds 1-3,7
//	{"seed":1,"hash":"3f9a0c5be2d17746","failures":null}
//
// With -cover DIR, in a binary built with -cover -covermode=atomic, it writes the counters of each run into a directory of
// their own: DIR/0 has what ran before the first seed, and DIR/7 what seed 7 executed. Only one run is in progress at a
// time, because the counters belong to the process.
//
// A changed file may allocate without end. The process ends with code 3 when it uses more memory than -memory, because
// the machine has other work too. Code 2 is wrong usage.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/coverage"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"

	"samsa/scenarios/explore"
)

// Line is the outcome of one seed. Hashes are strings, because numbers in JSON are exact only up to 2^53.
type Line struct {
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

// memoryExit is the exit code of a process that used too much memory.
const memoryExit = 3

func main() {
	list := flag.String("seeds", "1-20", "explore these `SEEDS`, for example 1-3,7")
	cover := flag.String("cover", "", "write the counters of each run into `DIR`")
	memory := flag.Uint64("memory", 3072, "end the process above this many `MB`")
	flag.Parse()
	seeds, err := parseSeeds(*list)
	if err == nil && flag.NArg() > 0 {
		err = fmt.Errorf("no arguments are known, got %q", flag.Arg(0))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "seeds:", err)
		os.Exit(2)
	}
	go watchMemory(*memory << 20)
	if err := run(seeds, *cover, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "seeds:", err)
		os.Exit(1)
	}
}

// run explores the seeds and prints their lines.
func run(seeds []uint64, cover string, w io.Writer) error {
	if cover != "" {
		if err := writeCounters(filepath.Join(cover, "0")); err != nil {
			return err
		}
	}
	out := json.NewEncoder(w)
	for _, seed := range seeds {
		if cover != "" {
			if err := coverage.ClearCounters(); err != nil {
				return err
			}
		}
		r := explore.Run(seed, explore.Options{})
		line := Line{Seed: seed, Hash: fmt.Sprintf("%016x", r.Hash)}
		for _, f := range r.Failures {
			line.Failures = append(line.Failures, Failure{string(f.Verdict), f.Check, f.Fingerprint(), f.Text})
		}
		if cover != "" {
			if err := writeCounters(filepath.Join(cover, strconv.FormatUint(seed, 10))); err != nil {
				return err
			}
		}
		if err := out.Encode(line); err != nil { // after the counters, so that a line means that they are complete
			return err
		}
	}
	return nil
}

// writeCounters writes the counters of the process into a new directory.
func writeCounters(dir string) error {
	return errors.Join(os.MkdirAll(dir, 0o777), coverage.WriteMetaDir(dir), coverage.WriteCountersDir(dir))
}

// parseSeeds reads a list of seeds and ranges.
func parseSeeds(list string) (seeds []uint64, err error) {
	for word := range strings.SplitSeq(list, ",") {
		from, to, isRange := strings.Cut(word, "-")
		if !isRange {
			to = from
		}
		first, err1 := strconv.ParseUint(from, 10, 64)
		last, err2 := strconv.ParseUint(to, 10, 64)
		if err1 != nil || err2 != nil || last < first || last-first > 1_000_000 {
			return nil, fmt.Errorf("no seeds %q: write numbers and ranges, for example 1-3,7", word)
		}
		for seed := first; seed <= last; seed++ {
			seeds = append(seeds, seed)
		}
	}
	return seeds, nil
}

// watchMemory ends the process when its memory exceeds the limit. A run in an endless loop never returns, so no check
// between the runs would see it.
func watchMemory(limit uint64) {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}}
	for range time.Tick(200 * time.Millisecond) {
		if metrics.Read(sample); sample[0].Value.Uint64() > limit {
			fmt.Fprintf(os.Stderr, "seeds: the process uses more than %d MB\n", limit>>20)
			os.Exit(memoryExit)
		}
	}
}
