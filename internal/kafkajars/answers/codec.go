package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The codec writes requests and reads responses by Kafka's schemas alone. It shares no code with the codec of our brokers, so
// a mistake in that one appears as a difference.

// coder has the version and the form of the message that is being written or read.
type coder struct {
	version  int16
	flexible bool
	strict   bool // a field that does not exist in this version is an error
}

// encode writes a message in one version. A field that the value lacks has its default. For a version that does not exist,
// the message has the form of the highest one that does.
func (s *schema) encode(v *value, version int16, strict bool) ([]byte, error) {
	form := min(version, s.valid.end-1)
	c := coder{form, s.flexible.has(form), strict}
	return c.fields(nil, s.fields, v)
}

// fields writes the fields of a struct, and its tagged fields in a flexible version.
func (c coder) fields(dst []byte, fields []*spec, v *value) ([]byte, error) {
	if v.kind != structure {
		return nil, fmt.Errorf("%s is no struct", v)
	}
	for _, f := range v.fields {
		i := slices.IndexFunc(fields, func(s *spec) bool { return strings.EqualFold(s.name, f.name) })
		switch {
		case i < 0:
			return nil, fmt.Errorf("there is no field %s; there are %s", f.name, names(fields))
		case c.strict && !fields[i].versions.has(c.version):
			return nil, fmt.Errorf("version %d has no field %s", c.version, f.name)
		}
	}
	var tagged []*spec
	for _, f := range fields {
		if !f.versions.has(c.version) {
			continue
		}
		if f.tagged.has(c.version) {
			tagged = append(tagged, f)
			continue
		}
		var err error
		if dst, err = c.field(dst, f, v.get(f.name)); err != nil {
			return nil, err
		}
	}
	if !c.flexible {
		return dst, nil
	}
	tagged = slices.DeleteFunc(tagged, func(f *spec) bool { return v.get(f.name) == nil })
	slices.SortFunc(tagged, func(a, b *spec) int { return int(a.tag) - int(b.tag) })
	dst = binary.AppendUvarint(dst, uint64(len(tagged)))
	for _, f := range tagged {
		inner, err := c.field(nil, f, v.get(f.name))
		if err != nil {
			return nil, err
		}
		dst = binary.AppendUvarint(binary.AppendUvarint(dst, f.tag), uint64(len(inner)))
		dst = append(dst, inner...)
	}
	return dst, nil
}

func names(fields []*spec) string {
	var all []string
	for _, f := range fields {
		all = append(all, f.name)
	}
	return strings.Join(all, ", ")
}

// field writes one field; v is nil if the value lacks it.
func (c coder) field(dst []byte, f *spec, v *value) ([]byte, error) {
	out, err := c.append(dst, f, v)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.name, err)
	}
	return out, nil
}

func (c coder) append(dst []byte, f *spec, v *value) ([]byte, error) {
	if v == nil {
		v = f.empty()
	}
	if v.isNull() && f.typ != "records" && !f.nullable.has(c.version) {
		return nil, fmt.Errorf("null is not allowed in version %d", c.version)
	}
	if element, ok := strings.CutPrefix(f.typ, "[]"); ok {
		return c.appendList(dst, f, element, v)
	}
	switch f.typ {
	case "{}":
		if f.nullable.has(c.version) {
			if v.isNull() {
				return append(dst, 0xff), nil
			}
			dst = append(dst, 1)
		}
		return c.fields(dst, f.fields, v)
	case "bool":
		b, err := strconv.ParseBool(v.text)
		if b {
			return append(dst, 1), err
		}
		return append(dst, 0), err
	case "int8", "int16", "int32", "int64", "uint16", "uint32":
		bits, _ := strconv.Atoi(strings.TrimLeft(f.typ, "uint"))
		n, err := strconv.ParseInt(v.text, 0, bits+unsigned(f.typ))
		return appendInt(dst, n, bits), err
	case "string":
		return c.appendBytes(dst, []byte(v.text), v.isNull(), 16), nil
	case "uuid":
		id, err := parseUUID(v.text)
		return append(dst, id[:]...), err
	case "bytes":
		b, err := hex.DecodeString(v.text)
		return c.appendBytes(dst, b, v.isNull(), 32), err
	case "records":
		b, err := encodeRecords(v)
		return c.appendBytes(dst, b, v.isNull(), 32), err
	}
	return nil, fmt.Errorf("no type %s", f.typ)
}

// unsigned is the number of bits by which an unsigned type is shorter than the signed one that contains it.
func unsigned(typ string) int {
	if typ[0] == 'u' {
		return 1
	}
	return 0
}

func appendInt(dst []byte, n int64, bits int) []byte {
	for shift := bits - 8; shift >= 0; shift -= 8 {
		dst = append(dst, byte(n>>shift))
	}
	return dst
}

func (c coder) appendBytes(dst, b []byte, null bool, bits int) []byte {
	switch {
	case c.flexible && null:
		return append(dst, 0)
	case c.flexible:
		dst = binary.AppendUvarint(dst, uint64(len(b)+1))
	case null:
		return appendInt(dst, -1, bits)
	default:
		dst = appendInt(dst, int64(len(b)), bits)
	}
	return append(dst, b...)
}

