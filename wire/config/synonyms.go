package config

// Synonym names a config of a node that is the fallback for another config. If the other config is not set, its value
// is that of the synonym times Factor, which converts hours or minutes to milliseconds.
type Synonym struct {
	Name   string
	Factor int64
}

const (
	same          = 1
	fromMinutes   = 60 * 1000
	fromHours     = 60 * fromMinutes
	logPrefix     = "log."
	cleanerPrefix = "log.cleaner."
)

// topicSynonyms has the node configs that each topic config falls back to (Kafka's ServerTopicConfigSynonyms). Of the
// node configs in a row, the first one that is set applies. If none is set, the first one with a default applies. A
// topic config that is not listed has no fallback.
var topicSynonyms = []struct {
	topic string
	nodes []Synonym
}{
	{"cleanup.policy", under(logPrefix, "cleanup.policy")},
	{"compression.gzip.level", under("", "compression.gzip.level")},
	{"compression.lz4.level", under("", "compression.lz4.level")},
	{"compression.type", under("", "compression.type")},
	{"compression.zstd.level", under("", "compression.zstd.level")},
	{"delete.retention.ms", under(cleanerPrefix, "delete.retention.ms")},
	{"file.delete.delay.ms", under(logPrefix, "segment.delete.delay.ms")},
	{"flush.messages", under(logPrefix, "flush.interval.messages")},
	{"flush.ms", []Synonym{{"log.flush.interval.ms", same}, {"log.flush.scheduler.interval.ms", same}}},
	{"index.interval.bytes", under(logPrefix, "index.interval.bytes")},
	{"local.retention.bytes", under(logPrefix, "local.retention.bytes")},
	{"local.retention.ms", under(logPrefix, "local.retention.ms")},
	{"max.compaction.lag.ms", under(cleanerPrefix, "max.compaction.lag.ms")},
	{"max.decompressed.message.bytes", under("", "max.decompressed.message.bytes")},
	{"max.message.bytes", under("", "message.max.bytes")},
	{"message.timestamp.after.max.ms", under(logPrefix, "message.timestamp.after.max.ms")},
	{"message.timestamp.before.max.ms", under(logPrefix, "message.timestamp.before.max.ms")},
	{"message.timestamp.type", under(logPrefix, "message.timestamp.type")},
	{"min.cleanable.dirty.ratio", under(cleanerPrefix, "min.cleanable.ratio")},
	{"min.compaction.lag.ms", under(cleanerPrefix, "min.compaction.lag.ms")},
	{"min.insync.replicas", under("", "min.insync.replicas")},
	{"preallocate", under(logPrefix, "preallocate")},
	{"remote.copy.lag.bytes", under(logPrefix, "remote.copy.lag.bytes")},
	{"remote.copy.lag.ms", under(logPrefix, "remote.copy.lag.ms")},
	{"retention.bytes", under(logPrefix, "retention.bytes")},
	{"retention.ms", []Synonym{{"log.retention.ms", same}, {"log.retention.minutes", fromMinutes}, {"log.retention.hours", fromHours}}},
	{"segment.bytes", under(logPrefix, "segment.bytes")},
	{"segment.index.bytes", under(logPrefix, "index.size.max.bytes")},
	{"segment.jitter.ms", []Synonym{{"log.roll.jitter.ms", same}, {"log.roll.jitter.hours", fromHours}}},
	{"segment.ms", []Synonym{{"log.roll.ms", same}, {"log.roll.hours", fromHours}}},
	{"unclean.leader.election.enable", under("", "unclean.leader.election.enable")},
}

// groupPrefix is a prefix of node configs. To find the fallback of a group config, put this prefix before its name. If
// there is a node config with the resulting name, that config is the fallback.
const groupPrefix = "group."

func under(prefix, name string) []Synonym { return []Synonym{{prefix + name, same}} }

// Synonyms returns the node configs that a config falls back to. For a config of a topic or group it returns all of
// them. For a config of a node it returns the node configs that follow it in a row of topicSynonyms. For example,
// log.roll.hours follows log.roll.ms.
func (c *Config) Synonyms() []Synonym {
	switch {
	case c.Is(Topic):
		for _, s := range topicSynonyms {
			if s.topic == c.Name {
				return s.nodes
			}
		}
	case c.Is(Group):
		if _, ok := Lookup(Node, groupPrefix+c.Name); ok {
			return under(groupPrefix, c.Name)
		}
	case c.Is(Node) && c.Default == Null:
		// Only a node config without a default has a further fallback.
		for _, s := range topicSynonyms {
			for i, n := range s.nodes {
				if n.Name == c.Name {
					return s.nodes[i+1:]
				}
			}
		}
	}
	return nil
}
