package env

// Disk is a machine's file system behind a page cache.
//
//	write ──▶ page cache ──Sync──▶ device          a process crash keeps the page cache
//	create, rename, remove ──SyncDir──▶ device     power loss keeps only what was synced, and perhaps some of the rest
//
// Calls are synchronous, and their cost keeps the lane of the event busy. Paths are slash-separated and relative to
// the machine's root ("orders-0/00000000000000000000.log"). Every error is an Error of this package.
type Disk interface {
	// Mkdir makes one directory; its parent must exist.
	Mkdir(path string) error
	// List returns the entries of a directory ("" is the root), in byte order.
	List(dir string) ([]Entry, error)
	// Open opens a file. If the file does not exist and create is true, Open makes it.
	Open(path string, create bool) (File, error)
	// Close closes the handle. It syncs nothing.
	Close(f File) error
	// Size returns the file's length in bytes.
	Size(f File) (int64, error)
	// ReadAt reads up to n bytes at off. It returns fewer only at the end of the file. The bytes are read-only for the
	// caller and never change, even if the file does.
	ReadAt(f File, off int64, n int) ([]byte, error)
	// Append writes p at the end. After an error, a prefix of p may have been written.
	Append(f File, p []byte) error
	// WriteAt writes p at off, inside the file or directly after its end.
	WriteAt(f File, off int64, p []byte) error
	// Truncate cuts the file to size, or extends it with zeros.
	Truncate(f File, size int64) error
	// Sync makes the file's bytes and length durable, but not its directory entry; see SyncDir.
	Sync(f File) error
	// Flush starts a sync and does not wait. When the sync is over, the node's Returned is called with this token.
	Flush(f File, tok Token)
	// Rename moves a file or directory. It replaces a file that has the new name. Open handles stay valid.
	Rename(from, to string) error
	// Remove unlinks a file or an empty directory. Open handles stay valid.
	Remove(path string) error
	// SyncDir makes the directory entries of dir ("" is the root) durable: creates, renames and removes.
	SyncDir(dir string) error
	// Space returns the device's free and total space in bytes.
	Space() (free, total int64, err error)
}

// File is an open file's handle; it becomes invalid with its incarnation. 0 is no file.
type File uint32

// Entry is a directory entry.
type Entry struct {
	Name string
	Dir  bool
}
