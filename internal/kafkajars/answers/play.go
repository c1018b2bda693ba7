package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// target is a cluster to which a script is played: one of Apache Kafka's processes, or one of ours in a simulated world.
type target interface {
	// ask sends a request to a broker and returns the body of the answer.
	ask(node string, api *schema, version int16, body []byte) ([]byte, error)
	// endpoint returns the host and port that a node advertises.
	endpoint(id string) (host, port string)
	// id returns the cluster id.
	id() string
	// stop shuts a broker down cleanly and start starts it again. Neither waits.
	stop(node string) error
	start(node string) error
	// pause lets time pass.
	pause(time.Duration)
}

// patience is how long a request waits for its answer. No request of a script asks a broker to wait longer.
const patience = 20 * time.Second

var (
	// errClosed is what ask returns if the broker closes the connection.
	errClosed = errors.New("closes the connection")
	// errSilent is what ask returns if the request has no response (Produce with acks=0).
	errSilent = errors.New("sends no response")
	// errMute is what ask returns if the broker neither answers nor closes the connection.
	errMute = errors.New("does not answer")
)

// player plays one script.
type player struct {
	target
	schemas
	script *script
	topics map[string]string // the last id of each topic, by name
	names  map[string]string // the placeholder of each id
	ids    interface {
		idOf(placeholder string) string
	}
}

// idOf returns the id that a placeholder stands for, or "".
func (p *player) idOf(placeholder string) string {
	for id, name := range p.names { //order: no two ids have one placeholder
		if name == placeholder {
			return id
		}
	}
	return ""
}

// play sends every request of a script in turn and passes the answers to done.
func play(c target, all schemas, s *script, done func(it *item, version int16, lines []string) error) error {
	p := &player{target: c, schemas: all, script: s, topics: map[string]string{}, names: map[string]string{}}
	p.ids = p
	if err := p.clean(); err != nil {
		return err
	}
	for _, it := range s.items {
		var err error
		switch {
		case it.verb == "wait":
			d, _ := time.ParseDuration(it.arg)
			p.pause(d)
		case it.verb == "stop":
			if err = p.stop(it.arg); err == nil {
				err = p.await(it.arg+" to stop", func() (bool, error) { return p.sees(it.arg, false) })
			}
		case it.verb == "start":
			if err = p.start(it.arg); err == nil {
				err = p.await(it.arg+" to start", func() (bool, error) { return p.sees(it.arg, true) })
			}
		case it.request != nil:
			for _, v := range it.request.versions {
				var lines []string
				if lines, err = p.one(it.request, v); err == nil {
					err = done(it, v, lines)
				}
				if err != nil {
					err = fmt.Errorf("version %d: %w", v, err)
					break
				}
			}
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %s: %w", s.name, it.number, it.line, err)
		}
	}
	return nil
}

// clean deletes the topics of an earlier script.
func (p *player) clean() error {
	m, err := p.ask0("b1", "Metadata", 12, "{Topics: null, AllowAutoTopicCreation: false}")
	if err != nil {
		return err
	}
	for _, t := range m.get("Topics").list {
		if _, err := p.ask0("b1", "DeleteTopics", 5, fmt.Sprintf("{TopicNames: [%s], TimeoutMs: 30000}", t.get("Name"))); err != nil {
			return err
		}
	}
	return p.settle()
}

// one sends a request in one version and returns the answer as the files show it.
func (p *player) one(r *request, version int16) ([]string, error) {
	body, err := p.fill(r.body, version)
	if err != nil {
		return nil, err
	}
	v, err := p.call(r.node, r.api, version, body, len(r.versions) == 1)
	switch {
	case errors.Is(err, errClosed), errors.Is(err, errSilent), errors.Is(err, errMute):
		return []string{err.Error()}, nil
	case err != nil:
		return nil, err
	}
	p.learn(v)
	p.normalise(v)
	mask(v, p.script.masked)
	sortLists(v, p.script.unordered)
	if changes[r.api] {
		if err := p.settle(); err != nil {
			return nil, err
		}
	}
	return strings.Split(strings.TrimRight(v.block(""), "\n"), "\n"), nil
}

// changes has the requests that change the cluster's metadata.
var changes = map[string]bool{
	"CreateTopics": true, "DeleteTopics": true, "CreatePartitions": true, "AlterConfigs": true, "IncrementalAlterConfigs": true,
	"ElectLeaders": true, "UpdateFeatures": true,
}

// call sends a request and decodes the answer.
func (p *player) call(node, api string, version int16, body *value, strict bool) (*value, error) {
	req, resp := p.find(api, true), p.find(api, false)
	raw, err := req.encode(body, version, strict)
	if err != nil {
		return nil, err
	}
	raw, err = p.ask(node, req, version, raw)
	if err != nil {
		return nil, err
	}
	if !resp.valid.has(version) {
		version = 0 // every client can read the answer to an ApiVersions of an unknown version (KIP-511)
	}
	v, err := resp.decode(raw, version)
	if err != nil {
		return nil, fmt.Errorf("read the answer %x: %w", raw, err)
	}
	return v, nil
}

