// Command replay runs a scenario on some seeds and prints one line per seed, with the seed, the hash and the verdict.
//
//	replay -mode wire -seeds 7,8 leader-failover
//	7 3f9a0c5be2d17746 ok
//	8 90b1c4d2a6e35f08 ok
//
// With -shapes it prints the shape, which is the hash without names, of every scenario and of a range of explored seeds:
//
//	replay -shapes 1-2000 > before        then change structure or names, and nothing else
//	replay -shapes 1-2000 | diff before -
//
// Its output must be the same bytes on every platform. It uses no terminal and no clock, and the message mode must not
// change a run. To look at a run, use samsa run.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"samsa/scenarios"
	"samsa/scenarios/explore"
	"samsa/scenarios/view"
)

func main() {
	mode := flag.String("mode", "pointer", "how messages travel: pointer, wire or guard")
	seeds := flag.String("seeds", "", "comma-separated; the file's own if empty")
	shapes := flag.String("shapes", "", "print the shapes of all scenarios and of these explored seeds: 1-2000")
	flag.Parse()
	var err error
	if *shapes != "" {
		err = printShapes(*shapes)
	} else {
		err = replay(*mode, *seeds, flag.Args())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "replay:", err)
		os.Exit(2)
	}
}

// printShapes prints one line per scenario and explored seed, with its name, its shape and its number of events.
func printShapes(seeds string) error {
	from, to, _ := strings.Cut(seeds, "-")
	first, err := strconv.ParseUint(from, 10, 64)
	last, err2 := strconv.ParseUint(to, 10, 64)
	if err != nil || err2 != nil || last < first {
		return fmt.Errorf("no range of seeds %q: write 1-2000", seeds)
	}
	for _, name := range scenarios.Library() {
		program, err := load(name)
		if err != nil {
			return err
		}
		v, err := scenarios.New(program, scenarios.RunOptions{}).Finish()
		if err != nil {
			return err
		}
		fmt.Printf("%s %016x %d\n", name, v.Shape, v.Events)
	}
	explore.Campaign{Seed: first, Runs: int(last - first + 1), Jobs: runtime.NumCPU(), Done: func(r explore.Result) {
		fmt.Printf("seed-%d %016x %d\n", r.Seed, r.Shape, r.Events)
	}}.Explore()
	return nil
}

// replay prints one line per seed.
func replay(mode, seeds string, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("exactly one scenario is required, a name or a path; got %d arguments", len(args))
	}
	program, err := load(args[0])
	if err != nil {
		return err
	}
	var o scenarios.RunOptions
	switch mode {
	case "pointer":
	case "wire":
		o.Mode = scenarios.ModeWire
	case "guard":
		o.Mode = scenarios.ModeGuard
	default:
		return fmt.Errorf("no mode %q: pointer, wire or guard", mode)
	}
	list := []uint64{program.Seed()}
	if seeds != "" {
		list = nil
		for word := range strings.SplitSeq(seeds, ",") {
			seed, err := strconv.ParseUint(word, 10, 64)
			if err != nil {
				return fmt.Errorf("no seed %q: a number from 0 to 2^64-1", word)
			}
			list = append(list, seed)
		}
	}
	for _, seed := range list {
		o.Seed = &seed
		v, err := scenarios.New(program, o).Finish()
		if err != nil {
			return err
		}
		if v.Unsound != nil {
			return fmt.Errorf("seed %d: %w", seed, v.Unsound)
		}
		r := view.NewReport(args[0], v)
		fmt.Println(r.Seed, r.Hash, r.Verdict)
	}
	return nil
}

// load reads a scenario by its name or path.
func load(name string) (*scenarios.Program, error) {
	src, ok := scenarios.Source(name)
	if !ok {
		var err error
		if src, err = os.ReadFile(name); err != nil {
			return nil, err
		}
	}
	return scenarios.Load(name, src)
}
