package storage_test

import (
	"fmt"
	"strings"
	"testing"

	"samsa/sim/disk"
	"samsa/sim/env"
	"samsa/storage"
	"samsa/wire"
)

// A scribe writes the logs that Kafka's tool reads: it uses one log on a simulated disk as a broker does, and keeps a
// ledger of the expected content. The ledger never reads the files.

// batch is one batch of the ledger, in the words of the tool.
type batch struct {
	Base, Last       wire.Offset
	Count            int
	BaseSeq, LastSeq int32
	Producer         wire.ProducerID
	ProducerEpoch    wire.ProducerEpoch
	Leader           wire.Epoch
	Txn, Control     bool
	TimestampType    string
	MaxTimestamp     wire.Timestamp
	Codec            string
	Valid            bool
	Records          []record
}

// record is one record of it. Key and Value are "<null>" where there is none.
type record struct {
	Offset     wire.Offset
	Timestamp  wire.Timestamp
	Seq        int32
	Key, Value string
	Headers    string // "[a,b]"
	Control    string // the value of a control record
}

const null = "<null>"

var wall = env.Time(1_700_000_000_000) * env.Time(env.Millisecond)

// smallSegments roll every few batches and index almost every one.
func smallSegments() storage.Config {
	c := storage.DefaultConfig()
	c.SegmentBytes = 1500
	c.IndexIntervalBytes = 200
	return c
}

type scribe struct {
	t      *testing.T
	device *disk.Disk
	d      env.Disk // the same, perhaps with an observer
	dir    string
	tp     wire.TopicPartition
	l      *storage.Log
	r      storage.Recovered
	ledger []batch
	epoch  wire.Epoch
	now    wire.Timestamp
	seqs   map[wire.ProducerID]int32
}

// newScribe opens a log in a directory of a disk.
func newScribe(t *testing.T, d *disk.Disk, dir string, cfg storage.Config) *scribe {
	t.Helper()
	s := &scribe{t: t, device: d, d: d, dir: dir, now: wire.Timestamp(wall.Millis()), seqs: map[wire.ProducerID]int32{}}
	s.tp, _, _ = storage.ParseDir(dir)
	if err := s.open(cfg); err != nil {
		t.Fatal(err)
	}
	return s
}

// on is the same scribe, with the same ledger, on another disk: the one after a power loss.
func (s *scribe) on(d *disk.Disk) *scribe {
	c := *s
	c.device, c.d = d, d
	c.seqs = map[wire.ProducerID]int32{}
	for id, seq := range s.seqs {
		c.seqs[id] = seq
	}
	c.ledger = append([]batch(nil), s.ledger...)
	return &c
}

// open opens the log as a broker does: the clean marker, the checkpoints, the log.
func (s *scribe) open(cfg storage.Config) (err error) {
	dir := storage.Dir{Rules: cfg.Rules}
	clean, _, err := dir.TakeCleanMarker(s.d)
	if err != nil {
		return err
	}
	points, err := dir.LoadRecoveryPoints(s.d)
	if err != nil {
		return err
	}
	starts, err := dir.LoadLogStarts(s.d)
	if err != nil {
		return err
	}
	s.l, s.r, err = storage.Open(s.d, s.dir, cfg, storage.OpenOptions{
		Clean: clean, RecoveryPoint: points[s.tp], LogStart: starts[s.tp], Wall: wall})
	return err
}

// save writes the checkpoints beside the log.
func (s *scribe) save() error {
	dir := storage.Dir{Rules: s.l.Config().Rules}
	if err := dir.SaveRecoveryPoints(s.d, storage.Offsets{s.tp: s.l.RecoveryPoint()}); err != nil {
		return err
	}
	if err := dir.SaveHighWatermarks(s.d, storage.Offsets{s.tp: s.l.RecoveryPoint()}); err != nil {
		return err
	}
	return dir.SaveLogStarts(s.d, storage.Offsets{s.tp: s.l.Start()})
}

// flush makes all of the log durable, and says so in the checkpoint.
func (s *scribe) flush() {
	s.t.Helper()
	s.must(s.l.Flush(s.d, s.l.End()))
	s.must(s.save())
}

