//as wire

package wire

import (
	"encoding/binary"
	"hash/crc32"
	"strings"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/snappy"
)

func sum(b []byte) uint64 {
	b = snappy.Encode(nil, binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b)))
	return xxhash.Sum64(b) + xxhash.Sum64String(strings.ToLower("A"))
}
