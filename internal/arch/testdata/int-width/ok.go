//as wire

package wire

import "encoding/binary"

func hash(b []byte) []byte {
	h := uint64(len(b))
	for _, c := range b {
		h ^= uint64(c) << 3
	}
	const kib = 1 << 10
	n := int(int32(h) - int32(len(b)))
	_ = n
	return binary.BigEndian.AppendUint64(make([]byte, 0, kib), h)
}
