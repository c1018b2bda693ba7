package wire

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// kafkaRecord is one line of testdata/metadata.tsv.gz: a record that Kafka wrote.
type kafkaRecord struct {
	key, version int16
	how          string
	bytes        []byte
	json         map[string]any
}

func kafkaRecords(t testing.TB) (records []kafkaRecord) {
	for _, line := range goldenLines(t, "testdata/metadata.tsv.gz") {
		f := strings.Split(line, "\t")
		key, _ := strconv.ParseInt(f[0], 10, 16)
		version, _ := strconv.ParseInt(f[1], 10, 16)
		b, err := hex.DecodeString(f[3])
		if err != nil {
			t.Fatal(err)
		}
		r := kafkaRecord{key: int16(key), version: int16(version), how: f[2], bytes: b}
		d := json.NewDecoder(strings.NewReader(f[4]))
		d.UseNumber()
		if err := d.Decode(&r.json); err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	return records
}

// goldenLines returns the lines of a compressed file, without its comments.
func goldenLines(t testing.TB, path string) (lines []string) {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	s := bufio.NewScanner(z)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		if !strings.HasPrefix(s.Text(), "#") {
			lines = append(lines, s.Text())
		}
	}
	if s.Err() != nil {
		t.Fatal(s.Err())
	}
	return lines
}

// Every record that Kafka wrote must be read with the values in Kafka's JSON, and written again byte for byte.
func TestMetadataIsKafkas(t *testing.T) {
	seen := map[int16]int16{}
	for _, k := range kafkaRecords(t) {
		name := MetadataName(k.key) + " v" + strconv.Itoa(int(k.version)) + " " + k.how
		r, err := ParseMetadata(k.bytes)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if r.ApiKey() != k.key {
			t.Errorf("%s: read as key %d", name, r.ApiKey())
		}
		if got := AppendMetadata([]byte("before"), r); string(got) != "before"+string(k.bytes) {
			t.Errorf("%s: written as\n%x, Kafka's is\n%x", name, got[6:], k.bytes)
		}
		compareJSON(t, name, reflect.ValueOf(r).Elem(), k.json)
		seen[k.key] = max(seen[k.key], k.version)
	}
	for key, kind := range metadataKinds {
		if newest, ok := seen[int16(key)]; kind.make != nil && !ok {
			t.Errorf("Kafka's records hold no %s", kind.name)
		} else if kind.make != nil {
			r := AppendMetadata(nil, kind.make())
			r[2] = byte(newest + 1)
			var e *MessageError
			if _, err := ParseMetadata(r); !errors.As(err, &e) || e.Fault != FaultVersion || e.Version != newest+1 {
				t.Errorf("%s version %d, newer than Kafka's: %v", kind.name, newest+1, err)
			}
		}
	}
}

// kafkaNames has the fields that have another name in Kafka.
var kafkaNames = map[string]string{
	"ELR": "eligibleLeaderReplicas", "FeatureRange.Min": "minSupportedVersion", "FeatureRange.Max": "maxSupportedVersion",
	"QuotaEntity.Type": "entityType", "QuotaEntity.Name": "entityName", "ZkMigrationStateRecord.State": "zkMigrationState",
	"FeatureLevelRecord.Level":    "featureLevel",
	"TransactionLogValue.Timeout": "transactionTimeoutMs", "TransactionLogValue.Status": "transactionStatus",
	"TransactionLogValue.Partitions": "transactionPartitions", "TransactionLogValue.LastUpdate": "transactionLastUpdateTimestampMs",
	"TransactionLogValue.Start": "transactionStartTimestampMs", "TransactionTopic.Partitions": "partitionIds",
	"ConsumerGroupRegularExpressionValue.ImageVersion": "version",
}

// compareJSON compares a record with Kafka's JSON of it. A field that is not in the JSON has its default.
func compareJSON(t *testing.T, where string, v reflect.Value, want map[string]any) {
	used := 0
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if name == "Version" {
			continue
		}
		for _, k := range []string{name, v.Type().Name() + "." + name} {
			if kafkaNames[k] != "" {
				name = kafkaNames[k]
			}
		}
		for k, w := range want {
			if strings.EqualFold(k, name) {
				used++
				compareValue(t, where+"."+name, v.Field(i), w)
			}
		}
	}
	if used != len(want) {
		t.Errorf("%s: %d of the fields %v are here", where, used, want)
	}
}

