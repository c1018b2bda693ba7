package check

import (
	"slices"

	"samsa/wire"
)

// ChangeKind is the kind of a Change.
type ChangeKind uint8

const (
	BatchAppended      ChangeKind = iota // Batch is the new last batch of Replica's log
	BatchesRemoved                       // the batches in Removed are no longer in Replica's log
	ReplicaChanged                       // the observed state of a replica changed; Before is the old state
	PartitionChanged                     // Partition has a new assignment; Was is the old assignment
	Promised                             // Batch was acknowledged, or was below a high watermark in a response to a reader
	ProduceAnswered                      // a broker acknowledged Batch to a producer
	ProduceHandled                       // a broker responded to a producer, with success or with an error
	FetchAnswered                        // a broker sent Batch, or only a high watermark, to a reader
	MetadataCommitted                    // Record, at Offset of the metadata log, is committed
	ControllerReplied                    // a controller answered a request with success
	MetadataApplied                      // the broker Node has applied more of the metadata log
	VoterChanged                         // the state of Voter changed; Rule is the old state
	VoteCast                             // Voter granted a vote
	ImageAt                              // Node's image at Offset has this Hash
	DirectoriesCounted                   // Node's directories for Partition are counted; Offset is their number
	StartLicensed                        // Replica's log start moved up to Offset; By is the reason that allows it, or ""
	DirectoryInUse                       // a broker uses the directory of the topic Home for Partition
	BatchCommitted                       // a batch of the metadata log is committed
	EndOffsetSent                        // a leader's response says where Partition ends
	PreVoteRefused                       // Voter refused PreVote
	FollowerServed                       // a leader responded to a fetch of the follower Node
	LeaderLooked                         // the state of a leader in its memory; Looked has it
	MetadataDescribed                    // a broker with the newest metadata answered a Metadata request
	OperatorAnswered                     // a controller answered an operator's request
	ProcessEnded                         // a broker or controller called exit, or runs on although its disk failed; Exit says which
	changeKinds
)

// Change is one change of the View, as invariants see it. It is valid only during the call.
type Change struct {
	Kind      ChangeKind
	Partition *Partition
	Replica   *Replica
	Node      wire.NodeID

	Batch     Batch       // BatchAppended, Promised, ProduceAnswered, FetchAnswered (Next 0: only a high watermark)
	Removed   []Batch     // BatchesRemoved: lowest first
	By        string      // BatchesRemoved: the fault that destroyed them, or "" if the process truncated them. StartLicensed: the reason
	Against   string      // StartLicensed: why retention does not allow it
	Acks      int16       // ProduceAnswered
	Given     Given       // ProduceAnswered
	Produced  *Produced   // ProduceHandled
	HW        wire.Offset // FetchAnswered, Promised: the high watermark in the fetch response; 0 if Batch was acknowledged
	Before    State       // ReplicaChanged
	Was       Assignment  // PartitionChanged
	Offset    wire.Offset
	Record    wire.MetadataRecord
	Reply     Reply
	Prior     wire.Offset // MetadataApplied: the offset before
	Voter     *Voter
	Rule      VoterState // VoterChanged: the state before
	Vote      Vote
	PreVote   PreVote // PreVoteRefused
	Hash      uint64
	EndOffset EndOffset
	Home      wire.TopicID   // DirectoryInUse
	Served    *FollowerFetch // FollowerServed
	Exit      *Exit          // ProcessEnded
	Described *Described     // MetadataDescribed
	Asked     *Asked         // OperatorAnswered
	Looked    *Looked        // LeaderLooked
}

// Given is the state of a leader when it made a response, and the client of that response. The response may be sent much
// later.
type Given struct {
	Client string
	Epoch  wire.Epoch // the leader epoch, NoEpoch if it did not lead
	CRC    uint32     // the checksum of the batch as its producer sent it, 0 if that is not known
	InSync int        // the size of the maximal ISR: the ISR and the proposed members
	MinISR int        // the min.insync.replicas that the leader used; 0 if it had not applied the config yet
}

// notify runs the checks that subscribe to a change's kind.
func (v *View) notify(c Change) {
	v.change = c
	if v.watcher != nil {
		notifyWatched(v)
		return
	}
	for _, s := range v.observers[c.Kind] {
		s.see(s.tally, v, &v.change)
	}
}

// Clock sets the step and the time of the changes that follow.
func (v *View) Clock(step uint64, now int64) { v.step, v.now, v.made = step, now, step }

// MadeAt sets the step of the event that made the changes that follow, until the next Clock. It is the current step, unless they
// are visible later than they were made: a write takes time.
func MadeAt(v *View, step uint64) { v.made = min(step, v.step) }

