package broker

import (
	"samsa/controller/image"
	"samsa/replication"
	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"
)

// Broker is the node. It routes each event to the part that handles it, and at the end of the event completes the parked
// requests that can now be answered. All other work is done by the parts. Each part is a struct with its own file,
// receiver and fields. New shows which part uses which.
type Broker struct {
	cfg   Config
	image *image.Image // the committed metadata; only the observer applies records, and it never undoes one

	replicas  replicaTable      // replicas.go: the partitions that this broker hosts
	channel   controllerChannel // controllerchannel.go: the connections to the active controller
	lifecycle lifecycle         // lifecycle.go: registration, heartbeats, controlled shutdown
	observer  metadataObserver  // metadatafetch.go: fetches the metadata log
	publisher publisher         // publish.go: updates the replicas to match the image
	logs      logManager        // startup.go, housekeeping.go: the log directory
	fetchers  fetcherManager    // fetcher.go, outofrange.go: fetches from other leaders
	isr       isrManager        // isr.go: proposes ISR changes to the controller
	forwarder forwarder         // forward.go: requests for the active controller
	purgatory purgatory         // purgatory.go: requests that wait
	manager   replicaManager    // produce.go, fetch.go, offsets.go, deleterecords.go: requests for partitions
	metadata  metadataCache     // metadata.go, describeconfigs.go: requests that the image answers
	metrics   requestMetrics    // metrics.go

	beforeUnfence []earlyRequest // requests that arrived before the controller unfenced this incarnation
}

// New makes a broker. Start loads its logs from its disk.
func New(cfg Config) *Broker {
	cfg.Rules.mustBeComplete()
	b := &Broker{cfg: cfg.withDefaults(), image: image.New(), metrics: newRequestMetrics()}
	b.replicas = newReplicaTable(&b.cfg, registry{b.image})
	b.channel = controllerChannel{controllers: b.cfg.Controllers}
	b.logs = logManager{cfg: &b.cfg, replicas: &b.replicas, dir: storage.Dir{Rules: b.cfg.Rules.Storage}}
	b.lifecycle = lifecycle{cfg: &b.cfg, image: b.image, channel: &b.channel, logs: &b.logs, epoch: -1, fenced: true}
	b.observer = metadataObserver{cfg: &b.cfg, image: b.image, channel: &b.channel, publisher: &b.publisher}
	b.publisher = publisher{
		cfg: &b.cfg, image: b.image, replicas: &b.replicas, lifecycle: &b.lifecycle, logs: &b.logs, fetchers: &b.fetchers, purgatory: &b.purgatory,
	}
	b.fetchers = fetcherManager{
		cfg: &b.cfg, image: b.image, replicas: &b.replicas, lifecycle: &b.lifecycle, logs: &b.logs, byLeader: map[wire.NodeID]*fetcher{},
	}
	b.isr = isrManager{cfg: &b.cfg, replicas: &b.replicas, lifecycle: &b.lifecycle, channel: &b.channel}
	b.forwarder = forwarder{cfg: &b.cfg, channel: &b.channel, metrics: &b.metrics, underway: map[int64]*forwarded{}}
	b.purgatory = newPurgatory(&b.cfg, &b.manager, &b.metrics)
	b.manager = replicaManager{
		cfg: &b.cfg, image: b.image, replicas: &b.replicas, logs: &b.logs, isr: &b.isr, purgatory: &b.purgatory, metrics: &b.metrics,
	}
	b.metadata = metadataCache{cfg: &b.cfg, image: b.image}
	return b
}

// Each part numbers its timers and its tokens from its own base, so the kind alone shows which part an event belongs to.
// A new part needs a base here, a field in Broker, a line in New, and a case in Returned and in Fire.
const (
	lifecycleKinds = (iota + 1) << 8
	observerKinds
	fetcherKinds
	isrKinds
	forwarderKinds
	purgatoryKinds
	logKinds

	baseOf = 0xff00 // kind & baseOf is the base of the kind's part
)

// Start loads the logs, then sends the controller the registration of this incarnation (BrokerServer.startup).
func (b *Broker) Start(e env.Env) {
	if err := b.logs.load(e); err != nil {
		e.Exit(err)
		return
	}
	b.observer.sendFetch(e)
	b.lifecycle.begin(e)
	b.isr.armReview(e)
	b.logs.startClocks(e)
}

// Returned handles the response to one of this broker's own requests.
func (b *Broker) Returned(e env.Env, tok env.Token, _ env.Request, resp env.Response, err error) {
	switch tok.Kind & baseOf {
	case lifecycleKinds:
		b.lifecycle.returned(e, tok, resp, err)
	case observerKinds:
		b.observer.returned(e, resp, err)
	case fetcherKinds:
		b.fetchers.returned(e, tok, resp, err)
	case isrKinds:
		b.isr.returned(e, tok, resp, err)
	case forwarderKinds:
		b.forwarder.returned(e, tok, resp, err)
	}
	b.completeParked(e)
}

// Lost drops a connection. The calls on it have already failed.
func (b *Broker) Lost(_ env.Env, l env.Link, _ error) {
	b.channel.lost(l)
	b.fetchers.lost(l)
}

// Fire routes a timer to its part.
func (b *Broker) Fire(e env.Env, t env.Timer) {
	switch t.Kind & baseOf {
	case lifecycleKinds:
		b.lifecycle.fire(e, t)
	case observerKinds:
		b.observer.fire(e)
	case fetcherKinds:
		b.fetchers.fire(e, t)
	case isrKinds:
		b.isr.fire(e, t)
	case forwarderKinds:
		b.forwarder.fire(e, t)
	case purgatoryKinds:
		b.purgatory.fire(e, t)
	case logKinds:
		b.logs.fire(e, t)
	}
	b.serveEarly(e)
	b.completeParked(e)
}

// Stop begins a controlled shutdown.
func (b *Broker) Stop(e env.Env) { b.lifecycle.stop(e) }

// completeParked runs at the end of every event. It tries to complete the requests that wait for a replica that the event
// has touched.
func (b *Broker) completeParked(e env.Env) {
	for len(b.replicas.touched) > 0 {
		touched := b.replicas.takeTouched()
		for _, r := range touched {
			b.purgatory.completeProduces(e, r)
			b.logs.tidy(e, r)
		}
		b.purgatory.completeFetches(e, touched)
		b.purgatory.completeDeletions(e, touched)
	}
}

// Replica returns the hosted replica of a partition, or nil if there is none. Viewers and the judges of package check use it.
func (b *Broker) Replica(tp wire.TopicPartition) *replication.Partition {
	if r := b.replicas.named(tp); r != nil {
		return r.Partition
	}
	return nil
}

// Image returns the metadata that this broker has applied. Viewers and the judges of package check use it.
func (b *Broker) Image() *image.Image { return b.image }

// Fenced reports whether this incarnation is fenced, as far as it knows.
func (b *Broker) Fenced() bool { return b.lifecycle.fenced }

// Serves reports whether the broker serves requests. Requests wait until the broker is unfenced
// (SocketServer.enableRequestProcessing).
func (b *Broker) Serves() bool { return b.cfg.Rules.MayServe(b.lifecycle.serving) }

// Idle reports whether no produce request is parked here.
func (b *Broker) Idle() bool { return len(b.purgatory.produces) == 0 }
