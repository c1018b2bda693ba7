package disk

import (
	"bytes"

	"github.com/cespare/xxhash/v2"
)

// content is the content of a file: a list of chunks.
//
//	chunk 0            chunk 1            chunk 2
//	[################] [################] [#####.....]     # existing bytes   . capacity without bytes yet
//	                                           ▲
//	                                           size
//
// An existing byte never changes, because readers, the device and the log of dirty writes share chunks with the page cache.
// An append fills the capacity after the last byte; all other changes replace the chunk by a changed copy. A truncate drops
// the capacity after the cut, because readers may still hold the bytes that were there.
type content struct {
	chunks [][]byte // all but the last have chunkSize bytes; the last has at least one
	sums   []uint64 // hash of each chunk; 0 means not computed
	size   int64
}

// A read inside one chunk of chunkSize bytes copies nothing. The first chunk of a file starts small and doubles, because
// most files of a short run are small.
const (
	chunkBits  = 16
	chunkSize  = 1 << chunkBits
	chunkMask  = chunkSize - 1
	firstChunk = 512
)

// piece is the bytes [from, len(chunk)) of one chunk. It keeps the chunk's beginning, so that the device may share the whole
// chunk.
type piece struct {
	chunk []byte
	from  int
}

// append adds p at the end.
func (b *content) append(p []byte) {
	for len(p) > 0 {
		last := len(b.chunks) - 1
		if last < 0 || len(b.chunks[last]) == chunkSize {
			b.chunks = append(b.chunks, nil)
			b.sums = append(b.sums, 0)
			last++
		}
		c := b.chunks[last]
		n := min(len(p), chunkSize-len(c))
		// Readers keep the old chunk, which never changes.
		if len(c)+n > cap(c) {
			c = append(make([]byte, 0, room(last, len(c)+n)), c...)
		}
		b.chunks[last] = append(c, p[:n]...)
		b.sums[last] = 0
		b.size += int64(n)
		p = p[n:]
	}
}

// room returns the capacity of chunk number i when it must hold n bytes.
// Only the first chunk starts small, because a file with two chunks will likely get more.
func room(i, n int) int {
	if i > 0 {
		return chunkSize
	}
	r := firstChunk
	for r < n {
		r *= 2
	}
	return r
}

// read returns n bytes at off, which must exist. If all of them are in one chunk, read copies nothing.
func (b *content) read(off int64, n int) []byte {
	if n == 0 {
		return nil
	}
	i, from := int(off>>chunkBits), int(off&chunkMask)
	if c := b.chunks[i]; from+n <= len(c) {
		return c[from : from+n : from+n]
	}
	p := make([]byte, 0, n)
	for len(p) < n {
		c := b.chunks[i]
		p = append(p, c[from:min(len(c), from+n-len(p))]...)
		i, from = i+1, 0
	}
	return p
}

// write puts p at off, which must not be greater than the size.
func (b *content) write(off int64, p []byte) {
	for len(p) > 0 && off < b.size {
		i, from := int(off>>chunkBits), int(off&chunkMask)
		// The chunk is replaced, because a reader, the device or the log of dirty writes may hold a slice of it.
		c := bytes.Clone(b.chunks[i])
		n := copy(c[from:], p)
		b.chunks[i], b.sums[i] = c, 0
		p, off = p[n:], off+int64(n)
	}
	b.append(p)
}

// resize cuts to size, or extends with zeros.
func (b *content) resize(size int64) {
	if size < b.size {
		keep := int((size + chunkMask) >> chunkBits)
		clear(b.chunks[keep:])
		b.chunks, b.sums = b.chunks[:keep], b.sums[:keep]
		if n := int(size & chunkMask); n > 0 {
			c := b.chunks[keep-1]
			// The capacity ends with the bytes, because an append after the cut must not overwrite bytes that readers hold.
			b.chunks[keep-1], b.sums[keep-1] = c[:n:n], 0
		}
		b.size = size
		return
	}
	if b.size < size && b.size&chunkMask != 0 {
		b.append(make([]byte, min(size-b.size, chunkSize-b.size&chunkMask)))
	}
	if b.size == size {
		return
	}
	// All new chunks share one array of zeros. Chunks are replaced and never changed, and an append finds no capacity in
	// them.
	zeros := make([]byte, min(size-b.size, chunkSize))
	for b.size < size {
		n := min(size-b.size, chunkSize)
		b.chunks = append(b.chunks, zeros[:n:n])
		b.sums = append(b.sums, 0)
		b.size += n
	}
}

