package wire

import "encoding/binary"

// coder walks over the fields of a record once, in the order they lie on the wire, and either writes or reads them.
// Every record describes itself by one method; that the two directions agree is then not a matter of care.
//
//	func (r *TopicRecord) code(c *coder) {      AppendMetadata ──▶ code ──▶ out
//		c.version(nil, 0)                       ParseMetadata  ──▶ code ◀── in
//		text(c, &r.Name)
//		id(c, &r.TopicID)
//		c.end()
//	}
//
// The encoding is that of Kafka's generated classes for "flexible" versions (KIP-482): big-endian integers, lengths as
// unsigned varints of n+1 with 0 for null, and a section of tagged fields behind every struct.
//
// A failed read sticks: fault is set, the input is dropped, and every later read yields zero.
type coder struct {
	reading bool
	out     []byte        // writing: what has been written
	in      []byte        // reading: what has not been read
	ver     int16         // of the record, known once version has run
	fault   MetadataFault // reading: what was wrong first

	// The section of tagged fields that is open. Sections do not nest: no tagged field of Kafka's records holds a struct.
	section int    // writing: index+1 in out of the section's count, 0 before the first tag
	body    int    // writing: index in out of the open field's body, 0 if none is open
	started bool   // reading: the count has been read
	left    uint32 // reading: fields not yet consumed, the peeked one included
	peeked  bool   // reading: next holds the number of a field whose size and body follow
	next    uint32 // reading: that number
	last    int64  // reading: the number before it, -1 at first; tags must rise
	inField bool   // reading: in is cut to one field's body
	rest    []byte // reading: what follows that body
}

// fail notes the first fault and stops the reading.
func (c *coder) fail(f MetadataFault) {
	if c.fault == 0 {
		c.fault = f
	}
	c.in, c.rest, c.left, c.peeked = nil, nil, 0, false
}

// take cuts n bytes off the input; nil if they are not there.
func (c *coder) take(n int) []byte {
	if n > len(c.in) {
		c.fail(FaultTruncated)
		return nil
	}
	b := c.in[:n:n]
	c.in = c.in[n:]
	return b
}

// uvarint codes an unsigned varint of at most 32 bits, as Kafka's ByteUtils reads it.
func (c *coder) uvarint(v uint32) uint32 {
	if !c.reading {
		c.out = binary.AppendUvarint(c.out, uint64(v))
		return v
	}
	x, n := binary.Uvarint(c.in[:min(len(c.in), binary.MaxVarintLen32)])
	if n <= 0 || x > 1<<32-1 {
		c.fail(FaultTruncated)
		return 0
	}
	c.in = c.in[n:]
	return uint32(x)
}

// version codes the record's version, which stands before its body, and refuses one above newest. A record of which
// only version 0 exists passes nil.
func (c *coder) version(v *int16, newest int16) {
	if !c.reading {
		if v != nil {
			c.ver = *v
		}
		if c.ver < 0 || c.ver > newest {
			panic("wire: no version " + decimal(c.ver) + " of this metadata record, the newest is " + decimal(newest))
		}
		c.uvarint(uint32(c.ver))
		return
	}
	x := c.uvarint(0)
	if x > uint32(newest) {
		c.ver = int16(min(x, 1<<15-1))
		c.fail(FaultVersion)
		return
	}
	c.ver = int16(x)
	if v != nil {
		*v = c.ver
	}
}

// since reports whether the record's version has a field that came with version v. Writing a set field to a version
// that cannot carry it would lose it silently; Kafka throws UnsupportedVersionException, and so this panics.
func (c *coder) since(v int16, set bool) bool {
	if c.ver >= v {
		return true
	}
	if set && !c.reading {
		panic("wire: a metadata record of version " + decimal(c.ver) + " cannot carry a field of version " + decimal(v))
	}
	return false
}

// tag reports whether the tagged field with this number, which came with version v, is to be coded now. Tags are asked
// for in rising order, after all plain fields. When writing, a field that is not set (has its default) is left out.
func (c *coder) tag(v int16, number uint32, set bool) bool {
	if !c.since(v, set) {
		return false
	}
	c.closeTag()
	if c.reading {
		return c.openTag(int64(number))
	}
	if c.section == 0 {
		c.out = append(c.out, 0)
		c.section = len(c.out)
	}
	if !set {
		return false
	}
	c.out[c.section-1]++ // records have a handful of tags: the count stays a one-byte varint
	c.uvarint(number)
	c.body = len(c.out)
	return true
}

// openTag moves to the tagged field with this number and skips those below it, which are unknown to us.
func (c *coder) openTag(number int64) bool {
	if !c.started {
		c.started, c.last = true, -1
		c.left = c.uvarint(0)
	}
	for c.left > 0 {
		if !c.peeked {
			c.next, c.peeked = c.uvarint(0), true
			if int64(c.next) <= c.last {
				c.fail(FaultTags)
				return false
			}
			c.last = int64(c.next)
		}
		if int64(c.next) > number {
			return false
		}
		size := c.uvarint(0)
		c.peeked = false
		c.left = max(c.left, 1) - 1 // 0 already if reading the size failed
		if uint64(size) > uint64(len(c.in)) {
			c.fail(FaultTruncated)
			return false
		}
		body := c.take(int(size))
		if int64(c.next) == number {
			c.in, c.rest, c.inField = body, c.in, true
			return true
		}
	}
	return false
}

