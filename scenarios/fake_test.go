package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"samsa/check"
	"samsa/scenarios/cluster"
	"samsa/scenarios/observe"
	"samsa/sim/env"
	"samsa/wire"
)

// fake is a cluster without brokers. It has a queue of events, one log per topic, and an election one second after a leader
// died. It records every call, to test the language.
type fake struct {
	options cluster.Options
	queue   []fakeEvent
	now     env.Duration
	order   int
	events  uint64
	steps   uint64
	up      map[env.Addr]bool
	topics  []*fakeTopic
	clients []env.Addr
	ops     []*cluster.Outcome
	calls   []string
	ended   bool
	status  check.Status // the finding of acked-durable
}

type fakeTopic struct {
	spec   cluster.TopicSpec
	log    []string
	leader wire.NodeID
	epoch  wire.Epoch
}

type fakeEvent struct {
	at    env.Duration
	order int
	do    func()
}

var (
	fakeLeads = &env.NoteKind{Name: "partition.leads", Fields: [4]string{"node", "epoch"}, Text: "{node} leads in epoch {epoch}", Story: true}
	fakeTick  = &env.NoteKind{Name: "fake.tick", Text: "ticks"}
)

func buildFake(o cluster.Options) (observe.Cluster, error) { return newFake(o), nil }

func newFake(o cluster.Options) *fake {
	f := &fake{options: o, up: map[env.Addr]bool{}}
	for _, host := range f.hosts() {
		f.up[host] = true
	}
	return f
}

func (f *fake) hosts() (all []env.Addr) {
	for i := range f.options.Brokers {
		all = append(all, env.Addr('b')+env.Addr(rune('1'+i)))
	}
	for i := range f.options.Controllers {
		all = append(all, env.Addr('c')+env.Addr(rune('1'+i)))
	}
	return append(all, f.clients...)
}

func (f *fake) note(who env.Addr, kind *env.NoteKind, args ...int64) {
	n := Note{Event: f.events, Time: f.now, Who: who, Kind: kind}
	copy(n.Args[:], args)
	if kind.Story {
		f.steps++
		n.Step = f.steps
	}
	if f.options.Sink != nil {
		f.options.Sink(n)
	}
}

func (f *fake) call(words ...string) {
	f.calls = append(f.calls, strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " "))
}

func (f *fake) after(d env.Duration, do func()) { f.At(f.now+d, "", do) }

func (f *fake) At(t env.Duration, _ string, do func()) {
	f.order++
	f.queue = append(f.queue, fakeEvent{t, f.order, do})
	slices.SortFunc(f.queue, func(a, b fakeEvent) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.order, b.order))
	})
}

func (f *fake) Step() bool {
	if len(f.queue) == 0 {
		return false
	}
	e := f.queue[0]
	f.queue = f.queue[1:]
	f.now = e.at
	f.note("c1", fakeTick)
	e.do()
	f.events++
	return true
}

func (f *fake) Now() env.Duration { return f.now }
func (f *fake) Events() uint64    { return f.events }
func (f *fake) Steps() uint64     { return f.steps }
func (f *fake) Hash() uint64      { return f.events*31 + f.steps + f.options.Seed }
func (f *fake) Shape() uint64     { return f.events }

func (f *fake) op(after env.Duration, do func() cluster.Outcome) cluster.Op {
	i := len(f.ops)
	f.ops = append(f.ops, nil)
	f.after(after, func() { o := do(); f.ops[i] = &o })
	return cluster.Op(i + 1)
}

func (f *fake) Outcome(op cluster.Op) (cluster.Outcome, bool) {
	if o := f.ops[op-1]; o != nil {
		return *o, true
	}
	return cluster.Outcome{}, false
}

func (f *fake) AddClient(name env.Addr, configs []Setting) {
	f.clients = append(f.clients, name)
	f.up[name] = true
	words := []string{"client", string(name)}
	for _, c := range configs {
		words = append(words, c.Name+"="+c.Value)
	}
	f.call(words...)
}

func (f *fake) CreateTopic(spec cluster.TopicSpec) cluster.Op {
	return f.op(env.Second, func() cluster.Outcome {
		f.topics = append(f.topics, &fakeTopic{spec: spec, leader: 1})
		f.note("b1", fakeLeads, 1, 0)
		return cluster.Outcome{}
	})
}

func (f *fake) AlterConfigs(of cluster.ConfigsOf, how cluster.AlterConfig, configs []Setting) cluster.Op {
	return f.op(10*env.Millisecond, func() cluster.Outcome {
		name := of.Topic
		if of.Broker != 0 {
			name = string(f.host(of.Broker))
		}
		for _, c := range configs {
			f.call("config", name, [...]string{"set", "delete", "append", "subtract"}[how], c.Name+"="+c.Value)
		}
		return cluster.Outcome{}
	})
}

func (f *fake) DeleteTopic(name string) cluster.Op {
	return f.op(10*env.Millisecond, func() cluster.Outcome {
		f.call("delete", name)
		f.topics = slices.DeleteFunc(f.topics, func(t *fakeTopic) bool { return t.spec.Name == name })
		return cluster.Outcome{}
	})
}

