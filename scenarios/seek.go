package scenarios

import (
	"samsa/sim/env"
	"samsa/wire"
)

// This file is how others move a session and look at it.

// Advance runs up to n ticks (a line started or an event run); false says that the run is over. The caller may look at
// signals and clocks between two calls; a session itself knows none.
func (s *Session) Advance(n int) (bool, error) {
	for range n {
		if !s.tick() {
			return false, s.err
		}
		if s.err != nil {
			return false, s.err
		}
	}
	return true, nil
}

// Step runs to the next step of the story; false says that there is none.
func (s *Session) Step() (bool, error) { return s.RunUntil(s.Position() + 1) }

// RunUntil runs until the story has that many steps; false says that the run ended before.
func (s *Session) RunUntil(step uint64) (bool, error) {
	for s.Position() < step {
		if more, err := s.Advance(1); !more {
			return s.Position() >= step, err
		}
	}
	return true, nil
}

// Finish runs to the end.
func (s *Session) Finish() (*Verdict, error) {
	for {
		if more, err := s.Advance(1 << 16); err != nil || !more {
			return s.Verdict(), err
		}
	}
}

// Seek goes to a step, also backwards: then the scenario is run again from the start. The session it was called on
// must not be used any more; the one it returns stands at the step.
func (s *Session) Seek(step uint64) (*Session, error) {
	if step < s.Position() || s.verdict != nil {
		s.Close()
		s = New(s.program, s.run)
	}
	_, err := s.RunUntil(step)
	return s, err
}

// Close ends the session's world. What it has told can still be read; it does not move any more.
func (s *Session) Close() {
	if s.cluster != nil {
		s.cluster.Close()
	}
}

// Position is the number of steps that have happened.
func (s *Session) Position() uint64 {
	if s.cluster == nil {
		return 0
	}
	return s.cluster.Steps()
}

// Verdict is how the run ended, or, before its end, how things stand: what the judges say now, and what the file has
// claimed so far. Asking does not end the run.
func (s *Session) Verdict() *Verdict {
	if s.verdict != nil || s.err != nil {
		return s.verdict
	}
	peek := *s
	if s.cluster != nil {
		peek.stop(StopUnfinished, "the run was not finished")
	}
	peek.endWith(false)
	return peek.verdict
}

// Over reports whether the run has ended.
func (s *Session) Over() bool { return s.verdict != nil }

// Entries is what happened so far, in order. It must not be changed.
func (s *Session) Entries() []Entry { return s.entries }

// Claims are what lines have claimed so far, in order. It must not be changed.
func (s *Session) Claims() []Claim { return s.claims }

// Outputs is what each block of the file printed so far.
func (s *Session) Outputs() []string { return s.outputs }

// Program is the scenario.
func (s *Session) Program() *Program { return s.program }

// Seed is the seed of the run.
func (s *Session) Seed() uint64 { return s.seed }

// Names turns the integers of notes into names; it knows none before the first line ran.
func (s *Session) Names() Names {
	if s.cluster == nil {
		return noNames{}
	}
	return s.cluster.Names()
}

// Cluster is the cluster from above; nil before the first line ran. What moves time or does harm is the session's alone.
func (s *Session) Cluster() Sight {
	if s.cluster == nil {
		return nil
	}
	return onlySight{s.cluster}
}

// onlySight is a cluster that no type assertion turns into more than its Sight.
type onlySight struct{ Sight }

// Tally counts what has happened so far; the zero value before the first line ran.
func (s *Session) Tally() Tally {
	if s.cluster == nil {
		return Tally{}
	}
	return s.cluster.Tally()
}

// Waiting are the clients that wait for an answer, one for each request, in the order of the requests.
func (s *Session) Waiting() []Waiter {
	if s.cluster == nil {
		return nil
	}
	return s.cluster.Waiting()
}

// Partitions are those of all topics that the file makes, in its order.
func (p *Program) Partitions() (all []wire.TopicPartition) {
	for _, t := range p.ns.topics {
		for i := range t.partitions {
			all = append(all, wire.TopicPartition{Topic: t.name, Partition: i})
		}
	}
	return all
}

// Progress is how far the run is, for a line on a terminal.
func (s *Session) Progress() (events uint64, now env.Duration) {
	if s.cluster == nil {
		return 0, 0
	}
	return s.cluster.Events(), s.cluster.Now()
}
