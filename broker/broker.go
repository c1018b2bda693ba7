package broker

import (
	"samsa/controller/image"
	"samsa/replication"
	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"
)

// Broker is the node, for one incarnation: what it knows it has from its disk and from what it was told since.
type Broker struct {
	cfg   Config
	dir   storage.Dir
	image *image.Image // the committed metadata below image.Next; only learned moves it, and never back

	life  life
	ctrl  controllerLink
	parts map[wire.TopicPartition]*replica // in service, by name; no two topics of one name at a time
	order []*replica                       // all that ever were in parts, in order of their making: a timer names one by its index

	fetchers map[wire.NodeID]*fetcher // by leader; one that leads nothing for us any more keeps its connection
	purgatory
	passed map[int64]*forwarded // to the controller, by Broker.next
	alter  alterations
	counts counts
	dirty  []*replica // touched in this event; settled at its end, so empty between events

	early     []early  // requests that came before we were let in
	published bool     // the image has been put into effect once
	failed    bool     // its log directory is offline: what is left of the event that saw it touches no log
	discarded []string // directories that earlier incarnations discarded and did not remove
}

// replica is a partition with who waits for it.
type replica struct {
	*replication.Partition
	index    int64 // in Broker.order; names the replica in tokens and timers
	gone     bool  // deleted: whoever still holds it must not use it
	dirty    bool  // listed in Broker.dirty
	produced []waiter
	resume   env.Instant // as a follower: not to be fetched before
	failed   bool        // as a follower: what the leader sent cannot be; nothing is fetched until the next epoch
	flushed  env.Instant // when it was flushed last, or opened
	doomed   int64       // its discarded files up to here have a timer
}

// New makes a broker; its logs are on its disk.
func New(cfg Config) *Broker {
	cfg = cfg.settled()
	return &Broker{cfg: cfg, dir: storage.Dir{Rules: cfg.Rules.Storage}, counts: newCounts()}
}

// Token kinds.
const (
	tokRegister = iota + 1
	tokHeartbeat
	tokMetadata
	tokFetch   // A: leader id, B: round
	tokAlter   // A: round
	tokOffset  // A: replica, B: epoch, C: its end, D: what was asked
	tokForward // A: forwarded request
)

// Timer kinds.
const (
	timRegister = iota + 1
	timHeartbeat
	timGiveUp // nobody has taken us in
	timOpen   // somebody has: begin to serve
	timMetadata
	timFetch     // A: leader id: the backoff of a fetcher is over
	timParked    // A: parked fetch
	timProduce   // A: parked produce
	timISR       // look for laggards
	timAlter     // ask the controller again
	timForward   // A: forwarded request: its backoff is over
	timDeletion  // A: parked DeleteRecords
	timFlush     // A: replica: flush what a roll completed
	timDoomed    // A: replica, B: through: remove discarded files
	timRemove    // A: replica: remove its discarded log
	timDiscarded // remove what earlier incarnations discarded

	timCheckpoint // the clocks of housekeeping.go
	timRecovery
	timRetention
	timProducers
	timFlushDue
)

// Start loads the logs, then asks the controller to take this incarnation in.
func (b *Broker) Start(e env.Env) {
	b.image = image.New()
	b.parts = map[wire.TopicPartition]*replica{}
	b.fetchers = map[wire.NodeID]*fetcher{}
	b.purgatory = newPurgatory()
	b.passed = map[int64]*forwarded{}
	if err := b.load(e); err != nil {
		e.Exit(err)
		return
	}
	b.begin(e)
	e.Arm(env.Timer{Kind: timISR, Lane: env.LaneBackground}, b.cfg.lagMax/2)
	b.keepHouse(e)
	if len(b.discarded) > 0 {
		e.Arm(env.Timer{Kind: timDiscarded, Lane: env.LaneBackground}, b.cfg.log.FileDeleteDelay)
	}
}

// Returned is an answer to one of this broker's own requests.
func (b *Broker) Returned(e env.Env, tok env.Token, _ env.Request, resp env.Response, err error) {
	switch tok.Kind {
	case tokRegister:
		b.registered(e, resp, err)
	case tokHeartbeat:
		b.beaten(e, resp, err)
	case tokMetadata:
		b.learned(e, resp, err)
	case tokFetch:
		b.fetched(e, wire.NodeID(tok.A), tok.B, resp, err)
	case tokAlter:
		b.altered(e, tok.A, resp, err)
	case tokOffset:
		b.offsetTold(e, tok, resp, err)
	case tokForward:
		b.answered(e, tok.A, resp, err)
	}
	b.settle(e)
}

// Lost forgets a connection; its calls came back before.
func (b *Broker) Lost(_ env.Env, l env.Link, _ error) {
	b.ctrl.lost(l)
	for _, f := range b.fetchers { //order: a link belongs to one fetcher
		if f.link == l {
			f.link = 0
		}
	}
}

// Fire is a timer.
func (b *Broker) Fire(e env.Env, t env.Timer) {
	switch t.Kind {
	case timRegister:
		b.register(e)
	case timHeartbeat:
		b.beat(e)
	case timGiveUp:
		b.giveUp(e)
	case timOpen:
		b.open(e)
	case timMetadata:
		b.fetchMetadata(e)
	case timFetch:
		b.resume(e, wire.NodeID(t.A))
	case timParked:
		b.expireFetch(e, t.A)
	case timProduce:
		b.expireProduce(e, t.A)
	case timISR:
		b.reviewISR(e)
	case timAlter:
		b.sendAlterations(e)
	case timForward:
		b.pass(e, t.A)
	case timDeletion:
		b.expireDeletion(e, t.A)
	case timFlush:
		b.flushRolled(e, b.order[t.A])
	case timDoomed:
		b.purge(e, b.order[t.A], t.B)
	case timRemove:
		b.remove(e, b.order[t.A])
	case timDiscarded:
		b.removeDiscarded(e)
	case timCheckpoint, timRecovery, timRetention, timProducers, timFlushDue:
		b.turn(e, t.Kind)
	}
	b.settle(e)
}

// touch marks a replica whose log or high watermark moved.
func (b *Broker) touch(r *replica) {
	if !r.dirty {
		r.dirty = true
		b.dirty = append(b.dirty, r)
	}
}

// Replica is a partition hosted here, for looking at; nil if there is none.
func (b *Broker) Replica(tp wire.TopicPartition) *replication.Partition {
	if r := b.parts[tp]; r != nil {
		return r.Partition
	}
	return nil
}

// Image is the metadata this broker has applied, for looking at.
func (b *Broker) Image() *image.Image { return b.image }

// Fenced tells whether the controller has not let this incarnation in, as far as it knows.
func (b *Broker) Fenced() bool { return b.life.fenced }

// Serves tells whether requests are served: until this incarnation is let in they wait (SocketServer.enableRequestProcessing).
func (b *Broker) Serves() bool { return b.cfg.Rules.MayServe(b.life.open) }

// Idle tells whether nobody waits for an acknowledgement here.
func (b *Broker) Idle() bool { return len(b.produces) == 0 }