// closeTag ends the tagged field that is open, if one is.
func (c *coder) closeTag() {
	switch {
	case c.inField:
		if len(c.in) != 0 {
			c.fail(FaultTags)
		}
		c.in, c.rest, c.inField = c.rest, nil, false
	case c.body != 0:
		// The size stands before the body and is known only now: make room and move the body up.
		var size [binary.MaxVarintLen32]byte
		n := len(c.out) - c.body
		w := binary.PutUvarint(size[:], uint64(n))
		c.out = append(c.out, size[:w]...)
		copy(c.out[c.body+w:], c.out[c.body:c.body+n])
		copy(c.out[c.body:], size[:w])
		c.body = 0
	}
}

// end closes a struct: it writes the section of tagged fields even if it is empty, or skips what is left in it.
func (c *coder) end() {
	c.closeTag()
	if c.reading {
		c.openTag(1 << 32)
	} else if c.section == 0 {
		c.out = append(c.out, 0)
	}
	c.section, c.started, c.peeked, c.left = 0, false, false, 0
}

// The fields that follow are functions and not methods, because Go has no generic methods and a record's fields keep
// their own types: wire.NodeID, wire.Epoch. A read that fails leaves the field as it was made, with its default.

// boolean is one byte. Kafka reads every byte but 0 as true.
func boolean(c *coder, v *bool) {
	b := uint8(0)
	if *v {
		b = 1
	}
	u8(c, &b)
	*v = b != 0
}

// u8, u16, i32 and i64 are big-endian; whether they have a sign is the field's type's business.
func u8[T ~uint8 | ~int8](c *coder, v *T) {
	if !c.reading {
		c.out = append(c.out, byte(*v))
	} else if b := c.take(1); b != nil {
		*v = T(b[0])
	}
}

func u16[T ~uint16 | ~int16](c *coder, v *T) {
	if !c.reading {
		c.out = binary.BigEndian.AppendUint16(c.out, uint16(*v))
	} else if b := c.take(2); b != nil {
		*v = T(binary.BigEndian.Uint16(b))
	}
}

func i32[T ~int32](c *coder, v *T) {
	if !c.reading {
		c.out = binary.BigEndian.AppendUint32(c.out, uint32(*v))
	} else if b := c.take(4); b != nil {
		*v = T(binary.BigEndian.Uint32(b))
	}
}

func i64[T ~int64 | ~uint64](c *coder, v *T) {
	if !c.reading {
		c.out = binary.BigEndian.AppendUint64(c.out, uint64(*v))
	} else if b := c.take(8); b != nil {
		*v = T(binary.BigEndian.Uint64(b))
	}
}

// id is the 16 bytes of a UUID: the more significant half first.
func id[T ~[16]byte](c *coder, v *T) {
	if !c.reading {
		b := [16]byte(*v)
		c.out = append(c.out, b[:]...)
	} else if b := c.take(16); b != nil {
		*v = T(b)
	}
}

// maxText is the longest string that Kafka's generated classes read or write.
const maxText = 1<<15 - 1

// text codes a string that cannot be null.
func text(c *coder, v *string) {
	p := v
	if nullable(c, &p); p == nil {
		c.fail(FaultNull)
	} else if c.reading {
		*v = *p
	}
}

// nullable codes a string; nil is null.
func nullable(c *coder, v **string) {
	if !c.reading {
		if *v == nil {
			c.uvarint(0)
			return
		}
		if len(**v) > maxText {
			panic("wire: a string of " + decimal(len(**v)) + " bytes in a metadata record, " + decimal(maxText) + " is the most")
		}
		c.uvarint(uint32(len(**v)) + 1)
		c.out = append(c.out, **v...)
		return
	}
	*v = nil
	switch n := c.uvarint(0); {
	case n == 0:
	case n > maxText+1:
		c.fail(FaultLength)
	default:
		s := string(c.take(int(n - 1)))
		*v = &s
	}
}

// octets codes bytes that cannot be null. What is read is a copy.
func octets(c *coder, v *[]byte) {
	if !c.reading {
		c.uvarint(uint32(len(*v)) + 1)
		c.out = append(c.out, *v...)
		return
	}
	if n := c.uvarint(0); n == 0 {
		c.fail(FaultNull)
	} else if uint64(n) > uint64(len(c.in))+1 {
		c.fail(FaultLength)
	} else if n > 1 {
		*v = append([]byte(nil), c.take(int(n-1))...)
	}
}

// list codes an array that cannot be null. least is the smallest size of an element in bytes: a hostile length cannot
// make us allocate for elements that the input has no room for. An empty array is read as nil.
func list[T any](c *coder, v *[]T, least int, element func(*coder, *T)) {
	if !c.reading {
		c.uvarint(uint32(len(*v)) + 1)
	} else if n := c.count(least); n > 0 {
		*v = make([]T, n)
	} else if *v = nil; n < 0 {
		c.fail(FaultNull)
	}
	for i := range *v {
		element(c, &(*v)[i])
	}
}

// listOrNull codes an array; nil is null, and an empty one is not.
func listOrNull[T any](c *coder, v *[]T, least int, element func(*coder, *T)) {
	switch {
	case c.reading:
		*v = nil
		if n := c.count(least); n >= 0 {
			*v = make([]T, n)
		}
	case *v == nil:
		c.uvarint(0)
	default:
		c.uvarint(uint32(len(*v)) + 1)
	}
	for i := range *v {
		element(c, &(*v)[i])
	}
}

// count reads an array's length: -1 for null.
func (c *coder) count(least int) int {
	n := int64(c.uvarint(0)) - 1
	if n*int64(least) > int64(len(c.in)) {
		c.fail(FaultLength)
		return 0
	}
	return int(n)
}
