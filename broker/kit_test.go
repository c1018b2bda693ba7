package broker_test

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/broker"
	"samsa/controller"
	"samsa/controller/raft"
	"samsa/sim"
	"samsa/sim/env"
	"samsa/wire"
	"samsa/wire/config"
)

// room is a small world: one controller c1, some brokers b1…, and p1, which sends the requests of the test.
type room struct {
	t       *testing.T
	w       *sim.World
	asker   *asker
	brokers int
}

// asker is a node that sends raw requests, each on a connection of its own.
type asker struct {
	answers []env.Response // by token; nil is none yet
	errs    []error
	done    []bool
	lost    int // number of connections that ended
}

func (a *asker) Start(env.Env)                                  {}
func (a *asker) Receive(e env.Env, t env.Ticket, _ env.Request) { e.Close(t.Link) }
func (a *asker) Lost(env.Env, env.Link, error)                  { a.lost++ }
func (a *asker) Fire(env.Env, env.Timer)                        {}
func (a *asker) Stop(e env.Env)                                 { e.Exit(nil) }
func (a *asker) Returned(_ env.Env, tok env.Token, _ env.Request, resp env.Response, err error) {
	a.answers[tok.A], a.errs[tok.A], a.done[tok.A] = resp, err, true
	if resp != nil {
		noteCodes(reflect.ValueOf(resp))
	}
}

// newRoom boots a cluster and waits until every broker is unfenced.
func newRoom(t *testing.T, brokers int, settings ...string) *room {
	return newRoomUnder(t, broker.CurrentRules(), brokers, settings...)
}

// newRoomUnder does the same as newRoom with other rules.
func newRoomUnder(t *testing.T, rules broker.Rules, brokers int, settings ...string) *room {
	static := config.New(config.Broker)
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		var err error
		static, err = static.With(name, value)
		require.NoError(t, err)
	}
	r := &room{t: t, w: sim.New(sim.Config{Seed: 1, Mode: sim.Wire}), asker: &asker{}, brokers: brokers}
	t.Cleanup(r.w.Close)
	voters := []raft.Voter{{ID: 101, Addr: "c1"}}
	r.w.Add(sim.Machine{Addr: "c1", New: func() env.Node {
		cfg := controller.DefaultConfig(101, voters)
		cfg.ClusterID = "cluster"
		cfg.Quorum.Log, _ = broker.LogConfig(config.New(config.Topic))
		return controller.New(cfg)
	}})
	r.w.Start("c1")
	for i := range brokers {
		addr := at(i + 1)
		r.w.Add(sim.Machine{Addr: addr, New: func() env.Node {
			return broker.New(broker.Config{Node: wire.NodeID(i + 1), ClusterID: "cluster", Controllers: []env.Addr{"c1"}, Static: static, Rules: rules})
		}})
		r.w.Start(addr)
	}
	r.w.Add(sim.Machine{Addr: "p1", New: func() env.Node { return r.asker }})
	r.w.Start("p1")
	r.until("every broker is unfenced", func() bool {
		for i := range brokers {
			if b := r.broker(i + 1); b == nil || b.Fenced() || len(b.Image().Brokers()) < brokers {
				return false
			}
		}
		return true
	})
	return r
}

// at returns the address of broker i.
func at(i int) env.Addr { return env.Addr(fmt.Sprintf("b%d", i)) }

// broker returns the running node of broker i, or nil.
func (r *room) broker(i int) *broker.Broker {
	if !r.w.Running(at(i)) {
		return nil
	}
	b, _ := r.w.Node(at(i)).(*broker.Broker)
	return b
}

func (r *room) run(d env.Duration) { r.w.RunUntil(r.w.Now() + sim.Time(d)) }

// until runs until a condition holds, for at most two minutes.
func (r *room) until(what string, so func() bool) {
	r.t.Helper()
	for range 12000 {
		if so() {
			return
		}
		r.run(10 * env.Millisecond)
	}
	r.t.Fatalf("never: %s", what)
}

