package scenarios

import (
	"fmt"
	"slices"

	"samsa/scenarios/cluster"
	"samsa/sim/env"
	"samsa/wire"
)

// The verbs of this file are requests of clients. A client is a machine, created by the first line that names it. A line
// prints only the outcomes that the client knows.

var verbProduce = &Verb{
	Name:    "produce",
	Group:   "clients",
	Forms:   produceForms,
	Keys:    recordKeys,
	Configs: ScopeClient,
	Doc: "A client sends one record per value, and the line waits until the client knows every outcome: acked, failed, or " +
		"unknown. To a topic instead of a partition, the client's partitioner chooses: by the key or, without a key, one partition " +
		"until it has got batch.size bytes. missing sends to a topic or partition that no line above has created. " +
		"The first line that names a client creates it, with the configs on that line. " +
		"A range such as a1..a9 means all its values; put a value that contains = or .. into quotes.",
	Example: "produce p1 orders-0 acks=all a b c\nproduce p1 orders-0 order1..order500\nproduce p1 orders key=k1..k3 a1..a9\n" +
		"produce p1 orders-0 header=trace:7,source:web timestamp=-1h a\nproduce p1 missing ghost-0 a",
	Timed: true,
	Check: checkProduce,
	Run:   func(s *Session, a *Args) Result { return runProduce(s, a) },
}

var verbSend = &Verb{
	Name:    "send",
	Group:   "clients",
	Forms:   produceForms,
	Keys:    recordKeys,
	Configs: ScopeClient,
	Doc: "As produce, but the next line starts at once, while the records are in flight. Outcomes are in the story when the " +
		"client learns them.",
	Example: "send p1 orders-0 acks=all a b c\nsend p1 orders key=k1 a\nat 3s send p1 missing ghost a",
	Timed:   true,
	Check:   checkProduce,
	Run: func(s *Session, a *Args) Result {
		r := runProduce(s, a)
		r.Aside = true // the end of the file waits for it, because every send gets an outcome, even if it is only "unknown"
		return r
	},
}

var verbConsume = &Verb{
	Name:    "consume",
	Group:   "clients",
	Forms:   []string{"CLIENT TP [from OFFSETS] [until stopped]", "CLIENT TOPIC [from OFFSETS] [until stopped]", "CLIENT missing ABSENT [from OFFSETS] [until stopped]"},
	Configs: ScopeClient,
	Doc: "A client reads a partition, or every partition of a topic, and the line waits until it has read up to the high watermark, or the " +
		"whole range: from 3..7 is 3 up to, not including, 7. from earliest is the log start, which is also what a line without from " +
		"means, and from latest is the high watermark when the read begins. until stopped reads on as records come, while the next lines run: until " +
		"the client is stopped, until a later consume of the client names the partition, or until the end of the file. " +
		"show reads prints what it has read. missing reads a topic or partition that no line above has created.",
	Example: "consume r1 orders-0\nconsume r1 orders-0 from 3..7 isolation.level=read_committed\nconsume r1 orders from latest\n" +
		"consume r2 orders-0 from latest until stopped\nat 3s consume r1 missing ghost-0 until stopped",
	Timed: true,
	Check: checkConsume,
	Run:   runConsume,
}

var verbDrain = &Verb{
	Name:    "drain",
	Group:   "clients",
	Forms:   []string{"CLIENT"},
	Configs: ScopeClient,
	Doc: "A client reads every partition of every existing topic from the log start, and the line waits until it has read all. " +
		"A partition without a leader is left out, even if it loses its leader only during the drain.",
	Example: "drain z1 auto.offset.reset=earliest",
	Timed:   true,
	Check:   checkClient,
	Run: func(s *Session, a *Args) Result {
		client := s.client(a)
		var tps []wire.TopicPartition
		var ops []cluster.Op
		for _, p := range s.partitions() {
			if p.Leader != wire.NoNode {
				tps, ops = append(tps, p.TP), append(ops, s.cluster.Consume(client, p.TP, -1, 1<<30))
			}
		}
		return Result{
			// A read of a partition that has lost its leader for good would never end, so partitions without a leader are
			// skipped.
			Until: func() bool {
				for i, op := range ops {
					_, done := s.cluster.Outcome(op)
					if p, there := s.cluster.Partition(tps[i]); !done && there && p.Leader != wire.NoNode {
						return false
					}
				}
				return true
			},
			Then: func(bool) string {
				text := ""
				for i, op := range ops {
					o, done := s.cluster.Outcome(op)
					if !done {
						o = cluster.Outcome{Status: cluster.OutcomeUnknown, Error: "no answer yet"}
					}
					text += describeConsume(client, tps[i], o)
				}
				return text
			},
		}
	},
}

