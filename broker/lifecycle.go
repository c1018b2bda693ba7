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

// lifecycle registers the broker with the controller and keeps its session alive (BrokerLifecycleManager):
//
//	                 registered, and the metadata     unfenced
//	                 up to it is applied                 │
//	starting ────────────────────────────▶ recovery ─────┴─────▶ running ──Stop──▶ shuttingDown ──controller agrees──▶ exit
//	  │ │                                     │                                        │
//	  │ └────────────────Stop─────────────────┴──▶ exit                                └──after five minutes──▶ exit
//	  └──no registration within initial.broker.registration.timeout.ms──▶ exit
//
// A running broker that is fenced stays in the state running, and its heartbeats request that the controller unfences it.
type lifecycle struct {
	cfg     *Config
	image   *image.Image
	channel *controllerChannel
	logs    *logManager

	state       lifecycleState
	incarnation wire.UUID
	epoch       wire.BrokerEpoch // -1 before the registration
	fenced      bool
	serving     bool // the controller has unfenced this incarnation at least once, so it serves requests
	duplicate   bool // the controller has refused this incarnation as a duplicate at least once
	pending     bool // a response said that the controlled shutdown must wait

	request   env.Request // the registration or heartbeat that has no result yet, or nil
	since     env.Instant // when the request was sent for the first time
	immediate bool        // the next heartbeat follows the result of the request without a wait
}

// lifecycleState is a broker's state as the broker itself sees it (BrokerState).
type lifecycleState uint8

const (
	starting     lifecycleState = iota // it registers and applies the metadata up to its registration
	recovery                           // its logs are loaded and it requests to be unfenced
	running                            // the controller has unfenced it once
	shuttingDown                       // it requests a controlled shutdown
)

// The timers and tokens of the lifecycle.
const (
	timNext     = lifecycleKinds + iota // send the next registration or heartbeat
	timResend                           // send the same request again
	timGiveUp                           // initial.broker.registration.timeout.ms is over
	timUnfenced                         // the controller has unfenced this incarnation, which starts to serve
	timShutdown                         // the controlled shutdown has lasted for too long
)
const (
	tokRegister = lifecycleKinds + iota
	tokHeartbeat
)

// These waits are constants of Kafka.
const (
	startingWait      = 10 * env.Millisecond // between the heartbeats of a starting broker
	firstShutdownWait = 50 * env.Millisecond // after the first response that a controlled shutdown must wait
	shutdownLimit     = 5 * env.Minute       // of a controlled shutdown (KafkaBroker.shutdown)
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
	case timNext:
		switch {
		case l.request != nil:
			l.immediate = true
		case l.epoch < 0:
			l.sendRegistration(e)
		default:
			l.sendHeartbeat(e)
		}
	case timResend:
		l.send(e)
	case timGiveUp:
		l.giveUp(e)
	case timUnfenced:
		l.serving = true
	case timShutdown:
		l.exit(e)
	}
}

// next arms the timer of the next registration or heartbeat.
func (l *lifecycle) next(e env.Env, wait env.Duration) {
	if l.immediate {
		l.immediate, wait = false, 0
	}
	e.Arm(env.Timer{Kind: timNext, Lane: env.LaneHeartbeat}, wait)
}

// nextAfterFailure waits for broker.heartbeat.interval.ms, even after a failed registration.
func (l *lifecycle) nextAfterFailure(e env.Env) {
	l.immediate = false
	l.next(e, l.cfg.heartbeat)
}

// ask sends a request for the first time.
func (l *lifecycle) ask(e env.Env, req env.Request) {
	l.request, l.since = req, e.Now()
	l.send(e)
}

// send sends the request.
func (l *lifecycle) send(e env.Env) {
	kind := tokHeartbeat
	if _, registers := l.request.(*kmsg.BrokerRegistrationRequest); registers {
		kind = tokRegister
	}
	l.channel.call(e, env.LaneHeartbeat, l.cfg.heartbeatWait, l.request, env.Token{Kind: uint16(kind)})
}

