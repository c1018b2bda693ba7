// Package disk is a machine's file system with a page cache, on a device that can fail. It implements env.Disk, and models
// the state of the disk after a process crash or a power loss.
//
//	process      Append WriteAt Truncate │ Create Rename Remove │ ReadAt List      one incarnation's handles
//	                       │                        │                ▲
//	page cache          cache                     names ─────────────┘             CrashProcess keeps it
//	                       │ dirty writes           │ name log
//	               Sync ──▶│                        │◀── SyncDir                    durable when the call completes
//	device              device                 deviceNames                         LosePower keeps this
//
// A power loss leaves the synced bytes of each file; chance decides how many unsynced changes survive. A file's sync does
// not make its name durable, and a directory's sync does not make its files' bytes durable. As in a journal, a prefix of
// one directory's unsynced changes survives, and a rename between two directories is one change of both.
//
// Bytes that a reader got never change, because content consists of chunks that are replaced and not overwritten.
//
// # Reading
//
// Begin with disk.go (the calls of a process). Then read cache.go (inodes, names, handles), bytes.go (the content of a
// file), durable.go (how changes reach the device), issued.go (calls that a handler has made, but that the process has not
// issued yet in true time), crash.go (the state after a power loss), fault.go (faults), inspect.go (for judges and tests).
// host.go is the interface to the machine: time, chance and a count of faults. New makes a disk without a machine, for
// tests.
//
// # What it is not
//
// Hard links, permissions, sparse files and the space of directory entries are left out. Space is counted in exact
// bytes of the page cache's view, and is free as soon as a file has no name and no handle. The package does not know
// the format of a log; faults hit bytes.
package disk
