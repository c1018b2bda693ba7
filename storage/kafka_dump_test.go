package storage_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"samsa/internal/kafkajars"
	"samsa/sim/disk"
	"samsa/storage"
	"samsa/wire"
)

// DumpLogSegments and its output, which is parsed line by line. A line of another form is kept, and the test must explain it.

const dumpLogSegments = "org.apache.kafka.tools.DumpLogSegments"

// dump is the tool's output about one file.
type dump struct {
	Batches   []batch
	Positions []int64 // of each batch, as the tool counts
	Index     [][2]int64
	Times     [][2]int64
	Producers map[wire.ProducerID]state
	Aborted   []storage.Aborted
	Said      []string // every other line
}

var (
	batchLine = regexp.MustCompile(`^baseOffset: (-?\d+) lastOffset: (-?\d+) count: (\d+) baseSequence: (-?\d+) lastSequence: (-?\d+) ` +
		`producerId: (-?\d+) producerEpoch: (-?\d+) partitionLeaderEpoch: (-?\d+) isTransactional: (true|false) isControl: (true|false) ` +
		`deleteHorizonMs: OptionalLong.empty position: (\d+) (CreateTime|LogAppendTime): (-?\d+) size: \d+ magic: 2 ` +
		`compresscodec: (\w+) crc: \d+ isvalid: (true|false)$`)
	recordLine = regexp.MustCompile(`^\| offset: (\d+) (?:CreateTime|LogAppendTime): (-?\d+) keySize: -?\d+ valueSize: -?\d+ sequence: (-?\d+) ` +
		`headerKeys: (\[.*?\])(?: ((?:endTxnMarker|LeaderChange|SnapshotHeader|SnapshotFooter|KRaftVersion|KRaftVoters)\b.*))?(?: key: (k\d+))?(?: payload: (.*))?$`)
	indexLine    = regexp.MustCompile(`^offset: (\d+) position: (\d+)$`)
	timeLine     = regexp.MustCompile(`^timestamp: (\d+) offset: (\d+)$`)
	abortedLine  = regexp.MustCompile(`^version: 0 producerId: (\d+) firstOffset: (\d+) lastOffset: (\d+) lastStableOffset: (\d+)$`)
	producerLine = regexp.MustCompile(`^producerId: (\d+) producerEpoch: (\d+) coordinatorEpoch: (-?\d+) currentTxnFirstOffset: OptionalLong(?:\.empty|\[(\d+)\]) ` +
		`lastTimestamp: (\d+) (?:firstSequence: (-?\d+) lastSequence: (-?\d+) lastOffset: (\d+) offsetDelta: (\d+) timestamp: (\d+))?$`)
)

// parse reads the tool's standard output, file by file.
func parse(out string) map[string]*dump {
	files := map[string]*dump{}
	at := &dump{}
	files[""] = at
	for line := range strings.Lines(out) {
		line = strings.TrimSuffix(line, "\n")
		if path, ok := strings.CutPrefix(line, "Dumping "); ok {
			at = &dump{Producers: map[wire.ProducerID]state{}}
			files[path] = at
			continue
		}
		at.read(line)
	}
	return files
}

// fields are the numbers of a line's groups; 0 for a group that is no number.
func fields(m []string) []int64 {
	n := make([]int64, len(m))
	for i, x := range m {
		n[i], _ = strconv.ParseInt(x, 10, 64)
	}
	return n
}

