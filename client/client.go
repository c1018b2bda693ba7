package client

import (
	"samsa/sim/env"
)

// Client is the env.Node of a client machine. It has a producer, a consumer and admin calls, which share one metadata cache.
// It also runs the scripts that use them.
type Client struct {
	metadata *metadataCache
	Producer Producer
	Consumer Consumer
	adminCalls
	scripts scripts
}

// New makes a client with its bootstrap machines. Set Producer.Done and Consumer.Read before the first use, or use a
// script. Script.Start sets Producer.Done, and Script.Read sets Consumer.Read.
func New(bootstrap []env.Addr, cfg Config) *Client {
	c := newMetadataCache(bootstrap, cfg)
	return &Client{metadata: c, Producer: newProducer(c), Consumer: newConsumer(c), adminCalls: newAdminCalls(c)}
}

// Start does nothing, because a client connects only when it sends its first request.
func (c *Client) Start(env.Env) {}

// Receive closes the link, because a client serves no requests.
func (c *Client) Receive(e env.Env, t env.Ticket, _ env.Request) { e.Close(t.Link) }

// Stop ends the process. The outcome of undelivered records is unknown.
func (c *Client) Stop(e env.Env) { e.Exit(nil) }

// Dropped ends the scripts. The world calls it when the process has ended.
func (c *Client) Dropped() { c.scripts.stop() }

// Returned handles the response to a call, or its error.
func (c *Client) Returned(e env.Env, tok env.Token, req env.Request, resp env.Response, err error) {
	switch tok.Kind {
	case tokMetadata:
		c.metadata.handleMetadataResponse(e, resp, err)
		c.onMetadata(e)
	case tokProduce:
		c.Producer.handleProduceResponse(e, tok.A, req, resp, err)
	case tokPosition:
		c.Consumer.handlePositionResponse(e, tok, resp, err)
	case tokFetch:
		c.Consumer.handleFetchResponse(e, tok, req, resp, err)
	case tokCall:
		c.handleCallResponse(e, tok.A, tok.B, resp, err)
	}
	c.scripts.runReady(e)
}

// onMetadata lets the producer, the consumer and the calls act on new metadata.
func (c *Client) onMetadata(e env.Env) {
	c.Producer.onMetadata(e)
	c.Consumer.poll(e)
	c.retryCalls(e)
}

// Lost drops a closed connection. The calls on it have already failed.
func (c *Client) Lost(e env.Env, l env.Link, _ error) { c.metadata.handleDisconnect(e, l) }

// Fire handles the end of a linger, of a backoff, of a timeout or of a script's sleep.
func (c *Client) Fire(e env.Env, t env.Timer) {
	switch t.Kind {
	case timMetadata:
		c.metadata.metadataBackoffOver(e)
	case timMetadataAge:
		c.metadata.refresh(e)
	case timLinger, timRetry:
		c.Producer.sendReady(e)
	case timDelivery:
		c.Producer.expire(e, t.A)
	case timBlock:
		c.Producer.expireBlocked(e, t.A)
	case timFetch:
		c.Consumer.backoffOver(e, int(t.A), t.B)
	case timCall:
		c.sendCall(e, t.A)
	case timSleep:
		c.scripts.wake(t.A)
	}
	c.scripts.runReady(e)
}
