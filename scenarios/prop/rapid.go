package prop

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"samsa/scenarios"
	"samsa/scenarios/explore"
)

// The generators of this file draw lines of scenario files, for tests that use rapid themselves. A plan is drawn whole before
// it runs, so a shrinker of the draw (rapid's, or the fuzzer's) shrinks the plan and not the run.

// Plans draws whole plans: the text of a scenario file. The workload of a plan is the code of the test with this name. If
// the name is empty, the clients of the plan are drawn too.
func Plans(name string, test Test) *rapid.Generator[string] {
	r := &runner{needs: needsOf(name, test)}
	return rapid.Map(r.plans(), func(p plan) string { return p.Text() })
}

// Play runs a plan with code for its workload line. The plan is drawn, or put together from lines. If the run fails, Play
// returns a key and a sentence about the failure. The key is that of Client.Fail or the name of one of Samsa's checks. If
// the run holds, the key is "". A property of rapid should fail for one key only, so that rapid does not shrink one
// failure into another. The error says why the plan cannot be run, or that the code is not deterministic: a plan that fails
// is run twice.
func Play(plan string, work func(*Client)) (key, text string, err error) {
	p, err := parse(plan)
	if err != nil {
		return "", "", err
	}
	r := &runner{work: work, home: homeOf(2)}
	res, err := r.watch(p)
	if err != nil || !res.failed() {
		return "", "", err
	}
	if how := r.differs(plan, res); how != "" {
		return "", "", errors.New(notDeterministic(how))
	}
	f := res.worst()
	return strings.TrimPrefix(f.Check, scenarios.Own), f.Text, nil
}

// Clusters draws the lines that make a cluster and its topics.
func Clusters(test Test) *rapid.Generator[[]string] {
	return lines(test, func(t *rapid.T) explore.Parts {
		return explore.Parts{World: word(t, "world"), Cluster: word(t, "cluster")}
	}, func(l explore.Line) bool { return l.Part == explore.Boot })
}

// Workloads draws the lines of clients that send and read.
func Workloads(test Test) *rapid.Generator[[]string] {
	return lines(test, func(t *rapid.T) explore.Parts { return explore.Parts{Workload: word(t, "workload")} },
		func(l explore.Line) bool { return l.Part == explore.Serving })
}

// Operations draws the lines of an operator's requests; Test.Operations has their kinds.
func Operations(test Test) *rapid.Generator[[]string] {
	return lines(test, func(t *rapid.T) explore.Parts { return explore.Parts{Operations: words(t, "operations", 8)} },
		func(l explore.Line) bool { return l.Part == explore.Serving && l.ID > 0 })
}

// Faults draws the lines that begin and end faults; Test.Faults has their families.
func Faults(test Test) *rapid.Generator[[]string] {
	return lines(test, func(t *rapid.T) explore.Parts { return explore.Parts{Faults: words(t, "faults", 16)} },
		func(l explore.Line) bool { return l.Part == explore.Serving && l.ID > 0 })
}

// Fuzz is Check for `go test -fuzz`: rapid converts the fuzzer's bytes to a draw. Each fault has bytes of its own, so the
// fuzzer can change one fault at a time.
func Fuzz(f *testing.F, test Test, work func(*Client)) {
	f.Helper()
	r := newRunner(f, test, work, homeOf(2))
	if r.replayFlag(f) || r.replaySaved(f) {
		return
	}
	for seed := range uint64(4) { // the fuzzer changes these draws; finding a whole plan without them takes long
		var bytes []byte
		for _, n := range scenarios.DerivedSeeds(seed, 60) {
			bytes = binary.LittleEndian.AppendUint64(bytes, n)
		}
		f.Add(bytes)
	}
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) {
		if report := r.fuzz(r.plans().Draw(t, "plan").Text()); report != "" {
			t.Fatalf("%s", report)
		}
	}))
}

// fuzz runs one draw of the fuzzer, and returns "" if it holds. The first draw with a failure is saved as it is, because the
// fuzzer kills a process that takes as long as shrinking does; the next `go test` without -fuzz replays it and makes it small.
func (r *runner) fuzz(text string) (report string) {
	res, err := r.watch(load(text))
	switch {
	case err != nil:
		return err.Error()
	case !res.failed():
		return ""
	}
	if how := r.differs(text, res); how != "" {
		return notDeterministic(how)
	}
	target, path := res.worst(), r.first(res.worst().Check)
	if !exists(path) {
		if err := write(path, r.file(text, res, target, notShrunk)); err != nil {
			return fmt.Sprintf("%s\nthe file cannot be saved: %v", describe(target), err)
		}
	}
	return describe(target) + "\n" + r.details(res, target, path)
}

// plans draws whole plans.
func (r *runner) plans() *rapid.Generator[plan] {
	return rapid.Custom(func(t *rapid.T) plan {
		return plan{mustCompose(explore.Parts{
			World: word(t, "world"), Cluster: word(t, "cluster"), Workload: word(t, "workload"),
			Operations: words(t, "operations", 8), Faults: words(t, "faults", 16),
		}, r.needs)}
	})
}

// plan is a plan that rapid draws. GoString is short, because rapid logs each draw.
type plan struct{ *explore.Plan }

// GoString implements fmt.GoStringer.
func (p plan) GoString() string {
	return fmt.Sprintf("a plan of %d lines, seed %d", len(p.Lines()), p.Seed)
}

// lines draws parts and returns some lines of the plan that they give.
func lines(test Test, parts func(*rapid.T) explore.Parts, wanted func(explore.Line) bool) *rapid.Generator[[]string] {
	return rapid.Custom(func(t *rapid.T) (all []string) {
		for _, l := range mustCompose(parts(t), needsOf("", test)).Lines() {
			if wanted(l) {
				all = append(all, l.String())
			}
		}
		return all
	})
}

func word(t *rapid.T, label string) uint64 { return rapid.Uint64().Draw(t, label) }

func words(t *rapid.T, label string, most int) []uint64 {
	return rapid.SliceOfN(rapid.Uint64(), 0, most).Draw(t, label)
}

// mustCompose composes a plan from needs that were checked.
func mustCompose(parts explore.Parts, needs explore.Needs) *explore.Plan {
	p, err := explore.Compose(parts, needs)
	if err != nil {
		panic("prop.Test: " + err.Error())
	}
	return p
}
