package wire

import (
	"encoding/binary"

	"github.com/klauspost/compress/snappy"
)

// Kafka does not use the stream format of Snappy. The Java clients write the stream format of the library snappy-java,
// which is also called xerial framing: a header of 16 bytes, then chunks, each with a length and a block. Other clients
// use the same framing or write a single bare block. This package reads both and writes the framing.
//
//	82 'S' 'N' 'A' 'P' 'P' 'Y' 00 | version 1 i32 | compatible 1 i32 | { length i32 | block }...
const xerialMagic = "\x82SNAPPY\x00"

const (
	xerialHeader = len(xerialMagic) + 8
	snappyChunk  = 32 << 10 // snappy-java's default block size; the encoder needs it to be below 64 KiB
)

// appendSnappy writes raw in xerial framing.
func appendSnappy(dst, raw []byte) []byte {
	dst = append(dst, xerialMagic...)
	dst = append(dst, 0, 0, 0, 1, 0, 0, 0, 1)
	for len(raw) > 0 {
		n := min(len(raw), snappyChunk)
		at := len(dst) // position of the chunk's length, which is filled in when it is known
		dst = appendSnappyBlock(append(dst, 0, 0, 0, 0), raw[:n])
		binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
		raw = raw[n:]
	}
	return dst
}

// readSnappy reads xerial framing or one bare block.
func readSnappy(src []byte) ([]byte, error) {
	if len(src) < xerialHeader || string(src[:len(xerialMagic)]) != xerialMagic {
		return appendUnsnappy(nil, src)
	}
	// The versions are ignored. They have not changed since 2011, and other writers fill in arbitrary values.
	src = src[xerialHeader:]
	var raw []byte
	for len(src) > 0 {
		if len(src) < 4 {
			return nil, errTruncated
		}
		n := int64(binary.BigEndian.Uint32(src))
		src = src[4:]
		if n > int64(len(src)) {
			return nil, errTruncated
		}
		var err error
		if raw, err = appendUnsnappy(raw, src[:n]); err != nil {
			return nil, err
		}
		src = src[n:]
	}
	return raw, nil
}

// appendUnsnappy appends the content of a block. A block begins with the size of its content. The size is checked
// before memory is allocated for it. A copy, which takes three bytes of the block, gives at most 64 bytes of content,
// and this ratio bounds the size.
func appendUnsnappy(dst, block []byte) ([]byte, error) {
	size, err := snappy.DecodedLen(block)
	if err != nil {
		return nil, err
	}
	if size > MaxRecordsSize-len(dst) {
		return nil, errTooLarge
	}
	if size/64 > len(block)/3+1 {
		return nil, errFormat
	}
	if cap(dst)-len(dst) < size {
		dst = append(make([]byte, 0, 2*len(dst)+size), dst...)
	}
	raw, err := snappy.DecodeStrict(dst[len(dst):len(dst)+size:len(dst)+size], block)
	if err != nil {
		return nil, err
	}
	return dst[:len(dst)+len(raw)], nil
}

// The hash table of appendSnappyBlock has 16 KiB, which fits on the stack of a goroutine and in a first-level cache. A
// match of fewer than four bytes would not save anything, because a copy takes three bytes.
const (
	snappyTableBits = 13
	snappyMinMatch  = 4
)

// appendSnappyBlock compresses src, which is shorter than 64 KiB, as one snappy block: the size, then literals and
// copies.
//
// At a position, it looks for an earlier position with the same four bytes. It finds this position in a table that has,
// for each hash of four bytes, the last position with this hash. It extends a match as far as possible. The more bytes it
// passes without a match, the longer its steps become. Every choice depends on src alone.
func appendSnappyBlock(dst, src []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(src)))
	var table [1 << snappyTableBits]uint16 // 1 + the last position with this hash; 0 means none
	literal := 0                           // start of the bytes that no copy covers yet
	for at := 0; at+snappyMinMatch <= len(src); {
		// The hash is the upper bits of a product with 2^32 over the golden ratio, which mixes all four bytes.
		four := binary.LittleEndian.Uint32(src[at:])
		slot := &table[four*0x9E3779B1>>(32-snappyTableBits)]
		from := int(*slot) - 1
		*slot = uint16(at + 1)
		if from < 0 || binary.LittleEndian.Uint32(src[from:]) != four {
			at += 1 + (at-literal)>>5 // one step more for every 32 bytes without a match
			continue
		}
		n := snappyMinMatch
		for at+n < len(src) && src[from+n] == src[at+n] {
			n++
		}
		dst = appendSnappyLiteral(dst, src[literal:at])
		dst = appendSnappyCopy(dst, at-from, n)
		at += n
		literal = at
	}
	return appendSnappyLiteral(dst, src[literal:])
}

// appendSnappyLiteral writes bytes uncompressed, after a tag with their number minus one.
func appendSnappyLiteral(dst, p []byte) []byte {
	n := len(p) - 1
	switch {
	case n < 0:
		return dst
	case n < 60:
		dst = append(dst, byte(n<<2))
	case n < 1<<8:
		dst = append(dst, 60<<2, byte(n))
	default:
		dst = append(dst, 61<<2, byte(n), byte(n>>8))
	}
	return append(dst, p...)
}

// appendSnappyCopy writes a copy of n >= 4 bytes from the given distance back. One copy has up to 64 bytes. The short
// form of a copy has 4 to 11 bytes, and its distance is below 2 KiB. A match of over 64 bytes is split such that at
// least 4 bytes remain for the last copy.
func appendSnappyCopy(dst []byte, back, n int) []byte {
	for n > 64 {
		take := min(64, n-snappyMinMatch)
		dst = append(dst, byte((take-1)<<2|2), byte(back), byte(back>>8))
		n -= take
	}
	if n < 12 && back < 1<<11 {
		return append(dst, byte(back>>8<<5|(n-4)<<2|1), byte(back))
	}
	return append(dst, byte((n-1)<<2|2), byte(back), byte(back>>8))
}
