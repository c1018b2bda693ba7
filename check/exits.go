package check

import "samsa/wire"

// A process of the cluster ends by itself only for a reason, and it must end if its disk fails:
//
//	SIGTERM, and its clean shutdown is over                          ends
//	a disk call fails (KIP-112: its only log directory is offline)   ends at once
//	no controller registers the broker in time                       ends
//	the quorum has lost metadata that was committed                  ends
//	anything else                                                    runs on
//
// A supervisor may hide an end without a reason, because it restarts the process. The partitions that the process led
// are then without a leader until its session ends.

// Exit is the end of a process that called exit, or the failure of its disk.
type Exit struct {
	Node       wire.NodeID
	Controller bool
	Ended      bool     // it called exit; otherwise it runs on after a disk call failed
	Asked      bool     // it got SIGTERM before
	Failed     bool     // it ended with an error
	Refused    uint64   // the number of its disk calls that failed
	Registered bool     // a controller has told this process that it is registered
	Lasted     Duration // how long the process ran; -1 if its clock was wrong or it was paused
}

// Seen records that a process ended by itself, or that a call of its disk failed.
func (x Exit) Seen(v *View) { v.notify(Change{Kind: ProcessEnded, Node: x.Node, Exit: &x}) }

var endsWithReason = &Check{
	Name: "ends-with-reason", Numbers: "S34",
	Doc: "a broker or controller ends by itself only if it was asked to, its disk failed, no controller registered it in time, or the quorum lost metadata; and it ends if its disk failed",
	Of:  [2]string{"process that ended, or had to end", "processes that ended, or had to end"},
	On:  []ChangeKind{ProcessEnded},
	See: seeExit,
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.tick()
		Exit{Node: 1, Ended: true, Asked: true, Registered: true}.Seen(v)
		Exit{Node: 2, Ended: true, Failed: true, Refused: 1, Registered: true}.Seen(v)
		Exit{Node: 3, Ended: true, Failed: true, Lasted: 60 * second}.Seen(v)
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.tick()
		Exit{Node: 1, Ended: true, Failed: true, Registered: true, Lasted: 60 * second}.Seen(v)
		return s.done()
	},
}

func seeExit(d *Tally, v *View, c *Change) {
	x := c.Exit
	role := ByServer
	if x.Controller {
		role = ByController
	}
	bad := func(way, clause string, words ...string) {
		d.decide(v, factOf(ABroker, v.name(x.Node), role, way), clause, append([]string{v.name(x.Node)}, words...)...)
	}
	d.exercised()
	switch {
	case !x.Ended:
		bad("runs on", "", " runs on, although ", plural(int64(x.Refused), "call", "calls"), " of its disk failed")
	case x.Refused > 0 || x.Asked && !x.Failed:
	case !x.Failed:
		bad("ends unasked", "", " shut down cleanly, and was not asked to")
	case !x.Controller && !x.Registered && (x.Lasted < 0 || x.Lasted >= v.contract.Registration):
	default:
		bad("ends", lostBefore(v, x.Node), " ended with an error, and no call of its disk had failed")
	}
}

// lostBefore describes a fault that destroyed synced bytes of a node or of a controller, or "" if there was none. The node
// may find its files unreadable, or find that committed metadata is gone.
func lostBefore(v *View, node wire.NodeID) string {
	for _, h := range v.faults {
		if h.Node == node && damages(h.What) {
			return "a disk lost or changed what it had stored: " + h.words(v)
		}
	}
	return v.deviceFaults()
}
