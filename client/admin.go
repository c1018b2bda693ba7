package client

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
)

// Admin sends one request at a time to the active controller and tells what came of it, as Kafka's admin client does with
// bootstrap.controllers (KIP-919):
//
//	DescribeCluster to any controller ──who leads──▶ the request to that one ──▶ an answer
//	          ▲                                            │
//	          └── after a backoff ◀── it does not lead, or is lost
//
// A controller that loses power says nothing: a request on its way to it comes back after request.timeout.ms (30 s), one
// that waits for its connection after socket.connection.setup.timeout.ms (10 s). Kafka's admin waits as long.
//
// Kafka gives a call up after default.api.timeout.ms. This one does not: it is an operator who then calls again.
type Admin struct {
	cluster []env.Addr // bootstrap.controllers
	cfg     Config
	links   map[env.Addr]env.Link
	active  env.Addr // the active controller, as far as it is known; "" if it is not
	any     int      // index into cluster: whom to ask who leads

	queue  []ask // the first is under way
	unsure bool  // an earlier attempt of it may have been done
	tries  int   // attempts at it that failed
	turn   int64 // numbers what is sent; an answer to an earlier one is dropped
}

// ask is one queued request.
type ask struct {
	req  env.Request
	done func(e env.Env, resp env.Response)
	// retry judges an answer: true to ask again after a backoff.
	retry func(resp env.Response) bool
}

// NewAdmin makes an admin that talks to these controllers.
func NewAdmin(controllers []env.Addr, cfg Config) *Admin {
	return &Admin{cluster: controllers, cfg: cfg.settled(), links: map[env.Addr]env.Link{}}
}

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

// send sends the first request to the active controller, or asks who that is.
func (a *Admin) send(e env.Env) {
	if a.active != "" {
		a.call(e, a.active, a.queue[0].req, tokAdmin)
		return
	}
	req := kmsg.NewPtrDescribeClusterRequest()
	req.SetVersion(1)
	req.EndpointType = 2 // controllers
	a.call(e, a.cluster[a.any], req, tokWhoLeads)
}

func (a *Admin) call(e env.Env, to env.Addr, req env.Request, kind uint16) {
	if a.links[to] == 0 {
		a.links[to] = e.Dial(to, env.LaneClient)
	}
	a.turn++
	e.Call(a.links[to], a.cfg.RequestTimeout, req, env.Token{Kind: kind, A: a.turn})
}

// Returned is the answer to what was sent last.
func (a *Admin) Returned(e env.Env, tok env.Token, _ env.Request, resp env.Response, err error) {
	if tok.A != a.turn {
		return
	}
	if tok.Kind == tokWhoLeads {
		a.told(e, resp, err)
		return
	}
	lost := err != nil || notController(resp)
	if lost || a.queue[0].retry(resp) {
		a.unsure = a.unsure || lost
		if lost {
			a.active = ""
			if err == nil { // who named it is behind: the next one is asked
				a.any = (a.any + 1) % len(a.cluster)
			}
		}
		a.rest(e)
		return
	}
	done := a.queue[0].done
	a.queue = a.queue[1:]
	done(e, resp)
	a.unsure, a.tries = false, 0
	if len(a.queue) > 0 {
		a.send(e)
	}
}

// told takes in who leads. Whoever does not answer, or does not know, is not the next to be asked.
func (a *Admin) told(e env.Env, resp env.Response, err error) {
	if err == nil {
		r := resp.(*kmsg.DescribeClusterResponse)
		for _, n := range r.Brokers {
			if r.ErrorCode == 0 && n.NodeID == r.ControllerID {
				a.active = env.Addr(n.Host)
			}
		}
	}
	if a.active == "" {
		a.any = (a.any + 1) % len(a.cluster)
		a.rest(e)
		return
	}
	a.send(e)
}

// rest waits before the next attempt.
func (a *Admin) rest(e env.Env) {
	a.tries++
	e.Arm(env.Timer{Kind: timAdmin, Lane: env.LaneClient}, a.cfg.backoff(e, a.tries))
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

// Lost forgets a connection.
func (a *Admin) Lost(_ env.Env, l env.Link, _ error) {
	for to, have := range a.links { //order: a link has one address
		if have == l {
			delete(a.links, to)
		}
	}
}

// Fire ends a backoff.
func (a *Admin) Fire(e env.Env, _ env.Timer) { a.send(e) }
