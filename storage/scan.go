package storage

import (
	"encoding/binary"

	"samsa/sim/env"
	"samsa/wire"
)

// scanWindow is the size of a read during a scan. A batch may be larger. Such a batch is read whole, after its length was
// compared with the length of the file.
const scanWindow = 256 << 10

// scanner iterates over the batches of a log file.
type scanner struct {
	disk env.Disk //env: a scanner lives inside one call of a Log, which was handed the disk
	path string
	file env.File
	pos  int64 // position of the next batch
	end  int64 // end of the readable bytes; a batch that crosses it is short

	window int    // the size of a read
	buf    []byte // the window's bytes
	at     int64  // position of the first byte in buf
}

// scan starts an iteration over [pos, end) of the segment's log.
func (s *segment) scan(d env.Disk, pos, end int64) scanner {
	return scanner{disk: d, path: s.path(suffixLog), file: s.log, pos: pos, end: end, window: scanWindow}
}

// more reports whether there is another batch.
func (c *scanner) more() bool { return c.pos < c.end }

// header returns the next batch's header and the batch's size in bytes. The batch does not extend beyond end. The caller
// may use only the header accessors of h. The error is wire.ErrShortBatch, a *wire.CorruptError, or the disk's.
func (c *scanner) header() (h wire.Batch, size int64, err error) {
	p, err := c.bytes(min(wire.BatchHeaderSize, c.end-c.pos))
	if err != nil {
		return nil, 0, err
	}
	if len(p) < wire.BatchHeaderSize {
		_, _, err := wire.Next(p)
		if err == nil {
			err = wire.ErrShortBatch
		}
		return nil, 0, err
	}
	if _, _, err := wire.Next(p); err != nil && err != wire.ErrShortBatch {
		return nil, 0, err
	}
	size = lengthPrefix + int64(int32(binary.BigEndian.Uint32(p[lengthAt:])))
	if size > c.end-c.pos {
		return nil, 0, wire.ErrShortBatch
	}
	return wire.Batch(p[:wire.BatchHeaderSize]), size, nil
}

// lengthAt is the position of the length field in a batch. The length does not include the first lengthPrefix bytes.
const (
	lengthAt     = 8
	lengthPrefix = 12
)

// batch returns the whole next batch.
func (c *scanner) batch() (wire.Batch, error) {
	_, size, err := c.header()
	if err != nil {
		return nil, err
	}
	p, err := c.bytes(size)
	if err != nil {
		return nil, err
	}
	return wire.Batch(p), nil
}

// skip moves past a batch.
func (c *scanner) skip(size int64) { c.pos += size }

// bytes returns the next n bytes, from the window if it has them.
func (c *scanner) bytes(n int64) ([]byte, error) {
	off := c.pos - c.at
	if off < 0 || off+n > int64(len(c.buf)) {
		want := min(max(n, int64(c.window)), c.end-c.pos)
		p, err := c.disk.ReadAt(c.file, c.pos, int(want))
		if err != nil {
			return nil, onFile(c.path, err)
		}
		if int64(len(p)) < n {
			return nil, onFile(c.path, env.ErrIO) // the file is shorter than its recorded size
		}
		c.buf, c.at, off = p, c.pos, 0
	}
	return c.buf[off : off+n : off+n], nil
}
