package raft_test

import (
	"fmt"
	"hash/crc32"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"samsa/controller/raft"
	"samsa/sim"
	"samsa/sim/disk"
	"samsa/sim/env"
	"samsa/wire"
)

// member is the smallest host of a replica: it appends a record now and then while it leads.
type member struct {
	*raft.Replica
	load bool
	sent byte
}

const timLoad = 1

func (m *member) Start(e env.Env) {
	if err := m.Replica.Start(e); err != nil {
		e.Exit(err)
		return
	}
	e.Arm(env.Timer{Kind: timLoad, Lane: env.LaneRaft}, 5*env.Millisecond)
}

func (m *member) Receive(e env.Env, t env.Ticket, req env.Request) {
	m.Replica.Receive(e, t, req)
	m.exitWhenDead(e)
}

func (m *member) Returned(e env.Env, tok env.Token, _ env.Request, resp env.Response, err error) {
	m.Replica.Returned(e, tok, resp, err)
	m.exitWhenDead(e)
}

func (m *member) Lost(_ env.Env, l env.Link, _ error) { m.Replica.Lost(l) }

func (m *member) Fire(e env.Env, t env.Timer) {
	if t.Kind >= raft.FirstKind {
		m.Replica.Fire(e, t)
	} else {
		e.Arm(t, env.Duration(1+e.Choose("test.load", 30))*env.Millisecond)
		if m.load && m.State() == raft.Leader {
			m.write(e)
		}
	}
	m.exitWhenDead(e)
}

// write appends a value that no other member ever appends.
func (m *member) write(e env.Env) {
	var value [8]byte
	for i := range value {
		value[i] = byte(e.Choose("test.value", 256))
	}
	m.Append(e, []wire.Record{{Value: value[:]}, {Value: []byte(e.Self())}})
}

func (m *member) Stop(e env.Env) { m.Replica.Stop(e); m.exitWhenDead(e) }

func (m *member) exitWhenDead(e env.Env) {
	if m.Dead() {
		e.Exit(nil)
	}
}

// quorum is a world of members and a judge that reads their disks and their notes.
type quorum struct {
	*sim.World
	voters []raft.Voter
	addrs  []env.Addr
	fouls  []string // the violations, each with its check in front

	ghost  []batch            // the committed batches, as first seen
	since  []int64            // the epoch in which each was committed
	seen   map[place]batch    // every batch there ever was
	leads  map[int64]int64    // epoch to leader
	votes  map[[2]int64]int64 // voter and epoch to candidate
	hws    map[env.Addr]int64 // of the running incarnation
	epochs map[env.Addr]int64 // likewise
	marks  map[string]int     // notes of each kind
}

type place struct {
	epoch wire.Epoch
	base  wire.Offset
}

type batch struct {
	place
	end wire.Offset
	sum uint32
}

// fast is Kafka's timeouts, ten times as fast.
func fast(node wire.NodeID, voters []raft.Voter) raft.Config {
	c := raft.DefaultConfig(node, voters)
	c.ClusterID = "samsa"
	c.ElectionTimeout, c.FetchTimeout, c.RequestTimeout = 100*env.Millisecond, 200*env.Millisecond, 200*env.Millisecond
	c.RetryBackoff, c.BackoffMax, c.FetchWait = 5*env.Millisecond, 100*env.Millisecond, 50*env.Millisecond
	return c
}

func newQuorum(seed uint64, n int, load bool, change func(*raft.Config)) *quorum {
	disk := disk.CloudVolume()
	disk.Sync = 500 * env.Microsecond
	disk.Noise.Torn = 500_000
	q := &quorum{
		World: sim.New(sim.Config{Seed: seed, Disk: disk}),
		seen:  map[place]batch{}, leads: map[int64]int64{}, votes: map[[2]int64]int64{}, hws: map[env.Addr]int64{}, epochs: map[env.Addr]int64{},
		marks: map[string]int{},
	}
	q.populate(n, load, seed, change)
	return q
}

