package main

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
)

// schema is the form of one request or response, in all its versions, as Kafka's message specification has it.
type schema struct {
	name     string // "Fetch"
	request  bool
	key      int16
	valid    versions // the versions that Kafka serves
	flexible versions // the versions with compact lengths and tagged fields (KIP-482)
	fields   []*spec
}

// spec is one field of a schema.
type spec struct {
	name     string
	typ      string // "int32", "[]int32", "[]" for a list of structs, "{}" for a struct
	versions versions
	nullable versions
	tagged   versions
	tag      uint64
	def      string // the default, "" for that of the type
	fields   []*spec
}

// versions is a range. No version is in the zero value, because it is empty.
type versions struct{ low, end int16 }

func (v versions) has(version int16) bool { return v.low <= version && version < v.end }

func (v versions) empty() bool { return v.low >= v.end }

func (v versions) String() string {
	switch {
	case v.empty():
		return "none"
	case v.end == open:
		return fmt.Sprintf("%d+", v.low)
	}
	return fmt.Sprintf("%d-%d", v.low, v.end-1)
}

// open is the end of a range without a highest version.
const open = 32767

func parseVersions(text string) (versions, error) {
	if text == "none" || text == "" {
		return versions{}, nil
	}
	low, high, ranged := strings.Cut(text, "-")
	from, plus := strings.CutSuffix(low, "+")
	a, err := strconv.ParseInt(from, 10, 16)
	if err != nil {
		return versions{}, fmt.Errorf("no versions: %q", text)
	}
	switch {
	case plus:
		return versions{int16(a), open}, nil
	case !ranged:
		return versions{int16(a), int16(a) + 1}, nil
	}
	b, err := strconv.ParseInt(high, 10, 16)
	return versions{int16(a), int16(b) + 1}, err
}

// The schemas are in one file, in a form that leaves out everything that the codec does not need. The command with -schemas
// writes it from the files in Kafka's jar.
//
//	request 19 CreateTopics 2-7 flexible 5+
//	  Topics [] 0+
//	    Name string 0+
//	    …
//	  timeoutMs int32 0+ default 60000
//
//go:embed testdata/schemas.txt
var schemasText string

// schemas has the schemas of all requests and responses.
type schemas struct{ all []*schema }

// find returns the schema of a request or of its response, or nil.
func (s schemas) find(name string, request bool) *schema {
	for _, one := range s.all {
		if one.name == name && one.request == request {
			return one
		}
	}
	return nil
}

// apis returns the names of all requests.
func (s schemas) apis() (names []string) {
	for _, one := range s.all {
		if one.request {
			names = append(names, one.name)
		}
	}
	return names
}

// parseSchemas reads the file of schemas.
func parseSchemas(text string) (schemas, error) {
	var all schemas
	var inside [][]*spec // by depth: the fields that a line may be added to
	var path []*spec
	flush := func(depth int) {
		for len(path) > depth {
			last := len(path) - 1
			path[last].fields = inside[last+1]
			path, inside = path[:last], inside[:last+1]
		}
	}
	end := func() {
		if len(all.all) > 0 {
			flush(0)
			all.all[len(all.all)-1].fields = inside[0]
		}
	}
	for n, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		var err error
		if depth := indentOf(line)/2 - 1; depth < 0 {
			end()
			var s *schema
			s, err = headOf(words)
			all.all, inside, path = append(all.all, s), [][]*spec{nil}, nil
		} else {
			flush(depth)
			var f *spec
			f, err = specOf(words)
			inside[depth] = append(inside[depth], f)
			path, inside = append(path, f), append(inside, nil)
		}
		if err != nil {
			return all, fmt.Errorf("schemas.txt:%d: %w", n+1, err)
		}
	}
	end()
	return all, nil
}

func headOf(words []string) (*schema, error) {
	if len(words) != 6 || words[4] != "flexible" {
		return nil, fmt.Errorf("no head of a schema: %q", words)
	}
	key, err := strconv.ParseInt(words[1], 10, 16)
	if err != nil {
		return nil, err
	}
	s := &schema{name: words[2], request: words[0] == "request", key: int16(key)}
	if s.valid, err = parseVersions(words[3]); err == nil {
		s.flexible, err = parseVersions(words[5])
	}
	return s, err
}

func specOf(words []string) (*spec, error) {
	if len(words) < 3 || len(words)%2 == 0 {
		return nil, fmt.Errorf("no field: %q", words)
	}
	f := &spec{name: words[0], typ: words[1]}
	var err error
	if f.versions, err = parseVersions(words[2]); err != nil {
		return nil, err
	}
	for i := 3; i < len(words) && err == nil; i += 2 {
		switch words[i] {
		case "nullable":
			f.nullable, err = parseVersions(words[i+1])
		case "tagged":
			f.tagged, err = parseVersions(words[i+1])
		case "tag":
			f.tag, err = strconv.ParseUint(words[i+1], 10, 32)
		case "default":
			if f.def = words[i+1]; f.def == `""` {
				f.def = ""
			}
		default:
			err = fmt.Errorf("a field has no %q", words[i])
		}
	}
	return f, err
}

// text prints a schema as parseSchemas reads it.
func (s *schema) text() string {
	var b strings.Builder
	what := "response"
	if s.request {
		what = "request"
	}
	fmt.Fprintf(&b, "%s %d %s %s flexible %s\n", what, s.key, s.name, s.valid, s.flexible)
	printSpecs(&b, s.fields, "  ")
	return b.String()
}

func printSpecs(b *strings.Builder, fields []*spec, indent string) {
	for _, f := range fields {
		fmt.Fprintf(b, "%s%s %s %s", indent, f.name, f.typ, f.versions)
		if !f.nullable.empty() {
			fmt.Fprintf(b, " nullable %s", f.nullable)
		}
		if !f.tagged.empty() {
			fmt.Fprintf(b, " tagged %s tag %d", f.tagged, f.tag)
		}
		if f.def != "" {
			fmt.Fprintf(b, " default %s", f.def)
		}
		b.WriteByte('\n')
		printSpecs(b, f.fields, indent+"  ")
	}
}
