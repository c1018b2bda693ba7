package controller

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/controller/image"
	"samsa/controller/raft"
	"samsa/coordinator"
	"samsa/sim/env"
	"samsa/wire"
)

// LogDir is the directory of the metadata log.
const LogDir = raft.Dir

// Feature is a feature that this controller knows: its name, the level that a new cluster finalises, and the range of
// levels that the controller supports.
type Feature struct {
	Name            string
	Level, Min, Max int16
}

// Config has the settings of a controller; each comment gives Kafka's name of the setting.
type Config struct {
	Quorum         raft.Config
	ClusterID      string
	SessionTimeout env.Duration // broker.session.timeout.ms
	BalanceEvery   env.Duration // leader.imbalance.check.interval.seconds; 0 is never
	UncleanEvery   env.Duration // unclean.leader.election.interval.ms; 0 is never
	Unclean        bool         // unclean.leader.election.enable
	MinISR         int          // min.insync.replicas
	Partitions     int32        // num.partitions
	Replication    int16        // default.replication.factor
	Features       []Feature    // by name
	// CheckConfigs returns an error if a resource must not have these configs. The list all has every config that is set
	// on the resource. Nil allows all configs.
	CheckConfigs func(resource wire.ConfigResource, all []Setting) error
	// ListDefault returns the default of a config that is a list, and false for other configs. If it is nil, every config is a
	// list without a default.
	ListDefault func(resource wire.ConfigResource, name string) (string, bool)
	// TopicConfigs returns the configs in force for a topic. The list brokers has the dynamic defaults, and the list topic
	// has the topic's own configs. If TopicConfigs is nil, responses have no configs.
	TopicConfigs func(brokers, topic []Setting) []kmsg.CreateTopicsResponseTopicConfig
	Oracle       bool // check that the tip, the stable state and replays of the log agree, see coordinator.Options
	Rules        Rules
}

// DefaultConfig returns Kafka's defaults for a controller.
func DefaultConfig(node wire.NodeID, voters []raft.Voter) Config {
	return Config{
		Quorum: raft.DefaultConfig(node, voters), SessionTimeout: 9 * env.Second, BalanceEvery: 300 * env.Second, UncleanEvery: 5 * env.Minute,
		MinISR: 1, Partitions: 1, Replication: 1, Features: DefaultFeatures(), Rules: CurrentRules(),
	}
}

// DefaultFeatures returns the features of Kafka 4.x with the levels that a new cluster finalises.
func DefaultFeatures() []Feature {
	return []Feature{
		{elrFeature, 1, 0, 1},
		{"group.version", 1, 0, 1},
		{metadataFeature, 27, 7, 27},
		{"transaction.version", 2, 0, 2},
	}
}

// Controller is a voter of the metadata quorum. While it leads the quorum, it is the active controller.
//
//	standby ──leads, and has committed in its epoch──▶ active ──leads no longer──▶ standby
//
// Active and standby controllers both follow the committed log; only the active controller decides and has soft state.
type Controller struct {
	cfg        Config
	quorum     *raft.Replica
	rt         *coordinator.Runtime[machine]
	claimEpoch wire.Epoch // the epoch in which this controller is active; NoEpoch if it is a standby
	ending     bool       // the process is ending

	sessions *sessions // the sessions of the brokers; soft state, nil if this controller is a standby
}

const (
	timSession = iota + 1 // A: node id, B: claim epoch
	timBalance            // B: claim epoch
	timUnclean            // B: claim epoch
)

// New makes a controller. Start reads its log and its vote from its disk.
func New(cfg Config) *Controller {
	cfg.Rules.mustBeComplete()
	cfg.Quorum.ClusterID = cfg.ClusterID
	c := &Controller{cfg: cfg, quorum: raft.New(cfg.Quorum), claimEpoch: wire.NoEpoch}
	c.rt = coordinator.New(quorumLog{c}, c, newMachine, coordinator.Options{Oracle: cfg.Oracle})
	return c
}

// Start joins the quorum.
func (c *Controller) Start(e env.Env) {
	if err := c.quorum.Start(e); err != nil {
		c.fail(e, err)
		return
	}
	c.syncWithQuorum(e)
}

// syncWithQuorum runs at the end of every event and follows the state of the quorum. If this controller has lost its
// leadership, it renounces first. Then it applies the committed records. Last, if it has become leader in a new epoch,
// it claims that leadership.
func (c *Controller) syncWithQuorum(e env.Env) {
	if c.ending {
		return
	}
	if c.quorum.Dead() {
		c.finish(e)
		return
	}
	leads := c.quorum.Ready()
	if c.claimEpoch != wire.NoEpoch && (!leads || c.quorum.Epoch() != c.claimEpoch) {
		c.renounce(e)
	}
	c.applyCommitted(e)
	if c.claimEpoch == wire.NoEpoch && leads && !c.ending {
		c.claim(e)
	}
}

