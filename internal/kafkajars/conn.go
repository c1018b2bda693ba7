package kafkajars

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Conn is a connection to a node of Apache Kafka. It sends requests of any version and changes nothing in them, unlike a
// client. It is for one goroutine.
type Conn struct {
	conn        net.Conn
	client      string // the client id in each request
	correlation int32
}

// Dial connects to an address. The client id is sent with every request.
func Dial(addr, client string) (*Conn, error) {
	c, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return nil, err
	}
	return &Conn{conn: c, client: client}, nil
}

// Close closes the connection.
func (c *Conn) Close() error { return c.conn.Close() }

// Do sends a request in the version that is set in it, and returns the response. It returns an error if no response arrives
// within the limit.
func (c *Conn) Do(r kmsg.Request, limit time.Duration) (kmsg.Response, error) {
	answer := r.ResponseKind()
	answer.SetVersion(r.GetVersion())
	body, err := c.Send(r, limit)
	if err != nil {
		return nil, err
	}
	if answer.IsFlexible() && r.Key() != kmsg.ApiVersions.Int16() { // ApiVersions always has response header version 0
		if body, err = skipTags(body); err != nil {
			return nil, err
		}
	}
	if err := answer.ReadFrom(body); err != nil {
		return nil, fmt.Errorf("read the response of %s version %d: %w", kmsg.NameForKey(r.Key()), r.GetVersion(), err)
	}
	return answer, nil
}

// Send sends a request and returns the bytes of the response after its correlation id.
func (c *Conn) Send(r kmsg.Request, limit time.Duration) ([]byte, error) {
	c.correlation++
	frame := kmsg.NewRequestFormatter(kmsg.FormatterClientID(c.client)).AppendRequest(nil, r, c.correlation)
	if err := c.conn.SetDeadline(time.Now().Add(limit)); err != nil {
		return nil, err
	}
	if _, err := c.conn.Write(frame); err != nil {
		return nil, err
	}
	if p, ok := r.(*kmsg.ProduceRequest); ok && p.Acks == 0 {
		return nil, nil
	}
	answer, err := readFrame(c.conn)
	if err != nil {
		return nil, err
	}
	if len(answer) < 4 || int32(binary.BigEndian.Uint32(answer)) != c.correlation {
		return nil, fmt.Errorf("the response is not that of request %d", c.correlation)
	}
	return answer[4:], nil
}

// Frame is a request with a body that is already encoded.
type Frame struct {
	Key, Version int16
	Flexible     bool // the version has compact lengths and tagged fields (KIP-482)
	Body         []byte
	Silent       bool // the request has no response
}

// Raw sends a frame and returns the body of the response. A broker that does not know the key or version closes the
// connection; the error is then that of the connection.
func (c *Conn) Raw(f Frame, limit time.Duration) ([]byte, error) {
	c.correlation++
	frame := binary.BigEndian.AppendUint16(nil, uint16(f.Key))
	frame = binary.BigEndian.AppendUint16(frame, uint16(f.Version))
	frame = binary.BigEndian.AppendUint32(frame, uint32(c.correlation))
	frame = append(binary.BigEndian.AppendUint16(frame, uint16(len(c.client))), c.client...)
	if f.Flexible {
		frame = append(frame, 0) // no tagged fields
	}
	frame = append(frame, f.Body...)
	if err := c.conn.SetDeadline(time.Now().Add(limit)); err != nil {
		return nil, err
	}
	if _, err := c.conn.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(frame))), frame...)); err != nil {
		return nil, err
	}
	if f.Silent { // a broker that refuses the request closes the connection instead of answering
		if err := c.conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
			return nil, err
		}
	}
	answer, err := readFrame(c.conn)
	if f.Silent && errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if len(answer) < 4 || int32(binary.BigEndian.Uint32(answer)) != c.correlation {
		return nil, fmt.Errorf("the response is not that of request %d", c.correlation)
	}
	if f.Flexible && f.Key != kmsg.ApiVersions.Int16() { // ApiVersions always has response header version 0
		return skipTags(answer[4:])
	}
	return answer[4:], nil
}

// readFrame reads one message with its length in front.
func readFrame(r io.Reader) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > 100<<20 {
		return nil, fmt.Errorf("a message of %d bytes", n)
	}
	frame := make([]byte, n)
	_, err := io.ReadFull(r, frame)
	return frame, err
}

var errTags = errors.New("the tagged fields of the response header are malformed")

// skipTags removes the tagged fields of a flexible response header.
func skipTags(b []byte) ([]byte, error) {
	next := func() (uint64, bool) {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return 0, false
		}
		b = b[n:]
		return v, true
	}
	count, ok := next()
	for ; ok && count > 0; count-- {
		if _, ok = next(); !ok {
			break
		}
		var size uint64
		if size, ok = next(); ok {
			if ok = size <= uint64(len(b)); ok {
				b = b[size:]
			}
		}
	}
	if !ok {
		return nil, errTags
	}
	return b, nil
}

// Batch encodes values as one uncompressed record batch of a producer without idempotence.
func Batch(at time.Time, values ...string) []byte {
	var records []byte
	for i, v := range values {
		body := []byte{0}                               // attributes
		body = binary.AppendVarint(body, 0)             // timestamp delta
		body = binary.AppendVarint(body, int64(i))      // offset delta
		body = binary.AppendVarint(body, -1)            // no key
		body = binary.AppendVarint(body, int64(len(v))) // value
		body = append(append(body, v...), 0)            // no headers
		records = binary.AppendVarint(records, int64(len(body)))
		records = append(records, body...)
	}
	ms := at.UnixMilli()
	b := kmsg.RecordBatch{
		Length: int32(49 + len(records)), PartitionLeaderEpoch: -1, Magic: 2, LastOffsetDelta: int32(len(values) - 1),
		FirstTimestamp: ms, MaxTimestamp: ms, ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1,
		NumRecords: int32(len(values)), Records: records,
	}
	raw := b.AppendTo(nil)
	b.CRC = int32(crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli)))
	return b.AppendTo(nil)
}

// Value is a record as a consumer reads it.
type Value struct {
	Offset int64
	Value  string
}

// values decodes the records of uncompressed batches.
func values(raw []byte) (all []Value, err error) {
	for len(raw) > 12 {
		size := 12 + int(binary.BigEndian.Uint32(raw[8:]))
		if size > len(raw) {
			return all, nil // a broker may cut off the last batch
		}
		var b kmsg.RecordBatch
		if err := b.ReadFrom(raw[:size]); err != nil {
			return all, err
		}
		raw = raw[size:]
		if b.Attributes&0x27 != 0 { // compressed or a control batch
			continue
		}
		for rest := b.Records; len(rest) > 0; {
			n, w := binary.Varint(rest)
			if w <= 0 || n < 0 || int(n) > len(rest)-w {
				return all, errors.New("a record is malformed")
			}
			var r kmsg.Record
			if err := r.ReadFrom(rest[:w+int(n)]); err != nil {
				return all, err
			}
			all = append(all, Value{b.FirstOffset + int64(r.OffsetDelta), string(r.Value)})
			rest = rest[w+int(n):]
		}
	}
	return all, nil
}
