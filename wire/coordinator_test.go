package wire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// kafkaCoordinatorRecord is one line of testdata/coordinator.tsv.gz: a key or a value that Kafka wrote.
type kafkaCoordinatorRecord struct {
	name     string // "OffsetCommitValue v4 full"
	log      CoordinatorLog
	kind     int16
	key      bool
	version  int16
	how      string
	bytes    []byte
	contents map[string]any
}

func kafkaCoordinatorRecords(t testing.TB) (records []kafkaCoordinatorRecord) {
	for _, line := range goldenLines(t, "testdata/coordinator.tsv.gz") {
		f := strings.Split(line, "\t")
		kind, _ := strconv.ParseInt(f[1], 10, 16)
		version, _ := strconv.ParseInt(f[3], 10, 16)
		b, err := hex.DecodeString(f[5])
		if err != nil {
			t.Fatal(err)
		}
		k := kafkaCoordinatorRecord{
			log:  map[string]CoordinatorLog{"group": GroupLog, "transaction": TransactionLog}[f[0]],
			kind: int16(kind), key: f[2] == "key", version: int16(version), how: f[4], bytes: b,
		}
		k.name = k.log.Name(k.kind) + " " + f[2] + " v" + f[3] + " " + f[4]
		d := json.NewDecoder(strings.NewReader(f[6]))
		d.UseNumber()
		if err := d.Decode(&k.contents); err != nil {
			t.Fatal(err)
		}
		records = append(records, k)
	}
	return records
}

// parse reads the key or the value of a record. Of the other half only the type matters.
func (k kafkaCoordinatorRecord) parse(b []byte) (any, error) {
	if k.key {
		key, _, err := k.log.Parse(b, nil)
		return key, err
	}
	_, value, err := k.log.Parse(AppendCoordinatorKey(nil, k.log.types[k.kind].key()), b)
	return value, err
}

// append writes the half of a record that parse reads.
func (k kafkaCoordinatorRecord) append(dst []byte, x any) []byte {
	if k.key {
		return AppendCoordinatorKey(dst, x.(CoordinatorKey))
	}
	return AppendCoordinatorValue(dst, x.(CoordinatorValue))
}

// Every record that Kafka wrote must be read with the values in Kafka's JSON, and written again byte for byte.
func TestCoordinatorRecordsAreKafkas(t *testing.T) {
	newest := map[string]int16{}
	for _, k := range kafkaCoordinatorRecords(t) {
		x, err := k.parse(k.bytes)
		if err != nil {
			t.Errorf("%s: %v", k.name, err)
			continue
		}
		if got := k.append([]byte("before"), x); string(got) != "before"+string(k.bytes) {
			t.Errorf("%s: written as\n%x, Kafka's is\n%x", k.name, got[6:], k.bytes)
		}
		compareJSON(t, k.name, reflect.ValueOf(x).Elem(), k.contents)
		if !k.key {
			newest[k.log.kind+k.log.Name(k.kind)] = k.version
		}
	}
	for _, log := range []CoordinatorLog{GroupLog, TransactionLog} {
		for kind, x := range log.types {
			version, ok := newest[log.kind+x.name]
			if x.name == "" {
				continue
			}
			if !ok {
				t.Errorf("Kafka's records hold no %s", x.name)
			}
			later := AppendCoordinatorValue(nil, x.value())
			later[1] = byte(version + 1)
			var e *MessageError
			if _, _, err := log.Parse(AppendCoordinatorKey(nil, x.key()), later); !errors.As(err, &e) || e.Fault != FaultVersion || e.Version != version+1 || e.Key != int16(kind) {
				t.Errorf("%s version %d, newer than Kafka's: %v", x.name, version+1, err)
			}
		}
	}
}

