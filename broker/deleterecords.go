package broker

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// DeleteRecords, versions 0 to 2 (KIP-107): the leader moves its log's start at once, followers when their next fetch is
// answered, and the request is answered when the fetch after that shows that all live replicas did. Who is told "deleted"
// may rely on it under any later leader; a broker that is down deletes when it is back, from its leader's answers.

// parkedDeletion is a DeleteRecords that waits for followers.
type parkedDeletion struct {
	id     int64
	ticket env.Ticket
	resp   *kmsg.DeleteRecordsResponse
	waits  []deletionWait
	since  env.Instant
}

// deletionWait is one partition of a parkedDeletion.
type deletionWait struct {
	r         *replica
	to        wire.Offset // done when every live replica starts here or above
	topic, at int         // the place in the response
	done      bool        // its answer stands
}

func (b *Broker) deleteRecords(e env.Env, t env.Ticket, req *kmsg.DeleteRecordsRequest) {
	resp := req.ResponseKind().(*kmsg.DeleteRecordsResponse)
	d := &parkedDeletion{ticket: t, resp: resp, since: e.Now()}
	for i, rt := range req.Topics {
		at := kmsg.NewDeleteRecordsResponseTopic()
		at.Topic = rt.Topic
		for j, rp := range rt.Partitions {
			ap := kmsg.NewDeleteRecordsResponseTopicPartition()
			ap.Partition, ap.LowWatermark = rp.Partition, -1
			r, unknown := b.find(rt.Topic, wire.TopicID{}, false, rp.Partition)
			if unknown != nil {
				ap.ErrorCode = unknown.Code
			} else if to, err := r.DeleteBefore(e.Disk(), wire.Offset(rp.Offset)); err != nil {
				ap.ErrorCode = code(b.broken(e, err))
			} else {
				ap.ErrorCode = kerr.RequestTimedOut.Code // so it stays if nothing else is heard
				d.waits = append(d.waits, deletionWait{r: r, to: to, topic: i, at: j})
				b.touch(r)
			}
			at.Partitions = append(at.Partitions, ap)
		}
		resp.Topics = append(resp.Topics, at)
	}
	if len(d.waits) == 0 {
		b.reply(e, t, resp, d.since)
		return
	}
	b.next++
	d.id = b.next
	b.deletions = append(b.deletions, d)
	e.Arm(env.Timer{Kind: timDeletion, Lane: env.LaneClient, A: d.id}, env.Duration(max(req.TimeoutMillis, 0))*env.Millisecond)
}

// settleDeletion looks whether a deletion has reached everybody.
func (b *Broker) settleDeletion(e env.Env, d *parkedDeletion) {
	open := false
	for i := range d.waits {
		w := &d.waits[i]
		if w.done {
			continue
		}
		ap := &d.resp.Topics[w.topic].Partitions[w.at]
		switch low := w.r.LowWatermark(); {
		case w.r.gone || !w.r.Leads(): // another leader may start lower, and nobody has asked that one
			ap.ErrorCode, w.done = kerr.NotLeaderForPartition.Code, true
		case low >= w.to:
			ap.ErrorCode, ap.LowWatermark, w.done = 0, int64(low), true
		default:
			open = true
		}
	}
	if !open {
		b.answerDeletion(e, d)
	}
}

// expireDeletion answers a deletion whose time is over: the leader has done it, some follower may not.
func (b *Broker) expireDeletion(e env.Env, id int64) {
	if i := slices.IndexFunc(b.deletions, func(d *parkedDeletion) bool { return d.id == id }); i >= 0 {
		b.answerDeletion(e, b.deletions[i])
	}
}

func (b *Broker) answerDeletion(e env.Env, d *parkedDeletion) {
	b.deletions = slices.DeleteFunc(b.deletions, func(x *parkedDeletion) bool { return x == d })
	e.Disarm(env.Timer{Kind: timDeletion, Lane: env.LaneClient, A: d.id})
	b.reply(e, d.ticket, d.resp, d.since)
}
