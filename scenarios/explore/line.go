package explore

import (
	"fmt"
	"slices"
	"strings"
)

// Line is one line of a plan.
type Line struct {
	Part  Part
	Timed bool // the line begins with "at TIME"
	At    int  // the time in milliseconds; 0 if the line has none
	Verb  string
	Args  []string // the words after the verb
	Tag
}

// Tag is the fault or operation of a line, and the machines and topics that the line names.
type Tag struct {
	Family string // the family of faults or kind of operation of the line; empty for the workload and the healing
	// ID is the same for all lines that belong to one fault or operation. Examples are the lines that begin and end a fault,
	// and the lines that create a topic, delete it and create it again. Lines with the same ID can be removed only together.
	// ID is 0 if a line can be removed alone.
	ID   int
	Ends bool // the line ends the fault that has the same ID

	Machines []string // the machines and clients in the line, by address (b1) or by role (leader:orders-0, brokers)
	Topics   []string // the topics that the line names
}

// Part is one of the three parts of a plan.
type Part uint8

const (
	Boot    Part = iota // creates the cluster and its topics; some faults hit the boot
	Serving             // has the workload, operations and faults
	Healing             // ends the faults, waits until the cluster is quiet, and reads all records
)

// host is a machine or a client, a list of them, or a role that is resolved at run time.
type host string

// role reports whether the host is a role.
func (h host) role() bool { return strings.Contains(string(h), ":") }

// partition is one partition of a topic.
type partition struct {
	topic string
	n     int
}

func (p partition) String() string { return fmt.Sprintf("%s-%d", p.topic, p.n) }

// leader, follower and followers return the roles of a partition. A role is resolved to machines at run time.
func (p partition) leader() host    { return host("leader:" + p.String()) }
func (p partition) follower() host  { return host("follower:" + p.String()) }
func (p partition) followers() host { return host("followers:" + p.String()) }

// directory is the directory of a partition on a disk.
type directory partition

func (d directory) String() string { return partition(d).String() + "/" }

// logFile is a file in the directory of a partition on a disk.
type logFile struct {
	partition
	name string
}

func (f logFile) String() string { return directory(f.partition).String() + f.name }

// topicName is the name of a topic as a word of a line.
type topicName string

// span is a duration in milliseconds, as a word of a line.
type span int

func (s span) String() string { return ms(int(s)) }

// words is a list of words for a line. It may be empty.
type words []any

// newLine makes a line from words of any type. It adds the machines and topics among the words to the tag of the line.
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
		case logFile:
			l.Topics = append(l.Topics, a.topic)
		case directory:
			l.Topics = append(l.Topics, a.topic)
		case topicName:
			l.Topics = append(l.Topics, string(a))
		}
		l.Args = append(l.Args, fmt.Sprint(a))
	}
}

// String returns the line as it is written in a scenario.
func (l Line) String() string {
	s := strings.Join(append([]string{l.Verb}, l.Args...), " ")
	if l.Timed {
		s = "at " + ms(l.At) + " " + s
	}
	return s
}

// has reports whether the line has a word.
func (l Line) has(word string) bool { return slices.Contains(l.Args, word) }

// effect is a set of effects that last after a line has run. The healing must end or consider each of them.
type effect uint16

const (
	hurtsDisk effect = 1 << iota // a disk has a fault, or a crash in the middle of a disk operation is pending
	drifts                       // a monotonic clock is too fast or too slow
	slows                        // a CPU is slow
	pauses                       // a process is paused
	hurtsNet                     // the network has a fault
	stops                        // a process is stopping, which may take long
	unclean                      // an unclean election may lose records
	deletes                      // a topic is deleted
	grows                        // a topic gets more partitions
)

// effects returns the lasting effects that a line may have.
func (l Line) effects() (e effect) {
	switch l.Verb {
	case "stop", "restart":
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
