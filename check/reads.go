package check

import (
	"cmp"
	"maps"
	"slices"

	"samsa/wire"
)

// position is an offset of a partition.
type position struct {
	place
	at wire.Offset
}

var oneValue = &Check{
	Name: "one-value-per-offset", Numbers: "H3",
	Doc: "no two readers see different records at one offset",
	Judge: func(c *Case) Result {
		s := historyTally{c: c}
		at := map[position]*Consume{}
		for op := range reads(c.History) {
			k := position{c.read(op), op.Offset}
			was, again := at[k]
			switch {
			case !again:
				at[k] = op
			case was.differs(op) && was.Topic == op.Topic:
				clause := s.licensed(k.place, op.Offset)
				if clause == "" {
					clause = c.View.deletedAt(k.place, op.Offset)
				}
				s.decide(op, k.fact(ByLeader, op.Offset, wayOfLoss(c.View, k.place, op.Offset)), clause, was.Client+" read "+quote(was.Value)+was.Record.words()+" at offset "+itoa(op.Offset)+" of "+
					k.String()+" at step "+itoa(was.Step)+", and "+op.Client+" read "+quote(op.Value)+op.Record.words()+" there at step "+itoa(op.Step))
			default:
				s.seen++
			}
		}
		if s.seen == 0 && len(at) > 0 {
			s.seen = int64(len(at))
		}
		return s.answer("offset read, with one record", "reads, with one record at every offset")
	},
	Accept: func(v *View) *Case { return historyCase(v, polled("c1", "a", 0), polled("c2", "a", 0)) },
	Reject: func(v *View) *Case { return historyCase(v, polled("c1", "a", 0), polled("c2", "b", 0)) },
}

// differs reports whether two reads found different records. The value decides if one of the records is not known.
func (op *Consume) differs(o *Consume) bool {
	return op.Value != o.Value || op.Key != o.Key || op.Record != o.Record && op.Record != (RecordID{}) && o.Record != (RecordID{})
}

// cursor is one consumer's sequence of reads in a partition between two seeks.
type cursor struct {
	client string
	place
	number int64
}

// cursor returns the cursor of a consumer's step.
func (c *Case) cursor(op *Consume) cursor { return cursor{op.Client, c.read(op), op.Cursor} }

// forgetPosition drops the position of a consumer that has reset it. It drops the position in every topic of that name,
// because the consumer may read the deleted topic again.
func forgetPosition(last map[cursor]wire.Offset, op *Consume) {
	maps.DeleteFunc(last, func(k cursor, _ wire.Offset) bool {
		return k.client == op.Client && k.number == op.Cursor && k.TopicPartition == op.Partition
	})
}

var readsMonotone = &Check{
	Name: "reads-monotone", Numbers: "H5",
	Doc: "a consumer without a seek never reads an offset twice",
	Judge: func(c *Case) Result {
		s := historyTally{c: c}
		last := map[cursor]wire.Offset{}
		for op := range of[*Consume](c.History) {
			k := c.cursor(op)
			switch op.Kind {
			case PositionReset, PositionTruncated:
				forgetPosition(last, op)
			case RecordRead:
				if at, moving := last[k]; moving {
					s.seen++
					if op.Offset <= at {
						s.decide(op, k.fact(ByConsumer, op.Offset, ""), "", op.Client+" read offset "+itoa(op.Offset)+" of "+k.place.String()+" after offset "+itoa(at))
					}
				}
				last[k] = op.Offset
			}
		}
		return s.answer("step forwards", "steps forwards, none back")
	},
	Accept: func(v *View) *Case {
		return historyCase(v, polled("c1", "a", 0), polled("c1", "b", 1), again(polled("c1", "a", 0)),
			again(moved("c1", PositionTruncated, 0)), again(polled("c1", "c", 0)))
	},
	Reject: func(v *View) *Case {
		return historyCase(v, polled("c1", "a", 0), polled("c1", "b", 1), polled("c1", "a", 0))
	},
}

