package sim

// Peek is a read of what processes see, for judges: it costs nothing, touches nothing and cannot fail. It returns up
// to n bytes at off, read-only and never changing, and the file's size; ok is false if there is no such file.
func (d *Disk) Peek(path string, off int64, n int) (bytes []byte, size int64, ok bool) {
	f := d.walk(path)
	if f == nil || f.dir {
		return nil, 0, false
	}
	if off >= 0 && off < f.cache.size {
		bytes = f.cache.read(off, int(min(int64(n), f.cache.size-off)))
	}
	return bytes, f.cache.size, true
}