// clone returns an independent copy of the content. The original keeps the capacity after its end.
// clone copies slices and no bytes, because clones are frequent: each power loss, crash state and view of a judge needs one.
func (b *content) clone() content {
	c := content{chunks: make([][]byte, len(b.chunks)), sums: make([]uint64, len(b.sums)), size: b.size}
	copy(c.sums, b.sums)
	for i, k := range b.chunks {
		c.chunks[i] = k[:len(k):len(k)]
	}
	return c
}

// pieces returns the current bytes [off, end), split at chunk boundaries.
func (b *content) pieces(off, end int64) []piece {
	if off >= end {
		return nil
	}
	first := int(off >> chunkBits)
	last := int((end - 1) >> chunkBits)
	list := make([]piece, 0, last-first+1)
	for i := first; i <= last; i++ {
		n := int(min(end-int64(i)<<chunkBits, chunkSize))
		p := piece{chunk: b.chunks[i][:n:n]}
		if i == first {
			p.from = int(off & chunkMask)
		}
		list = append(list, p)
	}
	return list
}

// place adds a piece of chunk i to the content. If the piece's chunk and chunk i have the same bytes before the
// piece, place copies nothing. It fills a gap before the piece with zeros.
func (b *content) place(i int, p piece) {
	base := int64(i) << chunkBits
	// The bytes in the gap were lost or are not written yet. They read as zeros, as in a file system.
	if gap := base + int64(p.from); b.size < gap {
		b.resize(gap)
	}
	if i == len(b.chunks) {
		b.chunks = append(b.chunks, nil)
		b.sums = append(b.sums, 0)
	}
	c := b.chunks[i]
	switch {
	case len(c) <= len(p.chunk) && samePrefix(c, p.chunk, p.from):
		c = p.chunk
	default:
		mixed := make([]byte, max(len(c), len(p.chunk)))
		copy(mixed, c)
		copy(mixed[p.from:], p.chunk[p.from:])
		c = mixed
	}
	b.chunks[i], b.sums[i] = c, 0
	b.size = max(b.size, base+int64(len(c)))
}

// samePrefix reports whether two chunks agree in their first n bytes. Usually they share memory.
func samePrefix(c, d []byte, n int) bool {
	return n == 0 || &c[0] == &d[0] || bytes.Equal(c[:n], d[:n])
}

// own makes chunk i at least n bytes long and safe to change in place. The caller sets mine only if no reader
// shares the bytes of the chunk.
func (b *content) own(i, n int, mine bool) []byte {
	base := int64(i) << chunkBits
	if b.size < base+int64(n) {
		b.resize(base + int64(n))
	}
	if !mine {
		b.chunks[i] = bytes.Clone(b.chunks[i])
	}
	b.sums[i] = 0
	return b.chunks[i]
}

// flip inverts one bit.
func (b *content) flip(off int64, bit uint8) {
	c := b.own(int(off>>chunkBits), int(off&chunkMask)+1, false)
	c[off&chunkMask] ^= 1 << (bit & 7)
}

// digest returns a hash of the content. It reads only chunks that changed since the last call, because content is compared
// far more often than it changes.
func (b *content) digest() uint64 {
	h := uint64(b.size)
	for i, c := range b.chunks {
		if b.sums[i] == 0 {
			b.sums[i] = xxhash.Sum64(c) | 1
		}
		h = fold(h, b.sums[i])
	}
	return h
}

// fold adds x to the hash h, with splitmix64's finisher; the order of additions matters.
func fold(h, x uint64) uint64 {
	h = (h ^ x) + 0x9e3779b97f4a7c15
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
