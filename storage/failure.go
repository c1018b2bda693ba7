package storage

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/sim/env"
	"samsa/wire"
)

// Offline is the error of a log that refuses every change in this incarnation. A disk operation has failed, and the state
// of the device is unknown. The broker takes the whole log directory offline (KIP-112) and responds with
// KAFKA_STORAGE_ERROR.
type Offline struct {
	Doing string // the operation: "append to orders-0"
	Cause error  // the disk's error
}

// Error returns the operation and the disk's error.
func (o *Offline) Error() string { return fmt.Sprintf("%s: %v; the log is offline", o.Doing, o.Cause) }

// Unwrap makes errors.Is find both Kafka's error and the disk's.
func (o *Offline) Unwrap() []error { return []error{kerr.KafkaStorageError, o.Cause} }

// UnexpectedOffset is the error of a follower's append that has a batch below the log end
// (UnexpectedAppendOffsetException). If the log is empty and Last is at or above its start, the caller may restart the
// log at First, because DeleteRecords can move the start into the middle of a batch.
type UnexpectedOffset struct {
	First, Last wire.Offset // the offsets of the batch
	End         wire.Offset // the end of the log or of the previous batch
}

// Error returns all three offsets.
func (u *UnexpectedOffset) Error() string {
	return fmt.Sprintf("append [%d, %d] to a log that ends at %d", u.First, u.Last, u.End)
}

// onFile adds the file to an error of the disk.
func onFile(path string, err error) error {
	if err == nil {
		return nil
	}
	return &fileError{path, err}
}

// fileError is a disk error with the path of its file.
type fileError struct {
	path string
	err  error
}

// Error returns the file and the disk's error.
func (e *fileError) Error() string { return e.path + ": " + e.err.Error() }

// Unwrap returns the disk's error.
func (e *fileError) Unwrap() error { return e.err }

// isDisk reports whether an error comes from the disk, and not from invalid bytes.
func isDisk(err error) bool {
	var e env.Error
	return errors.As(err, &e)
}

// fail takes the log offline. Kafka does this for every IOException, including those of reads
// (LocalLog.maybeHandleIOException).
func (l *Log) fail(doing string, err error) error {
	off := &Offline{Doing: doing + " " + l.dir, Cause: err}
	if l.offline == nil && l.cfg.Rules.StayOffline {
		l.offline = off
	}
	return off
}

// failDisk calls fail for errors of the disk and returns all others unchanged.
func (l *Log) failDisk(doing string, err error) error {
	if err != nil && isDisk(err) {
		return l.fail(doing, err)
	}
	return err
}