// stop is a clean shutdown.
func (s *scribe) stop() {
	s.t.Helper()
	s.must(s.l.Close(s.d))
	s.must(s.save())
	s.must(storage.Dir{Rules: s.l.Config().Rules}.SaveCleanMarker(s.d, 7))
}

func (s *scribe) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// lead starts an epoch in which this broker leads.
func (s *scribe) lead(e wire.Epoch) {
	s.t.Helper()
	s.epoch = e
	s.must(s.l.AssignEpoch(s.d, e, s.l.End()))
}

// producer is the producer of a batch: without id, idempotent, or transactional.
type producer struct {
	id    wire.ProducerID
	epoch wire.ProducerEpoch
	txn   bool
}

var plainProducer = producer{id: wire.NoProducerID, epoch: wire.NoProducerEpoch}

// build makes a batch of values, and its entry for the ledger at the next offset.
func (s *scribe) build(p producer, codec wire.Codec, base wire.Offset, values []string) ([]byte, batch) {
	s.t.Helper()
	s.now += 10
	o := wire.PlainBatch(0, wire.NoEpoch)
	o.Codec, o.Transactional, o.ProducerID, o.ProducerEpoch = codec, p.txn, p.id, p.epoch
	b := batch{Base: base, Last: base + wire.Offset(len(values)) - 1, Count: len(values), BaseSeq: -1, LastSeq: -1, Producer: p.id,
		ProducerEpoch: p.epoch, Leader: s.epoch, Txn: p.txn, TimestampType: "CreateTime", Codec: codec.String(), Valid: true}
	if p.id != wire.NoProducerID {
		b.BaseSeq = s.seqs[p.id]
		b.LastSeq = b.BaseSeq + int32(len(values)) - 1
		o.BaseSequence = b.BaseSeq
		s.seqs[p.id] = b.LastSeq + 1
	}
	records := make([]wire.Record, len(values))
	for i, v := range values {
		// Every third record is older than the one before it, has no key, and has headers.
		r := record{Offset: base + wire.Offset(i), Timestamp: s.now + wire.Timestamp(i), Seq: -1, Key: fmt.Sprintf("k%d", i), Value: v, Headers: "[]"}
		if p.id != wire.NoProducerID {
			r.Seq = b.BaseSeq + int32(i)
		}
		x := wire.Record{Key: []byte(r.Key), Value: []byte(v)}
		if v == null {
			x.Value = nil
		}
		if i%3 == 2 {
			r.Timestamp, r.Key, r.Headers = s.now-5, null, "[trace,origin]"
			x.Key, x.Headers = nil, []wire.Header{{Key: "trace", Value: []byte{1, 2}}, {Key: "origin"}}
		}
		x.Timestamp = r.Timestamp
		b.MaxTimestamp = max(b.MaxTimestamp, r.Timestamp)
		records[i] = x
		b.Records = append(b.Records, r)
	}
	s.now += wire.Timestamp(len(values))
	bytes, err := wire.AppendBatch(nil, o, records)
	s.must(err)
	return bytes, b
}

// append appends a client's batch as leader, verified if it begins a transaction, and adds it to the ledger.
func (s *scribe) append(p producer, codec wire.Codec, values ...string) {
	s.t.Helper()
	bytes, b := s.build(p, codec, s.l.End(), values)
	var v storage.Verification
	if p.txn {
		var err error
		v.Guard, err = s.l.Producers().Verify(p.id, p.epoch, b.BaseSeq, false, wall)
		s.must(err)
	}
	got, err := s.l.AppendVerified(s.d, bytes, s.epoch, storage.OriginClient, wall, v)
	s.must(err)
	if got.First != b.Base || got.Last != b.Last {
		s.t.Fatalf("appended [%d, %d], want [%d, %d]", got.First, got.Last, b.Base, b.Last)
	}
	if s.l.Config().TimestampType == wire.LogAppendTime {
		b.TimestampType, b.MaxTimestamp = "LogAppendTime", wire.Timestamp(wall.Millis())
		for i := range b.Records {
			b.Records[i].Timestamp = b.MaxTimestamp
		}
	}
	s.ledger = append(s.ledger, b)
}

