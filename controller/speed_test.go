package controller_test

import (
	"testing"

	"samsa/sim"
	"samsa/sim/env"
)

// BenchmarkQuorum is a virtual second of three controllers, three brokers that beat and an admin that makes a topic every
// ten milliseconds, with the oracle on.
func BenchmarkQuorum(b *testing.B) {
	w := newSimCluster(1, 3, nil)
	w.RunUntil(second)
	topics, events := len(w.topics), w.Events()
	for b.Loop() {
		w.RunUntil(w.Now() + sim.Time(env.Second))
	}
	b.ReportMetric(float64(len(w.topics)-topics)/b.Elapsed().Seconds(), "topics/s")
	b.ReportMetric(float64(w.Events()-events)/b.Elapsed().Seconds(), "events/s")
}
