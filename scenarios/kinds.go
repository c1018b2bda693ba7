package scenarios

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"samsa/check"
	"samsa/scenarios/cluster"
	"samsa/sim/env"
	"samsa/wire"
)

// kind is a kind of placeholder: its parser, its allowed names, and its description in messages.
type kind struct {
	name string
	doc  string
	read func(*names, Word) (any, string) // returns an empty message if the word is valid
	list func(*names) []string            // returns the valid names, for suggestions; nil if there is no list
}

// kindOf returns the kind of a placeholder, or nil if there is none.
func kindOf(name string) *kind {
	for _, k := range kinds() {
		if k.name == name {
			return &k
		}
	}
	return nil
}

// kinds returns the kinds of all placeholders.
func kinds() []kind {
	return []kind{
		{"HOST", "a machine such as b1", readHost, hostNames},
		{"HOSTS", "machines such as b1 or b2,b3", readHosts, hostNames},
		{"A", "machines such as b1 or b2,b3", readHosts, hostNames},
		{"B", "machines such as b1 or b2,b3", readHosts, hostNames},
		{"CLIENT", "a client's name such as p1", readClient, clientNames},
		{"DOUBLE", "a name for the other machine, such as x1", readDouble, nil},
		{"TOPIC", "a topic", readTopic, topicNames},
		{"NEWTOPIC", "a name for the topic", readNewTopic, nil},
		{"TP", "a partition such as orders-0", readTP, partitionNames},
		{"IDS", "node ids such as 1,2", readIDs, nil},
		{"PLACES", "brokers such as 2,1,3", readPlaces, nil},
		{"NAME", "the name of a config", readConfigName, configNames},
		{"LANE", "clients, replication, metadata, heartbeat or isr", readLane, laneNames},
		{"OFFSET", "an offset", readOffset, nil},
		{"OFFSETS", "an offset, a range such as 3..7, earliest or latest", readOffsets, func(*names) []string { return []string{"earliest", "latest"} }},
		{"ABSENT", "a topic or partition that is not there", readAbsent, nil},
		{"KEYS", "a key, or a range such as k1..k3", readValue, nil},
		{"HEADERS", "headers such as trace:7", readHeaders, nil},
		{"STAMP", "a timestamp", readStamp, nil},
		{"VERSION", "a version of a request", readVersion, nil},
		{"EPOCH", "a leader epoch", readEpoch, nil},
		{"SPAN", "a span of time such as 40ms or 1.2s", readSpan, nil},
		{"TIME", "a time since the start such as 1.2s", readTime, nil},
		{"PPM", "parts per million", readPPM, nil},
		{"COUNT", "a number", readCount, nil},
		{"SEED", "a number", readNumber, nil},
		{"ORDINAL", "which of its decisions, from 0", readNumber, nil},
		{"ORDINALS", "ordinals such as 3,17..20", readOrdinals, nil},
		{"SALT", "a number", readNumber, nil},
		{"DRAW", "what it draws; 0 is the benign choice", readNumber, nil},
		{"BROKERS", "a number of brokers", readBrokers, nil},
		{"CONTROLLERS", "a number of controllers", readControllers, nil},
		{"PARTITIONS", "a number of partitions", readPartitions, nil},
		{"REPLICAS", "a number of replicas", readBrokers, nil},
		{"VALUE", "a value, or a range such as a1..a9", readValue, nil},
		{"PATH", "the beginning of a file's path", readWord, nil},
		{"NOISE", "calm or rough", readNoise, func(*names) []string { return cluster.Noises() }},
		{"SITE", "the name of a decision", readSite, siteNames},
		{"ENTITY", "a machine, or a pair such as b1>b2", readWord, nil},
		{"CHECK", "a check", readCheck, func(*names) []string { return checkNames() }},
		{"STATUS", "held, violated, priced, unknown or unexercised", readStatus, func(*names) []string { return statusNames() }},
		{"RULE", "an old rule such as M1", readRule, ruleIDs},
		{"FAILURE", "a check, or quiet, budget, panic or unsound", readFailure, failureNames},
		{"SENTENCE", "a sentence in quotes", readSentence, nil},
		{"TEXT", "a text, in quotes if it has spaces", readWord, nil},
		{"STEP", "the number of a step", readNumber, nil},
		{"HASH", "sixteen hex digits", readHash, nil},
		{"BUDGET", "a number of events", readNumber, nil},
		{"TEST", "the name of a Go test", readTest, nil},
		{"NOTE", "the name of a note", readNote, func(*names) []string { return noteNames() }},
	}
}

