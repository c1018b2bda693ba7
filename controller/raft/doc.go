// Package raft is KRaft for one node: it elects a leader for the metadata log and commits what the leader appends
// (KIP-595, KIP-996).
//
//	               Vote (pre-vote, vote)            │ LEADER_CHANGE │ records ... │
//	Replica ◀─────────────────────────▶ Replica     [───────────────┴─────────────)
//	  ▲    BeginQuorumEpoch, EndQuorumEpoch                    ▲ high watermark   ▲ end
//	  └───────────── Fetch (voters and observers pull) ────────┘
//
// It differs from the Raft of the paper in one thing that runs through everything: followers pull. A leader never sends
// records; a follower says in its Fetch where its log ends, in which epoch its last record was written, and learns from
// the answer either more records or where the two logs part.
//
// Read state.go first: the states and who becomes what. Then vote.go (elections), lead.go (what a leader does), announce.go
// (how it says so), serve.go (how it answers fetches, and how the high watermark moves), follow.go (fetching and
// truncating), file.go (what must be durable before it is said). messages.go is how what they say lies in Kafka's messages,
// describe.go what an operator sees. rules.go lists the decisions that were once made otherwise, history.go how.
//
// A Replica is no process of its own: it lives in one (the controller), which hands it the events that are its own and then looks,
// at the end of the event, at what is committed and who leads. It calls nobody back.
//
// What it is not: it knows nothing of topics. The voters are static (kraft.version 0). Left out, with their place:
// snapshots and FetchSnapshot (validate in serve.go is where a snapshot id would be answered), dynamic voters (KIP-853;
// Voters is the one door to the set, which would become a history in the log), batching appends by linger (Append flushes each).
package raft
