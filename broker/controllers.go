package broker

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// controllerLink is how a broker finds the active controller: one connection a lane, so that none waits for another, all
// to the machine that led the quorum when somebody last said so. Whoever answers a fetch of the metadata log says who
// leads; while nobody knows, or nobody answers, the next one is tried.
type controllerLink struct {
	links [env.Lanes]env.Link
	at    int        // index into Config.Controllers
	epoch wire.Epoch // of the quorum, as far as we have heard
}

// link is the connection of a lane, dialled if there is none.
func (c *controllerLink) link(e env.Env, to []env.Addr, lane env.Lane) env.Link {
	if c.links[lane] == 0 {
		c.links[lane] = e.Dial(to[c.at], lane)
	}
	return c.links[lane]
}

func (c *controllerLink) lost(l env.Link) {
	for i := range c.links {
		if c.links[i] == l {
			c.links[i] = 0
		}
	}
}

// turn moves all connections to another controller; what is under way on the old ones comes back and is sent again.
func (c *controllerLink) turn(e env.Env, to int) {
	if c.at == to {
		return
	}
	c.at = to
	for i, l := range c.links {
		if l != 0 {
			e.Close(l)
			c.links[i] = 0
		}
	}
}

// heardOf takes in what an answer to a metadata fetch says of the quorum. Whoever is refused and not sent elsewhere tries
// the next: it may have asked a controller that is cut off and has missed an epoch, or one that has just given up.
func (b *Broker) heardOf(e env.Env, r *kmsg.FetchResponse, p *kmsg.FetchResponseTopicPartition) {
	if epoch := wire.Epoch(p.CurrentLeader.LeaderEpoch); epoch >= b.ctrl.epoch {
		b.ctrl.epoch = epoch
		for _, node := range r.Brokers {
			i := slices.Index(b.cfg.Controllers, env.Addr(node.Host))
			if node.NodeID != p.CurrentLeader.LeaderID || i < 0 {
				continue
			}
			if i != b.ctrl.at || p.ErrorCode == kerr.FencedLeaderEpoch.Code { // it leads, and we only had the epoch wrong
				b.ctrl.turn(e, i)
				return
			}
		}
	}
	if p.ErrorCode != 0 {
		b.tryNext(e)
	}
}

// tryNext asks another controller.
func (b *Broker) tryNext(e env.Env) { b.ctrl.turn(e, (b.ctrl.at+1)%len(b.cfg.Controllers)) }
