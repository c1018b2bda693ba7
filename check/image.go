package check

import (
	"slices"
	"strconv"

	"samsa/wire"
)

// image is the committed metadata, which the View builds from the committed records.
type image struct {
	next    wire.Offset // the offset after the last record in it
	changed int64       // the time of its last change

	retention      map[wire.TopicID]Retention // the shortest retention that a topic ever had, if one was set
	defaults       []Retention                // the default retentions that were set for brokers during the run
	configured     wire.Offset                // the offset after the last ConfigRecord
	rewriters      bool                       // some config has made leaders change batches (compression, LogAppendTime)
	rewritingEnd   wire.Offset                // the offset after the last record that changed such a config back
	leveled        wire.Offset                // the offset after the last record that set a feature's level
	history        map[string][]leveledAt     // the levels that each feature has had, in order
	brokersChanged wire.Offset                // the offset after the last record about a broker
	brokers        map[wire.NodeID]*registration
	topics         map[wire.TopicID]string
	names          map[string]wire.TopicID
	configs        map[configKey]string
	levels         map[string]int16
	registrations  []committedRegistration // in the order of their records
	newest         wire.BrokerEpoch        // the newest broker epoch of all registrations

	fenced     []wire.NodeID // brokers that the current batch has fenced
	lives      []life        // when brokers were unfenced and fenced, in the order of the metadata log
	stopping   []wire.NodeID // brokers whose controlled shutdown begins in the current batch
	batch      wire.Offset   // where the current batch begins; no node's image ends within a batch
	nameOwners map[string][]bound
	epochs     map[partitionKey][]bound
}

// bound is one committed value, valid from an offset up to the next bound.
type bound struct {
	from  wire.Offset
	at    int64        // when it was committed
	id    wire.TopicID // for a topic name: the id of the topic with that name; zero if there is none
	epoch wire.Epoch   // for a partition: its leader epoch
}

// currentTopic looks up the topic that has a name now. It returns the topic's id, and the offset and the time at which
// the topic got the name.
func (m *image) currentTopic(name string) (last bound) {
	if all := m.nameOwners[name]; len(all) > 0 {
		last = all[len(all)-1]
	}
	return last
}

// leveledAt is a level of a feature, from an offset up to the next one.
type leveledAt struct {
	from  wire.Offset
	level int16
}

// committedRegistration is one committed RegisterBrokerRecord.
type committedRegistration struct {
	node        wire.NodeID
	incarnation wire.UUID
	epoch       wire.BrokerEpoch
}

// registration is the registration of a broker in the image.
type registration struct {
	epoch        wire.BrokerEpoch
	incarnation  wire.UUID
	fenced       bool
	shuttingDown bool
	unfencedAt   int64 // the time when it was last unfenced
	features     []wire.FeatureRange
	fencedAt     wire.Offset // the offset after the last record that fenced it
	unfencedTo   wire.Offset // the offset after the last record that unfenced it

	// The end of the batch in which its controlled shutdown began, and the quorum's epoch of that batch. The end is 0 if it
	// has begun none since it was unfenced.
	shutdownEnd   wire.Offset
	shutdownEpoch wire.Epoch
}

// life is a time in which a broker was alive, which means registered and unfenced, or in which it was not.
type life struct {
	node  wire.NodeID
	from  wire.Offset // the image of a broker that has applied the metadata log up to here, or further, has the change
	alive bool
}

type configKey struct {
	resource wire.ConfigResource
	of, name string
}

func newImage() image {
	return image{
		retention: map[wire.TopicID]Retention{},
		brokers:   map[wire.NodeID]*registration{}, topics: map[wire.TopicID]string{}, names: map[string]wire.TopicID{},
		configs: map[configKey]string{}, levels: map[string]int16{}, history: map[string][]leveledAt{}, nameOwners: map[string][]bound{}, epochs: map[partitionKey][]bound{},
	}
}

// setting returns the topic's config, or the cluster's default; "" if neither is set.
func (m *image) setting(topic, name string) string {
	if s, ok := m.configs[configKey{wire.ConfigTopic, topic, name}]; ok {
		return s
	}
	return m.configs[configKey{wire.ConfigBroker, "", name}]
}

// settingAt returns the same as setting, except that a broker's own config takes precedence over the cluster's default.
func (m *image) settingAt(broker wire.NodeID, topic, name string) string {
	if _, own := m.configs[configKey{wire.ConfigTopic, topic, name}]; !own {
		if s, ok := m.configs[configKey{wire.ConfigBroker, strconv.Itoa(int(broker)), name}]; ok {
			return s
		}
	}
	return m.setting(topic, name)
}

