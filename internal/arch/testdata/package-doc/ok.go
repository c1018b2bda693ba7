//as wire

// Package wire is what crosses a wire or lies in a log.
package wire
