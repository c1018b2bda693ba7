package shrink

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"samsa/scenarios"
)

// tale describes the lines of a scenario in sentences. If it does not know the verb of a line, it quotes the line.
func tale(v view) string {
	var said []string
	for i := range v.lines {
		if s := (teller{v}).sentence(i); s != "" {
			said = append(said, s)
		}
	}
	return strings.Join(said, " ")
}

// teller describes the lines of a scenario in words.
type teller struct{ view }

// sentence describes one line. It returns "" if the line is not part of the story.
func (v teller) sentence(i int) string {
	s := v.clause(i)
	if s == "" {
		return ""
	}
	if v.lines[i].timed && v.lines[i].at > 0 {
		return "At " + scenarios.FormatSpan(v.lines[i].at) + " " + s + "."
	}
	first, _, _ := strings.Cut(s, " ")
	if strings.ContainsAny(first, "0123456789") { // a machine's name, such as b1, is not capitalised
		return s + "."
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

// clause describes one line without its time, as part of a sentence.
func (v teller) clause(i int) string {
	for _, tell := range [...]func(teller, int) string{
		teller.tellMaking, teller.tellClients, teller.tellProcess, teller.tellNet, teller.tellMachine, teller.tellTime,
	} {
		if s := tell(v, i); s != "" {
			return s
		}
	}
	switch v.lines[i].verb {
	case "pin", "off", "keep", "salt", "rule":
		return "" // these lines change random decisions or rules, and are not part of the story
	}
	return "then comes " + strconv.Quote(v.lines[i].verb+" "+strings.Join(v.lines[i].words, " "))
}

// tellMaking describes lines that create the cluster or a topic, and the requests of operators.
func (v teller) tellMaking(i int) string {
	topic := v.word(i, "NEWTOPIC", "TOPIC")
	switch v.lines[i].verb {
	case "cluster":
		s := fmt.Sprintf("a cluster has %s and %s", some(v.count("brokers"), "broker"), some(v.count("controllers"), "controller"))
		for _, p := range v.parts[i] {
			if p.Name == "noise" && p.Word.Value != "calm" {
				s += ", on a rough network and with rough disks"
			}
		}
		return s
	case "topic":
		s := "topic " + topic + " is created"
		if n, _ := strconv.Atoi(v.word(i, "PARTITIONS")); n > 1 {
			s += " with " + some(n, "partition")
		}
		if places := v.word(i, "PLACES"); places != "" {
			s += " on " + v.brokersOf(places)
		}
		return s + v.settings(i, " with ")
	case "config":
		of := "topic " + topic
		if topic == "" {
			of = "all brokers"
		}
		if host := v.word(i, "HOST"); host != "" {
			of = "broker " + host
		}
		switch {
		case v.has(i, "delete"):
			return "an operator returns configs of " + of + " to their defaults"
		case v.has(i, "append"):
			return "an operator adds to " + of + v.settings(i, " the members ")
		case v.has(i, "subtract"):
			return "an operator takes from " + of + v.settings(i, " the members ")
		}
		return "an operator changes " + of + v.settings(i, " to ")
	case "delete":
		if v.has(i, "records") {
			return "an operator deletes records of " + v.word(i, "TP")
		}
		return "an operator deletes topic " + topic
	case "grow":
		return "an operator gives topic " + topic + " more partitions, " + v.word(i, "PARTITIONS") + " in all"
	case "elect":
		kind := "the preferred replica"
		if v.has(i, "unclean") {
			kind = "any live replica"
		}
		return "an operator lets the controller elect " + kind + " of " + v.word(i, "TP")
	case "finalise":
		return "an operator moves features" + v.settings(i, " to ")
	}
	return ""
}

// settings lists the configs of a line, after the text in the argument. It returns "" if there are none.
func (v teller) settings(i int, after string) string {
	var all []string
	for _, p := range v.parts[i] {
		if p.Kind == scenarios.KindConfig {
			all = append(all, p.Word.Raw)
		}
	}
	if len(all) == 0 {
		return ""
	}
	return after + and(all)
}

// tellClients describes the requests of clients.
func (v teller) tellClients(i int) string {
	client, tp := v.word(i, "CLIENT"), partitionOrTopic(v.view, i)
	if v.has(i, "missing") {
		tp += ", which is not there"
	}
	switch v.lines[i].verb {
	case "send", "produce":
		s := client + " sends " + some(v.records(i), "record") + " to " + tp
		if v.lines[i].verb == "produce" {
			s += " and waits for the outcome"
		}
		return s
	case "consume":
		if v.has(i, "stopped") {
			return client + " begins to read " + tp + " and goes on"
		}
		return client + " reads " + tp
	case "drain":
		return client + " reads all partitions"
	}
	return ""
}

// records returns the number of records that a line sends.
func (v view) records(i int) (n int) {
	for w, p := range v.parts[i] {
		if p.Kind == "VALUE" {
			_, _, count := values(v.lines[i].words[w])
			n += count
		}
	}
	return n
}

// tellProcess describes lines that stop, start or pause processes.
func (v teller) tellProcess(i int) string {
	who, many := v.machines(i, "HOST", "HOSTS")
	switch v.lines[i].verb {
	case "crash":
		switch {
		case v.has(i, "power") && v.has(i, "inside"):
			return who + " will lose power in the middle of an event, at " + s(many, "its", "their") + " change number " + v.word(i, "COUNT") + " of the disk from now"
		case v.has(i, "power"):
			return who + s(many, " loses power", " lose power")
		case v.has(i, "inside"):
			return who + s(many, " will crash", " will crash") + " in the middle of an event, at " + s(many, "its", "their") + " change number " + v.word(i, "COUNT") + " of the disk from now"
		}
		return who + s(many, " crashes", " crash")
	case "stop":
		return who + s(many, " shuts down", " shut down")
	case "start":
		return who + s(many, " starts again", " start again")
	case "restart":
		return who + s(many, " restarts", " restart")
	case "wipe":
		return who + s(many, " gets an empty disk", " get empty disks")
	case "pause":
		return who + s(many, " is paused", " are paused")
	case "resume":
		return who + s(many, " resumes", " resume")
	case "double":
		return "another machine starts with the node id of " + who
	}
	return ""
}

// tellNet describes faults of the network.
func (v teller) tellNet(i int) string {
	a, _ := v.machines(i, "A")
	b, _ := v.machines(i, "B")
	ways := " to "
	if v.has(i, "<->") {
		ways = " to and from "
	}
	switch v.lines[i].verb {
	case "cut":
		return "the network blocks " + traffic(v, i) + " from " + a + ways + b
	case "slow":
		_, ends := v.ill(i)
		if v.has(i, "times") {
			who, many := v.machines(i, "HOSTS")
			if ends {
				return "the " + s(many, "processor", "processors") + " of " + who + s(many, " is", " are") + " as fast as usual"
			}
			return "the " + s(many, "processor", "processors") + " of " + who + s(many, " is ", " are ") + v.word(i, "COUNT") + " times slower"
		}
		if ends {
			return "the network no longer delays " + traffic(v, i) + " from " + a + ways + b
		}
		return "the network delays " + traffic(v, i) + " from " + a + ways + b + " by " + v.word(i, "SPAN")
	case "link":
		return "the connections from " + a + ways + b + " turn " + v.literals(i)
	case "heal":
		switch {
		case v.has(i, "noise"):
			return "the random faults end"
		case b != "":
			return "the network from " + a + ways + b + " heals"
		case a != "":
			return "the network of " + a + " heals"
		}
		return "the network heals"
	}
	return ""
}

// traffic names what a fault of the network hits.
func traffic(v teller, i int) string {
	if lane := v.word(i, "LANE"); lane != "" {
		return "the connections for " + lane
	}
	return "everything"
}

// tellMachine describes faults of clocks and disks.
func (v teller) tellMachine(i int) string {
	who, _ := v.machines(i, "HOSTS")
	switch v.lines[i].verb {
	case "clock":
		if n := v.word(i, "SPAN", "PPM"); strings.Trim(n, "-+0nmsup") == "" && !v.has(i, "step") {
			return "the clock of " + who + s(v.has(i, "skew"), " runs at its usual speed", " shows the right time again")
		}
		return "the clock of " + who + " goes wrong: " + v.literals(i) + " " + v.word(i, "SPAN", "PPM")
	case "disk":
		if v.has(i, "heal") {
			return "the disk of " + who + " heals"
		}
		s := "the disk of " + who + " fails: " + strings.Fields(v.literals(i))[0]
		if by := v.word(i, "SPAN"); by != "" {
			s += " by " + by
		}
		if span := v.word(i, "TIME"); span != "" {
			s += " for " + span
		}
		return s
	}
	return ""
}

// tellTime describes waits.
func (v teller) tellTime(i int) string {
	switch v.lines[i].verb {
	case "wait":
		return v.word(i, "TIME") + " pass"
	case "run":
		return "time passes until " + v.condition(i)
	}
	return ""
}

// condition describes the condition of a run line.
func (v teller) condition(i int) string {
	tp := v.word(i, "TP")
	hosts, many := v.machines(i, "HOSTS", "HOST")
	switch {
	case v.has(i, "leaderless"):
		return tp + " has no leader"
	case v.has(i, "leader") && hosts != "":
		return hosts + " leads " + tp
	case v.has(i, "leader"):
		return tp + " has a leader"
	case v.has(i, "isr"):
		return "the ISR of " + tp + " is " + v.brokersOf(v.word(i, "IDS"))
	case v.has(i, "controller"):
		return "a controller is active"
	case v.has(i, "down"):
		return hosts + s(many, " is down", " are down")
	case v.has(i, "hw"):
		return "the high watermark of " + tp + " is " + v.word(i, "OFFSET") + " or more"
	case v.has(i, "epoch") && hosts != "":
		return hosts + " knows leader epoch " + v.word(i, "EPOCH") + " of " + tp + " or a later one"
	case v.has(i, "epoch"):
		return "the leader epoch of " + tp + " is " + v.word(i, "EPOCH") + " or more"
	case v.has(i, "truncated"):
		return hosts + " has truncated its log of " + tp
	case v.has(i, "quiet") && hosts != "":
		return hosts + s(many, " is quiet", " are quiet")
	case v.has(i, "quiet"):
		return "the cluster is quiet"
	}
	return v.word(i, "TIME")
}

// brokersOf lists the brokers with some ids.
func (v teller) brokersOf(ids string) string {
	var all []string
	for _, id := range strings.Split(ids, ",") {
		all = append(all, "b"+strings.TrimPrefix(id, "b"))
	}
	return and(all)
}

// literals returns the literals of a line, except arrows and the words "by", "for" and "on".
func (v teller) literals(i int) string {
	var all []string
	for _, p := range v.parts[i] {
		if p.Kind == "" && !slices.Contains([]string{"->", "<->", "by", "for", "on"}, p.Word.Text) {
			all = append(all, p.Word.Text)
		}
	}
	return strings.Join(all, " ")
}

// machines describes the machines of a line. It also reports whether there may be several machines.
func (v teller) machines(i int, kinds ...string) (text string, many bool) {
	list := v.word(i, kinds...)
	if list == "" {
		return "", false
	}
	var all []string
	for _, term := range strings.Split(list, ",") {
		role, of, _ := strings.Cut(term, ":")
		switch role {
		case "leader", "followers":
			term = "the " + role + " of " + of
		case "follower":
			term = "a follower of " + of
		case "brokers", "controllers":
			term = "all " + role
		case "controller":
			term = "the active controller"
		case "standby":
			term = "a standby controller"
		case "standbys":
			term = "the standby controllers"
		}
		many = many || plural(role) || role == "followers"
		all = append(all, term)
	}
	return and(all), many || len(all) > 1
}

// s returns the singular or the plural of a word.
func s(many bool, one, more string) string {
	if many {
		return more
	}
	return one
}

// some formats a number with its noun. The noun's plural must end in s.
func some(n int, noun string) string {
	return fmt.Sprintf("%d %s", n, noun+s(n != 1, "", "s"))
}

// and joins words as in "a, b and c".
func and(all []string) string {
	if len(all) < 2 {
		return strings.Join(all, "")
	}
	return strings.Join(all[:len(all)-1], ", ") + " and " + all[len(all)-1]
}