// names holds the machines, topics and clients that a file has created so far. Later lines may name them.
type names struct {
	cluster              bool
	brokers, controllers int32
	topics               []topicName
	clients              []clientName
	doubles              []string // machines with another broker's node id
}

type topicName struct {
	name       string
	partitions int32 // the largest number of partitions that the topic has at any time
	fleeting   bool  // a timed line deletes the topic, so its existence and partitions are known only at run time
}

type clientName struct {
	name     string
	settings []Setting
	line     int // the line that made the client
}

// hostTerm is a machine as a file names it: by its address, or by a role that is resolved at run time (leader:orders-0).
type hostTerm struct {
	addr env.Addr
	// role is "leader", "follower" or "followers" of tp, or "brokers", "controllers", "controller", "standby" or "standbys".
	// It is empty if the machine has an address.
	role string
	tp   wire.TopicPartition

	client bool // the address is that of a client
}

func readHosts(ns *names, w Word) (any, string) {
	var terms []hostTerm
	for _, part := range strings.Split(w.Text, ",") {
		t, bad := hostOf(ns, part)
		if bad != "" {
			return nil, bad
		}
		terms = append(terms, t)
	}
	return terms, ""
}

func readHost(ns *names, w Word) (any, string) {
	t, bad := hostOf(ns, w.Text)
	if bad == "" && (slices.Contains([]string{"followers", "brokers", "controllers", "standbys"}, t.role)) {
		bad = fmt.Sprintf("%s may be many machines; this verb takes one", w.Text)
	}
	return []hostTerm{t}, bad
}

// hostOf reads one machine.
func hostOf(ns *names, s string) (hostTerm, string) {
	switch s {
	case "brokers", "controllers", "controller", "standby", "standbys":
		return hostTerm{role: s}, ""
	}
	if role, rest, ok := strings.Cut(s, ":"); ok && slices.Contains([]string{"leader", "follower", "followers"}, role) {
		tp, bad := partitionOf(ns, rest)
		return hostTerm{role: role, tp: tp}, bad
	}
	if !ns.host(s) {
		return hostTerm{}, fmt.Sprintf("no machine %q: there are %s", s, ns.machines())
	}
	return hostTerm{addr: env.Addr(s), client: slices.Contains(clientNames(ns), s)}, ""
}

// host reports whether a machine has this address.
func (ns *names) host(s string) bool {
	if len(s) > 1 && (s[0] == 'b' || s[0] == 'c') && isNumber(s[1:]) {
		n := ns.brokers
		if s[0] == 'c' {
			n = ns.controllers
		}
		i, ok := number(s[1:], 1, int64(n))
		return ok && s[1:] == strconv.FormatInt(i, 10)
	}
	for _, c := range ns.clients {
		if c.name == s {
			return true
		}
	}
	return slices.Contains(ns.doubles, s)
}

// machines lists the machines, for a message.
func (ns *names) machines() string {
	say := func(letter string, n int32) string {
		if n == 1 {
			return letter + "1"
		}
		return fmt.Sprintf("%s1 to %s%d", letter, letter, n)
	}
	s := say("b", ns.brokers) + ", " + say("c", ns.controllers)
	if len(ns.clients) > 0 {
		s += " and the clients " + strings.Join(clientNames(ns), ", ")
	}
	if len(ns.doubles) > 0 {
		s += " and " + strings.Join(ns.doubles, ", ")
	}
	return s
}

func hostNames(ns *names) []string {
	var all []string
	for i := range ns.brokers {
		all = append(all, "b"+strconv.Itoa(int(i+1)))
	}
	for i := range ns.controllers {
		all = append(all, "c"+strconv.Itoa(int(i+1)))
	}
	return append(append(all, clientNames(ns)...), ns.doubles...)
}

func clientNames(ns *names) []string {
	all := make([]string, len(ns.clients))
	for i, c := range ns.clients {
		all[i] = c.name
	}
	return all
}

