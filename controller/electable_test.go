package controller

import (
	"slices"
	"testing"

	"samsa/controller/image"
	"samsa/wire"
)

// A partition can be led by a member of its ISR, by an eligible replica when that is empty, by the last known leader when both
// are, and uncleanly by any replica.
func TestCanBeLed(t *testing.T) {
	rules := CurrentRules()
	all := []wire.NodeID{1, 2, 3}
	for name, c := range map[string]struct {
		p              image.Partition
		elr, uncleanly bool
		active         []wire.NodeID
		want           bool
	}{
		"one in sync":                    {p: image.Partition{Replicas: all, ISR: []wire.NodeID{2}}, active: []wire.NodeID{2, 3}, want: true},
		"none in sync":                   {p: image.Partition{Replicas: all, ISR: []wire.NodeID{2}}, active: []wire.NodeID{3}},
		"none in sync, uncleanly":        {p: image.Partition{Replicas: all, ISR: []wire.NodeID{2}}, active: []wire.NodeID{3}, uncleanly: true, want: true},
		"no replica, uncleanly":          {p: image.Partition{Replicas: all, ISR: []wire.NodeID{2}}, active: []wire.NodeID{4}, uncleanly: true},
		"eligible beside an ISR":         {p: image.Partition{Replicas: all, ISR: []wire.NodeID{2}, ELR: []wire.NodeID{3}}, elr: true, active: []wire.NodeID{3}},
		"eligible":                       {p: image.Partition{Replicas: all, ELR: []wire.NodeID{3}}, elr: true, active: []wire.NodeID{3}, want: true},
		"last known":                     {p: image.Partition{Replicas: all, LastKnown: []wire.NodeID{1}}, elr: true, active: []wire.NodeID{1}, want: true},
		"last known, but no ELR is kept": {p: image.Partition{Replicas: all, LastKnown: []wire.NodeID{1}}, active: []wire.NodeID{1}},
		"last known is not active":       {p: image.Partition{Replicas: all, LastKnown: []wire.NodeID{1}}, elr: true, active: []wire.NodeID{2}},
	} {
		c.p.Leader = wire.NoNode
		got := CanBeLed(&rules, &c.p, c.elr, c.uncleanly, func(id wire.NodeID) bool { return slices.Contains(c.active, id) })
		if got != c.want {
			t.Errorf("%s: %t, want %t", name, got, c.want)
		}
	}
}
