package explore

import "fmt"

// makeup says how the cluster of a plan differs from the usual one, in which all brokers have the same configs and the newest
// features. It is drawn for Draw alone, because a test that composes its plans decides on its own cluster.
type makeup struct {
	shared     bool   // topics have no min.insync.replicas of their own, so that of the cluster counts
	old        bool   // the cluster begins with an old metadata.version
	settings   words  // configs and feature levels on the cluster line
	properties []Line // configs of some brokers alone
}

// metadataVersions are levels of metadata.version at which a field, a record or a rule is new (MetadataVersion), from the oldest
// level that a cluster may have to the one before today's.
var metadataVersions = [...]int{7, 8, 11, 12, 16, 17, 22, 23, 26} //immutable: a table

const (
	levelOfELR   = 23 // the level of metadata.version that eligible.leader.replicas.version needs (MetadataVersion.IBP_4_0_IV1)
	newestFormat = 27 // the newest level
)

// drawMakeup chooses what is particular about the cluster.
func (p *Plan) drawMakeup(d draws) {
	m := &p.makeup
	if m.shared = d.chance("min.isr.shared", 0, 200); m.shared {
		m.settings = append(m.settings, setting{"min.insync.replicas", pick(d, "min.isr.cluster", 0, 1, 2, 2, 2, 3)})
	}
	if m.old = d.chance("metadata.version", 0, 120); m.old {
		level := pick(d, "metadata.level", 0, metadataVersions[:]...)
		m.settings = append(m.settings, setting{"metadata.version", level})
		if level < levelOfELR {
			m.settings = append(m.settings, setting{"eligible.leader.replicas.version", 0})
		}
	}
	if p.style.busy { // so that a follower, too, gets a busy partition without the quiet ones
		m.settings = append(m.settings, setting{"replica.fetch.max.bytes", 400}, setting{"replica.fetch.response.max.bytes", 500})
	}
	if d.chance("quorum.slow", 0, 100) { // so that a voter that lags stays behind for a while
		m.settings = append(m.settings, setting{"controller.quorum.fetch.max.bytes", 1})
	}
	if d.chance("racks", 0, 150) {
		many := pick(d, "racks.many", 0, 2, 2, 3)
		for i, b := range names("b", p.brokers) {
			m.properties = append(m.properties, newLine(Tag{}, "properties", host(b), fmt.Sprintf("broker.rack=r%d", 1+i%many)))
		}
	}
	if d.chance("odd.broker", 0, 100) {
		odd := p.broker(d, "odd", 0)
		m.properties = append(m.properties, newLine(Tag{}, "properties", odd, pick(d, "odd.config", 0,
			"num.io.threads=1", "replica.fetch.max.bytes=400", "replica.fetch.response.max.bytes=1200", "num.replica.fetchers=3", "background.threads=1")))
	}
}
