package scenarios

import (
	"fmt"
	"strings"

	"samsa/check"
	"samsa/scenarios/cluster"
	"samsa/sim/env"
)

// groupLook is the group of the verbs that have no effect on a run. Adding or removing them does not change the run of a
// seed.
const groupLook = "look"

var verbShow = &Verb{
	Name:  "show",
	Group: groupLook,
	Forms: []string{"TP", "log TP [HOSTS]", "epochs", "cluster", "files HOSTS [on PATH]", "reads HOSTS", "requests HOSTS", "metrics HOSTS"},
	Doc: "Prints a partition and its replicas, the batches of its logs, the machines, or the files on a machine's disk. epochs shows " +
		"every replica of every partition, one digit per record: its leader epoch, modulo 10. The leader has a star, and records " +
		"that are not in its log stand between exclamation marks. reads shows what clients have read that read until stopped. requests shows the time of answered requests by Kafka's stages: " +
		"in the queue for a handler (RequestQueueTimeMs), in the handler, mostly disk time (LocalTimeMs), waiting for followers, " +
		"records or the controller (RemoteTimeMs), and on the network (ResponseSendTimeMs). metrics shows a broker's JMX metrics." + hostsHelp,
	Example: "show orders-0\nshow log orders-0 b1\nshow epochs\nshow cluster\nshow files b1 on orders-0\nshow requests leader:orders-0\nshow metrics b1",
	Run: func(s *Session, a *Args) Result {
		switch {
		case a.has("cluster"):
			return Result{Text: s.showCluster()}
		case a.has("epochs"):
			return Result{Text: s.showEpochs()}
		case a.has("files"):
			return Result{Text: s.showFiles(a)}
		case a.has("reads"):
			return Result{Text: s.showEach(a, func(host env.Addr) string { return readsOf(s.background, host) })}
		case a.has("log"):
			return Result{Text: s.showLog(a)}
		case a.has("requests"):
			return Result{Text: s.showEach(a, func(host env.Addr) string { return describeRequests(host, s.cluster.Requests(host)) })}
		case a.has("metrics"):
			return Result{Text: s.showEach(a, func(host env.Addr) string { return describeMetrics(host, s.cluster.Metrics(host)) })}
		}
		return Result{Text: s.showPartition(a)}
	},
}

func (s *Session) showPartition(a *Args) string {
	p, ok := s.cluster.Partition(a.tp())
	if !ok {
		return a.tp().String() + ": the controller knows of no such partition\n"
	}
	var b strings.Builder
	b.WriteString(describePartition(s.cluster.Names(), p))
	for _, r := range p.Replicas {
		b.WriteString(describeReplica(r))
	}
	return b.String()
}

func (s *Session) showLog(a *Args) string {
	hosts := s.hosts(arg[[]hostTerm](a, "HOSTS"))
	if !a.has("HOSTS") {
		p, _ := s.cluster.Partition(a.tp())
		for _, r := range p.Replicas {
			hosts = append(hosts, r.Host)
		}
	}
	var b strings.Builder
	for _, host := range hosts {
		b.WriteString(describeLog(host, s.cluster.Log(host, a.tp())))
	}
	return b.String()
}

func (s *Session) showEpochs() string {
	return describeEpochs(s.partitions(), func(host env.Addr, p cluster.PartitionState) []cluster.BatchState { return s.cluster.Log(host, p.TP) })
}

func (s *Session) showCluster() string {
	var b strings.Builder
	for _, m := range s.cluster.Machines() {
		b.WriteString(describeMachine(m))
	}
	return b.String()
}

func (s *Session) showEach(a *Args, describe func(env.Addr) string) string {
	var b strings.Builder
	for _, host := range s.hosts(arg[[]hostTerm](a, "HOSTS")) {
		b.WriteString(describe(host))
	}
	return b.String()
}

// readsOf describes what a client has read so far in the lines that read until stopped.
func readsOf(lines []waiting, client env.Addr) string {
	text := ""
	for _, w := range lines {
		if w.result.Stays && len(w.line.Args) > 0 && w.line.Args[0].Text == string(client) {
			text += w.result.Then(false)
		}
	}
	if text == "" {
		return string(client) + ": reads nothing until stopped\n"
	}
	return text
}