func checkProduce(ns *names, a *Args) *complaint {
	var total int64
	for _, b := range a.bound {
		if v, ok := b.value.(values); ok {
			if total += v.count(); total > maxValues {
				return &complaint{word: b.word, msg: fmt.Sprintf("the values of this line are more than %d", maxValues)}
			}
		}
	}
	return checkClient(ns, a)
}

// checkClient adds a client when a line first names it, with the configs of that line. As in Kafka, a client cannot change
// its configs later.
func checkClient(ns *names, a *Args) *complaint {
	b, _ := a.get("CLIENT")
	name := string(arg[env.Addr](a, "CLIENT"))
	for _, c := range ns.clients {
		if c.name != name {
			continue
		}
		for i, set := range a.Settings {
			if !slices.Contains(c.settings, set) {
				msg := fmt.Sprintf("%s was made on line %d without %s=%s, and a client keeps its configs; name another client",
					name, c.line, set.Name, set.Value)
				return &complaint{word: a.settings[i], msg: msg}
			}
		}
		return nil
	}
	ns.clients = append(ns.clients, clientName{name, a.Settings, b.word.Line})
	return nil
}

// client returns the line's client and creates it if it is new.
func (s *Session) client(a *Args) env.Addr {
	name := arg[env.Addr](a, "CLIENT")
	if !slices.Contains(s.clients, name) {
		s.clients = append(s.clients, name)
		s.cluster.AddClient(name, s.override(ScopeClient, a.Settings))
	}
	return name
}

// hosts resolves the machines of a line when the line runs, because a role such as leader:orders-0 depends on earlier lines.
func (s *Session) hosts(terms []hostTerm) (list []env.Addr) {
	add := func(host env.Addr) {
		if host != "" && !slices.Contains(list, host) {
			list = append(list, host)
		}
	}
	for _, t := range terms {
		switch t.role {
		case "":
			// Leave out a client that does not exist yet. A timed line may name it before the line that creates it runs.
			if !slices.Contains(clientNames(&s.program.ns), string(t.addr)) || slices.Contains(s.clients, t.addr) {
				add(t.addr)
			}
		case "brokers", "controllers", "controller":
			for _, m := range s.cluster.Machines() {
				if m.Role+"s" == t.role || t.role == "controller" && m.Active && m.Up {
					add(m.Host)
				}
			}
		case "standby", "standbys":
			for _, m := range s.cluster.Machines() {
				if m.Role == "controller" && m.Up && !m.Active {
					add(m.Host)
					if t.role == "standby" { // the role standby is the first standby by name
						break
					}
				}
			}
		default:
			for _, host := range s.replicas(t) {
				add(host)
			}
		}
	}
	return list
}

// replicas resolves leader:TP, follower:TP and followers:TP.
func (s *Session) replicas(t hostTerm) (list []env.Addr) {
	p, ok := s.cluster.Partition(t.tp)
	if !ok {
		return nil
	}
	for _, r := range p.Replicas {
		leads := r.Node == p.Leader
		switch t.role {
		case "leader":
			if leads {
				list = append(list, r.Host)
			}
		case "followers":
			if !leads {
				list = append(list, r.Host)
			}
		case "follower":
			if !leads && r.Up && len(list) == 0 && slices.Contains(p.ISR, r.Node) {
				list = append(list, r.Host)
			}
		}
	}
	return list
}