// populate adds and starts n members.
func (q *quorum) populate(n int, load bool, seed uint64, change func(*raft.Config)) {
	for i := range n {
		q.voters = append(q.voters, raft.Voter{ID: wire.NodeID(101 + i), Addr: env.Addr(fmt.Sprint("c", i+1))})
	}
	q.Subscribe(q)
	for _, v := range q.voters {
		q.addrs = append(q.addrs, v.Addr)
		q.Add(sim.Machine{Addr: v.Addr, New: func() env.Node {
			cfg := fast(v.ID, q.voters)
			if seed%3 == 0 {
				cfg.FetchBytes = 1 // a batch at a time
			}
			if change != nil {
				change(&cfg)
			}
			return &member{Replica: raft.New(cfg), load: load}
		}})
		q.Start(v.Addr)
	}
}

func (q *quorum) foul(check, format string, args ...any) {
	q.fouls = append(q.fouls, fmt.Sprintf("%s at %v: ", check, env.Duration(q.Now())/env.Millisecond)+fmt.Sprintf(format, args...))
}

// Changed implements sim's feed: the judge reads every note.
func (q *quorum) Changed(f *sim.Effect) {
	if f.Kind == sim.EffectDied {
		delete(q.hws, f.Node)
		delete(q.epochs, f.Node)
	}
	if f.Kind != sim.EffectNote {
		return
	}
	a, b, c := f.Note.Field[0], f.Note.Field[1], f.Note.Field[2]
	q.marks[f.Note.Kind.Name]++
	switch f.Note.Kind.Name {
	case "raft.leads":
		if was, ok := q.leads[b]; ok {
			q.foul("one-controller", "epoch %d is led by %d, and was by %d", b, a, was)
		}
		q.leads[b] = a
		q.complete(f.Node, b)
		q.grows(f.Node, b)
	case "raft.candidate":
		q.votes1(a, b, a)
		q.grows(f.Node, b)
	case "raft.voted":
		q.votes1(a, b, c)
		q.grows(f.Node, b)
	case "raft.follows", "raft.unattached", "raft.prospective", "raft.resigned":
		q.grows(f.Node, b)
	case "raft.committed":
		if b <= q.hws[f.Node] {
			q.foul("quorum-monotone", "%s: the high watermark goes from %d to %d", f.Node, q.hws[f.Node], b)
		}
		q.hws[f.Node] = b
		q.committed(f.Node, wire.Offset(b), c)
	case "raft.truncated":
		if b < q.hws[f.Node] {
			q.foul("metadata-never-cut", "%s cuts its log to %d below its high watermark %d", f.Node, b, q.hws[f.Node])
		}
	case "raft.two-leaders":
		q.foul("one-controller", "%s learns of two leaders of epoch %d: %d and %d", f.Node, a, b, c)
	}
}

func (q *quorum) grows(node env.Addr, epoch int64) {
	if epoch < q.epochs[node] {
		q.foul("quorum-monotone", "%s: the epoch goes from %d to %d", node, q.epochs[node], epoch)
	}
	q.epochs[node] = epoch
}

func (q *quorum) votes1(voter, epoch, candidate int64) {
	k := [2]int64{voter, epoch}
	if was, ok := q.votes[k]; ok && was != candidate {
		q.foul("vote-once", "%d votes for %d in epoch %d, and voted for %d", voter, candidate, epoch, was)
	}
	q.votes[k] = candidate
}

// log reads a member's log as its page cache has it, and compares every batch with all there ever were.
func (q *quorum) log(addr env.Addr) (all []batch) {
	bytes, _, _ := q.Disk(addr).Peek(raft.Dir+"/00000000000000000000.log", 0, 1<<30)
	for b, err := range wire.Batches(bytes) {
		if err != nil {
			break // the torn tail that recovery has not yet truncated
		}
		x := batch{place{b.LeaderEpoch(), b.BaseOffset()}, b.NextOffset(), crc32.ChecksumIEEE(b)}
		if was, ok := q.seen[x.place]; ok && was != x {
			q.foul("metadata-logs-match", "%s has another batch at epoch %d offset %d than another member had", addr, x.epoch, x.base)
		}
		q.seen[x.place] = x
		all = append(all, x)
	}
	return all
}

