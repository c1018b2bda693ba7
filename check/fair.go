package check

import "samsa/wire"

// A fetch response has a limit of bytes, and the first partitions in the order of the request fill it. So a follower must
// rotate that order, or a partition with many records keeps the others from being replicated, while no node has failed.
//
//	request   busy@10  quiet@3  still@7        the leader has records of busy and of quiet
//	response  busy +1                          quiet is passed over: it waits for its turn
//	request   quiet@3  still@7  busy@11        a partition that was served goes to the end (PartitionStates)

// FollowerFetch is a leader's response to a follower's fetch, in the order of the request.
type FollowerFetch struct {
	Leader, Follower wire.NodeID
	Portions         []Portion
}

// Portion is one partition of a FollowerFetch.
type Portion struct {
	Partition *Partition
	Offset    wire.Offset // the offset from which the request fetches
	Records   bool        // the response has records of the partition
	Refused   bool        // the response has an error or a diverging epoch
}

// Sent records the response as the leader sends it.
func (f *FollowerFetch) Sent(v *View) {
	v.notify(Change{Kind: FollowerServed, Node: f.Follower, Served: f})
}

// turn is what followersServed keeps about a replica of a follower: for how many responses in a row its records wait.
type turn struct {
	leader wire.NodeID // NoNode if no records wait
	at     wire.Offset // the offset from which it fetches
	passed int         // the number of responses that served other partitions instead
}

// served is a partition that a leader has served. The follower has processed the response if its next request fetches the
// partition from another offset.
type served struct {
	leader wire.NodeID
	Portion
}

var followersServed = &Check{
	Name: "followers-served", Numbers: "L3/fair", Liveness: true,
	Doc: "a partition with records for a follower is passed over by no more fetch responses in a row than the request has partitions",
	Of:  [2]string{"partition that waited for its turn in a follower's fetches", "partitions that waited for their turn in a follower's fetches, none for long"},
	On:  []ChangeKind{FollowerServed},
	See: seeServed,
	Accept: func(v *View) *Case {
		s, busy := fetchStage(v)
		at := wire.Offset(0)
		for range 9 { // in turn
			s.served(busy, at, true, 0, false)
			s.served(busy, at+1, false, 0, true)
			at++
		}
		for range 9 { // no response arrives, so the follower sends the same request again
			s.served(busy, at, true, 0, false)
		}
		return s.done()
	},
	Reject: func(v *View) *Case {
		s, busy := fetchStage(v)
		for at := range wire.Offset(9) {
			s.served(busy, at, true, 0, false)
		}
		return s.done()
	},
}

// fetchStage adds the partition busy-0 to a stage. Both partitions have records that b2 lacks.
func fetchStage(v *View) (*stage, *Partition) {
	s := newStage(v, 2)
	s.write(0, 0, 0xA, 1)
	return s, s.Partition(wire.TopicID{0: 8}, wire.TopicPartition{Topic: "busy"})
}

// served sends b1's response to a fetch of b2 for busy-0 and orders-0.
func (s *stage) served(busy *Partition, busyAt wire.Offset, busyRecords bool, at wire.Offset, records bool) {
	s.tick()
	f := FollowerFetch{1, 2, []Portion{{busy, busyAt, busyRecords, false}, {s.p, at, records, false}}}
	f.Sent(s.View)
}

func seeServed(d *Tally, v *View, c *Change) {
	f := c.Served
	b := v.Broker(f.Follower)
	last := b.lastServed(f.Leader)
	processed, now := true, Portion{}
	for i := range f.Portions {
		q := &f.Portions[i]
		processed = processed && (q.Partition != last.Partition || q.Offset != last.Offset)
		if q.Records && now.Partition == nil {
			now = *q
		}
	}
	if now.Partition == nil || d.broken() {
		return
	}
	last.Portion = now
	for i := range f.Portions {
		q := &f.Portions[i]
		leader, r := q.Partition.replica(f.Leader), q.Partition.replica(f.Follower)
		if leader == nil || r == nil {
			continue
		}
		t := &r.turn
		if q.Records || q.Refused || leader.Log.End() <= q.Offset {
			*t = turn{leader: wire.NoNode}
			continue
		}
		if t.leader != f.Leader || t.at != q.Offset { // the first response that passes it over may be older than the records
			d.exercised()
			*t = turn{leader: f.Leader, at: q.Offset}
			continue
		}
		if !processed {
			continue
		}
		if t.passed++; t.passed > len(f.Portions)+1 {
			d.decide(v, q.Partition.fact(ByFollower, q.Offset, ""), v.damagedDisk(q.Partition), v.name(f.Follower), " lacks the records of ", q.Partition.TP.String(), " from offset ",
				itoa(q.Offset), ", which its leader ", v.name(f.Leader), " has; ", itoa(t.passed), " fetch responses in a row had records of other partitions instead, now of ",
				now.Partition.TP.String(), "; the request has ", plural(int64(len(f.Portions)), "partition", "partitions"))
			return
		}
	}
}

// lastServed returns what a broker keeps about the last response of a leader that had records.
func (b *Broker) lastServed(leader wire.NodeID) *served {
	for i := range b.served {
		if b.served[i].leader == leader {
			return &b.served[i]
		}
	}
	b.served = append(b.served, served{leader: leader})
	return &b.served[len(b.served)-1]
}
