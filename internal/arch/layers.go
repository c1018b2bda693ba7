package arch

import "slices"

// Layer is one row of the import table: a package, what it may stand on, and why its wall is where it is.
type Layer struct {
	Path    string   // inside the module: "sim/env"
	Ours    []string // packages of ours that it may import; nil is none
	Why     string   // the reason, printed with every violation
	Std     [][]string
	Modules []string // modules of others: the prefixes of import paths
	// Argued is further packages of the standard library, each with the reason why this layer needs it.
	Argued map[string]string

	// Exempt says why the determinism rules do not hold here; "" means that they do.
	Exempt string
	// Except switches single determinism rules off, each with its reason.
	Except map[string]string
	// Argue lists the arguments that only this layer may use, on top of those every layer may.
	Argue []string
}

// everything in a list stands for all there is.
const everything = "*"

// What protocol code may use of the standard library: functions of their arguments, nothing that asks the machine.
var (
	stdPure = []string{
		"bytes", "cmp", "encoding/base64", "encoding/binary", "encoding/hex", "errors", "fmt", "hash", "hash/crc32",
		"io", "iter", "maps", "math", "math/bits", "path", "slices", "sort", "strconv", "strings", "unicode", "unicode/utf8",
	}
	// stdCodec is the codecs of record batches that the standard library has.
	stdCodec = []string{"compress/gzip"}
	// stdFiles is data that is compiled in.
	stdFiles = []string{"embed", "io/fs"}
	// stdReport is what writes reports: one object of JSON, one table.
	stdReport = []string{"encoding/json", "text/tabwriter", "html", "encoding/csv"}
	// stdMain is what a main needs to be a command.
	stdMain = []string{"flag", "os", "runtime", "runtime/debug"}
	// stdAny stands for the whole standard library.
	stdAny = []string{everything}
)

// Modules of others, by what they are for.
const (
	modKmsg      = "github.com/twmb/franz-go/pkg/kmsg"
	modKerr      = "github.com/twmb/franz-go/pkg/kerr"
	modXXHash    = "github.com/cespare/xxhash/v2"
	modCompress  = "github.com/klauspost/compress"
	modLZ4       = "github.com/pierrec/lz4/v4"
	modPorcupine = "github.com/anishathalye/porcupine"
	modCobra     = "github.com/spf13/cobra"
	modPflag     = "github.com/spf13/pflag"
	modCharm     = "charm.land"
)

// protocol is what protocol code may import of others: Kafka's messages, its errors, and a hash.
var protocol = []string{modKmsg, modKerr, modXXHash}

// scenarioParts is scenarios and the packages above it: sessions and what is made of them, but no levers of a cluster.
var scenarioParts = []string{"scenarios", "scenarios/view", "scenarios/explore", "scenarios/speed", "scenarios/museum"}

// Reasons that several rows share.
const (
	whyNode = "protocol code sees the world through sim/env alone: with more it could cut cables or read true time, and so cheat"
	whyShow = "what shows a session sees sessions and view models only; with a cluster in reach it would soon change one"
)