// readClient reads the name of a client. It accepts any short plain name that is not the name of a machine of the cluster.
// The first line that uses the name creates the client. readClient refuses the name of a topic or a partition, because the
// author most likely forgot the client (drain orders-0).
func readClient(ns *names, w Word) (any, string) {
	if msg := freeName(w.Text); msg != "" {
		return nil, msg
	}
	if slices.Contains(ns.doubles, w.Text) {
		return nil, fmt.Sprintf("%q is a machine with another broker's node id; a client needs a name of its own", w.Text)
	}
	if slices.Contains(clientNames(ns), w.Text) {
		return env.Addr(w.Text), "" // the client had this name before the topic existed
	}
	if i := strings.LastIndexByte(w.Text, '-'); i > 0 && isNumber(w.Text[i+1:]) {
		return nil, fmt.Sprintf("%q looks like a partition; a client needs a name of its own, such as p1", w.Text)
	}
	if ns.known(w.Text) != nil {
		return nil, fmt.Sprintf("%q is a topic; a client needs a name of its own, such as p1", w.Text)
	}
	return env.Addr(w.Text), ""
}

// readDouble reads the name of a new machine.
func readDouble(ns *names, w Word) (any, string) {
	name, msg := readClient(ns, w)
	if msg == "" && slices.Contains(clientNames(ns), w.Text) {
		return nil, fmt.Sprintf("%q is a client", w.Text)
	}
	return name, msg
}

// plural formats a count of things. Their plural must end in s.
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// plainName returns the reason why s cannot be the name of a client, or "" if it can.
func plainName(s string) string {
	if len(s) > 32 || !isKey(s) || strings.ContainsAny(s, ".") {
		return fmt.Sprintf("%q is no name: up to 32 letters, digits, - and _, a letter first", s)
	}
	return ""
}

// freeName returns "" if a new client may have the name s. Otherwise it returns the reason why not.
func freeName(s string) string {
	if msg := plainName(s); msg != "" {
		return msg
	}
	if (s[0] == 'b' || s[0] == 'c') && isNumber(s[1:]) {
		return fmt.Sprintf("%q is a machine of the cluster; a client needs a name of its own, such as p1", s)
	}
	if slices.Contains([]string{"brokers", "controllers", "controller", "standby", "standbys"}, s) {
		return fmt.Sprintf("%q means machines of the cluster; a client needs a name of its own", s)
	}
	if s == "op" || s == "op-brokers" {
		return fmt.Sprintf("%q is the operator; a client needs a name of its own, such as p1", s)
	}
	return ""
}

func readTopic(ns *names, w Word) (any, string) {
	if slices.Contains(topicNames(ns), w.Text) {
		return w.Text, ""
	}
	return nil, noTopic(ns, w.Text)
}

func noTopic(ns *names, s string) string {
	if len(ns.topics) == 0 {
		return fmt.Sprintf("no topic %q: no line above creates one (topic %s)", s, s)
	}
	return fmt.Sprintf("no topic %q above this line", s)
}

// readNewTopic reads the name of a new topic by Kafka's rule for topic names.
func readNewTopic(ns *names, w Word) (any, string) {
	s := w.Text
	legal := s != "" && s != "." && s != ".." && len(s) <= 249
	for _, r := range s {
		legal = legal && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r))
	}
	if !legal {
		return nil, fmt.Sprintf("%q is no topic name: up to 249 of letters, digits, dots, dashes and underscores", s)
	}
	for _, t := range ns.topics {
		if t.name == s && !t.fleeting {
			return nil, fmt.Sprintf("there is a topic %q already", s)
		}
	}
	return s, ""
}

// known returns the topic of this name that an earlier line creates, or nil if no earlier line creates it.
func (ns *names) known(topic string) *topicName {
	for i := range ns.topics {
		if ns.topics[i].name == topic {
			return &ns.topics[i]
		}
	}
	return nil
}

func topicNames(ns *names) []string {
	all := make([]string, len(ns.topics))
	for i, t := range ns.topics {
		all[i] = t.name
	}
	return all
}

func readTP(ns *names, w Word) (any, string) {
	tp, bad := partitionOf(ns, w.Text)
	return tp, bad
}

