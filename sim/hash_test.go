package sim

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/sim/disk"
	"samsa/sim/env"
)

// distinct runs variants that differ in one thing each, and twice the first: all hashes differ but those two.
func distinct[T any](t *testing.T, run func(T) uint64, variants []T) {
	t.Helper()
	first := run(variants[0])
	if again := run(variants[0]); again != first {
		t.Errorf("the same run has the hashes %x and %x", first, again)
	}
	seen := map[uint64]int{}
	for i, v := range variants {
		h := run(v)
		if j, ok := seen[h]; ok {
			t.Errorf("variants %d and %d have one hash", j, i)
		}
		seen[h] = i
	}
}

// A whole timer and a whole token are in the hash, to the last bit of each field.
func TestHashSeesTimersAndTokens(t *testing.T) {
	const high, low = -1 << 63, 1
	timers := []env.Timer{{}, {Kind: 1}, {Lane: 1}, {A: low}, {A: high}, {B: low}, {B: high}, {C: low}, {C: high}, {A: low, B: low}}
	distinct(t, func(key env.Timer) uint64 {
		l := newLab(t, nil)
		l.add("b1", &node{start: func(e env.Env) { e.Arm(key, 1) }})
		l.RunUntil(at(1))
		return l.Hash()
	}, timers)
	tokens := []env.Token{{}, {Kind: 1}, {A: low}, {A: high}, {B: low}, {B: high}, {C: low}, {C: high}, {D: low}, {D: high}, {A: low, B: low}}
	distinct(t, func(tok env.Token) uint64 {
		l := newLab(t, nil)
		l.echo("b1", nil)
		l.client("p1")
		link := l.dial("p1", "b1")
		l.do("p1", func(e env.Env) { e.Call(link, env.Second, ping(1), tok) })
		l.RunUntil(at(10))
		return l.Hash()
	}, tokens)
}

// An order is in the hash with its numbers, before it does anything.
func TestHashSeesOrders(t *testing.T) {
	b, c := addrs("b1"), addrs("c1")
	distinct(t, func(order func(w *World)) uint64 {
		l := newLab(t, nil)
		l.add("b1", &node{})
		l.add("c1", &node{})
		order(l.World)
		return l.Hash()
	}, []func(w *World){
		func(w *World) {},
		func(w *World) { w.RunUntil(at(1)); w.Latency(b, c, 1) },
		func(w *World) { w.Latency(b, c, 1) }, func(w *World) { w.Latency(b, c, 2) }, func(w *World) { w.Latency(c, b, 1) },
		func(w *World) { w.Bandwidth(b, c, 1) }, func(w *World) { w.Bandwidth(b, c, 2) },
		func(w *World) { w.Loss(b, c, 1) }, func(w *World) { w.Loss(b, c, 2) },
		func(w *World) { w.Refuse(b, c, true) }, func(w *World) { w.Refuse(b, c, false) },
		func(w *World) { w.Stall(b, c, 1) }, func(w *World) { w.Stall(b, c, 2) },
		func(w *World) { w.PrefixThenCut(b, c, 1) }, func(w *World) { w.PrefixThenCut(b, c, 2) },
		func(w *World) { w.SkewWall("b1", 1) }, func(w *World) { w.SkewWall("b1", 2) },
		func(w *World) { w.StepWall("b1", 1) }, func(w *World) { w.StepWall("b1", 2) },
		func(w *World) { w.DriftWall("b1", 1) }, func(w *World) { w.DriftWall("b1", 2) },
		func(w *World) { w.DriftMono("b1", 1) }, func(w *World) { w.DriftMono("b1", 2) },
		func(w *World) { w.DieAfter("b1", 1, false) }, func(w *World) { w.DieAfter("b1", 2, false) }, func(w *World) { w.DieAfter("b1", 1, true) },
		func(w *World) { w.SlowCPU("b1", 1) }, func(w *World) { w.SlowCPU("b1", 2) },
		func(w *World) { w.Disk("b1").FailOnce("a", disk.OnRead) }, func(w *World) { w.Disk("b1").FailOnce("a", disk.OnSync) },
		func(w *World) { w.Disk("b1").FailOnce("b", disk.OnRead) }, func(w *World) { w.Disk("c1").FailOnce("a", disk.OnRead) },
		func(w *World) { w.Disk("b1").Break("a", disk.OnRead) }, func(w *World) { w.Disk("b1").CutShort("a") }, func(w *World) { w.Disk("b1").LoseWrite("a") },
		func(w *World) { w.Disk("b1").Misdirect("a", "b", 1) }, func(w *World) { w.Disk("b1").Misdirect("a", "b", 2) },
		func(w *World) { w.Disk("b1").Misdirect("a", "c", 1) }, func(w *World) { w.Disk("b1").ForgetOnSync("a") },
		func(w *World) { w.Disk("b1").LieOnce("a") }, func(w *World) { w.Disk("b1").LieOnSync(true) }, func(w *World) { w.Disk("b1").LieOnSync(false) },
		func(w *World) { w.Disk("b1").SetCapacity(1) }, func(w *World) { w.Disk("b1").SetCapacity(2) }, func(w *World) { w.Disk("b1").Fill() },
		func(w *World) { w.Disk("b1").Slow(1) }, func(w *World) { w.Disk("b1").Slow(2) },
		func(w *World) { w.Disk("b1").Delay(1) }, func(w *World) { w.Disk("b1").Delay(2) },
		func(w *World) { w.Disk("b1").Stall(1) }, func(w *World) { w.Disk("b1").Stall(2) },
		func(w *World) { w.Disk("b1").SetNoise(disk.Noise{Torn: 1}) }, func(w *World) { w.Disk("b1").SetNoise(disk.Noise{Torn: 2}) },
		func(w *World) { w.Disk("b1").Heal() }, func(w *World) { w.Disk("b1").DropCache() },
		func(w *World) { _ = w.Disk("b1").RotBit("a", 1, 0) }, func(w *World) { _ = w.Disk("b1").RotBit("a", 1, 1) },
	})
}