// A record that is truncated anywhere, or too long, must be refused.
func TestCoordinatorRecordsCutOff(t *testing.T) {
	for _, k := range kafkaCoordinatorRecords(t) {
		if k.how != "full" {
			continue
		}
		for n := range k.bytes {
			if x, err := k.parse(k.bytes[:n:n]); err == nil {
				t.Fatalf("%s cut to %d of %d bytes is read as %+v", k.name, n, len(k.bytes), x)
			}
		}
		var e *MessageError
		if _, err := k.parse(append(k.bytes, 0)); !errors.As(err, &e) || e.Fault != FaultGarbage || e.Key != k.kind {
			t.Errorf("%s with another byte: %v", k.name, err)
		}
	}
}

func TestCoordinatorFaults(t *testing.T) {
	group, offset := "\x00\x02\x00\x01g", "\x00\x01\x00\x01g\x00\x01t\x00\x00\x00\x07"
	for _, c := range []struct {
		name, key, value string
		log              CoordinatorLog
		want             string
	}{
		{"no key", "", "", GroupLog, "group record key -1 version -1: a field is cut off"},
		{"a type to come", "\x01\x00", "", GroupLog, "group record key 256 version -1: unknown record key"},
		{"a type of another log", group, "", TransactionLog, "transaction record key 2 version -1: unknown record key"},
		{"a type below zero", "\xff\xff", "", GroupLog, "group record key -1 version -1: unknown record key"},
		{"a null group", "\x00\x02\xff\xff", "", GroupLog, "group record GroupMetadataKey version 0: null in a field that cannot be null"},
		{"a length below null", "\x00\x02\xff\xfe", "", GroupLog, "group record GroupMetadataKey version 0: impossible length"},
		{"a version to come", offset, "\x00\x05", GroupLog, "group record OffsetCommitValue version 5: unknown record version"},
		{"a version below zero", offset, "\xff\xff", GroupLog, "group record OffsetCommitValue version 32767: unknown record version"},
		{"members without room", group, "\x00\x03\x00\x00\x00\x00\x00\x01\xff\xff\xff\xff" + strings.Repeat("\x00", 8) + "\x7f\xff\xff\xff", GroupLog,
			"group record GroupMetadataValue version 3: impossible length"},
		{"members that are null", group, "\x00\x03\x00\x00\x00\x00\x00\x01\xff\xff\xff\xff" + strings.Repeat("\x00", 8) + "\xff\xff\xff\xff", GroupLog,
			"group record GroupMetadataValue version 3: null in a field that cannot be null"},
		{"a struct longer than its tag", "\x00\x05\x00\x01g\x00\x01m", "\x00\x00\x00\x00\x01\x01\x01\x00\x00\x00\x00\x00\x00\x01\x00\x03\x01\x00\x00\x00\x00\x01\x00", GroupLog,
			"group record ConsumerGroupMemberMetadataValue version 0: a field is cut off"},
	} {
		var value []byte
		if c.value != "" {
			value = []byte(c.value)
		}
		k, v, err := c.log.Parse([]byte(c.key), value)
		if err == nil {
			t.Errorf("%s: read as %+v, %+v, want %q", c.name, k, v, c.want)
		} else if err.Error() != c.want {
			t.Errorf("%s: %q, want %q", c.name, err, c.want)
		}
	}
}

// A tombstone has only a key. An empty value is not a tombstone.
func TestCoordinatorTombstone(t *testing.T) {
	key := AppendCoordinatorKey(nil, &OffsetCommitKey{Group: "g", Topic: "t", Partition: 3})
	k, v, err := GroupLog.Parse(key, nil)
	if err != nil || v != nil || !reflect.DeepEqual(k, &OffsetCommitKey{Group: "g", Topic: "t", Partition: 3}) {
		t.Errorf("a tombstone is read as %+v, %+v, %v", k, v, err)
	}
	if _, _, err := GroupLog.Parse(key, []byte{}); err == nil {
		t.Error("a value of no bytes is read")
	}
}