func compareValue(t *testing.T, where string, v reflect.Value, want any) {
	switch {
	case want == nil:
		if !v.IsNil() {
			t.Errorf("%s is %v, want null", where, v)
		}
		return
	case v.Kind() == reflect.Pointer:
		if v = v.Elem(); v.Kind() == reflect.Struct {
			compareJSON(t, where, v, want.(map[string]any))
			return
		}
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() != reflect.Uint8:
		list := want.([]any)
		if v.Len() != len(list) {
			t.Fatalf("%s has %d elements, want %d", where, v.Len(), len(list))
		}
		for i := range list {
			compareValue(t, where+"["+strconv.Itoa(i)+"]", v.Index(i), list[i])
		}
		return
	case v.Kind() == reflect.Struct:
		compareJSON(t, where, v, want.(map[string]any))
		return
	}
	var got string
	switch v.Kind() {
	case reflect.Bool:
		got = strconv.FormatBool(v.Bool())
		want = strconv.FormatBool(want.(bool))
	case reflect.String:
		got = v.String()
	case reflect.Slice:
		got = base64.StdEncoding.EncodeToString(v.Bytes())
	case reflect.Array:
		b := make([]byte, 16)
		reflect.Copy(reflect.ValueOf(b), v)
		got = base64.RawURLEncoding.EncodeToString(b)
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		got = strconv.FormatInt(v.Int(), 10)
	case reflect.Uint16:
		got = strconv.FormatUint(v.Uint(), 10)
	case reflect.Uint64: // the bits of a double
		got = strconv.FormatFloat(math.Float64frombits(v.Uint()), 'f', 1, 64)
	}
	if n, ok := want.(json.Number); ok {
		want = n.String()
	}
	if got != want {
		t.Errorf("%s is %s, want %v", where, got, want)
	}
}

// A record that is truncated anywhere, or too long, must be refused, and the error must contain the name of the record.
func TestMetadataCutOff(t *testing.T) {
	for _, k := range kafkaRecords(t) {
		if k.how != "full" {
			continue
		}
		for n := range k.bytes {
			if r, err := ParseMetadata(k.bytes[:n]); err == nil {
				t.Fatalf("%s cut to %d of %d bytes is read as %+v", MetadataName(k.key), n, len(k.bytes), r)
			}
		}
		var e *MessageError
		if _, err := ParseMetadata(append(k.bytes, 0)); !errors.As(err, &e) || e.Fault != FaultGarbage || e.Key != k.key {
			t.Errorf("%s with a byte behind it: %v", MetadataName(k.key), err)
		}
	}
}