// partitionOf reads a partition, such as orders-0.
func partitionOf(ns *names, s string) (wire.TopicPartition, string) {
	i := strings.LastIndexByte(s, '-')
	if i <= 0 || !isNumber(s[i+1:]) || len(s)-i > 8 {
		return wire.TopicPartition{}, fmt.Sprintf("%q is no partition: write topic-number, such as orders-0", s)
	}
	n, _ := strconv.Atoi(s[i+1:])
	for _, t := range ns.topics {
		if t.name == s[:i] {
			if n >= int(t.partitions) {
				return wire.TopicPartition{}, fmt.Sprintf("topic %s has %s, the last is %s-%d", t.name, plural(int(t.partitions), "partition"), t.name, t.partitions-1)
			}
			return wire.TopicPartition{Topic: s[:i], Partition: int32(n)}, ""
		}
	}
	return wire.TopicPartition{}, noTopic(ns, s[:i])
}

func partitionNames(ns *names) []string {
	var all []string
	for _, t := range ns.topics {
		for p := range min(t.partitions, 16) {
			all = append(all, t.name+"-"+strconv.Itoa(int(p)))
		}
	}
	return all
}

// readIDs reads node ids of brokers, such as 1,2 or b1,b2.
func readIDs(ns *names, w Word) (any, string) {
	var ids []wire.NodeID
	for _, part := range strings.Split(w.Text, ",") {
		n, ok := number(strings.TrimPrefix(part, "b"), 1, int64(max(1, ns.brokers)))
		if !ok {
			return nil, fmt.Sprintf("no broker %q: there are 1 to %d", part, ns.brokers)
		}
		ids = append(ids, wire.NodeID(n))
	}
	slices.Sort(ids)
	return slices.Compact(ids), ""
}

// number reads an integer in [least, most].
func number(s string, least, most int64) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n >= least && n <= most
}

func readOffset(_ *names, w Word) (any, string) {
	n, ok := number(w.Text, 0, 1<<62)
	if !ok {
		return nil, fmt.Sprintf("%q is no offset", w.Text)
	}
	return wire.Offset(n), ""
}

// offsets is the range [From, To) that a consumer reads. To is -1 if the range has no end. From may also be cluster.FromStart or
// cluster.FromEnd.
type offsets struct{ From, To wire.Offset }

func readOffsets(_ *names, w Word) (any, string) {
	switch w.Text {
	case "earliest":
		return offsets{cluster.FromStart, -1}, ""
	case "latest":
		return offsets{cluster.FromEnd, -1}, ""
	}
	from, to, ranged := strings.Cut(w.Text, "..")
	a, ok := number(from, 0, 1<<62)
	r := offsets{wire.Offset(a), -1}
	if ranged && to != "" && ok {
		var b int64
		b, ok = number(to, a+1, 1<<62)
		r.To = wire.Offset(b)
	}
	if !ok {
		return nil, fmt.Sprintf("%q is no offset, no range such as 3..7 (from 3 up to, not including, 7), and not earliest or latest", w.Text)
	}
	return r, ""
}

func readEpoch(_ *names, w Word) (any, string) {
	n, ok := number(w.Text, 0, 1<<31-1)
	if !ok {
		return nil, fmt.Sprintf("%q is no leader epoch", w.Text)
	}
	return wire.Epoch(n), ""
}

func readSpan(_ *names, w Word) (any, string) {
	d, bad := parseDuration(w.Text)
	return d, bad
}

func readTime(_ *names, w Word) (any, string) {
	d, bad := parseDuration(w.Text)
	if bad == "" && d < 0 {
		bad = "there is no time before the start"
	}
	return d, bad
}

func readPPM(_ *names, w Word) (any, string) {
	n, ok := number(strings.TrimSuffix(w.Text, "ppm"), -500_000, 500_000)
	if !ok {
		return nil, fmt.Sprintf("%q is no drift: parts per million, at most 500000 either way", w.Text)
	}
	return n, ""
}

func readCount(_ *names, w Word) (any, string) {
	n, ok := number(w.Text, 1, 1_000_000)
	if !ok {
		return nil, fmt.Sprintf("%q is no number from 1 to 1000000", w.Text)
	}
	return n, ""
}

