package controller

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/broker/storage"
	"samsa/controller/image"
	"samsa/sim/env"
	"samsa/wire"
)

// LogDir is the directory of the metadata log.
const LogDir = "__cluster_metadata-0"

// TopicID is the metadata log's topic id (Uuid.METADATA_TOPIC_ID).
var TopicID = wire.TopicID{15: 1}

// Config are a controller's settings.
type Config struct {
	Node           wire.NodeID
	SessionTimeout env.Duration // broker.session.timeout.ms
	Unclean        bool         // unclean.leader.election.enable
	FetchWait      env.Duration // at the most, whatever a fetch asks for
	Log            storage.Config
}

// Controller is the node. Its image holds every record of its log: it is alone, so appended and flushed is committed.
type Controller struct {
	cfg   Config
	log   *storage.Log
	epoch wire.Epoch
	image *image.Image

	sessions map[wire.NodeID]session
	waiting  []parked // fetches of the metadata log, in order of arrival
	parks    int64    // numbers parked fetches
	batch    []byte   // reused
}

// session is the soft state of a registered broker: it is not in the log, and a new controller gives everyone a fresh one.
type session struct {
	seen env.Instant // the last heartbeat
}

// parked is a fetch that waits for records.
type parked struct {
	ticket env.Ticket
	from   wire.Offset
	id     int64
}

const (
	timSession = iota + 1 // A: node id
	timFetch              // A: parked id
)

// New makes a controller; its log is on its disk.
func New(cfg Config) *Controller { return &Controller{cfg: cfg} }

// Start reads the log, becomes active in the next epoch, and gives every broker of the image a fresh session.
func (c *Controller) Start(e env.Env) {
	c.image, c.sessions = image.New(), map[wire.NodeID]session{}
	d := e.Disk()
	log, _, err := storage.Open(d, LogDir, c.cfg.Log, storage.OpenOptions{Wall: e.Wall()})
	if err != nil {
		e.Exit(err)
		return
	}
	c.log = log
	if err := c.replay(d); err != nil {
		e.Exit(err)
		return
	}
	c.epoch = c.image.Epoch + 1
	if err := c.lead(e); err != nil {
		e.Exit(err)
		return
	}
	e.Note(noteActive, int64(c.cfg.Node), int64(c.epoch), int64(c.log.End()), 0)
	for _, b := range c.image.Brokers() {
		if !b.Fenced {
			c.heard(e, b.ID)
		}
	}
}

// replay applies the whole log.
func (c *Controller) replay(d env.Disk) error {
	for c.image.Next < c.log.End() {
		data, err := c.log.Read(d, c.image.Next, c.log.End(), 1<<20, true)
		if err != nil {
			return err
		}
		for b, err := range wire.Batches(data.Bytes) {
			if err != nil {
				return err
			}
			if err := Apply(c.image, b); err != nil {
				return err
			}
		}
	}
	return nil
}

// Apply takes one batch of the metadata log into an image. Brokers use it too.
func Apply(m *image.Image, b wire.Batch) error {
	if !b.IsControl() {
		for rec, err := range b.Records() {
			if err != nil {
				return err
			}
			r, err := wire.ParseMetadata(rec.Value)
			if err != nil {
				return err
			}
			m.Apply(r)
		}
	}
	m.Next, m.Epoch = b.NextOffset(), b.LeaderEpoch()
	return nil
}

// lead opens the epoch with its LEADER_CHANGE record.
func (c *Controller) lead(e env.Env) error {
	msg := kmsg.NewLeaderChangeMessage()
	msg.LeaderID = int32(c.cfg.Node)
	voter := kmsg.NewLeaderChangeMessageVoter()
	voter.VoterID = int32(c.cfg.Node)
	msg.Voters = append(msg.Voters, voter)
	o := wire.PlainBatch(c.log.End(), c.epoch)
	bytes, err := wire.AppendControl(c.batch[:0], o, wire.Timestamp(e.Wall().Millis()), wire.LeaderChange{LeaderChangeMessage: msg})
	if err != nil {
		return err
	}
	return c.append(e, bytes)
}

