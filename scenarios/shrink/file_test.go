package shrink

import (
	"errors"
	"strings"
	"testing"

	"samsa/scenarios"
	"samsa/scenarios/explore"
)

// lossOf returns a small scenario as a search makes it, with these lines after the cluster line.
func lossOf(lines ...string) Small {
	text := "cluster brokers=2 controllers=1 seed=7\n" + strings.Join(lines, "\n") + "\n"
	lost := explore.Failure{Verdict: explore.Violated, Check: "acked-durable", Kind: "leader of a partition: cut it", Text: "offset 0 of orders-0 is gone"}
	late := explore.Failure{Verdict: explore.Stuck, Check: "quiet", Text: "p1 waits"}
	return Small{Text: []byte(text), Failure: lost, Failures: []explore.Failure{late, lost, lost}, Hash: 5, Tries: 9}
}

// fileOf returns the file of a small scenario.
func fileOf(m Small) []byte {
	return m.File(About{From: "mine.txt", Was: Size{90, 8, 70}, Again: "samsa run mine-small.txt", Fails: 3, Salts: 20, Found: m.FoundLines("v1")})
}

// The file has each failure of the run as a found line, and first the one that the search kept. Its comment fits a terminal.
func TestFile(t *testing.T) {
	small := lossOf("topic orders on=1,2", "send p1 orders-0 a", "crash b1 power", "slow b1 -> b2 by 50ms", "at 9s slow b1 -> b2 by 0s", "start b1")
	small.Differs = []string{"in wire mode", "in guard mode"}
	file := string(fileOf(small))
	p, err := scenarios.Load("small", []byte(file))
	if err != nil {
		t.Fatalf("%v\n%s", err, file)
	}
	if found := p.Found(); len(found) != 2 || found[0].Fingerprint() != small.Failure.Fingerprint() || found[1].Fingerprint() != "quiet" {
		t.Errorf("the found lines are %v", found)
	}
	for _, l := range strings.Split(file, "\n") {
		if strings.HasPrefix(l, "#") && len(l) > 78 {
			t.Errorf("a line of the comment has %d columns: %s", len(l), l)
		}
	}
	words := strings.Join(strings.Fields(strings.ReplaceAll(file, "\n# ", " ")), " ")
	for _, want := range []string{
		"# A small failure: acked-durable: leader of a partition: cut it.",
		"At 9s the network no longer delays everything from b1 to b2. b1 starts again. Then: offset 0 of orders-0 is gone.",
		"kept the failure of the first found line. The run also has the others.",
		"from mine.txt: 90 lines with 8 faults and 70 operations became 7 lines with 2 faults and 1 operation.",
		"It also fails on 3 of 20 other draws of the noise (salt).",
		"It does not fail in the same way in wire mode and in guard mode, which is a bug of Samsa's.",
		"Again: samsa run mine-small.txt",
	} {
		if !strings.Contains(words, want) {
			t.Errorf("the file does not say %q:\n%s", want, file)
		}
	}
}

// Any edit of a file shows, and so does a file that has no checksum.
func TestUnedited(t *testing.T) {
	file := fileOf(lossOf("topic orders", "crash b1"))
	if !Unedited(file) {
		t.Errorf("a file that was not edited is not recognised:\n%s", file)
	}
	for i := range file {
		for _, edited := range [][]byte{append(append([]byte{}, file[:i]...), file[i+1:]...), append(append(append([]byte{}, file[:i]...), '#'), file[i:]...)} {
			if string(edited) != string(file) && Unedited(edited) {
				t.Fatalf("an edit at byte %d does not show:\n%s", i, edited)
			}
		}
	}
	if Unedited(nil) || Unedited([]byte(made+"x\n")) {
		t.Error("a file without a checksum is taken for a result")
	}
}