// send sends a request to a broker and does not wait.
func (r *room) send(to int, req env.Request) (turn int64) {
	turn = int64(len(r.asker.answers))
	r.asker.answers, r.asker.errs, r.asker.done = append(r.asker.answers, nil), append(r.asker.errs, nil), append(r.asker.done, false)
	r.w.Do("p1", "ask", func(e env.Env, _ env.Node) {
		e.Call(e.Dial(at(to), env.LaneClient), 60*env.Second, req, env.Token{Kind: 1, A: turn})
	})
	r.run(0)
	return turn
}

// answer waits for the response to a request, or its error.
func (r *room) answer(turn int64) (env.Response, error) {
	r.t.Helper()
	r.until("an answer", func() bool { return r.asker.done[turn] })
	return r.asker.answers[turn], r.asker.errs[turn]
}

// ask sends and waits; the connection must not end.
func ask[T env.Response](r *room, to int, req env.Request) T {
	r.t.Helper()
	resp, err := r.answer(r.send(to, req))
	require.NoError(r.t, err)
	return resp.(T)
}

// topic makes a topic with one partition on these brokers and waits until every broker has its metadata. The first broker
// leads.
func (r *room) topic(name string, on []int, settings ...string) wire.TopicID {
	r.t.Helper()
	req := kmsg.NewPtrCreateTopicsRequest()
	req.SetVersion(7)
	req.TimeoutMillis = 10000
	rt := kmsg.NewCreateTopicsRequestTopic()
	rt.Topic, rt.NumPartitions, rt.ReplicationFactor = name, -1, -1
	a := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
	for _, id := range on {
		a.Replicas = append(a.Replicas, int32(id))
	}
	rt.ReplicaAssignment = append(rt.ReplicaAssignment, a)
	for _, s := range settings {
		c := kmsg.NewCreateTopicsRequestTopicConfig()
		key, value, _ := strings.Cut(s, "=")
		c.Name, c.Value = key, kmsg.StringPtr(value)
		rt.Configs = append(rt.Configs, c)
	}
	req.Topics = append(req.Topics, rt)
	resp := ask[*kmsg.CreateTopicsResponse](r, 1, req)
	require.Zero(r.t, resp.Topics[0].ErrorCode)
	id := wire.TopicID(resp.Topics[0].TopicID)
	r.until("the topic is led", func() bool {
		for i := range r.brokers {
			if b := r.broker(i + 1); b != nil && b.Image().Topic(id) == nil {
				return false
			}
		}
		p := r.broker(on[0]).Replica(wire.TopicPartition{Topic: name})
		return p != nil && p.Leads() && p.ID == id
	})
	return id
}

// replica returns broker i's replica of partition 0 of a topic.
func (r *room) replica(i int, topic string) *replica {
	return &replica{r.broker(i), wire.TopicPartition{Topic: topic}}
}

type replica struct {
	b  *broker.Broker
	tp wire.TopicPartition
}

func (r *replica) end() wire.Offset { return r.b.Replica(r.tp).Log().End() }
func (r *replica) hw() wire.Offset  { return r.b.Replica(r.tp).HW() }

// batch returns one batch of records.
func batch(values ...string) []byte { return batchOf(wire.CodecNone, values...) }

func batchOf(codec wire.Codec, values ...string) []byte {
	var records []wire.Record
	for i, v := range values {
		records = append(records, wire.Record{Offset: wire.Offset(i), Timestamp: 1767225600000, Value: []byte(v)})
	}
	o := wire.PlainBatch(0, wire.NoEpoch)
	o.Codec = codec
	b, err := wire.AppendBatch(nil, o, records)
	if err != nil {
		panic(err)
	}
	return b
}

// produce returns a Produce request for partition 0 of a topic.
func produce(topic string, acks int16, records []byte) *kmsg.ProduceRequest {
	req := kmsg.NewPtrProduceRequest()
	req.SetVersion(12)
	req.Acks, req.TimeoutMillis = acks, 1000
	rp := kmsg.NewProduceRequestTopicPartition()
	rp.Records = records
	rt := kmsg.NewProduceRequestTopic()
	rt.Topic, rt.Partitions = topic, append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	return req
}

