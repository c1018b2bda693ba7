package broker

import (
	"samsa/controller/image"
	"samsa/replication"
	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"
)

// Broker is the node. It routes: each event goes to the part whose request, answer or timer it is, and at the end of the
// event the requests are completed that it made complete. Everything else is in the parts, each a struct with its own
// file, receiver and fields; New says which part uses which other.
type Broker struct {
	cfg   Config
	image *image.Image // the committed metadata below image.Next; only the observer applies records to it, and none is taken back

	replicas  replicaTable      // replicas.go: the partitions that this broker hosts
	channel   controllerChannel // controllerchannel.go: the connections to the active controller
	lifecycle lifecycle         // lifecycle.go: registration, heartbeats, controlled shutdown
	observer  metadataObserver  // metadatafetch.go: fetches the metadata log
	publisher publisher         // publish.go: makes the replicas follow the image
	logs      logManager        // startup.go, housekeeping.go: the log directory
	fetchers  fetcherManager    // fetcher.go, outofrange.go: copies from other leaders
	isr       isrManager        // isr.go: proposes ISR changes to the controller
	forwarder forwarder         // forward.go: requests for the active controller
	purgatory purgatory         // purgatory.go: requests that wait
	manager   replicaManager    // produce.go, fetch.go, offsets.go, deleterecords.go: requests for partitions
	metadata  metadataCache     // metadata.go, describeconfigs.go: requests that the image answers
	metrics   requestMetrics    // metrics.go

	beforeUnfence []early // requests that came before the controller unfenced this incarnation
}

// New makes a broker; its logs are on its disk.
func New(cfg Config) *Broker {
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
	b.forwarder = forwarder{cfg: &b.cfg, channel: &b.channel, metrics: &b.metrics, ids: &b.purgatory.last, underway: map[int64]*forwarded{}}
	b.purgatory = newPurgatory(&b.cfg, &b.manager, &b.metrics)
	b.manager = replicaManager{
		cfg: &b.cfg, image: b.image, replicas: &b.replicas, logs: &b.logs, isr: &b.isr, purgatory: &b.purgatory, metrics: &b.metrics,
	}
	b.metadata = metadataCache{cfg: &b.cfg, image: b.image}
	return b
}

// Token kinds.
const (
	tokRegister = iota + 1
	tokHeartbeat
	tokMetadata
	tokFetch   // A: leader id, B: round
	tokAlter   // A: round
	tokOffset  // A: replica, B: epoch, C: its end, D: the offset that was asked for
	tokForward // A: forwarded request
)

// Timer kinds.
const (
	timRegister = iota + 1
	timHeartbeat
	timGiveUp   // no controller has registered this incarnation
	timUnfenced // a controller has unfenced it: begin to serve
	timMetadata
	timFetch     // A: leader id: the backoff of a fetcher is over
	timParked    // A: parked fetch
	timProduce   // A: parked produce
	timISR       // look for laggards
	timAlter     // propose to the controller again
	timForward   // A: forwarded request: its backoff is over
	timDeletion  // A: parked DeleteRecords
	timFlush     // A: replica: flush what a roll completed
	timFiles     // A: replica, B: through: remove discarded files
	timRemove    // A: replica: remove its discarded log
	timDiscarded // remove what earlier incarnations discarded

	timCheckpoint // the clocks of housekeeping.go
	timRecovery
	timRetention
	timProducers
	timFlushDue
)

// Start loads the logs, then asks the controller to register this incarnation (BrokerServer.startup).
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

// Returned is an answer to one of this broker's own requests.
func (b *Broker) Returned(e env.Env, tok env.Token, _ env.Request, resp env.Response, err error) {
	switch tok.Kind {
	case tokRegister, tokHeartbeat:
		b.lifecycle.returned(e, tok, resp, err)
	case tokMetadata:
		b.observer.handleFetchResponse(e, resp, err)
	case tokFetch, tokOffset:
		b.fetchers.returned(e, tok, resp, err)
	case tokAlter:
		b.isr.handleAlterPartitionResponse(e, tok.A, resp, err)
	case tokForward:
		b.forwarder.handleResponse(e, tok.A, resp, err)
	}
	b.complete(e)
}

// Lost forgets a connection; its calls came back before.
func (b *Broker) Lost(_ env.Env, l env.Link, _ error) {
	b.channel.lost(l)
	b.fetchers.lost(l)
}

// Fire is a timer.
func (b *Broker) Fire(e env.Env, t env.Timer) {
	switch t.Kind {
	case timRegister, timHeartbeat, timGiveUp, timUnfenced:
		b.lifecycle.fire(e, t)
	case timMetadata:
		b.observer.sendFetch(e)
	case timFetch:
		b.fetchers.resume(e, wire.NodeID(t.A))
	case timISR, timAlter:
		b.isr.fire(e, t)
	case timForward:
		b.forwarder.send(e, t.A)
	case timParked, timProduce, timDeletion:
		b.purgatory.fire(e, t)
	case timFlush, timFiles, timRemove, timDiscarded, timCheckpoint, timRecovery, timRetention, timProducers, timFlushDue:
		b.logs.fire(e, t)
	}
	b.serveEarly(e)
	b.complete(e)
}

// Stop begins a controlled shutdown.
func (b *Broker) Stop(e env.Env) { b.lifecycle.stop(e) }

// complete ends every event: each replica whose log or high watermark moved completes the requests that are parked on it.
func (b *Broker) complete(e env.Env) {
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

// Replica is a partition hosted here, for looking at; nil if there is none.
func (b *Broker) Replica(tp wire.TopicPartition) *replication.Partition {
	if r := b.replicas.named(tp); r != nil {
		return r.Partition
	}
	return nil
}

// Image is the metadata that this broker has applied, for looking at.
func (b *Broker) Image() *image.Image { return b.image }

// Fenced reports whether this incarnation is fenced, as far as it knows.
func (b *Broker) Fenced() bool { return b.lifecycle.fenced }

// Serves reports whether requests are served: until this incarnation is unfenced they wait (SocketServer.enableRequestProcessing).
func (b *Broker) Serves() bool { return b.cfg.Rules.MayServe(b.lifecycle.serving) }

// Idle reports whether no producer waits for an acknowledgement here.
func (b *Broker) Idle() bool { return len(b.purgatory.produces) == 0 }
