package exhibit_test

import (
	"testing"

	"samsa/exhibit"
)

type rules struct {
	flushFirst bool
	mayJoin    func(end int) bool
}

// An old answer must replace the answer to its own question and no other, and must not change the rules that it was
// applied to.
func TestInReplacesOneAnswer(t *testing.T) {
	current := rules{flushFirst: true, mayJoin: func(end int) bool { return end > 5 }}
	x := exhibit.Of[rules]{ID: "M1", Replace: func(r *rules) { r.mayJoin = func(int) bool { return true } }}
	old := x.In(current)
	if !old.mayJoin(1) || !old.flushFirst {
		t.Error("the old rules do not have the old answer, or lost another one")
	}
	if current.mayJoin(1) {
		t.Error("the current rules changed")
	}
}