// Only an unedited result about the same failure under the same rules is replaced, and not by a larger one.
func TestReplaceable(t *testing.T) {
	small := lossOf("topic orders", "crash b1")
	other := lossOf("topic orders", "crash b1")
	other.Failure.Kind = "another"
	long := lossOf("topic orders", "crash b1", "start b1")
	for name, c := range map[string]struct {
		before, after []byte
		why           string
	}{
		"the same":          {fileOf(small), fileOf(small), ""},
		"smaller":           {fileOf(long), fileOf(small), ""},
		"larger":            {fileOf(small), fileOf(long), "it is smaller than the new one"},
		"more operations":   {fileOf(lossOf("topic orders", "send p1 orders-0 a")), fileOf(lossOf("topic orders", "send p1 orders-0 a b")), "it is smaller than the new one"},
		"longer words":      {fileOf(lossOf("topic orders", "wait 1s")), fileOf(lossOf("topic orders", "wait 1234ms")), "it is smaller than the new one"},
		"another failure":   {fileOf(long), fileOf(other), "it is about another failure"},
		"another rule":      {fileOf(lossOf("topic orders", "crash b1", "rule M1")), fileOf(small), "it fails under other rules"},
		"edited":            {append(fileOf(long), '\n'), fileOf(small), "it was edited, or samsa did not write it"},
		"of another person": {[]byte("# Mine.\n"), fileOf(small), "it was edited, or samsa did not write it"},
	} {
		t.Run(name, func(t *testing.T) {
			if why, ok := Replaceable(c.before, c.after); why != c.why || ok != (c.why == "") {
				t.Errorf("%v, %q, want %q", ok, why, c.why)
			}
		})
	}
}

// A trial that is abandoned ends the search, and the smallest scenario so far is the result with what is known of its run.
func TestAbandonedTrialEndsTheSearch(t *testing.T) {
	try, target := wanting("crash b1")
	src := []byte("cluster brokers=1 controllers=1\n" + strings.Repeat("pause b1\nresume b1\n", 20) + "crash b1\n")
	for _, most := range []int{0, 1, 2, 9} {
		tries := 0
		s := &Shrinker{Target: target, Try: func(p *scenarios.Program, n uint64) Tried {
			if tries++; tries > most {
				return Tried{Abandoned: true}
			}
			tried := try(p, n)
			tried.Hash = uint64(strings.Count(p.File.String(), "\n"))
			return tried
		}}
		s.Confirm = []Confirmation{{"in wire mode", s.Try}}
		small, err := s.Shrink(src)
		if most == 0 {
			if !errors.Is(err, ErrAbandoned) {
				t.Errorf("the first run is abandoned, and the error is %v", err)
			}
			continue
		}
		lines := strings.Count(string(small.Text), "\n")
		if err != nil || !small.Stopped || small.Confirmed || small.Failure != target || small.Hash != uint64(lines) || len(small.Differs) > 0 {
			t.Errorf("after %d trials: %v, %+v", most, err, small)
		}
		if fails, tried := s.Salted(&small, 20); fails != 0 || tried != 0 {
			t.Errorf("after the end %d salts were tried", tried)
		}
	}
}

// A result that holds in another message mode is returned all the same, and says so.
func TestResultThatDiffers(t *testing.T) {
	try, target := wanting("crash b1")
	never := func(*scenarios.Program, uint64) Tried { return Tried{} }
	s := &Shrinker{Target: target, Try: try, Confirm: []Confirmation{{"in wire mode", never}, {"in guard mode", try}}}
	small, err := s.Shrink([]byte("cluster brokers=1 controllers=1\npause b1\ncrash b1\n"))
	if err != nil || small.Confirmed || small.Bug() != "It does not fail in the same way in wire mode, which is a bug of Samsa's." || !strings.Contains(string(small.Text), "crash b1\n") {
		t.Errorf("%v, %q\n%s", err, small.Bug(), small.Text)
	}
}

// A caller that has run the scenario hands its run to the search, which does not repeat it.
func TestFirstRunIsNotRepeated(t *testing.T) {
	try, target := wanting("crash b1")
	src := []byte("cluster brokers=1 controllers=1\ncrash b1\n")
	s := &Shrinker{Target: target, First: &Tried{}, Try: try}
	var not *NotFailingError
	if _, err := s.Shrink(src); !errors.As(err, &not) {
		t.Errorf("the first run held, and the error is %v", err)
	}
	s.First = &Tried{Failures: []explore.Failure{target}}
	s.Stop = func() bool { return true }
	if small, err := s.Shrink(src); err != nil || small.Tries != 1 {
		t.Errorf("%v, %+v", err, small)
	}
}
