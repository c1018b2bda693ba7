package disk

import (
	"bytes"

	"github.com/cespare/xxhash/v2"
)

// content is the content of a file: a list of chunks.
//
//	chunk 0            chunk 1            chunk 2
//	[################] [################] [#####.....]     # bytes that exist   . room without bytes yet
//	                                           ▲
//	                                           size
//
// A byte that exists never changes: readers, the device and the log of dirty writes share chunks with the page cache.
// An append fills the room after the last byte; everything else replaces the chunk by a changed copy. A truncate gives up
// the room after the cut, for readers may hold the bytes that were there.
type content struct {
	chunks [][]byte // all but the last have chunkSize bytes, the last at least one
	sums   []uint64 // hash of each chunk; 0 is not computed
	size   int64
}

// chunkSize is what a read may cross without copying. The first chunk of a file starts small and doubles, because
// most files of a short run are.
const (
	chunkBits  = 16
	chunkSize  = 1 << chunkBits
	chunkMask  = chunkSize - 1
	firstChunk = 512
)

// piece is bytes [from, len(chunk)) of one chunk, with the chunk's beginning, so that the device may take the whole.
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
		// Readers keep the old chunk; the bytes they share with it are equal and stay so.
		if len(c)+n > cap(c) {
			c = append(make([]byte, 0, room(last, len(c)+n)), c...)
		}
		b.chunks[last] = append(c, p[:n]...)
		b.sums[last] = 0
		b.size += int64(n)
		p = p[n:]
	}
}

// room is the capacity of chunk number i when it must hold n bytes.
// Only the first chunk is worth being small: a file that has two will likely have more.
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

// read returns n bytes at off, which exist. Inside one chunk nothing is copied.
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

// write puts p at off <= size.
func (b *content) write(off int64, p []byte) {
	for len(p) > 0 && off < b.size {
		i, from := int(off>>chunkBits), int(off&chunkMask)
		// Replaced and not changed: a reader, the device or the log of dirty writes may hold a slice of it.
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
			// The capacity ends with the bytes: an append after the cut must not write where readers still look.
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
	// Sharing is safe: a chunk is never changed but replaced, and an append finds no room in it.
	zeros := make([]byte, min(size-b.size, chunkSize)) // one chunk of zeros stands for all
	for b.size < size {
		n := min(size-b.size, chunkSize)
		b.chunks = append(b.chunks, zeros[:n:n])
		b.sums = append(b.sums, 0)
		b.size += n
	}
}

// clone is the same content, to go its own way. The original keeps the room after its end.
// Slices and no bytes: a power loss, a crash state and each view of a judge are clones.
func (b *content) clone() content {
	c := content{chunks: make([][]byte, len(b.chunks)), sums: make([]uint64, len(b.sums)), size: b.size}
	copy(c.sums, b.sums)
	for i, k := range b.chunks {
		c.chunks[i] = k[:len(k):len(k)]
	}
	return c
}

// pieces is [off, end) as it is now, cut at chunk borders.
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

// place makes a piece of chunk i part of the content, without copying if what precedes it in the chunk is the same.
// A gap before it is filled with zeros.
func (b *content) place(i int, p piece) {
	base := int64(i) << chunkBits
	// What lies between was lost on its way, or is not yet there: zeros, as a file system shows blocks it never wrote.
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

// samePrefix reports whether two chunks agree in their first n bytes; mostly they are one.
func samePrefix(c, d []byte, n int) bool {
	return n == 0 || &c[0] == &d[0] || bytes.Equal(c[:n], d[:n])
}

// own makes chunk i at least n bytes long and safe to change in place; with mine it is already, for its bytes.
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

// digest is a hash of the content. Only chunks that changed since the last call are read.
// Content is compared far more often than it changes: hence the sums.
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

// fold adds x to the hash h (splitmix64's finisher); the order of additions matters.
func fold(h, x uint64) uint64 {
	h = (h ^ x) + 0x9e3779b97f4a7c15
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
