// Package raft is KRaft in one process: voters elect a leader for the metadata log, and the records that it appends are committed
// when a majority has them (KIP-595, KIP-996).
//
//	               Vote (pre-vote, vote)            │ LEADER_CHANGE │ records ... │
//	Replica ◀─────────────────────────▶ Replica     [───────────────┴─────────────)
//	  ▲    BeginQuorumEpoch, EndQuorumEpoch                    ▲ high watermark   ▲ end
//	  └───────────── Fetch (voters and observers pull) ────────┘
//
// It differs from the Raft of the paper in one point: followers pull. A leader never sends records by itself. A
// follower's Fetch has the end of its log and the epoch of its last record; the response has either more records or the
// offset where the two logs diverge.
//
// Read state.go first: the states and the transitions between them. Then vote.go (elections), lead.go (a leader's appends and their
// sync; log.go has the durable part of the log), announce.go (BeginQuorumEpoch and EndQuorumEpoch), serve.go (a leader's answers to
// fetches, and the high watermark), follow.go (fetching and truncating) and file.go (the quorum-state file). messages.go has the
// messages as plain values and as Kafka's, describe.go the operator's view. rules.go lists the decisions that Kafka once took
// otherwise, history.go the old ones.
//
// A Replica is part of a process, the controller, which passes its events on to it. At the end of each event the
// controller reads the high watermark and the leader; a Replica calls no function of the controller.
//
// Left out: it knows nothing of topics. The voters are static (kraft.version 0; Replica.Voters would become a history of sets,
// KIP-853). There are no snapshots and no FetchSnapshot (validateOffsetAndEpoch in serve.go would answer a snapshot id), and appends
// are not batched by a linger time (Append flushes each).
package raft
