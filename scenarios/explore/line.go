package explore

import (
	"fmt"
	"slices"
	"strings"
)

// Line is one line of a plan, as data: the text is written at the end, and nothing reads it back.
type Line struct {
	Part  Part
	Timed bool // stands after "at TIME"
	At    int  // in milliseconds; 0 for a line without a time
	Verb  string
	Args  []string // the words after the verb
	Tag
}

// Tag says which fault or operation a line belongs to, and which machines and topics it names.
type Tag struct {
	Family string // the family of faults or the kind of operation it belongs to; empty for the workload and the healing
	// ID is the same for all lines of one fault or operation: a fault and its end, or a topic that is made, deleted and made
	// again. One that is left out takes the others with it. It is 0 for a line that stands alone.
	ID   int
	Ends bool // it ends the fault of its ID

	Machines []string // the machines and clients it names, also by role: b1, leader:orders-0, brokers
	Topics   []string // the topics it names
}

// Part is the part of a plan that a line stands in.
type Part uint8

const (
	Boot    Part = iota // the cluster, faults that hit its boot, topics
	Serving             // workload, operators and faults
	Healing             // the faults end, the cluster comes to rest, and all is read
)

// host is a machine or a client, a list of them, or a role that one has at the time.
type host string

// role reports whether another machine may be meant whenever the line runs.
func (h host) role() bool { return strings.Contains(string(h), ":") }

// partition is one partition of a topic.
type partition struct {
	topic string
	n     int
}

func (p partition) String() string { return fmt.Sprintf("%s-%d", p.topic, p.n) }

// the leader and the followers of a partition, whichever machines they are at the time.
func (p partition) leader() host    { return host("leader:" + p.String()) }
func (p partition) follower() host  { return host("follower:" + p.String()) }
func (p partition) followers() host { return host("followers:" + p.String()) }

// directory is the directory of a partition on a disk.
type directory partition

func (d directory) String() string { return partition(d).String() + "/" }

// topicName is a topic where a line names it.
type topicName string

// span is a length of time in milliseconds.
type span int

func (s span) String() string { return ms(int(s)) }

// words is more than one word, or none.
type words []any

// newLine makes a line of words of any type; what they name becomes part of its tag.
func newLine(tag Tag, verb string, args ...any) Line {
	l := Line{Verb: verb, Tag: tag}
	l.add(args)
	return l
}

func (l *Line) add(args []any) {
	for _, a := range args {
		switch a := a.(type) {
		case words:
			l.add(a)
			continue
		case []setting:
			for _, s := range a {
				l.Args = append(l.Args, s.String())
			}
			continue
		case host:
			l.Machines = append(l.Machines, strings.Split(string(a), ",")...)
			if _, p, ok := strings.Cut(string(a), ":"); ok {
				l.Topics = append(l.Topics, p[:strings.LastIndexByte(p, '-')])
			}
		case partition:
			l.Topics = append(l.Topics, a.topic)
		case directory:
			l.Topics = append(l.Topics, a.topic)
		case topicName:
			l.Topics = append(l.Topics, string(a))
		}
		l.Args = append(l.Args, fmt.Sprint(a))
	}
}

// String is the line as a scenario has it.
func (l Line) String() string {
	s := strings.Join(append([]string{l.Verb}, l.Args...), " ")
	if l.Timed {
		s = "at " + ms(l.At) + " " + s
	}
	return s
}

// has reports whether one of the line's words is this one.
func (l Line) has(word string) bool { return slices.Contains(l.Args, word) }

// effect is a set of consequences of lines that the healing must know of.
type effect uint16

const (
	hurtsDisk effect = 1 << iota // a disk has a fault, or a death that waits for its next calls
	drifts                       // a monotonic clock is too fast or too slow
	slows                        // a processor is slow
	pauses                       // a process stands still
	hurtsNet                     // a way between machines has a fault
	stops                        // a process is on its way down, and may be for long
	unclean                      // an unclean election may give records away
	deletes                      // a topic is deleted
	grows                        // a topic gets more partitions
)

// effects are the consequences that a line may have after its time.
func (l Line) effects() (e effect) {
	switch l.Verb {
	case "stop":
		e = stops
	case "crash":
		if l.has("inside") {
			e = hurtsDisk
		}
	case "disk":
		e = hurtsDisk
	case "clock":
		if l.has("monotonic-drift") {
			e = drifts
		}
	case "pause":
		e = pauses
	case "cut", "link":
		e = hurtsNet
	case "slow":
		if e = hurtsNet; l.has("times") {
			e = slows
		}
	case "elect":
		if l.has("unclean") {
			e = unclean
		}
	case "delete":
		if l.has("topic") {
			e = deletes
		}
	case "grow":
		e = grows
	}
	if slices.ContainsFunc(l.Args, func(word string) bool { return strings.HasPrefix(word, uncleanConfig+"=") }) {
		e |= unclean
	}
	return e
}

// uncleanConfig is the config that allows unclean elections.
const uncleanConfig = "unclean.leader.election.enable"
