package view

import (
	"strings"
	"testing"

	"samsa/scenarios"
)

// explained returns the chain of a run of a file that does not become quiet.
func explained(t *testing.T, src string) string {
	t.Helper()
	p, err := scenarios.Load("test", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	s := scenarios.New(p, scenarios.RunOptions{})
	defer s.Close()
	v, err := s.Finish()
	if err != nil {
		t.Fatal(err)
	}
	stuck, ok := scenarios.Quiet(v)
	if !ok {
		t.Fatalf("the run becomes quiet: %s", v.Stopped)
	}
	c, err := NewChain(s, stuck)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(c.Text()), " ")
}

// The chain of a client that waits is about that client: it names its request that hangs and what keeps it, or the line that has
// paused the client and the record that it cannot send. A request of another client that was answered is no reason.
func TestClientThatWaits(t *testing.T) {
	const head = "cluster brokers=1 controllers=1 seed=3\ntopic orders\nproduce p1 orders-0 a\n"
	for _, c := range []struct{ lines, want, not string }{
		{"pause p1\nsend p1 orders-0 b\nproduce p2 orders-0 c\nrun until quiet within 20s\n",
			`p1 waits for an answer Why does p1 get no answer? SENT p1 is paused when the run ends, with "b" to send (line 5) TIME > line 4: pause p1`, "b1 answers"},
		{"pause p1\nsend p1 orders-0 b\npause p1\nrun until quiet within 20s\n", `> line 4: pause p1`, "line 6: pause p1"},
		{"cut b1 -> p1\nsend p1 orders-0 b\nrun until quiet within 20s\n", `the response has not arrived TIME > line 4: cut b1 -> p1`, "is paused"},
	} {
		text := explained(t, head+c.lines)
		found, at := true, 0
		for _, part := range strings.FieldsFunc(strings.NewReplacer("SENT", "|", "TIME", "|").Replace(c.want), func(r rune) bool { return r == '|' }) {
			i := strings.Index(text[at:], strings.TrimSpace(part))
			if found = found && i >= 0; found {
				at += i
			}
		}
		if !found || strings.Contains(text, c.not) {
			t.Errorf("%q is explained by\n%s\nwant %s", c.lines, text, c.want)
		}
	}
}
