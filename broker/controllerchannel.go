package broker

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
)

// controllerChannel has the connections to the active controller (NodeToControllerChannelManager). There is one connection
// for each lane, so that no lane waits for another. Every response to a metadata fetch names the quorum's leader, and all
// connections go to the leader that was named last. While no leader is known, or the leader does not answer, the channel
// tries the next controller.
type controllerChannel struct {
	controllers []env.Addr // never empty
	links       [env.Lanes]env.Link
	at          int        // index into controllers
	epoch       wire.Epoch // the highest epoch of the quorum in any response
}

// call sends a request to the controller on the connection of a lane, and dials it if there is no connection.
func (c *controllerChannel) call(e env.Env, lane env.Lane, timeout env.Duration, req env.Request, tok env.Token) {
	if c.links[lane] == 0 {
		c.links[lane] = e.Dial(c.controllers[c.at], lane)
	}
	e.Call(c.links[lane], timeout, req, tok)
}

func (c *controllerChannel) lost(l env.Link) {
	for i := range c.links {
		if c.links[i] == l {
			c.links[i] = 0
		}
	}
}

// switchTo moves all connections to another controller; calls on the old ones fail and are sent again.
func (c *controllerChannel) switchTo(e env.Env, to int) {
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

// tryNext switches to the next controller of the list.
func (c *controllerChannel) tryNext(e env.Env) { c.switchTo(e, (c.at+1)%len(c.controllers)) }

// followQuorum switches to the leader that a response to a metadata fetch names. After an error without a new leader it
// tries the next controller, because this one may have been cut off and missed an epoch, or have just resigned.
func (c *controllerChannel) followQuorum(e env.Env, r *kmsg.FetchResponse, p *kmsg.FetchResponseTopicPartition) {
	if epoch := wire.Epoch(p.CurrentLeader.LeaderEpoch); epoch >= c.epoch {
		c.epoch = epoch
		for _, node := range r.Brokers {
			i := slices.Index(c.controllers, env.Addr(node.Host))
			if node.NodeID != p.CurrentLeader.LeaderID || i < 0 {
				continue
			}
			if i != c.at || p.ErrorCode == kerr.FencedLeaderEpoch.Code { // if fenced, only the fetch was out of date
				c.switchTo(e, i)
				return
			}
		}
	}
	if p.ErrorCode != 0 {
		c.tryNext(e)
	}
}
