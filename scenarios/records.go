package scenarios

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"samsa/scenarios/cluster"
	"samsa/sim/env"
	"samsa/wire"
)

// The words of produce, send and consume: where records go to and come from, and what they have besides a value.

// produceForms are the forms of produce and send.
var produceForms = []string{"CLIENT TP VALUE...", "CLIENT TOPIC VALUE...", "CLIENT missing ABSENT VALUE..."}

// recordKeys are the keys of produce and send.
var recordKeys = []Key{
	{"key", "KEYS", "the key of every record, or a range such as k1..k3, which the records take in turn"},
	{"header", "HEADERS", "headers, as in trace:7,source:web"},
	{"timestamp", "STAMP", "the timestamp: milliseconds since 1970, or a span such as -1h from the client's clock, which it has if left out"},
}

// target returns the partition that a line of a client names. It is AnyPartition if the line names only the topic.
func target(a *Args) wire.TopicPartition {
	switch {
	case a.has("TP"):
		return a.tp()
	case a.has("TOPIC"):
		return wire.TopicPartition{Topic: arg[string](a, "TOPIC"), Partition: cluster.AnyPartition}
	}
	return arg[wire.TopicPartition](a, "ABSENT")
}

// runProduce runs a line of produce or send.
func runProduce(s *Session, a *Args) Result {
	client, tp, list := s.client(a), target(a), a.values()
	var how []cluster.RecordFields
	if a.has("key") || a.has("header") || a.has("timestamp") {
		fields := cluster.RecordFields{Headers: arg[[]wire.Header](a, "header"), Time: arg[cluster.RecordTime](a, "timestamp")}
		if a.has("key") {
			fields.Keys = arg[values](a, "key").spell(nil)
		}
		how = append(how, fields)
	}
	return s.await(once(s.cluster.Produce(client, tp, list, how...)), func(o cluster.Outcome) string {
		return describeProduce(client, tp, list, o)
	})
}

// runConsume runs a line of consume.
func runConsume(s *Session, a *Args) Result {
	client, tp, stays := s.client(a), target(a), a.has("stopped")
	r := argOr(a, "OFFSETS", offsets{cluster.FromStart, -1})
	most := int32(1 << 30)
	switch {
	case stays:
		most = cluster.UntilStopped
	case r.To >= 0:
		most = int32(min(r.To-r.From, 1<<30))
	}
	tps := []wire.TopicPartition{tp}
	if tp.Partition == cluster.AnyPartition {
		tps = nil
		for _, p := range s.partitions() {
			if p.TP.Topic == tp.Topic {
				tps = append(tps, p.TP)
			}
		}
		if len(tps) == 0 {
			return Result{Text: fmt.Sprintf("%s: the controller knows of no topic %s\n", client, tp.Topic)}
		}
	}
	var ops []cluster.Op
	for _, tp := range tps {
		ops = append(ops, s.cluster.Consume(client, tp, r.From, most))
	}
	return Result{
		Stays: stays,
		Until: func() bool {
			return !slices.ContainsFunc(ops, func(op cluster.Op) bool { _, done := s.cluster.Outcome(op); return !done })
		},
		Then: func(bool) string {
			text := ""
			for i, op := range ops {
				o, done := s.cluster.Outcome(op)
				switch {
				case stays:
					text += describeStay(client, tps[i], o)
					continue
				case !done:
					o = cluster.Outcome{Status: cluster.OutcomeUnknown, Error: "no answer yet"}
				}
				text += describeConsume(client, tps[i], o)
			}
			return text
		},
	}
}

// describeStay lists the records that a reader has received so far. If the read has ended with an error, it adds the error.
func describeStay(client env.Addr, tp wire.TopicPartition, o cluster.Outcome) string {
	text := ""
	if len(o.Records) > 0 || o.Status == cluster.OutcomeOK {
		text = describeConsume(client, tp, cluster.Outcome{Records: o.Records})
	}
	if o.Status != cluster.OutcomeOK {
		text += describeConsume(client, tp, cluster.Outcome{Status: o.Status, Error: o.Error})
	}
	return text
}

func checkConsume(ns *names, a *Args) *complaint {
	if r, ok := a.get("OFFSETS"); ok && a.has("stopped") && arg[offsets](a, "OFFSETS").To >= 0 {
		return &complaint{word: r.word, msg: "a read until stopped has no end; leave the end of the range out"}
	}
	return checkClient(ns, a)
}

// readAbsent reads a topic or partition that is not there.
func readAbsent(ns *names, w Word) (any, string) {
	tp := wire.TopicPartition{Topic: w.Text, Partition: cluster.AnyPartition}
	if i := strings.LastIndexByte(w.Text, '-'); i > 0 && isNumber(w.Text[i+1:]) && len(w.Text)-i <= 8 {
		n, _ := strconv.Atoi(w.Text[i+1:])
		tp = wire.TopicPartition{Topic: w.Text[:i], Partition: int32(n)}
	}
	if t := ns.known(tp.Topic); t != nil && !t.fleeting && tp.Partition < t.partitions {
		return nil, fmt.Sprintf("%s is not missing: a line above creates it", w.Text)
	}
	if _, bad := readNewTopic(&names{}, Word{Text: tp.Topic}); bad != "" {
		return nil, bad
	}
	return tp, ""
}

// readHeaders reads headers such as trace:7,source:web.
func readHeaders(_ *names, w Word) (any, string) {
	var all []wire.Header
	for _, part := range strings.Split(w.Text, ",") {
		name, value, ok := strings.Cut(part, ":")
		if !ok || name == "" {
			return nil, fmt.Sprintf("%q is no header: write name:value, such as trace:7", part)
		}
		all = append(all, wire.Header{Key: name, Value: []byte(value)})
	}
	return all, ""
}

// readStamp reads the timestamp of records.
func readStamp(_ *names, w Word) (any, string) {
	if n, ok := number(w.Text, 0, 1<<45); ok {
		return cluster.RecordTime{Fixed: true, Millis: n}, ""
	}
	d, bad := parseDuration(w.Text)
	if bad != "" {
		return nil, fmt.Sprintf("%q is no timestamp: milliseconds since 1970, or a span such as -1h from the client's clock", w.Text)
	}
	return cluster.RecordTime{Shift: d}, ""
}
