package check

import (
	"slices"

	"samsa/wire"
)

// quorum is the state of the controller quorum.
type quorum struct {
	log     *Partition
	voters  []*Voter // in the order of first use
	leaders map[wire.Epoch]wire.NodeID
	images  []imageAt // sorted by offset; the oldest images are dropped, see imagesKept
	epoch   wire.Epoch
	epochAt int64 // the time at which the first controller reached that epoch
}

// Voter is one controller.
type Voter struct {
	Node wire.NodeID
	VoterState
	observed bool // its state was observed since its last start
	votes    []Vote

	releasedFrom wire.Epoch  // the epoch whose leader has told it to elect another; see elections-winnable
	releasedBy   wire.NodeID // that leader
}

// VoterState is a running controller's own state of the quorum.
type VoterState struct {
	Leads  bool
	Leader wire.NodeID // NoNode if it knows none
	Epoch  wire.Epoch
	HW     wire.Offset
}

// Vote is a granted vote. Pre-votes are not recorded, because they do not bind the voter.
type Vote struct {
	Epoch     wire.Epoch
	Candidate wire.NodeID
	Directory wire.UUID // the voter's directory id; a new disk has a new directory id
}

type imageAt struct {
	offset wire.Offset
	hash   uint64
	node   wire.NodeID
}

// imagesKept bounds the memory for the hashes of images. If the View has more than twice as many hashes, it drops the
// imagesKept oldest ones.
const imagesKept = 4096

// Metadata returns the metadata log as a partition, so that Appended and Truncated apply to it.
func (v *View) Metadata() *Partition { return v.quorum.log }

// Voter returns a controller by its node id, created on first use.
func (v *View) Voter(node wire.NodeID) *Voter {
	for _, w := range v.quorum.voters {
		if w.Node == node {
			return w
		}
	}
	w := &Voter{Node: node, VoterState: VoterState{Leader: wire.NoNode, Epoch: wire.NoEpoch}}
	v.quorum.voters = append(v.quorum.voters, w)
	return w
}

// VoterChanged records a running controller's quorum state, if it may have changed. All records below its high watermark
// are committed.
func (v *View) VoterChanged(node wire.NodeID, s VoterState) {
	w := v.Voter(node)
	before := w.VoterState
	if !w.observed {
		before = VoterState{Leader: wire.NoNode, Epoch: before.Epoch}
	}
	w.VoterState, w.observed = s, true
	if s.Epoch > v.quorum.epoch {
		v.quorum.epoch, v.quorum.epochAt = s.Epoch, v.now
	}
	p := v.quorum.log
	r := p.Replica(node)
	if s.HW > p.shown {
		for i := r.Log.find(p.shown); i < r.Log.Len() && r.Log.batches[i].Next <= s.HW; i++ {
			b := r.Log.batches[i]
			p.promise(v, b, shown, "")
			at, _ := p.place(b)
			p.promises[at].quorumEpoch = s.Epoch
		}
		p.shown = s.HW
	}
	v.notify(Change{Kind: VoterChanged, Partition: p, Replica: r, Node: node, Voter: w, Rule: before})
}

// ControllerDied says that a controller's process ended. Its high watermark is not persisted, so it must be monotone only
// within one process.
func (v *View) ControllerDied(node wire.NodeID) {
	w := v.Voter(node)
	w.observed, w.Leads, w.HW = false, false, 0
}

// Voted records a granted vote as the response is sent.
func (v *View) Voted(node wire.NodeID, vote Vote) {
	v.notify(Change{Kind: VoteCast, Node: node, Voter: v.Voter(node), Vote: vote})
}

// ImageAt records the hash of a node's image at an offset.
func (v *View) ImageAt(node wire.NodeID, offset wire.Offset, hash uint64) {
	v.notify(Change{Kind: ImageAt, Node: node, Offset: offset, Hash: hash})
}

