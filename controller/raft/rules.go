package raft

import (
	"samsa/sim/env"
	"samsa/wire"
)

// Rules are the decisions of this package that were once made otherwise. Each field asks a question; today's answer is in
// Today. Each is asked at one place.
type Rules struct {
	// ResumeLead: does a node that led when it died go on leading in the same epoch? Its log may have lost its tail
	// to a power loss, and it would write other records at offsets and in an epoch that others already have (KAFKA-10527).
	ResumeLead bool

	// FlushFirst: are records on the device before they count as a voter's copy, and before they are served? A
	// majority that holds them in page caches only can lose them together (KAFKA-10533).
	FlushFirst bool

	// MayExpose: may a leader expose a high watermark that a majority has reached, given where its epoch starts? Only behind
	// a record of its own epoch: what is older may be on a majority and still be overwritten (KAFKA-12619).
	MayExpose func(hw, epochStart wire.Offset) bool

	// MayTruncateBelow: may a log be cut to an offset below its high watermark? It means that something committed is
	// about to be lost; to go on would hide it (KAFKA-12460).
	MayTruncateBelow func(hw, to wire.Offset) bool

	// CheckQuorum: how long does a leader stay that hears no fetches of a majority, given the fetch timeout? 0 is for
	// ever, and whoever can reach only that leader waits as long (KAFKA-15489).
	CheckQuorum func(fetchTimeout env.Duration) env.Duration

	// PreVote: does a node ask whether it could win before it raises the epoch? A node that was away would else
	// depose a leader that everybody else is content with (KIP-996).
	PreVote bool

	// ElectionTimeout: how long does a node wait before it campaigns, given the least and what was drawn from
	// [0, least)? Equal waits meet again and again (KAFKA-18345).
	ElectionTimeout func(least, drawn env.Duration) env.Duration

	// SyncVote: is the new quorum-state file in its place for good, its name synced, before a vote leaves? A power loss
	// would else bring the old file back, and the node could give a second vote in the same epoch.
	SyncVote bool
}

// Today is the answers of the current Kafka.
func Today() Rules {
	return Rules{
		ResumeLead:       false,
		FlushFirst:       true,
		MayExpose:        func(hw, epochStart wire.Offset) bool { return hw > epochStart },
		MayTruncateBelow: func(hw, to wire.Offset) bool { return false },
		CheckQuorum:      func(fetchTimeout env.Duration) env.Duration { return fetchTimeout * 3 / 2 },
		PreVote:          true,
		ElectionTimeout:  func(least, drawn env.Duration) env.Duration { return least + drawn },
		SyncVote:         true,
	}
}
