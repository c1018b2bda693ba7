package check

import "samsa/wire"

// These checks judge the log start and end offsets in leaders' responses. A response may be old when it arrives, so it is
// judged by the records that were acknowledged before its request arrived.
//
//	deleted | log ....................... hw | not committed
//	        ▲ nothing below is served        ▲ no response has an end above it, or an end below
//	                                           the records acknowledged before the request

// EndOffset holds the end offset in a leader's response to Fetch or ListOffsets.
type EndOffset struct {
	Epoch  wire.Epoch  // the broker's leader epoch when it made the response, NoEpoch if it did not lead
	End    wire.Offset // the end in the response: the high watermark, or for read_committed the last stable offset
	Listed bool        // the response is to ListOffsets, which waits until a new leader knows the high watermark (KIP-207)
	Stable bool        // the request is read_committed, so End is the last stable offset
	Denied bool        // the response is OFFSET_NOT_AVAILABLE, an error of new leaders, and has no End
	HW     wire.Offset // the leader's high watermark as the response is sent; its observed state may be older
	Before Before      // the broker's state as the request arrived
	First  wire.Offset // the offset after the first record that the response serves, 0 if it has none
	Since  uint64      // the step in which the request arrived
}

// Before is the state of a leader as a request arrived.
type Before struct {
	Epoch wire.Epoch // NoEpoch if it did not lead, or was not observed
	HW    wire.Offset
}

// offsetAt is an offset below which a leader acknowledged or deleted all records, and the step in which it did so.
type offsetAt struct {
	step  uint64
	when  int64
	at    wire.Offset
	epoch wire.Epoch // the epoch of that leader
}

// EndOffsetSent records a leader's response to Fetch or ListOffsets as it is sent.
func (v *View) EndOffsetSent(p *Partition, r *Replica, t EndOffset) {
	v.notify(Change{Kind: EndOffsetSent, Partition: p, Replica: r, Node: r.Node, EndOffset: t})
}

// noteAcked records the offset up to which the leader of an epoch has acknowledged records with acks=all.
func (p *Partition) noteAcked(step uint64, b Batch, epoch wire.Epoch) {
	if n := len(p.acks); n == 0 || p.acks[n-1].epoch != epoch || p.acks[n-1].at < b.Next {
		p.acks = append(p.acks, offsetAt{step: step, at: b.Next, epoch: epoch})
	}
}

// ackedBefore returns the highest offset that the leader of an epoch acknowledged before a step. If older is set, the
// leaders of earlier epochs count too.
func (p *Partition) ackedBefore(before uint64, epoch wire.Epoch, older bool) (furthest offsetAt) {
	i := searchFromEnd(len(p.acks), func(i int) bool { return p.acks[i].step >= before })
	for i--; i >= 0; i-- {
		m := p.acks[i]
		if m.epoch == epoch || older && m.epoch < epoch {
			return m // offsets rise within one epoch, and a later leader has all records that earlier leaders acknowledged
		}
		if !older && m.epoch < epoch {
			break
		}
	}
	return offsetAt{at: -1}
}

// knownLost reports whether the record just below an offset is known to be lost. Other checks report that loss, unless the record
// had been deleted before: then an unclean election may choose a log that never reached it.
func knownLost(p *Partition, below wire.Offset) bool {
	if n := len(p.elections); n > 0 && p.elections[n-1].Unclean != "" && below <= p.trimmed {
		return true
	}
	for q := range p.promisesWithin(below-1, below) {
		if q.lost || q.superseded != "" {
			return true
		}
	}
	return false
}