// applyCommitted applies the committed records.
func (c *Controller) applyCommitted(e env.Env) {
	if c.ending {
		return
	}
	if err := c.rt.Committed(e, c.quorum.Committed()); err != nil {
		c.fail(e, err)
		return
	}
	m := c.rt.Stable()
	m.Next, m.Epoch = c.rt.Next(), c.quorum.Epoch()
}

// claim makes this controller active (QuorumController.claim). Its image has every record that an earlier controller
// committed.
func (c *Controller) claim(e env.Env) {
	err := c.rt.Load(e, c.quorum.Committed())
	if err == nil {
		_, err = c.rt.LoadStep(e, 0) // in one step, because a standby has applied the committed records and few are left
	}
	if err != nil {
		c.fail(e, err)
		return
	}
	c.claimEpoch, c.sessions = c.quorum.Epoch(), newSessions(c.cfg.SessionTimeout, c.quorum.Epoch())
	e.Note(noteActive, int64(c.cfg.Quorum.Node), int64(c.claimEpoch), int64(c.quorum.End()), 0)
	for _, b := range c.rt.Tip().Brokers() {
		if !b.Fenced {
			c.sessions.touch(e, b.ID, -1)
		}
	}
	c.armPeriodic(e, timBalance, c.cfg.BalanceEvery)
	c.armPeriodic(e, timUnclean, c.cfg.UncleanEvery)
	c.bootstrap(e)
}

// armPeriodic arms a periodic timer of the active controller, or none if the period is 0.
func (c *Controller) armPeriodic(e env.Env, kind uint16, d env.Duration) {
	if d > 0 {
		e.Arm(env.Timer{Kind: kind, Lane: env.LaneRaft, B: int64(c.claimEpoch)}, d)
	}
}

// renounce makes this controller a standby (QuorumController.renounce). Waiting requests get NOT_CONTROLLER, because
// their outcome is unknown.
func (c *Controller) renounce(e env.Env) {
	e.Note(noteInactive, int64(c.cfg.Quorum.Node), int64(c.claimEpoch), 0, 0)
	c.claimEpoch, c.sessions = wire.NoEpoch, nil
	if err := c.rt.Unload(e); err != nil {
		c.fail(e, err)
	}
}

// fail ends the process, because a controller that cannot read or write its log can do nothing (Kafka's fatal fault
// handler).
func (c *Controller) fail(e env.Env, err error) {
	c.ending = true
	e.Exit(err)
}

// finish ends the process after the clean shutdown of this controller's voter.
func (c *Controller) finish(e env.Env) {
	c.ending = true
	c.rt.Check(e)
	e.Exit(c.quorum.Close(e))
}

// Stop begins a clean shutdown. An active controller resigns first.
func (c *Controller) Stop(e env.Env) {
	c.quorum.Stop(e)
	c.syncWithQuorum(e)
}

// Receive passes the quorum's requests to this controller's voter and serves the others. If controllers do not serve the
// request or its version, Receive closes the connection (SocketServer). ApiVersions always gets a response, which every
// client can read (KIP-511).
func (c *Controller) Receive(e env.Env, t env.Ticket, req env.Request) {
	versions, asks := req.(*kmsg.ApiVersionsRequest)
	switch known := serves(req); {
	case asks:
		e.Reply(t, apiVersions(versions, known, c.cfg.Features, c.Image()))
	case !known:
		e.Close(t.Link)
	case raft.Handles(req):
		c.quorum.Receive(e, t, req)
	default:
		c.serve(e, t, req)
	}
	c.syncWithQuorum(e)
}

// Returned handles the responses to the quorum's requests; a controller sends no other requests.
func (c *Controller) Returned(e env.Env, tok env.Token, _ env.Request, resp env.Response, err error) {
	c.quorum.Returned(e, tok, resp, err)
	c.syncWithQuorum(e)
}

// Lost drops a connection.
func (c *Controller) Lost(_ env.Env, l env.Link, _ error) { c.quorum.Lost(l) }

