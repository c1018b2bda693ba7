package main

import (
	"slices"
	"strings"
	"testing"
)

// A value that is printed and read again is the same, on one line and on several.
func TestValuesAreReadAsTheyArePrinted(t *testing.T) {
	for _, text := range []string{
		`{}`, `[]`, `{A: 1, b: x-y.z, C: null, D: "null", E: "", F: "a, b: {c}", G: [], H: [1, 2], I: [{A: 1}, {A: 2}], J: {K: {L: [[1], []]}}}`,
	} {
		v, err := parse(text)
		if err != nil || v.String() != text {
			t.Errorf("%s is read as %v (%v)", text, v, err)
		}
	}
	long := strings.Repeat("y", 70)
	v, err := parse(`{A: 1, B: [{C: ` + long + `, D: [{E: ` + long + `}, {E: "x: ` + long + `"}]}, {C: 2}], F: {G: ` + long + `, H: ` + long + `}}`)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimRight(v.block(""), "\n"), "\n")
	again, err := parseBlock(lines)
	if err != nil || again.String() != v.String() {
		t.Errorf("%s\nis read as %v (%v)", strings.Join(lines, "\n"), again, err)
	}
	for _, text := range []string{`{A 1}`, `{A: 1`, `[1 2]`, `{A: 1, a: 2}`, `"open`, `1 2`, ``} {
		if v, err := parse(text); err == nil {
			t.Errorf("%q is read as %v", text, v)
		}
	}
}

// Every request of the schemas is encoded and decoded in all of its versions, with its defaults and with what a version has.
func TestSchemasRoundTrip(t *testing.T) {
	all, err := parseSchemas(schemasText)
	if err != nil {
		t.Fatal(err)
	}
	var printed strings.Builder
	for _, s := range all.all {
		printed.WriteString("\n" + s.text())
		for v := s.valid.low; v < s.valid.end; v++ {
			raw, err := s.encode(&value{kind: structure}, v, true)
			if err != nil {
				t.Fatalf("%s version %d: %v", s.name, v, err)
			}
			got, err := s.decode(raw, v)
			if err != nil {
				t.Fatalf("%s version %d: %v", s.name, v, err)
			}
			again, err := s.encode(got, v, true)
			tagged := s.flexible.has(v) && strings.Contains(s.text(), "tagged") // a default that is written is not the same bytes
			if err != nil || !tagged && string(again) != string(raw) {
				t.Errorf("%s version %d: %x becomes %x (%v)", s.name, v, raw, again, err)
			}
		}
	}
	if _, want, _ := strings.Cut(schemasText, "\n"); printed.String() != want {
		t.Error("the schemas are not printed as they are read")
	}
}