func TestMetadataFaults(t *testing.T) {
	topic := "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07"
	change := "\x01\x05\x00" + "\x00\x00\x00\x01" + topic // up to its tagged fields
	for _, c := range []struct{ name, in, want string }{
		{"nothing", "", "metadata record key -1 version -1: a field is cut off"},
		{"frame of the KRaft preview", "\x00\x02\x00", "metadata record key -1 version -1: unknown frame version"},
		{"a key given up", "\x01\x06\x00\x00", "metadata record key 6 version -1: unknown record key"},
		{"a key to come", "\x01\xf0\x2e\x00", "metadata record key 6000 version -1: unknown record key"},
		{"a key beyond 16 bits", "\x01\xff\xff\xff\xff\x0f\x00", "metadata record key 32767 version -1: unknown record key"},
		{"a varint without end", "\x01\xff\xff\xff\xff\xff\xff\x00", "metadata record key -1 version -1: a field is cut off"},
		{"a version to come", "\x01\x02\x01", "metadata record TopicRecord version 1: unknown record version"},
		{"a null name", "\x01\x02\x00\x00" + topic + "\x00", "metadata record TopicRecord version 0: null in a field that cannot be null"},
		{"a name that is too long", "\x01\x02\x00\x81\x80\x02" + topic, "metadata record TopicRecord version 0: impossible length"},
		{"replicas without room", "\x01\x03\x00" + "\x00\x00\x00\x01" + topic + "\xff\xff\xff\xff\x0f" + topic, "metadata record PartitionRecord version 0: impossible length"},
		{"replicas that are null", "\x01\x03\x00" + "\x00\x00\x00\x01" + topic + "\x00\x01\x01\x01", "metadata record PartitionRecord version 0: null in a field that cannot be null"},
		{"a tag twice", change + "\x02\x05\x01\x00\x05\x01\x00", "metadata record PartitionChangeRecord version 0: broken tagged fields"},
		{"tags that fall", change + "\x02\x05\x01\x00\x01\x04\x00\x00\x00\x01", "metadata record PartitionChangeRecord version 0: broken tagged fields"},
		{"a tag longer than its field", change + "\x01\x05\x02\x00\x00", "metadata record PartitionChangeRecord version 0: broken tagged fields"},
		{"a tag shorter than its field", change + "\x01\x01\x03\x00\x00\x00", "metadata record PartitionChangeRecord version 0: a field is cut off"},
		{"a tag beyond the end", change + "\x01\x09\x05\x00", "metadata record PartitionChangeRecord version 0: a field is cut off"},
		{"fewer tags than counted", change + "\x02\x05\x01\x00", "metadata record PartitionChangeRecord version 0: a field is cut off"},
	} {
		if r, err := ParseMetadata([]byte(c.in)); err == nil {
			t.Errorf("%s: read as %+v, want %q", c.name, r, c.want)
		} else if err.Error() != c.want {
			t.Errorf("%s: %q, want %q", c.name, err, c.want)
		}
	}
}

// Unknown tagged fields must be skipped, and known fields after them must still be read.
func TestMetadataSkipsUnknownTags(t *testing.T) {
	topic := "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07"
	in := "\x01\x05\x01" + "\x00\x00\x00\x03" + topic +
		"\x05" + "\x01\x04\x00\x00\x00\x09" + "\x05\x01\x01" + "\x06\x05\x02\x00\x00\x00\x01" + "\x08\x01\x01" + "\xff\xff\xff\xff\x0f\x03\x61\x62\x63"
	r, err := ParseMetadata([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	want := NewPartitionChange(TopicID{15: 7}, 3)
	want.Version, want.Leader, want.LeaderRecoveryState, want.Directories = 1, 9, Recovering, []UUID{}
	if !reflect.DeepEqual(r, want) { // the ELR of tag 6 belongs to version 2
		t.Errorf("read %+v, want %+v", r, want)
	}
}

// Writing a field that its record's version does not have must panic, because the field would be lost.
func TestMetadataRefusesLoss(t *testing.T) {
	for name, r := range map[string]MetadataRecord{
		"no such version":          &PartitionRecord{Version: 3},
		"a negative version":       &PartitionRecord{Version: -1},
		"directories in version 0": &PartitionRecord{Directories: []UUID{{}}},
		"ELR in version 1":         &PartitionChangeRecord{Version: 1, ELR: []NodeID{}},
		"shutdown in version 0":    &RegisterBrokerRecord{InControlledShutdown: true},
		"a long name":              &TopicRecord{Name: strings.Repeat("x", 1<<15)},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: written", name)
				}
			}()
			AppendMetadata(nil, r)
		}()
	}
}

// A record must be read as it was written, whatever its content.
func TestMetadataRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom(kafkaKeys()).Draw(t, "key")
		r := metadataKinds[kind].make()
		drawFields(t, reflect.ValueOf(r).Elem())
		b := AppendMetadata(nil, r)
		got, err := ParseMetadata(b)
		if err != nil {
			t.Fatalf("%+v as %x: %v", r, b, err)
		}
		if !reflect.DeepEqual(got, r) {
			t.Fatalf("%+v came back as %+v", r, got)
		}
	})
}