func (f *fake) AddPartitions(name string, n int32) cluster.Op {
	return f.op(10*env.Millisecond, func() cluster.Outcome {
		t := f.topic(wire.TopicPartition{Topic: name})
		if n <= t.spec.Partitions {
			return cluster.Outcome{Status: cluster.OutcomeFailed, Error: "INVALID_PARTITIONS"}
		}
		f.call("grow", name, fmt.Sprint(n))
		t.spec.Partitions = n
		return cluster.Outcome{}
	})
}

func (f *fake) DeleteRecords(tp wire.TopicPartition, before wire.Offset) cluster.Op {
	return f.op(10*env.Millisecond, func() cluster.Outcome {
		f.call("delete records", tp.String(), fmt.Sprint(before))
		return cluster.Outcome{}
	})
}

func (f *fake) Finalise(levels []Setting) cluster.Op {
	return f.op(10*env.Millisecond, func() cluster.Outcome {
		for _, l := range levels {
			f.call("finalise", l.Name+"="+l.Value)
		}
		return cluster.Outcome{}
	})
}

func (f *fake) ElectLeader(tp wire.TopicPartition, unclean bool) cluster.Op {
	return f.op(10*env.Millisecond, func() cluster.Outcome {
		if unclean {
			return cluster.Outcome{Status: cluster.OutcomeFailed, Error: "ELECTION_NOT_NEEDED"}
		}
		f.call("elect", tp.String())
		return cluster.Outcome{}
	})
}

func (f *fake) Produce(by env.Addr, tp wire.TopicPartition, values []string, how ...cluster.RecordFields) cluster.Op {
	if len(how) > 0 || tp.Partition < 0 {
		f.call("produce", string(by), tp.String(), fmt.Sprint(values), strings.Trim(fmt.Sprintf("%+v", how), "[]"))
	}
	return f.op(10*env.Millisecond, func() (o cluster.Outcome) {
		t := f.topic(tp)
		if t == nil {
			return cluster.Outcome{Status: cluster.OutcomeFailed, Error: "UNKNOWN_TOPIC_OR_PARTITION"}
		}
		for _, v := range values {
			r := cluster.RecordOutcome{Partition: max(tp.Partition, 0), Offset: wire.Offset(len(t.log)), Value: v}
			if !f.up[f.host(t.leader)] {
				r = cluster.RecordOutcome{Offset: -1, Status: cluster.OutcomeUnknown, Error: "REQUEST_TIMED_OUT"}
			} else {
				t.log = append(t.log, v)
			}
			o.Records = append(o.Records, r)
		}
		return o
	})
}

func (f *fake) Consume(by env.Addr, tp wire.TopicPartition, from wire.Offset, most int32, _ ...env.Duration) cluster.Op {
	stays := most == cluster.UntilStopped
	if stays || from == cluster.FromEnd || f.topic(tp) == nil {
		f.call("consume", string(by), tp.String(), fmt.Sprint(from, most))
	}
	if stays {
		f.ops = append(f.ops, nil) // it does not end by itself
		return cluster.Op(len(f.ops))
	}
	return f.op(10*env.Millisecond, func() (o cluster.Outcome) {
		if f.topic(tp) == nil {
			return cluster.Outcome{Status: cluster.OutcomeFailed, Error: "UNKNOWN_TOPIC_OR_PARTITION"}
		}
		for i, v := range f.topic(tp).log {
			if wire.Offset(i) >= from && int32(len(o.Records)) < most {
				o.Records = append(o.Records, cluster.RecordOutcome{Offset: wire.Offset(i), Value: v})
			}
		}
		return o
	})
}

func (f *fake) Ask(q cluster.Question) cluster.Op {
	return f.op(10*env.Millisecond, func() cluster.Outcome {
		f.call("ask", fmt.Sprintf("%+v", q))
		return cluster.Outcome{Lines: []string{"an answer"}}
	})
}

func (f *fake) topic(tp wire.TopicPartition) *fakeTopic {
	for _, t := range f.topics {
		if t.spec.Name == tp.Topic {
			return t
		}
	}
	return nil
}

func (f *fake) host(id wire.NodeID) env.Addr { return env.Addr("b" + string(rune('0'+id))) }

func (f *fake) Crash(host env.Addr, power bool) {
	words := []string{"crash", string(host)}
	if power {
		words = append(words, "power")
	}
	f.call(words...)
	f.up[host] = false
	f.after(env.Second, func() {
		for _, t := range f.topics {
			if !f.up[f.host(t.leader)] {
				t.leader, t.epoch = wire.NoNode, t.epoch+1
				for id := wire.NodeID(1); id <= wire.NodeID(f.options.Brokers); id++ {
					if f.up[f.host(id)] {
						t.leader = id
						f.note(f.host(id), fakeLeads, int64(id), int64(t.epoch))
						break
					}
				}
			}
		}
	})
}