// Appended says that a replica's true log has a new last batch.
func (v *View) Appended(p *Partition, r *Replica, b Batch) {
	if r.Log.Len() == 0 { // the log was truncated fully, and starts at a new offset
		r.highestStart = min(r.highestStart, b.Base)
	}
	b = p.known(b)
	r.Log.push(b)
	r.removed = false
	p.copyRegained(r, b)
	if p.appendedAt = v.now; p != v.quorum.log {
		v.appendedAt = v.now
		if rewrites(v, p, r.Node) {
			r.rewritten = max(r.rewritten, b.Next)
		}
	}
	v.notify(Change{Kind: BatchAppended, Partition: p, Replica: r, Node: r.Node, Batch: b})
}

// Truncated says that a replica's true log has lost every batch that begins at or above an offset. The argument fault is
// the name of the fault that destroyed them, or "" if the process truncated them.
func (v *View) Truncated(p *Partition, r *Replica, to wire.Offset, fault string) {
	l := &r.Log
	at := searchFromEnd(len(l.batches), func(i int) bool { return l.batches[i].Base >= to })
	if at == len(l.batches) {
		return
	}
	gone := slices.Clone(l.batches[at:])
	l.cut(at)
	wasFlushed := r.flushed
	r.flushed = min(r.flushed, l.End())
	if fault == "" && r.loading { // log recovery removed them, because an earlier fault had hit the disk
		b := v.Broker(r.Node)
		if hit, ok := v.lastFault(b, p, b.loaded); ok {
			fault = v.faults[hit].What
		}
	}
	if fault == "" && p != v.quorum.log {
		p.flaws.cuts = append(p.flaws.cuts, truncation{r.Node, v.step, to})
	}
	for _, b := range gone {
		p.copyLost(v, r, b, fault != "", b.Next <= wasFlushed)
	}
	v.notify(Change{Kind: BatchesRemoved, Partition: p, Replica: r, Node: r.Node, Removed: gone, By: fault})
}

// LogStartMoved says that the records below an offset are gone from the start of a replica's log. With a licence, retention
// or an operator has deleted them. Without one they are lost like truncated records, and the replica misses them.
func (v *View) LogStartMoved(p *Partition, r *Replica, start wire.Offset) {
	l := &r.Log
	if start <= l.start {
		return
	}
	if v.licensesStart(p, r, start) {
		p.release(r, start)
		p.trimmed = max(p.trimmed, start)
		l.trim(l.find(start), start)
		return
	}
	gone := slices.Clone(l.batches[:l.find(start)])
	l.trim(len(gone), l.start)
	for _, b := range gone {
		p.copyLost(v, r, b, false, b.Next <= r.flushed)
	}
	if len(gone) > 0 {
		v.notify(Change{Kind: BatchesRemoved, Partition: p, Replica: r, Node: r.Node, Removed: gone})
	}
}

// noteStart records a broker's log start offset. No record below it is expected any more. But the log's segments may still
// hold such records, and the log may start lower again after a restart, so the true log keeps them until the files are
// deleted. A start without a licence (deletion.go) changes nothing here.
func (v *View) noteStart(p *Partition, r *Replica, start wire.Offset) {
	if start <= r.highestStart && (r.Log.Len() > 0 || start <= r.Log.start) || !v.licensesStart(p, r, start) {
		return
	}
	if r.Log.Len() == 0 && start > r.Log.start { // the log was truncated fully, and continues at the start
		p.release(r, start) // even if the log began there before: a fault may have destroyed deleted records
		r.Log.trim(0, start)
	}
	if start <= r.highestStart || start <= r.Log.start && start <= p.trimmed {
		return
	}
	p.release(r, start)
	p.trimmed, r.highestStart = max(p.trimmed, start), start
}

// Deleted says that a replica's log was deleted or set aside, because its topic is deleted or the replica is on other brokers now. If
// the controller still assigns the replica to this broker, the broker has lost its records.
func (v *View) Deleted(p *Partition, r *Replica) {
	if slices.Contains(p.assigned.Replicas, r.Node) && r.Log.Len() > 0 {
		gone := slices.Clone(r.Log.batches)
		for _, b := range gone {
			p.copyLost(v, r, b, false, b.Next <= r.flushed)
		}
		v.notify(Change{Kind: BatchesRemoved, Partition: p, Replica: r, Node: r.Node, Removed: gone})
	} else {
		p.release(r, 1<<62)
	}
	r.formerStart = max(r.formerStart, r.highestStart, r.Log.start)
	r.Log = Log{epochChanges: r.Log.epochChanges + 1}
	r.State = State{Leader: wire.NoNode, Epoch: wire.NoEpoch, PartitionEpoch: -1}
	r.observed, r.flushed, r.highestStart, r.removed = false, 0, 0, true
}

// Flushed says that all batches of a replica below an offset are synced to the device.
func (v *View) Flushed(r *Replica, end wire.Offset) { r.flushed = max(r.flushed, end) }

