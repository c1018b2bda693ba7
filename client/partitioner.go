package client

import (
	"encoding/binary"

	"samsa/sim/env"
	"samsa/wire"
)

// AnyPartition lets Send choose the partition: by the key if there is one, else the sticky partition.
const AnyPartition int32 = -1

// PartitionOf is the partition of a key: by murmur2, so that all clients of Kafka agree (BuiltInPartitioner.partitionForKey).
// It depends on the number of partitions: new partitions move keys.
func PartitionOf(key []byte, partitions int32) int32 {
	return int32(murmur2(key)&0x7fffffff) % partitions
}

// murmur2 is Utils.murmur2: MurmurHash2 of 32 bits with Kafka's seed.
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

// stickyPartition is the partition of records without a key: one until it has batch.size bytes, then another, which
// makes fewer and fuller batches (KIP-480, KIP-794). Kafka prefers partitions with shorter queues
// (partitioner.adaptive.partitioning.enable); here all partitions with a leader are equally likely.
type stickyPartition struct {
	partition int32
	bytes     int
}

// partition is the partition of a record; ok is false while the topic's metadata are not known.
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

// drawPartition chooses at random one of the partitions that have a leader, or any if none has.
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
