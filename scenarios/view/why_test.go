package view

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"samsa/check"
	"samsa/scenarios"
)

// chains are the golden chains: the file, the old rules that it needs, and the check.
var chains = []struct {
	name, check string
	rules       []string
}{
	{"museum-m1", "acked-durable", []string{"M1"}},
	{"museum-m2", "logs-match", []string{"M2"}},
	{"museum-m3", "acked-durable", []string{"M3"}},
	{"museum-m6", "acked-durable", []string{"M6"}},
	{"museum-m9", "acked-durable", []string{"M9"}},
	{"museum-m20", "acked-durable", []string{"M20"}},
	{"museum-m22", "acked-durable", []string{"M22"}},
	{"museum-m24", "acked-durable", []string{"M24"}},
	{"museum-m29", "reads-stable", []string{"M29"}},
	{"museum-k1", "metadata-logs-match", []string{"K1"}},
	{"museum-k2", "metadata-complete", []string{"K2"}},
	{"museum-k3", "metadata-complete", []string{"K3"}},
	{"museum-k22", "reply-after-commit", []string{"K22"}},
	{"museum-m10", "acked-durable", []string{"M10"}},
	{"museum-m26", "partition-epoch-steps", []string{"M26"}},
	{"museum-m28", "acked-electable", []string{"M28"}},
	{"museum-m30", "election-licensed", []string{"M30"}},
	{"museum-m37", "acked-electable", []string{"M37"}},
	{"museum-m39", "logs-match", []string{"M39"}},
	{"museum-m42", "lost-write", []string{"M42"}},
	{"museum-m43", "acked-durable", []string{"M43"}},
	{"museum-m39", "heals", []string{"M39"}},
	{"museum-k3", "images-agree", []string{"K3"}},
	{"skipped-epoch", "acked-durable", nil},
	{"elr-off-and-on", "acked-durable", nil},
	{"stored-twice", "no-duplicate", nil},
	{"unclean-election", "acked-durable", nil},
	{"power-loss-of-all-replicas", "acked-durable", nil},
	{"lying-disk", "acked-durable", nil},
	{"acks-one", "acked-durable", nil},
	{"stuck-no-leader", "quiet", nil},
	{"stuck-no-controller", "quiet", nil},
	{"stuck-fenced", "quiet", nil},
	{"stuck-out-of-sync", "quiet", nil},
	{"museum-k1", "quiet", []string{"K1"}},
	{"museum-k2", "quiet", []string{"K2"}},
	{"museum-m39", "quiet", []string{"M39"}},
	{"stuck-silent-controller", "requests-answered", nil},
}

// ended runs a scenario of the library or of testdata to its end.
func ended(t *testing.T, name string, rules []string, budget uint64) *scenarios.Session {
	t.Helper()
	src, ok := scenarios.Source(name)
	if !ok {
		var err error
		if src, err = os.ReadFile("testdata/" + name + ".txt"); err != nil {
			t.Fatal(err)
		}
	}
	p, err := scenarios.Load(name, src)
	if err != nil {
		t.Fatal(err)
	}
	s := scenarios.New(p, scenarios.RunOptions{Rules: rules, Events: budget})
	if _, err := s.Finish(); err != nil {
		t.Fatal(err)
	}
	return s
}

// The chains are what a reader gets; read them before you commit a change of them.
func TestChains(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range chains {
		t.Run(c.name, func(t *testing.T) {
			s := ended(t, c.name, c.rules, 0)
			all := s.Verdict().Findings
			if stuck, ok := scenarios.Quiet(s.Verdict()); ok {
				all = append(all, stuck)
			}
			found := false
			for _, f := range all {
				if f.Check.Name != c.check || f.Status != check.Violated && f.Status != check.Priced {
					continue
				}
				found = true
				chain, err := NewChain(s, f)
				if err != nil {
					t.Fatal(err)
				}
				if len(c.rules) > 0 && !slices.ContainsFunc(chain.Links, func(l Link) bool { return l.Kind == LinkRule }) {
					t.Errorf("the chain does not name the old rule %s", c.rules)
				}
				name := c.name
				if seen[name] {
					name += "-" + c.check
				}
				seen[name] = true
				golden(t, "why-"+name+".txt", chain.Text())
			}
			if !found {
				t.Errorf("%s is neither violated nor priced", c.check)
			}
		})
	}
}

// Every violated or priced finding has a chain of at most 25 lines whose links are sentences, of events that happened, in 80
// columns. Explaining a finding does not change the session.
func TestEveryFindingHasAChain(t *testing.T) {
	files := map[string][]string{}
	for _, name := range scenarios.Library() {
		files[name] = nil
		if id, ok := strings.CutPrefix(name, "museum-"); ok {
			files[name] = []string{strings.ToUpper(id)}
		}
	}
	chains := 0
	for _, name := range scenarios.Library() {
		s := ended(t, name, files[name], 4000)
		before := s.Verdict()
		for _, f := range before.Findings {
			if f.Status != check.Violated && f.Status != check.Priced {
				continue
			}
			chains++
			c, err := NewChain(s, f)
			if err != nil {
				t.Fatalf("%s, %s: %v", name, f.Check.Name, err)
			}
			if err := wellFormed(c, before.Events); err != nil {
				t.Errorf("%s, %s: %v\n%s", name, f.Check.Name, err, c.Text())
			}
		}
		if after := s.Verdict(); after.Hash != before.Hash || after.Events != before.Events {
			t.Errorf("%s has another hash after it was explained", name)
		}
	}
	if chains < 60 {
		t.Errorf("only %d findings were explained", chains)
	}
}