var readsComplete = &Check{
	Name: "reads-complete", Numbers: "H6",
	Doc: "no consumer skips a record that another consumer reads",
	Judge: func(c *Case) Result {
		s := historyTally{c: c}
		found := map[place][]wire.Offset{}
		for op := range reads(c.History) {
			found[c.read(op)] = append(found[c.read(op)], op.Offset)
		}
		for p := range found { //order: each is sorted on its own
			slices.Sort(found[p])
			found[p] = slices.Compact(found[p])
		}
		for op := range of[*Consume](c.History) {
			if op.Kind != RecordRead && op.Kind != EndReached {
				continue
			}
			p := c.read(op)
			s.seen++
			i, _ := slices.BinarySearch(found[p], op.Position)
			if i == len(found[p]) || found[p][i] >= op.Offset {
				continue
			}
			missed := found[p][i]
			clause := s.licensed(p, missed)
			s.decide(op, p.fact(ByConsumer, missed, ""), clause, op.Client+" went from offset "+itoa(op.Position)+" of "+p.String()+" to "+
				itoa(op.Offset)+" and skipped offset "+itoa(missed)+", where there is a record")
		}
		return s.answer("step of a reader", "steps of readers, none skipping a record")
	},
	Accept: func(v *View) *Case {
		return historyCase(v, polled("c1", "a", 0), polled("c1", "c", 2), polled("c2", "a", 0))
	},
	Reject: func(v *View) *Case {
		return historyCase(v, polled("c1", "a", 0), polled("c1", "c", 2), polled("c2", "b", 1))
	},
}

var readsFresh = &Check{
	Name: "reads-fresh", Numbers: "H15",
	Doc: "after all faults have ended, a consumer that reaches the end has passed every record acknowledged before",
	Judge: func(c *Case) Result {
		s := historyTally{c: c}
		if c.View == nil || c.View.quietSince < 0 {
			return s.answer("", "")
		}
		healed := c.View.quietSince
		settled := healed + int64(c.View.contract.caughtUp())
		acked := map[place]*Produce{}
		for op := range of[*Produce](c.History) {
			p := c.written(op)
			if was, ok := acked[p]; op.Outcome == OK && op.Acks == -1 && op.At <= healed && (!ok || op.Offset > was.Offset) {
				acked[p] = op
			}
		}
		for op := range of[*Consume](c.History) {
			p := c.read(op)
			if a, ok := acked[p]; op.Kind == EndReached && ok && op.At >= settled {
				s.seen++
				if op.Offset <= a.Offset {
					clause := s.licensed(p, a.Offset)
					if clause == "" { // the log of an uncleanly elected leader may end below offsets that other replicas have deleted
						clause = c.View.deletedAt(p, a.Offset)
					}
					s.decide(op, p.fact(ByLeader, a.Offset, wayOfLoss(c.View, p, a.Offset)), clause, op.Client+" found nothing more at offset "+itoa(op.Offset)+" of "+p.String()+
						", though "+quote(a.Value)+" at "+itoa(a.Offset)+" was acknowledged at step "+itoa(a.Step)+" and no fault has been active since")
				}
			}
		}
		return s.answer("reader at the end, with all before it", "readers at the end, with all before it")
	},
	Accept: func(v *View) *Case { return historyCase(v, sent("p1", "a", 0), drained("c1", 1)) },
	Reject: func(v *View) *Case { return historyCase(v, sent("p1", "a", 0), drained("c1", 0)) },
}

var resetsLicensed = &Check{
	Name: "resets-licensed", Numbers: "H30",
	Doc: "a position of a consumer that the log has reached is reset or truncated only if the records there are gone legitimately",
	Judge: func(c *Case) Result {
		s := historyTally{c: c}
		known := map[place]offsetKnown{}   // to any client
		visited := map[visit]offsetKnown{} // by one reader itself
		for _, op := range c.History {
			switch op := op.(type) {
			case *Produce:
				if op.Outcome == OK && op.Acks == -1 {
					known[c.written(op)] = known[c.written(op)].with(op.Offset+1, op.Returned)
				}
			case *Consume:
				p := c.read(op)
				by := visit{op.Client, p}
				switch op.Kind {
				case RecordRead:
					s.seen++
					known[p], visited[by] = known[p].with(op.Offset+1, op.Returned), visited[by].with(op.Offset+1, op.Returned)
				case EndReached:
					s.seen++
					known[p], visited[by] = known[p].with(op.Offset, op.Returned), visited[by].with(op.Offset, op.Returned)
				case PositionReset:
					if known[p].reached(op.Offset, op.Called) {
						clause := c.View.moved(op, p)
						if clause == "" && !visited[by].reached(op.Offset, op.Called) {
							clause = withoutEpoch(c.View, op, p)
						}
						s.decide(op, p.fact(ByConsumer, op.Offset, "out of range"), clause, op.Client+" stood at offset "+itoa(op.Offset)+" of "+p.String()+
							" when that was out of range; auto.offset.reset moved it")
					}
				case PositionTruncated:
					if known[p].reached(op.Offset+1, op.Called) {
						s.decide(op, p.fact(ByConsumer, op.Offset, "truncated"), c.View.moved(op, p), op.Client+" had read "+p.String()+
							" above offset "+itoa(op.Offset)+", to which the log was truncated")
					}
				}
			}
		}
		return s.answer("read, no position lost", "reads, no position lost")
	},
	Accept: func(v *View) *Case {
		return historyCase(v, polled("c1", "a", 0), moved("c2", PositionReset, 5)) // c2 was given a position above the end
	},
	Reject: func(v *View) *Case {
		return historyCase(v, polled("c1", "a", 0), moved("c1", PositionReset, 1))
	},
}