func (s *Session) showFiles(a *Args) string {
	var b strings.Builder
	for _, host := range s.hosts(arg[[]hostTerm](a, "HOSTS")) {
		fmt.Fprintf(&b, "%s\n", host)
		for _, f := range s.cluster.Files(host) {
			if strings.HasPrefix(f.Path, arg[string](a, "PATH")) {
				b.WriteString(describeFile(f))
			}
		}
	}
	return b.String()
}

var verbExpect = &Verb{
	Name:  "expect",
	Group: groupLook,
	Forms: []string{"CHECK STATUS"},
	Doc: "States the expected finding of a check now, or, after the last other line, at the end. An expect line must hold on the " +
		"file's seed and on 20 seeds derived from it.",
	Example: "expect acked-durable held\nexpect acked-durable priced",
	Run: func(s *Session, a *Args) Result {
		name, want := arg[string](a, "CHECK"), arg[check.Status](a, "STATUS")
		// A missing response or recovery is a violation only at the end of the run, so the last line ends the run first.
		if s.last() {
			s.cluster.End()
		}
		for _, f := range s.cluster.Judge() {
			if f.Check.Name != name {
				continue
			}
			text := describeFinding(f)
			if f.Status == want {
				s.claim(s.line(), true, text)
				return Result{Text: text}
			}
			s.claim(s.line(), false, fmt.Sprintf("expected %s %s, but it is %s", name, want, f.Status))
			return Result{Text: fmt.Sprintf("EXPECTED %s %s, but:\n%s", name, want, text)}
		}
		s.claim(s.line(), false, "no check is called "+name)
		return Result{Text: "no check is called " + name + "\n"}
	},
}

// last reports whether no later line can still change anything.
func (s *Session) last() bool {
	for _, c := range s.program.code[s.next:] {
		if c.Verb.Run != nil && c.Verb.Group != groupLook {
			return false
		}
	}
	return s.timed == 0 && !pending(s.background) // no timed line and no send is pending
}

// describeFinding returns a finding as expected outputs show it:
//
//	PRICE acked-durable: p1 was told offset 0 holds "a"; no replica that can lead has it
//	  clause: min.insync.replicas=1 and unclean election allowed
func describeFinding(f check.Finding) string {
	word := strings.ToUpper(f.Status.String())
	if f.Status == check.Priced {
		word = "PRICE"
	}
	s := word + " " + f.Check.Name
	if f.Explanation != "" {
		s += ": " + f.Explanation
	}
	s += "\n"
	if f.Known == "" && f.Clause != "" {
		s += "  clause: " + f.Clause + "\n"
	}
	return s
}

var verbSaw = &Verb{
	Name:  "saw",
	Group: groupLook,
	Forms: []string{"[no] NOTE [by HOSTS] [since TIME]"},
	Doc: "States that a note was made by now, by any machine or by the given ones, at any time or since a time; or, with no, that it " +
		"was not. It proves that the events of a scenario's story have happened." + hostsHelp,
	Example: "saw partition.leads by b2\nsaw no broker.fenced\nsaw no raft.resigned by controllers since 20s",
	Run: func(s *Session, a *Args) Result {
		name := arg[string](a, "NOTE")
		hosts := []env.Addr{""}
		if a.has("HOSTS") {
			hosts = s.hosts(arg[[]hostTerm](a, "HOSTS"))
		}
		seen := false
		for _, host := range hosts {
			last, ok := s.noted[sighting{name, host}]
			seen = seen || ok && last >= arg[env.Duration](a, "TIME")
		}
		text := "no machine noted " + name
		if seen {
			text = "saw " + name
		}
		if seen != a.has("no") {
			s.claim(s.line(), true, text)
			return Result{}
		}
		s.claim(s.line(), false, text)
		return Result{Text: text + "\n"}
	},
}

// sighting is a kind of note and the machine that made it, "" for any machine.
type sighting struct {
	note string
	who  env.Addr
}
