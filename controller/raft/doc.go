// Package raft is one node of KRaft. Voters elect a leader for the metadata log, and the leader's records are committed
// when a majority has them (KIP-595, KIP-996).
//
//	               Vote (pre-vote, vote)            │ LEADER_CHANGE │ records ... │
//	Replica ◀─────────────────────────▶ Replica     [───────────────┴─────────────)
//	  ▲    BeginQuorumEpoch, EndQuorumEpoch                    ▲ high watermark   ▲ end
//	  └───────────── Fetch (voters and observers pull) ────────┘
//
// The difference from the Raft paper is that followers pull: a leader never sends records except in a response. A
// follower's Fetch has the end of its log and the epoch of its last record; the response has either more records or the
// offset where the two logs diverge.
//
// Read state.go first, for the states and the transitions between them. Then read vote.go (elections), lead.go (a
// leader's appends and their sync; log.go has the durable part of the log), announce.go (BeginQuorumEpoch and
// EndQuorumEpoch), serve.go (a leader's answers to fetches, and the high watermark), follow.go (fetching and truncating)
// and file.go (the quorum-state file). messages.go has the messages as plain values and converts them to and from
// Kafka's messages; describe.go serves DescribeQuorum. rules.go lists the decisions for which Kafka once had another
// answer; history.go has the old answers.
//
// A Replica is part of a controller process, which passes events to it. At the end of each event the controller reads the
// high watermark and the leader; a Replica calls no function of the controller.
//
// The package knows nothing about topics. The voters are static (kraft.version 0; with KIP-853, Replica.Voters would
// become a history of voter sets). There are no snapshots and no FetchSnapshot (validateOffsetAndEpoch in serve.go would
// answer with a snapshot id). There is no linger time, because each call of Append appends its own batch at once.
package raft
