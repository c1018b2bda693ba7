package storage

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"samsa/sim/env"
	"samsa/wire"
)

// Dir is a log directory (log.dirs). It holds the directories of its partitions, and files shared by all of them. Path
// is relative to the machine's root; "" is the root itself.
//
//	.kafka_cleanshutdown               present if every log was flushed (see TakeCleanMarker)
//	meta.properties                    the directory's cluster, node and id
//	recovery-point-offset-checkpoint   the end of the part of each log known to be on the device
//	log-start-offset-checkpoint        the start of each log
//	replication-offset-checkpoint      each replica's high watermark
//	orders-0/                          a Log
//
// A checkpoint may be older than the log's state, but must never be ahead of it. If it is older, recovery reads more
// than necessary, or a replica starts with a high watermark that is too low; both are safe. After a truncation the
// caller must save the recovery point before the next append; otherwise the checkpoint would be ahead.
type Dir struct {
	Path  string
	Rules Rules
}

// The files of a log directory.
const (
	recoveryFile  = "recovery-point-offset-checkpoint"
	logStartFile  = "log-start-offset-checkpoint"
	watermarkFile = "replication-offset-checkpoint"
	cleanFile     = ".kafka_cleanshutdown"
	metaFile      = "meta.properties"
)

// Offsets has one offset for each partition of a directory.
type Offsets map[wire.TopicPartition]wire.Offset

// SaveRecoveryPoints replaces the recovery points.
func (dir Dir) SaveRecoveryPoints(d env.Disk, o Offsets) error {
	return dir.saveOffsets(d, recoveryFile, o)
}

// SaveLogStarts replaces the log starts. Kafka omits the logs that start at their first segment; here they may be included.
func (dir Dir) SaveLogStarts(d env.Disk, o Offsets) error { return dir.saveOffsets(d, logStartFile, o) }

// SaveHighWatermarks replaces the high watermarks.
func (dir Dir) SaveHighWatermarks(d env.Disk, o Offsets) error {
	return dir.saveOffsets(d, watermarkFile, o)
}

// LoadRecoveryPoints reads the recovery points. If the file cannot be read it returns none, and recovery reads every
// log.
func (dir Dir) LoadRecoveryPoints(d env.Disk) (Offsets, error) {
	return orEmpty(dir.loadOffsets(d, recoveryFile))
}

// LoadLogStarts reads the log starts. If the file cannot be read it returns none, and logs start at their first
// segments.
func (dir Dir) LoadLogStarts(d env.Disk) (Offsets, error) {
	return orEmpty(dir.loadOffsets(d, logStartFile))
}

// LoadHighWatermarks reads the high watermarks. As in Kafka, a file that cannot be read is an error.
func (dir Dir) LoadHighWatermarks(d env.Disk) (Offsets, error) {
	return dir.loadOffsets(d, watermarkFile)
}

// orEmpty replaces an unreadable checkpoint with an empty one.
func orEmpty(o Offsets, err error) (Offsets, error) {
	if err != nil && !isDisk(err) {
		return Offsets{}, nil
	}
	return o, err
}

// saveOffsets replaces an offset checkpoint as a whole, so that a reader finds the old file or the new one.
func (dir Dir) saveOffsets(d env.Disk, file string, o Offsets) error {
	return replaceFile(d, join(dir.Path, file), encodeOffsets(o))
}

// loadOffsets reads an offset checkpoint. A missing file counts as an empty one.
func (dir Dir) loadOffsets(d env.Disk, file string) (Offsets, error) {
	content, err := readFile(d, join(dir.Path, file))
	if err == env.ErrNotExist {
		return Offsets{}, nil
	}
	if err != nil {
		return nil, err
	}
	return decodeOffsets(content)
}