func (c coder) appendList(dst []byte, f *spec, element string, v *value) ([]byte, error) {
	n := int64(len(v.list))
	switch {
	case v.isNull():
		n = -1
	case v.kind != list:
		return nil, fmt.Errorf("%s is no list", v)
	}
	if c.flexible {
		dst = binary.AppendUvarint(dst, uint64(n+1))
	} else {
		dst = appendInt(dst, n, 32)
	}
	var err error
	for _, e := range v.list {
		if element == "" {
			dst, err = c.fields(dst, f.fields, e)
		} else {
			dst, err = c.append(dst, &spec{name: f.name, typ: element}, e)
		}
		if err != nil {
			return nil, err
		}
	}
	return dst, nil
}

// empty returns the default of a field.
func (f *spec) empty() *value {
	switch {
	case f.def != "":
		return word(f.def)
	case strings.HasPrefix(f.typ, "[]"):
		return &value{kind: list}
	}
	switch f.typ {
	case "{}":
		return &value{kind: structure}
	case "bool":
		return word("false")
	case "string", "bytes":
		return words("")
	case "records":
		return null()
	case "uuid":
		return word(noUUID)
	}
	return word("0")
}

// noUUID is the id with only zeros, as the files show it.
const noUUID = "0"

// parseUUID reads an id in Kafka's base64 form.
func parseUUID(text string) (id [16]byte, err error) {
	if text == noUUID {
		return id, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil && len(b) != len(id) {
		err = fmt.Errorf("%s is no id of 16 bytes", text)
	}
	copy(id[:], b)
	return id, err
}

func uuidText(b []byte) string {
	if !slices.ContainsFunc(b, func(c byte) bool { return c != 0 }) {
		return noUUID
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

var errShort = errors.New("the message ends too early")

// reader reads a message.
type reader struct {
	coder
	rest []byte
	err  error
}

// decode reads a message. All bytes must belong to it.
func (s *schema) decode(b []byte, version int16) (*value, error) {
	r := reader{coder: coder{version: version, flexible: s.flexible.has(version)}, rest: b}
	v := r.fields(s.fields)
	if r.err == nil && len(r.rest) > 0 {
		r.err = fmt.Errorf("%d bytes after the message", len(r.rest))
	}
	return v, r.err
}

func (r *reader) take(n int64) []byte {
	if r.err != nil || n < 0 || n > int64(len(r.rest)) {
		if r.err == nil {
			r.err = errShort
		}
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) int(bits int) int64 {
	var n int64
	b := r.take(int64(bits / 8))
	for i, c := range b {
		if i == 0 {
			n = int64(int8(c))
		} else {
			n = n<<8 | int64(c)
		}
	}
	return n
}

func (r *reader) uvarint() int64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.err = errShort
		return 0
	}
	r.rest = r.rest[size:]
	return int64(n)
}

// size reads the length of a text, of bytes or of a list; -1 is null.
func (r *reader) size(bits int) int64 {
	if r.flexible {
		return r.uvarint() - 1
	}
	return r.int(bits)
}

func (r *reader) fields(fields []*spec) *value {
	v := &value{kind: structure}
	for _, f := range fields {
		if !f.versions.has(r.version) || r.err != nil {
			continue
		}
		inner := f.empty()
		if !f.tagged.has(r.version) {
			inner = r.read(f)
		}
		v.fields = append(v.fields, field{f.name, inner})
	}
	if !r.flexible {
		return v
	}
	for n := r.uvarint(); n > 0 && r.err == nil; n-- {
		tag, size := r.uvarint(), r.uvarint()
		body := r.take(size)
		i := slices.IndexFunc(fields, func(f *spec) bool { return f.tagged.has(r.version) && int64(f.tag) == tag })
		if i < 0 {
			v.fields = append(v.fields, field{fmt.Sprintf("tag%d", tag), word(hex.EncodeToString(body))})
			continue
		}
		in := reader{coder: r.coder, rest: body, err: r.err}
		*v.get(fields[i].name) = *in.read(fields[i])
		r.err = in.err
	}
	return v
}

func (r *reader) read(f *spec) *value {
	if element, ok := strings.CutPrefix(f.typ, "[]"); ok {
		return r.list(f, element)
	}
	switch f.typ {
	case "{}":
		if f.nullable.has(r.version) && r.int(8) < 0 {
			return null()
		}
		return r.fields(f.fields)
	case "bool":
		return word(strconv.FormatBool(r.int(8) != 0))
	case "int8", "int16", "int32", "int64":
		bits, _ := strconv.Atoi(f.typ[len("int"):])
		return word(strconv.FormatInt(r.int(bits), 10))
	case "uint16":
		return word(strconv.FormatInt(r.int(16)&0xffff, 10))
	case "string":
		n := r.size(16)
		if n < 0 {
			return null()
		}
		return words(string(r.take(n)))
	case "uuid":
		return word(uuidText(r.take(16)))
	case "bytes", "records":
		n := r.size(32)
		if n < 0 {
			return null()
		}
		if b := r.take(n); f.typ == "bytes" {
			return words(hex.EncodeToString(b))
		} else {
			return decodeRecords(b)
		}
	}
	r.err = fmt.Errorf("no type %s", f.typ)
	return null()
}

func (r *reader) list(f *spec, element string) *value {
	n := r.size(32)
	if n < 0 {
		return null()
	}
	v := &value{kind: list}
	for ; n > 0 && r.err == nil; n-- {
		if element == "" {
			v.list = append(v.list, r.fields(f.fields))
		} else {
			v.list = append(v.list, r.read(&spec{typ: element}))
		}
	}
	return v
}
