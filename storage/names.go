package storage

import (
	"strings"

	"samsa/wire"
)

// The files of one partition's directory (LogFileUtils).
const (
	suffixLog      = ".log"
	suffixIndex    = ".index"
	suffixTimes    = ".timeindex"
	suffixTxns     = ".txnindex"
	suffixSnapshot = ".snapshot" // the producer table at the offset in the name

	suffixDeleted = ".deleted" // renamed for deletion, and removed after file.delete.delay.ms
	suffixCleaned = ".cleaned" // the output of a compaction that did not finish
	suffixSwap    = ".swap"    // the finished output of a compaction; it replaces its input segments

	epochsFile = "leader-epoch-checkpoint"
	topicFile  = "partition.metadata"
)

// segmentSuffixes are the suffixes of the files that a segment has or may have. The log is first, because its presence
// decides whether the segment exists; loading removes the other files if there is no log.
var segmentSuffixes = [...]string{suffixLog, suffixIndex, suffixTimes, suffixTxns}

// offsetDigits is the width of the offset in a file name: one more than the most digits of an int64.
const offsetDigits = 20

// fileName returns the name of a file for an offset: 20 digits and a suffix.
func fileName(at wire.Offset, suffix string) string {
	var digits [offsetDigits]byte
	n := uint64(at)
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = byte('0' + n%10)
		n /= 10
	}
	return string(digits[:]) + suffix
}

// offsetOf parses a name that starts with an offset and a dot. ok is false for every other name, and for offsets that
// overflow.
func offsetOf(name string) (at wire.Offset, suffix string, ok bool) {
	dot := strings.IndexByte(name, '.')
	if dot <= 0 || dot > offsetDigits {
		return 0, "", false
	}
	at, ok = parseOffset(name[:dot])
	return at, name[dot:], ok
}

// parseOffset reads a non-negative decimal number without a sign.
func parseOffset(s string) (wire.Offset, bool) {
	var n int64
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		if n > (1<<63-1-9)/10 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return wire.Offset(n), len(s) > 0
}

// join returns the path of a name in a directory; "" is the root.
func join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}

// parent returns the directory that holds a path.
func parent(path string) string {
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		return path[:i]
	}
	return ""
}
