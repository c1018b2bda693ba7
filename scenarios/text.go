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

// The outputs of verbs are plain text, the same on every machine.

// Wrap breaks text at spaces into lines of at most this width. A word that is longer than the width becomes a line of its
// own.
func Wrap(text string, width int) string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return strings.Join(append(lines, line), "\n")
}

// hang wraps text after a head, and indents later lines by the head's width.
func hang(head, text string, width int) string {
	wrapped := Wrap(text, width-len(head))
	return head + strings.ReplaceAll(wrapped, "\n", "\n"+strings.Repeat(" ", len(head)))
}

// nodeName returns the name of the machine that has this node id.
func nodeName(ns Names, id wire.NodeID) string {
	if id == wire.NoNode {
		return "none"
	}
	if s := ns.Node(id); s != "" {
		return s
	}
	return strconv.Itoa(int(id))
}

// ids formats a list of node ids, such as 1,2,3 or none.
func ids(list []wire.NodeID) string {
	if len(list) == 0 {
		return "none"
	}
	s := make([]string, len(list))
	for i, id := range list {
		s[i] = strconv.Itoa(int(id))
	}
	return strings.Join(s, ",")
}

// describePartition returns one line:
//
//	orders-0  leader b1  epoch 0  [0,3) hw 3  isr 1,2,3
func describePartition(ns Names, p cluster.PartitionState) string {
	s := fmt.Sprintf("%s  leader %s  epoch %d  [%d,%d) hw %d  isr %s",
		p.TP, nodeName(ns, p.Leader), p.Epoch, p.Start, p.End, p.HW, ids(p.ISR))
	if len(p.ELR) > 0 {
		s += "  elr " + ids(p.ELR)
	}
	return s + "\n"
}

// describeReplica returns one line about a replica. The line follows the line of the partition.
func describeReplica(r cluster.ReplicaState) string {
	s := fmt.Sprintf("  %-4s [%d,%d)", r.Host, r.Start, r.End)
	if !r.Up {
		return s + "  down\n" // only a running broker has a high watermark
	}
	s += fmt.Sprintf(" hw %d", r.HW)
	if r.Leads {
		s += fmt.Sprintf("  leads epoch %d", r.Epoch)
	}
	return s + "\n"
}

// describeLog returns one replica's log, one line per batch.
func describeLog(host env.Addr, log []cluster.BatchState) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", host)
	if len(log) == 0 {
		b.WriteString("  empty\n")
	}
	for _, x := range log {
		fmt.Fprintf(&b, "  [%d,%d) epoch %d", x.Base, x.Next, x.Epoch)
		if x.Producer >= 0 {
			fmt.Fprintf(&b, "  producer %d/%d seq %d", x.Producer, x.PEpoch, x.Sequence)
		}
		if x.Control {
			b.WriteString("  control")
		}
		b.WriteString(quoteAll(x.Values, 8) + "\n")
	}
	return b.String()
}

