package check

import (
	"slices"

	"samsa/wire"
)

// bentAt is what bent says of the partition that a fact is about.
func (v *View) damagedDiskUnder(f Fact) string {
	for _, p := range v.parts {
		if p.TP.String() == f.Subject.Name && len(p.assigned.Replicas) > 0 {
			return v.damagedDisk(p)
		}
	}
	return ""
}

// damages tells whether a fault can take what a true sync had carried to the device.
func damages(what string) bool { return what != PowerLoss }

// alters tells whether a fault leaves bytes in a log that nobody wrote there.
func alters(what string) bool { return what == "bit rot" || what == "misdirected write" }

// PowerLoss is the fault that takes what is not synced.
const PowerLoss = "power loss"

// deviceFaults names the faults that break what the quorum stands on, a sync that is true; "" if there was none.
func (v *View) deviceFaults() string {
	words := ""
	for _, w := range v.quorum.voters {
		for _, h := range v.faults {
			if h.Node == w.Node && damages(h.What) {
				if words != "" {
					words += ", "
				}
				words += v.faultWords(h)
			}
		}
	}
	if words != "" {
		words = "a controller's disk broke its word: " + words
	}
	return words
}

// bent names a fault of a device under one of a partition's logs: what a disk has lost or changed behind a true sync may
// come back as anything, and spread.
func (v *View) damagedDisk(p *Partition) string {
	for _, h := range v.faults {
		if damages(h.What) && h.reaches(p) && p.replica(h.Node) != nil {
			return "a disk did not keep what it was given: " + v.faultWords(h)
		}
	}
	return ""
}

// bentOn names such a fault of one of these disks. Its broker takes what lay there for what it has, also when it comes back.
func (v *View) damagedDiskOf(p *Partition, disks ...wire.NodeID) string {
	for _, h := range v.faults {
		if damages(h.What) && h.reaches(p) && slices.Contains(disks, h.Node) {
			return "a disk did not keep what it was given: " + v.faultWords(h)
		}
	}
	return ""
}

// tainted tells whether a disk lost bytes of a partition and the controller cannot know yet: no invariant may count on it.
func (v *View) tainted(b *Broker, p *Partition) bool {
	_, hit := v.lastFault(b, p, b.faultsKnown)
	return hit
}

// lastHit is the last fault of a broker's disk that can concern a partition, of those that came behind the first so many:
// an index of View.hits.
func (v *View) lastFault(b *Broker, p *Partition, behind int) (at int, ok bool) {
	for i := len(b.faults) - 1; i >= behind; i-- {
		if v.faults[b.faults[i]].reaches(p) {
			return b.faults[i], true
		}
	}
	return 0, false
}

// Hit is a fault that may destroy bytes on one node's disk.
type Fault struct {
	Node wire.NodeID
	What string // "power loss"
	Step uint64
	In   string // the partition's directory that it stays in; "" if it can be anywhere on the disk
}

// reaches tells whether a fault can have touched what a disk has of a partition. One that stays in another's directory
// excuses nothing here.
func (h Fault) reaches(p *Partition) bool { return h.In == "" || h.In == p.TP.String() }

// words name a hit as clauses do.
func (v *View) faultWords(h Fault) string {
	return h.What + " of " + v.name(h.Node) + " at step " + itoa(h.Step)
}
