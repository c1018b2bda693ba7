package wire

import (
	"github.com/twmb/franz-go/pkg/kerr"
)

// Codec is how a batch's records are compressed; the header never is.
type Codec uint8

const (
	CodecNone Codec = iota
	CodecGzip
	CodecSnappy
	CodecLz4
	CodecZstd
)

// MaxRecordsSize is the most that a batch's records may decompress to, in bytes. A batch that holds more is corrupt for
// us. It is the largest request that a broker reads uncompressed (socket.request.max.bytes).
const MaxRecordsSize = 100 << 20

// String is the codec's name in Kafka's configs.
func (c Codec) String() string {
	if c <= CodecZstd {
		return [...]string{"none", "gzip", "snappy", "lz4", "zstd"}[c]
	}
	return "codec?"
}

// compressTail replaces dst[from:] by its compressed form.
func (c Codec) compressTail(dst []byte, from int) ([]byte, error) {
	if c == CodecNone {
		return dst, nil
	}
	return dst, c.unsupported()
}

// decompress is what src holds, at most MaxRecordsSize bytes. With CodecNone it is src itself.
func (c Codec) decompress(src []byte) ([]byte, error) {
	if c == CodecNone {
		return src, nil
	}
	return nil, c.unsupported()
}

func (c Codec) unsupported() error {
	return &CorruptError{What: "codec", Got: int64(c), Want: int64(CodecZstd), Record: -1, Code: kerr.UnsupportedCompressionType}
}