// write appends records as one batch, flushes, applies them and lets the waiting fetches see them. A controller that
// cannot write its log can do nothing any more and exits, as Kafka's fatal fault handler does.
func (c *Controller) write(e env.Env, records []wire.MetadataRecord) bool {
	if len(records) == 0 {
		return true
	}
	now := wire.Timestamp(e.Wall().Millis())
	batch := make([]wire.Record, len(records))
	for i, r := range records {
		batch[i] = wire.Record{Offset: c.log.End() + wire.Offset(i), Timestamp: now, Value: wire.AppendMetadata(nil, r)}
	}
	bytes, err := wire.AppendBatch(c.batch[:0], wire.PlainBatch(c.log.End(), c.epoch), batch)
	if err == nil {
		err = c.append(e, bytes)
	}
	if err != nil {
		e.Exit(err)
		return false
	}
	for _, r := range records {
		c.tell(e, r)
	}
	return true
}

// append is the one way into the log: append, flush, apply, serve.
func (c *Controller) append(e env.Env, bytes []byte) error {
	c.batch = bytes
	d := e.Disk()
	if _, err := c.log.AppendAsLeader(d, bytes, c.epoch, storage.OriginRaft, e.Wall()); err != nil {
		return err
	}
	if err := c.log.Flush(d, c.log.End()); err != nil {
		return err
	}
	if err := Apply(c.image, wire.Batch(bytes)); err != nil {
		return err
	}
	waiting := c.waiting
	c.waiting = nil
	for _, p := range waiting {
		e.Disarm(env.Timer{Kind: timFetch, Lane: env.LaneRaft, A: p.id})
		c.serve(e, p.ticket, p.from)
	}
	return nil
}

// tell notes what a record means, once it is committed.
func (c *Controller) tell(e env.Env, r wire.MetadataRecord) {
	switch r := r.(type) {
	case *wire.RegisterBrokerRecord:
		e.Note(noteRegistered, int64(r.BrokerID), int64(r.BrokerEpoch), 0, 0)
	case *wire.BrokerRegistrationChangeRecord:
		switch {
		case r.Fenced == 1:
			e.Note(noteFenced, int64(r.BrokerID), int64(r.BrokerEpoch), 0, 0)
		case r.Fenced == -1:
			e.Note(noteUnfenced, int64(r.BrokerID), int64(r.BrokerEpoch), 0, 0)
		case r.InControlledShutdown == 1:
			e.Note(noteShutdown, int64(r.BrokerID), int64(r.BrokerEpoch), 0, 0)
		}
	case *wire.PartitionRecord:
		e.Note(noteElected, r.TopicID.Short(), int64(r.PartitionID), int64(r.Leader), int64(r.LeaderEpoch))
	case *wire.PartitionChangeRecord:
		p := c.image.Partition(r.TopicID, r.PartitionID)
		switch {
		case r.Leader == wire.NoNode:
			e.Note(noteLeaderless, r.TopicID.Short(), int64(r.PartitionID), Set(p.ISR), int64(p.Epoch))
		case r.Leader != wire.LeaderUnchanged && r.LeaderRecoveryState == wire.Recovering:
			e.Note(noteUnclean, r.TopicID.Short(), int64(r.PartitionID), int64(p.Leader), int64(p.Epoch))
		case r.Leader != wire.LeaderUnchanged:
			e.Note(noteElected, r.TopicID.Short(), int64(r.PartitionID), int64(p.Leader), int64(p.Epoch))
		}
		if r.ISR != nil {
			e.Note(noteISR, r.TopicID.Short(), int64(r.PartitionID), Set(p.ISR), int64(p.Version))
		}
	}
}

// Set is a list of node ids as notes carry it: bit i is node i. Ids above 62 do not fit and are left out.
func Set(ids []wire.NodeID) int64 {
	var set int64
	for _, id := range ids {
		if id >= 0 && id < 63 {
			set |= 1 << id
		}
	}
	return set
}

// heard restarts a broker's session.
func (c *Controller) heard(e env.Env, id wire.NodeID) {
	c.sessions[id] = session{e.Now()}
	e.Arm(env.Timer{Kind: timSession, Lane: env.LaneRaft, A: int64(id)}, c.cfg.SessionTimeout)
}