// committed compares a member's log up to its new high watermark with the committed batches.
func (q *quorum) committed(addr env.Addr, hw wire.Offset, epoch int64) {
	log := q.log(addr)
	for i, b := range log {
		if b.end > hw {
			break
		}
		if i < len(q.ghost) && q.ghost[i] != b {
			q.foul("metadata-complete", "%s has committed epoch %d at offset %d, where epoch %d was committed", addr, b.epoch, b.base, q.ghost[i].epoch)
			return
		}
		if i >= len(q.ghost) {
			q.ghost, q.since = append(q.ghost, b), append(q.since, epoch)
		}
	}
}

// complete checks that a new leader has everything that was committed in earlier epochs. A leader that is elected when a
// newer epoch already exists need not have the records committed in that epoch, and can commit nothing itself.
func (q *quorum) complete(addr env.Addr, epoch int64) {
	log := q.log(addr)
	for i, b := range q.ghost {
		if q.since[i] < epoch && (i >= len(log) || log[i] != b) {
			q.foul("metadata-complete", "%s leads epoch %d without the batch at offset %d, committed in epoch %d", addr, epoch, b.base, q.since[i])
			return
		}
	}
}

// run runs the world; a panic is a violation.
func (q *quorum) run(until sim.Time) {
	defer func() {
		if r := recover(); r != nil {
			q.foul("PANIC", "%v", r)
		}
	}()
	q.RunUntil(until)
}

// trouble plans faults by a seed: crashes, power losses of one, some or all, partitions, one-way cuts, pauses.
func (q *quorum) trouble(seed int64, from, to sim.Time) {
	r := rand.New(rand.NewSource(seed))
	some := func(n int) (x []env.Addr) {
		for _, i := range r.Perm(len(q.addrs))[:min(n, len(q.addrs))] {
			x = append(x, q.addrs[i])
		}
		return x
	}
	powerful := r.Intn(2) == 0
	pace := []int{400, 150, 60}[r.Intn(3)]
	for t := from; t < to; t += sim.Time(env.Duration(5+r.Intn(pace)) * env.Millisecond) {
		long := sim.Time(env.Duration(1+r.Intn(1+r.Intn(600))) * env.Millisecond)
		switch r.Intn(12) {
		case 0, 1:
			x := some(1 + r.Intn(len(q.addrs)))
			power := powerful || r.Intn(3) == 0
			q.At(t, "stop", func() {
				if power {
					q.PowerLoss(x...)
				} else {
					q.World.Crash(x[0])
				}
			})
			for _, a := range x {
				back := t + long/sim.Time(1+r.Intn(3))
				q.At(back, "start", func() {
					if !q.Running(a) {
						q.World.Start(a)
					}
				})
			}
		case 2:
			x, n, power := some(1)[0], 1+r.Intn(12), r.Intn(2) == 0
			q.At(t, "die", func() {
				if q.Running(x) {
					q.DieAfter(x, n, power)
				}
			})
			q.At(t+long, "start", func() {
				if !q.Running(x) {
					q.World.Start(x)
				}
			})
		case 3, 4:
			n := 1 + r.Intn(max(1, len(q.addrs)/2))
			x := some(len(q.addrs))
			q.At(t, "cut", func() { q.Partition(x[:n], x[n:]) })
			q.At(t+long, "heal", func() { q.HealAll() })
		case 5:
			x := some(2)
			q.At(t, "cut one way", func() { q.Cut(x[:1], x[1:]) })
			q.At(t+long, "heal", func() { q.HealAll() })
		case 6:
			x := some(2)
			q.At(t, "clog", func() { q.Clog(x[:1], x[1:]) })
			q.At(t+long, "heal", func() { q.HealAll() })
		case 7:
			x := some(1)[0]
			q.At(t, "pause", func() { q.Pause(x) })
			q.At(t+long, "resume", func() { q.Resume(x) })
		case 8:
			power := powerful || r.Intn(3) == 0
			q.At(t, "the leader stops", func() {
				x := q.leader()
				switch {
				case x == "":
					return
				case power:
					q.PowerLoss(x)
				default:
					q.World.Crash(x)
				}
				q.At(q.Now()+long, "start", func() {
					if !q.Running(x) {
						q.World.Start(x)
					}
				})
			})
		case 9, 10:
			x, extra := some(2), env.Duration(1+r.Intn(60))*env.Millisecond
			q.At(t, "slow", func() { q.Latency(x[:1], x[1:], extra) })
			q.At(t+4*long, "not slow", func() { q.Latency(x[:1], x[1:], 0) })
		case 11:
			x := some(1)[0]
			q.At(t, "restart", func() { q.World.Restart(x) })
		}
	}
	q.At(to, "heal all", func() {
		q.HealAll()
		for _, a := range q.addrs {
			q.Resume(a)
			if q.Running(a) {
				q.DieAfter(a, 0, false)
			} else {
				q.World.Start(a)
			}
		}
	})
}

