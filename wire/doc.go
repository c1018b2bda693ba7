// Package wire has the formats of Kafka's network and logs, in Kafka's own bytes: record batches, control records,
// frames of requests and responses, the records of the metadata log and of the coordinators' logs, and the small files
// of the quorum.
//
// Nearly everything in Kafka is a record batch: the batch that a producer sends, the content of a segment file and of a
// fetch response, a transaction's marker, a change of cluster metadata, a snapshot. All have the same format, so a
// broker can append and serve a batch without decoding it:
//
//	 0            8        12       16     17    21          61
//	┌────────────┬────────┬────────┬──────┬─────┬───────────┬──────────────────────────────┐
//	│base offset │ length │ leader │magic │ CRC │ 40 bytes: │ records, compressed together │
//	│            │        │ epoch  │ 2    │     │ see below │ or not at all                │
//	└────────────┴────────┴────────┴──────┴─────┴───────────┴──────────────────────────────┘
//	 '--- written by the leader ---'             '----- signed by the batch's author ---'
//
//	attributes i16 | last offset delta i32 | base timestamp i64 | max timestamp i64
//	producer id i64 | producer epoch i16 | base sequence i32 | record count i32
//
//	a record: length | 0 | timestamp delta | offset delta | key | value | headers
//
// The CRC does not cover the base offset and the leader epoch. A leader that appends a batch can therefore set these
// twelve bytes without computing the CRC again. All other offsets and timestamps are relative: a record stores its
// distance from the batch's first offset and timestamp.
//
// How to read: batch.go has the header and finds batches in bytes; record.go has the records; build.go writes batches
// with their records; codec.go has the compression. validate.go has the checks that every batch must pass and the
// further checks for batches from clients. control.go has the records that Kafka writes for itself. frame.go encodes
// and decodes the requests and responses of package kmsg with their headers; size.go estimates their size for the model
// of bandwidth. coder.go reads and writes the messages that Kafka generates from schemas: metadata*.go has those of the
// metadata log, coordinator*.go those of the logs of the group coordinator and the transaction coordinator. quorum.go
// and snapshot.go have the quorum's files. ids.go has the types of offsets, epochs and ids for every other package.
//
// What it is not: it is not a log (see storage), it does not have the rules of appends (see replication), and it does
// not define the requests (see kmsg). It has no state: every function depends on its arguments alone and returns the
// same bytes on every platform. Batches, records and the byte fields of requests and responses alias the bytes from
// which they were decoded. Bytes from a link or a disk are read-only.
package wire
