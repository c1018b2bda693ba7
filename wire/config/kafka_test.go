package config

import (
	"bufio"
	"compress/gzip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// kafkaLines returns the lines of a compressed file of Kafka's output, split at tabs.
func kafkaLines(t testing.TB, path string) (lines [][]string) {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	s := bufio.NewScanner(z)
	for s.Scan() {
		if !strings.HasPrefix(s.Text(), "#") {
			lines = append(lines, strings.Split(s.Text(), "\t"))
		}
	}
	if s.Err() != nil {
		t.Fatal(s.Err())
	}
	return lines
}

// kafkaScopes has the scopes of each of Kafka's definitions.
var kafkaScopes = map[string]Scope{
	"topic": Topic, "broker": Node, "producer": Producer, "consumer": Consumer, "admin": Admin, "group": Group, "feature": Feature,
}

// differs has the configs that differ from Kafka, each with the difference and the reason.
var differs = map[string]string{
	"partition.assignment.strategy": "Kafka takes class names. Here it is the names that the classes have in the group protocol; the default is the same two",
}

// absent has the configs of Kafka that are not in the table, by a part of their names, each with the reason.
var absent = []struct{ why, prefixes string }{
	{"security: the simulated network has neither encryption nor identities",
		"ssl. sasl. security. principal. authorizer. delegation. connections.max.reauth connection.failed.authentication"},
	{"metrics and telemetry: a simulation is watched from outside", "metric metrics. enable.metrics kafka.metrics telemetry."},
	{"plug-in classes: there is no code to load",
		"alter.config.policy create.topic.policy client.quota.callback config.providers group.share.dlq.manager group.share.persister " +
			"group.streams.topology.description key. value. interceptor. partitioner.class remote.log.metadata.manager remote.log.storage.manager"},
	{"where processes are and listen: a cluster's machines say that",
		"advertised. listener listeners early.start inter.broker. controller.listener broker.id node.id process.roles log.dir bootstrap.servers " +
			"bootstrap.controllers controller.quorum.bootstrap controller.quorum.voters client.dns"},
	{"the operating system's sockets and threads",
		"socket.listen socket.receive socket.send replica.socket.receive receive.buffer send.buffer max.connection num.replica.alter " +
			"log.cleaner.io.max.bytes remote.log.manager.thread.pool remote.log.index.file.cache.ttl buffer.memory.allocation server.max.startup"},
	{"quota windows and moves between directories",
		"quota. alter.log.dirs. controller.quota. replication.quota. remote.log.manager.copy.quota remote.log.manager.fetch.quota " +
			"remote.log.metadata.custom"},
	{"what the controller measures of itself", "controller.performance."},
}

func reasonForAbsence(name string) string {
	for _, a := range absent {
		for _, p := range strings.Fields(a.prefixes) {
			if strings.HasPrefix(name, p) {
				return a.why
			}
		}
	}
	return ""
}

// The table must equal Kafka's in types, defaults, bounds and internal configs, and every missing config must have a
// reason.
func TestTableIsKafkas(t *testing.T) {
	kafkaHas := map[string]bool{}
	for _, f := range kafkaLines(t, "testdata/configs.tsv.gz") {
		scope, ok := kafkaScopes[f[0]]
		if !ok {
			continue // synonyms, dynamic
		}
		name, kind, def, allowed, internal := f[1], f[2], f[3], f[4], f[5] == "internal"
		kafkaHas[f[0]+" "+name] = true
		c, ok := Lookup(scope, name)
		if !ok {
			if reasonForAbsence(name) == "" {
				t.Errorf("%s config %s of Kafka is missing without a reason", f[0], name)
			}
			continue
		}
		if _, known := differs[name]; known {
			continue
		}
		if got := c.Allowed(); got != allowed && !(kind == "LIST" && got == "") {
			t.Errorf("%s %s is allowed %q, Kafka allows %q", f[0], name, got, allowed)
		}
		if c.Kind.String() != kind {
			t.Errorf("%s %s is a %s, in Kafka a %s", f[0], name, c.Kind, kind)
		}
		if def == "<null>" {
			def = Null
		}
		if c.Default != def {
			t.Errorf("%s %s is %q by default, in Kafka %q", f[0], name, c.Default, def)
		}
		if c.Is(Internal) != internal {
			t.Errorf("%s %s is internal: %v, in Kafka %v", f[0], name, c.Is(Internal), internal)
		}
	}
	for _, c := range All() {
		found := false
		for word, s := range kafkaScopes {
			if c.Is(s) {
				found = found || kafkaHas[word+" "+c.Name]
				if !kafkaHas[word+" "+c.Name] {
					t.Errorf("Kafka has no %s config %s", word, c.Name)
				}
			}
		}
		if !found {
			t.Errorf("%s has no scope", c.Name)
		}
	}
}

// Synonyms, their order and factors, and the configs that can be changed in a running cluster must be those of Kafka.
func TestSynonymsAreKafkas(t *testing.T) {
	dynamic := map[string]string{}
	topics := 0
	for _, f := range kafkaLines(t, "testdata/configs.tsv.gz") {
		switch f[0] {
		case "dynamic":
			dynamic[f[1]] = f[3]
		case "synonyms":
			topics++
			c, ok := Lookup(Topic, f[1])
			if !ok {
				t.Errorf("no topic config %s", f[1])
				continue
			}
			var got []string
			for _, y := range c.Synonyms() {
				s := y.Name
				if y.Factor != 1 {
					s += "*" + strconv.FormatInt(y.Factor, 10)
				}
				got = append(got, s)
				n, ok := Lookup(Broker, y.Name)
				if !ok {
					t.Errorf("%s falls back to %s, which is no config of brokers", f[1], y.Name)
				} else if n.Kind != c.Kind && !(c.Kind == Long && n.Kind == Int) {
					t.Errorf("%s is a %s and falls back to %s, a %s", f[1], c.Kind, y.Name, n.Kind)
				}
			}
			if strings.Join(got, ",") != f[3] {
				t.Errorf("%s falls back to %v, in Kafka to %s", f[1], got, f[3])
			}
		}
	}
	if topics != len(topicSynonyms) {
		t.Errorf("%d rows of synonyms, Kafka has %d", len(topicSynonyms), topics)
	}
	for _, c := range Of(Node) {
		if want := dynamic[c.Name] == "cluster-wide"; c.Is(Dynamic) != want {
			t.Errorf("%s can be changed: %v, in Kafka %v", c.Name, c.Is(Dynamic), want)
		}
	}
}

// Values that Kafka reads must be read as the same values. Values that Kafka refuses must be refused with the same
// message.
func TestParseIsKafkas(t *testing.T) {
	asked, refused := 0, 0
	for _, f := range kafkaLines(t, "testdata/probes.tsv.gz") {
		scope, name, text, want := f[0], f[1], f[2], f[3]
		c, ok := Lookup(kafkaScopes[scope], name)
		if !ok {
			continue // the config with this name has another scope
		}
		if _, known := differs[name]; known {
			continue
		}
		asked++
		got := ""
		if v, err := Parse(c, text); err == nil {
			got = "ok " + v.String()
		} else {
			got = "no " + err.Error()
			refused++
		}
		if got == want || agreed(c, got, want) {
			continue
		}
		t.Errorf("%s %s=%q: %s\nKafka says: %s", scope, name, text, got, want)
	}
	if asked < 10000 || refused < 1000 {
		t.Errorf("%d values of which %d were refused: the test data is not what it was", asked, refused)
	}
}

// agreed has the intended differences from Kafka's messages.
func agreed(c *Config, got, want string) bool {
	no := strings.HasPrefix(got, "no ") && strings.HasPrefix(want, "no ")
	switch {
	case c.Kind == Ratio:
		// Our message contains the limit of three decimal places.
		return no && strings.HasPrefix(got, want)
	case c.Rule.shape == throttled:
		// Kafka accepts a comma without text on either side.
		return want == "ok ," && strings.HasPrefix(got, "no ")
	case c.Rule.shape == startOffset:
		// Kafka's pattern of a duration ends with a stray dot for consumers. The part before it is the same.
		return no && got[:strings.Index(got, ". The value")] == want[:strings.Index(want, ". The value")]
	}
	return false
}

// If no missing config matches a reason, the reason is obsolete.
func TestAbsenceHasReasons(t *testing.T) {
	for _, a := range absent {
		for _, p := range strings.Fields(a.prefixes) {
			used := slices.ContainsFunc(kafkaLines(t, "testdata/configs.tsv.gz"), func(f []string) bool {
				_, ok := Lookup(kafkaScopes[f[0]], f[1])
				return !ok && strings.HasPrefix(f[1], p)
			})
			if !used {
				t.Errorf("no config of Kafka begins with %s, or all of them are in the table", p)
			}
		}
	}
}
