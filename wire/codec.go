package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Codec is the compression of a batch's records; the header is never compressed.
//
// The same records give the same bytes on every call and every platform. Klauspost's snappy encoder does not have this
// property, because its assembly and its Go code find different matches. So this package has its own snappy encoder. The
// libraries of the other codecs give the same bytes on amd64 with assembly, on amd64 without it, and on 386. These
// libraries keep pools of scratch memory in package variables, but no output depends on the pools. They start no goroutine
// here, because this package calls zstd only with EncodeAll, DecodeAll and a concurrency of 1, and lz4 only block by
// block.
type Codec uint8

const (
	CodecNone Codec = iota
	CodecGzip
	CodecSnappy
	CodecLz4
	CodecZstd
)

// MaxRecordsSize is the maximum size in bytes of the decompressed records of a batch; a batch with more is invalid
// here. Kafka has no such limit. The value is that of the largest request that a broker reads
// (socket.request.max.bytes).
const MaxRecordsSize = 100 << 20

// String returns the codec's name in Kafka's configs.
func (c Codec) String() string {
	if c <= CodecZstd {
		return [...]string{"none", "gzip", "snappy", "lz4", "zstd"}[c]
	}
	return "codec?"
}

// compressTail replaces dst[from:] with its compressed form.
func (c Codec) compressTail(dst []byte, from int) ([]byte, error) {
	if c == CodecNone {
		return dst, nil
	}
	if c > CodecZstd {
		return dst, c.unsupported()
	}
	raw := dst[from:]
	if len(raw) > MaxRecordsSize {
		return dst, fmt.Errorf("compress %d bytes of records: more than %d could not be read back", len(raw), MaxRecordsSize)
	}
	// The compressed form is appended to the raw one and then moved over it, so that one buffer is enough.
	end := len(dst)
	switch c {
	case CodecGzip:
		dst = appendGzip(dst, raw)
	case CodecSnappy:
		dst = appendSnappy(dst, raw)
	case CodecLz4:
		dst = appendLz4(dst, raw)
	case CodecZstd:
		dst = appendZstd(dst, raw)
	}
	n := copy(dst[from:], dst[end:])
	return dst[:from+n], nil
}

// decompress returns the decompressed src, which has at most MaxRecordsSize bytes. With CodecNone it returns src
// itself. The allocated memory grows with the decoded bytes and never depends on a size claimed in the stream.
func (c Codec) decompress(src []byte) (raw []byte, err error) {
	switch c {
	case CodecNone:
		return src, nil
	case CodecGzip:
		raw, err = readGzip(src)
	case CodecSnappy:
		raw, err = readSnappy(src)
	case CodecLz4:
		raw, err = readLz4(src)
	case CodecZstd:
		raw, err = readZstd(src)
	default:
		return nil, c.unsupported()
	}
	if err != nil {
		// The CRC was correct, so the producer wrote these bytes. Kafka has no error for this case: every exception of
		// a decompressor becomes UNKNOWN_SERVER_ERROR, except an early end of a gzip stream, which Kafka treats as
		// truncated records.
		code := kerr.UnknownServerError
		if c == CodecGzip && errors.Is(err, io.ErrUnexpectedEOF) {
			code = kerr.InvalidRecord
		}
		return nil, &CorruptError{What: c.String() + " stream", Got: int64(len(src)), Record: -1, Code: code, Cause: err}
	}
	return raw, nil
}

// unsupported returns the error for codec ids 5 to 7. Kafka fails on them with UNKNOWN_SERVER_ERROR. It returns
// UNSUPPORTED_COMPRESSION_TYPE only for zstd with clients that are too old for it.
func (c Codec) unsupported() error {
	return &CorruptError{What: "codec", Got: int64(c), Want: int64(CodecZstd), Record: -1, Code: kerr.UnknownServerError}
}

// These are the errors of the decompressors that this package implements itself. They are the Cause of a *CorruptError.
var (
	errTooLarge  = errors.New("the records decompress to more than the limit")
	errTruncated = errors.New("the stream ends too early")
	errFormat    = errors.New("the stream is not in the codec's format")
)

// sink is an io.Writer that appends to a slice. The gzip library needs it, because this library can only write to an
// io.Writer.
type sink struct{ b []byte }

func (s *sink) Write(p []byte) (int, error) {
	s.b = append(s.b, p...)
	return len(p), nil
}

// appendGzip compresses raw in the stateless mode of klauspost's gzip library. The output is about a tenth larger than
// at Kafka's default level. The mode is twenty times as fast, because it does not clear megabytes of tables for a batch
// of some hundred bytes.
func appendGzip(dst, raw []byte) []byte {
	out := sink{dst}
	w, err := gzip.NewWriterLevel(&out, gzip.StatelessCompression)
	if err == nil {
		_, err = w.Write(raw)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic("gzip into memory failed: " + err.Error())
	}
	return out.b
}

// readGzip decompresses one or more gzip members. gzip does not store the size in front, so the buffer grows with the
// output.
func readGzip(src []byte) ([]byte, error) {
	// A bytes.Reader is an io.ByteReader. For any other reader, the gzip reader would add a buffer of its own and read
	// ahead.
	r, err := gzip.NewReader(bytes.NewReader(src))
	if err != nil {
		return nil, err
	}
	raw := make([]byte, 0, 4*len(src)) // about the size of decompressed text records; the buffer grows for larger output
	for {
		n, err := r.Read(raw[len(raw):cap(raw)])
		raw = raw[:len(raw)+n]
		if len(raw) > MaxRecordsSize {
			return nil, errTooLarge
		}
		if err == io.EOF {
			return raw, nil
		}
		if err != nil {
			return nil, err
		}
		if len(raw) == cap(raw) {
			raw = append(raw, 0)[:len(raw)]
		}
	}
}