// write produces with acks=all and must succeed.
func (r *room) write(to int, topic string, values ...string) {
	r.t.Helper()
	for _, v := range values {
		p := ask[*kmsg.ProduceResponse](r, to, produce(topic, -1, batch(v))).Topics[0].Partitions[0]
		require.Zero(r.t, p.ErrorCode)
	}
}

// fetch returns a consumer's Fetch request for partition 0 of a topic, by name.
func fetch(topic string, from int64) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.SetVersion(12)
	req.ReplicaID = -1
	req.MaxWaitMillis, req.MinBytes, req.MaxBytes, req.SessionEpoch = 500, 1, 1<<20, -1
	rp := kmsg.NewFetchRequestTopicPartition()
	rp.FetchOffset, rp.PartitionMaxBytes, rp.CurrentLeaderEpoch, rp.LastFetchedEpoch = from, 1<<20, -1, -1
	rt := kmsg.NewFetchRequestTopic()
	rt.Topic, rt.Partitions = topic, append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	return req
}

// fetched returns the one partition of a fetch response.
func (r *room) fetched(to int, req *kmsg.FetchRequest) kmsg.FetchResponseTopicPartition {
	r.t.Helper()
	return ask[*kmsg.FetchResponse](r, to, req).Topics[0].Partitions[0]
}

// values returns the values of the records in a fetch response.
func values(t *testing.T, b []byte) (all []string) {
	for b, err := range wire.Batches(b) {
		require.NoError(t, err)
		require.NoError(t, b.Validate())
		for rec, err := range b.Records() {
			require.NoError(t, err)
			all = append(all, string(rec.Value))
		}
	}
	return all
}

// seen has every error code that a broker returned in any test.
var seen = map[int16]bool{}

// noteCodes finds the error codes of a response.
func noteCodes(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			noteCodes(v.Elem())
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Struct {
			for i := range v.Len() {
				noteCodes(v.Index(i))
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.Name == "ErrorCode" {
				seen[int16(v.Field(i).Int())] = true
			} else if f.IsExported() && f.Name != "UnknownTags" {
				noteCodes(v.Field(i))
			}
		}
	}
}

// received is the errors that these packages name because controllers and leaders answer with them.
var received = []string{"BrokerIDNotRegistered", "DuplicateBrokerRegistration", "StaleBrokerEpoch", "IneligibleReplica", "InvalidUpdateVersion", "NewLeaderElected",
	"NotController", "OperationNotAttempted"}

// TestMain fails, after all tests, for every error that the sources of broker and replication can return and that no
// test has seen.
func TestMain(m *testing.M) {
	flag.Parse()
	rc := m.Run()
	if rc == 0 && flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.list").Value.String() == "" {
		for _, name := range named() {
			if code, ok := codeNamed(name); !ok || !seen[code] && !slices.Contains(received, name) {
				fmt.Printf("--- FAIL: no test has seen a broker answer %s (%d)\n", name, code)
				rc = 1
			}
		}
	}
	os.Exit(rc)
}

// named are the kerr values that the sources mention.
func named() (names []string) {
	word := regexp.MustCompile(`kerr\.([A-Z]\w+)`)
	for _, dir := range []string{".", "../replication"} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			panic(err)
		}
		for _, f := range entries {
			if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
				continue
			}
			src, err := os.ReadFile(dir + "/" + f.Name())
			if err != nil {
				panic(err)
			}
			for _, m := range word.FindAllStringSubmatch(string(src), -1) {
				if m[1] != "Error" {
					names = append(names, m[1])
				}
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// codeNamed returns the code of a kerr value by its Go name.
func codeNamed(name string) (int16, bool) {
	flat := func(s string) string { return strings.ReplaceAll(strings.ToUpper(s), "_", "") }
	for code := int16(-1); code < 200; code++ {
		if e := kerr.TypedErrorForCode(code); e != nil && (flat(e.Message) == flat(name) || flat(e.Message) == flat(name)+"EXCEPTION") {
			return e.Code, true
		}
	}
	return 0, false
}
