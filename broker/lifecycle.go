package broker

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/env"
	"samsa/wire"
	"samsa/wire/config"
)

// life is a broker's standing with the controller:
//
//	starting ──registered──▶ fenced ──caught up──▶ in ──Stop──▶ leaving ──told so──▶ gone
//	   └──not within initial.broker.registration.timeout.ms─────────────────────────────▶ gone
type life struct {
	incarnation wire.UUID
	directory   wire.UUID        // of the log directory; it outlives incarnations
	epoch       wire.BrokerEpoch // -1 before registration
	previous    wire.BrokerEpoch // of the last clean shutdown, -1 if there was none
	fenced      bool
	open        bool // it has been let in once, and serves since
	leaving     bool
	refused     bool // as a duplicate, at least once
	failures    int  // of registrations and heartbeats, in a row
}

// begin opens the incarnation (KIP-631): a new identity, the metadata log, and a registration. The logs are loaded by now:
// whoever is let in must be able to serve at once.
func (b *Broker) begin(e env.Env) {
	for i := range b.life.incarnation {
		b.life.incarnation[i] = byte(e.Choose("broker.incarnation", 256))
	}
	b.life.epoch, b.life.fenced = -1, true
	b.fetchMetadata(e)
	b.register(e)
	e.Arm(env.Timer{Kind: timGiveUp, Lane: env.LaneHeartbeat}, b.cfg.registrationWait)
}

// giveUp ends a broker that no controller has taken in since it started: whoever supervises processes shall see it. What
// it leaves is clean, but names no epoch, so the next incarnation is taken for one that comes back from a crash.
func (b *Broker) giveUp(e env.Env) {
	if b.life.epoch >= 0 {
		return
	}
	e.Note(noteGaveUp, int64(b.cfg.Node), 0, 0, 0)
	err := b.close(e.Disk())
	if err == nil {
		err = errors.New("no controller took this broker in within initial.broker.registration.timeout.ms")
	}
	e.Exit(err)
}

func (b *Broker) register(e env.Env) {
	req := kmsg.NewPtrBrokerRegistrationRequest()
	req.SetVersion(4) // below it, features whose lowest level is 0 could not be named (KAFKA-17492)
	req.BrokerID, req.ClusterID, req.IncarnationID = int32(b.cfg.Node), b.cfg.ClusterID, b.life.incarnation
	req.LogDirs, req.Rack = [][16]byte{b.life.directory}, b.cfg.rack
	l := kmsg.NewBrokerRegistrationRequestListener()
	l.Name, l.Host, l.Port = "PLAINTEXT", string(e.Self()), 9092
	req.Listeners = append(req.Listeners, l)
	for _, c := range config.Of(config.Feature) {
		least, most, _ := c.Rule.Bounds()
		f := kmsg.NewBrokerRegistrationRequestFeature()
		f.Name, f.MinSupportedVersion, f.MaxSupportedVersion = c.Name, int16(least), int16(most)
		req.Features = append(req.Features, f)
	}
	req.PreviousBrokerEpoch = int64(b.life.previous)
	e.Call(b.ctrl.link(e, b.cfg.Controllers, env.LaneHeartbeat), b.cfg.heartbeatWait, req, env.Token{Kind: tokRegister})
}

// registered takes the answer: a broker epoch, or another try. While our previous incarnation's session lives the
// controller refuses us as a duplicate.
func (b *Broker) registered(e env.Env, resp env.Response, err error) {
	if err == nil && !b.life.refused && resp.(*kmsg.BrokerRegistrationResponse).ErrorCode == kerr.DuplicateBrokerRegistration.Code {
		b.life.refused = true // told once: it asks again and again
		e.Note(noteDuplicate, int64(b.cfg.Node), 0, 0, 0)
	}
	if err != nil || resp.(*kmsg.BrokerRegistrationResponse).ErrorCode != 0 {
		var code int16
		if err == nil {
			code = resp.(*kmsg.BrokerRegistrationResponse).ErrorCode
		}
		e.Arm(env.Timer{Kind: timRegister, Lane: env.LaneHeartbeat}, b.rest(e, code))
		return
	}
	b.life.failures = 0
	b.life.epoch = wire.BrokerEpoch(resp.(*kmsg.BrokerRegistrationResponse).BrokerEpoch)
	b.beat(e)
}

// rest is how long to wait before the next registration or heartbeat, after an error. One that the active controller
// answered doubles from 100 ms up to a session, 2 % to either side (BrokerLifecycleManager.resendExponentialBackoff). What
// was lost, or refused because another one is active, the channel sends again a little later (code 0, NOT_CONTROLLER).
func (b *Broker) rest(e env.Env, code int16) env.Duration {
	if code == 0 || code == kerr.NotController.Code {
		return b.cfg.retryBackoff
	}
	wait := b.cfg.retryBackoff
	for i := 0; i < b.life.failures && wait < b.cfg.session; i++ {
		wait *= 2
	}
	b.life.failures++
	const jitter = 20 // permille
	spread := env.Duration(e.Choose("broker.resend-backoff", 2*jitter+1))
	return min(wait*(1000-jitter+spread)/1000, b.cfg.session)
}

// beat sends a heartbeat: how far we are, and what we want.
func (b *Broker) beat(e env.Env) {
	req := kmsg.NewPtrBrokerHeartbeatRequest()
	req.SetVersion(1)
	req.BrokerID, req.BrokerEpoch = int32(b.cfg.Node), int64(b.life.epoch)
	req.CurrentMetadataOffset = int64(b.image.Next) - 1
	req.WantShutdown = b.life.leaving
	e.Call(b.ctrl.link(e, b.cfg.Controllers, env.LaneHeartbeat), b.cfg.heartbeatWait, req, env.Token{Kind: tokHeartbeat})
}

func (b *Broker) beaten(e env.Env, resp env.Response, err error) {
	next := b.cfg.retryBackoff
	if err == nil {
		r := resp.(*kmsg.BrokerHeartbeatResponse)
		if r.ErrorCode != 0 {
			next = b.rest(e, r.ErrorCode)
		} else {
			b.life.failures = 0
		}
		switch {
		case r.ErrorCode == kerr.StaleBrokerEpoch.Code || r.ErrorCode == kerr.BrokerIDNotRegistered.Code:
			b.register(e)
			return
		case r.ErrorCode == 0 && r.ShouldShutdown && b.life.leaving:
			b.leave(e)
			return
		case r.ErrorCode == 0:
			next = b.cfg.heartbeat
			if b.life.fenced = r.IsFenced; !r.IsFenced && !b.life.open {
				// Not here: this lane holds no lock on the logs (see sim's stations).
				e.Arm(env.Timer{Kind: timOpen, Lane: env.LaneClient}, 0)
			}
			if b.life.fenced || b.life.leaving {
				next = b.cfg.heartbeat / 4 // somebody waits for the change
			}
		}
	}
	e.Arm(env.Timer{Kind: timHeartbeat, Lane: env.LaneHeartbeat}, next)
}

// Stop begins a controlled shutdown: leadership moves away first.
func (b *Broker) Stop(e env.Env) {
	b.life.leaving = true
	if b.life.epoch < 0 {
		b.leave(e)
		return
	}
	e.Arm(env.Timer{Kind: timHeartbeat, Lane: env.LaneHeartbeat}, 0)
}

// leave flushes everything, says so on the disk with the broker epoch that did it, and exits: the next incarnation shows it
// to keep its place in the ELR (KIP-966).
func (b *Broker) leave(e env.Env) {
	e.Exit(b.close(e.Disk()))
}