// offsetKnown holds the log ends that clients have learned, each higher than the one before. Each has the number, plus
// one, of the event in which a client first knew it.
type offsetKnown []knownEnd

type knownEnd struct {
	end   wire.Offset
	event uint64
}

// with adds an end that a client learned in an event.
func (k offsetKnown) with(end wire.Offset, event uint64) offsetKnown {
	if n := len(k); n > 0 && k[n-1].end >= end {
		return k
	}
	return append(k, knownEnd{end, event})
}

// reached reports whether a client knew before an event that the log reached an offset.
func (k offsetKnown) reached(at wire.Offset, before uint64) bool {
	i, _ := slices.BinarySearchFunc(k, at, func(e knownEnd, at wire.Offset) int { return cmp.Compare(e.end, at) })
	return i < len(k) && (before == 0 || k[i].event <= before)
}

// visit is a reader in a place.
type visit struct {
	client string
	place
}

// withoutEpoch returns the licence for the reset of a position that the reader was given and has not read up to. Such a
// position has no leader epoch, and Kafka's consumer validates only positions with an epoch
// (SubscriptionState.maybeValidatePosition, KIP-320). So if the metadata of the reader is old, it may fetch from a deposed
// leader, for which the position is out of range.
func withoutEpoch(v *View, op *Consume, p place) string {
	for part := range partitionsOf(v, p) {
		if len(part.leads) > 1 {
			return op.Client + " was given its position, which has no leader epoch, and the partition has had more than one leader: " +
				"a deposed leader may answer that the position is out of range"
		}
	}
	return ""
}

// moved returns the licence that allows a consumer to lose its position, because the records are gone.
func (v *View) moved(op *Consume, p place) string {
	if clause := v.gone(p, op.Offset); clause != "" || v == nil || op.Topic != (wire.TopicID{}) {
		return clause
	}
	name := op.Partition.Topic // the consumer's topic id is not known: it keeps its position when a topic is created again
	for _, b := range v.image.nameOwners[name] {
		if b.id == (wire.TopicID{}) {
			return "topic " + name + " was deleted while it was read: a position in it means nothing in the next topic of that name"
		}
	}
	return ""
}

var readsStable = &Check{
	Name: "reads-stable", Numbers: "S6",
	Doc: "below a high watermark in a response to a reader, no offset ever holds another record",
	On:  []ChangeKind{FetchAnswered},
	See: seeRead,
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		b := s.write(0, 0, 0xA, 1, 2, 3)
		s.HighWatermarkSent(s.p, s.p.Replica(1), 1)
		s.BatchDelivered(s.p, s.p.Replica(1), b, 1)
		s.HighWatermarkSent(s.p, s.p.Replica(2), 1)
		s.BatchDelivered(s.p, s.p.Replica(2), b, 1)
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.write(0, 0, 0xA, 1)
		s.HighWatermarkSent(s.p, s.p.Replica(1), 1) // no other replica had the record
		s.alter(2, ids(2, 3), nil)
		b := s.write(0, 1, 0xB, 2, 3)
		s.HighWatermarkSent(s.p, s.p.Replica(2), 1)
		s.BatchDelivered(s.p, s.p.Replica(2), b, 1)
		return s.done()
	},
}

func seeRead(d *Tally, v *View, c *Change) {
	p, b := c.Partition, c.Batch
	if b.Next == 0 {
		return
	}
	for q := range p.promisesWithin(b.Base, b.Next) {
		if q.made&shown == 0 {
			continue
		}
		d.exercised()
		if q.Same(b) || d.broken() {
			continue
		}
		clause := q.clause
		if clause == "" {
			clause = q.superseded
		}
		if clause == "" { // the checksum covers neither base offset nor epoch, so a leader may serve damaged batches
			clause = v.damagedDisk(p)
		}
		if clause == "" && q.Next <= p.trimmed { // an empty log may lose its end offset
			clause = p.deleted()
		}
		d.decide(v, p.fact(c.Replica.role(), q.Base, p.wayLost(c.Node, q)), clause, "readers of ", p.TP.String(), " were shown ", q.span(), " at step ",
			itoa(q.step), "; now ", v.name(c.Node), " serves ", b.span(), " there")
	}
}
