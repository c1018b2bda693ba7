package scenarios

import (
	"fmt"
	"testing"

	"samsa/check"
	"samsa/sim/env"
	"samsa/wire"
)

// BenchmarkCluster runs three brokers and three controllers with every judge on, under a steady load of acks=all batches
// and one reader. acked/s is batches acknowledged per second of work, x-real virtual over real time; acked/s alone says
// little at a low load, where most of what happens is heartbeats and empty fetches.
func BenchmarkCluster(b *testing.B) {
	for _, load := range []int{100, 1_000, 10_000} { // batches per virtual second
		b.Run(fmt.Sprint(load), func(b *testing.B) {
			built, err := Assemble(Options{Brokers: 3, Controllers: 3, Seed: 1})
			if err != nil {
				b.Fatal(err)
			}
			c := built.(*cluster)
			op := c.CreateTopic(TopicSpec{Name: "orders", Partitions: 3, Replicas: 3, Configs: []Setting{{"min.insync.replicas", "2"}}})
			for {
				if _, done := c.Outcome(op); done || !c.Step() {
					break
				}
			}
			var clients []env.Addr
			for i := range 10 {
				clients = append(clients, env.Addr(fmt.Sprintf("p%d", i)))
				c.AddClient(clients[i], []Setting{{"linger.ms", "0"}})
			}
			c.AddClient("r1", []Setting{{"auto.offset.reset", "earliest"}})
			begin, events, n := c.Now(), c.Events(), 0
			every := env.Second * env.Duration(len(clients)) / env.Duration(load)
			at := begin
			for b.Loop() { // ten batches, and what comes with them
				at += every
				for _, p := range clients {
					n++
					c.Produce(p, wire.TopicPartition{Topic: "orders", Partition: int32(n % 3)}, []string{fmt.Sprint("v", n)})
				}
				for c.Now() < at && c.Step() {
				}
			}
			b.StopTimer()
			spent := b.Elapsed().Seconds()
			b.ReportMetric(float64(c.tally.AckedBatches)/spent, "acked/s")
			b.ReportMetric(float64(c.Now()-begin)/1e9/spent, "x-real")
			b.ReportMetric(float64(c.Events()-events)/spent, "events/s")
			for _, f := range c.Judge() {
				if f.Status == check.Violated {
					b.Fatal(f.Check.Name, f.Explanation)
				}
			}
		})
	}
}