// describeEpochs returns the logs of all replicas, one line per partition and one digit per record. The leader has a star.
// Exclamation marks enclose the part of a log that the leader's log does not have:
//
//	orders-0   b1  00!0!   b2* 0011   b3  001
func describeEpochs(all []cluster.PartitionState, log func(env.Addr, cluster.PartitionState) []cluster.BatchState) string {
	rows := make([][]string, len(all))
	var width []int
	for i, p := range all {
		rows[i] = []string{p.TP.String()}
		var lead []byte
		for _, r := range p.Replicas {
			if r.Node == p.Leader {
				lead = digits(log(r.Host, p))
			}
		}
		for _, r := range p.Replicas {
			star := " "
			if r.Node == p.Leader {
				star = "*"
			}
			rows[i] = append(rows[i], string(r.Host)+star+" "+diverging(digits(log(r.Host, p)), lead, p.Leader != wire.NoNode))
		}
		for j, cell := range rows[i] {
			if j == len(width) {
				width = append(width, 0)
			}
			width[j] = max(width[j], len(cell))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		line := ""
		for j, cell := range row {
			line += fmt.Sprintf("%-*s", width[j]+3, cell)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

// digits returns one byte per offset of a log: the last digit of the record's leader epoch, or a dot if there is no record.
func digits(log []cluster.BatchState) []byte {
	var s []byte
	for _, x := range log {
		for wire.Offset(len(s)) < x.Next {
			if wire.Offset(len(s)) < x.Base {
				s = append(s, '.')
			} else {
				s = append(s, '0'+byte(x.Epoch%10))
			}
		}
	}
	return s
}

// diverging returns a log with exclamation marks around the part that the leader's log does not have.
func diverging(log, lead []byte, led bool) string {
	if len(log) == 0 {
		return "empty"
	}
	i := 0
	for i < len(log) && (!led || log[i] == '.' || i < len(lead) && log[i] == lead[i]) {
		i++
	}
	if i == len(log) {
		return string(log)
	}
	return string(log[:i]) + "!" + string(log[i:]) + "!"
}

// quoteAll quotes the first values of a list and gives the number of the others.
func quoteAll(list []string, most int) string {
	var b strings.Builder
	for i, v := range list {
		if i == most {
			fmt.Fprintf(&b, "  and %d more", len(list)-most)
			break
		}
		b.WriteString("  " + quote(v))
	}
	return b.String()
}

// quote quotes a value and shortens it if it is long.
func quote(v string) string {
	if runes := []rune(v); len(runes) > 24 {
		return strconv.Quote(string(runes[:20])) + "..."
	}
	return strconv.Quote(v)
}

// describeMachine returns one line of the output of show cluster.
func describeMachine(m cluster.MachineState) string {
	state := "up"
	switch {
	case !m.Up:
		state = "down"
	case m.Paused:
		state = "paused"
	}
	s := fmt.Sprintf("%-4s %-10s %-6s", m.Host, m.Role, state)
	if m.Active {
		s += "  active"
	}
	if m.Note != "" {
		s += "  " + m.Note
	}
	return strings.TrimRight(s, " ") + "\n"
}

// describeFile returns one line of the output of show files.
func describeFile(f cluster.FileState) string {
	s := fmt.Sprintf("%10d  %s", f.Size, f.Path)
	if f.Synced < f.Size {
		s += fmt.Sprintf("  (%d synced)", f.Synced)
	}
	return s + "\n"
}

// describeProduce returns the outcome of a produce as its client knows it. Consecutive offsets become ranges, and every
// other outcome is listed by value.
//
// For records to which the client assigned partitions, describeProduce shows each partition with its own records.
func describeProduce(client env.Addr, tp wire.TopicPartition, values []string, o cluster.Outcome) string {
	var b strings.Builder
	say := func(format string, args ...any) {
		to := tp.String()
		if tp.Partition == cluster.AnyPartition {
			to = tp.Topic
		}
		fmt.Fprintf(&b, "%s: %s ", client, to)
		fmt.Fprintf(&b, format+"\n", args...)
	}
	if len(o.Records) == 0 {
		say("%s", describeStatus(o.Status, o.Error))
		return b.String()
	}
	if tp.Partition == cluster.AnyPartition {
		return describeSpread(client, tp.Topic, o)
	}
	for i := 0; i < len(o.Records); {
		r, j := o.Records[i], i+1
		for j < len(o.Records) && o.Records[j].Status == r.Status && o.Records[j].Error == r.Error &&
			(r.Offset < 0 && o.Records[j].Offset < 0 || r.Offset >= 0 && o.Records[j].Offset == r.Offset+wire.Offset(j-i)) {
			j++
		}
		switch {
		case r.Status == cluster.OutcomeOK && r.Offset >= 0:
			say("[%d,%d) acked%s", r.Offset, r.Offset+wire.Offset(j-i), quoteAll(values[i:min(j, len(values))], 3))
		case r.Status == cluster.OutcomeOK:
			say("sent, no answer asked%s", quoteAll(values[i:min(j, len(values))], 3))
		default:
			say("%s%s", describeStatus(r.Status, r.Error), quoteAll(values[i:min(j, len(values))], 3))
		}
		i = j
	}
	return b.String()
}

// describeSpread describes records for which the client chose the partitions, partition by partition. Records that never
// got a partition come first.
func describeSpread(client env.Addr, topic string, o cluster.Outcome) string {
	var in []int32
	for _, r := range o.Records {
		if !slices.Contains(in, r.Partition) {
			in = append(in, r.Partition)
		}
	}
	slices.Sort(in)
	text := ""
	for _, p := range in {
		part := cluster.Outcome{Status: o.Status, Error: o.Error}
		var values []string
		for _, r := range o.Records {
			if r.Partition == p {
				part.Records, values = append(part.Records, r), append(values, r.Value)
			}
		}
		if p == cluster.AnyPartition {
			status := part.Records[0]
			text += fmt.Sprintf("%s: %s %s%s\n", client, topic, describeStatus(status.Status, status.Error), quoteAll(values, 3))
			continue
		}
		text += describeProduce(client, wire.TopicPartition{Topic: topic, Partition: p}, values, part)
	}
	return text
}

// describeStatus returns the outcome of an operation, with the name of the error.
func describeStatus(s cluster.OutcomeStatus, err string) string {
	word := [...]string{"ok", "failed", "unknown"}[s]
	if err != "" {
		word += " " + err
	}
	return word
}

// describeConsume lists the records that a reader received.
func describeConsume(client env.Addr, tp wire.TopicPartition, o cluster.Outcome) string {
	head := fmt.Sprintf("%s: %s", client, tp)
	if o.Status != cluster.OutcomeOK {
		return head + " " + describeStatus(o.Status, o.Error) + "\n"
	}
	if len(o.Records) == 0 {
		return head + " nothing\n"
	}
	s, line := "", head
	for _, r := range o.Records {
		word := fmt.Sprintf("  %d %s", r.Offset, quote(r.Value))
		if len(line)+len(word) > 78 {
			s += line + "\n"
			line = strings.Repeat(" ", len(head))
		}
		line += word
	}
	return s + line + "\n"
}

// noNames knows no names.
type noNames struct{}

func (noNames) Topic(int64) string      { return "" }
func (noNames) Node(wire.NodeID) string { return "" }