// wellFormed returns what is wrong with a chain.
func wellFormed(c *Chain, events uint64) error {
	if n := lines(c.Links); n > 25 {
		return fmt.Errorf("%d lines", n)
	}
	if len(c.Links) < 2 || c.Links[0].Kind != LinkSymptom || c.Links[0].Question != "" {
		return fmt.Errorf("%d links, of which the first is %+v", len(c.Links), c.Links[:min(1, len(c.Links))])
	}
	for i, l := range c.Links {
		switch {
		case l.Sentence == "" || strings.Contains(l.Sentence, "  ") || strings.Contains(l.Sentence, "%!"):
			return fmt.Errorf("link %d is %q", i, l.Sentence)
		case l.Event > events:
			return fmt.Errorf("link %d is of event %d of %d", i, l.Event, events)
		case l.Kind == LinkFault && l.Line == 0:
			return fmt.Errorf("link %d is a fault without a line", i)
		case i > 0 && l.Kind == LinkSymptom:
			return fmt.Errorf("link %d is a second symptom", i)
		}
	}
	for line := range strings.Lines(c.Text()) {
		if runes(strings.TrimRight(line, "\n")) > width {
			return fmt.Errorf("%q is too wide", line)
		}
	}
	return nil
}

// A chain can be asked for at any moment of a session, and explains that moment.
func TestChainInTheMiddle(t *testing.T) {
	src, _ := scenarios.Source("museum-m1")
	p, err := scenarios.Load("museum-m1", src)
	if err != nil {
		t.Fatal(err)
	}
	s := scenarios.New(p, scenarios.RunOptions{Rules: []string{"M1"}})
	if _, err := s.RunUntil(14); err != nil { // b3 has truncated its log, and does not lead yet
		t.Fatal(err)
	}
	found := false
	for _, f := range s.Verdict().Findings {
		if f.Status != check.Violated {
			continue
		}
		c, err := NewChain(s, f)
		if err != nil {
			t.Fatal(err)
		}
		if f.Check.Name == "truncation-licensed" {
			found = true
			if l := c.Links[1]; l.Machine != "b3" || !strings.Contains(l.Sentence, "own high watermark") {
				t.Errorf("the truncation is explained by\n%s", c.Text())
			}
		}
	}
	if !found {
		t.Error("truncation-licensed is not violated at step 14")
	}
	if s.Position() != 14 {
		t.Errorf("the session has moved to step %d", s.Position())
	}
}

// What kept a record from a follower is a link of the chain, whichever way it was kept.
func TestFaultsThatHideARecord(t *testing.T) {
	for _, c := range []struct{ fault, then, want string }{
		{"cut b1 -> b2", "", "line 5: cut b1 -> b2"},
		{"cut b2 -> b1", "", "line 5: cut b2 -> b1"},
		{"slow b1 -> b2 by 30s", "", "line 5: slow b1 -> b2 by 30s"},
		{"link b2 -> b1 half-open", "", "line 5: link b2 -> b1 half-open; the connection forgets its packets"},
		{"link b2 -> b1 stalled for 20s", "", "line 5: link b2 -> b1 stalled for 20s"},
		{"pause b2", "resume b2", "line 5: pause b2"},
		{"crash b2", "start b2", "line 5: crash b2"},
	} {
		src := "cluster brokers=2 controllers=1 seed=6\ntopic orders on=1,2 min.insync.replicas=1\nproduce p1 orders-0 acks=1 a\nrun until quiet\n" +
			c.fault + "\nproduce p1 orders-0 b\ncrash b1\n" + c.then + "\nrun until leader orders-0 is b2 within 60s\n"
		p, err := scenarios.Load(c.fault, []byte(src))
		if err != nil {
			t.Fatal(err)
		}
		s := scenarios.New(p, scenarios.RunOptions{})
		v, err := s.Finish()
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(v.Findings, func(f check.Finding) bool { return f.Check.Name == "acked-durable" })
		if v.Findings[i].Status != check.Priced {
			t.Errorf("%s: acked-durable is %s", c.fault, v.Findings[i].Status)
			continue
		}
		chain, err := NewChain(s, v.Findings[i])
		if err != nil {
			t.Fatal(err)
		}
		at := slices.IndexFunc(chain.Links, func(l Link) bool { return l.Kind == LinkFault && l.Line == 5 })
		if at < 0 || chain.Links[at].Sentence != c.want || chain.Links[at].Time <= 0 {
			t.Errorf("%s: the fault is not in the chain\n%s", c.fault, chain.Text())
		}
		for _, sentence := range []string{
			` without offset 1 ("b" of p1)`,
			`appends it in epoch 0, when the log of b2 ends at 1`,
			`acknowledges "b" after its own append (acks=1, line 6): no follower needs to have it`,
			"acks=1: the leader answered before any follower had the record",
		} {
			if !slices.ContainsFunc(chain.Links, func(l Link) bool { return strings.HasSuffix(l.Sentence, sentence) }) {
				t.Errorf("%s: no link says %q\n%s", c.fault, sentence, chain.Text())
			}
		}
	}
}