func (m *image) flag(topic, name string, otherwise bool) bool {
	if s := m.setting(topic, name); s != "" {
		return s == "true"
	}
	return otherwise
}

// elr reports whether eligible leader replicas are enabled (KIP-966).
func (m *image) elr() bool { return m.levels[elrVersion] > 0 }

// eligible returns the ELR members that may be elected. After the feature is disabled, the ELR stays in the metadata but
// is no longer maintained. It is then used only while the ISR is empty. While the feature is off, the controller never removes
// the last member of an ISR.
func (v *View) eligible(a *Assignment) []wire.NodeID {
	if !v.image.elr() && len(a.ISR) > 0 {
		return nil
	}
	return a.ELR
}

// Committed tells the View that the record at an offset of the metadata log is committed.
func (v *View) Committed(offset wire.Offset, r wire.MetadataRecord) {
	m := &v.image
	if offset < m.next {
		return
	}
	v.notify(Change{Kind: MetadataCommitted, Offset: offset, Record: r})
	m.next, m.changed = offset+1, v.now
	switch r.(type) {
	case *wire.RegisterBrokerRecord, *wire.BrokerRegistrationChangeRecord, *wire.FenceBrokerRecord, *wire.UnfenceBrokerRecord, *wire.UnregisterBrokerRecord:
		m.brokersChanged = m.next
	}
	switch r := r.(type) {
	case *wire.RegisterBrokerRecord:
		m.brokers[r.BrokerID] = &registration{epoch: r.BrokerEpoch, incarnation: r.IncarnationID, fenced: r.Fenced, shuttingDown: r.InControlledShutdown, features: r.Features}
		if s := (committedRegistration{r.BrokerID, r.IncarnationID, r.BrokerEpoch}); !slices.Contains(m.registrations, s) { // a broker may send the request again
			m.registrations = append(m.registrations, s)
			m.newest = max(m.newest, s.epoch)
		}
		m.noteFenced(r.BrokerID, r.Fenced)
		m.noteAlive(r.BrokerID, !r.Fenced)
		v.noteRegistered(v.Broker(r.BrokerID), r.IncarnationID)
	case *wire.BrokerRegistrationChangeRecord:
		noteRegistrationChange(v, r)
	case *wire.FenceBrokerRecord:
		if b := m.brokers[r.ID]; b != nil {
			b.fenced = true
			m.noteFenced(r.ID, true)
			m.noteAlive(r.ID, false)
		}
	case *wire.UnfenceBrokerRecord:
		if b := m.brokers[r.ID]; b != nil {
			b.fenced = false
			m.noteAlive(r.ID, true)
		}
	case *wire.UnregisterBrokerRecord:
		delete(m.brokers, r.BrokerID)
		m.noteAlive(r.BrokerID, false)
	case *wire.TopicRecord:
		m.topics[r.TopicID], m.names[r.Name] = r.Name, r.TopicID
		m.nameOwners[r.Name] = append(m.nameOwners[r.Name], bound{from: m.batch + 1, at: v.now, id: r.TopicID})
	case *wire.RemoveTopicRecord:
		v.topicRemoved(r.TopicID)
	case *wire.PartitionRecord:
		v.applyPartition(r)
	case *wire.PartitionChangeRecord:
		v.applyPartitionChange(r)
	case *wire.ClearElrRecord:
		v.clearELR(r.TopicName)
	case *wire.ConfigRecord:
		m.configured = m.next
		m.noteRewriting(r)
		v.noteRetention(r)
		k := configKey{r.ResourceType, r.ResourceName, r.Name}
		if delete(m.configs, k); r.Value != nil {
			m.configs[k] = *r.Value
		}
	case *wire.FeatureLevelRecord:
		m.levels[r.Name], m.leveled = r.Level, m.next
		if r.Name == elrVersion {
			noteSwitch(v, r.Level)
		}
		m.history[r.Name] = append(m.history[r.Name], leveledAt{m.next, r.Level})
	}
}