// end ends a producer's transaction with a marker.
func (s *scribe) end(p producer, commit bool) {
	s.t.Helper()
	s.now += 10
	o := wire.PlainBatch(0, wire.NoEpoch)
	o.ProducerID, o.ProducerEpoch = p.id, p.epoch
	bytes, err := wire.AppendControl(nil, o, s.now, wire.EndTxnMarker{Commit: commit, CoordinatorEpoch: 11})
	s.must(err)
	at := s.l.End()
	_, err = s.l.AppendAsLeader(s.d, bytes, s.epoch, storage.OriginCoordinator, wall)
	s.must(err)
	says := "endTxnMarker: ABORT coordinatorEpoch: 11"
	if commit {
		says = "endTxnMarker: COMMIT coordinatorEpoch: 11"
	}
	s.control(p, at, s.now, says)
}

// control adds a control batch to the ledger.
func (s *scribe) control(p producer, at wire.Offset, ts wire.Timestamp, says ...string) {
	b := batch{Base: at, Last: at + wire.Offset(len(says)) - 1, Count: len(says), BaseSeq: -1, LastSeq: -1, Producer: p.id, ProducerEpoch: p.epoch,
		Leader: s.epoch, Txn: p.txn, Control: true, TimestampType: "CreateTime", MaxTimestamp: ts, Codec: "none", Valid: true}
	for i, x := range says {
		b.Records = append(b.Records, record{Offset: at + wire.Offset(i), Timestamp: ts, Seq: -1, Key: null, Value: null, Headers: "[]", Control: x})
	}
	s.ledger = append(s.ledger, b)
}

// follow appends what a leader of an epoch sent: one batch for each list of values.
func (s *scribe) follow(e wire.Epoch, p producer, codec wire.Codec, lists ...[]string) {
	s.t.Helper()
	s.epoch = e
	var all []byte
	at := s.l.End()
	for _, values := range lists {
		bytes, b := s.build(p, codec, at, values)
		wire.Batch(bytes).Patch(at, e)
		all = append(all, bytes...)
		s.ledger = append(s.ledger, b)
		at = b.Last + 1
	}
	_, err := s.l.AppendAsFollower(s.d, all, e)
	s.must(err)
}

// truncate truncates the log to the end of an epoch at the leader, or here.
func (s *scribe) truncate(e wire.Epoch, leaderEnd wire.Offset) {
	s.t.Helper()
	mark, ok := s.l.EndOffsetFor(e)
	if !ok {
		s.t.Fatalf("epoch %d is unknown", e)
	}
	s.must(s.l.TruncateTo(s.d, min(mark.End, leaderEnd)))
	s.must(s.save())
	s.forget(s.l.End())
}

// forget removes the batches at or after an offset from the ledger; the offset must be a batch's end.
func (s *scribe) forget(end wire.Offset) {
	s.t.Helper()
	for i, b := range s.ledger {
		if b.Last >= end {
			s.ledger = s.ledger[:i]
			break
		}
	}
	if n := len(s.ledger); n > 0 && s.ledger[n-1].Last+1 != end || n == 0 && end != 0 {
		s.t.Fatalf("the log ends at %d, inside a batch: the ledger has %+v", end, s.ledger)
	}
	s.seqs = map[wire.ProducerID]int32{}
	for _, b := range s.ledger {
		if b.BaseSeq >= 0 {
			s.seqs[b.Producer] = b.LastSeq + 1
		}
	}
}

// words is n values of a certain length that compress.
func words(n, size int, what string) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("%s-%d-%s", what, i, strings.Repeat("samsa ", size/6))
	}
	return list
}

var codecs = []wire.Codec{wire.CodecNone, wire.CodecGzip, wire.CodecSnappy, wire.CodecLz4, wire.CodecZstd}

var (
	careful = producer{id: 1000, epoch: 0}
	alice   = producer{id: 2000, epoch: 3, txn: true}
	bob     = producer{id: 3000, epoch: 1, txn: true}
)

