package main

import (
	"regexp"
	"strings"
)

// A row explains one kind of difference between Kafka's answers and ours. Every difference has a row, or the test fails. A row
// without a difference fails too, so that the table shrinks with every repair.
type row struct {
	name   string
	kind   rowKind
	apis   string // the requests, separated by commas; "" is all
	line   string // a regular expression for a part of the line with the request
	path   string // a regular expression for the path of the field, without the indexes of lists
	kafka  string // a regular expression for Kafka's value
	ours   string // a regular expression for ours
	reason string
}

// rowKind is the column of README's table of fidelity that has the row.
type rowKind string

const (
	simplified rowKind = "simplified"
	omitted    rowKind = "omitted"
	bug        rowKind = "bug" // not yet repaired
)

// explained is the table of differences.
var explained = []row{
	{
		name: "fetch sessions", kind: omitted, apis: "Fetch", line: "SessionEpoch: 0,", path: "SessionId", kafka: `\$n`, ours: "0",
		reason: "a client that asks for a session gets none, which every client accepts (KIP-227)",
	},
	{
		name: "follower fetching", kind: omitted, apis: "Fetch", line: `^Fetch 1\S* b2 .*(FetchOffset: 0, P|RackId|FetchOffset: 99)`, path: `Responses.*|NodeEndpoints`,
		reason: "a consumer reads from the leader alone (KIP-392)",
	},
	{
		name: "requests that are not served", kind: omitted, apis: "ApiVersions", path: "ApiKeys", ours: nothing,
		reason: "groups, transactions, security, quotas, log directories, reassignment and telemetry",
	},
	{
		name: "levels of features", kind: simplified, apis: "ApiVersions", path: `(Finalized|Supported)Features.*`, kafka: `30|1`, ours: `27|33|2`,
		reason: "the table of features is of Kafka 4.4, and a new cluster finalises metadata.version 27",
	},
	{
		name: "levels of metadata.version", kind: simplified, apis: "UpdateFeatures", line: "metadata.version", path: "ErrorMessage", kafka: `.*(30|version 29).*`, ours: ".*27.*",
		reason: "a cluster knows metadata.version up to 27",
	},
	{
		name: "dynamic voters", kind: omitted, apis: "UpdateFeatures", line: "kraft.version", path: `ErrorCode|ErrorMessage|Results`,
		reason: "voters are static (kraft.version 0)",
	},
	{
		name: "requests that Kafka does not answer", kind: simplified, apis: "AlterConfigs,Produce", kafka: errMute.Error(),
		reason: "a resource that appears twice in AlterConfigs, or records that are null, end in an exception that no response reports",
	},
	{
		name: "the number of cleaner threads", kind: simplified, apis: "IncrementalAlterConfigs", path: `Responses\.Error(Code|Message)`, kafka: `INVALID_REQUEST|"/ by zero"`, ours: `NONE|null`, line: "log.cleaner.threads, ConfigOperation: [01]",
		reason: "a broker has no cleaner whose threads it could count before it accepts the config",
	},
	{
		name: "min.insync.replicas of a new cluster", kind: simplified, apis: "AlterConfigs", path: `Responses\.Error(Code|Message)`, kafka: `INVALID_CONFIG|"Cluster-level min.insync.replicas.*`, ours: `NONE|null`,
		reason: "as it is not set for all brokers, AlterConfigs does not remove it",
	},
	{
		name: "features of share and Streams groups", kind: omitted, apis: "ApiVersions", path: "FinalizedFeatures", kafka: `\{Name: (share|streams).version.*`, ours: nothing,
		reason: "there are no such groups",
	},
	{
		name: "min.insync.replicas of a new cluster", kind: simplified, path: `(Topics|Results)\.Configs(\.ConfigSource|\.Synonyms.*)?`, kafka: `3|\{Name: min.insync.replicas,.*`,
		ours:   `[45]|nothing`,
		reason: "Kafka's controller sets it for all brokers in the first records (KIP-966), ours reads it from server.properties",
	},
	{
		name: "documentation of configs", kind: simplified, apis: "DescribeConfigs", path: `Results\.Configs\.Documentation`, kafka: `".*"`, ours: `".*"`,
		reason: "the documentation is in our own words",
	},
	{
		name: "configs that are not modelled", kind: omitted, apis: "DescribeConfigs", path: `Results\.Configs`, kafka: `\{Name: node.id,.*`, ours: nothing,
		reason: "a node's id, its listeners, security, metrics and plug-ins are not configs here",
	},
	{
		name: "directory ids of observers", kind: simplified, apis: "DescribeQuorum", path: `Topics\.Partitions\.Observers\.ReplicaDirectoryId`, kafka: `\$uuid`, ours: "0",
		reason: "an observer of the quorum does not say which directory its log is in",
	},
	{
		name: "configs of Kafka 4.4", kind: simplified, path: `(Topics|Results)\.Configs`, kafka: nothing,
		ours:   `\{Name: (errors.deadletterqueue.group.enable|max.decompressed.message.bytes|remote.copy.lag.bytes|remote.copy.lag.ms),.*`,
		reason: "the table of configs is of Kafka 4.4, which has four configs of topics more",
	},
}

var index = regexp.MustCompile(`\[[^\]]*\]`)

// explains reports whether a row covers a difference.
func (r *row) explains(api, line string, d difference) bool {
	if r.line != "" && !regexp.MustCompile(r.line).MatchString(line) {
		return false
	}
	if r.apis != "" && !contains(strings.Split(r.apis, ","), api) {
		return false
	}
	return whole(r.path, index.ReplaceAllString(d.path, "")) && whole(r.kafka, d.kafka) && whole(r.ours, d.ours)
}

func contains(all []string, one string) bool {
	for _, s := range all {
		if s == one {
			return true
		}
	}
	return false
}

// whole reports whether a regular expression matches a whole text. The empty expression matches every text.
func whole(expression, text string) bool {
	return expression == "" || regexp.MustCompile(`^(?s:`+expression+`)$`).MatchString(text)
}

// explanation returns the row that covers a difference, or nil.
func explanation(api, line string, d difference) *row {
	for i := range explained {
		if explained[i].explains(api, line, d) {
			return &explained[i]
		}
	}
	return nil
}