// Records that are as many bytes but say something else, offsets, and the errors of partitions make another run, even if
// they are written nowhere.
func TestHashSeesRecordsAndErrors(t *testing.T) {
	type exchange struct {
		fetch             bool
		partition, second int32
		code              int16
		offset            int64
		records           byte
	}
	run := func(mode Mode) func(x exchange) uint64 {
		return func(x exchange) uint64 {
			records := make([]byte, 100)
			records[20] = x.records // in the checksum
			l := newLab(t, func(c *Config) { c.Mode = mode })
			l.add("b1", &node{receive: func(e env.Env, tk env.Ticket, r env.Request) {
				if x.fetch {
					p := kmsg.NewFetchResponseTopicPartition()
					p.Partition, p.ErrorCode, p.HighWatermark, p.RecordBatches = x.partition, x.code, x.offset, records
					topic := kmsg.NewFetchResponseTopic()
					topic.Partitions = append(topic.Partitions, p)
					resp := kmsg.NewPtrFetchResponse()
					resp.Topics = append(resp.Topics, topic)
					e.Reply(tk, resp)
					return
				}
				p := kmsg.NewProduceResponseTopicPartition()
				p.Partition, p.ErrorCode, p.BaseOffset = x.partition, x.code, x.offset
				topic := kmsg.NewProduceResponseTopic()
				topic.Partitions = append(topic.Partitions, p)
				resp := kmsg.NewPtrProduceResponse()
				resp.Topics = append(resp.Topics, topic)
				e.Reply(tk, resp)
			}})
			l.add("p1", &node{start: func(e env.Env) {
				link := e.Dial("b1", env.LaneClient)
				if x.fetch {
					p := kmsg.NewFetchRequestTopicPartition()
					p.Partition, p.FetchOffset = x.second, int64(x.records)
					topic := kmsg.NewFetchRequestTopic()
					topic.Partitions = append(topic.Partitions, p)
					req := kmsg.NewPtrFetchRequest()
					req.Version, req.Topics = 13, append(req.Topics, topic)
					e.Call(link, env.Second, req, env.Token{})
					return
				}
				p := kmsg.NewProduceRequestTopicPartition()
				p.Partition, p.Records = x.second, records
				topic := kmsg.NewProduceRequestTopic()
				topic.Partitions = append(topic.Partitions, p)
				req := kmsg.NewPtrProduceRequest()
				req.Version, req.Acks, req.Topics = 9, 1, append(req.Topics, topic)
				e.Call(link, env.Second, req, env.Token{})
			}})
			l.RunUntil(at(100))
			if v := l.GuardViolation(); v != nil {
				t.Error(v)
			}
			return l.Hash()
		}
	}
	variants := []exchange{{}, {partition: 1}, {second: 1}, {code: 3}, {offset: 5}, {records: 1},
		{fetch: true}, {fetch: true, partition: 1}, {fetch: true, second: 1}, {fetch: true, code: 3}, {fetch: true, offset: 5}, {fetch: true, records: 1}}
	for _, mode := range []Mode{Pointer, Wire, Guard} {
		distinct(t, run(mode), variants)
		for i, x := range variants {
			if run(mode)(x) != run(Pointer)(x) {
				t.Errorf("variant %d has another hash by %s", i, mode)
			}
		}
	}
}

// The shape is blind to what things are called and sees what they do: other notes, labels, timers and tokens are the same
// shape under another hash; another time, size or byte is another shape.
func TestShapeSeesDeedsAndNoNames(t *testing.T) {
	type deed struct {
		note, label string
		timer       uint16
		token       int64
		delay       env.Duration
		number      int32
		bytes       string
	}
	run := func(d deed) (hash, shape uint64) {
		l := newLab(t, nil)
		l.echo("b1", nil)
		l.add("p1", &node{fire: func(e env.Env, _ env.Timer) {
			e.Note(&env.NoteKind{Name: d.note}, d.token, 0, 0, 0)
			f, err := e.Disk().Open("a", true)
			if err != nil {
				t.Fatal(err)
			}
			if err := e.Disk().Append(f, []byte(d.bytes)); err != nil {
				t.Fatal(err)
			}
			e.Call(e.Dial("b1", env.LaneClient), env.Second, ping(d.number), env.Token{A: d.token})
		}})
		l.Do("p1", d.label, func(e env.Env, _ env.Node) { e.Arm(env.Timer{Kind: d.timer, A: d.token}, d.delay) })
		l.RunUntil(at(100))
		return l.Hash(), l.Shape()
	}
	first := deed{note: "n", label: "l", timer: 1, token: 1, delay: env.Millisecond, number: 1, bytes: "abc"}
	hash, shape := run(first)
	for i, change := range []func(*deed){
		func(d *deed) { d.note = "m" }, func(d *deed) { d.label = "k" }, func(d *deed) { d.timer = 2 }, func(d *deed) { d.token = 2 },
	} {
		d := first
		change(&d)
		if h, s := run(d); h == hash || s != shape {
			t.Errorf("name %d: hash %x after %x, shape %x after %x; wanted another hash and the same shape", i, h, hash, s, shape)
		}
	}
	for i, change := range []func(*deed){
		func(d *deed) { d.delay++ }, func(d *deed) { d.bytes = "abd" }, func(d *deed) { d.bytes = "abcd" },
	} {
		d := first
		change(&d)
		if _, s := run(d); s == shape {
			t.Errorf("deed %d: the shape is %x, as without it", i, s)
		}
	}
}
