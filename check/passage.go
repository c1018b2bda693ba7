package check

import (
	"cmp"
	"slices"

	"samsa/wire"
)

// passage is the part of a partition that readers have passed. A reader passes the offsets from its position up to the
// record that it reads, or up to the log end that it reaches. It has not passed the offsets below a position that it was
// given, or below the log end that auto.offset.reset chose. It has not passed offsets in another topic of the same name
// either. A reader that asks for the log start has passed all offsets below the log start, because the records there must
// have been deleted.
//
//	from 3:              [3━━━━━━━7)
//	reset to the end, 9:              [9━━12)
//	passed:         0 . . 3━━━━━━━7 . .9━━12
//	from the log start, 2:
//	         [0━━━━━━━━━━━━━7)
type passage struct {
	steps []passing // of single readers, in the order of the history
	all   []passing // the union, by offset
}

// passing is one step of a reader over [from, to).
type passing struct {
	from, to wire.Offset
	step     uint64
}

// passages returns what readers have passed in each place.
func (c *Case) passages() map[place]*passage {
	if c.passed != nil {
		return c.passed
	}
	c.passed = map[place]*passage{}
	for op := range of[*Consume](c.History) {
		begin, to := op.Position, op.Offset
		if op.FromStart {
			begin = 0
		}
		switch op.Kind {
		case RecordRead:
			to++
		case EndReached:
		default:
			continue
		}
		p := c.read(op)
		if c.passed[p] == nil {
			c.passed[p] = &passage{}
		}
		if begin < to {
			c.passed[p].steps = append(c.passed[p].steps, passing{begin, to, op.Step})
		}
	}
	for _, g := range c.passed { //order: each is sorted on its own
		g.unite()
	}
	return c.passed
}

// unite computes the union of the steps.
func (g *passage) unite() {
	sorted := slices.Clone(g.steps)
	slices.SortStableFunc(sorted, func(a, b passing) int { return cmp.Compare(a.from, b.from) })
	for _, s := range sorted {
		if n := len(g.all); n > 0 && s.from <= g.all[n-1].to {
			g.all[n-1].to = max(g.all[n-1].to, s.to)
		} else {
			g.all = append(g.all, s)
		}
	}
}

// has reports whether a reader has passed an offset.
func (g *passage) has(at wire.Offset) bool {
	if g == nil {
		return false
	}
	i, found := slices.BinarySearchFunc(g.all, at, func(s passing, at wire.Offset) int { return cmp.Compare(s.from, at) })
	return found || i > 0 && at < g.all[i-1].to
}

// stepOf returns the step in which a reader first passed an offset, 0 if none has.
func (g *passage) stepOf(at wire.Offset) uint64 {
	for _, s := range g.steps {
		if s.from <= at && at < s.to {
			return s.step
		}
	}
	return 0
}
