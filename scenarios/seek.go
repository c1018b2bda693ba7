package scenarios

import (
	"samsa/sim/env"
	"samsa/wire"
)

// The methods in this file move a session and read its state.

// Advance runs up to n ticks. A tick starts a line or runs one event. Advance returns false if the run is over. It does not
// react to signals or to real time, so the caller checks for these between two calls.
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

// Step runs to the next step of the story. It returns false if there is none.
func (s *Session) Step() (bool, error) { return s.RunUntil(s.Position() + 1) }

// RunUntil runs until the story has this many steps. It returns false if the run ended before that.
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

// Seek returns a session at a step. To go backwards, it runs the scenario again from the start. The old session must not be
// used afterwards.
func (s *Session) Seek(step uint64) (*Session, error) {
	if step < s.Position() || s.verdict != nil {
		s.Close()
		s = New(s.program, s.run)
	}
	_, err := s.RunUntil(step)
	return s, err
}

// Close ends the session's world. Its story can still be read.
func (s *Session) Close() {
	s.work.end()
	if s.cluster != nil {
		s.cluster.Close()
	}
}

// Position returns the number of steps so far.
func (s *Session) Position() uint64 {
	if s.cluster == nil {
		return 0
	}
	return s.cluster.Steps()
}

// Verdict returns the verdict of the run or, before its end, a verdict on the run so far. It does not end the run.
func (s *Session) Verdict() *Verdict {
	if s.verdict != nil || s.err != nil {
		return s.verdict
	}
	return VerdictAt(s, Stop{StopUnfinished, "the run was not finished"})
}

// VerdictAt returns a verdict on the run so far. The argument why is the reason why the caller stops the run here. If the
// run has ended already, VerdictAt returns its verdict. VerdictAt does not end the run.
func VerdictAt(s *Session, why Stop) *Verdict {
	if s.verdict != nil || s.err != nil {
		return s.verdict
	}
	peek := *s
	if s.cluster != nil {
		peek.stop(why.Reason, why.Text)
	}
	peek.endWith(false)
	return peek.verdict
}

// Over reports whether the run has ended.
func (s *Session) Over() bool { return s.verdict != nil }

// Entries returns the entries of the story so far. The caller must not change them.
func (s *Session) Entries() []Entry { return s.entries }

// Claims returns the claims of the lines so far. The caller must not change them.
func (s *Session) Claims() []Claim { return s.claims }

// Outputs returns the outputs of the file's blocks so far.
func (s *Session) Outputs() []string { return s.outputs }

// Program returns the scenario.
func (s *Session) Program() *Program { return s.program }

// Seed returns the seed of the run.
func (s *Session) Seed() uint64 { return s.seed }

// Names resolves the integers of notes. It knows no names before the first line has run.
func (s *Session) Names() Names {
	if s.cluster == nil {
		return noNames{}
	}
	return s.cluster.Names()
}

// Cluster returns a read-only view of the cluster, or nil before the first line has run.
func (s *Session) Cluster() Sight {
	if s.cluster == nil {
		return nil
	}
	return onlySight{s.cluster}
}

// onlySight hides all methods of a cluster but those of Sight from type assertions.
type onlySight struct{ Sight }

// Tally returns the run's tally so far, or the zero value before the first line has run.
func (s *Session) Tally() Tally {
	if s.cluster == nil {
		return Tally{}
	}
	return s.cluster.Tally()
}

// Waiting returns the clients that wait for a response, one entry per request, in the order of the requests.
func (s *Session) Waiting() []Waiter {
	if s.cluster == nil {
		return nil
	}
	return s.cluster.Waiting()
}

// Partitions returns the partitions of all topics that the file creates, in the order of the file.
func (p *Program) Partitions() (all []wire.TopicPartition) {
	for _, t := range p.ns.topics {
		for i := range t.partitions {
			all = append(all, wire.TopicPartition{Topic: t.name, Partition: i})
		}
	}
	return all
}

// Progress returns the number of events and the virtual time so far.
func (s *Session) Progress() (events uint64, now env.Duration) {
	if s.cluster == nil {
		return 0, 0
	}
	return s.cluster.Events(), s.cluster.Now()
}
