package check

import (
	"slices"

	"samsa/wire"
)

// The ways in which a replica came to be without a promised batch. They are parts of Fact.Way, so that a failing scenario
// does not change its cause when a shrinker makes it smaller. For example, if it fails because a record was truncated,
// the smaller scenario must not fail because a record was never replicated. A truncation to the replica's own high
// watermark is not a separate way, because at the beginning of a log every truncation is such a truncation.
const (
	cutByItself  = "truncated it"
	takenByFault = "a fault took it"
	neverThere   = "never had it"
)

// wayLost returns the way in which a replica came to be without a batch. A truncation takes precedence over a fault,
// because after a fault a replica truncates the rest.
func (p *Partition) wayLost(node wire.NodeID, q *promise) string {
	if q.lastCutOn(node) != nil {
		return cutByItself
	}
	if slices.ContainsFunc(q.taken, func(t taken) bool { return t.node == node }) {
		return takenByFault
	}
	return neverThere
}

// chosen returns how a leader came to lead.
func chosen(p *Partition, r *Replica) string {
	e := p.election(r.Epoch)
	switch {
	case e == nil || e.Leader != r.Node || e.Epoch != r.Epoch:
		return "not elected"
	case e.Unclean != "":
		return "elected uncleanly"
	case e.FromELR:
		return "elected from the ELR"
	case slices.Contains(e.Members, r.Node):
		return "elected from the ISR"
	}
	return "elected from neither ISR nor ELR"
}

// wayOfLoss returns the way in which the promised batch at an offset was lost, for the history checks that find the loss
// in what clients saw. It returns "" if no leader missed the batch, so that the cause is another one.
func wayOfLoss(v *View, where place, at wire.Offset) string {
	for p := range partitionsOf(v, where) {
		for q := range p.promisesWithin(at, at+1) {
			if q.lost && !licenses(q.clause) {
				return q.way
			}
		}
	}
	return ""
}
