package sim

import "math/bits"

// identity is the digest of a run so far, in two forms. Everything that can be observed is mixed into it, traced or not, in
// words of the same width on every platform.
//
//	hash    all of it: the identity of the run
//	shape   all of it without names: times, machines, links, keys, versions, sizes and digests of messages, the calls of
//	        disks and the sums of written bytes; no label, note, timer or token
//
// If code is only moved or renamed, the hash may change but the shape does not.
type identity struct{ hash, shape uint64 }

// mix adds a word to the hash.
func (d *identity) mix(x uint64) {
	d.hash = bits.RotateLeft64(d.hash^x*golden, 29) * 0xBF58476D1CE4E5B9
}

// mixShape adds a word to the shape.
func (d *identity) mixShape(x uint64) {
	d.shape = bits.RotateLeft64(d.shape^x*golden, 29) * 0xBF58476D1CE4E5B9
}

// mixBoth adds a word to both.
func (d *identity) mixBoth(x uint64) {
	d.mix(x)
	d.mixShape(x)
}

// mixOrder adds the time and the numbers of a control action to both.
func (d *identity) mixOrder(now Time, numbers []int64) {
	d.mixBoth(uint64(now))
	for _, n := range numbers {
		d.mixBoth(uint64(n))
	}
}

// weave combines four words into one for mix. It is faster than four calls of mix, because its products are independent.
func weave(a, b, c, d uint64) uint64 {
	return a*0xA0761D6478BD642F ^ bits.RotateLeft64(b*0xE7037ED1A0B428DB, 17) ^
		bits.RotateLeft64(c*0x8EBC6AF09C88C6E3, 31) ^ bits.RotateLeft64(d*0x589965CC75374CC3, 47)
}
