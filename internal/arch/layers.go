package arch

import "slices"

// Layer is one row of the import table: a package, the packages that it may import, and the reason for that limit.
type Layer struct {
	Path    string   // inside the module: "sim/env"
	Ours    []string // our packages that it may import
	Why     string   // the reason, printed with every violation
	Std     [][]string
	Modules []string // prefixes of the import paths of other modules that it may import
	// Argued maps each extra standard-library package to the reason why this layer needs it.
	Argued map[string]string

	// Exempt is the reason why no determinism rule applies to this layer, or "" if the rules apply.
	Exempt string
	// The keys of Except are the determinism rules that do not apply to this layer. The values are the reasons.
	Except map[string]string
	// Argue lists special exemption comments, such as //goroutine:, that this layer may use. Every layer may use the
	// common ones.
	Argue []string
}

// The constant everything is a wildcard: a list that contains it allows every package.
const everything = "*"

// Groups of standard-library packages.
var (
	// stdPure lists the packages for protocol code. Their functions depend on their arguments only, not on the machine.
	stdPure = []string{
		"bytes", "cmp", "encoding/base64", "encoding/binary", "encoding/hex", "errors", "fmt", "hash", "hash/crc32",
		"io", "iter", "maps", "math", "math/bits", "path", "slices", "sort", "strconv", "strings", "unicode", "unicode/utf8",
	}
	// stdCodec lists the codecs of record batches that are in the standard library.
	stdCodec = []string{"compress/gzip"}
	// stdFiles lists the packages for embedded files.
	stdFiles = []string{"embed", "io/fs"}
	// stdReport lists packages for writing reports: JSON, tables, HTML, CSV.
	stdReport = []string{"encoding/json", "text/tabwriter", "html", "encoding/csv"}
	// stdMain lists the packages that a command needs.
	stdMain = []string{"flag", "os", "runtime", "runtime/debug"}
	// stdAny allows the whole standard library.
	stdAny = []string{everything}
)

// Other modules.
const (
	modKmsg     = "github.com/twmb/franz-go/pkg/kmsg"
	modKerr     = "github.com/twmb/franz-go/pkg/kerr"
	modXXHash   = "github.com/cespare/xxhash/v2"
	modCompress = "github.com/klauspost/compress"
	modLZ4      = "github.com/pierrec/lz4/v4"
	modCobra    = "github.com/spf13/cobra"
	modPflag    = "github.com/spf13/pflag"
	modCharm    = "charm.land"
	modRapid    = "pgregory.net/rapid"
)

// protocol lists the other modules that protocol code may import: Kafka's messages, its errors, and a hash.
var protocol = []string{modKmsg, modKerr, modXXHash}

// scenarioParts lists scenarios and the packages built on it. They show and run sessions, but cannot change a cluster.
var scenarioParts = []string{"scenarios", "scenarios/view", "scenarios/explore", "scenarios/shrink", "scenarios/speed", "scenarios/museum"}

// Reasons that several rows share.
const (
	whyNode = "protocol code sees the world only through sim/env; otherwise it could cut links or read true time"
	whyShow = "packages that show a session see only sessions and view models; otherwise they would soon change a cluster"
)

