package client

import (
	"samsa/sim/env"
)

// Client is the node: a process with a producer and a consumer that share what they know of the cluster.
type Client struct {
	cluster  *cluster
	Producer Producer
	Consumer Consumer
}

// New makes a client that finds the cluster through the bootstrap machines. Set Producer.Done and Consumer.Read before
// it is used.
func New(bootstrap []env.Addr, cfg Config) *Client {
	c := newCluster(bootstrap, cfg)
	return &Client{cluster: c, Producer: newProducer(c), Consumer: newConsumer(c)}
}

// Start does nothing: a client connects when it has something to do.
func (c *Client) Start(env.Env) {}

// Receive answers nothing: nobody calls a client.
func (c *Client) Receive(e env.Env, t env.Ticket, _ env.Request) { e.NoReply(t) }

// Stop ends the process; what is not delivered is unknown to its workload.
func (c *Client) Stop(e env.Env) { e.Exit(nil) }

// Returned is an answer.
func (c *Client) Returned(e env.Env, tok env.Token, _ env.Request, resp env.Response, err error) {
	switch tok.Kind {
	case tokMetadata:
		c.cluster.learn(e, resp, err)
		for i := range c.Producer.parts {
			c.Producer.pump(e, i)
		}
	case tokProduce:
		c.Producer.answered(e, int(tok.A), resp, err)
	case tokListOffsets, tokFetch:
		c.Consumer.answered(e, tok, resp, err)
	}
}

// Lost forgets a connection; its calls came back before.
func (c *Client) Lost(_ env.Env, l env.Link, _ error) { c.cluster.lost(l) }

// Fire ends a linger or a backoff.
func (c *Client) Fire(e env.Env, t env.Timer) {
	switch t.Kind {
	case timMetadata:
		c.cluster.rested(e)
	case timLinger:
		c.Producer.drain(e, int(t.A))
	case timRetry:
		c.Producer.pump(e, int(t.A))
	case timFetch:
		c.Consumer.awake(e, int(t.A))
	}
}
