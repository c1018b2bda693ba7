package cluster

import (
	"slices"

	"samsa/broker"
	"samsa/client"
	"samsa/controller"
	"samsa/sim/env"
)

// NoteKinds lists every kind of note that nodes make: controllers, brokers, clients.
func NoteKinds() []*env.NoteKind {
	return slices.Concat(controller.Notes(), broker.Notes(), client.Notes())
}
