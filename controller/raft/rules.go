package raft

import (
	"samsa/sim/env"
	"samsa/wire"
)

// Rules has the decisions of this package for which Kafka once had another answer. Each field is a question that the code
// asks in one place; CurrentRules has the current answers.
type Rules struct {
	// ResumeLead: does a voter that crashed as leader remain leader in the same epoch? A power loss may have removed the
	// tail of its log. The leader would then append other records at the same offsets and in the same epoch as records
	// that other voters already have (KAFKA-10527).
	ResumeLead bool

	// FlushFirst: are records flushed before they count towards the majority, and before they are served? A majority can
	// lose records together if they are only in page caches (KAFKA-10533).
	FlushFirst bool

	// MayExpose: may a leader expose a high watermark that a majority has reached, given the start offset of its epoch?
	// It may do so only above a record of its own epoch, because a record of an older epoch may be overwritten even if a
	// majority has it (KAFKA-12619).
	MayExpose func(hw, epochStart wire.Offset) bool

	// MayTruncateBelow: may a log be truncated below its high watermark? If so, a committed record would be lost, and a
	// voter that continues would hide the loss (KAFKA-12460).
	MayTruncateBelow func(hw, to wire.Offset) bool

	// CheckQuorum: how long does a leader stay leader without fetches from a majority, given the fetch timeout? 0 means
	// for ever; then a broker that reaches only that leader would wait for ever (KAFKA-15489).
	CheckQuorum func(fetchTimeout env.Duration) env.Duration

	// PreVote: does a voter ask for pre-votes before it raises the epoch? Without pre-votes, a voter that returns from a
	// network partition deposes a leader that all other voters fetch from (KIP-996).
	PreVote bool

	// ElectionTimeout: how long does a voter wait before it campaigns, given the shortest wait (least) and a random duration
	// below least (drawn)? Voters with equal waits split the vote again and again (KAFKA-18345).
	ElectionTimeout func(least, drawn env.Duration) env.Duration

	// SyncVote: is the directory entry of the new quorum-state file synced before a vote is sent? Otherwise the old file
	// may come back after a power loss, and the voter could vote twice in one epoch.
	SyncVote bool
}

// CurrentRules returns the answers of current Kafka.
func CurrentRules() Rules {
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

// mustBeComplete panics if a rule is missing.
func (r *Rules) mustBeComplete() {
	if r.MayExpose == nil || r.MayTruncateBelow == nil || r.CheckQuorum == nil || r.ElectionTimeout == nil {
		panic("raft: Rules has a question without an answer: begin with CurrentRules")
	}
}