// In a version without an ignorable field, the field must be omitted. For any other field writing must panic.
func TestCoordinatorVersions(t *testing.T) {
	key := AppendCoordinatorKey(nil, &OffsetCommitKey{})
	for version, want := range []OffsetCommitValue{
		{LeaderEpoch: NoEpoch, ExpireTimestamp: NoTimestamp}, {LeaderEpoch: NoEpoch, ExpireTimestamp: 9}, {LeaderEpoch: NoEpoch, ExpireTimestamp: NoTimestamp},
		{LeaderEpoch: 5, ExpireTimestamp: NoTimestamp}, {LeaderEpoch: 5, ExpireTimestamp: NoTimestamp, TopicID: TopicID{1}},
	} {
		want.Version, want.Offset, want.Metadata = int16(version), 7, "m"
		all := OffsetCommitValue{Version: int16(version), Offset: 7, Metadata: "m", LeaderEpoch: 5, ExpireTimestamp: 9, TopicID: TopicID{1}}
		_, got, err := GroupLog.Parse(key, AppendCoordinatorValue(nil, &all))
		if err != nil || !reflect.DeepEqual(got, &want) {
			t.Errorf("version %d came back as %+v, %v", version, got, err)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("version 0 carried a previous producer id")
		}
	}()
	v := NewTransactionLogValue()
	v.Version, v.PreviousProducerID = 0, 4
	AppendCoordinatorValue(nil, v)
}

// A record of the newest version must be read as it was written, whatever its content.
func TestCoordinatorRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		log := rapid.SampledFrom([]CoordinatorLog{GroupLog, TransactionLog}).Draw(t, "log")
		kind := rapid.IntRange(0, len(log.types)-1).Filter(func(k int) bool { return log.types[k].name != "" }).Draw(t, "type")
		k, v := log.types[kind].key(), log.types[kind].value()
		drawFields(t, reflect.ValueOf(k).Elem())
		drawFields(t, reflect.ValueOf(v).Elem())
		if v, ok := v.(*OffsetCommitValue); ok {
			v.ExpireTimestamp = NoTimestamp // of version 1 alone
		}
		key, value := AppendCoordinatorKey(nil, k), AppendCoordinatorValue(nil, v)
		gotKey, gotValue, err := log.Parse(key, value)
		if err != nil {
			t.Fatalf("%+v %+v as %x %x: %v", k, v, key, value, err)
		}
		if !reflect.DeepEqual(gotKey, k) || !reflect.DeepEqual(gotValue, v) {
			t.Fatalf("%+v %+v came back as %+v %+v", k, v, gotKey, gotValue)
		}
	})
}

// FuzzCoordinator checks that no input panics, and that a record that was read can be written and read again as the
// same bytes.
func FuzzCoordinator(f *testing.F) {
	for _, k := range kafkaCoordinatorRecords(f) {
		if k.key {
			f.Add(k.bytes, []byte{0, 0}, k.log.kind == GroupLog.kind)
		} else {
			f.Add(AppendCoordinatorKey(nil, k.log.types[k.kind].key()), k.bytes, k.log.kind == GroupLog.kind)
		}
	}
	f.Fuzz(func(t *testing.T, key, value []byte, group bool) {
		log := TransactionLog
		if group {
			log = GroupLog
		}
		k, v, err := log.Parse(key, value)
		if err != nil {
			var e *MessageError
			if !errors.As(err, &e) {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		if again := AppendCoordinatorKey(nil, k); !bytes.Equal(again, key) {
			t.Fatalf("key %x was read and written as %x", key, again)
		}
		once := AppendCoordinatorValue(nil, v)
		_, v, err = log.Parse(key, once)
		if err != nil {
			t.Fatalf("%x was read, written as %x and refused: %v", value, once, err)
		}
		if twice := AppendCoordinatorValue(nil, v); !bytes.Equal(once, twice) {
			t.Fatalf("written as %x and then as %x", once, twice)
		}
	})
}
