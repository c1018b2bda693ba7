package wire

import "encoding/binary"

// coder reads or writes the fields of a message in their order on the wire; in this file, "codes" means "reads or
// writes". Every type of message that Kafka generates from a schema has one method, code, for both directions, so that
// the directions cannot differ:
//
//	func (r *TopicRecord) code(c *coder) {      AppendMetadata ──▶ code ──▶ out
//		c.version(nil, 0)                       ParseMetadata  ──▶ code ◀── in
//		text(c, &r.Name)
//		id(c, &r.TopicID)
//		c.end()
//	}
//
// Each line of a schema becomes a line of code here; set reports whether the field differs from its default:
//
//	"versions": "3+"                   if c.since(3, set) { … }; for an "ignorable" field, set is false
//	"versions": "1"                    if c.within(1, 1, set) { … }
//	"flexibleVersions": "4+"           c.flexibleSince(4), after c.version
//	"nullableVersions": "0+"           nullable (a string), listOrNull, structOrNull
//	"taggedVersions": "1+", "tag": 2   if c.tag(1, 2, set) { … }, after all plain fields, in rising order of tags
//	"default"                          the constructor sets it; for an element of an array, the element's code sets it
//
// The encoding is that of Kafka's generated classes. Integers are big-endian. In a flexible version (KIP-482), a length
// n is written as the unsigned varint n+1, null is written as 0, and every struct ends with a section of tagged fields.
// In an older version, the length of a string has 16 bits, every other length has 32 bits, null is written as -1, and
// there are no tagged fields.
//
// After the first error of a read, fault is set, the input is dropped, and every later read returns zero.
type coder struct {
	reading bool
	out     []byte       // writing: the bytes written so far
	in      []byte       // reading: the bytes still unread
	framing framing      // how the version is written in front of the body
	ver     int16        // the message's version, known after the method version has run
	rigid   bool         // the version is older than the first flexible one
	fault   MessageFault // reading: the first fault
	tags    tagSection
}

// framing is the format in which a message's version is written in front of its body.
type framing uint8

const (
	framedByVarint framing = iota // a metadata record: an unsigned varint
	framedByShort                 // the value of a coordinator's record: 16 bits
)

// tagSection is the section of tagged fields that is being read or written. Each element of an array has its own
// section, and so has a struct in a tagged field: see nested.
type tagSection struct {
	count   int    // writing: 1 + the index, in coder.out, of the section's count; 0 before the first tag
	body    int    // writing: the index, in coder.out, of the open field's body; 0 if no field is open
	started bool   // reading: the count has been read
	left    uint32 // reading: fields not yet consumed, including the peeked one
	peeked  bool   // reading: next is the number of a field, and the size and body of this field are still unread
	next    uint32 // reading: the number of the peeked field
	last    int64  // reading: the previous number, or -1 before the first; the numbers must rise
	inField bool   // reading: coder.in has only the body of one field
	rest    []byte // reading: the bytes after that field's body
}

// fail records the first fault and stops the reading.
func (c *coder) fail(f MessageFault) {
	if c.fault == 0 {
		c.fault = f
	}
	c.in, c.tags = nil, tagSection{started: true}
}