const second = sim.Time(env.Second)

// node returns the replica of a running member, or nil.
func (q *quorum) node(addr env.Addr) *raft.Replica {
	if m, ok := q.World.Node(addr).(*member); ok && q.Running(addr) {
		return m.Replica
	}
	return nil
}

// leader returns the member that leads the newest epoch, or "".
func (q *quorum) leader() (addr env.Addr) {
	newest := wire.Epoch(-1)
	for _, a := range q.addrs {
		if n := q.node(a); n != nil && n.State() == raft.Leader && n.Epoch() > newest {
			addr, newest = a, n.Epoch()
		}
	}
	return addr
}

// chaos runs one seed: it has faults first and then a quiet time, and checks that the quorum works.
func chaos(seed uint64, n int, change func(*raft.Config)) *quorum {
	q := newQuorum(seed, n, true, change)
	q.trouble(int64(seed), second/4, 6*second)
	q.run(6 * second)
	before := len(q.ghost)
	q.run(9 * second)
	if len(q.fouls) == 0 {
		if q.leader() == "" || !q.node(q.leader()).Ready() || len(q.ghost) <= before {
			q.foul("quorum-settles", "three seconds after all faults ended: leader %q, %d batches committed, then %d", q.leader(), before, len(q.ghost))
		}
		for _, a := range q.addrs {
			q.log(a)
		}
	}
	return q
}

func TestChaos(t *testing.T) {
	seeds := uint64(40)
	if testing.Short() {
		seeds = 10
	}
	marks := map[string]int{}
	committed := 0
	for seed := range seeds {
		n := []int{3, 5, 3, 1, 4}[seed%5]
		q := chaos(seed, n, nil)
		committed += len(q.ghost)
		for name, k := range q.marks {
			marks[name] += k
		}
		if len(q.fouls) > 0 {
			t.Errorf("seed %d, %d voters: %s", seed, n, strings.Join(q.fouls[:min(3, len(q.fouls))], "\n  "))
		}
	}
	t.Log(committed, "batches committed;", marks)
	for _, name := range []string{"raft.truncated", "raft.prospective", "raft.resigned", "raft.voted", "raft.candidate", "raft.unattached"} {
		if marks[name] < 5 {
			t.Errorf("%s happened %d times: the trouble is not worth its name", name, marks[name])
		}
	}
}

// Every old rule is found by seeds whose plans do not know of it.
func TestHistoryIsFound(t *testing.T) {
	// Counted from seed 1000, K1 and K2 take one seed, K13 takes 23, and K3 (Raft's figure 8: several elections in the
	// right order, with a fetch between them) 795. The search for K3 begins close to where that one found it.
	const seeds = 400
	first := map[string]uint64{"K3": 1790}
	for _, x := range raft.OldRules() {
		if x.Check == "quorum-settles" || x.ID == "K4" {
			continue // a liveness rule has a story of its own, below; K4 needs another flaw to have something to hide
		}
		t.Run(x.ID, func(t *testing.T) {
			for seed := range uint64(seeds) {
				seed += max(1000, first[x.ID])
				q := chaos(seed, []int{3, 3, 3, 5}[seed%4], func(c *raft.Config) { x.Replace(&c.Rules) })
				i := slices.IndexFunc(q.fouls, func(f string) bool { return strings.HasPrefix(f, x.Check) })
				if i >= 0 {
					t.Logf("seed %d: %s", seed, q.fouls[i])
					return
				}
				if len(q.fouls) > 0 && testing.Verbose() {
					t.Logf("seed %d finds it otherwise: %s", seed, q.fouls[0])
				}
			}
			t.Errorf("no seed of %d found %s by %s", seeds, x.ID, x.Check)
		})
	}
}
