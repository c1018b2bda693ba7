package storage

import (
	"samsa/sim/env"
)

// tmpSuffix is the suffix of a temporary file. A temporary file has the new content of another file, and is then renamed
// to replace that file.
const tmpSuffix = ".tmp"

// readFile reads a whole file. If the file is missing the error is env.ErrNotExist.
func readFile(d env.Disk, path string) ([]byte, error) {
	f, err := d.Open(path, false)
	if err == env.ErrNotExist {
		return nil, err
	}
	if err != nil {
		return nil, onFile(path, err)
	}
	size, err := d.Size(f)
	var p []byte
	if err == nil && size > 0 {
		p, err = d.ReadAt(f, 0, int(size))
	}
	if e := d.Close(f); err == nil {
		err = e
	}
	return p, onFile(path, err)
}

// writeFile creates a file with the given content, or overwrites an existing one. If sync is set the bytes are durable;
// the directory entry becomes durable when the directory is synced.
func writeFile(d env.Disk, path string, content []byte, sync bool) error {
	return overwrite(d, path, content, sync, false)
}

// overwrite does the work of writeFile. If truncate is set it truncates the file even if it is empty.
func overwrite(d env.Disk, path string, content []byte, sync, truncate bool) error {
	f, err := d.Open(path, true)
	if err != nil {
		return onFile(path, err)
	}
	if !truncate {
		var size int64
		size, err = d.Size(f)
		truncate = size > 0
	}
	if err == nil && truncate {
		err = d.Truncate(f, 0)
	}
	if err == nil && len(content) > 0 {
		err = d.Append(f, content)
	}
	if err == nil && sync {
		err = d.Sync(f)
	}
	if e := d.Close(f); err == nil {
		err = e
	}
	return onFile(path, err)
}

// Replacement is a file with its new content.
type Replacement struct {
	Path     string
	Content  []byte
	Truncate bool // truncate the temporary file even if it is empty
	LoseName bool // do not sync the directory after the rename; only an old rule sets this
}

// ReplaceFile replaces a file's content so that after any crash the file has all of the old or all of the new content.
// It writes a temporary file, syncs it, renames it, and syncs the directory (CheckpointFile, FileQuorumStateStore,
// Utils.atomicMoveWithFallback).
func ReplaceFile(d env.Disk, r Replacement) error {
	temporary := r.Path + tmpSuffix
	if err := overwrite(d, temporary, r.Content, true, r.Truncate); err != nil {
		return err
	}
	if err := d.Rename(temporary, r.Path); err != nil {
		return onFile(r.Path, err)
	}
	if r.LoseName {
		return nil
	}
	return onFile(parent(r.Path), d.SyncDir(parent(r.Path)))
}

// replaceFile is ReplaceFile without options.
func replaceFile(d env.Disk, path string, content []byte) error {
	return ReplaceFile(d, Replacement{Path: path, Content: content})
}

// syncFile makes the bytes of a file that is not open durable.
func syncFile(d env.Disk, path string) error {
	f, err := d.Open(path, false)
	if err != nil {
		return onFile(path, err)
	}
	err = d.Sync(f)
	if e := d.Close(f); err == nil {
		err = e
	}
	return onFile(path, err)
}