// These are the limits of a simulated cluster. The ids of brokers must be less than 63, because a note holds a set of node
// ids as an integer of 63 bits.
const (
	maxBrokers     = 60
	maxControllers = 9
	maxPartitions  = 1000
)

func readBrokers(_ *names, w Word) (any, string)     { return readSmall(w, maxBrokers) }
func readControllers(_ *names, w Word) (any, string) { return readSmall(w, maxControllers) }
func readPartitions(_ *names, w Word) (any, string)  { return readSmall(w, maxPartitions) }

func readSmall(w Word, most int64) (any, string) {
	n, ok := number(w.Text, 1, most)
	if !ok {
		return nil, fmt.Sprintf("%q is no number from 1 to %d", w.Text, most)
	}
	return int32(n), ""
}

func readNumber(_ *names, w Word) (any, string) {
	n, err := strconv.ParseUint(w.Text, 0, 64)
	if err != nil {
		return nil, fmt.Sprintf("%q is no number from 0 to 2^64-1", w.Text)
	}
	return n, ""
}

// maxValues bounds the number of values on one line.
const maxValues = 10_000

// values is one value, or a range such as a1 to a9. The range is expanded only when it is sent, so that a small file cannot
// make a large program.
type values struct {
	head     string
	from, to int64 // the numbers of the range, [from, to); both are 0 for a single value, which is the head
}

// count returns the number of values.
func (v values) count() int64 { return max(1, v.to-v.from) }

// spell appends all values to a list.
func (v values) spell(list []string) []string {
	if v.to == 0 {
		return append(list, v.head)
	}
	for n := v.from; n < v.to; n++ {
		list = append(list, v.head+strconv.FormatInt(n, 10))
	}
	return list
}

// readValue reads one value or a range. The two ends of a range differ only in the number at their end.
func readValue(_ *names, w Word) (any, string) {
	one := values{head: w.Text}
	from, to, ranged := strings.Cut(w.Text, "..")
	if w.Quoted || !ranged {
		return one, ""
	}
	head := strings.TrimRight(from, "0123456789")
	a, okA := number(from[len(head):], 0, 1<<40)
	b, okB := number(strings.TrimPrefix(to, head), 0, 1<<40)
	switch {
	case !okA || !okB || !strings.HasPrefix(to, head):
		return one, ""
	case b < a:
		return nil, fmt.Sprintf("the range %s goes backwards", w.Text)
	case b-a >= maxValues:
		return nil, fmt.Sprintf("the range %s has more than %d values", w.Text, maxValues)
	}
	return values{head, a, b + 1}, ""
}

func readWord(_ *names, w Word) (any, string) { return w.Text, "" }

func readCheck(_ *names, w Word) (any, string) {
	if !slices.Contains(checkNames(), w.Text) {
		return nil, fmt.Sprintf("no check %q; samsa list checks names them", w.Text)
	}
	return w.Text, ""
}

func checkNames() []string {
	var all []string
	for _, c := range check.All() {
		all = append(all, c.Name)
	}
	return all
}

func statuses() []check.Status {
	return []check.Status{check.Held, check.Violated, check.Priced, check.Unknown, check.Unexercised}
}

func statusNames() []string {
	var all []string
	for _, s := range statuses() {
		all = append(all, s.String())
	}
	return all
}

func readStatus(_ *names, w Word) (any, string) {
	for _, s := range statuses() {
		if s.String() == w.Text {
			return s, ""
		}
	}
	return nil, fmt.Sprintf("no status %q", w.Text)
}

func readNote(_ *names, w Word) (any, string) {
	if !slices.Contains(noteNames(), w.Text) {
		return nil, fmt.Sprintf("no note %q; samsa list notes names them", w.Text)
	}
	return w.Text, ""
}

// noteNames lists the kinds of notes that nodes make.
func noteNames() []string {
	var all []string
	for _, k := range cluster.NoteKinds() {
		all = append(all, k.Name)
	}
	return all
}

func readNoise(_ *names, w Word) (any, string) {
	if all := cluster.Noises(); !slices.Contains(all, w.Text) {
		return nil, fmt.Sprintf("no noise is called %q; there is %s", w.Text, strings.Join(all, " and "))
	}
	return w.Text, ""
}
