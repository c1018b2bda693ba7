package client

import (
	"samsa/sim/env"
)

// Admin sends one request at a time to a controller and tells what came of it. It tries again, at the next of its
// machines, as long as nobody answers.
type Admin struct {
	to   []env.Addr // controllers
	at   int        // index into to
	cfg  Config
	link env.Link // 0: none

	queue []ask // the first is under way
	turn  int64
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
	if err != nil || a.queue[0].retry(resp) {
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
	if len(a.queue) > 0 {
		a.send(e)
	}
}

// Lost forgets the connection.
func (a *Admin) Lost(_ env.Env, l env.Link, _ error) {
	if l == a.link {
		a.link = 0
	}
}

// Fire ends the backoff.
func (a *Admin) Fire(e env.Env, _ env.Timer) { a.send(e) }
