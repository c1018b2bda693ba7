package observe

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/check"
	"samsa/sim"
	"samsa/sim/env"
)

// life is the observer's knowledge of a running process.
type life struct {
	began      sim.Time
	asked      bool // it got SIGTERM
	registered bool // a response has told it that it is registered
	refused    bool // the checks know that its disk failed
}

// answeredTo keeps the responses to a process that decide whether it may end.
func (l *life) answeredTo(resp env.Response) {
	if r, ok := resp.(*kmsg.BrokerRegistrationResponse); ok && r.ErrorCode == 0 {
		l.registered = true
	}
}

// exitOf returns the end of a machine's process, or its disk's failure, as the checks see it.
func exitOf(o *observer, h *hostView, reason error) check.Exit {
	reads, others := sim.DiskRefused(o.world, h.Addr)
	x := check.Exit{
		Node: h.Node, Controller: h.Role != "broker", Asked: h.life.asked, Failed: reason != nil, Refused: reads + others,
		Registered: h.life.registered, Lasted: check.Duration(o.world.Now() - h.life.began),
	}
	if o.hindrances.within(h.Addr, h.life.began, o.world.Now()) > 0 {
		x.Lasted = -1
	}
	return x
}

// exited delivers the end of a process that called exit. A process that was killed or lost power has no reason to give.
func exited(o *observer, h *hostView) {
	if reason, left := o.world.Exited(h.Addr); left {
		x := exitOf(o, h, reason)
		x.Ended = true
		x.Seen(o.view)
	}
}

// survived delivers that a process runs on after an event in which a call of its disk failed. All calls are synchronous, so
// the event that made the call knows of the failure. A controller may run on after a failed read, because it answers the
// fetch of another voter with KAFKA_STORAGE_ERROR.
func survived(o *observer, h *hostView) {
	reads, others := sim.DiskRefused(o.world, h.Addr)
	if h.Role == "broker" {
		others += reads
	}
	if !h.life.refused && others > 0 {
		h.life.refused = true
		exitOf(o, h, nil).Seen(o.view)
	}
}
