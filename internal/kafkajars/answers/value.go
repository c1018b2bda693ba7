package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// value is a message, or a part of one, as the files show it. A scalar is a text; the schema says what type it has.
//
//	{Topics: [{Name: orders, NumPartitions: 3}], timeoutMs: 1000, validateOnly: false}
type value struct {
	kind   kind
	text   string   // of a scalar
	quoted bool     // the scalar was in quotes, so that "null" is a text
	list   []*value // the elements of a list
	fields []field  // of a struct, in the order of the schema
}

type kind uint8

const (
	scalar kind = iota
	list
	structure
)

// field is one field of a struct.
type field struct {
	name string
	v    *value
}

// word makes a scalar that is printed without quotes.
func word(text string) *value { return &value{text: text} }

// words makes a scalar that is printed in quotes if it could be taken for something else.
func words(text string) *value { return &value{text: text, quoted: !bare(text) || text == "null"} }

// null is the absent value of a nullable field.
func null() *value { return word("null") }

func (v *value) isNull() bool { return v.kind == scalar && !v.quoted && v.text == "null" }

// get returns a field of a struct, or nil. The case of the name does not matter, because Kafka's schemas are not consistent
// in it.
func (v *value) get(name string) *value {
	for _, f := range v.fields {
		if strings.EqualFold(f.name, name) {
			return f.v
		}
	}
	return nil
}

// bare reports whether a text needs no quotes.
func bare(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`{}[],:"`, r) })
}

// String prints a value on one line.
func (v *value) String() string {
	var b strings.Builder
	v.flow(&b)
	return b.String()
}

func (v *value) flow(b *strings.Builder) {
	switch v.kind {
	case scalar:
		if v.quoted {
			b.WriteString(strconv.Quote(v.text))
		} else {
			b.WriteString(v.text)
		}
	case list:
		b.WriteByte('[')
		for i, e := range v.list {
			if i > 0 {
				b.WriteString(", ")
			}
			e.flow(b)
		}
		b.WriteByte(']')
	case structure:
		b.WriteByte('{')
		for i, f := range v.fields {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(f.name)
			b.WriteString(": ")
			f.v.flow(b)
		}
		b.WriteByte('}')
	}
}

// width is the longest line of a printed value, as far as the value can be divided.
const width = 120

// block prints a struct or list on several lines: a field or an element that fits on a line has one, and every other field or
// element has an indented block.
func (v *value) block(indent string) string {
	var b strings.Builder
	if v.kind == scalar {
		return indent + v.String() + "\n"
	}
	for _, f := range v.fields {
		if one := f.v.String(); len(indent)+len(f.name)+2+len(one) <= width || f.v.kind == scalar {
			fmt.Fprintf(&b, "%s%s: %s\n", indent, f.name, one)
		} else {
			fmt.Fprintf(&b, "%s%s:\n%s", indent, f.name, f.v.block(indent+"  "))
		}
	}
	for _, e := range v.list {
		if one := e.String(); len(indent)+2+len(one) <= width || e.kind == scalar {
			fmt.Fprintf(&b, "%s- %s\n", indent, one)
		} else {
			inner := e.block(indent + "  ")
			fmt.Fprintf(&b, "%s- %s", indent, inner[len(indent)+2:])
		}
	}
	return b.String()
}

// parse reads a value that flow has printed, or that a person wrote in the same form.
func parse(text string) (*value, error) {
	p := parser{rest: text}
	v, err := p.value()
	if err == nil && strings.TrimSpace(p.rest) != "" {
		err = fmt.Errorf("unexpected %q after the value", p.rest)
	}
	return v, err
}

type parser struct{ rest string }

func (p *parser) skip() { p.rest = strings.TrimLeft(p.rest, " ") }

// eat removes a character and reports whether it was there.
func (p *parser) eat(c byte) bool {
	p.skip()
	if p.rest != "" && p.rest[0] == c {
		p.rest = p.rest[1:]
		return true
	}
	return false
}

