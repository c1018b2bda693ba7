package storage

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"samsa/sim/env"
	"samsa/wire"
)

// A checkpoint is a text file: a version, the number of entries, and one entry per line (CheckpointFile).
//
//	0
//	2
//	3 0
//	5 40
const checkpointVersion = 0

// errCheckpoint means that a checkpoint cannot be read. A torn write is not the cause, because a checkpoint is always
// replaced as a whole.
var errCheckpoint = errors.New("malformed checkpoint")

// encodeCheckpoint returns the content of a checkpoint file.
func encodeCheckpoint(entries []string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%d\n%d\n", checkpointVersion, len(entries))
	for _, e := range entries {
		b.WriteString(e)
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// decodeCheckpoint splits a checkpoint into the words of its entries. An empty file counts as a checkpoint without
// entries, because Kafka creates an empty file before the first write.
func decodeCheckpoint(content []byte, words int) ([][]string, error) {
	lines := strings.Split(string(content), "\n")
	if n := len(lines); lines[n-1] == "" {
		lines = lines[:n-1]
	}
	if len(lines) == 0 {
		return nil, nil
	}
	if v, err := strconv.ParseInt(lines[0], 10, 32); err != nil || v != checkpointVersion {
		return nil, fmt.Errorf("%w: version %q, want %d", errCheckpoint, lines[0], checkpointVersion)
	}
	if len(lines) == 1 {
		return nil, nil
	}
	n, err := strconv.ParseInt(lines[1], 10, 32)
	if err != nil || n != int64(len(lines)-2) {
		return nil, fmt.Errorf("%w: %q entries announced, %d found", errCheckpoint, lines[1], len(lines)-2)
	}
	entries := make([][]string, 0, len(lines)-2)
	for _, line := range lines[2:] {
		e := strings.Fields(line)
		if len(e) != words {
			return nil, fmt.Errorf("%w: line %q, want %d words", errCheckpoint, line, words)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// encodeEpochs returns the content of leader-epoch-checkpoint. Each entry has an epoch and its start offset.
func encodeEpochs(entries []EpochStart) []byte {
	lines := make([]string, len(entries))
	for i, e := range entries {
		lines[i] = strconv.FormatInt(int64(e.Epoch), 10) + " " + strconv.FormatInt(int64(e.Start), 10)
	}
	return encodeCheckpoint(lines)
}

// decodeEpochs reads leader-epoch-checkpoint. It resolves entries that contradict each other in the same way as
// EpochCache.assign.
func decodeEpochs(content []byte) (EpochCache, error) {
	var c EpochCache
	entries, err := decodeCheckpoint(content, 2)
	for _, e := range entries {
		epoch, err1 := strconv.ParseInt(e[0], 10, 32)
		start, err2 := strconv.ParseInt(e[1], 10, 64)
		if err1 != nil || err2 != nil || epoch < 0 || start < 0 {
			return EpochCache{}, fmt.Errorf("%w: epoch %q from %q", errCheckpoint, e[0], e[1])
		}
		c.assign(wire.Epoch(epoch), wire.Offset(start))
	}
	return c, err
}

// saveEpochs writes the epoch cache to its file in the log's directory.
func (l *Log) saveEpochs(d env.Disk) error {
	return replaceFile(d, join(l.dir, epochsFile), encodeEpochs(l.epochs.entries))
}
