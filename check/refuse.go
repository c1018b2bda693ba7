package check

import (
	"samsa/wire"
)

// A broker must refuse a produce request if, and only if, it has a reason. The state of the leader decides that at two
// times:
//
//	request arrives ── append ─────────────── high watermark passes ── response
//	                   ▲ the ISR has          ▲ the maximal ISR has fewer members than min.insync.replicas:
//	                     fewer members than     NOT_ENOUGH_REPLICAS_AFTER_APPEND
//	                     min.insync.replicas:
//	                     NOT_ENOUGH_REPLICAS, and nothing is appended
//
// The append counts the committed ISR, because a proposed member may never join. The response counts the maximal ISR,
// because the high watermark waited for all its members (Partition.appendRecordsToLeader, checkEnoughReplicasReachOffset).

// Kafka's codes of the refusals that have a judge.
const (
	notLeader                  = 6
	requestTimedOut            = 7
	notEnoughReplicas          = 19
	notEnoughReplicasAfterward = 20
)

// Standing is the state of a partition's leader at the end of an event.
type Standing struct {
	Epoch  wire.Epoch // NoEpoch if the replica did not lead
	ISR    int        // the size of the committed ISR
	InSync int        // the size of the maximal ISR
	MinISR int        // the min.insync.replicas in force, 0 if the broker had not applied the newest configs
}

// Produced is a broker's response to a produce request about one partition.
type Produced struct {
	Code     int16 // Kafka's error code, 0 for success
	Acks     int16
	Arrived  Standing   // at the end of the event that handled the request
	Answered Standing   // at the end of the event that made the response
	Between  []Standing // at the ends of the events between these two, in order
	Size     int32      // the bytes of its batch in the request, 0 if that is not known
	Alone    bool       // the request has no other partition
	Took     Duration   // from the arrival to the response, -1 if the broker's clock may be wrong
	Timeout  Duration   // the request's timeout
}

// Sent records the response as the broker sends it.
func (a Produced) Sent(v *View, p *Partition, r *Replica) {
	v.notify(Change{Kind: ProduceHandled, Partition: p, Replica: r, Node: r.Node, Produced: &a})
}

var refusalsTrue = &Check{
	Name: "refusals-true", Numbers: "S13/refusal",
	Doc: "a leader refuses acks=all if and only if fewer than min.insync.replicas replicas are in sync, lets a request time out no earlier than its timeout, and says that it does not lead only if that is so",
	Of:  [2]string{"response to a producer, as the leader's state demands", "responses to producers, all as the leader's state demands"},
	On:  []ChangeKind{ProduceHandled},
	See: seeRefusal,
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		full, thin := Standing{0, 3, 3, 2}, Standing{0, 1, 1, 2}
		r := s.p.Replica(1)
		Produced{Acks: -1, Arrived: full, Answered: full, Alone: true}.Sent(s.View, s.p, r)
		Produced{Acks: 1, Arrived: thin, Answered: thin, Alone: true}.Sent(s.View, s.p, r)
		Produced{Code: notEnoughReplicas, Acks: -1, Arrived: thin, Answered: thin, Alone: true}.Sent(s.View, s.p, r)
		Produced{Code: notEnoughReplicasAfterward, Acks: -1, Arrived: full, Answered: thin, Alone: true}.Sent(s.View, s.p, r)
		Produced{Code: requestTimedOut, Acks: -1, Arrived: full, Answered: full, Took: second, Timeout: second}.Sent(s.View, s.p, r)
		Produced{Code: notLeader, Acks: -1, Arrived: full, Answered: Standing{Epoch: wire.NoEpoch}}.Sent(s.View, s.p, r)
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		thin := Standing{0, 1, 1, 2}
		s.tick()
		Produced{Acks: -1, Arrived: thin, Answered: thin, Alone: true}.Sent(s.View, s.p, s.p.Replica(1))
		return s.done()
	},
}

func seeRefusal(d *Tally, v *View, c *Change) {
	p, a := c.Partition, c.Produced
	if d.exercised(); d.broken() || v.Broker(c.Node).ending {
		return
	}
	bad := func(way string, words ...string) {
		d.violate(v, p.fact(ByLeader, -1, way), append([]string{v.name(c.Node), ", leader of ", p.TP.String(), " in epoch ", itoa(a.Arrived.Epoch), ", "}, words...)...)
	}
	demand := func(s Standing) string { return "; min.insync.replicas is " + itoa(s.MinISR) }
	switch first, last := a.Arrived, a.Answered; a.Code {
	case 0, requestTimedOut, notEnoughReplicasAfterward:
		switch { // it has appended the records
		case a.Acks == -1 && first.thin():
			bad("appends with too small an ISR", "appended records with acks=all while its ISR had ", plural(int64(first.ISR), "member", "members"), demand(first))
		case a.Code == 0 && a.Acks == -1 && a.Alone && last.MinISR > 0 && last.Epoch == first.Epoch && last.InSync < last.MinISR:
			bad("acknowledges with too small an ISR", "acknowledged acks=all when ", plural(int64(last.InSync), "replica was", "replicas were"), " in sync", demand(last),
				": that is NOT_ENOUGH_REPLICAS_AFTER_APPEND")
		case a.Code == requestTimedOut && a.Took >= 0 && a.Took < a.Timeout:
			bad("times out early", "answered REQUEST_TIMED_OUT after ", millis(a.Took), "; the request allows ", millis(a.Timeout))
		case a.Code == notEnoughReplicasAfterward && a.enoughThroughout():
			bad("refuses with enough in sync", "answered NOT_ENOUGH_REPLICAS_AFTER_APPEND, and ", plural(int64(last.InSync), "replica was", "replicas were"), " in sync", demand(last))
		}
	case notEnoughReplicas:
		if first.Epoch >= 0 && first.MinISR > 0 && first.ISR >= first.MinISR {
			bad("refuses with enough in sync", "answered NOT_ENOUGH_REPLICAS while its ISR had ", plural(int64(first.ISR), "member", "members"), demand(first))
		}
	case notLeader:
		if a.ledThroughout() {
			bad("denies that it leads", "answered NOT_LEADER_OR_FOLLOWER, and led from the arrival of the request to the response")
		}
	}
}

// thin reports whether a leader must refuse acks=all.
func (s Standing) thin() bool { return s.Epoch >= 0 && s.MinISR > 0 && s.ISR < s.MinISR }

// throughout reports whether a property held from the arrival of a request to its response.
func (a *Produced) throughout(holds func(Standing) bool) bool {
	for _, s := range a.Between {
		if !holds(s) {
			return false
		}
	}
	return holds(a.Arrived) && holds(a.Answered)
}

// enoughThroughout reports whether enough replicas were in sync all the time, as far as that is known. In a request for
// several partitions, the result of each partition is decided when the records of that partition are committed.
func (a *Produced) enoughThroughout() bool {
	return a.throughout(func(s Standing) bool { return s.Epoch >= 0 && s.MinISR > 0 && s.InSync >= s.MinISR })
}

// ledThroughout reports whether the broker led one epoch all the time.
func (a *Produced) ledThroughout() bool {
	return a.throughout(func(s Standing) bool { return s.Epoch >= 0 && s.Epoch == a.Arrived.Epoch })
}

// millis returns a duration in words.
func millis(d Duration) string { return itoa(d/1e6) + " ms" }
