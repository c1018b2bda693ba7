package check

import (
	"strconv"
	"strings"

	"samsa/wire"
)

// Docket is what one invariant has found so far in one run. The first violation stands, and so does the first price:
// what follows from them is noise.
type Docket struct {
	seen     uint64  // how often the promise was put to the test
	violated *Result // the first
	priced   *Result // the first
}

// exercised counts one test of the promise.
func (d *Docket) exercised() { d.seen++ }

// broken says that a violation is on record: whoever builds a costly explanation asks first.
func (d *Docket) broken() bool { return d.violated != nil }

// violate enters a violation.
func (d *Docket) violate(v *View, f Fact, words ...string) {
	if d.violated == nil {
		d.violated = &Result{Status: Violated, Step: v.step, Explanation: strings.Join(words, ""), Fact: f}
	}
}

// decide enters a violation, or a price if there is a clause that allows what happened.
func (d *Docket) decide(v *View, f Fact, clause string, words ...string) {
	switch {
	case clause == "":
		d.violate(v, f, words...)
	case d.priced == nil:
		d.priced = &Result{Status: Priced, Step: v.step, Explanation: strings.Join(words, ""), Clause: clause, Fact: f}
	}
}

func (d *Docket) result(of [2]string) Result {
	switch {
	case d.violated != nil:
		return *d.violated
	case d.priced != nil:
		return *d.priced
	case d.seen == 0:
		return Result{Status: Unexercised}
	}
	if of[0] != "" {
		return Result{Status: Held, Explanation: plural(int64(d.seen), of[0], of[1])}
	}
	return Result{Status: Held, Explanation: "put to the test " + plural(int64(d.seen), "time", "times")}
}

func itoa[N ~int | ~int16 | ~int32 | ~int64 | ~uint32 | ~uint64](n N) string {
	return strconv.FormatInt(int64(n), 10)
}

func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return itoa(n) + " " + many
}

func quote(s string) string { return `"` + s + `"` }

// nodes is a set of nodes in words: "1, 2 and 3".
func nodes(ids []wire.NodeID) string {
	if len(ids) == 0 {
		return "nobody"
	}
	var b strings.Builder
	for i, id := range ids {
		switch {
		case i == 0:
		case i == len(ids)-1:
			b.WriteString(" and ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(itoa(id))
	}
	return b.String()
}

// span is a batch in words: "[5,8) of epoch 2".
func (b Batch) span() string {
	return "[" + itoa(b.Base) + "," + itoa(b.Next) + ") of epoch " + itoa(b.Epoch)
}
