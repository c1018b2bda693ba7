package client

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
)

// Admin sends one request at a time to the active controller and returns its response, as Kafka's admin client does with
// bootstrap.controllers (KIP-919):
//
//	DescribeCluster to any controller ──active controller──▶ the request to it ──▶ a response
//	          ▲                                                    │
//	          └──────── after a backoff ◀── NOT_CONTROLLER, or no response
//
// A controller that loses power closes no connection. A request in flight to it fails after request.timeout.ms (30 s). A
// request that waits for a connection to it fails after socket.connection.setup.timeout.ms (10 s). Kafka's admin client has
// the same timeouts.
//
// Kafka's client gives up after default.api.timeout.ms. This client does not, because an operator would try again.
type Admin struct {
	controllers    []env.Addr // bootstrap.controllers
	cfg            Config
	links          map[env.Addr]env.Link
	active         env.Addr // the active controller, "" if it is not known
	nextController int      // the index in controllers of the next controller that gets DescribeCluster

	queue      []adminRequest // the first is in flight
	ambiguous  bool           // an earlier attempt of the first request may have been applied
	attempts   int            // number of failed attempts of the first request
	generation int64          // the number of the last request sent; a response to an earlier request is dropped
}

// adminRequest is one queued request.
type adminRequest struct {
	req  env.Request
	done func(e env.Env, resp env.Response)
	// retry reports whether the request is sent again after a response.
	retry func(resp env.Response) bool
}

// NewAdmin makes an admin for these controllers.
func NewAdmin(controllers []env.Addr, cfg Config) *Admin {
	return &Admin{controllers: controllers, cfg: cfg.withDefaults(), links: map[env.Addr]env.Link{}}
}

// Start does nothing, because an admin connects only when it has a request.
func (a *Admin) Start(env.Env) {}

// Receive sends no response, because a client serves no requests.
func (a *Admin) Receive(e env.Env, t env.Ticket, _ env.Request) { e.NoReply(t) }

// Stop ends the admin.
func (a *Admin) Stop(e env.Env) { e.Exit(nil) }

// Ambiguous reports whether an earlier attempt of the request may have been applied, because its response was lost or its
// controller was replaced. It is valid while a response is handled.
func (a *Admin) Ambiguous() bool { return a.ambiguous }

// Ask queues a request. The request is sent again after each response for which retry returns true.
func (a *Admin) Ask(e env.Env, req env.Request, retry func(env.Response) bool, done func(env.Env, env.Response)) {
	a.queue = append(a.queue, adminRequest{req, done, retry})
	if len(a.queue) == 1 {
		a.send(e)
	}
}

// send sends the first request to the active controller, or DescribeCluster if none is known.
func (a *Admin) send(e env.Env) {
	if a.active != "" {
		a.call(e, a.active, a.queue[0].req, tokAdmin)
		return
	}
	req := kmsg.NewPtrDescribeClusterRequest()
	req.SetVersion(1)
	req.EndpointType = 2 // controllers
	a.call(e, a.controllers[a.nextController], req, tokDescribeCluster)
}

func (a *Admin) call(e env.Env, to env.Addr, req env.Request, kind uint16) {
	if a.links[to] == 0 {
		a.links[to] = e.Dial(to, env.LaneClient)
	}
	a.generation++
	e.Call(a.links[to], a.cfg.RequestTimeout, req, env.Token{Kind: kind, A: a.generation})
}

// Returned handles the response to the request in flight, or its error.
func (a *Admin) Returned(e env.Env, tok env.Token, _ env.Request, resp env.Response, err error) {
	if tok.A != a.generation {
		return
	}
	if tok.Kind == tokDescribeCluster {
		a.handleDescribeClusterResponse(e, resp, err)
		return
	}
	lost := err != nil || notController(resp)
	if lost || a.queue[0].retry(resp) {
		a.ambiguous = a.ambiguous || lost
		if lost {
			a.active = ""
			if err == nil { // the controller that named this one lags, so the admin asks the next one
				a.nextController = (a.nextController + 1) % len(a.controllers)
			}
		}
		a.backOff(e)
		return
	}
	done := a.queue[0].done
	a.queue = a.queue[1:]
	done(e, resp)
	a.ambiguous, a.attempts = false, 0
	if len(a.queue) > 0 {
		a.send(e)
	}
}

// handleDescribeClusterResponse takes the active controller from the response. If it names none, the admin asks the next
// controller.
func (a *Admin) handleDescribeClusterResponse(e env.Env, resp env.Response, err error) {
	if err == nil {
		r := resp.(*kmsg.DescribeClusterResponse)
		for _, n := range r.Brokers {
			if r.ErrorCode == 0 && n.NodeID == r.ControllerID {
				a.active = env.Addr(n.Host)
			}
		}
	}
	if a.active == "" {
		a.nextController = (a.nextController + 1) % len(a.controllers)
		a.backOff(e)
		return
	}
	a.send(e)
}

// backOff arms the backoff before the next attempt.
func (a *Admin) backOff(e env.Env) {
	a.attempts++
	e.Arm(env.Timer{Kind: timAdmin, Lane: env.LaneClient}, a.cfg.backoff(e, a.attempts))
}

// notController reports whether a response has NOT_CONTROLLER. If the sender of the response was the active controller when
// the request arrived, the request may still be applied. The next controller's response will show that.
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

// Lost drops a closed connection.
func (a *Admin) Lost(_ env.Env, l env.Link, _ error) {
	for to, have := range a.links { //order: irrelevant, at most one entry matches
		if have == l {
			delete(a.links, to)
		}
	}
}

// Fire sends the first request again after its backoff.
func (a *Admin) Fire(e env.Env, _ env.Timer) { a.send(e) }
