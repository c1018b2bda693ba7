package scenarios

import "samsa/sim/env"

// NoteKinds lists every kind of note that nodes and the world make, in the order a reader would look for them.
func NoteKinds() []*env.NoteKind { return nil }

// noteNames lists their names.
func noteNames() []string {
	var all []string
	for _, k := range NoteKinds() {
		all = append(all, k.Name)
	}
	return all
}
