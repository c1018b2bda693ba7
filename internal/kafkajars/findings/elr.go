package main

import "samsa/internal/kafkajars"

// elrOffAndOn: b1 is in the ELR when the feature eligible.leader.replicas.version is switched off, and is still in it when
// the feature is on again. Records are acknowledged without b1 meanwhile, and then it is elected.
var elrOffAndOn = recipe{
	name:    "elr-off-and-on",
	doc:     "eligible leaders outlive their feature",
	cluster: kafkajars.ClusterOptions{Brokers: 3, Controllers: 1},
	play: func(r *run) error {
		feature := func(level int16) func() error {
			return func() error {
				r.say("finalise eligible.leader.replicas.version=%d", level)
				return r.SetFeature("eligible.leader.replicas.version", level)
			}
		}
		return must(
			r.orders("min.insync.replicas=3", 1, 2, 3), r.produce(1, "a"), r.isr(1, 2, 3),
			r.stop(1), r.leader(2),
			feature(0),
			func() error { return r.SetConfig("orders", "min.insync.replicas", "2") },
			feature(1),
			r.produce(2, "b"),
			r.stop(3), r.stop(2),
			r.start(1), r.leader(1), r.consume(1, 0),
		)
	},
}