// Fire ends a broker's session or a parked fetch.
func (c *Controller) Fire(e env.Env, t env.Timer) {
	switch t.Kind {
	case timSession:
		id := wire.NodeID(t.A)
		if b := c.image.Broker(id); b != nil && !b.Fenced {
			c.write(e, c.cluster().fence(b))
		}
	case timFetch:
		for i, p := range c.waiting {
			if p.id == t.A {
				c.waiting = append(c.waiting[:i], c.waiting[i+1:]...)
				c.serve(e, p.ticket, p.from)
				return
			}
		}
	}
}

func (c *Controller) cluster() cluster { return cluster{c.image, c.cfg.Unclean} }

// Image is the controller's image, for looking at.
func (c *Controller) Image() *image.Image { return c.image }

// Epoch is the controller's epoch.
func (c *Controller) Epoch() wire.Epoch { return c.epoch }

// Returned hears no answers: a controller calls nobody.
func (c *Controller) Returned(env.Env, env.Token, env.Request, env.Response, error) {}

// Lost hears of no links: a controller dials nobody.
func (c *Controller) Lost(env.Env, env.Link, error) {}

// Stop closes the log and exits.
func (c *Controller) Stop(e env.Env) { e.Exit(c.log.Close(e.Disk())) }

// Receive serves one request. What is not for a controller is refused by closing nothing and answering nothing useful.
func (c *Controller) Receive(e env.Env, t env.Ticket, req env.Request) {
	switch req := req.(type) {
	case *kmsg.BrokerRegistrationRequest:
		c.register(e, t, req)
	case *kmsg.BrokerHeartbeatRequest:
		c.heartbeat(e, t, req)
	case *kmsg.AlterPartitionRequest:
		c.alterPartition(e, t, req)
	case *kmsg.CreateTopicsRequest:
		c.createTopics(e, t, req)
	case *kmsg.IncrementalAlterConfigsRequest:
		c.alterConfigs(e, t, req)
	case *kmsg.FetchRequest:
		c.fetch(e, t, req)
	default:
		e.NoReply(t)
	}
}

// fetch serves the metadata log to a broker, or parks the request until there is more.
func (c *Controller) fetch(e env.Env, t env.Ticket, req *kmsg.FetchRequest) {
	if len(req.Topics) != 1 || wire.TopicID(req.Topics[0].TopicID) != TopicID || len(req.Topics[0].Partitions) != 1 {
		resp := req.ResponseKind().(*kmsg.FetchResponse)
		resp.ErrorCode = kerr.InvalidRequest.Code
		e.Reply(t, resp)
		return
	}
	from := wire.Offset(req.Topics[0].Partitions[0].FetchOffset)
	if from < c.log.End() || req.MaxWaitMillis <= 0 {
		c.serve(e, t, from)
		return
	}
	c.parks++
	c.waiting = append(c.waiting, parked{t, from, c.parks})
	wait := min(env.Duration(req.MaxWaitMillis)*env.Millisecond, c.cfg.FetchWait)
	e.Arm(env.Timer{Kind: timFetch, Lane: env.LaneRaft, A: c.parks}, wait)
}

// serve answers a fetch with what there is from an offset on.
func (c *Controller) serve(e env.Env, t env.Ticket, from wire.Offset) {
	resp := kmsg.NewPtrFetchResponse()
	rp := kmsg.NewFetchResponseTopicPartition()
	rp.HighWatermark, rp.LogStartOffset = int64(c.log.End()), int64(c.log.Start())
	rp.LastStableOffset = rp.HighWatermark
	rp.CurrentLeader.LeaderID, rp.CurrentLeader.LeaderEpoch = int32(c.cfg.Node), int32(c.epoch)
	switch {
	case from < c.log.Start() || from > c.log.End():
		rp.ErrorCode = kerr.OffsetOutOfRange.Code
	default:
		data, err := c.log.Read(e.Disk(), from, c.log.End(), 1<<20, true)
		if err != nil {
			rp.ErrorCode = kerr.KafkaStorageError.Code
		}
		rp.RecordBatches = data.Bytes
	}
	rt := kmsg.NewFetchResponseTopic()
	rt.TopicID, rt.Partitions = TopicID, append(rt.Partitions, rp)
	resp.Topics = append(resp.Topics, rt)
	e.Reply(t, resp)
}