var endsTrue = &Check{
	Name: "end-offsets-true", Numbers: "H31/bound",
	Doc: "the end offset in a leader's response is committed, and above everything that was acknowledged before the request; a new leader lists no end offset before its high watermark has reached the start of its epoch, and lists it then",
	On:  []ChangeKind{EndOffsetSent},
	See: seeEnds,
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.committed(0, 0xA)
		s.tick()
		s.EndOffsetSent(s.p, s.p.Replica(1), EndOffset{End: 1, Since: s.step})
		s.committed(1, 0xB)
		s.EndOffsetSent(s.p, s.p.Replica(1), EndOffset{End: 1, Since: s.step - 1}) // the response was made before offset 1 was committed, and is sent late
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.committed(0, 0xA)
		s.tick()
		s.EndOffsetSent(s.p, s.p.Replica(1), EndOffset{End: 0, Since: s.step})
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
	opened, known := r.openedAt(t.Epoch)
	if t.Denied {
		if b := t.Before; known && b.Epoch == t.Epoch && b.HW >= opened {
			d.violate(v, p.fact(ByLeader, -1, "denies a known end"), v.name(r.Node), ", leader of ", p.TP.String(), " in epoch ", itoa(t.Epoch), " since offset ", itoa(opened),
				", answered OFFSET_NOT_AVAILABLE; its high watermark was ", itoa(b.HW), " when the request arrived")
		}
		return
	}
	response := func() string {
		return v.name(r.Node) + ", leader of " + p.TP.String() + " in epoch " + itoa(t.Epoch) + ", responded that the end is " + itoa(t.End)
	}
	if t.Listed && !t.Stable && known && t.End < opened && !knownLost(p, opened) {
		d.decide(v, fact("before the start of its epoch"), v.damagedDisk(p), response(), "; its epoch begins at offset ", itoa(opened),
			", and below that it does not know how far an earlier leader has let consumers read (KIP-207)")
		return
	}
	switch acked := p.ackedBefore(t.Since, t.Epoch, t.Listed); {
	case r.observed && r.Leads && r.Epoch == t.Epoch && t.End > max(r.HW, t.HW):
		d.violate(v, fact("above its high watermark"), response(), "; its high watermark is ", itoa(max(r.HW, t.HW)))
	case acked.at > t.End && !knownLost(p, acked.at):
		d.decide(v, fact("below an acknowledged record"), v.damagedDisk(p), response(), "; all below ", itoa(acked.at), " was acknowledged by step ", itoa(acked.step), " in epoch ", itoa(acked.epoch),
			", before the request")
	}
}

// openedAt returns the start offset of an epoch, if the replica was observed to lead in that epoch.
func (r *Replica) openedAt(epoch wire.Epoch) (at wire.Offset, known bool) {
	if n := len(r.Epochs); r.observed && r.Leads && r.Epoch == epoch && n > 0 && r.Epochs[n-1].Epoch == epoch {
		return r.Epochs[n-1].Start, true
	}
	return 0, false
}

// Standing returns the last observed state of a leader, for the requests that arrive now.
func (r *Replica) Standing() Before {
	if !r.observed || !r.Leads {
		return Before{Epoch: wire.NoEpoch}
	}
	return Before{r.Epoch, r.HW}
}

var endsMonotone = &Check{
	Name: "end-offsets-monotone", Numbers: "H31",
	Doc: "the end offset in a leader's responses never falls within its epoch",
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
				// Two responses are ordered only if their requests did not overlap.
				if op.Offset < was.Offset && op.Called > was.Returned {
					s.decide(op, k.fact(ByLeader, op.Offset, ""), "", op.Client+" got end offset "+itoa(op.Offset)+" of "+k.String()+" in epoch "+itoa(op.Epoch)+
						"; "+was.Client+" had got "+itoa(was.Offset))
				}
			}
			if !again || op.Offset > was.Offset {
				last[k] = op
			}
		}
		return s.answer("end offset, not falling", "end offsets, none falling")
	},
	Accept: func(v *View) *Case { return historyCase(v, ended(1, 5), ended(2, 5), ended(3, 7)) },
	Reject: func(v *View) *Case { return historyCase(v, ended(1, 5), ended(2, 4)) },
}
