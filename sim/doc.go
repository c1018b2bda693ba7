// Package sim is a world that obeys a seed: machines with clocks and disks, the network between them, and everything
// that can go wrong with either. It keeps the contract of sim/env. Nodes run in it as in the real world and cannot tell;
// the owner of the World can stop time, cut cables, pull plugs, and do it all again.
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
// An entry of the queue comes up: a timer is due, a packet arrives, a lane is free. If it concerns a node, it is
// submitted to the *station* of its lane; if the lane is free the node handles it, now and to its end, else it waits in
// order. Time does not move meanwhile. What the handler does costs time: each event some CPU, each disk call its price.
// The lane is busy until that is paid, and messages leave when what was spent before them is paid, in the order they
// were sent. So a handler that syncs and then answers needs no callback, and its answer still leaves after the sync.
//
// Lanes share a process. No event begins before the disk changes of those before it are complete, whatever its lane: that
// is the lock around a log. A sync after the last change is waited for by its own lane only, so what a handler changes in
// its struct after one is visible to other lanes although the sync may not be paid. A promise that rests on a sync must
// leave after that sync: from the same handler, or from an event it caused. A broker's heartbeats take no lock (station.go).
//
// A process may die at any moment, also inside an event before its cost is paid. Its handler has returned by then,
// so the world takes back the effects that a real process would not have reached. At the time of death
//
//	a message, a note     that has not departed, or is not paid for, never does
//	power fails           a disk call that has not begun was never made; one that has, and is not synced, is up to chance
//	the process is killed its disk calls count as made: it was faster, and died after the last of them
//
// The third is kinder than a real kill, which may fall between two calls. A kill between two calls is DieAfter; nothing
// after it happens. A process that is paused makes no calls meanwhile, though the device goes on with those it made.
//
// # Chance
//
// Every decision is a hash of (seed, site, entity, ordinal), see choose.go: nothing is drawn from a stream, so one
// decision more or less moves no other. 0 is benign. Overrides pin decisions or switch sites off; the DecisionSink
// learns of all that were not 0. The world's own noise is Config.Net (jitter, loss, resets), Config.Disk.Noise and
// the order of things that happen at one instant; faults by order are methods of World.
//
// # The rule of determinism
//
// Equal configs, machines and control actions are equal runs, on every platform, in every Mode, watched
// or not. Hash is the proof: it covers every event with its timer or token, every note, choice and control
// action with its numbers, and every disk operation with its bytes. Of a message it covers sender, api key and size, and
// of records and their answers a glance (message.go), not the bytes: only wire and guard mode have them.
//
// # Reading
//
// config.go says what can be set. Then world.go and queue.go (time), station.go and dispatch.go (which event is handled
// when), timer.go and clock.go, link.go with call.go and pipe.go (TCP as Kafka uses it), path.go (latency), process.go
// (start, stop, crash), netfault.go, message.go (pointer, wire, guard), trace.go and feed.go (what viewers and judges see). Disks
// are sim/disk; diskhost.go builds one into a machine.
//
// # What it is not
//
// It knows nothing of brokers and judges nothing. There are no datagrams, no partial reads, no goroutines, no real
// time, and no floats. It moves whole messages; that a byte stream can be cut anywhere is the business of sim/live
// and of the fuzz tests in wire.
package sim
