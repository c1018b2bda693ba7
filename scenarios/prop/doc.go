// Package prop tests code that uses Kafka, in `go test`: the code runs on a client in a simulated cluster, while faults that
// were drawn at random hit that cluster.
//
//	func TestPayments(t *testing.T) {
//		test := prop.Test{Topics: []string{"payments partitions=1 replicas=3 min.insync.replicas=2"}}
//		prop.Check(t, test, func(c *prop.Client) {
//			acked := map[string]bool{}
//			for i := 0; c.Faulty(); i++ {
//				if v := fmt.Sprint("payment-", i); c.Send("payments-0", v) == nil {
//					acked[v] = true
//				}
//				c.Sleep(50 * time.Millisecond)
//			}
//			c.Settle()
//			...
//		})
//	}
//
// Three names are enough: Check, Test and Client. Check draws a hundred plans, and runs the code once in each:
//
//	seed ──rapid──▶ plan, a scenario file ──session──▶ held ──▶ next plan
//	                cluster, faults            ▲  │
//	                                           │  └──▶ failed ──▶ twice the same run? ──▶ shrink ──▶ testdata/samsa/....txt
//	                the code, called anew ─────┘                                                     named in the test failure
//
// A run fails if the code calls Client.Fail, if a promise of Kafka's is broken (the checks of `samsa list checks`), or if the
// cluster does not become quiet after the faults. The file of a failure replays with -samsa.file FILE, and every later run of
// the test replays it first.
//
// The code must be deterministic: no goroutine, no real time, no random numbers, no order of a map. Time passes only in the
// methods of Client. What is tested is the code between two requests: its handlers, its state, what it does with an unknown
// outcome. The package does not test a Kafka driver, because the code does not use one here.
//
// Read prop.go for a test, client.go for what the code may call, and rapid.go for generators and fuzzing.
package prop
