// Package sim is a simulated world that a seed determines: machines with clocks and disks, the network between them,
// and the faults of all of these. It implements the interfaces of sim/env. A node cannot distinguish this world from
// the real one. The owner of the World can stop time, cut cables, cut the power of machines, and replay the run.
//
//	         Config{Seed, Overrides}                         Step, RunUntil, At, Do, Crash, Cut, Pause, SkewWall, ...
//	                   │                                                          │
//	┌──────────────────▼──────────────────────────────────────────────────────────▼─────────────────────┐
//	│ World    event queue ── (time, tie, sequence) ──▶ one event at a time                             │
//	│                                                     │                                             │
//	│   machine b1                                        ▼                       machine b2            │
//	│   ┌───────────────────────────────┐      link = two halves, two pipes      ┌──────────────┐       │
//	│   │ stations (lanes)  clocks      │ ══ [request][request] ═══════════════▶ │ ...          │       │
//	│   │ timers            disk        │ ◀═════════════════════ [response] ═══ │              │       │
//	│   │        env.Node               │            path: latency, faults       └──────────────┘       │
//	│   └───────────────────────────────┘                                                               │
//	└───────┬──────────────────────────┬───────────────────────────────────────────┬────────────────────┘
//	        ▼                          ▼                                           ▼
//	     Hash()                 TraceSink, AfterEvent                       Feed (judges): effects when complete
//
// # An event
//
// The world takes the first entry of the queue: a timer is due, a packet arrives, or a lane is free. An event for a node
// is submitted to the *station* of its lane. If the lane is free, the node handles the event now and to its end; otherwise
// the event waits in order. Time does not move while a handler runs, but each event and each disk call has a cost. The
// lane is busy until that cost is paid, and a message leaves when the cost before it is paid, in the order of sending.
// So a handler that syncs and then answers needs no callback, and its answer still leaves after the sync.
//
// Lanes share a process. No event begins before the disk changes of earlier events are complete, whatever its lane; this
// models the lock around a log. If a handler syncs after its last disk change, only its own lane waits for that sync.
// Other lanes may see the node's new state before the sync is complete. A message that promises synced data must therefore
// be sent after the sync, by the same handler or by an event that the handler caused. A broker's heartbeats take no lock
// (station.go).
//
// A process may die at any time, even before the cost of its last event is paid. Its handler has returned by then, so the
// world takes back the effects that a real process would not have reached. At the time of death
//
//	messages, notes       are dropped if the cost before them is not paid yet
//	after a power loss    disk calls that had not begun were never made; chance decides which unsynced changes survive
//	after a kill          all disk calls of the handler count as made, as on a faster machine
//
// The third rule is kinder than a real kill, which may fall between two calls. DieAfter kills between two calls, and drops
// all effects after that point. A paused process makes no disk calls, but the device completes those made before.
//
// # Chance
//
// Every decision is a hash of (seed, site, entity, ordinal), see choose.go. No decision is drawn from a stream, so adding
// or removing one changes no other. The value 0 is benign. Overrides pin decisions or switch sites off; the DecisionSink
// gets every decision that was not 0. The world's own noise is Config.Net (jitter, loss, resets), Config.Disk.Noise and the
// order of events at the same instant. Methods of World inject faults on demand.
//
// # The rule of determinism
//
// Equal configs, machines and control actions give equal runs, on every platform, in every Mode, with or without a
// trace. A comparison of hashes shows it, because Hash covers every event with its timer or token, every note, choice
// and control action with its numbers, and every disk operation with its bytes. For a message it covers sender, api key
// and size, and also a digest of records and of their answers (message.go). It does not cover a message's bytes,
// because only wire and guard mode have them.
//
// # Reading
//
// Begin with config.go (the settings of a world). Then read world.go and queue.go (time), station.go and dispatch.go (the
// order of events), timer.go and clock.go, link.go with call.go and pipe.go (TCP as Kafka uses it), path.go (latency),
// process.go (start, stop, crash), netfault.go, message.go (pointer, wire, guard), trace.go and feed.go (output for viewers
// and judges). Disks are in sim/disk; diskhost.go connects one to its machine.
//
// # What it is not
//
// The package knows nothing about brokers and does not judge a run. There are no datagrams, no partial reads, no
// goroutines, no real time, and no floats. It moves whole messages; sim/live and the fuzz tests in wire handle byte
// streams that are cut anywhere.
package sim