func (f *fake) DuplicateID(host, as env.Addr) {
	f.call("double", string(host), string(as))
	f.up[as] = true
}
func (f *fake) Stop(host env.Addr)        { f.call("stop", string(host)); f.up[host] = false }
func (f *fake) Start(host env.Addr)       { f.call("start", string(host)); f.up[host] = true }
func (f *fake) AutoRestart(host env.Addr) { f.call("keep", string(host)); f.up[host] = true }
func (f *fake) Pause(host env.Addr)       { f.call("pause", string(host)) }
func (f *fake) Resume(host env.Addr)      { f.call("resume", string(host)) }
func (f *fake) Wipe(host env.Addr)        { f.call("wipe", string(host)); f.up[host] = false }
func (f *fake) Cut(from, to env.Addr, lanes ...env.Lane) {
	f.call("cut", string(from), string(to), strings.Trim(fmt.Sprint(lanes), "[]"))
}
func (f *fake) Calm()                  { f.call("calm") }
func (f *fake) Heal(from, to env.Addr) { f.call("heal", string(from), string(to)) }
func (f *fake) Clock(h env.Addr, x cluster.ClockFault) {
	f.call("clock", string(h), x.Kind, formatDuration(x.By))
}
func (f *fake) Disk(h env.Addr, x cluster.DiskFault) {
	f.call("disk", string(h), x.Kind, formatDuration(x.By), formatDuration(x.For), x.Path)
}
func (f *fake) CrashInside(h env.Addr, n int64, power bool) {
	words := []string{"crash", string(h), "inside", string(rune('0' + n))}
	if power {
		words = append(words, "power")
	}
	f.call(words...)
}
func (f *fake) SlowCPU(h env.Addr, n int64) { f.call("slow", string(h), "times", string(rune('0'+n))) }
func (f *fake) Link(from, to env.Addr, x cluster.LinkFault) {
	f.call("link", string(from), string(to), x.Kind, formatDuration(x.For))
}
func (f *fake) Slow(from, to env.Addr, by env.Duration, lanes ...env.Lane) {
	f.call("slow", string(from), string(to), formatDuration(by), strings.Trim(fmt.Sprint(lanes), "[]"))
}

func (f *fake) Partition(tp wire.TopicPartition) (cluster.PartitionState, bool) {
	t := f.topic(tp)
	if t == nil {
		return cluster.PartitionState{}, false
	}
	end := wire.Offset(len(t.log))
	p := cluster.PartitionState{TP: tp, Leader: t.leader, Epoch: t.epoch, HW: end, End: end}
	for id := wire.NodeID(1); id <= wire.NodeID(t.spec.Replicas); id++ {
		up := f.up[f.host(id)]
		if up {
			p.ISR = append(p.ISR, id)
		}
		p.Replicas = append(p.Replicas, cluster.ReplicaState{Node: id, Host: f.host(id), Up: up, Leads: up && id == t.leader, Epoch: t.epoch, HW: end, End: end})
	}
	return p, true
}

func (f *fake) Log(_ env.Addr, tp wire.TopicPartition) []cluster.BatchState {
	log := f.topic(tp).log
	return []cluster.BatchState{{Next: wire.Offset(len(log)), Producer: -1, Values: log}}
}

func (f *fake) Requests(env.Addr) []cluster.RequestState { return nil }
func (f *fake) Metrics(env.Addr) []cluster.MetricState   { return nil }
func (f *fake) Files(env.Addr) []cluster.FileState {
	return []cluster.FileState{{Path: "orders-0/00000000000000000000.log", Size: 80, Synced: 12}}
}

func (f *fake) Machines() (all []cluster.MachineState) {
	for i, host := range f.hosts() {
		m := cluster.MachineState{Host: host, Role: "client", Node: wire.NoNode, Up: f.up[host]}
		if i < int(f.options.Brokers) {
			m.Role, m.Node = "broker", wire.NodeID(i+1)
		} else if host[0] == 'c' {
			m.Role, m.Active = "controller", host == "c1"
		}
		all = append(all, m)
	}
	return all
}

func (f *fake) Names() Names { return fakeNames{} }
func (f *fake) Sound() error { return nil }

func (f *fake) Unmet() []Override { return nil }
func (f *fake) Tally() Tally      { return Tally{} }
func (f *fake) Waiting() []Waiter { return nil }

func (f *fake) End()   { f.ended = true }
func (f *fake) Close() {}
func (f *fake) Quiet(core []env.Addr) bool {
	if len(core) > 0 {
		f.call("quiet of", fmt.Sprint(core))
	}
	return len(f.queue) == 0
}

func (f *fake) Judge() []check.Finding {
	r := check.Result{Status: f.status, Explanation: "every acked record is where it should be"}
	if f.status == check.Priced {
		r = check.Result{Status: f.status, Step: 2, Explanation: `p1 was told offset 0 holds "a"`, Clause: "acks=1"}
	}
	if !f.ended {
		r.Explanation += " so far"
	}
	return []check.Finding{{Check: check.AckedDurable, Result: r}, {Check: check.LostWrite}}
}

type fakeNames struct{}

func (fakeNames) Topic(int64) string { return "orders" }
func (fakeNames) Node(id wire.NodeID) string {
	if id < 1 {
		return ""
	}
	return "b" + string(rune('0'+id))
}
