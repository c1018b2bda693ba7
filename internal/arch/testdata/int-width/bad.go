//as wire

package wire

import (
	"bytes"
	"encoding/binary"
	"math"
)

func hash(b []byte) (h int, err error) {
	var n uint // want "int-width: the type uint"
	for _, c := range b {
		h ^= int(c) // want "int-width: bits"
	}
	var buf bytes.Buffer
	err = binary.Write(&buf, binary.BigEndian, int32(h)) // want "int-width: bytes written by reflection"
	return h & math.MaxInt & int(n), err                 // want "int-width: math.MaxInt"
}

func newest(a, b struct{ end int64 }) int {
	return int(b.end - a.end) // want "int-width: int.b.end - a.end. cuts a 64-bit difference"
}