// Fire handles a timer of the quorum or of the active controller. A timer of an earlier claim epoch does nothing.
func (c *Controller) Fire(e env.Env, t env.Timer) {
	switch {
	case t.Kind >= raft.FirstKind:
		c.quorum.Fire(e, t)
	case wire.Epoch(t.B) != c.claimEpoch:
	case t.Kind == timSession:
		c.runInternal(e, func(s decisionState) []wire.MetadataRecord {
			if b := s.Broker(wire.NodeID(t.A)); b != nil && !b.Fenced {
				return s.fence(b)
			}
			return nil
		})
	case t.Kind == timBalance:
		c.armPeriodic(e, t.Kind, c.cfg.BalanceEvery)
		c.runInternal(e, decisionState.balanceLeaders)
	case t.Kind == timUnclean:
		c.armPeriodic(e, t.Kind, c.cfg.UncleanEvery)
		c.runInternal(e, func(s decisionState) []wire.MetadataRecord { return s.electLeaderless("") })
	}
	c.syncWithQuorum(e)
}

// decisionState returns the state that an op reads.
func (c *Controller) decisionState(m machine) decisionState {
	return decisionState{m.Image, &c.cfg, c.rt.End(), c.sessions, &c.cfg.Rules}
}

// runInternal runs an op without a request.
func (c *Controller) runInternal(e env.Env, op func(decisionState) []wire.MetadataRecord) {
	c.runOp(e, coordinator.Caller{}, func(s decisionState) ([]wire.MetadataRecord, env.Response) { return op(s), nil })
}

// runOp runs an op on the newest state and appends its records as one batch, which is committed whole or not at all.
func (c *Controller) runOp(e env.Env, to coordinator.Caller, op op) {
	err := c.rt.Write(e, func(m machine) coordinator.Result {
		records, resp := op(c.decisionState(m))
		res := coordinator.Result{Records: encode(e, records), OnCommit: createdTopics(records)}
		switch {
		case to.Request == nil:
		case !c.cfg.Rules.AnswerCommitted && len(records) > 0:
			e.Reply(to.Ticket, resp)
		default:
			res.Answers = []coordinator.Answer{{To: to, Response: resp}}
		}
		return res
	})
	refused := err == coordinator.ErrNotActive || err == coordinator.ErrLoading // the op did not run
	if refused && to.Request != nil {
		e.Reply(to.Ticket, refusal(to.Request, notController))
	}
	if err != nil && !refused && c.rt.State() != coordinator.Active {
		c.claimEpoch = wire.NoEpoch // the disk failed during the append, and the voter is dead
	}
}

// encode returns the log records for metadata records.
func encode(e env.Env, records []wire.MetadataRecord) []wire.Record {
	now := wire.Timestamp(e.Wall().Millis())
	all := make([]wire.Record, len(records))
	for i, r := range records {
		all[i] = wire.Record{Timestamp: now, Value: wire.AppendMetadata(nil, r)}
	}
	return all
}

// Answer implements coordinator.Host.
func (c *Controller) Answer(e env.Env, a coordinator.Answer) {
	switch a.Err.(type) {
	case nil:
		e.Reply(a.To.Ticket, a.Response)
	case coordinator.Unknown:
		e.Reply(a.To.Ticket, refusal(a.To.Request, notController))
	default:
		e.Reply(a.To.Ticket, refusal(a.To.Request, tooLarge))
	}
}

// createdTopics returns one effect for each topic that an op creates. An effect has the topic's id and its numbers of
// partitions and replicas. The effects happen when all records of the op are committed.
func createdTopics(records []wire.MetadataRecord) (all []env.Token) {
	for _, r := range records {
		switch r := r.(type) {
		case *wire.TopicRecord:
			all = append(all, env.Token{A: r.TopicID.Short()})
		case *wire.PartitionRecord:
			if n := len(all); n > 0 {
				all[n-1].B++
				all[n-1].C = int64(len(r.Replicas))
			}
		}
	}
	return all
}

// WakeAt implements coordinator.Host. It is never called, because a controller's ops have no linger and no deadline.
func (c *Controller) WakeAt(env.Env, env.Instant) {
	panic("controller: the runtime asks for a timer")
}

// Effect implements coordinator.Host. The only effect is the note that a topic was created.
func (c *Controller) Effect(e env.Env, t env.Token) { e.Note(noteTopic, t.A, t.B, t.C, 0) }

// Image returns the committed metadata. The caller must not change it.
func (c *Controller) Image() *image.Image { return c.rt.Stable().Image }

// Epoch returns the newest epoch of the quorum that this controller knows.
func (c *Controller) Epoch() wire.Epoch { return c.quorum.Epoch() }

// Active reports whether this is the active controller, as far as it knows.
func (c *Controller) Active() bool { return c.claimEpoch != wire.NoEpoch }

// Quorum returns the controller's voter. The caller must not change it.
func (c *Controller) Quorum() *raft.Replica { return c.quorum }