// noteRegistrationChange applies a change of a broker's registration.
func noteRegistrationChange(v *View, r *wire.BrokerRegistrationChangeRecord) {
	m := &v.image
	b := m.brokers[r.BrokerID]
	if b == nil {
		return
	}
	switch r.Fenced {
	case -1:
		b.unfencedAt, b.unfencedTo, b.shutdownEnd = v.now, m.next, 0
	case 1:
		b.fencedAt = m.next
	}
	if r.InControlledShutdown == 1 {
		m.stopping = append(m.stopping, r.BrokerID)
	}
	b.fenced = r.Fenced == 1 || r.Fenced == 0 && b.fenced
	m.noteFenced(r.BrokerID, r.Fenced == 1)
	m.noteAlive(r.BrokerID, !b.fenced)
	b.shuttingDown = b.shuttingDown || r.InControlledShutdown == 1
}

// noteFenced records a broker that the current batch fences.
func (m *image) noteFenced(id wire.NodeID, fenced bool) {
	if fenced {
		m.fenced = append(m.fenced, id)
	}
}

// noteAlive records that the current batch made a broker alive or not.
func (m *image) noteAlive(node wire.NodeID, alive bool) {
	if alive != m.aliveAt(node, m.batch+1) {
		m.lives = append(m.lives, life{node, m.batch + 1, alive})
	}
}

// aliveAt reports whether a broker is alive in the image of a node that has applied the metadata log up to an offset.
func (m *image) aliveAt(node wire.NodeID, applied wire.Offset) bool {
	for _, l := range slices.Backward(m.lives) {
		if l.node == node && l.from <= applied {
			return l.alive
		}
	}
	return false
}

// noteRegistered records that the controller has registered a new incarnation of a broker. From then on the controller
// also takes into account the disk faults before the first request of that incarnation.
func (v *View) noteRegistered(b *Broker, incarnation wire.UUID) {
	b.registeredAt = v.step
	if i := slices.Index(b.incarnations, incarnation); i >= 0 {
		b.faultsKnown = max(b.faultsKnown, b.faultsWhenAsked[i])
	}
}

func (v *View) topicRemoved(id wire.TopicID) {
	m := &v.image
	name := m.topics[id]
	delete(m.topics, id)
	if m.names[name] == id {
		delete(m.names, name)
		m.nameOwners[name] = append(m.nameOwners[name], bound{from: m.batch + 1, at: v.now})
	}
	for k := range m.configs { //order: each is deleted on its own
		if k.resource == wire.ConfigTopic && k.of == name {
			delete(m.configs, k)
		}
	}
	for _, p := range v.parts {
		if p.ID == id {
			p.assigned.Replicas, p.assigned.ISR, p.assigned.ELR, p.assigned.Leader = nil, nil, nil, wire.NoNode
		}
	}
}

// applyPartition applies a PartitionRecord.
func (v *View) applyPartition(r *wire.PartitionRecord) {
	p := v.Partition(r.TopicID, wire.TopicPartition{Topic: v.image.topics[r.TopicID], Partition: r.PartitionID})
	was := p.assigned
	p.changed = v.image.next
	p.assigned = Assignment{
		Leader: r.Leader, Epoch: r.LeaderEpoch, PartitionEpoch: r.PartitionEpoch, Replicas: r.Replicas, ISR: r.ISR, ELR: r.ELR,
		LastELR: r.LastKnownELR, Recovery: r.LeaderRecoveryState,
	}
	if r.Leader != wire.NoNode && r.LeaderEpoch > was.Epoch {
		p.elections = append(p.elections, Election{Epoch: r.LeaderEpoch, Leader: r.Leader, Members: r.ISR, MinISR: v.MinISR(p), Step: v.step})
	}
	v.noteEpoch(p)
	v.notify(Change{Kind: PartitionChanged, Partition: p, Was: was})
}

// noteEpoch records a new leader epoch of a partition.
func (v *View) noteEpoch(p *Partition) {
	k := partitionKey{p.ID, p.TP.Partition}
	past := v.image.epochs[k]
	if n := len(past); n == 0 || past[n-1].epoch != p.assigned.Epoch {
		v.image.epochs[k] = append(past, bound{from: v.image.batch + 1, at: v.now, epoch: p.assigned.Epoch})
	}
}