var oneController = &Check{
	Name: "one-controller", Numbers: "S20",
	Doc: "only one controller leads the quorum in one epoch",
	On:  []ChangeKind{VoterChanged},
	See: func(d *Tally, v *View, c *Change) {
		w := c.Voter
		if !w.Leads || c.Rule.Leads && c.Rule.Epoch == w.Epoch {
			return
		}
		d.exercised()
		if v.quorum.leaders == nil {
			v.quorum.leaders = map[wire.Epoch]wire.NodeID{}
		}
		other, taken := v.quorum.leaders[w.Epoch]
		v.quorum.leaders[w.Epoch] = w.Node
		fact := func(way string) Fact { return metadataFact(ByVoter, -1, way) }
		switch {
		case taken && other != w.Node:
			d.decide(v, fact("two leaders"), v.deviceFaults(), v.name(other), " and ", v.name(w.Node), " both lead the quorum in epoch ", itoa(w.Epoch))
		case taken && !c.Rule.Leads:
			d.decide(v, fact("leads an epoch again"), v.deviceFaults(), v.name(w.Node), " leads epoch ", itoa(w.Epoch), " again after it had resigned it (KAFKA-10527)")
		}
	},
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.VoterChanged(101, VoterState{Leads: true, Leader: 101, Epoch: 1})
		s.VoterChanged(102, VoterState{Leads: true, Leader: 102, Epoch: 2}) // c1 does not know of epoch 2 yet
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.VoterChanged(101, VoterState{Leads: true, Leader: 101, Epoch: 1})
		s.VoterChanged(102, VoterState{Leads: true, Leader: 102, Epoch: 1})
		return s.done()
	},
}

// appendMetadata appends a batch [at, at+1) of an epoch to the metadata logs of controllers.
func (s *stage) appendMetadata(at wire.Offset, epoch wire.Epoch, crc uint32, to ...wire.NodeID) {
	s.tick()
	for _, node := range to {
		s.Appended(s.Metadata(), s.Metadata().Replica(node), Batch{Base: at, Next: at + 1, Epoch: epoch, CRC: crc})
	}
}

var metadataMatches = &Check{
	Name: "metadata-logs-match", Numbers: "S21",
	Doc: "two controllers with a batch of the same epoch at an offset of the metadata log have the same records there and at all lower offsets",
	On:  []ChangeKind{BatchAppended},
	See: func(d *Tally, v *View, c *Change) {
		if c.Partition == v.quorum.log {
			seeMatch(d, v, c, ByVoter)
		}
	},
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.appendMetadata(0, 1, 0xA, 101, 102)
		s.appendMetadata(1, 1, 0xB, 101)
		s.appendMetadata(1, 2, 0xC, 102)
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.appendMetadata(0, 1, 0xA, 101)
		s.appendMetadata(0, 1, 0xB, 102)
		return s.done()
	},
}

var metadataComplete = &Check{
	Name: "metadata-complete", Numbers: "S22",
	Doc: "every committed metadata record is in the log of every later leader of the quorum",
	On:  []ChangeKind{VoterChanged},
	See: func(d *Tally, v *View, c *Change) {
		w := c.Voter
		if !w.Leads || c.Rule.Leads {
			return
		}
		d.exercised()
		if c.Replica.missingStrong == 0 || d.broken() {
			return
		}
		p := c.Partition
		p.forEachMissing(c.Replica, func(q *promise) bool {
			// A record of an old epoch may be committed in a newer epoch than this leader's. Raft guarantees only that the
			// leaders of epochs after that newer epoch have the record.
			if q.quorumEpoch > w.Epoch {
				return true
			}
			d.decide(v, p.fact(ByVoter, q.Base, p.wayLost(w.Node, q)), v.deviceFaults(), v.name(w.Node), " leads epoch ", itoa(w.Epoch), " without offset ",
				itoa(q.Base), ", which was committed by step ", itoa(q.step), p.copiesLeft(v, q))
			return false
		})
	},
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.appendMetadata(0, 1, 0xA, 101, 102)
		s.appendMetadata(1, 1, 0xB, 101) // not committed
		s.VoterChanged(101, VoterState{Leads: true, Leader: 101, Epoch: 1, HW: 1})
		s.VoterChanged(101, VoterState{Leads: true, Leader: 101, Epoch: 3, HW: 2}) // offset 1 is committed in epoch 3
		s.VoterChanged(102, VoterState{Leads: true, Leader: 102, Epoch: 2})
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.appendMetadata(0, 1, 0xA, 101, 102)
		s.VoterChanged(101, VoterState{Leads: true, Leader: 101, Epoch: 1, HW: 1})
		s.Truncated(s.Metadata(), s.Metadata().Replica(102), 0, PowerLoss) // the record counted for the high watermark, but was not flushed (KAFKA-10533)
		s.VoterChanged(102, VoterState{Leads: true, Leader: 102, Epoch: 2})
		return s.done()
	},
}

