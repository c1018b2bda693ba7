package client

import (
	"encoding/binary"

	"samsa/sim/env"
	"samsa/wire"
)

// AnyPartition lets Send choose the partition. Send chooses by the record's key; without a key it uses the sticky partition.
const AnyPartition int32 = -1

// PartitionOf returns the partition of a key. All clients of Kafka use murmur2, so they agree
// (BuiltInPartitioner.partitionForKey). The result depends on the number of partitions, so adding partitions moves keys.
func PartitionOf(key []byte, partitions int32) int32 {
	return int32(murmur2(key)&0x7fffffff) % partitions
}

// murmur2 is the 32-bit MurmurHash2 with Kafka's seed (Utils.murmur2).
func murmur2(data []byte) uint32 {
	const m, r = 0x5bd1e995, 24
	h := uint32(0x9747b28c) ^ uint32(len(data))
	for len(data) >= 4 {
		k := binary.LittleEndian.Uint32(data)
		k *= m
		k ^= k >> r
		k *= m
		h *= m
		h ^= k
		data = data[4:]
	}
	switch len(data) {
	case 3:
		h ^= uint32(data[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(data[1]) << 8
		fallthrough
	case 1:
		h ^= uint32(data[0])
		h *= m
	}
	h ^= h >> 13
	h *= m
	return h ^ h>>15
}

// stickyPartition is the partition of records without a key. It stays the same until it has got batch.size bytes and then
// changes, which makes fewer and fuller batches (KIP-480, KIP-794). Kafka prefers partitions with shorter queues
// (partitioner.adaptive.partitioning.enable); here all partitions with a leader are equally likely.
type stickyPartition struct {
	partition int32
	bytes     int
}

// partition returns the partition of a record; ok is false while the topic's metadata is not known.
func (p *Producer) partition(e env.Env, name string, key []byte, size int) (partition int32, ok bool) {
	t := p.topics[name]
	if t == nil || len(t.leaders) == 0 {
		return 0, false
	}
	if key != nil {
		return PartitionOf(key, int32(len(t.leaders))), true
	}
	s := p.sticky[name]
	if s == nil || s.bytes >= p.cfg.BatchBytes || int(s.partition) >= len(t.leaders) {
		s = &stickyPartition{partition: p.drawPartition(e, t)}
		p.sticky[name] = s
	}
	s.bytes += size
	return s.partition, true
}

// drawPartition chooses at random one of the partitions that have a leader, or any partition if none has.
func (p *Producer) drawPartition(e env.Env, t *topic) int32 {
	var led []int32
	for i, l := range t.leaders {
		if l.node != wire.NoNode {
			led = append(led, int32(i))
		}
	}
	if len(led) == 0 {
		return int32(e.Choose("client.sticky", uint64(len(t.leaders))))
	}
	return led[e.Choose("client.sticky", uint64(len(led)))]
}
