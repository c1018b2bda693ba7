//as storage

package storage

import "samsa/sim/env"

type log struct {
	file env.File
	size int64
}

// turn lives as long as one event.
type turn struct {
	e    env.Env //env: a turn is made and dropped within one event
	done bool
}

func (l *log) grow(d env.Disk, p []byte) error {
	each(func() { _ = d.Append(l.file, p) })
	return d.Sync(l.file)
}

func each(f func()) { f() }