// take removes n bytes from the input. It returns nil if there are fewer.
func (c *coder) take(n int) []byte {
	if n < 0 || n > len(c.in) { // n may be negative if an int has 32 bits
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

// version codes the message's version, which precedes its body, and refuses a version above newest. If the message only
// has version 0, v is nil.
func (c *coder) version(v *int16, newest int16) {
	if !c.reading && v != nil {
		c.ver = *v
	}
	if !c.reading && (c.ver < 0 || c.ver > newest) {
		panic("wire: no version " + decimal(c.ver) + " of this message, the newest is " + decimal(newest))
	}
	x := uint32(c.ver)
	if c.framing == framedByShort {
		short := uint16(x)
		u16(c, &short)
		x = uint32(short)
	} else {
		x = c.uvarint(x)
	}
	if !c.reading {
		return
	}
	if c.ver = int16(min(x, 1<<15-1)); x > uint32(newest) {
		c.fail(FaultVersion)
		return
	}
	if v != nil {
		*v = c.ver
	}
}

// flexibleSince sets the first flexible version of the message (KIP-482). A message that never calls it is always
// flexible.
func (c *coder) flexibleSince(v int16) { c.rigid = c.ver < v }

// since reports whether the message's version has a field that was added in version v. The argument set reports whether
// the field differs from its default. If it does, but the version does not have the field, writing would silently lose
// the value. In this case Kafka throws UnsupportedVersionException, and the method since panics. If the schema calls
// the field ignorable, Kafka drops the value instead; for such a field the caller passes false for set.
func (c *coder) since(v int16, set bool) bool { return c.within(v, 1<<15-1, set) }

// within is like the method since, for a field that has a first and a last version: the arguments from and to.
func (c *coder) within(from, to int16, set bool) bool {
	if from <= c.ver && c.ver <= to {
		return true
	}
	if set && !c.reading {
		panic("wire: a message of version " + decimal(c.ver) + " cannot carry a field of versions " + decimal(from) + " to " + decimal(to))
	}
	return false
}

// tag reports whether the caller must now code the tagged field with this number. The schema has the field since version
// v. Callers call tag in rising order of the numbers, after all plain fields. When writing, a field is omitted if it has
// its default; the caller then passes false for set.
func (c *coder) tag(v int16, number uint32, set bool) bool {
	if !c.since(v, set) {
		return false
	}
	c.closeTag()
	if c.reading {
		return c.openTag(int64(number))
	}
	if c.tags.count == 0 {
		c.out = append(c.out, 0)
		c.tags.count = len(c.out)
	}
	if !set {
		return false
	}
	c.out[c.tags.count-1]++ // records have few tags, so the count stays a one-byte varint
	c.uvarint(number)
	c.tags.body = len(c.out)
	return true
}

// openTag moves to the tagged field with this number and reports whether the input has it. It skips fields with lower
// numbers, which are unknown here.
func (c *coder) openTag(number int64) bool {
	if !c.tags.started {
		c.tags.started, c.tags.last = true, -1
		c.tags.left = c.uvarint(0)
	}
	for c.tags.left > 0 {
		if !c.tags.peeked {
			c.tags.next, c.tags.peeked = c.uvarint(0), true
			if int64(c.tags.next) <= c.tags.last {
				c.fail(FaultTags)
				return false
			}
			c.tags.last = int64(c.tags.next)
		}
		if int64(c.tags.next) > number {
			return false
		}
		size := c.uvarint(0)
		c.tags.peeked = false
		c.tags.left = max(c.tags.left, 1) - 1 // left is already 0 if reading the size failed
		if uint64(size) > uint64(len(c.in)) {
			c.fail(FaultTruncated)
			return false
		}
		body := c.take(int(size))
		if int64(c.tags.next) == number {
			c.in, c.tags.rest, c.tags.inField = body, c.in, true
			return true
		}
	}
	return false
}

// closeTag ends the open tagged field, if there is one.
func (c *coder) closeTag() {
	switch {
	case c.tags.inField:
		if len(c.in) != 0 {
			c.fail(FaultTags)
		}
		c.in, c.tags.rest, c.tags.inField = c.tags.rest, nil, false
	case c.tags.body != 0:
		// The size precedes the body but is known only now, so make room for it and move the body up.
		var size [binary.MaxVarintLen32]byte
		n := len(c.out) - c.tags.body
		w := binary.PutUvarint(size[:], uint64(n))
		c.out = append(c.out, size[:w]...)
		copy(c.out[c.tags.body+w:], c.out[c.tags.body:c.tags.body+n])
		copy(c.out[c.tags.body:], size[:w])
		c.tags.body = 0
	}
}

// end closes a struct. It writes the section of tagged fields, even an empty one, or skips the rest of it.
func (c *coder) end() {
	if c.rigid {
		return
	}
	c.closeTag()
	if c.reading {
		c.openTag(1 << 32)
	} else if c.tags.count == 0 {
		c.out = append(c.out, 0)
	}
	c.tags = tagSection{}
}

// nested codes a value that has its own section of tagged fields, even while another section is open.
func (c *coder) nested(code func()) {
	outer := c.tags
	c.tags = tagSection{}
	code()
	if c.tags = outer; c.fault != 0 {
		c.fail(c.fault)
	}
}

// The functions below code one field each. They are generic, because fields have types such as NodeID and Epoch; they
// are not methods, because Go has no generic methods. A failed read leaves the field with its default.

// boolean codes one byte. Kafka reads every byte but 0 as true.
func boolean(c *coder, v *bool) {
	b := uint8(0)
	if *v {
		b = 1
	}
	u8(c, &b)
	*v = b != 0
}

// u8, u16, i32 and i64 are big-endian; the field's type determines the sign.
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

// id codes the 16 bytes of a UUID, the more significant half first.
func id[T ~[16]byte](c *coder, v *T) {
	if !c.reading {
		b := [16]byte(*v)
		c.out = append(c.out, b[:]...)
	} else if b := c.take(16); b != nil {
		*v = T(b)
	}
}

// length codes the length of a string, of bytes or of an array; -1 means null. In a version that is not flexible, the
// length itself has width bytes.
func (c *coder) length(n int64, width int) int64 {
	if !c.rigid {
		return int64(c.uvarint(uint32(n+1))) - 1
	}
	if width == 2 {
		short := int16(n)
		u16(c, &short)
		n = int64(short)
	} else {
		long := int32(n)
		i32(c, &long)
		n = int64(long)
	}
	if n < -1 {
		c.fail(FaultLength)
	}
	return max(n, -1)
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
			c.length(-1, 2)
			return
		}
		if len(**v) > maxText {
			panic("wire: a string of " + decimal(len(**v)) + " bytes in a message, " + decimal(maxText) + " is the most")
		}
		c.length(int64(len(**v)), 2)
		c.out = append(c.out, **v...)
		return
	}
	*v = nil
	switch n := c.length(0, 2); {
	case n < 0:
	case n > maxText:
		c.fail(FaultLength)
	default:
		s := string(c.take(int(n)))
		*v = &s
	}
}