var metadataNeverCut = &Check{
	Name: "metadata-never-cut", Numbers: "S23",
	Doc: "no controller truncates a record that was below any controller's high watermark",
	On:  []ChangeKind{BatchesRemoved},
	See: func(d *Tally, v *View, c *Change) {
		p := c.Partition
		if p != v.quorum.log || c.By != "" {
			return
		}
		d.exercised()
		for _, b := range c.Removed {
			if i, ok := p.place(b); ok && !d.broken() {
				d.decide(v, p.fact(ByVoter, b.Base, ""), v.deviceFaults(), v.name(c.Node), " truncated ", b.span(), " of the metadata log, which was committed by step ", itoa(p.promises[i].step))
			}
		}
	},
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.appendMetadata(0, 1, 0xA, 101)
		s.Truncated(s.Metadata(), s.Metadata().Replica(101), 0, "")
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.appendMetadata(0, 1, 0xA, 101)
		s.VoterChanged(101, VoterState{Leads: true, Leader: 101, Epoch: 1, HW: 1})
		s.Truncated(s.Metadata(), s.Metadata().Replica(101), 0, "")
		return s.done()
	},
}

var quorumMonotone = &Check{
	Name: "quorum-monotone", Numbers: "S24",
	Doc: "a controller's epoch never falls, and its high watermark never falls while it runs",
	On:  []ChangeKind{VoterChanged},
	See: func(d *Tally, v *View, c *Change) {
		w := c.Voter
		d.exercised()
		fact := func(way string) Fact { return metadataFact(ByVoter, w.HW, way) }
		switch {
		case w.Epoch < c.Rule.Epoch:
			d.decide(v, fact("epoch falls"), v.deviceFaults(), v.name(w.Node), " moved from epoch ", itoa(c.Rule.Epoch), " back to ", itoa(w.Epoch))
		case w.HW < c.Rule.HW:
			d.violate(v, fact("high watermark falls"), v.name(w.Node), " lowered its high watermark from ", itoa(c.Rule.HW), " to ", itoa(w.HW))
		}
	},
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.VoterChanged(101, VoterState{Epoch: 1, HW: 3})
		s.ControllerDied(101)
		s.VoterChanged(101, VoterState{Epoch: 1}) // it learns its high watermark again
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.VoterChanged(101, VoterState{Epoch: 1, HW: 3})
		s.VoterChanged(101, VoterState{Epoch: 2, HW: 2})
		return s.done()
	},
}

var voteOnce = &Check{
	Name: "vote-once", Numbers: "S25",
	Doc: "a controller votes for at most one candidate in an epoch, also after restarts and power losses",
	On:  []ChangeKind{VoteCast},
	See: func(d *Tally, v *View, c *Change) {
		w := c.Voter
		d.exercised()
		i := slices.IndexFunc(w.votes, func(o Vote) bool { return o.Epoch == c.Vote.Epoch && o.Directory == c.Vote.Directory })
		switch {
		case i < 0:
			w.votes = append(w.votes, c.Vote)
		case w.votes[i].Candidate != c.Vote.Candidate:
			d.decide(v, metadataFact(ByVoter, -1, ""), v.deviceFaults(), v.name(w.Node), " voted for ", v.name(w.votes[i].Candidate), " and for ",
				v.name(c.Vote.Candidate), " in epoch ", itoa(c.Vote.Epoch))
		}
	},
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.Voted(101, Vote{Epoch: 1, Candidate: 102})
		s.Voted(101, Vote{Epoch: 1, Candidate: 102}) // the response was lost
		s.Voted(101, Vote{Epoch: 2, Candidate: 103})
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.Voted(101, Vote{Epoch: 1, Candidate: 102})
		s.Voted(101, Vote{Epoch: 1, Candidate: 103})
		return s.done()
	},
}

var imagesAgree = &Check{
	Name: "images-agree", Numbers: "S26",
	Doc: "two nodes whose images are at the same offset have the same metadata",
	On:  []ChangeKind{ImageAt},
	See: func(d *Tally, v *View, c *Change) {
		q := &v.quorum
		i := searchFromEnd(len(q.images), func(i int) bool { return q.images[i].offset >= c.Offset })
		if i == len(q.images) || q.images[i].offset != c.Offset {
			q.images = slices.Insert(q.images, i, imageAt{c.Offset, c.Hash, c.Node})
			if len(q.images) > 2*imagesKept {
				q.images = slices.Clone(q.images[imagesKept:])
			}
			return
		}
		d.exercised()
		if q.images[i].hash != c.Hash {
			d.violate(v, metadataFact(ByVoter, c.Offset, ""), v.name(q.images[i].node), " and ", v.name(c.Node), " both have all metadata below ", itoa(c.Offset), ", and their images differ")
		}
	},
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.ImageAt(101, 5, 0xA)
		s.ImageAt(101, 6, 0xB)
		s.ImageAt(1, 5, 0xA)
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.ImageAt(101, 5, 0xA)
		s.ImageAt(1, 5, 0xB)
		return s.done()
	},
}