// untilPowerLoss is the life of a topic up to a power loss: every codec, producers of
// every kind, segments that rolled, a truncation by epoch across a segment's border. After the last flush there are two
// batches of an open transaction, its abort, and another batch.
func untilPowerLoss(s *scribe) {
	s.lead(0)
	for _, c := range codecs {
		s.append(plainProducer, c, words(3, 40, c.String())...)
		s.append(careful, c, "one", null, "three", "four")
		s.append(alice, c, words(2, 100, "alice")...)
		s.append(bob, c, words(1, 30, "bob")...)
		s.end(bob, false) // while alice's is open
		s.append(plainProducer, c, words(6, 12, "between")...)
		s.end(alice, c != wire.CodecGzip)
	}
	s.flush()

	// It follows a leader of epoch 2; the next leader never had those batches.
	for i, c := range codecs {
		s.follow(2, careful, c, words(2, 20, "theirs"), words(1+i, 200, "theirs"))
	}
	s.follow(2, bob, wire.CodecLz4, words(3, 60, "theirs"))
	segments := len(s.l.Segments())
	s.truncate(2, s.ledger[len(s.ledger)-9].Last+1)
	if len(s.l.Segments()) == segments {
		s.t.Fatal("the truncation was to go beyond a segment's start")
	}

	s.lead(4)
	s.append(careful, wire.CodecSnappy, words(3, 50, "again")...)
	cfg := s.l.Config()
	cfg.TimestampType = wire.LogAppendTime
	s.l.Configure(cfg)
	s.append(plainProducer, wire.CodecNone, "by the leader's clock", "all three", "the same")
	s.append(plainProducer, wire.CodecZstd, "compressed", "by the leader's clock")
	cfg.TimestampType = wire.CreateTime
	s.l.Configure(cfg)
	s.flush()

	s.append(bob, wire.CodecNone, words(2, 180, "unsynced")...)
	s.append(bob, wire.CodecGzip, words(2, 40, "unsynced")...)
	s.end(bob, false)
	s.append(plainProducer, wire.CodecNone, words(4, 150, "unsynced")...)
}

// afterPowerLoss is the life of the topic from its recovery to a clean shutdown.
func afterPowerLoss(s *scribe) {
	s.forget(s.l.End())
	s.lead(5)
	if s.l.Producers().HasOngoingTransaction(bob.id, bob.epoch) {
		s.end(bob, false)
	}
	for _, c := range codecs {
		s.append(alice, c, words(2, 60, "recovered")...)
		s.append(careful, c, words(3, 90, "recovered")...)
		s.end(alice, true)
	}
	s.append(alice, wire.CodecNone, "never decided")
	s.stop()
}

// Facts of the ledger, derived by Kafka's rules.

// state is one producer's line in a snapshot.
type state struct {
	ID                      wire.ProducerID
	Epoch                   wire.ProducerEpoch
	CoordinatorEpoch        wire.Epoch
	TxnFirst                wire.Offset // -1 is none
	LastTimestamp           wire.Timestamp
	FirstSeq, LastSeq       int32
	LastOffset, OffsetDelta wire.Offset
}

// producersAt is the expected contents of a snapshot at an offset.
func (s *scribe) producersAt(at wire.Offset) map[wire.ProducerID]state {
	all := map[wire.ProducerID]state{}
	for _, b := range s.ledger {
		if b.Base >= at || b.Producer == wire.NoProducerID {
			continue
		}
		p, ok := all[b.Producer]
		if !ok {
			p = state{ID: b.Producer, CoordinatorEpoch: -1, TxnFirst: -1}
		}
		p.Epoch, p.LastTimestamp = b.ProducerEpoch, b.MaxTimestamp
		if b.Control {
			p.CoordinatorEpoch, p.TxnFirst = 11, -1
		} else {
			p.FirstSeq, p.LastSeq, p.LastOffset, p.OffsetDelta = b.BaseSeq, b.LastSeq, b.Last, b.Last-b.Base
			if b.Txn && p.TxnFirst < 0 {
				p.TxnFirst = b.Base
			}
		}
		all[b.Producer] = p
	}
	return all
}

// aborted is the expected contents of the transaction indexes, in the order of the markers.
func (s *scribe) aborted() (list []storage.Aborted) {
	open := map[wire.ProducerID]wire.Offset{}
	for _, b := range s.ledger {
		first, is := open[b.Producer]
		switch {
		case b.Txn && !b.Control && !is:
			open[b.Producer] = b.Base
		case b.Control && is:
			delete(open, b.Producer)
			stable := b.Last + 1
			for _, o := range open {
				stable = min(stable, o)
			}
			if strings.Contains(b.Records[0].Control, "ABORT") {
				list = append(list, storage.Aborted{Producer: b.Producer, First: first, Last: b.Last, LastStable: stable})
			}
		}
	}
	return list
}
