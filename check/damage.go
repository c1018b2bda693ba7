package check

import (
	"slices"

	"samsa/wire"
)

// damagedDiskUnder returns damagedDisk for the partition that a fact is about.
func (v *View) damagedDiskUnder(f Fact) string {
	for _, p := range v.parts {
		if p.TP.String() == f.Subject.Name && len(p.assigned.Replicas) > 0 {
			return v.damagedDisk(p)
		}
	}
	return ""
}

// damages reports whether a fault can destroy bytes that were synced.
func damages(what string) bool { return what != PowerLoss }

// alters reports whether a fault replaces bytes of a log by bytes that no broker wrote there.
func alters(what string) bool { return what == "bit rot" || what == "misdirected write" }

// PowerLoss is the fault that destroys bytes that were not synced.
const PowerLoss = "power loss"

// deviceFaults describes the faults that destroyed synced bytes of a controller, or "" if there were none. The quorum relies
// on synced bytes.
func (v *View) deviceFaults() string {
	words := ""
	for _, w := range v.quorum.voters {
		for _, h := range v.faults {
			if h.Node == w.Node && damages(h.What) {
				if words != "" {
					words += ", "
				}
				words += h.words(v)
			}
		}
	}
	if words != "" {
		words = "a controller's disk lost what a sync had written: " + words
	}
	return words
}

// damagedDisk describes a fault that damaged synced bytes of one of a partition's logs, or "" if there was none. Damaged
// bytes may be read as anything, and followers copy them.
func (v *View) damagedDisk(p *Partition) string {
	for _, h := range v.faults {
		if damages(h.What) && h.reaches(p) && p.replica(h.Node) != nil {
			return "a disk lost or changed what it had stored: " + h.words(v)
		}
	}
	return ""
}

// damagedDiskOf works like damagedDisk, but looks only at the disks of these brokers. A restart of a broker does not repair
// its disk, so faults before the restart count too.
func (v *View) damagedDiskOf(p *Partition, disks ...wire.NodeID) string {
	for _, h := range v.faults {
		if damages(h.What) && h.reaches(p) && slices.Contains(disks, h.Node) {
			return "a disk lost or changed what it had stored: " + h.words(v)
		}
	}
	return ""
}

// tainted reports whether a disk lost bytes of a partition and the controller cannot know of the loss yet. Invariants ignore
// such a replica.
func (v *View) tainted(b *Broker, p *Partition) bool {
	_, hit := v.lastFault(b, p, b.faultsKnown)
	return hit
}

// lastFault returns the last fault of a broker's disk that may have hit a partition, as an index of View.faults. It skips
// the broker's oldest faults; the parameter first is the number of faults to skip.
func (v *View) lastFault(b *Broker, p *Partition, first int) (at int, ok bool) {
	for i := len(b.faults) - 1; i >= first; i-- {
		if v.faults[b.faults[i]].reaches(p) {
			return b.faults[i], true
		}
	}
	return 0, false
}

// Fault is a fault that may destroy bytes on one node's disk.
type Fault struct {
	Node wire.NodeID
	What string // "power loss"
	Step uint64
	In   string // the partition's directory that the fault is limited to; "" if it may be anywhere on the disk
}

// reaches reports whether a fault can have touched a disk's copy of a partition. A fault that is limited to the directory of
// another partition cannot.
func (h Fault) reaches(p *Partition) bool { return h.In == "" || h.In == p.TP.String() }

// words describes a fault in the form that clauses use.
func (h Fault) words(v *View) string {
	return h.What + " of " + v.name(h.Node) + " at step " + itoa(h.Step)
}
