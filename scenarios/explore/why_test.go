package explore

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"samsa/check"
	"samsa/scenarios"
	"samsa/scenarios/view"
)

// Findings of explored seeds have chains too: under old rules, which make violations, and without, where there are prices.
// SAMSA_WHY_SEEDS says how many seeds.
func TestExploredFindingsHaveChains(t *testing.T) {
	seeds := uint64(6)
	if s := os.Getenv("SAMSA_WHY_SEEDS"); s != "" {
		var err error
		if seeds, err = strconv.ParseUint(s, 10, 32); err != nil {
			t.Fatalf("SAMSA_WHY_SEEDS is %q, not a number of seeds", s)
		}
	}
	rules := [][]string{nil, {"M1"}, {"M9"}, {"M22"}, {"K2"}, {"M39"}, {"M10"}, {"M3"}}
	explained := 0
	for seed := uint64(1); seed <= seeds; seed++ {
		for i, ids := range rules {
			p := Draw(seed*100+uint64(i), Mixed)
			program, err := scenarios.Load("seed", []byte(p.Text()))
			if err != nil {
				t.Fatal(err)
			}
			s := scenarios.New(program, scenarios.RunOptions{Rules: ids, Events: 60_000})
			v, err := s.Finish()
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range v.Findings {
				if f.Status != check.Violated && f.Status != check.Priced {
					continue
				}
				explained++
				c, err := view.NewChain(s, f)
				if err != nil {
					t.Fatalf("seed %d, rules %v, %s: %v", p.Seed, ids, f.Check.Name, err)
				}
				if err := readable(c); err != nil {
					t.Errorf("seed %d, rules %v, %s: %v\n%s\n%s", p.Seed, ids, f.Check.Name, err, f.Explanation, c.Text())
				}
			}
			s.Close()
		}
	}
	t.Logf("%d findings", explained)
	if explained < int(seeds) {
		t.Errorf("of %d seeds only %d findings were explained", seeds, explained)
	}
}

// readable returns what is wrong with a chain.
func readable(c *view.Chain) error {
	if len(c.Links) == 0 || len(c.Links) > 25 {
		return fmt.Errorf("%d links", len(c.Links))
	}
	for _, l := range c.Links {
		if l.Sentence == "" || strings.Contains(l.Sentence, "%!") || strings.Contains(l.Sentence, "none leader") {
			return fmt.Errorf("a link is %+v", l)
		}
	}
	for line := range strings.Lines(c.Text()) {
		if len([]rune(strings.TrimRight(line, "\n"))) > 80 {
			return fmt.Errorf("%q is wider than 80 columns", line)
		}
	}
	return nil
}
