package broker

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/controller/image"
	"samsa/sim/env"
	"samsa/wire"
	"samsa/wire/config"
)

// lifecycle registers the broker with the controller and keeps the session alive (BrokerLifecycleManager):
//
//	starting ──registered──▶ fenced ──caught up──▶ unfenced ──Stop──▶ controlled shutdown ──ShouldShutdown──▶ exit
//	   └──not registered within initial.broker.registration.timeout.ms──────────────────────────────────────────▶ exit
type lifecycle struct {
	cfg     *Config
	image   *image.Image
	channel *controllerChannel
	logs    *logManager

	incarnation  wire.UUID
	epoch        wire.BrokerEpoch // -1 before the registration
	fenced       bool
	serving      bool // the controller has unfenced this incarnation at least once, so it serves requests
	shuttingDown bool
	duplicate    bool // the controller has refused this incarnation as a duplicate at least once
	failures     int  // number of registrations and heartbeats that failed in a row
}

// The timers and tokens of the lifecycle.
const (
	timRegister = lifecycleKinds + iota
	timHeartbeat
	timGiveUp   // initial.broker.registration.timeout.ms is over
	timUnfenced // the controller has unfenced this incarnation, which starts to serve
)
const (
	tokRegister = lifecycleKinds + iota
	tokHeartbeat
)

// begin registers the incarnation under a new id (KIP-631). The logs are loaded by now, because an unfenced broker must
// be able to serve at once.
func (l *lifecycle) begin(e env.Env) {
	for i := range l.incarnation {
		l.incarnation[i] = byte(e.Choose("broker.incarnation", 256))
	}
	l.sendRegistration(e)
	e.Arm(env.Timer{Kind: timGiveUp, Lane: env.LaneHeartbeat}, l.cfg.registrationWait)
}

func (l *lifecycle) fire(e env.Env, t env.Timer) {
	switch t.Kind {
	case timRegister:
		l.sendRegistration(e)
	case timHeartbeat:
		l.sendHeartbeat(e)
	case timGiveUp:
		l.giveUp(e)
	case timUnfenced:
		l.serving = true
	}
}

func (l *lifecycle) returned(e env.Env, tok env.Token, resp env.Response, err error) {
	switch tok.Kind {
	case tokRegister:
		l.handleBrokerRegistrationResponse(e, resp, err)
	case tokHeartbeat:
		l.handleBrokerHeartbeatResponse(e, resp, err)
	}
}

// giveUp ends a broker that no controller has registered since it started, so that a process supervisor notices. The
// clean shutdown file then has no broker epoch, so the controller treats the next incarnation as if this one had crashed.
func (l *lifecycle) giveUp(e env.Env) {
	if l.epoch >= 0 {
		return
	}
	e.Note(noteGaveUp, int64(l.cfg.Node), 0, 0, 0)
	err := l.logs.close(e.Disk(), l.epoch)
	if err == nil {
		err = errors.New("no controller registered this broker within initial.broker.registration.timeout.ms")
	}
	e.Exit(err)
}

func (l *lifecycle) sendRegistration(e env.Env) {
	req := kmsg.NewPtrBrokerRegistrationRequest()
	req.SetVersion(4) // lower versions cannot carry a feature with lowest level 0 (KAFKA-17492)
	req.BrokerID, req.ClusterID, req.IncarnationID = int32(l.cfg.Node), l.cfg.ClusterID, l.incarnation
	req.LogDirs, req.Rack = [][16]byte{l.logs.directory}, l.cfg.rack
	listener := kmsg.NewBrokerRegistrationRequestListener()
	listener.Name, listener.Host, listener.Port = "PLAINTEXT", string(e.Self()), 9092
	req.Listeners = append(req.Listeners, listener)
	for _, c := range config.Of(config.Feature) {
		least, most, _ := c.Rule.Bounds()
		f := kmsg.NewBrokerRegistrationRequestFeature()
		f.Name, f.MinSupportedVersion, f.MaxSupportedVersion = c.Name, int16(least), int16(most)
		req.Features = append(req.Features, f)
	}
	req.PreviousBrokerEpoch = int64(l.logs.previousEpoch)
	l.channel.call(e, env.LaneHeartbeat, l.cfg.heartbeatWait, req, env.Token{Kind: tokRegister})
}