// ask0 sends a request that the player needs for itself.
func (p *player) ask0(node, api string, version int16, body string) (*value, error) {
	v, err := parse(body)
	if err != nil {
		return nil, err
	}
	return p.call(node, api, version, v, true)
}

var placeholder = regexp.MustCompile(`\$(v|id\.[A-Za-z0-9._-]+|old\.[A-Za-z0-9._-]+|x[0-9]+)`)

// fill replaces the placeholders of a request.
func (p *player) fill(v *value, version int16) (*value, error) {
	out := *v
	var err error
	if v.kind == scalar {
		out.text = placeholder.ReplaceAllStringFunc(v.text, func(s string) string {
			switch {
			case s == "$v":
				return strconv.Itoa(int(version))
			case s[1] == 'x':
				n, _ := strconv.Atoi(s[2:])
				return strings.Repeat("x", n)
			}
			id := p.ids.idOf(s)
			if id == "" {
				err = fmt.Errorf("no topic has the id %s", s)
			}
			return id
		})
		return &out, err
	}
	out.fields, out.list = nil, nil
	for _, f := range v.fields {
		inner, err := p.fill(f.v, version)
		if err != nil {
			return nil, err
		}
		out.fields = append(out.fields, field{f.name, inner})
	}
	for _, e := range v.list {
		inner, err := p.fill(e, version)
		if err != nil {
			return nil, err
		}
		out.list = append(out.list, inner)
	}
	return &out, nil
}

// learn takes the ids of topics from an answer.
func (p *player) learn(v *value) {
	id := v.get("TopicId")
	name := v.get("Name")
	if name == nil {
		name = v.get("TopicName")
	}
	if id != nil && name != nil && id.text != noUUID && !name.isNull() && name.text != "" && p.names[id.text] == "" && p.topics[name.text] != id.text {
		if was := p.topics[name.text]; was != "" {
			p.names[was] = "$old." + name.text
		}
		p.topics[name.text], p.names[id.text] = id.text, "$id."+name.text
	}
	for _, f := range v.fields {
		p.learn(f.v)
	}
	for _, e := range v.list {
		p.learn(e)
	}
}

// normalise replaces what differs from run to run by placeholders, and codes by names.
func (p *player) normalise(v *value) {
	id := v.get("NodeId")
	if id == nil {
		id = v.get("BrokerId")
	}
	if host, port := v.get("Host"), v.get("Port"); id != nil && host != nil && port != nil {
		if h, q := p.endpoint(id.text); h == host.text && q == port.text {
			host.text, port.text = "$host", "$port"
		}
	}
	if all := v.get("Listeners"); id != nil && all != nil { // of a controller
		for _, l := range all.list {
			if h, q := p.endpoint(id.text); h == l.get("Host").text && q == l.get("Port").text {
				l.get("Host").text, l.get("Port").text = "$host", "$port"
			}
		}
	}
	for _, f := range v.fields {
		p.normaliseField(f)
		p.normalise(f.v)
	}
	for _, e := range v.list {
		if name := p.names[e.text]; name != "" && e.kind == scalar {
			e.text = name
		}
		p.normalise(e)
	}
}

func (p *player) normaliseField(f field) {
	if f.v.kind != scalar || f.v.isNull() {
		return
	}
	n, err := strconv.ParseInt(f.v.text, 10, 64)
	isNumber := err == nil && !f.v.quoted
	switch {
	case f.name == "ControllerId" && isNumber && n > 0: // any live broker (KRaftMetadataCache)
		f.v.text = "$n"
	case f.name == "ErrorCode" && isNumber:
		f.v.text = codeName(int16(n))
	case f.v.text == p.id():
		f.v.text = "$cluster"
	case p.names[f.v.text] != "":
		f.v.text = p.names[f.v.text]
	default:
		f.v.text = between.ReplaceAllString(f.v.text, "within [$$from, $$to]")
		f.v.text = long.ReplaceAllStringFunc(f.v.text, func(s string) string { return fmt.Sprintf("$x%d", len(s)) })
	}
}

// between is the range of valid timestamps in a message, which depends on the clock.
var between = regexp.MustCompile(`within \[-?[0-9]+, -?[0-9]+\]`)

var long = regexp.MustCompile(`x{100,}`)

// codeName returns Kafka's name of an error code. kerr calls code 3 and others as Kafka does, but code 6 by its old name.
func codeName(code int16) string {
	switch code {
	case 0:
		return "NONE"
	case kerr.NotLeaderForPartition.Code:
		return "NOT_LEADER_OR_FOLLOWER"
	}
	if e := kerr.TypedErrorForCode(code); e != nil {
		return e.Message
	}
	return strconv.Itoa(int(code))
}

