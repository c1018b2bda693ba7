package broker

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// DeleteRecords has versions 0 to 2 (KIP-107). The leader moves its log start at once, and each follower moves its own when
// it gets the next fetch response. The leader answers the request when later fetches show that all live replicas have moved
// their log starts. After a response without an error the records stay deleted under any later leader. A broker that is down
// deletes them after its restart, because the leader's fetch responses have the new log start.

// handleDeleteRecordsRequest deletes the records in this broker's logs, and parks the request until the followers have
// deleted them too.
func (m *replicaManager) handleDeleteRecordsRequest(e env.Env, t env.Ticket, req *kmsg.DeleteRecordsRequest) {
	resp := req.ResponseKind().(*kmsg.DeleteRecordsResponse)
	d := &parkedDeletion{ticket: t, resp: resp, since: e.Now()}
	for _, rt := range req.Topics {
		i := len(resp.Topics)
		at := kmsg.NewDeleteRecordsResponseTopic()
		at.Topic = rt.Topic
		for k, rp := range rt.Partitions {
			again := func(o kmsg.DeleteRecordsRequestTopicPartition) bool { return o.Partition == rp.Partition }
			if slices.ContainsFunc(rt.Partitions[k+1:], again) {
				continue // the last entry of a partition counts
			}
			j := len(at.Partitions)
			ap := kmsg.NewDeleteRecordsResponseTopicPartition()
			ap.Partition, ap.LowWatermark = rp.Partition, -1
			r, unknown := m.lookup(rt.Topic, wire.TopicID{}, false, rp.Partition)
			if unknown != nil {
				ap.ErrorCode = unknown.Code
			} else if to, err := r.DeleteRecords(e.Disk(), wire.Offset(rp.Offset)); err != nil {
				ap.ErrorCode = code(m.logs.haltIfOffline(e, err))
			} else {
				ap.ErrorCode = kerr.RequestTimedOut.Code // until the purgatory completes it
				d.waits = append(d.waits, deletionWait{r: r, to: to, topic: i, at: j})
				m.replicas.touch(r)
			}
			at.Partitions = append(at.Partitions, ap)
		}
		if len(at.Partitions) > 0 {
			resp.Topics = append(resp.Topics, at)
		}
	}
	if len(d.waits) == 0 {
		m.metrics.reply(e, t, resp, d.since)
		return
	}
	m.purgatory.parkDeletion(e, d, req.TimeoutMillis)
}