// handleBrokerRegistrationResponse takes the broker epoch from the response, or retries after an error. Until the session
// of the previous incarnation expires, the controller refuses this one as a duplicate.
func (l *lifecycle) handleBrokerRegistrationResponse(e env.Env, resp env.Response, err error) {
	var code int16
	if err == nil {
		code = resp.(*kmsg.BrokerRegistrationResponse).ErrorCode
	}
	if code == kerr.DuplicateBrokerRegistration.Code && !l.duplicate {
		l.duplicate = true // the note is made once, although each retry is refused too
		e.Note(noteDuplicate, int64(l.cfg.Node), 0, 0, 0)
	}
	if err != nil || code != 0 {
		e.Arm(env.Timer{Kind: timRegister, Lane: env.LaneHeartbeat}, l.backoff(e, code))
		return
	}
	l.failures = 0
	l.epoch = wire.BrokerEpoch(resp.(*kmsg.BrokerRegistrationResponse).BrokerEpoch)
	l.sendHeartbeat(e)
}

// backoff returns the wait before the next registration or heartbeat after an error. Each error from the active controller
// doubles the wait, from 100 ms up to the session timeout, with 2 % jitter
// (BrokerLifecycleManager.resendExponentialBackoff). A request that was lost (code 0), or refused because another controller
// is active (NOT_CONTROLLER), is retried after a fixed time. Kafka's channel to the controller does the same.
func (l *lifecycle) backoff(e env.Env, code int16) env.Duration {
	if code == 0 || code == kerr.NotController.Code {
		return l.cfg.retryBackoff
	}
	wait := l.cfg.retryBackoff
	for i := 0; i < l.failures && wait < l.cfg.session; i++ {
		wait *= 2
	}
	l.failures++
	const jitter = 20 // permille
	spread := env.Duration(e.Choose("broker.resend-backoff", 2*jitter+1))
	return min(wait*(1000-jitter+spread)/1000, l.cfg.session)
}

// sendHeartbeat sends the offset of the applied metadata, and whether this broker wants to shut down.
func (l *lifecycle) sendHeartbeat(e env.Env) {
	req := kmsg.NewPtrBrokerHeartbeatRequest()
	req.SetVersion(1)
	req.BrokerID, req.BrokerEpoch = int32(l.cfg.Node), int64(l.epoch)
	req.CurrentMetadataOffset = int64(l.image.Next) - 1
	req.WantShutdown = l.shuttingDown
	l.channel.call(e, env.LaneHeartbeat, l.cfg.heartbeatWait, req, env.Token{Kind: tokHeartbeat})
}

func (l *lifecycle) handleBrokerHeartbeatResponse(e env.Env, resp env.Response, err error) {
	next := l.cfg.retryBackoff
	if err == nil {
		r := resp.(*kmsg.BrokerHeartbeatResponse)
		if r.ErrorCode != 0 {
			next = l.backoff(e, r.ErrorCode)
		} else {
			l.failures = 0
		}
		switch {
		case r.ErrorCode == kerr.StaleBrokerEpoch.Code || r.ErrorCode == kerr.BrokerIDNotRegistered.Code:
			l.sendRegistration(e)
			return
		case r.ErrorCode == 0 && r.ShouldShutdown && l.shuttingDown:
			l.exit(e)
			return
		case r.ErrorCode == 0:
			next = l.cfg.heartbeat
			if l.fenced = r.IsFenced; !r.IsFenced && !l.serving {
				// Serving starts in another event, because the heartbeat lane holds no lock on the logs (see package sim).
				e.Arm(env.Timer{Kind: timUnfenced, Lane: env.LaneClient}, 0)
			}
			if l.fenced || l.shuttingDown {
				next = l.cfg.heartbeat / 4 // a change is expected soon
			}
		}
	}
	e.Arm(env.Timer{Kind: timHeartbeat, Lane: env.LaneHeartbeat}, next)
}

// stop begins a controlled shutdown. The controller first moves the leaderships to other brokers.
func (l *lifecycle) stop(e env.Env) {
	l.shuttingDown = true
	if l.epoch < 0 {
		l.exit(e)
		return
	}
	e.Arm(env.Timer{Kind: timHeartbeat, Lane: env.LaneHeartbeat}, 0)
}

// exit flushes all logs, writes the clean shutdown file with the broker epoch, and ends the process. The next incarnation
// sends that epoch to the controller, so that the broker stays in the ELR (KIP-966).
func (l *lifecycle) exit(e env.Env) { e.Exit(l.logs.close(e.Disk(), l.epoch)) }
