package client

import "samsa/sim/env"

// Notes are the kinds of notes that clients make.
func Notes() []*env.NoteKind { return []*env.NoteKind{noteReset} }
