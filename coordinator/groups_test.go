package coordinator

import (
	"fmt"
	"strings"

	"samsa/sim/env"
	"samsa/wire"
)

// groupMachine is a small group coordinator's hard state: members, committed offsets, and the offsets of transactions
// that no marker has ended. A record's key has its type, and a null value removes it.
//
//	m/NAME  "host"     a member          (null: it left, or its session expired)
//	o/TOPIC "5"        an offset; in a transactional batch it is pending until the marker
type groupMachine struct {
	members map[string]string
	offsets map[string]committedOffset
	pending map[wire.ProducerID]map[string]committedOffset
	digest  uint64
}

type committedOffset struct {
	value string
	at    wire.Offset // of its record: a marker must not bring back an older offset (OffsetMetadataManager)
}

func newGroups() *groupMachine {
	return &groupMachine{members: map[string]string{}, offsets: map[string]committedOffset{},
		pending: map[wire.ProducerID]map[string]committedOffset{}}
}

func (g *groupMachine) Apply(e Entry) {
	kind, name, _ := strings.Cut(string(e.Key), "/")
	switch offset := (committedOffset{string(e.Value), e.Offset}); {
	case e.Marker != NoMarker:
		g.endTransaction(e.Stamp.Producer, e.Marker)
	case kind == "m" && e.Value == nil:
		g.digest -= hash("m/"+name+g.members[name], 1)
		delete(g.members, name)
	case kind == "m":
		if old, was := g.members[name]; was {
			g.digest -= hash("m/"+name+old, 1)
		}
		g.members[name] = string(e.Value)
		g.digest += hash("m/"+name+string(e.Value), 1)
	case kind == "o" && e.Stamp.Transactional:
		p := e.Stamp.Producer
		if g.pending[p] == nil {
			g.pending[p] = map[string]committedOffset{}
		}
		g.digest += pendingHash(p, name, offset) - pendingHash(p, name, g.pending[p][name])
		g.pending[p][name] = offset
	case kind == "o":
		g.setOffset(name, offset)
	}
}

func (g *groupMachine) endTransaction(p wire.ProducerID, end TransactionResult) {
	for topic, offset := range g.pending[p] {
		g.digest -= pendingHash(p, topic, offset)
		if old, was := g.offsets[topic]; end == Commit && (!was || offset.at > old.at) {
			g.setOffset(topic, offset)
		}
	}
	delete(g.pending, p)
}

func (g *groupMachine) setOffset(topic string, to committedOffset) {
	g.digest += offsetHash(topic, to) - offsetHash(topic, g.offsets[topic])
	g.offsets[topic] = to
}

func pendingHash(p wire.ProducerID, topic string, o committedOffset) uint64 {
	return offsetHash(fmt.Sprint("p", p, topic), o)
}

func offsetHash(topic string, o committedOffset) uint64 {
	if o.value == "" {
		return 0
	}
	return hash("o/"+topic+"/"+o.value, int(o.at)+1)
}

func (g *groupMachine) Digest() uint64 { return g.digest }

func member(name, host string) wire.Record {
	return wire.Record{Key: []byte("m/" + name), Value: []byte(host)}
}

func offset(topic, value string) wire.Record {
	return wire.Record{Key: []byte("o/" + topic), Value: []byte(value)}
}

func producer(id wire.ProducerID) Stamp { return Stamp{Transactional: true, Producer: id} }

// expire is the group machine's reaction to an image of the live hosts: it removes the members of all others. A host has
// two letters; a member may have more.
func expire(alive string) func(*groupMachine, bool) Result {
	return func(tip *groupMachine, _ bool) (res Result) {
		for _, name := range []string{"m1", "m2", "m3"} {
			if host, is := tip.members[name]; is && !strings.Contains(alive, host[:2]) {
				res.Records = append(res.Records, wire.Record{Key: []byte("m/" + name)})
			}
		}
		return res
	}
}

// txnMachine is a small transaction coordinator's hard state: a state and the partitions of each transactional id.
//
//	Empty ──AddPartitions──▶ Ongoing ──EndTxn──▶ Prepare ──markers written──▶ Empty
type txnMachine struct {
	txns   map[string]string // "Ongoing t0,t1", "Prepare t0,t1", or none
	digest uint64
}

func newTxns() *txnMachine { return &txnMachine{txns: map[string]string{}} }

func (m *txnMachine) Apply(e Entry) {
	id := string(e.Key)
	if old := m.txns[id]; old != "" {
		m.digest -= hash(id+"="+old, 1)
	}
	delete(m.txns, id)
	if e.Value != nil {
		m.txns[id] = string(e.Value)
		m.digest += hash(id+"="+string(e.Value), 1)
	}
}

func (m *txnMachine) Digest() uint64 { return m.digest }

// txnHost is the transaction coordinator around the machine: its ops, and the markers that it sends after a decision is
// committed. The markers are soft state: after a load, tip shows which ones must still be sent.
type txnHost struct {
	*recorder
	rt      *Runtime[*txnMachine]
	ids     []string // of the effects
	markers []string // sent
}

// addPartition and endTxn answer "busy" (CONCURRENT_TRANSACTIONS) while the transaction has a write in flight.
func (h *txnHost) addPartition(e env.Env, n int, id, partition string) error {
	return h.write(e, n, id, func(now string) string {
		if rest, ongoing := strings.CutPrefix(now, "Ongoing "); ongoing {
			return "Ongoing " + rest + "," + partition
		}
		return "Ongoing " + partition
	})
}

func (h *txnHost) endTxn(e env.Env, n int, id string) error {
	return h.write(e, n, id, func(now string) string { return strings.Replace(now, "Ongoing", "Prepare", 1) })
}

func (h *txnHost) write(e env.Env, n int, id string, next func(now string) string) error {
	if h.rt.Pending(id) {
		h.calls = append(h.calls, fmt.Sprint(n, " busy"))
		return nil
	}
	return h.rt.Write(e, func(tip *txnMachine) Result {
		res := Result{Answers: []Answer{to(n)}, Keys: []string{id}}
		to := next(tip.txns[id])
		res.Records = []wire.Record{{Key: []byte(id), Value: []byte(to)}}
		if strings.HasPrefix(to, "Prepare") {
			res.OnCommit = []env.Token{h.token(id)}
		}
		return res
	})
}

func (h *txnHost) token(id string) env.Token {
	h.ids = append(h.ids, id)
	return env.Token{A: int64(len(h.ids) - 1)}
}

// Effect sends the markers of a prepared transaction.
func (h *txnHost) Effect(_ env.Env, t env.Token) { h.send(h.ids[t.A]) }

func (h *txnHost) send(id string) {
	h.markers = append(h.markers, id+": "+h.rt.Tip().txns[id])
}

// written is the partitions' answer to the markers: the transaction is complete.
func (h *txnHost) written(e env.Env, id string) error {
	return h.rt.Write(e, func(*txnMachine) Result {
		return Result{Records: []wire.Record{{Key: []byte(id)}}, Keys: []string{id}}
	})
}

// loaded resumes what an earlier coordinator had prepared.
func (h *txnHost) loaded() {
	for _, id := range []string{"x", "y"} {
		if strings.HasPrefix(h.rt.Tip().txns[id], "Prepare") {
			h.send(id)
		}
	}
}