// Started says that a broker's process begins.
func (v *View) Started(node wire.NodeID) {
	b := v.Broker(node)
	b.up, b.appliedKnown, b.registrationSent, b.ending, b.stoppingSince = true, false, false, false, 0
	b.starts++
	v.forget(node, true)
}

// Ending says that a process has died, and that only responses it made earlier are still sent.
func (v *View) Ending(node wire.NodeID) { v.Broker(node).ending = true }

// Died says that a broker's process ended. The page cache survives. After a power loss, calls of DiskFaulted and Truncated
// follow.
func (v *View) Died(node wire.NodeID) {
	b := v.Broker(node)
	since := v.quietSince
	if since < 0 && v.faultBeganAt == v.now { // the fault that began now is the crash of this process
		since = v.quietBefore
	}
	if b.stoppingSince > 0 && since >= 0 {
		b.tookToStop = max(b.tookToStop, Duration(v.now-max(b.stoppingSince, since)))
	}
	b.up, b.appliedKnown, b.died, b.stoppingSince = false, false, v.step, 0
	v.forget(node, false)
}

func (v *View) forget(node wire.NodeID, loading bool) {
	for _, p := range v.parts {
		if r := p.replica(node); r != nil && p != v.quorum.log {
			r.observed, r.loading = false, loading
			r.State = State{Leader: wire.NoNode, Epoch: wire.NoEpoch, PartitionEpoch: -1}
		}
	}
}

// DiskFaulted records a fault of a disk. It is called before Truncated is called for the batches that the fault destroyed.
func (v *View) DiskFaulted(node wire.NodeID, what string) { v.DiskFaultedIn(node, what, "") }

// DiskFaultedIn records a disk fault that is limited to one partition's directory.
func (v *View) DiskFaultedIn(node wire.NodeID, what, dir string) {
	b := v.Broker(node)
	b.faults = append(b.faults, len(v.faults))
	v.faults = append(v.faults, Fault{Node: node, What: what, Step: v.step, In: dir})
	if what == PowerLoss && !slices.ContainsFunc(v.brokers, func(b *Broker) bool { return b.up }) {
		v.allLostPower = true
	}
}

// ReplicaChanged records the observed state of a running broker's replica, if it may have changed.
func (v *View) ReplicaChanged(p *Partition, r *Replica, s State) {
	before := r.State
	if !r.observed {
		before = State{Leader: wire.NoNode, Epoch: wire.NoEpoch, PartitionEpoch: -1}
	}
	r.State, r.observed = s, true
	if s.Epoch >= 0 && r.loading {
		r.loading = false
		b := v.Broker(r.Node)
		b.loaded = len(b.faults)
	}
	noteSkip(v, p, r, before)
	v.noteStart(p, r, s.Start)
	if s.Leads {
		p.recordCommitted(v, r, before)
	}
	v.notify(Change{Kind: ReplicaChanged, Partition: p, Replica: r, Node: r.Node, Before: before})
}

// Acked records a successful produce response as it is sent: the batch at base is stored. The View takes the batch from the
// broker's true log. The parameter g is the leader's state when it made the response.
func (v *View) Acked(p *Partition, r *Replica, base wire.Offset, acks int16, g Given) {
	b, ok := r.Log.At(base)
	if p.assigned.PartitionEpoch >= 0 && len(p.assigned.Replicas) == 0 {
		if ok && b.Base == base {
			p.ackedAfterDelete(v, b, strength(acks), g.Client)
		}
		return
	}
	if !ok && (r.removed || base < max(r.Log.start, r.highestStart)) {
		return // before the response was sent, retention deleted the record or the topic was deleted
	}
	if !ok || b.Base != base {
		b = Batch{Base: base, Next: base + 1, Epoch: wire.NoEpoch}
	}
	v.notify(Change{Kind: ProduceAnswered, Partition: p, Replica: r, Node: r.Node, Batch: b, Acks: acks, Given: g})
	if !ok || b.Epoch == wire.NoEpoch {
		return
	}
	if acks == -1 {
		p.noteAcked(v.step, b, g.Epoch)
	}
	p.promise(v, b, strength(acks), g.Client)
	v.notify(Change{Kind: Promised, Partition: p, Replica: r, Node: r.Node, Batch: b, Acks: acks})
}

// HighWatermarkSent records a high watermark in a fetch response. From then on, no record below this high watermark may
// change.
func (v *View) HighWatermarkSent(p *Partition, r *Replica, hw wire.Offset) {
	v.notify(Change{Kind: FetchAnswered, Partition: p, Replica: r, Node: r.Node, HW: hw})
	if hw <= p.shown {
		return
	}
	for i := r.Log.find(p.shown); i < r.Log.Len() && r.Log.batches[i].Next <= hw; i++ {
		b := r.Log.batches[i]
		p.promise(v, b, shown, "")
		v.notify(Change{Kind: Promised, Partition: p, Replica: r, Node: r.Node, Batch: b, Acks: -1, HW: hw})
	}
	p.shown = hw
}