// layers is the import table, lowest layer first. Every package must have a row.
var layers = []Layer{
	{Path: "sim/env", Std: [][]string{stdPure}, Modules: []string{modKmsg},
		Why: "all nodes and both worlds share this contract, so it must not depend on any of them"},
	{Path: "wire", Std: [][]string{stdPure, stdCodec}, Modules: append([]string{modCompress, modLZ4}, protocol...),
		Why: "bytes on the wire or in a log have the same meaning for every node"},
	{Path: "exhibit", Std: [][]string{stdPure},
		Why: "exhibit describes every old rule in one form; the rule type is a type parameter, so it imports no package of ours"},
	{Path: "wire/config", Std: [][]string{stdPure}, Modules: protocol,
		Why: "Kafka's configs are one table; any layer may need a default value, so the table imports no other layer"},
	{Path: "sim/disk", Ours: []string{"sim/env"}, Std: [][]string{stdPure}, Modules: []string{modXXHash},
		Why:    "a disk keeps, loses and tears bytes; if it knew the format of a log, its faults could spare the log",
		Except: map[string]string{"env-stored": "the disk implements the contract, and a package variable asserts that"}},
	{Path: "sim", Ours: []string{"sim/env", "sim/disk", "wire"}, Std: [][]string{stdPure}, Modules: protocol,
		Why: "the world moves the messages and disks of every node; if it knew brokers, it could favour one",
		Except: map[string]string{
			"env-stored": "sim implements the contract, and its machines implement Env",
			"recover":    "the world catches the panic of a node at the end of the event and reports it with the seed",
		}},
	{Path: "sim/live", Ours: []string{"sim/env", "wire"}, Std: [][]string{stdAny}, Modules: protocol,
		Why:    "sim/live implements the same contract as sim with real time, TCP and files, so it imports no more than sim",
		Exempt: "the real world consists of goroutines, sockets and clocks"},
	{Path: "storage", Ours: []string{"sim/env", "wire", "exhibit"}, Std: [][]string{stdPure}, Modules: protocol, Why: whyNode,
		Argued: map[string]string{"encoding/json": "Kafka's clean-shutdown marker is a JSON object of two integers"}},
	{Path: "coordinator", Ours: []string{"sim/env", "wire"}, Std: [][]string{stdPure}, Modules: protocol,
		Why: "one runtime serves the controller, groups and transactions; it must not know which, or on which log"},
	{Path: "client", Ours: []string{"sim/env", "wire"}, Std: [][]string{stdPure}, Modules: protocol,
		Why: "a client knows the protocol but nothing about brokers, like a user's program",
		Except: map[string]string{
			"iter-pull":  "a user's program is straight-line code (script.go) in a coroutine, which the world stops with its process",
			"recover":    "to stop a waiting script, the package unwinds it with its own panic and recovers only that panic",
			"env-stored": "a script gets the current event's Env from its hand, which holds it only while that event runs",
		}},
	{Path: "check", Ours: []string{"wire"}, Std: [][]string{stdPure}, Modules: protocol,
		Why: "a judge that could read a broker's fields would sooner or later trust them"},
	{Path: "controller/image", Ours: []string{"wire"}, Std: [][]string{stdPure}, Modules: protocol,
		Why: "the metadata image is a value built by applying records, and needs no Env"},
	{Path: "controller/raft", Ours: []string{"sim/env", "wire", "exhibit", "storage"}, Std: [][]string{stdPure}, Modules: protocol,
		Why: "KRaft elects a leader and commits a log; it knows no topics, so that it can be compared with replication"},
	{Path: "replication", Ours: []string{"sim/env", "wire", "exhibit", "storage"}, Std: [][]string{stdPure}, Modules: protocol,
		Why: "this package replicates one partition; a lesson on the high watermark needs no broker"},
	{Path: "groups", Ours: []string{"sim/env", "wire", "coordinator"}, Std: [][]string{stdPure}, Modules: protocol,
		Why: "the group machine is a state machine on the coordinator's log; it must not depend on where that log is"},
	{Path: "txn", Ours: []string{"sim/env", "wire", "coordinator"}, Std: [][]string{stdPure}, Modules: protocol,
		Why: "the transaction machine is a state machine on the coordinator's log; it must not depend on where that log is"},
	{Path: "controller", Ours: []string{"sim/env", "wire", "exhibit", "coordinator", "controller/raft", "controller/image"}, Std: [][]string{stdPure}, Modules: protocol,
		Why: "the controller decides on metadata; other machines handle partition logs and clients"},
	{Path: "broker", Ours: []string{"sim/env", "wire", "exhibit", "wire/config", "storage", "coordinator", "controller/image",
		"replication", "groups", "txn"}, Std: [][]string{stdPure}, Modules: protocol,
		Why: "a broker follows the metadata log as an observer and needs no controller; it must not know clients or judges"},
	{Path: "scenarios/cluster", Ours: []string{"sim/env", "wire", "exhibit", "wire/config", "sim", "sim/disk", "sim/live", "storage", "coordinator", "client",
		"controller/image", "controller/raft", "replication", "groups", "txn", "controller", "broker"},
		Std: [][]string{stdPure}, Modules: protocol,
		Argued: map[string]string{"reflect": "a run that is explained compares every old rule with today's, and must not forget one that is added"},
		Why:    "only this package assembles nodes and a world; it imports no judge, so it cannot be adapted to one"},
	{Path: "scenarios/observe", Ours: []string{"sim/env", "wire", "wire/config", "sim", "sim/disk", "storage", "client", "check", "controller/raft",
		"controller", "broker", "scenarios/cluster"}, Std: [][]string{stdPure}, Modules: protocol,
		Why: "only this package imports both judges and nodes; it copies the nodes' state for the judges and changes nothing"},
	{Path: "scenarios", Ours: []string{"scenarios/cluster", "scenarios/observe", "check", "wire", "wire/config", "sim/env"},
		Std: [][]string{stdPure, stdFiles, stdReport}, Modules: protocol, Argue: []string{"goroutine"},
		Why: "sessions use a cluster only through its interface; packages that display or explore clusters sit in higher layers",
		Except: map[string]string{
			"iter-pull": "a script of a scenario is straight-line code, so it runs in a coroutine that the session stops",
			"recover":   "a session reports the panic of a node as a finding and continues",
		}},
	{Path: "scenarios/view", Ours: []string{"wire", "check", "scenarios"}, Std: [][]string{stdPure, stdReport}, Modules: protocol,
		Argue: []string{"goroutine"}, Why: "a view model is a plain struct of one instant's state, without width or colour"},
	{Path: "scenarios/explore", Ours: []string{"check", "scenarios", "scenarios/view"}, Std: [][]string{stdPure, stdFiles, stdReport}, Modules: protocol,
		Argue: []string{"goroutine"}, Why: "the explorer writes scenario files and runs them; a run that it cannot write could not be replayed",
		Argued: map[string]string{"runtime": "the explorer identifies a panic by its function, because the text depends on the seed"},
		Except: map[string]string{"recover": "the panic of one seed is a finding, and the campaign continues"}},
	{Path: "scenarios/shrink", Ours: []string{"sim/env", "check", "scenarios", "scenarios/view", "scenarios/explore"}, Std: [][]string{stdPure}, Modules: protocol,
		Argue: []string{"goroutine"}, Why: "a shrinker changes the lines of a scenario and runs it; it knows of a failure only its fingerprint"},
	{Path: "scenarios/prop", Ours: []string{"sim/env", "check", "wire", "scenarios/cluster", "scenarios", "scenarios/view", "scenarios/explore", "scenarios/shrink"},
		Std: [][]string{stdAny}, Modules: []string{modRapid},
		Why:    "only tests import this package; it draws plans, runs a user's code in them and shrinks what fails, each by a package of ours",
		Exempt: "it has the flags, files and deadline of a test; the runs that it starts are deterministic"},
	{Path: "scenarios/speed", Ours: []string{"sim/env", "wire", "sim", "scenarios/cluster", "scenarios/observe", "scenarios", "scenarios/explore"}, Std: [][]string{stdPure, stdReport}, Modules: protocol,
		Why: "benchmarks and the user's command measure the same work; the caller provides the clock"},
	{Path: "scenarios/museum", Ours: []string{"scenarios", "scenarios/explore"}, Std: [][]string{stdPure, stdFiles, stdReport}, Modules: protocol,
		Argue: []string{"goroutine"}, Why: "an exhibit is a story, a budget and a pinned scenario; " +
			"the old rule's code is next to the correct code, which it overrides when the exhibit runs"},
	{Path: "tui", Ours: append([]string{"check", "wire"}, scenarioParts...), Std: [][]string{stdAny}, Modules: []string{modCharm}, Why: whyShow,
		Exempt: "it draws for a person in real time; the session that it draws is deterministic"},
	{Path: "lessons", Ours: scenarioParts, Std: [][]string{stdAny}, Modules: []string{modCharm}, Why: whyShow,
		Exempt: "it draws for a person and keeps the learner's progress; the sessions that it runs are deterministic"},
	{Path: "cmd/samsa", Ours: []string{everything}, Std: [][]string{stdAny}, Modules: []string{modCobra, modPflag},
		Why:    "the command has flags, exit codes and wiring; code that can be tested without a process belongs in a lower layer",
		Exempt: "a command reads arguments, files and the terminal; the run it starts is deterministic"},
	{Path: "internal/replay", Ours: scenarioParts, Std: [][]string{stdPure, stdMain},
		Why: "the audit runs this binary on every platform, so it must build where a terminal library does not"},
	{Path: "internal/arch", Ours: nil, Std: [][]string{stdAny},
		Why:    "arch reads source code, and must work even when that source does not compile",
		Exempt: "arch is a tool for the project and runs the go command"},
	{Path: "internal/mutate/seeds", Ours: []string{"scenarios/explore"}, Std: [][]string{stdAny},
		Why:    "it explores as users do, so that a mutant meets no judge and no plan of its own",
		Exempt: "it watches the memory of its process; the runs are deterministic"},
	{Path: "internal/mutate", Ours: []string{"internal/arch"}, Std: [][]string{stdAny},
		Why:    "a mutant is a text and runs in another process; the tool imports the loader of arch and nothing that it changes",
		Exempt: "it runs the go command, with a clock"},
	{Path: "internal/search", Ours: []string{"scenarios", "scenarios/explore"}, Std: [][]string{stdAny},
		Why:    "it explores as users do, and knows of an old rule only its id and the check that must notice it",
		Exempt: "it keeps results in files and takes interrupts; the runs are deterministic"},
	{Path: "internal/kafkajars", Ours: nil, Std: [][]string{stdAny}, Modules: protocol,
		Why:    "Apache Kafka's own tools check our bytes; a check that used our packages could share their mistakes",
		Exempt: "it runs Maven and Java for tests"},
	{Path: "internal/kafkajars/findings", Ours: []string{"internal/kafkajars"}, Std: [][]string{stdAny}, Modules: protocol,
		Why:    "a finding is played on Apache Kafka alone; our own code would prove nothing about it",
		Exempt: "it runs processes and real time"},
	{Path: "internal/kafkajars/answers", Ours: []string{"internal/kafkajars"}, Std: [][]string{stdAny}, Modules: protocol,
		Why:    "Kafka's answers are recorded and read by Kafka's own schemas; our codec could share a mistake with our brokers. Its tests play to our cluster",
		Exempt: "it runs processes and real time"},
	{Path: "internal/ruletest", Ours: nil, Std: [][]string{stdAny},
		Why:    "the rules of four packages pass the same test; the type of the rules is a type parameter, so it imports none of them",
		Exempt: "only tests import it"},
}

// LayerOf returns the row of a package, or nil if it has none.
func LayerOf(name string) *Layer {
	for i := range layers {
		if layers[i].Path == name {
			return &layers[i]
		}
	}
	return nil
}

// mayImport reports whether the layer may import one of our packages.
func (l *Layer) mayImport(name string) bool {
	return slices.Contains(l.Ours, everything) || slices.Contains(l.Ours, name)
}