// encodeOffsets returns the content of an offset checkpoint. Each entry has a topic, a partition and an offset.
func encodeOffsets(o Offsets) []byte {
	keys := slices.SortedFunc(maps.Keys(o), func(a, b wire.TopicPartition) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	lines := make([]string, len(keys))
	for i, tp := range keys {
		lines[i] = fmt.Sprintf("%s %d %d", tp.Topic, tp.Partition, o[tp])
	}
	return encodeCheckpoint(lines)
}

// decodeOffsets reads an offset checkpoint. If a partition appears twice its last offset counts.
func decodeOffsets(content []byte) (Offsets, error) {
	entries, err := decodeCheckpoint(content, 3)
	if err != nil {
		return nil, err
	}
	o := make(Offsets, len(entries))
	for _, e := range entries {
		p, err1 := strconv.ParseInt(e[1], 10, 32)
		at, err2 := strconv.ParseInt(e[2], 10, 64)
		if err1 != nil || err2 != nil || p < 0 || at < 0 {
			return nil, fmt.Errorf("%w: partition %q at %q", errCheckpoint, e[1], e[2])
		}
		o[wire.TopicPartition{Topic: e[0], Partition: int32(p)}] = wire.Offset(at)
	}
	return o, nil
}

// cleanShutdown is the content of the clean-shutdown marker (CleanShutdownFileHandler).
type cleanShutdown struct {
	Version     int32  `json:"version"`
	BrokerEpoch *int64 `json:"brokerEpoch"`
}

// NoBrokerEpoch is the epoch of a marker without a broker epoch.
const NoBrokerEpoch wire.BrokerEpoch = -1

// TakeCleanMarker reads the clean-shutdown marker and durably deletes it before any log is loaded, because after a
// crash during loading the next start must recover the logs (KAFKA-10471). The marker has the broker epoch of the
// incarnation that wrote it. If the next incarnation cannot send that epoch to the controller, the controller removes
// the broker from the eligible leader replicas (ELR, KIP-966).
func (dir Dir) TakeCleanMarker(d env.Disk) (clean bool, epoch wire.BrokerEpoch, err error) {
	path := join(dir.Path, cleanFile)
	content, err := readFile(d, path)
	if err == env.ErrNotExist {
		return false, NoBrokerEpoch, nil
	}
	if err != nil {
		return false, NoBrokerEpoch, err
	}
	epoch = decodeCleanMarker(content)
	if !dir.Rules.TakeMarkerFirst {
		return true, epoch, nil
	}
	return true, epoch, dir.DropCleanMarker(d)
}

// DropCleanMarker deletes the marker durably.
func (dir Dir) DropCleanMarker(d env.Disk) error {
	path := join(dir.Path, cleanFile)
	if err := d.Remove(path); err != nil && err != env.ErrNotExist {
		return onFile(path, err)
	}
	return onFile(dir.Path, d.SyncDir(dir.Path))
}

// SaveCleanMarker writes the marker. The caller must first close every log of the directory without an error and save
// the checkpoints, because the marker is the last write of an incarnation.
func (dir Dir) SaveCleanMarker(d env.Disk, epoch wire.BrokerEpoch) error {
	e := int64(epoch)
	content, err := json.Marshal(cleanShutdown{Version: 0, BrokerEpoch: &e})
	if err != nil {
		return err
	}
	return replaceFile(d, join(dir.Path, cleanFile), content)
}

// decodeCleanMarker returns the broker epoch in a marker. Older brokers wrote an empty marker.
func decodeCleanMarker(content []byte) wire.BrokerEpoch {
	var c cleanShutdown
	if json.Unmarshal(content, &c) != nil || c.BrokerEpoch == nil {
		return NoBrokerEpoch
	}
	return wire.BrokerEpoch(*c.BrokerEpoch)
}

// Meta is meta.properties, version 1: the directory's cluster, node and id.
type Meta struct {
	Cluster   string
	Node      wire.NodeID
	Directory wire.UUID // the id of this directory (KIP-858)
}

// SaveMeta replaces meta.properties.
func (dir Dir) SaveMeta(d env.Disk, m Meta) error {
	content := fmt.Sprintf("#\ncluster.id=%s\ndirectory.id=%s\nnode.id=%d\nversion=1\n", m.Cluster, formatUUID(m.Directory), m.Node)
	return replaceFile(d, join(dir.Path, metaFile), []byte(content))
}

// LoadMeta reads meta.properties; ok is false if the directory is not formatted.
func (dir Dir) LoadMeta(d env.Disk) (m Meta, ok bool, err error) {
	content, err := readFile(d, join(dir.Path, metaFile))
	if err == env.ErrNotExist {
		return m, false, nil
	}
	if err != nil {
		return m, false, err
	}
	m, err = decodeMeta(content)
	return m, err == nil, err
}

// decodeMeta reads the properties that Meta has and ignores all others.
func decodeMeta(content []byte) (m Meta, err error) {
	m.Node = wire.NoNode
	for line := range strings.Lines(string(content)) {
		key, value, found := strings.Cut(strings.TrimSpace(line), "=")
		if !found || strings.HasPrefix(key, "#") {
			continue
		}
		switch key {
		case "cluster.id":
			m.Cluster = value
		case "node.id":
			n, err := strconv.ParseInt(value, 10, 32)
			if err != nil {
				return Meta{}, fmt.Errorf("%w: %s: node.id %q", errCheckpoint, metaFile, value)
			}
			m.Node = wire.NodeID(n)
		case "directory.id":
			if m.Directory, err = parseUUID(value); err != nil {
				return Meta{}, err
			}
		case "version":
			if value != "1" {
				return Meta{}, fmt.Errorf("%w: %s: version %q, want 1", errCheckpoint, metaFile, value)
			}
		}
	}
	return m, nil
}

// formatUUID returns an id as Kafka prints it: 22 characters of URL-safe base64.
func formatUUID(id wire.UUID) string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// parseUUID reads what formatUUID writes.
func parseUUID(s string) (id wire.UUID, err error) {
	p, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(p) != len(id) {
		return id, fmt.Errorf("%w: id %q is not 22 characters of base64", errCheckpoint, s)
	}
	copy(id[:], p)
	return id, nil
}

// SaveTopicID writes partition.metadata into a log's directory before the first record is appended. Otherwise the log
// of a deleted topic could be taken for the log of a new topic with the same name (KIP-516).
func SaveTopicID(d env.Disk, logDir string, id wire.TopicID) error {
	return replaceFile(d, join(logDir, topicFile), []byte("version: 0\ntopic_id: "+formatUUID(wire.UUID(id))))
}

// LoadTopicID reads partition.metadata; ok is false if there is none.
func LoadTopicID(d env.Disk, logDir string) (id wire.TopicID, ok bool, err error) {
	content, err := readFile(d, join(logDir, topicFile))
	if err == env.ErrNotExist || err == nil && len(content) == 0 {
		return id, false, nil
	}
	if err != nil {
		return id, false, err
	}
	id, err = ParseTopicID(content)
	return id, err == nil, err
}

// ParseTopicID reads the content of partition.metadata, version 0.
func ParseTopicID(content []byte) (id wire.TopicID, err error) {
	version, rest, found := strings.Cut(string(content), "\n")
	text, isID := strings.CutPrefix(strings.TrimSpace(rest), "topic_id: ")
	if !found || version != "version: 0" || !isID {
		return id, fmt.Errorf("%w: %s", errCheckpoint, topicFile)
	}
	u, err := parseUUID(text)
	return wire.TopicID(u), err
}

// DirKind is the kind of a log's directory. The suffix of the directory's name shows it.
type DirKind uint8

const (
	DirLog     DirKind = iota // a partition's log
	DirDeleted                // a deleted topic's log, waiting to be removed
	DirStray                  // the log of a partition that the metadata does not assign to this broker
	DirFuture                 // the log of a replica that is being moved between directories
)

var dirKindSuffixes = [...]string{DirDeleted: "-delete", DirStray: "-stray", DirFuture: "-future"}

// ParseDir reads the name of a log's directory: "orders-0", or "orders-0.6b1f…-delete" with a unique id and a suffix.
func ParseDir(name string) (tp wire.TopicPartition, kind DirKind, ok bool) {
	for k, suffix := range dirKindSuffixes {
		if suffix == "" {
			continue
		}
		if rest, found := strings.CutSuffix(name, suffix); found {
			dot := strings.LastIndexByte(rest, '.')
			if dot <= 0 {
				return tp, DirLog, false
			}
			name, kind = rest[:dot], DirKind(k)
			break
		}
	}
	dash := strings.LastIndexByte(name, '-')
	if dash <= 0 {
		return tp, kind, false
	}
	n, valid := parseOffset(name[dash+1:])
	if !valid || n > 1<<31-1 {
		return tp, kind, false
	}
	return wire.TopicPartition{Topic: name[:dash], Partition: int32(n)}, kind, true
}

// FormatDir returns the name of the directory for a log of the given kind. The unique id distinguishes the logs of
// topics that had the same name and were deleted one after the other. The name of a DirLog does not contain it.
func FormatDir(tp wire.TopicPartition, kind DirKind, unique wire.UUID) string {
	if kind == DirLog {
		return tp.String()
	}
	const nameMax = 255
	tail := fmt.Sprintf("-%d.%x%s", tp.Partition, unique[:], dirKindSuffixes[kind])
	return tp.Topic[:min(len(tp.Topic), nameMax-len(tail))] + tail
}
