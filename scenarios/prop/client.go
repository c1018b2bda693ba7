package prop

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"samsa/scenarios"
	"samsa/scenarios/cluster"
	"samsa/sim/env"
	"samsa/wire"
)

// Client is a client of the simulated cluster. Its methods return when the client knows the outcome; virtual time passes only
// in them. A partition is named by its topic and number, such as "payments-0".
//
// While the machine of the client is down, its methods wait. After a crash, the outcome of the request in
// flight is unknown.
type Client struct {
	hand *scenarios.Hand
	run  *record

	at    env.Duration // the time of the last call
	calls int          // the number of calls at that time
}

// spins is the number of calls at one moment of virtual time after which a loop is taken for an endless one.
const spins = 100_000

// called counts a call that may return at once. A loop of such calls never ends, because virtual time passes only in the calls
// that wait.
func (c *Client) called(what string) {
	if now := c.hand.Now(); now != c.at {
		c.at, c.calls = now, 0
	}
	if c.calls++; c.calls > spins {
		c.run.refuse("Client."+what, fmt.Errorf("the code has called the client %d times, and it is still %s of virtual time: no call in its loop waits. Let it call Sleep",
			spins, time.Duration(c.at)))
	}
}

// ErrUnknown says that no response came, so the request may or may not have taken effect. Never take it for a failure.
var ErrUnknown = errors.New("the outcome is unknown")

// Record is one record that was read.
type Record struct {
	Offset int64
	Value  string
}

// Name returns the name of the client.
func (c *Client) Name() string { return c.hand.Client() }

// Send appends records to a partition, in order, and returns nil if all of them are acknowledged. If the outcome of a
// record is not known, the error is ErrUnknown. Any other error means that a record was refused and is certainly not in the
// log.
func (c *Client) Send(partition string, values ...string) error {
	c.called("Send")
	tp, err := partitionOf(partition)
	if err != nil || len(values) == 0 {
		return err
	}
	return errorOf("send to "+partition, c.hand.Produce(tp, values))
}

// Read returns the records of a partition from an offset up to the high watermark. If from is negative, it begins at the log
// start. If it has not reached the high watermark within default.api.timeout.ms, which is 60 seconds of virtual time, Read
// returns what it has and an error. The partition may have no leader, or not exist.
func (c *Client) Read(partition string, from int64) ([]Record, error) {
	c.called("Read")
	tp, err := partitionOf(partition)
	if err != nil {
		return nil, err
	}
	o := c.hand.Consume(tp, wire.Offset(max(from, -1)))
	var all []Record
	for _, r := range o.Records {
		all = append(all, Record{int64(r.Offset), r.Value})
	}
	return all, errorOf("read of "+partition, o)
}

// CreateTopic creates a topic. The words are its name and settings, as in Test.Topics.
func (c *Client) CreateTopic(words string) error {
	c.called("CreateTopic")
	spec, err := scenarios.ParseTopic(words)
	if err != nil {
		return err
	}
	return errorOf("create topic "+spec.Name, c.hand.CreateTopic(spec))
}

// DeleteTopic deletes a topic.
func (c *Client) DeleteTopic(name string) error {
	return errorOf("delete topic "+name, c.hand.DeleteTopic(name))
}

// DeleteRecords deletes the records of a partition below an offset.
func (c *Client) DeleteRecords(partition string, before int64) error {
	c.called("DeleteRecords")
	tp, err := partitionOf(partition)
	if err != nil {
		return err
	}
	return errorOf("delete records of "+partition, c.hand.DeleteRecords(tp, wire.Offset(before)))
}

// SetConfig sets configs of a topic, such as "retention.ms=1000".
func (c *Client) SetConfig(topic string, configs ...string) error {
	var all []scenarios.Setting
	for _, text := range configs {
		name, value, _ := strings.Cut(text, "=")
		all = append(all, scenarios.Setting{Name: name, Value: value})
	}
	return errorOf("config of "+topic, c.hand.SetConfig(topic, all))
}

// Now returns the virtual time since the cluster was started.
func (c *Client) Now() time.Duration {
	c.called("Now")
	return time.Duration(c.hand.Now())
}

// Sleep waits in virtual time.
func (c *Client) Sleep(d time.Duration) { c.hand.Sleep(env.Duration(d)) }

// Faulty reports whether faults may still come. A client usually sends requests in a loop while it is true.
func (c *Client) Faulty() bool {
	c.called("Faulty")
	return c.hand.Faulty()
}

// Settle waits until all faults have ended and the cluster is quiet: all replicas agree, and no request is in flight.
func (c *Client) Settle() { c.hand.Settle() }

// Fail says that an invariant of the code itself is broken, and ends the code of this client. The key names the
// invariant. It has up to 32 letters, digits, - and _, a letter first, and must be the same in every run, because the
// shrinker looks for a failure with the same key. The format and its arguments give the details of this run.
func (c *Client) Fail(key, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if err := c.run.runner.unstable(key); err != nil {
		c.run.refuse("Client.Fail", err)
	}
	if err := c.hand.Fail(key, "", text); err != nil {
		c.run.refuse("Client.Fail", fmt.Errorf("the key of an invariant: %w (the text was %q)", err, text))
	}
}

// Reached marks that the run came to an interesting place. The test reports the share of the runs that reached the mark;
// see Test.Sometimes.
func (c *Client) Reached(mark string) { c.run.marks[mark] = true }

// Go runs more code at the same time, on a client of its own. The clients take turns: one runs while the others wait in a
// method.
func (c *Client) Go(name string, work func(*Client)) {
	if work == nil {
		c.run.refuse("Client.Go", errors.New("there is no code for the client "+strconv.Quote(name)))
	}
	if err := c.hand.Start(name, func(h *scenarios.Hand) { guard(h, c.run, work) }); err != nil {
		c.run.refuse("Client.Go", err)
	}
}

// partitionOf reads the name of a partition.
func partitionOf(s string) (tp wire.TopicPartition, err error) {
	at := strings.LastIndexByte(s, '-')
	n, bad := strconv.ParseInt(s[at+1:], 10, 32)
	if at < 1 || bad != nil || n < 0 {
		return tp, fmt.Errorf("%q is no partition: its name is that of its topic and its number, as in payments-0", s)
	}
	return wire.TopicPartition{Topic: s[:at], Partition: int32(n)}, nil
}

// errorOf returns the error of an outcome.
func errorOf(what string, o cluster.Outcome) error {
	switch o.Status {
	case cluster.OutcomeOK:
		return nil
	case cluster.OutcomeUnknown:
		return fmt.Errorf("%s: %w: %s", what, ErrUnknown, o.Error)
	}
	return fmt.Errorf("%s: %s", what, o.Error)
}