func kafkaKeys() (keys []int) {
	for k := range metadataKinds {
		if metadataKinds[k].make != nil {
			keys = append(keys, k)
		}
	}
	return keys
}

// newestVersion has the newest version of each record that has more than one.
var newestVersion = map[string]int64{
	"RegisterBrokerRecord": 4, "PartitionRecord": 2, "PartitionChangeRecord": 2, "BrokerRegistrationChangeRecord": 3,
	"OffsetCommitValue": 4, "GroupMetadataValue": 4, "TransactionLogValue": 1,
}

// nullableLists has the lists that are read back as they were written, empty or nil. Any other empty list is read as
// nil.
var nullableLists = map[string]bool{
	"PartitionRecord.ELR": true, "PartitionRecord.LastKnownELR": true, "RegisterBrokerRecord.CordonedLogDirs": true,
	"BrokerRegistrationChangeRecord.CordonedLogDirs": true,
	"PartitionChangeRecord.ISR":                      true, "PartitionChangeRecord.Replicas": true, "PartitionChangeRecord.RemovingReplicas": true,
	"PartitionChangeRecord.AddingReplicas": true, "PartitionChangeRecord.ELR": true, "PartitionChangeRecord.LastKnownELR": true,
	"PartitionChangeRecord.Directories": true, "TransactionLogValue.Partitions": true, "OwnedPartitions.AssignmentEpochs": true,
}

// drawFields fills a record of its newest version.
func drawFields(t *rapid.T, v reflect.Value) {
	for i := range v.NumField() {
		f, name := v.Field(i), v.Type().Field(i).Name
		if name == "Version" && newestVersion[v.Type().Name()] > 0 {
			f.SetInt(newestVersion[v.Type().Name()])
			continue
		}
		drawField(t, v.Type().Name()+"."+name, f)
	}
}

func drawField(t *rapid.T, name string, f reflect.Value) {
	switch f.Kind() {
	case reflect.Bool:
		f.SetBool(rapid.Bool().Draw(t, name))
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		f.SetInt(rapid.Int64().Draw(t, name) >> (64 - f.Type().Bits()))
	case reflect.Uint8, reflect.Uint16, reflect.Uint64:
		f.SetUint(rapid.Uint64().Draw(t, name) >> (64 - f.Type().Bits()))
	case reflect.String:
		f.SetString(rapid.String().Draw(t, name))
	case reflect.Pointer:
		if rapid.Bool().Draw(t, name+" set") {
			f.Set(reflect.New(f.Type().Elem()))
			drawField(t, name, f.Elem())
		}
	case reflect.Array:
		for i := range f.Len() {
			drawField(t, name, f.Index(i))
		}
	case reflect.Struct:
		drawFields(t, f)
	case reflect.Slice:
		n := rapid.IntRange(-1, 40).Draw(t, name+" length")
		if n < 0 || n == 0 && !nullableLists[name] {
			return
		}
		f.Set(reflect.MakeSlice(f.Type(), n, n))
		for i := range n {
			drawField(t, name, f.Index(i))
		}
	}
}

// FuzzMetadata checks that no input panics, and that a record that was read can be written and read again as the same
// bytes.
func FuzzMetadata(f *testing.F) {
	for _, k := range kafkaRecords(f) {
		f.Add(k.bytes)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseMetadata(b)
		if err != nil {
			var e *MessageError
			if !errors.As(err, &e) {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		once := AppendMetadata(nil, r)
		again, err := ParseMetadata(once)
		if err != nil {
			t.Fatalf("%x was read, written as %x and refused: %v", b, once, err)
		}
		if twice := AppendMetadata(nil, again); !bytes.Equal(once, twice) {
			t.Fatalf("written as %x and then as %x", once, twice)
		}
	})
}

func BenchmarkMetadata(b *testing.B) {
	r := NewPartitionChange(TopicID{1, 2, 3}, 7)
	r.Version, r.ISR, r.Leader = 2, []NodeID{1, 2}, 2
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendMetadata(buf[:0], r)
		if _, err := ParseMetadata(buf); err != nil {
			b.Fatal(err)
		}
	}
}
