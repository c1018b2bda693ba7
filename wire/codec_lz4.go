package wire

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/pierrec/lz4/v4"
)

// Kafka reads and writes a subset of the LZ4 frame format (Lz4BlockInputStream). Blocks are independent; sizes and
// checksums are optional.
//
//	magic | flags | block size | content size? i64 | header checksum | { length i32 | block | checksum? i32 }... | 0 i32 | checksum? i32
//
// All numbers are little-endian. If the top bit of a block's length is set, the block is stored uncompressed.
const (
	lz4Magic  = 0x184D2204
	lz4Stored = 1 << 31

	lz4Version      = 0x40 // the flags: two bits of version, then one bit for each flag
	lz4VersionMask  = 0xC0
	lz4Independent  = 0x20 // a block never copies from the previous one
	lz4BlockSum     = 0x10 // every block is followed by its hash
	lz4ContentSize  = 0x08 // the header has the size of the whole content
	lz4ReservedMask = 0x03 // a reserved bit, and the bit of dictionaries, which Kafka does not support

	lz4Chunk     = 64 << 10 // the block size that Kafka writes, and its code in the frame header
	lz4ChunkCode = 0x40
)

// appendLz4 writes the frame that the Java client writes: version 1, independent blocks of 64 KiB, no checksums.
func appendLz4(dst, raw []byte) []byte {
	// In messages of format 0, Kafka by mistake includes the magic in the hash of the header. In format 2 the hash does
	// not include it.
	dst = binary.LittleEndian.AppendUint32(dst, lz4Magic)
	head := []byte{lz4Version | lz4Independent, lz4ChunkCode}
	dst = append(dst, head...)
	dst = append(dst, byte(xxh32(head)>>8))
	for len(raw) > 0 {
		n := min(len(raw), lz4Chunk)
		dst = appendLz4Block(dst, raw[:n])
		raw = raw[n:]
	}
	return append(dst, 0, 0, 0, 0)
}

// appendLz4Block writes one block with its length. It stores the block uncompressed if compression does not make it
// smaller.
func appendLz4Block(dst, raw []byte) []byte {
	// The library gets room for the worst case. If the compressed form did not fit, the library would return 0.
	at := len(dst)
	bound := 4 + lz4.CompressBlockBound(len(raw))
	dst = slices.Grow(dst, bound)[:at+bound]
	n, err := lz4.CompressBlock(raw, dst[at+4:], nil)
	if err != nil {
		panic("lz4 into a buffer of its own bound failed: " + err.Error())
	}
	if n == 0 || n >= len(raw) {
		dst = binary.LittleEndian.AppendUint32(dst[:at], uint32(len(raw))|lz4Stored)
		return append(dst, raw...)
	}
	binary.LittleEndian.PutUint32(dst[at:at+4], uint32(n))
	return dst[:at+4+n]
}

// readLz4 reads one frame. Like Kafka, it does not verify the content size or the checksum of the content, and ignores
// all bytes after the end mark.
func readLz4(src []byte) ([]byte, error) {
	flags, maxBlock, src, err := readLz4Header(src)
	if err != nil {
		return nil, err
	}
	// A frame ends with its end mark, not with the end of the bytes. As in Kafka, a frame without an end mark is
	// truncated.
	var raw []byte
	for {
		if len(src) < 4 {
			return nil, errTruncated
		}
		word := binary.LittleEndian.Uint32(src)
		src = src[4:]
		n, stored := int64(word&^lz4Stored), word&lz4Stored != 0
		if n == 0 {
			return raw, nil
		}
		if n > int64(maxBlock) {
			return nil, errFormat
		}
		if n > int64(len(src)) {
			return nil, errTruncated
		}
		block := src[:n]
		src = src[n:]
		if flags&lz4BlockSum != 0 {
			if len(src) < 4 {
				return nil, errTruncated
			}
			if binary.LittleEndian.Uint32(src) != xxh32(block) {
				return nil, errFormat
			}
			src = src[4:]
		}
		if raw, err = appendUnlz4(raw, block, stored, maxBlock); err != nil {
			return nil, err
		}
		if len(raw) > MaxRecordsSize {
			return nil, errTooLarge
		}
	}
}

// readLz4Header reads the frame's header at the start of src.
func readLz4Header(src []byte) (flags byte, maxBlock int, rest []byte, err error) {
	if len(src) < 7 {
		return 0, 0, nil, errTruncated
	}
	flags, size := src[4], src[5]>>4
	ok := binary.LittleEndian.Uint32(src) == lz4Magic && flags&lz4VersionMask == lz4Version && flags&lz4Independent != 0 &&
		flags&lz4ReservedMask == 0 && src[5]&0x8F == 0 && size >= 4
	if !ok {
		return 0, 0, nil, errFormat
	}
	end := 6
	if flags&lz4ContentSize != 0 {
		end += 8
	}
	if len(src) <= end {
		return 0, 0, nil, errTruncated
	}
	if src[end] != byte(xxh32(src[4:end])>>8) {
		return 0, 0, nil, errFormat
	}
	return flags, 1 << (2*size + 8), src[end+1:], nil // codes 4 to 7 are 64 KiB, 256 KiB, 1 MiB, 4 MiB
}

// appendUnlz4 appends the content of a block to dst. The content has at most maxBlock bytes, and at most 255 bytes for
// each byte of the block. A block does not state the size of its content. Most blocks decompress to a few times their
// length, so a buffer of that size is tried first.
func appendUnlz4(dst, block []byte, stored bool, maxBlock int) ([]byte, error) {
	if stored {
		return append(dst, block...), nil
	}
	most := min(maxBlock, 255*len(block))
	for room := min(most, 6*len(block)); ; room = min(most, 6*room) {
		if cap(dst)-len(dst) < room {
			dst = append(make([]byte, 0, 2*len(dst)+room), dst...)
		}
		n, err := lz4.UncompressBlock(block, dst[len(dst):len(dst)+room])
		if err == nil {
			return dst[:len(dst)+n], nil
		}
		if room == most {
			return nil, err
		}
	}
}

// xxh32 returns the hash that the LZ4 frame format uses: xxHash-32 with seed 0. The lz4 library does not export its
// implementation.
func xxh32(p []byte) uint32 {
	const p1, p2, p3, p4, p5 = 2654435761, 2246822519, 3266489917, 668265263, 374761393
	n := uint32(len(p))
	// While at least sixteen bytes are left, the hash mixes them into four lanes of four bytes. Then it mixes groups of
	// four bytes, then single bytes. Finally it mixes the bits of the result.
	h := uint32(p5)
	if len(p) >= 16 {
		var one uint32 = p1 // a variable, so that the sums below wrap
		v := [4]uint32{one + p2, p2, 0, -one}
		for ; len(p) >= 16; p = p[16:] {
			for i := range v {
				v[i] = bits.RotateLeft32(v[i]+binary.LittleEndian.Uint32(p[4*i:])*p2, 13) * p1
			}
		}
		h = bits.RotateLeft32(v[0], 1) + bits.RotateLeft32(v[1], 7) + bits.RotateLeft32(v[2], 12) + bits.RotateLeft32(v[3], 18)
	}
	h += n
	for ; len(p) >= 4; p = p[4:] {
		h = bits.RotateLeft32(h+binary.LittleEndian.Uint32(p)*p3, 17) * p4
	}
	for _, b := range p {
		h = bits.RotateLeft32(h+uint32(b)*p5, 11) * p1
	}
	h = (h ^ h>>15) * p2
	h = (h ^ h>>13) * p3
	return h ^ h>>16
}
