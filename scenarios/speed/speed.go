// Package speed measures the speed of this build on this machine. It runs three deterministic workloads, each for a given
// time on the caller's clock.
//
//	Kernel    timers alone, in a bare world: the cost of an event    ─┐
//	Cluster   3 brokers, 3 controllers, every judge, a steady load    ├─ Measure(clock) ──▶ Pace each
//	Seeds     the runs of samsa explore, one after the other          ─┘
//
// The speed of one machine varies from hour to hour, so the three workloads run in turns. The speeds of Cluster and Seeds
// are also given per million kernel events per second, a figure that depends little on the machine. Benchmarks and `samsa
// doctor speed` run the same code.
//
// Read cluster.go for the load. The package itself reads no clock.
package speed

import (
	"fmt"

	"samsa/scenarios"
	"samsa/scenarios/explore"
	"samsa/sim"
	"samsa/sim/env"
)

// Work is a workload that runs in rounds.
type Work interface {
	// Round runs one round, a few milliseconds of work.
	Round()
	// Done returns the amount of work since the beginning.
	Done() Done
}

// Done is an amount of work.
type Done struct {
	Rounds  int64
	Events  uint64       // the number of events of worlds
	Virtual env.Duration // virtual time
}

// Pace is an amount of work and the real time that it took.
type Pace struct {
	Done
	Spent int64 // the time in nanoseconds on the caller's clock
}

// add adds the work between two results of Done.
func (p *Pace) add(before, after Done, spent int64) {
	p.Rounds += after.Rounds - before.Rounds
	p.Events += after.Events - before.Events
	p.Virtual += after.Virtual - before.Virtual
	p.Spent += spent
}

// turns is the number of turns of each workload. The workloads take turns so that other processes on the machine slow all of
// them alike.
const turns = 16

// Measure runs all workloads in turns, each for about the given time in nanoseconds. now reads the caller's clock. stop, if
// not nil, is called between rounds and ends the measurement if it returns true.
func Measure(works []Work, now func() int64, each int64, stop func() bool) []Pace {
	paces := make([]Pace, len(works))
	for range turns {
		for i, w := range works {
			if stop != nil && stop() {
				return paces
			}
			w.Round() // this round warms up and is not counted
			began, before := now(), w.Done()
			spent := int64(0)
			for spent < max(each/turns, 1) && (stop == nil || !stop()) {
				w.Round()
				spent = now() - began
			}
			paces[i].add(before, w.Done(), spent)
		}
	}
	return paces
}

// Kernel is a world of seven machines with eight timers each.
type Kernel struct {
	world *sim.World
	done  Done
}

// NewKernel makes the world and starts its timers.
func NewKernel() *Kernel {
	k := &Kernel{world: sim.New(sim.Config{Seed: 1, CPU: -1})}
	for i := range 7 {
		addr := env.Addr(fmt.Sprintf("b%d", i+1))
		k.world.Add(sim.Machine{Addr: addr, New: func() env.Node { return ticker{} }})
		k.world.Start(addr)
	}
	return k
}

// Round implements Work. One round is ten thousand events.
func (k *Kernel) Round() {
	const events = 10_000
	for range events {
		k.world.Step()
	}
	k.done.Rounds++
	k.done.Events += events
	k.done.Virtual = env.Duration(k.world.Now())
}

// Done implements Work.
func (k *Kernel) Done() Done { return k.done }

// ticker is a node that keeps eight timers running.
type ticker struct{}

func (ticker) Start(e env.Env) {
	for i := range int64(8) {
		e.Arm(env.Timer{Kind: 1, A: i}, env.Duration(i+1)*100*env.Microsecond)
	}
}

func (ticker) Fire(e env.Env, t env.Timer) { e.Arm(t, env.Duration(t.A+1)*100*env.Microsecond) }

func (ticker) Receive(env.Env, env.Ticket, env.Request)                      {}
func (ticker) Returned(env.Env, env.Token, env.Request, env.Response, error) {}
func (ticker) Lost(env.Env, env.Link, error)                                 {}
func (ticker) Stop(env.Env)                                                  {}

// Seeds explores the seeds 1 to 50 of the compressed profile, one after the other, again and again.
type Seeds struct {
	Mode scenarios.Mode
	done Done
}

// Round implements Work. One round is one seed.
func (s *Seeds) Round() {
	r := explore.Run(uint64(1+s.done.Rounds%50), explore.Options{Profile: explore.Compressed, Mode: s.Mode, Events: 100_000})
	s.done.Rounds++
	s.done.Events += r.Events
	s.done.Virtual += env.Duration(r.Time)
}

// Done implements Work.
func (s *Seeds) Done() Done { return s.done }
