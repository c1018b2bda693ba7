package check

import "samsa/wire"

// What leaders tell clients of the two ends of a partition. It is true when it is worked out and old when it is read, so
// what a client was told is held against what was known before its request came in.
//
//	deleted | log ....................... hw | not committed
//	        ▲ nothing below is given out     ▲ nothing above is called the end;
//	                                           nothing acknowledged before the question lies behind it

// Told is what a leader answered to a reader, or to somebody who asked for the end.
type EndOffset struct {
	Epoch  wire.Epoch  // in which it led when it worked the answer out, NoEpoch if it did not
	End    wire.Offset // the end it named: the high watermark, or what readers of committed transactions may reach
	Listed bool        // by ListOffsets, which waits until a new leader knows what is committed (KIP-207)
	First  wire.Offset // the end of the first batch it gave out, 0 if none
	Since  uint64      // the step under way when it was asked
}

// mark is an offset that was vouched for in a step.
type offsetAt struct {
	step  uint64
	when  int64
	at    wire.Offset
	epoch wire.Epoch // of the leader who did
}

// Named says that a leader's answer about the ends of a partition leaves it.
func (v *View) EndOffsetTold(p *Partition, r *Replica, t EndOffset) {
	v.tell(Change{Kind: EndOffsetTold, Partition: p, Replica: r, Node: r.Node, EndOffset: t})
}

// vouch notes that all below an offset was acknowledged to acks=all by the leader of an epoch.
func (p *Partition) noteAcked(step uint64, b Batch, epoch wire.Epoch) {
	if n := len(p.acks); n == 0 || p.acks[n-1].epoch != epoch || p.acks[n-1].at < b.Next {
		p.acks = append(p.acks, offsetAt{step: step, at: b.Next, epoch: epoch})
	}
}

// vouched is the furthest that leaders had acknowledged before a step: of one epoch, or of all up to it.
func (p *Partition) ackedBefore(before uint64, epoch wire.Epoch, older bool) (furthest offsetAt) {
	i := searchFromEnd(len(p.acks), func(i int) bool { return p.acks[i].step >= before })
	for i--; i >= 0; i-- {
		m := p.acks[i]
		if m.epoch == epoch || older && m.epoch < epoch {
			return m // in one epoch they rise, and a later leader has what earlier ones acknowledged
		}
		if !older && m.epoch < epoch {
			break
		}
	}
	return offsetAt{at: -1}
}

// excused tells whether what was acknowledged below an offset is known to be gone: other checks have the loss or its price.
func (p *Partition) knownLost(below wire.Offset) bool {
	for q := range p.promisesWithin(below-1, below) {
		if q.lost || q.condemned != "" {
			return true
		}
	}
	return false
}

var endsTrue = &Check{
	Name: "end-offsets-true", Numbers: "H31/bound",
	Doc: "the end that a leader names is committed, and behind everything that was acknowledged before it was asked",
	On:  []ChangeKind{EndOffsetTold},
	See: seeEnds,
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.committed(0, 0xA)
		s.tick()
		s.EndOffsetTold(s.p, s.p.Replica(1), EndOffset{End: 1, Since: s.step})
		s.committed(1, 0xB)
		s.EndOffsetTold(s.p, s.p.Replica(1), EndOffset{End: 1, Since: s.step - 1}) // worked out before, and left late
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.committed(0, 0xA)
		s.tick()
		s.EndOffsetTold(s.p, s.p.Replica(1), EndOffset{End: 0, Since: s.step})
		return s.done()
	},
}

func seeEnds(d *Tally, v *View, c *Change) {
	p, r, t := c.Partition, c.Replica, c.EndOffset
	if t.Epoch < 0 || d.broken() {
		return
	}
	d.exercised()
	fact := func(way string) Fact { return p.fact(ByLeader, t.End, way) }
	who := func() string {
		return v.name(r.Node) + ", leader of " + p.TP.String() + " in epoch " + itoa(t.Epoch) + ", said that it ends at " + itoa(t.End)
	}
	switch acked := p.ackedBefore(t.Since, t.Epoch, t.Listed); {
	case r.known && r.Leads && r.Epoch == t.Epoch && t.End > r.HW:
		d.violate(v, fact("above its high watermark"), who(), "; its high watermark is ", itoa(r.HW))
	case acked.at > t.End && !p.knownLost(acked.at):
		d.decide(v, fact("below an acknowledged record"), v.damagedDisk(p), who(), "; all below ", itoa(acked.at), " had been acknowledged by step ", itoa(acked.step), " in epoch ", itoa(acked.epoch),
			", before it was asked")
	}
}

var endsMonotone = &Check{
	Name: "end-offsets-monotone", Numbers: "H31",
	Doc: "the end offset that a leader names never falls within its epoch",
	Judge: func(c *Case) Result {
		s := historyTally{c: c}
		type reign struct {
			place
			epoch wire.Epoch
		}
		last := map[reign]*ListOffsets{}
		for op := range of[*ListOffsets](c.History) {
			if op.Outcome != OK {
				continue
			}
			k := reign{c.place(op.Partition, op.Topic), op.Epoch}
			was, again := last[k]
			if again {
				s.seen++
				// Only of questions that did not overlap is it known which was answered first.
				if op.Offset < was.Offset && op.Called > was.Returned {
					s.decide(op, k.fact(ByLeader, op.Offset, ""), "", op.Client+" was told that "+k.String()+" ends at "+itoa(op.Offset)+" in epoch "+itoa(op.Epoch)+
						"; "+was.Client+" had been told "+itoa(was.Offset))
				}
			}
			if !again || op.Offset > was.Offset {
				last[k] = op
			}
		}
		return s.answer("end offset, not falling", "end offsets, none falling")
	},
	Accept: func(v *View) *Case { return told(v, ended(1, 5), ended(2, 5), ended(3, 7)) },
	Reject: func(v *View) *Case { return told(v, ended(1, 5), ended(2, 4)) },
}