// A request has the fields of its version, and only those.
func TestFieldsBelongToVersions(t *testing.T) {
	all, err := parseSchemas(schemasText)
	if err != nil {
		t.Fatal(err)
	}
	s := all.find("DeleteTopics", true)
	v, err := parse(`{Topics: [{Name: a}], TopicNames: [b], TimeoutMs: 5}`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.encode(v, 6, true); err == nil {
		t.Error("version 6 has TopicNames")
	}
	for version, want := range map[int16]string{
		1: `{TopicNames: [b], TimeoutMs: 5}`, 6: `{Topics: [{Name: a, TopicId: 0}], TimeoutMs: 5}`,
	} {
		raw, err := s.encode(v, version, false)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.decode(raw, version); err != nil || !strings.EqualFold(got.String(), want) {
			t.Errorf("version %d is %v (%v), want %s", version, got, err, want)
		}
		if _, err := s.decode(raw[:len(raw)-1], version); err == nil {
			t.Errorf("version %d: a message that ends too early is read", version)
		}
		if _, err := s.decode(append(raw, 0), version); err == nil {
			t.Errorf("version %d: a byte after the message is not noticed", version)
		}
	}
}

// Batches are shown with what was sent.
func TestRecords(t *testing.T) {
	const text = `[{baseOffset: 4, partitionLeaderEpoch: 1, baseTimestamp: 1000, maxTimestamp: 1007, producerId: 9, producerEpoch: 2, baseSequence: 5, ` +
		`records: [{value: a}, {timestamp: 1007, key: k, value: b}]}]`
	for _, attributes := range []string{"", ", attributes: 1"} { // plain and gzip
		v, err := parse(strings.Replace(text, ", baseTimestamp", attributes+", baseTimestamp", 1))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := encodeRecords(v)
		if err != nil {
			t.Fatal(err)
		}
		if got := decodeRecords(raw).String(); got != v.String() {
			t.Errorf("%s\nis shown as %s", v, got)
		}
		if got := decodeRecords(raw[:len(raw)-1]).String(); !strings.HasPrefix(got, "[cut-after-") {
			t.Errorf("a batch that is cut is shown as %s", got)
		}
	}
}

// The comparison finds each field that differs, tells missing elements from changed ones, and does not see an order where there
// is none.
func TestCompare(t *testing.T) {
	s := &script{unordered: []string{"Topics"}, masked: []string{"Epoch"}}
	for _, tc := range []struct {
		kafka, ours string
		want        []string
	}{
		{"A: 1", "A: 1", nil},
		{"A: 1", "A: 2", []string{"A 1 2"}},
		{"A: 1\nB: 2", "A: 1", []string{"B 2 nothing"}},
		{"A: 1", "A: 1\nB: [1]", []string{"B nothing [1]"}},
		{"A: [1, 2]", "A: [2, 1]", []string{"A[0] 1 2", "A[1] 2 1"}},
		{"Topics: [{Name: a, X: 1}, {Name: b, X: 2}]", "Topics: [{Name: b, X: 2}, {Name: a, X: 3}]", []string{"Topics[a].X 1 3"}},
		{"T: [{Name: a}, {Name: b}]", "T: [{Name: b}, {Name: a}]", []string{"T a,b b,a"}},
		{"T: [{Name: a}, {Name: b}]", "T: [{Name: b}]", []string{"T[a] {Name: a} nothing"}},
		{"Epoch: 3\nF: -1", "Epoch: 99\nF: -1", nil},
		{"Epoch: 3", "Epoch: -1", []string{"Epoch $n -1"}},
		{errClosed.Error(), errClosed.Error(), nil},
		{errClosed.Error(), "A: 1", []string{" " + errClosed.Error() + " A: 1"}},
	} {
		diffs, err := compare(strings.Split(tc.kafka, "\n"), strings.Split(tc.ours, "\n"), s)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range diffs {
			got = append(got, d.path+" "+d.kafka+" "+d.ours)
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%q and %q differ in %q, want %q", tc.kafka, tc.ours, got, tc.want)
		}
	}
}

// A row explains what it describes and nothing else.
func TestRowsAreNarrow(t *testing.T) {
	r := row{apis: "Fetch,Produce", line: "^Fetch .* b2", path: `Topics\.Error`, kafka: "A|B", ours: "nothing"}
	d := difference{"Topics[3].Error", "B", "nothing"}
	if !r.explains("Fetch", "Fetch * b2 {}", d) {
		t.Error("the row does not explain its own difference")
	}
	for _, tc := range []struct {
		api, line string
		d         difference
	}{
		{"Metadata", "Fetch * b2 {}", d}, {"Fetch", "Fetch * b1 {}", d}, {"Fetch", "Fetch * b2 {}", difference{"Topics[3].ErrorCode", "B", "nothing"}},
		{"Fetch", "Fetch * b2 {}", difference{"Topics[3].Error", "BB", "nothing"}}, {"Fetch", "Fetch * b2 {}", difference{"Topics[3].Error", "A", "0"}},
	} {
		if r.explains(tc.api, tc.line, tc.d) {
			t.Errorf("the row explains %+v", tc)
		}
	}
}

// A script is printed as it was read, with its answers.
func TestScriptsAreKept(t *testing.T) {
	all, err := parseSchemas(schemasText)
	if err != nil {
		t.Fatal(err)
	}
	const text = "cluster brokers=1 controllers=1\nmasked A\n\n# Why.\nDescribeCluster 0,1,2 b1 {}\n---- 0,1\nA: 1\n---- 2\nB: 2\n\nstop b1\nwait 1s\n"
	s, err := parseScript("x", text, all)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.text(); got != text || s.cases() != 3 || s.brokers() != 1 {
		t.Errorf("%d cases, printed as\n%s", s.cases(), got)
	}
	for _, it := range s.items {
		for _, v := range []int16{0, 1, 2} {
			if lines := it.answer(v); it.request != nil && len(lines) != 1 {
				t.Errorf("version %d has the answer %q", v, lines)
			}
		}
	}
	for _, bad := range []string{"cluster brokers=1\nNope 1 b1 {}", "cluster brokers=1\nFetch x b1 {}", "cluster brokers=1\nFetch 4", "Fetch 4 b1 {}", "cluster brokers=1\nwait long"} {
		if _, err := parseScript("x", bad, all); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}

// A schema of Kafka's message files is taken over with all that the codec needs.
func TestExtract(t *testing.T) {
	s, err := extract([]byte(`// a comment
{ "apiKey": 7, "type": "request", "name": "XRequest", "validVersions": "1-3", "flexibleVersions": "2+", // another
  "fields": [
    { "name": "A", "type": "string", "versions": "1+", "nullableVersions": "2+", "default": "null", "about": "see http://x" },
    { "name": "B", "type": "[]Y", "versions": "1+", "taggedVersions": "3+", "tag": 4 },
    { "name": "C", "type": "Z", "versions": "1-2", "fields": [ { "name": "D", "type": "int32", "versions": "1+", "default": "-1" } ] } ],
  "commonStructs": [ { "name": "Y", "versions": "1+", "fields": [ { "name": "E", "type": "bool", "versions": "1+" } ] } ] }`))
	if err != nil {
		t.Fatal(err)
	}
	const want = "request 7 X 1-3 flexible 2+\n  A string 1+ nullable 2+ default null\n  B [] 1+ tagged 3+ tag 4\n    E bool 1+\n  C {} 1-2\n    D int32 1+ default -1\n"
	if got := s.text(); got != want {
		t.Errorf("extracted\n%s", got)
	}
}