// layers is the import table, lowest first. A package that has no row may not exist.
var layers = []Layer{
	{Path: "sim/env", Std: [][]string{stdPure}, Modules: []string{modKmsg},
		Why: "the contract is shared by all nodes and both worlds; it can be the same for all only if it imports none of them"},
	{Path: "wire", Std: [][]string{stdPure, stdCodec}, Modules: append([]string{modCompress, modLZ4}, protocol...),
		Why: "bytes on a wire and in a log mean the same whatever node sends or stores them"},
	{Path: "exhibit", Std: [][]string{stdPure},
		Why: "an old rule is described in one form everywhere; the rules themselves are a type parameter, so it imports none"},
	{Path: "wire/config", Std: [][]string{stdPure}, Modules: protocol,
		Why: "Kafka's configs are one table of facts; every layer may need a default, so the table imports none"},
	{Path: "sim/disk", Ours: []string{"sim/env"}, Std: [][]string{stdPure}, Modules: []string{modXXHash},
		Why:    "a disk keeps, loses and tears bytes; with a log's format in sight its faults could spare a log",
		Except: map[string]string{"env-stored": "the disk implements the contract, and says so in a variable"}},
	{Path: "sim", Ours: []string{"sim/env", "sim/disk", "wire"}, Std: [][]string{stdPure}, Modules: protocol,
		Why: "the world moves messages and disks of any node; knowing a broker would let it favour one",
		Except: map[string]string{
			"env-stored": "sim implements the contract: its machines are the Env",
			"recover":    "a panic of a node is a finding with a seed: the world catches it at the border of the event",
		}},
	{Path: "sim/live", Ours: []string{"sim/env", "wire"}, Std: [][]string{stdAny}, Modules: protocol,
		Why:    "the same contract on real time, TCP and files; it stands on what sim stands on, so both stay honest",
		Exempt: "it is the real world: goroutines, sockets and clocks are its subject"},
	{Path: "storage", Ours: []string{"sim/env", "wire", "exhibit"}, Std: [][]string{stdPure}, Modules: protocol, Why: whyNode,
		Argued: map[string]string{"encoding/json": "Kafka's clean-shutdown marker is a JSON object of two integers"}},
	{Path: "coordinator", Ours: []string{"sim/env", "wire"}, Std: [][]string{stdPure}, Modules: protocol,
		Why: "one runtime for controller, groups and transactions: it must not learn which of them it runs, nor on which log"},
	{Path: "client", Ours: []string{"sim/env", "wire"}, Std: [][]string{stdPure}, Modules: protocol,
		Why: "a client knows the protocol and nothing of the brokers: as far away as a user's program is",
		Except: map[string]string{
			"iter-pull":  "a user's program is straight-line code (script.go): a coroutine that the world stops with its process",
			"recover":    "a script that is stopped where it waits is unwound by a panic of the package's own, and only that is caught",
			"env-stored": "a script asks its hand for the Env of the event it runs in; the hand has one only for as long",
		}},
	{Path: "check", Ours: []string{"wire"}, Std: [][]string{stdPure}, Modules: append([]string{modPorcupine}, protocol...),
		Why: "a judge that could read a broker's fields would sooner or later believe them"},
	{Path: "controller/image", Ours: []string{"wire"}, Std: [][]string{stdPure}, Modules: protocol,
		Why: "metadata is a value built by applying records; a value needs no world"},
	{Path: "controller/raft", Ours: []string{"sim/env", "wire", "exhibit", "storage"}, Std: [][]string{stdPure}, Modules: protocol,
		Why: "KRaft elects a leader and commits a log; it knows nothing of topics, so that it can be read beside replication"},
	{Path: "replication", Ours: []string{"sim/env", "wire", "exhibit", "storage"}, Std: [][]string{stdPure}, Modules: protocol,
		Why: "one partition at a time: a lesson on the high watermark needs this package and no broker"},
	{Path: "groups", Ours: []string{"sim/env", "wire", "coordinator"}, Std: [][]string{stdPure}, Modules: protocol,
		Why: "the group machine is a state machine on the coordinator's log; where that log lives is not its business"},
	{Path: "txn", Ours: []string{"sim/env", "wire", "coordinator"}, Std: [][]string{stdPure}, Modules: protocol,
		Why: "the transaction machine is a state machine on the coordinator's log; where that log lives is not its business"},
	{Path: "controller", Ours: []string{"sim/env", "wire", "exhibit", "coordinator", "controller/raft", "controller/image"}, Std: [][]string{stdPure}, Modules: protocol,
		Why: "the controller decides on metadata; partitions' logs and clients are other machines' business"},
	{Path: "broker", Ours: []string{"sim/env", "wire", "exhibit", "wire/config", "storage", "coordinator", "controller/image",
		"replication", "groups", "txn"}, Std: [][]string{stdPure}, Modules: protocol,
		Why: "a broker follows the metadata log like any observer; controllers are other machines, and simulated clients and judges are far away"},
	{Path: "scenarios/cluster", Ours: []string{"sim/env", "wire", "exhibit", "wire/config", "sim", "sim/disk", "sim/live", "storage", "coordinator", "client",
		"controller/image", "controller/raft", "replication", "groups", "txn", "controller", "broker"},
		Std: [][]string{stdPure}, Modules: protocol,
		Why: "the only place that assembles nodes and a world; it knows no judge, so nothing in it can be done to please one"},
	{Path: "scenarios/observe", Ours: []string{"sim/env", "wire", "wire/config", "sim", "sim/disk", "storage", "client", "check", "controller/raft",
		"controller", "broker", "scenarios/cluster"}, Std: [][]string{stdPure}, Modules: protocol,
		Why: "the one place where judges and nodes meet: it copies what nodes and disks have into the judges' picture, and changes neither"},
	{Path: "scenarios", Ours: []string{"scenarios/cluster", "scenarios/observe", "check", "wire", "wire/config", "sim/env"},
		Std: [][]string{stdPure, stdFiles, stdReport}, Modules: protocol, Argue: []string{"goroutine"},
		Why: "the language and its sessions ask a cluster through its interface alone; what shows or explores clusters comes after them",
		Except: map[string]string{
			"iter-pull": "a script of a scenario is straight-line code; the session stops its coroutines",
			"recover":   "a session reports a panic of a node as a finding and lives on",
		}},
	{Path: "scenarios/view", Ours: []string{"wire", "check", "scenarios"}, Std: [][]string{stdPure, stdReport}, Modules: protocol,
		Argue: []string{"goroutine"}, Why: "view models are plain structs of a moment, without width or colour"},
	{Path: "scenarios/explore", Ours: []string{"check", "scenarios", "scenarios/view"}, Std: [][]string{stdPure, stdFiles, stdReport}, Modules: protocol,
		Argue: []string{"goroutine"}, Why: "the explorer writes scenario files and runs them; a run that it cannot write could not be replayed",
		Argued: map[string]string{"runtime": "a panic is known by the function that panicked, which is the same on every seed; its text is not"},
		Except: map[string]string{"recover": "a panic of one seed is that seed's finding, not the campaign's end"}},
	{Path: "scenarios/speed", Ours: []string{"sim/env", "wire", "sim", "scenarios/cluster", "scenarios/observe", "scenarios", "scenarios/explore"}, Std: [][]string{stdPure, stdReport}, Modules: protocol,
		Why: "benchmarks and the user's command measure the same work; the clock is the caller's"},
	{Path: "scenarios/museum", Ours: []string{"scenarios", "scenarios/explore"}, Std: [][]string{stdPure, stdFiles, stdReport}, Modules: protocol,
		Argue: []string{"goroutine"}, Why: "an exhibit is a story, a budget and a pinned scenario; the old rule itself lives beside the clean code it replaces"},
	{Path: "tui", Ours: append([]string{"check", "wire"}, scenarioParts...), Std: [][]string{stdAny}, Modules: []string{modCharm}, Why: whyShow,
		Exempt: "it paints for a person in real time; what it paints comes from a session, which is deterministic"},
	{Path: "lessons", Ours: scenarioParts, Std: [][]string{stdAny}, Modules: []string{modCharm}, Why: whyShow,
		Exempt: "it paints for a person and keeps the learner's progress; the sessions it runs are deterministic"},
	{Path: "cmd/samsa", Ours: []string{everything}, Std: [][]string{stdAny}, Modules: []string{modCobra, modPflag},
		Why:    "flags, exit codes and wiring; whatever can be tested without a process belongs further down",
		Exempt: "a command reads arguments, files and the terminal; the run it starts is deterministic"},
	{Path: "internal/replay", Ours: scenarioParts, Std: [][]string{stdPure, stdMain},
		Why: "the audit's binary on every platform: it must build where a terminal library does not"},
	{Path: "internal/arch", Ours: nil, Std: [][]string{stdAny},
		Why:    "it reads source, and must keep working when the source it reads does not compile",
		Exempt: "it looks at the project from outside and runs the go command"},
	{Path: "internal/kafkajars", Ours: nil, Std: [][]string{stdAny},
		Why:    "Apache Kafka's own tools judge our bytes; a judge that knew our packages could share their mistakes",
		Exempt: "it runs Maven and Java for tests"},
}

// LayerOf is the row of a package, or nil if it has none.
func LayerOf(name string) *Layer {
	for i := range layers {
		if layers[i].Path == name {
			return &layers[i]
		}
	}
	return nil
}

// mayImport reports whether a package of ours is in the row.
func (l *Layer) mayImport(name string) bool {
	return slices.Contains(l.Ours, everything) || slices.Contains(l.Ours, name)
}
