package check

import "samsa/wire"

// Neither a value nor an offset identifies a record: other records may have the same value, a retry may store a record at
// several offsets, and after a loss an offset may hold another record. A record is identified by its send, with a
// RecordID. The simulated cluster does not have this id: package observe follows each request from its client to the log,
// and the View keeps the ids of the records in each batch.
//
//	client ──attempt──▶ request ──▶ leader appends ──▶ Wrote(batch, Send) ──▶ Partition.sends, by the batch's Identity
//	client ◀──fetch response with the batch── RecordAt ◀─────────────────────────────┘

// RecordID identifies a record by its client and the number of its send. The zero RecordID stands for an unknown record.
type RecordID struct {
	Client string
	Number int64 // Head.Number of the Produce
}

// words names the client of a known record for a finding: " of p1".
func (r RecordID) words() string {
	if r.Client == "" {
		return ""
	}
	return " of " + r.Client
}

// Send is one attempt of a client to send a batch.
type Send struct {
	Client  string
	Numbers []int64 // Head.Number of the records, in the order of the batch
	Attempt int     // counts the requests with this batch, from 1
}

// Wrote records the attempt by which the leader's log got a batch. It is called before Appended.
func Wrote(p *Partition, b Batch, s Send) {
	if p.sends == nil {
		p.sends = map[Identity]Send{}
	}
	p.sends[b.Identity()] = s
}

// RecordAt returns the record at an offset of a batch, and the attempt by which the leader got it. The result is zero if the
// batch is not known, for example because a fault of a disk has changed its header.
func RecordAt(p *Partition, b Batch, at wire.Offset) (RecordID, int) {
	s, ok := p.sends[p.known(b).Identity()]
	if i := at - b.Base; ok && i >= 0 && i < wire.Offset(len(s.Numbers)) {
		return RecordID{s.Client, s.Numbers[i]}, s.Attempt
	}
	return RecordID{}, 0
}

// Record returns the record's id.
func (op *Produce) Record() RecordID { return RecordID{op.Client, op.Number} }

// spot is a record in a partition. If the record is not known, the value stands for it.
type spot struct {
	place
	record RecordID
	value  string // empty if record is known
}

// spot returns the record of a send. If the client's sends are not counted, the value stands for the record.
func (c *Case) spot(op *Produce) spot {
	if op.Number == 0 {
		return spot{place: c.written(op), value: op.Value}
	}
	return spot{place: c.written(op), record: op.Record()}
}

// sentOf holds the sends of a history by record and by value.
type sentOf struct {
	records map[spot]*Produce
	values  map[spot][]*Produce // the sends of each value in a partition
}

// sends returns the sends of the history.
func (c *Case) sends() *sentOf {
	if c.born == nil {
		c.born = &sentOf{make(map[spot]*Produce, len(c.History)/2), map[spot][]*Produce{}}
		for op := range of[*Produce](c.History) {
			k := c.spot(op)
			c.born.records[k] = op
			v := spot{place: k.place, value: op.Value}
			c.born.values[v] = append(c.born.values[v], op)
		}
	}
	return c.born
}

// found returns the record that a consumer read, with its send if that is known. If the observer does not know the
// record, found looks for sends with the same value. If there is one, that is the record's send. If there are several,
// the record stays unknown, and candidates holds these sends.
func (c *Case) found(op *Consume) (k spot, send *Produce, candidates []*Produce) {
	k = spot{place: c.read(op), record: op.Record}
	if op.Record != (RecordID{}) {
		return k, c.sends().records[k], nil
	}
	k.value = op.Value
	switch all := c.sends().values[k]; len(all) {
	case 0:
		return k, nil, nil
	case 1:
		return c.spot(all[0]), all[0], nil
	default:
		return k, nil, all
	}
}
