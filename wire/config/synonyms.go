package config

// Synonym is the fallback of a config that is not set: the node's config of this name, times a factor that converts its
// unit to milliseconds.
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

// topicSynonyms are the node's configs that a topic's config falls back to, in this order: the first one that is set, or
// if none is, the first one with a default (Kafka's ServerTopicConfigSynonyms). A topic's config that is not here has no
// fallback.
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

// groupSynonyms: a group's config falls back to the node's of the same name with the prefix "group.", if there is one.
const groupPrefix = "group."

func under(prefix, name string) []Synonym { return []Synonym{{prefix + name, same}} }

// Synonyms are the node's configs that a config falls back to. For a topic or group: all of them. For a config of the
// node: those after it in the row of a topic's config, as log.roll.hours is after log.roll.ms.
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
		// Only a config without a default has a further fallback.
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
