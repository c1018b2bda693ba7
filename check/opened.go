package check

import "samsa/wire"

var epochOpened = &Check{
	Name: "epoch-opened", Numbers: "S3/opened",
	Doc: "the leader epoch cache of a leader ends in the epoch that it leads, even before its first append",
	Of:  [2]string{"leader's epoch cache, ending in its epoch", "leaders' epoch caches, each ending in its epoch"},
	On:  []ChangeKind{ReplicaChanged},
	See: seeOpened,
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.write(0, 0, 0xA, 1, 2, 3)
		s.alter(2, ids(2, 3), nil)
		s.remembers(2, 1, 0, EpochStart{0, 0}, EpochStart{1, 1}) // epoch 1 has no record yet
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.write(0, 0, 0xA, 1, 2, 3)
		s.alter(2, ids(2, 3), nil)
		s.remembers(2, 1, 0, EpochStart{0, 0})
		return s.done()
	},
}

// seeOpened requires that a leader has assigned the start offset of its epoch (KAFKA-7415). If a follower asks for the
// end of an older epoch, a leader without that entry answers with its log end. The follower then keeps records above the
// start of the new epoch, although the leader does not have them.
//
// The check epochs-in-order does not find such a leader, because a cache without the epoch agrees with a log without
// records of the epoch.
func seeOpened(d *Tally, v *View, c *Change) {
	p, r := c.Partition, c.Replica
	if !r.Leads || r.Epochs == nil || c.Before.Leads && c.Before.Epoch == r.Epoch && same(r.Epochs, c.Before.Epochs) {
		return
	}
	d.exercised()
	last := EpochStart{wire.NoEpoch, 0}
	if n := len(r.Epochs); n > 0 {
		last = r.Epochs[n-1]
	}
	if last.Epoch != r.Epoch && !d.broken() {
		d.decide(v, p.fact(ByLeader, r.End, ""), v.damagedDisk(p), v.name(r.Node), " leads ", p.TP.String(), " in epoch ", itoa(r.Epoch),
			", and its leader epoch cache is ", inWords(r.Epochs), ": it has not assigned the start offset of its epoch, so its followers may keep records that it does not have")
	}
}
