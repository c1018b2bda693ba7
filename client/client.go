package client

import (
	"samsa/sim/env"
)

// Client is the node: a process with a producer and a consumer that share what they know of the cluster, and with
// whatever scripts run in it.
type Client struct {
	cluster  *cluster
	Producer Producer
	Consumer Consumer
	questions
	scripts scripts
}

// New makes a client that finds the cluster through the bootstrap machines. Set Producer.Done and Consumer.Read before
// they are used, or use them through a script.
func New(bootstrap []env.Addr, cfg Config) *Client {
	c := newCluster(bootstrap, cfg)
	return &Client{cluster: c, Producer: newProducer(c), Consumer: newConsumer(c), questions: newQuestions(c)}
}

// Start does nothing: a client connects when it has something to do.
func (c *Client) Start(env.Env) {}

// Receive refuses: nobody calls a client.
func (c *Client) Receive(e env.Env, t env.Ticket, _ env.Request) { e.Close(t.Link) }

// Stop ends the process; what is not delivered is unknown to its workload.
func (c *Client) Stop(e env.Env) { e.Exit(nil) }

// Dropped is told by the world when the process is gone: scripts that wait in it wait no more.
func (c *Client) Dropped() { c.scripts.stop() }

// Returned is an answer.
func (c *Client) Returned(e env.Env, tok env.Token, req env.Request, resp env.Response, err error) {
	switch tok.Kind {
	case tokMetadata:
		c.cluster.learn(e, resp, err)
		c.learned(e)
	case tokProduce:
		c.Producer.landed(e, tok.A, req, resp, err)
	case tokPosition:
		c.Consumer.positioned(e, tok, resp, err)
	case tokFetch:
		c.Consumer.answered(e, tok, req, resp, err)
	case tokAsk:
		c.told(e, tok.A, tok.B, resp, err)
	}
	c.scripts.turn(e)
}

// learned lets everybody act on fresh metadata.
func (c *Client) learned(e env.Env) {
	c.Producer.known(e)
	c.Consumer.pump(e)
	c.sendAll(e)
}

// Lost forgets a connection; its calls came back before.
func (c *Client) Lost(e env.Env, l env.Link, _ error) { c.cluster.lost(e, l) }

// Fire ends a linger, a backoff, a timeout or a script's sleep.
func (c *Client) Fire(e env.Env, t env.Timer) {
	switch t.Kind {
	case timMetadata:
		c.cluster.rested(e)
	case timAge:
		c.cluster.refresh(e)
	case timLinger, timRetry:
		c.Producer.pump(e)
	case timDelivery:
		c.Producer.expire(e, t.A)
	case timBlock:
		c.Producer.stuck(e, t.A)
	case timFetch:
		c.Consumer.awake(e, int(t.A), t.B)
	case timAsk:
		c.send(e, t.A)
	case timSleep:
		c.scripts.awake(t.A)
	}
	c.scripts.turn(e)
}
