// Package disk is a machine's file system under a page cache, on a device that can be hurt. It keeps the disk's half of the
// contract, env.Disk, and knows what a process crash and a power loss leave.
//
//	process      Append WriteAt Truncate │ Create Rename Remove │ ReadAt List      one incarnation's handles
//	                       │                        │                ▲
//	page cache          cache                     names ─────────────┘             CrashProcess keeps it
//	                       │ dirty writes           │ name log
//	               Sync ──▶│                        │◀── SyncDir                    done when the call completes
//	device              device                 deviceNames                         LosePower keeps this
//
// A power loss leaves the synced bytes of each file, and of the rest as much as chance says. A file's sync says nothing about
// its name, a directory's sync nothing about its files' bytes. Journals order names: of one directory's unsynced changes
// a prefix survives, and a rename between two directories is one change of both.
//
// Bytes that a reader got never change: content is chunks that are replaced, not overwritten.
//
// # Reading
//
// disk.go has the calls of a process. Then cache.go (inodes, names, handles), bytes.go (the content of a file), durable.go
// (how changes reach the device), issued.go (calls that a handler has made and a process has not), crash.go (what a power
// loss leaves), fault.go (what can go wrong), inspect.go (for judges and tests). host.go is all that the disk asks of the
// machine around it: time, chance and a count of faults. New makes a disk without a machine, for tests.
//
// # What it is not
//
// Hard links, permissions, sparse files and room for names are left out. Room is counted in exact bytes of the page
// cache's view and is free again at once when the last name and handle of a file are gone. Nothing here knows the format of
// a log: a fault hits bytes.
package disk