// await polls until done returns true. The cluster's own time passes between two calls.
func (p *player) await(what string, done func() (bool, error)) error {
	var last error
	for range 1200 {
		ok, err := done()
		if ok {
			return nil
		}
		if last = err; errors.Is(err, context.Canceled) {
			break
		}
		p.pause(50 * time.Millisecond)
	}
	return fmt.Errorf("waiting for %s took a minute (%v)", what, last)
}

// brokers returns the brokers that answer.
func (p *player) running() (all []string, sizes map[string]*value) {
	sizes = map[string]*value{}
	for i := 1; i <= p.script.brokers(); i++ {
		node := fmt.Sprintf("b%d", i)
		if m, err := p.ask0(node, "Metadata", 12, "{Topics: null, AllowAutoTopicCreation: false}"); err == nil {
			all, sizes[node] = append(all, node), m
		}
	}
	return all, sizes
}

func (s *script) brokers() int { return setting(s.cluster, "brokers") }

// setting returns a number of the cluster line.
func setting(words []string, name string) int {
	for _, w := range words {
		if text, ok := strings.CutPrefix(w, name+"="); ok {
			n, _ := strconv.Atoi(text)
			return n
		}
	}
	return 0
}

// sees reports whether every running broker has a broker in its metadata, or has it no more. A broker that is back must be in
// every ISR.
func (p *player) sees(node string, up bool) (bool, error) {
	all, metadata := p.running()
	if slices.Contains(all, node) != up {
		return false, nil
	}
	for _, one := range all {
		m := metadata[one]
		known := slices.ContainsFunc(m.get("Brokers").list, func(b *value) bool { return "b"+b.get("NodeId").text == node })
		if known != up {
			return false, fmt.Errorf("%s has the brokers %s", one, m.get("Brokers"))
		}
		for _, t := range m.get("Topics").list {
			for _, q := range t.get("Partitions").list {
				isr, replicas := q.get("IsrNodes").list, q.get("ReplicaNodes").list
				has := slices.ContainsFunc(isr, func(b *value) bool { return "b"+b.text == node })
				if up && len(isr) < len(replicas) || !up && has && len(isr) > 1 {
					return false, fmt.Errorf("%s has the ISR %s of %s", one, q.get("IsrNodes"), t.get("Name"))
				}
			}
		}
	}
	return true, nil
}

// settle waits until every broker has the newest metadata and leads what the metadata says.
func (p *player) settle() error {
	var newest int64
	if err := p.await("the quorum", func() (bool, error) {
		all, _ := p.running()
		if len(all) == 0 {
			return false, errors.New("no broker is running")
		}
		q, err := p.ask0(all[0], "DescribeQuorum", 0, "{Topics: [{TopicName: __cluster_metadata, Partitions: [{PartitionIndex: 0}]}]}")
		if err != nil || len(q.get("Topics").list) == 0 {
			return false, err
		}
		newest = q.get("Topics").list[0].get("Partitions").list[0].number("HighWatermark", -1)
		return newest > 0, nil
	}); err != nil {
		return err
	}
	return p.await("the brokers to apply the metadata", func() (bool, error) {
		all, metadata := p.running()
		for _, node := range all {
			a, err := p.ask0(node, "ApiVersions", 3, "{ClientSoftwareName: samsa, ClientSoftwareVersion: 1}")
			if err != nil {
				return false, err
			}
			if have := a.number("FinalizedFeaturesEpoch", -1); have < newest-1 {
				return false, fmt.Errorf("%s has the metadata up to %d, not %d", node, have, newest-1)
			}
		}
		for _, t := range metadata[all[0]].get("Topics").list {
			for _, q := range t.get("Partitions").list {
				leader := "b" + q.get("LeaderId").text
				if !slices.Contains(all, leader) {
					continue
				}
				ok, err := p.leads(leader, t.get("Name"), q.get("PartitionIndex").text)
				if !ok {
					return false, err
				}
			}
		}
		return true, nil
	})
}

// leads reports whether a broker answers as the leader of a partition.
func (p *player) leads(node string, topic *value, partition string) (bool, error) {
	a, err := p.ask0(node, "ListOffsets", 7, fmt.Sprintf("{ReplicaId: -1, Topics: [{Name: %s, Partitions: [{PartitionIndex: %s, Timestamp: -1}]}]}", topic, partition))
	if err != nil {
		return false, err
	}
	code := a.get("Topics").list[0].get("Partitions").list[0].get("ErrorCode").text
	return code == "0", fmt.Errorf("%s answers %s for %s-%s", node, code, topic, partition)
}
