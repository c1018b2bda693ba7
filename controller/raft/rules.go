package raft

import (
	"samsa/sim/env"
	"samsa/wire"
)

// Rules are the decisions of this package for which Kafka once had another answer. Each field is a question, asked at
// one place; CurrentRules has the current answers.
type Rules struct {
	// ResumeLead: does a voter that crashed as leader remain leader in the same epoch? Its log may have lost its tail in
	// a power loss, and it would append other records at offsets and in an epoch that other voters already have
	// (KAFKA-10527).
	ResumeLead bool

	// FlushFirst: are records flushed before they count towards the majority, and before they are served? A majority that has
	// them in page caches only can lose them together (KAFKA-10533).
	FlushFirst bool

	// MayExpose: may a leader expose a high watermark that a majority has reached, given the start offset of its epoch?
	// Only above a record of its own epoch: an older record may be on a majority and still be overwritten (KAFKA-12619).
	MayExpose func(hw, epochStart wire.Offset) bool

	// MayTruncateBelow: may a log be truncated below its high watermark? A committed record would be lost, and a voter
	// that continues would hide that (KAFKA-12460).
	MayTruncateBelow func(hw, to wire.Offset) bool

	// CheckQuorum: how long does a leader stay leader without fetches from a majority, given the fetch timeout? 0 is for
	// ever: a broker that reaches only that leader would wait for ever (KAFKA-15489).
	CheckQuorum func(fetchTimeout env.Duration) env.Duration

	// PreVote: does a voter ask for pre-votes before it raises the epoch? Without them a voter after a partition deposes
	// a leader that all others fetch from (KIP-996).
	PreVote bool

	// ElectionTimeout: how long does a voter wait before it campaigns, given the least wait and a number drawn from [0, least)?
	// Voters with equal waits split the vote again and again (KAFKA-18345).
	ElectionTimeout func(least, drawn env.Duration) env.Duration

	// SyncVote: is the name of the new quorum-state file synced before a vote leaves? Otherwise the old file may be back
	// after a power loss, and the voter could vote twice in one epoch.
	SyncVote bool
}

// CurrentRules are the answers of the current Kafka.
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