func (d *dump) read(line string) {
	if m := batchLine.FindStringSubmatch(line); m != nil {
		n := fields(m)
		d.Batches = append(d.Batches, batch{Base: wire.Offset(n[1]), Last: wire.Offset(n[2]), Count: int(n[3]), BaseSeq: int32(n[4]), LastSeq: int32(n[5]),
			Producer: wire.ProducerID(n[6]), ProducerEpoch: wire.ProducerEpoch(n[7]), Leader: wire.Epoch(n[8]), Txn: m[9] == "true", Control: m[10] == "true",
			TimestampType: m[12], MaxTimestamp: wire.Timestamp(n[13]), Codec: m[14], Valid: m[15] == "true"})
		d.Positions = append(d.Positions, n[11])
	} else if m := recordLine.FindStringSubmatch(line); m != nil && len(d.Batches) > 0 {
		n := fields(m)
		r := record{Offset: wire.Offset(n[1]), Timestamp: wire.Timestamp(n[2]), Seq: int32(n[3]), Headers: m[4], Control: m[5], Key: null, Value: null}
		if m[6] != "" {
			r.Key = m[6]
		}
		if m[7] != "" {
			r.Value = m[7]
		}
		b := &d.Batches[len(d.Batches)-1]
		b.Records = append(b.Records, r)
	} else if m := indexLine.FindStringSubmatch(line); m != nil {
		n := fields(m)
		d.Index = append(d.Index, [2]int64{n[1], n[2]})
	} else if m := timeLine.FindStringSubmatch(line); m != nil {
		n := fields(m)
		d.Times = append(d.Times, [2]int64{n[1], n[2]})
	} else if m := abortedLine.FindStringSubmatch(line); m != nil {
		n := fields(m)
		d.Aborted = append(d.Aborted, storage.Aborted{Producer: wire.ProducerID(n[1]), First: wire.Offset(n[2]), Last: wire.Offset(n[3]), LastStable: wire.Offset(n[4])})
	} else if m := producerLine.FindStringSubmatch(line); m != nil {
		n := fields(m)
		p := state{ID: wire.ProducerID(n[1]), Epoch: wire.ProducerEpoch(n[2]), CoordinatorEpoch: wire.Epoch(n[3]), TxnFirst: wire.Offset(n[4]),
			LastTimestamp: wire.Timestamp(n[5]), FirstSeq: int32(n[6]), LastSeq: int32(n[7]), LastOffset: wire.Offset(n[8]), OffsetDelta: wire.Offset(n[9])}
		if m[4] == "" {
			p.TxnFirst = -1
		}
		d.Producers[p.ID] = p
	} else {
		d.Said = append(d.Said, line)
	}
}

// export writes the files of a disk, as processes see them, into a directory, and returns their paths.
func export(t *testing.T, d *disk.Disk, dir string) (files []string) {
	t.Helper()
	err := os.MkdirAll(dir, 0o777)
	if err == nil {
		err = d.Export(func(path string, isDir bool, bytes []byte) error {
			path = filepath.Join(dir, path)
			if isDir {
				return os.Mkdir(path, 0o777)
			}
			files = append(files, path)
			return os.WriteFile(path, bytes, 0o666)
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// readable are the files that the tool reads, or those of them with certain suffixes.
func readable(files []string, suffixes ...string) []string {
	if len(suffixes) == 0 {
		suffixes = []string{".log", ".index", ".timeindex", ".txnindex", ".snapshot", ".checkpoint"}
	}
	return slices.DeleteFunc(slices.Clone(files), func(path string) bool { return !slices.Contains(suffixes, filepath.Ext(path)) })
}

// run runs the tool on files.
func run(t *testing.T, j kafkajars.Jars, files []string, options ...string) kafkajars.Result {
	t.Helper()
	return j.Run(t, dumpLogSegments, append(options, "--files", strings.Join(files, ","))...)
}

// complaints is the tool's standard error, without the line about every segment that does not start at 0: the tool of
// 4.3 takes the record before a file's first to be at -1, and calls the step from there a gap.
func complaints(r kafkajars.Result) string {
	var rest []string
	lines := strings.Split(strings.TrimSuffix(r.Err, "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		if path, ok := strings.CutPrefix(lines[i], "Non-consecutive offsets in "); ok && i+1 < len(lines) {
			base, _, _ := strings.Cut(filepath.Base(path), ".")
			n, err := strconv.ParseInt(base, 10, 64)
			another := i+2 < len(lines) && strings.HasPrefix(lines[i+2], "  ")
			if err == nil && lines[i+1] == "  -1 is followed by "+strconv.FormatInt(n, 10) && !another {
				i++
				continue
			}
		}
		rest = append(rest, lines[i])
	}
	return strings.TrimSpace(strings.Join(rest, "\n"))
}
