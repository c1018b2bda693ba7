package check

import (
	"slices"
	"strings"

	"samsa/wire"
)

// Kafka itself breaks some promises: FINDINGS.md has each case with its scenario. Such a violation is no price, because no setting or
// fault allows it; but a campaign need not report it as news. A check therefore asks for the mark of a finding: the events without
// which the finding cannot happen, seen in this run, on this replica, at this offset. The same check without the mark is news.
//
//	skipped-epoch         a broker led in epoch n and leads in n+2, never having seen another leader of n+1; in n+1 the follower
//	                      truncated the batch, and the broker commits it in n+2
//	elr-off-and-on        a replica is in the ELR since before the feature was switched off, and the feature is on again; the batch
//	                      was promised since it was switched off
//	recreated-while-away  a broker had the log of a deleted topic with this name, and the log of the new topic begins at a log start
//	                      of the old one
//
// A mark travels like a licence, as a clause, so that every check that reports a consequence of the loss has it too.

// findingClause begins the clause of a violation with the mark of a finding.
const findingClause = "finding "

// flaw builds the clause of a finding.
func flaw(finding string, words ...string) string {
	return findingClause + finding + ": " + strings.Join(words, "")
}

// findingIn returns the finding that a clause names, or "" if the clause is a licence.
func findingIn(clause string) string {
	if !strings.HasPrefix(clause, findingClause) {
		return ""
	}
	name, _, _ := strings.Cut(clause[len(findingClause):], ": ")
	return name
}

// mark sets the finding that the clause names. The clause then has the rest, which says what has happened.
func (r *Result) mark() {
	if r.Known = findingIn(r.Clause); r.Known != "" {
		_, r.Clause, _ = strings.Cut(r.Clause, ": ")
	}
}

// licenses reports whether a clause allows what happened. The clause of a finding does not.
func licenses(clause string) bool { return clause != "" && findingIn(clause) == "" }

// flaws holds what the marks of a partition need.
type flaws struct {
	skips     []skip
	cuts      []truncation
	staying   []staying
	inherited []inherited
}

// skip is an epoch of another leader that a broker never saw.
type skip struct {
	node     wire.NodeID
	from, to wire.Epoch // it led in both
	began    uint64     // the step in which the skipped leader was elected
	step     uint64     // the step in which the broker leads again
}

// truncation is a truncation of a replica's log by its own process.
type truncation struct {
	node wire.NodeID
	step uint64
	to   wire.Offset
}

// staying is an ELR member that was in the ELR as the feature was switched off.
type staying struct {
	node wire.NodeID
	off  uint64 // the step in which the feature was switched off
	on   uint64 // the step in which it was on again, 0 while it is off
	left bool   // it has left the ELR; only its own election from it still counts
}

// inherited is a log that begins where the log of a deleted topic of the same name began.
type inherited struct {
	node  wire.NodeID
	step  uint64
	start wire.Offset
}

// noteSkip records that a leader leads again in a later epoch without having seen the leader between.
func noteSkip(v *View, p *Partition, r *Replica, before State) {
	if !before.Leads || !r.Leads || r.Epoch <= before.Epoch {
		return
	}
	for _, e := range p.elections {
		if before.Epoch < e.Epoch && e.Epoch < r.Epoch && e.Leader != r.Node {
			p.flaws.skips = append(p.flaws.skips, skip{r.Node, before.Epoch, r.Epoch, e.Step, v.step})
			return
		}
	}
}

// noteSwitch records that the feature of the ELR is switched off or on.
func noteSwitch(v *View, level int16) {
	for _, p := range v.parts {
		f := &p.flaws
		for _, id := range p.assigned.ELR {
			if i := f.stays(id); level == 0 && i < 0 {
				f.staying = append(f.staying, staying{node: id, off: v.step})
			} else if level > 0 && i >= 0 && f.staying[i].on == 0 {
				f.staying[i].on = v.step
			}
		}
	}
}

// stays returns the index of the member that is in the ELR since the feature was switched off, or -1.
func (f *flaws) stays(id wire.NodeID) int {
	return slices.IndexFunc(f.staying, func(s staying) bool { return s.node == id && !s.left })
}

// leave records the members that have left the ELR.
func (f *flaws) leave(elr []wire.NodeID) {
	for i := range f.staying {
		f.staying[i].left = f.staying[i].left || !slices.Contains(elr, f.staying[i].node)
	}
}

