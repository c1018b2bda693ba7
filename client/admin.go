package client

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
)

// Admin sends one request at a time to a controller and tells what came of it. It tries again, at the next of its
// machines, as long as nobody answers.
type Admin struct {
	to   []env.Addr // controllers
	at   int        // index into to
	cfg  Config
	link env.Link // 0: none

	queue  []ask // the first is under way
	unsure bool  // an earlier attempt of it may have been done
	turn   int64
}

// ask is one queued request.
type ask struct {
	req  env.Request
	done func(e env.Env, resp env.Response)
	// retry judges an answer: true to ask again after a backoff.
	retry func(resp env.Response) bool
}

// NewAdmin makes an admin that talks to these controllers (KIP-919).
func NewAdmin(controllers []env.Addr, cfg Config) *Admin { return &Admin{to: controllers, cfg: cfg} }

// Start does nothing: an admin connects when it is asked something.
func (a *Admin) Start(env.Env) {}

// Receive answers nothing: nobody calls a client.
func (a *Admin) Receive(e env.Env, t env.Ticket, _ env.Request) { e.NoReply(t) }

// Stop ends the admin.
func (a *Admin) Stop(e env.Env) { e.Exit(nil) }

// Unsure tells, while an answer is judged, whether an earlier attempt of the same request may have been done: its answer
// was lost, or its controller was replaced.
func (a *Admin) Unsure() bool { return a.unsure }

// Ask queues a request. An answer for which retry says true is asked for again.
func (a *Admin) Ask(e env.Env, req env.Request, retry func(env.Response) bool, done func(env.Env, env.Response)) {
	a.queue = append(a.queue, ask{req, done, retry})
	if len(a.queue) == 1 {
		a.send(e)
	}
}

func (a *Admin) send(e env.Env) {
	if a.link == 0 {
		a.link = e.Dial(a.to[a.at], env.LaneClient)
	}
	a.turn++
	e.Call(a.link, a.cfg.RequestTimeout, a.queue[0].req, env.Token{Kind: tokAdmin, A: a.turn})
}

// Returned is the answer to the request under way.
func (a *Admin) Returned(e env.Env, tok env.Token, _ env.Request, resp env.Response, err error) {
	if tok.A != a.turn {
		return
	}
	if err != nil || notController(resp) || a.queue[0].retry(resp) {
		a.unsure = a.unsure || err != nil || notController(resp)
		a.at = (a.at + 1) % len(a.to)
		if a.link != 0 && len(a.to) > 1 {
			e.Close(a.link)
			a.link = 0
		}
		e.Arm(env.Timer{Kind: timAdmin, Lane: env.LaneClient}, a.cfg.RetryBackoff)
		return
	}
	done := a.queue[0].done
	a.queue = a.queue[1:]
	done(e, resp)
	a.unsure = false
	if len(a.queue) > 0 {
		a.send(e)
	}
}

// notController tells whether an answer says that its sender is not the active controller. What it was asked may all the
// same have been done, if it was the active one when it was asked; asked again, the next one tells.
func notController(resp env.Response) bool {
	var code int16
	switch r := resp.(type) {
	case *kmsg.CreateTopicsResponse:
		if len(r.Topics) > 0 {
			code = r.Topics[0].ErrorCode
		}
	case *kmsg.DeleteTopicsResponse:
		if len(r.Topics) > 0 {
			code = r.Topics[0].ErrorCode
		}
	case *kmsg.CreatePartitionsResponse:
		if len(r.Topics) > 0 {
			code = r.Topics[0].ErrorCode
		}
	case *kmsg.IncrementalAlterConfigsResponse:
		if len(r.Resources) > 0 {
			code = r.Resources[0].ErrorCode
		}
	case *kmsg.DescribeConfigsResponse:
		if len(r.Resources) > 0 {
			code = r.Resources[0].ErrorCode
		}
	case *kmsg.ElectLeadersResponse:
		code = r.ErrorCode
	case *kmsg.UpdateFeaturesResponse:
		code = r.ErrorCode
	case *kmsg.UnregisterBrokerResponse:
		code = r.ErrorCode
	}
	return code == kerr.NotController.Code
}

// Lost forgets the connection.
func (a *Admin) Lost(_ env.Env, l env.Link, _ error) {
	if l == a.link {
		a.link = 0
	}
}

// Fire ends the backoff.
func (a *Admin) Fire(e env.Env, _ env.Timer) { a.send(e) }
