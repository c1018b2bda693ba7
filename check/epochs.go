package check

import "samsa/wire"

// The check epochs-in-order compares the leader epochs in a log with the broker's leader epoch cache. A follower uses the
// cache to find the offset to truncate to (KIP-101, KIP-279). If the cache is wrong, the follower truncates too much or too
// little, often long after the cache became wrong.
//
//	true log    |0 0 0|2 2|5 5 5|        cache (epoch:start)   0:0  2:3  5:5          right
//	                            end      cache (epoch:start)   0:0  2:3  5:5  6:8     right too: epoch 6 has no records yet

var epochsInOrder = &Check{
	Name: "epochs-in-order", Numbers: "S3",
	Doc: "in every log offsets rise without overlap and leader epochs never fall, no broker appends a batch of a leader epoch above its own, and every leader epoch cache agrees with its log",
	On:  []ChangeKind{BatchAppended, ReplicaChanged},
	See: func(d *Tally, v *View, c *Change) {
		if c.Kind == ReplicaChanged {
			seeCache(d, v, c)
			return
		}
		p, r, b := c.Partition, c.Replica, c.Batch
		d.exercised()
		fact := func(way string) Fact { return p.fact(r.role(), b.Base, way) }
		if n := r.Log.Len(); n > 1 {
			if below := r.Log.batches[n-2]; below.Epoch > b.Epoch && !r.deletedBelowStart(below) || below.Next > b.Base {
				d.decide(v, fact("batches out of order"), v.damagedDisk(p), v.name(r.Node), " has ", b.span(), " of ", p.TP.String(), " after ", below.span())
			}
		}
		if r.observed && r.Epoch >= 0 && b.Epoch > r.Epoch && p != v.quorum.log {
			d.violate(v, fact("batch of an unknown epoch"), v.name(r.Node), ", in leader epoch ", itoa(r.Epoch), ", appended ", b.span(), " of ", p.TP.String(),
				": a response of another epoch (KAFKA-18723)")
		}
	},
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.write(0, 0, 0xA, 1, 2, 3)
		s.alter(2, ids(2, 3), nil)
		s.remembers(2, 1, 0, EpochStart{0, 0}, EpochStart{1, 1}) // it leads and has written nothing yet
		s.write(1, 1, 0xB, 2)
		s.remembers(2, 1, 0, EpochStart{0, 0}, EpochStart{1, 1})
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.write(0, 1, 0xA, 3)
		return s.done()
	},
}

// deletedBelowStart reports whether a batch lies below the log start offset, and so is deleted even if the file still has
// it. If a follower's log diverges from the leader's below the follower's log start, its log and its leader epoch cache
// become empty, and it appends the leader's records (UnifiedLog.truncateTo moves the log start down to the end, and leaves
// the files).
func (r *Replica) deletedBelowStart(b Batch) bool { return r.observed && b.Next <= r.Start }

// seeCache compares a broker's leader epoch cache with its true log, if either has changed. The cost is proportional to the
// number of epochs.
func seeCache(d *Tally, v *View, c *Change) {
	p, r := c.Partition, c.Replica
	// A true log shorter than the broker's log end offset is still being written, and is compared later.
	end := r.Log.End()
	if r.Log.Len() == 0 {
		end = min(end, r.Start)
	}
	if r.Epochs == nil || end < r.End || r.epochsCompared == r.Log.epochChanges && same(r.Epochs, c.Before.Epochs) && r.End >= c.Before.End {
		return
	}
	r.epochsCompared = r.Log.epochChanges
	d.exercised()
	if d.broken() {
		return
	}
	if wrong := r.cacheWrong(); wrong != "" {
		d.decide(v, p.fact(r.role(), r.End, "wrong epoch cache"), v.damagedDisk(p), v.name(r.Node), " has cached the leader epochs of its log of ", p.TP.String(), ", [",
			itoa(r.Start), ",", itoa(r.End), "), as ", inWords(r.Epochs), "; ", wrong, ": it will truncate at the wrong offset when it compares logs")
	}
}

// cacheWrong describes how a replica's epoch cache differs from its log. It returns "" if they agree. Records above the
// broker's log end offset are not compared, because they may have been appended after the end offset was observed.
// Records below an earlier log start are not compared either, because the cache drops their epochs at once
// (truncateFromStart), but the log deletes their segment files later, or never if power is lost before.
func (r *Replica) cacheWrong() string {
	from, cache := r.Start, r.Epochs
	if r.highestStart > from {
		from = r.highestStart
		for len(cache) > 1 && cache[1].Start <= from {
			cache = cache[1:]
		}
		if len(cache) > 0 {
			cache = append([]EpochStart{{cache[0].Epoch, max(cache[0].Start, from)}}, cache[1:]...)
		}
	}
	at := 0
	for i, truth := range r.Log.epochs {
		begins := max(truth.Start, from)
		if begins >= r.End || i+1 < len(r.Log.epochs) && r.Log.epochs[i+1].Start <= from {
			continue
		}
		switch {
		case at == len(cache) || cache[at].Epoch > truth.Epoch:
			return "in the log, epoch " + itoa(truth.Epoch) + " begins at " + itoa(begins)
		case cache[at].Epoch < truth.Epoch:
			return "the log has nothing of epoch " + itoa(cache[at].Epoch) + " there"
		case cache[at].Start != begins:
			return "in the log, epoch " + itoa(truth.Epoch) + " begins at " + itoa(begins)
		}
		at++
	}
	if at == len(cache) {
		return ""
	}
	e := cache[at]
	emptied := from >= r.End && e.Start <= from     // the epoch of the last deleted record
	begun := e.Start == r.End && e.Epoch <= r.Epoch // a new leader assigns the start offset of its epoch before it appends
	if at+1 < len(cache) || !emptied && !begun {
		return "the log has nothing of epoch " + itoa(e.Epoch)
	}
	return ""
}

// same reports whether two slices share their memory.
func same(a, b []EpochStart) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

func inWords(epochs []EpochStart) string {
	words := ""
	for i, e := range epochs {
		if i > 0 {
			words += ", "
		}
		words += itoa(e.Epoch) + " from " + itoa(e.Start)
	}
	if words == "" {
		return "none"
	}
	return words
}

// remembers makes a broker lead an epoch with this leader epoch cache.
func (s *stage) remembers(node wire.NodeID, epoch wire.Epoch, hw wire.Offset, cache ...EpochStart) {
	s.look(node, State{Leads: true, Epoch: epoch, HW: hw, ISR: s.p.assigned.ISR, Epochs: cache})
}
