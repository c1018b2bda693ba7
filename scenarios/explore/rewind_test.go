package explore

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"samsa/scenarios"
)

// race is a scenario that fails if the record b reaches b1 after its crash. With acks=0 the producer does not send it again.
const race = `# A race between a record and a crash.
cluster brokers=1 controllers=1 seed=4
topic orders partitions=1 replicas=1
produce p1 orders-0 acks=0 linger.ms=0 a
wait 1s
send p1 orders-0 b
wait 360us
crash b1
wait 1s
start b1
run until leader orders-0
wait 20s
run until hw orders-0 >= 2 within 1s
`

func find(t *testing.T, r Rewind) *Cause {
	t.Helper()
	r.Name = "race.txt"
	if r.Source == nil {
		r.Source = []byte(race)
	}
	c, err := r.Find()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The record and the crash race at the step in which the record is sent: before it some futures fail, after it all of them.
func TestCauseIsTheRace(t *testing.T) {
	c := find(t, Rewind{})
	if c.Schema != "samsa.cause/1" || c.Check != "quiet" || c.Class != Stuck || c.By != ByStep || c.Interrupted || c.Futures != DefaultFutures {
		t.Errorf("%+v", c)
	}
	d := c.Decided
	if d.After.Step != 7 || d.Before.Step != 6 || d.Before.Failed > 10 || d.Before.Failed == 0 || d.After.Failed != DefaultFutures {
		t.Errorf("before %+v, after %+v\n%s", d.Before, d.After, c.Text())
	}
	if len(d.Notes) != 1 || d.Notes[0].Machine != "p1" || !strings.Contains(d.Notes[0].Text, "has written its records") {
		t.Errorf("notes %+v", d.Notes)
	}
	for i, p := range c.Points {
		if p.Futures != DefaultFutures || i > 0 && p.Step <= c.Points[i-1].Step {
			t.Errorf("point %d is %+v", i, p)
		}
	}
	text := c.Text()
	for _, want := range []string{"race.txt, seed 4: the cluster does not become quiet", "decided at step 7 (1.255s): before it ",
		" futures fail, after it 20 of 20", "one more line, salt ", " from step 6"} {
		if !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for line := range strings.Lines(text) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	// The line that the text names gives a run that holds.
	p, err := scenarios.Load("escape.txt", []byte(race+"\n"+d.Before.Escape+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	v, err := scenarios.New(p, scenarios.RunOptions{}).Finish()
	if err != nil || v.Reason != scenarios.NotStopped {
		t.Errorf("with %q the run stops: %v %q", d.Before.Escape, err, v.Stopped)
	}
}

// Without the crash's race, the lines decide: every future fails, and the search plays no more rewind points.
func TestCauseIsTheLines(t *testing.T) {
	c := find(t, Rewind{Source: []byte(strings.Replace(race, "wait 360us", "wait 10us", 1)), Futures: 5})
	if c.By != ByLines || len(c.Points) != 2 || c.Points[0].Failed != 5 || c.Runs != 11 {
		t.Errorf("%+v", c)
	}
	if !strings.Contains(c.Text(), "decided by the lines of the file: 5 of 5 futures fail") {
		t.Error(c.Text())
	}
}

// A line that waits in vain may wait beyond the last step. Then its end is decided after all steps.
func TestCauseIsAfterTheLastStep(t *testing.T) {
	c := find(t, Rewind{Source: []byte(`cluster brokers=3 controllers=1 seed=3
topic orders partitions=1 on=1,2,3
produce p1 orders-0 a
send p1 orders-0 b
run until hw orders-0 >= 2 within 6100us
`), Futures: 10})
	if c.By != ByEnd || c.Decided.Before.Step != c.Failed.Step || c.Decided.Before.Failed > 7 {
		t.Errorf("%+v %+v", c, c.Decided)
	}
	if text := strings.Join(strings.Fields(c.Text()), " "); !strings.Contains(text, "the last step before the failure: from there ") {
		t.Error(text)
	}
}

// The same search gives the same result, also if the check is named and the figures are asked for as JSON.
func TestCauseIsDeterministic(t *testing.T) {
	one, _ := json.Marshal(find(t, Rewind{Futures: 4}))
	two, _ := json.Marshal(find(t, Rewind{Futures: 4, Check: "quiet"}))
	if string(one) != string(two) || !strings.Contains(string(one), `"failed_at":{"step":`) {
		t.Errorf("%s\n%s", one, two)
	}
}

// An interrupted search keeps what it has measured and never reports more than it knows.
func TestCauseInterrupted(t *testing.T) {
	most := 0
	find(t, Rewind{Futures: 4, Tick: func(done, of int) {
		if most = max(most, done); done > of {
			t.Errorf("run %d of at most %d", done, of)
		}
	}})
	for _, after := range []int{0, 1, 6, 30, most - 2} {
		runs := 0
		c := find(t, Rewind{Futures: 4, Stop: func() bool { runs++; return runs > after }})
		if !c.Interrupted || c.Runs != after+1 {
			t.Errorf("stopped before run %d: interrupted %v after %d runs", after+2, c.Interrupted, c.Runs)
		}
		measured := 0
		for _, p := range c.Points {
			measured += p.Futures
		}
		if measured != after || !strings.Contains(c.Text(), "interrupted after ") {
			t.Errorf("%d futures measured, want %d\n%s", measured, after, c.Text())
		}
	}
}

func TestCauseErrors(t *testing.T) {
	m1, _ := scenarios.Source("museum-m1")
	old := scenarios.RunOptions{Rules: []string{"M1"}}
	for _, c := range []struct {
		r    Rewind
		want RewindError
		text string
	}{
		{Rewind{Source: m1}, RewindError{}, "the run does not fail: no check is violated"},
		{Rewind{Source: m1, Check: "lost-write"}, RewindError{Check: "lost-write"}, "the run has no failure of lost-write, and no other failure"},
		{Rewind{Source: m1, Options: old, Check: "quiet"}, RewindError{Check: "quiet", Failures: []string{"acked-durable", "acked-electable", "truncation-licensed"}},
			"the run has no failure of quiet; it has acked-durable, acked-electable and truncation-licensed"},
		{Rewind{Source: m1, Options: scenarios.RunOptions{Events: 100}}, RewindError{Budget: true}, "the run spends its budget of events"},
	} {
		_, err := c.r.Find()
		var got *RewindError
		if !errors.As(err, &got) || got.Check != c.want.Check || got.Budget != c.want.Budget || !slices.Equal(got.Failures, c.want.Failures) ||
			!strings.HasPrefix(err.Error(), c.text) {
			t.Errorf("%v, want %s", err, c.text)
		}
	}
	if _, err := (Rewind{Source: []byte("cutt b1")}).Find(); err == nil {
		t.Error("a file that cannot be read has a cause")
	}
}
