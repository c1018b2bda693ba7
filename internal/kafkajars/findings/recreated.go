package main

import "samsa/internal/kafkajars"

// recreatedWhileAway: a broker is away while a topic is deleted and created again. It sets the old log aside when it is back,
// but its log-start-offset-checkpoint keeps the old topic's log start under the new topic's name until it is next written.
// If the broker dies before that, recovery takes the new log for one that ends below its start, and deletes it.
var recreatedWhileAway = recipe{
	name:    "recreated-while-away",
	doc:     "a checkpoint of a deleted topic deletes the records of its successor",
	cluster: kafkajars.ClusterOptions{Brokers: 3, Controllers: 1},
	play: func(r *run) error {
		deleteRecords := func() error {
			r.say("delete records of orders-0 below the high watermark")
			return r.Broker(1).DeleteRecords("orders", 0, -1)
		}
		forget := func() error {
			clear(r.acked)
			r.say("delete topic orders")
			return r.DeleteTopic("orders")
		}
		const config = "min.insync.replicas=2"
		return must(
			r.orders(config, 1, 2, 3),
			r.produce(1, "a"), r.produce(1, "b"), r.produce(1, "c"), r.produce(1, "d"), r.produce(1, "e"),
			r.isr(1, 2, 3), deleteRecords,
			r.wait(2),
			r.stop(2), forget, r.wait(1), r.orders(config, 1, 2, 3),
			r.start(2), r.isr(1, 2, 3), r.produce(1, "x"),
			r.wait(1), r.kill(2), r.isr(1, 3), r.start(2), r.isr(1, 2, 3),
			r.kill(1), r.leader(2), r.consume(2, 0),
		)
	},
}