// flawOfMember returns the clause of the finding because of which a replica is eligible without a promised batch, or "".
func flawOfMember(v *View, p *Partition, q *promise, node wire.NodeID) string {
	for _, s := range p.flaws.staying {
		if s.node == node && !s.left && s.on > 0 && q.enteredAt >= s.off {
			return s.words(v)
		}
	}
	return flawOfCopy(v, p, q, node)
}

// flawOfLeader returns the clause of the finding because of which the leader of an epoch does not have a promised batch, or "".
func flawOfLeader(v *View, p *Partition, q *promise, e *Election) string {
	if e.Stayed != nil && q.enteredAt >= e.Stayed.off {
		return e.Stayed.words(v)
	}
	return flawOfCopy(v, p, q, e.Leader)
}

// flawOfCopy returns the clause of the finding because of which a replica counted as one that has a batch and does not, or "".
func flawOfCopy(v *View, p *Partition, q *promise, node wire.NodeID) string {
	for _, i := range p.flaws.inherited {
		if i.node == node && q.enteredAt <= i.step && q.Base < i.start {
			return i.words(v)
		}
	}
	for _, k := range p.flaws.skips {
		if node != k.node && q.enteredAt >= k.step && q.Epoch <= k.from && p.flaws.truncated(node, q.Base, k) {
			return k.words(v)
		}
	}
	return ""
}

// flawOfHW returns the clause of the finding because of which a leader's high watermark has passed the last batch below it although a
// replica does not have it, or "".
func flawOfHW(v *View, p *Partition, leader *Replica, last Batch, node wire.NodeID) string {
	if i := p.flaws.stays(node); i >= 0 && p.flaws.staying[i].on > 0 {
		return p.flaws.staying[i].words(v)
	}
	for _, i := range p.flaws.inherited {
		if i.node == node && last.Base < i.start {
			return i.words(v)
		}
	}
	for _, k := range p.flaws.skips {
		if k.node == leader.Node && k.to == leader.Epoch && last.Epoch <= k.from && p.flaws.truncated(node, last.Base, k) {
			return k.words(v)
		}
	}
	return ""
}

// flawOfAck returns the clause of the finding because of which a leader acknowledged a batch that too few replicas have, or "".
func flawOfAck(v *View, p *Partition, leader *Replica, b Batch) string {
	for _, r := range p.replicas {
		if !r.Log.Has(b) {
			if clause := flawOfHW(v, p, leader, b, r.Node); clause != "" {
				return clause
			}
		}
	}
	return ""
}

// orFlaw returns a licence or, if there is none, the clause of a finding.
func orFlaw(licence, flaw string) string {
	if licence != "" {
		return licence
	}
	return flaw
}

// truncated reports whether a replica truncated an offset while another broker led the skipped epoch.
func (f *flaws) truncated(node wire.NodeID, at wire.Offset, k skip) bool {
	return slices.ContainsFunc(f.cuts, func(t truncation) bool { return t.node == node && t.to <= at && t.step >= k.began && t.step <= k.step })
}

// inheritsStart reports whether a log begins at a log start of a deleted topic's log on the same broker, and records it.
func inheritsStart(v *View, p *Partition, r *Replica, start wire.Offset) string {
	if v.Broker(r.Node).died == 0 {
		return "" // a broker reads the checkpoint only when it starts
	}
	for _, o := range v.parts {
		if old := o.replica(r.Node); o.TP == p.TP && o.ID != p.ID && old != nil && old.removed && start <= old.formerStart {
			i := inherited{r.Node, v.step, start}
			if !slices.ContainsFunc(p.flaws.inherited, func(j inherited) bool { return j.node == i.node && j.start == i.start }) {
				p.flaws.inherited = append(p.flaws.inherited, i)
			}
			return i.words(v)
		}
	}
	return ""
}

func (k skip) words(v *View) string {
	return flaw("skipped-epoch", v.name(k.node), " led in epoch ", itoa(k.from), " and, from step ", itoa(k.step), " on, in epoch ", itoa(k.to),
		", and never saw the leader between")
}

func (s staying) words(v *View) string {
	return flaw("elr-off-and-on", v.name(s.node), " is in the ELR since before step ", itoa(s.off), ", when ", elrVersion, " was set to 0; it was on again at step ", itoa(s.on))
}

func (i inherited) words(v *View) string {
	return flaw("recreated-while-away", "the log of ", v.name(i.node), " begins at offset ", itoa(i.start), ", where the log of the deleted topic of this name began")
}
