package sim

import "samsa/sim/env"

// path is the network from one machine to another: an ordered pair.
type path struct {
	from, to *machine
	entity   uint64       // the hash of "b1>b2", for chance
	least    env.Duration // permanent latency of the pair
	bucket   int64        // the last bucket of time that jitter was drawn for, plus 1
	jitter   env.Duration // the jitter of that bucket

	// faults
	extra     env.Duration // added to the latency
	bandwidth int64        // bytes per second; 0 means the profile's bandwidth
	loss      uint32       // in ppm, added to the profile's loss
	cut       bool         // bytes are lost until Heal
	clog      bool         // bytes wait until Heal
	refuse    bool         // connecting fails
	healedAt  Time         // end of the last cut
	lanes     *laneFaults  // the faults of single lanes; nil if there were none
	resetTick uint64       // the last fault tick with a reset
}

// jitterTable is the distribution of jitter in permille of its maximum. Its values are equally likely. It has a long
// tail, because rare long delays find races: half of all buckets add next to nothing, and one in thirty-two adds nearly
// thirty times the median.
var jitterTable = [32]env.Duration{0, 0, 0, 2, 4, 6, 8, 10, 12, 15, 18, 21, 24, 27, 30, 34,
	38, 42, 47, 52, 58, 65, 73, 82, 95, 110, 130, 160, 210, 300, 500, 1000}

// lossTable lists how many times in a row a lost packet is lost. Its values are equally likely.
var lossTable = [8]uint8{1, 1, 1, 1, 1, 1, 2, 3}

// Loss is drawn once in each lossBucket, and some other network faults are drawn once in each faultTick.
const (
	lossBucket = env.Millisecond
	faultTick  = 100 * env.Millisecond
)

// The network's random decisions. Jitter, ties and loss are noise: they change the times of events and break nothing.
var (
	siteBase   = newNoise("net.distance") // once per pair
	siteJitter = newNoise("net.jitter")   // per pair and NetProfile.Bucket
	siteLoss   = newNoise("net.loss")     // per pair and millisecond
	siteStall  = newSite("net.stall")     // per pair and second
	siteReset  = newSite("net.reset")     // per pair and tenth of a second
	siteRefuse = newSite("net.refuse")    // per pair and tenth of a second
	siteDrop   = newSite("net.drop")      // per pair and tenth of a second
	siteTie    = newNoise("world.tie")    // per machine or pair, and nanosecond
	siteMono   = newSite("clock.start")   // per machine and boot
)

// ties is the number of tie-break classes for events at the same instant.
const ties = 4

// order returns the rank of an entity's entry among the entries that are due at the same time. Entries of one entity
// keep the order in which they were scheduled. Chance orders different entities, because in reality nothing determines
// which of them is first.
func (w *World) order(entity uint64, at Time) uint64 {
	// Tests that fix the order set FIFO.
	if w.config.FIFO {
		return w.queue.order(0)
	}
	return w.queue.order(w.chance.choose(siteTie, entity, uint64(at), ties))
}

// newPath makes the path from one machine to another.
func (w *World) newPath(from, to *machine) *path {
	name := string(from.addr) + ">" + string(to.addr)
	p := &path{from: from, to: to, entity: hashEntity(name)}
	if w.chance.names != nil {
		w.chance.names[p.entity] = name
	}
	if from == to {
		p.least = w.net.Self
		return p
	}
	p.least = w.net.Least
	if w.net.Spread > 0 {
		p.least += env.Duration(w.chance.choose(siteBase, p.entity, 0, uint64(w.net.Spread)))
	}
	if from.config.Rack != to.config.Rack {
		p.least += w.net.Rack
	}
	return p
}

// flight returns the time at which a packet arrives if no fault delays it.
func (w *World) flight(p *pipe, k *packet) Time {
	path := p.path
	// The bytes wait for earlier bytes, take the time that the bandwidth requires, and then travel for the path's
	// latency.
	at := max(k.depart, p.lineFree)
	rate := w.net.Bandwidth
	if path.bandwidth > 0 {
		rate = path.bandwidth
		w.count(FaultBandwidth)
	}
	if rate > 0 {
		at += Time(int64(k.size) * int64(env.Second) / rate)
	}
	p.lineFree = at
	extra := path.extra
	if path.lanes != nil {
		extra += path.lanes.extra[p.link.lane]
	}
	at += Time(path.least + extra)
	if extra != 0 {
		w.count(FaultLatency)
	}
	if w.net.Jitter > 0 {
		at += Time(w.jitter(path, k.depart))
	}
	if w.net.StallPPM > 0 {
		if v := w.chance.rare(siteStall, path.entity, uint64(k.depart)/uint64(env.Second), w.net.StallPPM, 8); v != 0 {
			w.count(FaultStall)
			at += Time(w.net.StallMax) * Time(v) / 8
		}
	}
	if ppm := w.net.LossPPM + path.loss; ppm > 0 {
		v := w.chance.rare(siteLoss, path.entity, uint64(k.depart)/uint64(lossBucket), ppm, uint64(len(lossTable)))
		if v != 0 {
			w.count(FaultLoss)
			at += Time(w.net.RTO) * Time(uint64(1)<<lossTable[v-1]-1)
		}
	}
	return at
}

// jitter returns the same value for all packets of a pair in one bucket of time, so that removing one packet moves no other.
func (w *World) jitter(path *path, depart Time) env.Duration {
	bucket := int64(depart)/int64(w.net.Bucket) + 1
	if path.bucket != bucket {
		path.bucket = bucket
		v := w.chance.choose(siteJitter, path.entity, uint64(bucket-1), uint64(len(jitterTable)))
		// All profiles share one table, and NetProfile.Jitter scales it.
		path.jitter = w.net.Jitter * jitterTable[v] / 1000
	}
	return path.jitter
}
