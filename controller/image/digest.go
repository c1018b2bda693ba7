package image

import "samsa/wire"

// Digest returns a fingerprint of the whole image except Next and Epoch. It is the sum of one number for each element of
// the image. A change subtracts the number of the old element and adds the number of the new one, so the sum is always
// current. Equal images have equal digests, even if different records produced them.
func (m *Image) Digest() uint64 { return m.digest }

// fingerprint is a hash under construction (FNV-1a, 64 bits). A field of variable length is followed by its length, so
// that two different elements never have the same input.
type fingerprint uint64

const (
	start fingerprint = 14695981039346656037
	prime fingerprint = 1099511628211
)

func (p fingerprint) number(n uint64) fingerprint {
	for range 8 {
		p = (p ^ fingerprint(n&0xff)) * prime
		n >>= 8
	}
	return p
}

func (p fingerprint) text(s string) fingerprint {
	for i := range len(s) {
		p = (p ^ fingerprint(s[i])) * prime
	}
	return p.number(uint64(len(s)))
}

func (p fingerprint) id(id [16]byte) fingerprint { return p.text(string(id[:])) }

func (p fingerprint) nodes(ids []wire.NodeID) fingerprint {
	for _, id := range ids {
		p = p.number(uint64(uint32(id)))
	}
	return p.number(uint64(len(ids)))
}

func (p fingerprint) flag(b bool) fingerprint {
	if b {
		return p.number(1)
	}
	return p.number(0)
}

// done mixes the bits, because plain FNV values cancel each other out too easily in a sum.
func (p fingerprint) done() uint64 {
	x := uint64(p)
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

func digestBroker(b *Broker) uint64 {
	p := start.text("broker").number(uint64(uint32(b.ID))).id(b.Incarnation).number(uint64(b.Epoch)).text(b.Rack).flag(b.Fenced).flag(b.ShuttingDown)
	for _, e := range b.EndPoints {
		p = p.text(e.Name).text(e.Host).number(uint64(e.Port)).number(uint64(uint16(e.SecurityProtocol)))
	}
	for _, d := range b.LogDirs {
		p = p.id(d)
	}
	for _, f := range b.Features {
		p = p.text(f.Name).number(uint64(uint16(f.Min))).number(uint64(uint16(f.Max)))
	}
	return p.done()
}

func digestTopic(id wire.TopicID, name string) uint64 {
	return start.text("topic").id(id).text(name).done()
}

func digestPartition(p *Partition) uint64 {
	return start.text("partition").id(p.Topic).number(uint64(uint32(p.Partition))).
		nodes(p.Replicas).nodes(p.ISR).nodes(p.ELR).nodes(p.LastKnown).number(uint64(uint32(p.Leader))).
		number(uint64(uint8(p.Recovery))).number(uint64(uint32(p.LeaderEpoch))).number(uint64(uint32(p.PartitionEpoch))).done()
}

func digestConfig(k ConfigKey, value string) uint64 {
	return start.text("config").number(uint64(uint8(k.Resource))).text(k.Of).text(k.Name).text(value).done()
}

func digestLevel(name string, level int16) uint64 {
	return start.text("feature").text(name).number(uint64(uint16(level))).done()
}
