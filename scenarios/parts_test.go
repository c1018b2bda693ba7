package scenarios

import (
	"slices"
	"strings"
	"testing"
)

// Parts has every word of a line once, in the order of the line, with the kind that its place gives it.
func TestPartsNameTheKindOfEachWord(t *testing.T) {
	p, err := Load("x", []byte(`cluster brokers=2 replica.lag.time.max.ms=500 seed=3
topic orders
at 2s disk b1 slow by 80ms for 5s on orders-0
send p1 acks=1 orders-0 a..b
run until quiet of b1,b2 within 3s
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"BROKERS/brokers CONFIG/replica.lag.time.max.ms SEED/seed",
		"NEWTOPIC/",
		"HOSTS/ / / SPAN/ / TIME/ / PATH/",
		"CLIENT/ CONFIG/acks TP/ VALUE/",
		"/ / / HOSTS/ / TIME/",
	}
	for i, c := range p.Commands() {
		var got, raw []string
		for _, part := range c.Parts() {
			got, raw = append(got, part.Kind+"/"+part.Name), append(raw, part.Word.Raw)
		}
		if s := strings.Join(got, " "); s != want[i] {
			t.Errorf("%s: got %s, wanted %s", c.Line, s, want[i])
		}
		if !slices.Equal(raw, rawWords(c.Line.Args)) {
			t.Errorf("%s: the words are %q", c.Line, raw)
		}
	}
}

func TestSpansAreWrittenAsRead(t *testing.T) {
	for _, s := range []string{"0s", "1500us", "40ms", "1.2s", "90s"} {
		d, ok := ParseSpan(s)
		again, okAgain := ParseSpan(FormatSpan(d))
		if !ok || !okAgain || again != d {
			t.Errorf("%s is read as %d and written as %s", s, d, FormatSpan(d))
		}
	}
	if _, ok := ParseSpan("soon"); ok {
		t.Errorf("%q is read as a span", "soon")
	}
}
