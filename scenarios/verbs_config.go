package scenarios

import (
	"fmt"
	"slices"

	"samsa/scenarios/cluster"
	"samsa/sim/env"
	"samsa/wire"
	"samsa/wire/config"
)

var verbConfig = &Verb{
	Name:  "config",
	Group: "make",
	Forms: []string{"topic TOPIC [append|subtract]", "brokers [append|subtract]", "broker HOST [append|subtract]",
		"topic TOPIC delete NAME...", "brokers delete NAME...", "broker HOST delete NAME..."},
	Configs: ScopeEither,
	Doc: "Changes configs of a topic, of all brokers, or of one broker while the cluster runs, as kafka-configs.sh --alter does, and waits " +
		"until the controller has committed it. delete returns a config to its default; append and subtract change the members of a " +
		"list. A topic's own config overrides its broker's, that of one broker overrides that of all, and a broker applies only " +
		"the configs that Kafka can change in a running cluster (samsa help says which, by the name of a config).",
	Example: "config topic orders unclean.leader.election.enable=true\nconfig brokers min.insync.replicas=1\n" +
		"config broker b2 log.retention.bytes=2000\nconfig topic orders append cleanup.policy=compact\nat 3s config topic orders delete retention.ms",
	Timed: true,
	Check: checkConfig,
	Run: func(s *Session, a *Args) Result {
		of := cluster.ConfigsOf{Topic: arg[string](a, "TOPIC")}
		if a.has("broker") {
			hosts := s.hosts(arg[[]hostTerm](a, "HOST"))
			if len(hosts) == 0 {
				w, _ := a.get("HOST")
				return Result{Text: w.word.Text + ": no machine is that now\n"}
			}
			of.Broker = nodeOf(s.cluster.Machines(), hosts[0])
		}
		how, configs := cluster.SetConfig, a.Settings
		switch {
		case a.has("append"):
			how = cluster.AppendConfig
		case a.has("subtract"):
			how = cluster.SubtractConfig
		case a.has("delete"):
			how = cluster.DeleteConfig
			for _, b := range a.all("NAME") {
				configs = append(configs, Setting{Name: b.word.Text})
			}
		}
		return s.await(once(s.cluster.AlterConfigs(of, how, configs)), refusalOf("config"))
	},
}

var verbProperties = &Verb{
	Name:    "properties",
	Group:   "make",
	Forms:   []string{"HOSTS"},
	Configs: ScopeBrokers,
	Doc: "Sets configs of some brokers alone, as in their server.properties, for the whole run; cluster sets those of all. A broker of another rack, with fewer " +
		"threads or smaller fetches, is made so. Defaults of topics and the timeouts that brokers have in common cannot differ; " +
		"config broker changes what can change while they run. The line comes after the cluster line.",
	Example: "properties b1 broker.rack=east\nproperties b2,b3 broker.rack=west num.io.threads=1",
	Check: func(_ *names, a *Args) *complaint {
		b, _ := a.get("HOSTS")
		for _, t := range arg[[]hostTerm](a, "HOSTS") {
			if t.role != "" && t.role != "brokers" || t.client || t.addr != "" && t.addr[0] != 'b' {
				return &complaint{word: b.word, msg: "properties takes brokers by name, such as b2, not " + b.word.Text}
			}
		}
		if len(a.Settings) == 0 {
			return &complaint{msg: "properties needs at least one CONFIG=VALUE"}
		}
		for _, w := range a.settings {
			if cluster.Shared(w.Key) {
				return &complaint{word: w, msg: w.Key + " is the same on all brokers; set it on the cluster line"}
			}
		}
		return nil
	},
	Declare: func(p *Program, c *Command) *complaint {
		for _, t := range arg[[]hostTerm](c.Args, "HOSTS") {
			hosts := []env.Addr{t.addr}
			if t.role == "brokers" {
				hosts = nil
				for i := range p.ns.brokers {
					hosts = append(hosts, env.Addr(fmt.Sprintf("b%d", i+1)))
				}
			}
			for _, h := range hosts {
				p.own = append(p.own, cluster.OwnConfigs{Host: h, Configs: c.Args.Settings})
			}
		}
		return nil
	},
}

// checkConfig checks that each config of a line belongs to the line's topic or broker. The parser accepts configs of topics
// and brokers alike.
func checkConfig(_ *names, a *Args) *complaint {
	if bad := checkBroker(a); bad != nil {
		return bad
	}
	scope := scopeOf(a)
	if a.has("delete") {
		if len(a.settings) > 0 {
			w := a.settings[0]
			return &complaint{word: w, msg: fmt.Sprintf("delete needs no value: config ... delete %s", w.Key)}
		}
		return checkConfigNames(a)
	}
	if len(a.Settings) == 0 {
		return &complaint{msg: "config needs at least one CONFIG=VALUE"}
	}
	lists := a.has("append") || a.has("subtract")
	for _, w := range a.settings {
		if lists {
			if c, err := config.Find(scope.of(), w.Key); err == nil && c.Kind != config.List {
				return &complaint{word: w, msg: fmt.Sprintf("%s is no list, so it has no members to append or subtract", w.Key)}
			}
		}
		if _, bad := readSetting(scope, w); bad != nil {
			return bad
		}
	}
	return nil
}

// scopeOf returns the scope of the configs that a line can name: those of its topic, or those of nodes.
func scopeOf(a *Args) Scope {
	if a.has("TOPIC") {
		return ScopeTopic
	}
	return ScopeNodes
}

// checkBroker refuses a HOST that is no broker.
func checkBroker(a *Args) *complaint {
	b, ok := a.get("HOST")
	if !ok {
		return nil
	}
	if t := arg[[]hostTerm](a, "HOST")[0]; t.client || t.addr != "" && t.addr[0] != 'b' || t.role == "controller" || t.role == "standby" {
		return &complaint{word: b.word, msg: b.word.Text + " is no broker"}
	}
	return nil
}

// checkConfigNames checks the names of configs on a line.
func checkConfigNames(a *Args) *complaint {
	for _, b := range a.all("NAME") {
		if _, err := config.Find(scopeOf(a).of(), b.word.Text); err != nil {
			msg, near := describeUnknown(err)
			return &complaint{b.word, msg, near}
		}
	}
	return nil
}

// nodeOf returns the node id of a machine.
func nodeOf(machines []cluster.MachineState, host env.Addr) wire.NodeID {
	for _, m := range machines {
		if m.Host == host {
			return m.Node
		}
	}
	return 0
}

// readConfigName reads the name of a config of topics or brokers.
func readConfigName(_ *names, w Word) (any, string) {
	if _, err := config.Find(ScopeEither.of(), w.Text); err != nil {
		return nil, fmt.Sprintf("no topic or broker config %q", w.Text)
	}
	return w.Text, ""
}

// configNames lists the configs of topics and brokers.
func configNames(*names) (all []string) {
	for _, c := range config.Of(ScopeEither.of()) {
		all = append(all, c.Name)
	}
	return slices.Compact(all)
}