// returned handles the result of a request. A request that was lost, or that reached a controller that is not active, is sent
// again without a change until broker.heartbeat.interval.ms after its first attempt (NodeToControllerRequestThread,
// KAFKA-19294).
func (l *lifecycle) returned(e env.Env, tok env.Token, resp env.Response, err error) {
	if err != nil || errorCode(resp) == kerr.NotController.Code {
		if e.Now().Sub(l.since) < l.cfg.heartbeat {
			e.Arm(env.Timer{Kind: timResend, Lane: env.LaneHeartbeat}, l.cfg.retryBackoff)
			return
		}
		l.request = nil
		l.nextAfterFailure(e)
		return
	}
	l.request = nil
	switch tok.Kind {
	case tokRegister:
		l.handleBrokerRegistrationResponse(e, resp.(*kmsg.BrokerRegistrationResponse))
	case tokHeartbeat:
		l.handleBrokerHeartbeatResponse(e, resp.(*kmsg.BrokerHeartbeatResponse))
	}
}

// errorCode returns the code of a response to a registration or heartbeat.
func errorCode(resp env.Response) int16 {
	switch r := resp.(type) {
	case *kmsg.BrokerRegistrationResponse:
		return r.ErrorCode
	case *kmsg.BrokerHeartbeatResponse:
		return r.ErrorCode
	}
	return 0
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
	l.ask(e, req)
}

// handleBrokerRegistrationResponse takes the broker epoch from the response, or retries after an error. Until the session
// of the previous incarnation expires, the controller refuses this one as a duplicate.
func (l *lifecycle) handleBrokerRegistrationResponse(e env.Env, resp *kmsg.BrokerRegistrationResponse) {
	if resp.ErrorCode == kerr.DuplicateBrokerRegistration.Code && !l.duplicate {
		l.duplicate = true // the note is made once, although each retry is refused too
		e.Note(noteDuplicate, int64(l.cfg.Node), 0, 0, 0)
	}
	if resp.ErrorCode != 0 {
		l.nextAfterFailure(e)
		return
	}
	l.epoch = wire.BrokerEpoch(resp.BrokerEpoch)
	l.next(e, 0)
}

// sendHeartbeat sends the offset of the applied metadata. A starting broker asks to stay fenced.
func (l *lifecycle) sendHeartbeat(e env.Env) {
	req := kmsg.NewPtrBrokerHeartbeatRequest()
	req.SetVersion(1)
	req.BrokerID, req.BrokerEpoch = int32(l.cfg.Node), int64(l.epoch)
	req.CurrentMetadataOffset = int64(l.image.Next) - 1
	req.WantFence, req.WantShutdown = l.state == starting, l.state == shuttingDown
	l.ask(e, req)
}

// handleBrokerHeartbeatResponse moves the broker to its next state. After an error, even STALE_BROKER_EPOCH, the broker sends
// the next heartbeat as usual. So when another process has registered with its id, this one stays as it is and is refused
// again and again.
func (l *lifecycle) handleBrokerHeartbeatResponse(e env.Env, resp *kmsg.BrokerHeartbeatResponse) {
	if resp.ErrorCode != 0 {
		l.nextAfterFailure(e)
		return
	}
	wait := l.cfg.heartbeat
	l.fenced = resp.IsFenced
	switch l.state {
	case starting:
		if wait = startingWait; resp.IsCaughtUp {
			l.state = recovery
		}
	case recovery:
		if !resp.IsFenced {
			l.state = running
			// Serving starts in another event, because the heartbeat lane holds no lock on the logs (see package sim).
			e.Arm(env.Timer{Kind: timUnfenced, Lane: env.LaneClient}, 0)
		}
	case shuttingDown:
		if resp.ShouldShutdown {
			l.exit(e)
			return
		}
		if !l.pending {
			l.pending, wait = true, firstShutdownWait
		}
	}
	l.next(e, wait)
}

// stop begins a controlled shutdown: the controller first moves the leaderships to other brokers. A broker that the controller
// has never unfenced leads nothing and ends at once, and so does a broker with controlled.shutdown.enable=false. If the
// controller does not agree within five minutes, the broker ends all the same (KAFKA-13907).
func (l *lifecycle) stop(e env.Env) {
	if l.state == shuttingDown {
		return
	}
	if l.state != running || !l.cfg.controlledShutdown {
		l.exit(e)
		return
	}
	l.state = shuttingDown
	l.next(e, 0)
	e.Arm(env.Timer{Kind: timShutdown, Lane: env.LaneHeartbeat}, shutdownLimit)
}

// exit flushes all logs, writes the clean shutdown file with the broker epoch, and ends the process. The next incarnation
// sends that epoch to the controller, so that the broker stays in the ELR (KIP-966).
func (l *lifecycle) exit(e env.Env) { e.Exit(l.logs.close(e.Disk(), l.epoch)) }
