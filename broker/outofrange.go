package broker

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// A follower whose fetch is OFFSET_OUT_OF_RANGE does not know on which side (AbstractFetcherThread.fetchOffsetAndTruncate).
// It asks its leader where the leader's log ends, and if its own is not longer, where the leader's begins:
//
//	ask end ──mine is longer──▶ cut there (the leader lost its tail, or was elected uncleanly)
//	   └──otherwise──▶ ask start ──it begins above all of mine──▶ empty mine and begin there
//	                       └──otherwise──▶ fetch on

// askEnds asks for the leader's end. The partition waits out a backoff meanwhile, so that the answer is first.
func (b *Broker) askEnds(e env.Env, f *fetcher, r *replica) { b.askOffset(e, f, r, -1) }

func (b *Broker) askOffset(e env.Env, f *fetcher, r *replica, special int64) {
	req := kmsg.NewPtrListOffsetsRequest()
	req.SetVersion(7)
	req.ReplicaID = int32(b.cfg.Node)
	rp := kmsg.NewListOffsetsRequestTopicPartition()
	rp.Partition, rp.CurrentLeaderEpoch, rp.Timestamp = r.TP.Partition, int32(r.Epoch()), special
	rt := kmsg.NewListOffsetsRequestTopic()
	rt.Topic, rt.Partitions = r.TP.Topic, append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	e.Call(f.link, b.cfg.requestTimeout, req, env.Token{Kind: tokOffset, A: r.index, B: int64(r.Epoch()), C: int64(r.Log().End()), D: special})
}

// offsetTold takes the leader's answer in, if the replica still stands where it asked.
func (b *Broker) offsetTold(e env.Env, tok env.Token, resp env.Response, err error) {
	r := b.order[tok.A]
	if err != nil || r.gone || r.Leads() || r.Epoch() != wire.Epoch(tok.B) || r.Log().End() != wire.Offset(tok.C) {
		return // the next fetch finds out again
	}
	ap := &resp.(*kmsg.ListOffsetsResponse).Topics[0].Partitions[0]
	if ap.ErrorCode != 0 {
		return
	}
	mine, theirs := r.Log().End(), wire.Offset(ap.Offset)
	switch {
	case tok.D == -1 && theirs < mine:
		e.Note(noteTruncated, r.ID.Short(), int64(r.TP.Partition), int64(theirs), int64(mine))
		err = b.truncated(e, r.Truncate(e.Disk(), theirs))
	case tok.D == -1:
		if f := b.fetchers[r.Leader()]; f != nil && f.link != 0 {
			b.askOffset(e, f, r, -2)
		}
	case theirs > mine:
		e.Note(noteRestarted, r.ID.Short(), int64(r.TP.Partition), int64(theirs), int64(mine))
		err = b.truncated(e, r.Restart(e.Disk(), theirs))
	}
	b.touch(r)
	b.fail(e, err)
}