// octets codes bytes that cannot be null. When it reads, it copies the bytes.
func octets(c *coder, v *[]byte) {
	if !c.reading {
		c.length(int64(len(*v)), 4)
		c.out = append(c.out, *v...)
		return
	}
	if n := c.length(0, 4); n < 0 {
		c.fail(FaultNull)
	} else if n > int64(len(c.in)) {
		c.fail(FaultLength)
	} else if n > 0 {
		*v = append([]byte(nil), c.take(int(n))...)
	}
}

// list codes an array that cannot be null. The argument least is the smallest size of an element in bytes. With it, a
// malicious length cannot make list allocate more elements than the input can have. An empty array is read as nil.
func list[T any](c *coder, v *[]T, least int, element func(*coder, *T)) {
	if !c.reading {
		c.length(int64(len(*v)), 4)
	} else if n := c.count(least); n > 0 {
		*v = make([]T, n)
	} else if *v = nil; n < 0 {
		c.fail(FaultNull)
	}
	elements(c, *v, element)
}

// listOrNull codes an array that can be null. A nil slice is null; an empty one is not.
func listOrNull[T any](c *coder, v *[]T, least int, element func(*coder, *T)) {
	switch {
	case c.reading:
		*v = nil
		if n := c.count(least); n >= 0 {
			*v = make([]T, n)
		}
	case *v == nil:
		c.length(-1, 4)
	default:
		c.length(int64(len(*v)), 4)
	}
	elements(c, *v, element)
}

func elements[T any](c *coder, v []T, element func(*coder, *T)) {
	c.nested(func() {
		for i := range v {
			element(c, &v[i])
		}
	})
}

// count reads an array's length. It returns -1 for null.
func (c *coder) count(least int) int {
	n := c.length(0, 4)
	if n*int64(least) > int64(len(c.in)) {
		c.fail(FaultLength)
		return 0
	}
	return int(n)
}

// structOrNull codes a struct in a tagged field; nil is null. Before such a struct, Kafka writes the unsigned varint 1.
// For null, it writes only the unsigned varint 0.
func structOrNull[T any](c *coder, v **T, code func(*coder, *T)) {
	present := uint32(1)
	if *v == nil {
		present = 0
	}
	if present = c.uvarint(present); present == 0 {
		*v = nil
		return
	}
	if c.reading {
		*v = new(T)
	}
	c.nested(func() { code(c, *v) })
}