// applyPartitionChange applies a PartitionChangeRecord, which does not contain the epochs.
func (v *View) applyPartitionChange(r *wire.PartitionChangeRecord) {
	p := v.index[partitionKey{r.TopicID, r.PartitionID}]
	if p == nil {
		return
	}
	p.noteMinISR(v.step, v.MinISR(p))
	was := p.assigned
	p.changed = v.image.next
	a := &p.assigned
	a.PartitionEpoch++
	for _, list := range []struct {
		to   *[]wire.NodeID
		from []wire.NodeID
	}{{&a.ISR, r.ISR}, {&a.ELR, r.ELR}, {&a.LastELR, r.LastKnownELR}, {&a.Replicas, r.Replicas}} {
		if list.from != nil {
			*list.to = list.from
		}
	}
	noteELR(v, p, &was)
	defer p.flaws.leave(a.ELR)
	if r.LeaderRecoveryState != wire.RecoveryUnchanged {
		a.Recovery = r.LeaderRecoveryState
	}
	if r.Leader != wire.LeaderUnchanged {
		a.Leader = r.Leader
		a.Epoch++
		if r.Leader != wire.NoNode {
			v.noteElection(p, was)
		}
		v.noteEpoch(p)
	}
	v.notify(Change{Kind: PartitionChanged, Partition: p, Was: was})
}

// noteELR records a member that left the ISR and entered no ELR, because the feature was off then
// (PartitionChangeBuilder.maybePopulateTargetElr). The ELR does not name it either when the feature is on again.
func noteELR(v *View, p *Partition, was *Assignment) {
	a := &p.assigned
	if len(a.ISR) >= v.MinISR(p) {
		p.elrForgottenAt = 0 // the ISR suffices; a member that leaves it later is the business of later changes
		return
	}
	if v.image.elr() {
		return
	}
	for _, id := range was.ISR {
		if !slices.Contains(a.ISR, id) && !slices.Contains(a.ELR, id) {
			p.elrForgottenAt, p.elrForgottenBy = v.step, v.name(id)+" left the ISR at step "+itoa(v.step)+" and did not enter the ELR, because "+elrVersion+" was 0"
		}
	}
}

// clearELR clears the ELR of a topic's partitions, or of all partitions if the name is "", after a change of
// min.insync.replicas. Each partition with an ELR changes as if by a PartitionChangeRecord (TopicDelta.maybeClearElr).
func (v *View) clearELR(topic string) {
	for _, p := range v.parts {
		if a := &p.assigned; (topic == "" || v.image.topics[p.ID] == topic) && len(a.ELR)+len(a.LastELR) > 0 {
			r := wire.NewPartitionChange(p.ID, p.TP.Partition)
			r.ELR, r.LastKnownELR = []wire.NodeID{}, []wire.NodeID{}
			if len(a.ELR) > 0 {
				p.elrForgottenAt, p.elrForgottenBy = v.step, "the ELR was cleared at step "+itoa(v.step)+", when min.insync.replicas changed: Kafka does so too, see locked-out"
			}
			v.applyPartitionChange(r)
		}
	}
}

// noteElection records an election. If the election is unclean, noteElection marks the batches that the new leader lacks.
func (v *View) noteElection(p *Partition, was Assignment) {
	e := Election{
		Epoch: p.assigned.Epoch, Leader: p.assigned.Leader, Members: was.electable(), ELR: v.image.elr(), MinISR: v.MinISR(p), Step: v.step,
		FromELR: !slices.Contains(was.ISR, p.assigned.Leader) && slices.Contains(was.ELR, p.assigned.Leader),
	}
	if i := p.flaws.stays(e.Leader); e.FromELR && i >= 0 && p.flaws.staying[i].on > 0 {
		stayed := p.flaws.staying[i]
		e.Stayed = &stayed
	}
	switch {
	case slices.Contains(e.Members, e.Leader):
	case slices.Contains(was.LastELR, e.Leader) && len(p.assigned.ELR) == 0: // ISR and ELR are empty (KAFKA-19522)
		e.Unclean = v.name(e.Leader) + " was elected in epoch " + itoa(e.Epoch) + " as the last known leader, at step " + itoa(v.step)
	case v.unclean(p):
		e.Unclean = "unclean election allowed by unclean.leader.election.enable: " + v.name(e.Leader) + " in epoch " +
			itoa(e.Epoch) + " at step " + itoa(v.step)
	case p.uncleanAsked:
		e.Unclean = "an operator asked for the unclean election of " + v.name(e.Leader) + " in epoch " + itoa(e.Epoch)
	}
	p.uncleanAsked = p.uncleanAsked && e.Unclean == ""
	p.elections = append(p.elections, e)
	if e.Unclean != "" {
		p.supersede(v, &e)
		p.committedTo, p.shown = 0, 0 // the new leader may have other records at the same offsets
	}
}