// BatchDelivered records a batch below the high watermark in a fetch response.
func (v *View) BatchDelivered(p *Partition, r *Replica, b Batch, hw wire.Offset) {
	v.notify(Change{Kind: FetchAnswered, Partition: p, Replica: r, Node: r.Node, Batch: p.known(b), HW: hw})
}

// Applied records the metadata offset that a broker has applied, and the state of its registration in its image.
func (v *View) Applied(node wire.NodeID, next wire.Offset, epoch wire.BrokerEpoch, fenced bool) {
	b := v.Broker(node)
	prior := b.applied
	if !b.appliedKnown {
		prior = -1
	}
	if next != b.applied {
		b.appliedPrior = prior
	}
	b.applied, b.epoch, b.fenced, b.appliedKnown = next, epoch, fenced, true
	v.notify(Change{Kind: MetadataApplied, Node: node, Offset: next, Prior: prior})
}

// RegistrationAsked records a BrokerRegistrationRequest of one incarnation of a broker.
func (v *View) RegistrationAsked(node wire.NodeID, incarnation wire.UUID) {
	b := v.Broker(node)
	b.registrationSent = true
	if !slices.Contains(b.incarnations, incarnation) {
		b.incarnations, b.faultsWhenAsked = append(b.incarnations, incarnation), append(b.faultsWhenAsked, len(b.faults))
	}
}

// UncleanElectionAsked says that an operator asked for an unclean election.
func (v *View) UncleanElectionAsked(p *Partition) { p.uncleanAsked = true }

// UncleanElectionAnswered records the response to an operator's request for an unclean election.
func (v *View) UncleanElectionAnswered(p *Partition) { p.uncleanAsked = false }

// Installed records the number of directories that a broker has for a partition.
func (v *View) Installed(p *Partition, node wire.NodeID, directories int) {
	v.notify(Change{Kind: DirectoriesCounted, Partition: p, Node: node, Offset: wire.Offset(directories)})
}

// DirectoryInUse records the topic id in partition.metadata of the directory that a broker uses for its replica (KIP-516).
func (v *View) DirectoryInUse(p *Partition, r *Replica, home wire.TopicID) {
	v.notify(Change{Kind: DirectoryInUse, Partition: p, Replica: r, Node: r.Node, Home: home})
}

// ConfigEnd returns the offset after the last committed ConfigRecord. A broker that has not applied that record yet uses the
// old config.
func (v *View) ConfigEnd() wire.Offset { return v.image.configured }

// TopicNamed looks up a topic's id by name in the committed metadata.
func (v *View) TopicNamed(name string) (id wire.TopicID, ok bool) {
	id, ok = v.image.names[name]
	return id, ok
}

// CommittedEnd returns the offset up to which the metadata log is committed.
func (v *View) CommittedEnd() wire.Offset { return v.image.next }

// Find returns a partition, and false if the View does not have it.
func (v *View) Find(id wire.TopicID, n int32) (*Partition, bool) {
	p, ok := v.index[partitionKey{id, n}]
	return p, ok
}

// Current reports whether no other topic has the name of the partition's topic in the committed metadata.
func (v *View) Current(p *Partition) bool {
	id, ok := v.image.names[p.TP.Topic]
	return !ok || id == p.ID
}

// CommittedTo says that the metadata log is committed up to an offset at the end of a batch, even if the View uses none of
// its records.
func (v *View) CommittedTo(next wire.Offset) {
	v.image.next = max(v.image.next, next)
	if v.image.batch < v.image.next {
		noteShutdown(v, v.image.next)
		v.notify(Change{Kind: BatchCommitted, Offset: v.image.next})
		v.image.batch, v.image.fenced = v.image.next, v.image.fenced[:0]
	}
}

// FaultsOver says that no fault is active, and that earlier faults have no effect after a given time, which may lie in the
// future.
func (v *View) FaultsOver(from int64) {
	if v.quietSince < 0 {
		v.quietSince = from
	}
}

// FaultActive says that a fault is active.
func (v *View) FaultActive() {
	if v.quietSince >= 0 {
		v.quietBefore, v.faultBeganAt = v.quietSince, v.now
		if v.quietSince < v.now {
			v.calm = append(v.calm, calmSpan{v.quietSince, v.now})
		}
	}
	v.quietSince = -1
}

// ShutdownAsked says that a broker's process gets SIGTERM and begins a controlled shutdown.
func (v *View) ShutdownAsked(node wire.NodeID) {
	if b := v.Broker(node); b.stoppingSince == 0 {
		b.stoppingSince = v.now
	}
}
