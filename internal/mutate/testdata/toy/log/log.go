// Package log is a log with a limit, for the tests of a tool that changes it.
package log

import "errors"

var errFull = errors.New("the log is full")

// Log has a number of bytes.
type Log struct{ Size, Limit, Refused int }

// Append adds bytes, if there is room.
func (l *Log) Append(n int) error {
	if l.Size+n > l.Limit {
		l.Refused++
		return errFull
	}
	l.Size = min(l.Size+n, 1000)
	return nil
}

// Fill appends single bytes until the log is full.
func (l *Log) Fill() (n int) {
	for l.Size < l.Limit {
		if err := l.Append(1); err != nil {
			return n
		}
		n++
	}
	return n
}

// Compact is for a case that no seed reaches.
func (l *Log) Compact() bool {
	if l.Size > 0 && l.Limit == 0 {
		l.Size = 0
		return true
	}
	return false
}

// Rare is for the case of one seed.
func (l *Log) Rare(seed int) int {
	switch {
	case seed == 3:
		return l.Size - 1
	}
	return 0
}