func (p *parser) value() (*value, error) {
	switch {
	case p.eat('{'):
		v := &value{kind: structure}
		return v, p.items('}', func() error {
			name, err := p.scalar()
			if err == nil && !p.eat(':') {
				err = fmt.Errorf("no colon after the field %s, before %q", name.text, p.rest)
			}
			if err != nil {
				return err
			}
			if v.get(name.text) != nil {
				return fmt.Errorf("the field %s appears twice", name.text)
			}
			inner, err := p.value()
			v.fields = append(v.fields, field{name.text, inner})
			return err
		})
	case p.eat('['):
		v := &value{kind: list}
		return v, p.items(']', func() error {
			e, err := p.value()
			v.list = append(v.list, e)
			return err
		})
	}
	return p.scalar()
}

// items reads the items of a struct or list up to its end.
func (p *parser) items(end byte, item func() error) error {
	if p.eat(end) {
		return nil
	}
	for {
		if err := item(); err != nil {
			return err
		}
		if p.eat(end) {
			return nil
		}
		if !p.eat(',') {
			return fmt.Errorf("no comma or %c before %q", end, p.rest)
		}
	}
}

func (p *parser) scalar() (*value, error) {
	p.skip()
	if strings.HasPrefix(p.rest, `"`) {
		quoted, err := strconv.QuotedPrefix(p.rest)
		if err != nil {
			return nil, fmt.Errorf("a quote without an end: %s", p.rest)
		}
		p.rest = p.rest[len(quoted):]
		text, err := strconv.Unquote(quoted)
		return &value{text: text, quoted: true}, err
	}
	n := strings.IndexAny(p.rest, `{}[],:" `)
	if n < 0 {
		n = len(p.rest)
	}
	if n == 0 {
		return nil, fmt.Errorf("no value before %q", p.rest)
	}
	text := p.rest[:n]
	p.rest = p.rest[n:]
	return word(text), nil
}

// parseBlock reads what block has printed.
func parseBlock(lines []string) (*value, error) {
	v, rest, err := readBlock(lines, 0)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("unexpected line %q", rest[0])
	}
	return v, err
}

// readBlock reads the lines with an indent, and returns the lines after them.
func readBlock(lines []string, indent int) (*value, []string, error) {
	var v value
	for len(lines) > 0 && indentOf(lines[0]) == indent {
		line := lines[0][indent:]
		if !strings.HasPrefix(line, "- ") {
			name, text, ok := strings.Cut(line, ":")
			if !ok || strings.ContainsAny(name, `{}[]"`) {
				if len(v.fields)+len(v.list) > 0 {
					return nil, nil, fmt.Errorf("no field in %q", line)
				}
				one, err := parse(line)
				return one, lines[1:], err
			}
			v.kind = structure
			inner, rest, err := readItem(text, lines[1:], indent)
			if err != nil {
				return nil, nil, err
			}
			v.fields, lines = append(v.fields, field{name, inner}), rest
			continue
		}
		v.kind = list
		if strings.HasPrefix(line, "- {") || strings.HasPrefix(line, "- [") || strings.HasPrefix(line, `- "`) || !strings.Contains(line, ":") {
			e, err := parse(line[2:])
			if err != nil {
				return nil, nil, err
			}
			v.list, lines = append(v.list, e), lines[1:]
			continue
		}
		inside := slices.Clone(lines)
		inside[0] = strings.Repeat(" ", indent+2) + line[2:]
		e, rest, err := readBlock(inside, indent+2)
		if err != nil {
			return nil, nil, err
		}
		v.list, lines = append(v.list, e), rest
	}
	return &v, lines, nil
}

// readItem reads the value of a field, on the rest of its line or in the block that follows.
func readItem(text string, rest []string, indent int) (*value, []string, error) {
	if text != "" {
		v, err := parse(text)
		return v, rest, err
	}
	return readBlock(rest, indent+2)
}

func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }
