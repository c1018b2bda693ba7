package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"samsa/scenarios/cluster"
	"samsa/sim/env"
)

// The verbs of this file change some random decisions of the seed and keep all others. They apply before the first event, so
// the field Run of these verbs is nil.
//
//	pin   sets one decision to a value
//	off   sets every decision of a site to 0
//	keep  sets every decision of a site to 0, except the listed ones
//	salt  draws decisions as another seed would, always or after a given time
//
// If pin and off, or pin and keep, name the same decision, the value of pin applies.

var verbPin = &Verb{
	Name:  "pin",
	Group: "time",
	Forms: []string{"SITE ENTITY ORDINAL DRAW"},
	Doc: "Fixes one random decision: the value that a site draws for an entity (a machine, or b1>b2 for one direction of the " +
		"network) at an ordinal, which is a bucket of time for the world's sites and a count for a machine's. 0 is always the benign " +
		"choice. Exploration and shrinking write these lines. A pin that matches no decision of the run fails, because its entity or " +
		"ordinal may be wrong.",
	Example: "pin net.jitter b1>b2 17 0\npin disk.stalled b1 120 0",
	Overrides: func(a *Args) []Override {
		return []Override{{Kind: cluster.Pin, Site: arg[env.Site](a, "SITE"), Entity: arg[string](a, "ENTITY"),
			Ordinal: arg[uint64](a, "ORDINAL"), Value: arg[uint64](a, "DRAW")}}
	},
}

var verbOff = &Verb{
	Name:  "off",
	Group: "time",
	Forms: []string{"SITE"},
	Doc: "Makes every decision of a site 0, the benign choice, for all entities: no jitter, no reset, no torn write. " +
		"Pins of the site still hold.",
	Example: "off net.jitter\noff client.backoff",
	Overrides: func(a *Args) []Override {
		return []Override{{Kind: cluster.Off, Site: arg[env.Site](a, "SITE")}}
	},
}

var verbKeep = &Verb{
	Name:  "keep",
	Group: "time",
	Forms: []string{"SITE ENTITY ORDINALS"},
	Doc: "Keeps the decisions of a site that are named, with the values that the seed gives them, and makes all others of that site 0: " +
		"those of other ordinals and those of other entities. Several keep lines of one site add up. Pins of the site still hold.",
	Example: "keep net.jitter b1>b2 0..17,23\nkeep net.jitter b2>b1 4",
	Overrides: func(a *Args) (all []Override) {
		for _, n := range arg[[]uint64](a, "ORDINALS") {
			all = append(all, Override{Kind: cluster.Keep, Site: arg[env.Site](a, "SITE"), Entity: arg[string](a, "ENTITY"), Ordinal: n})
		}
		return all
	},
}

var verbSalt = &Verb{
	Name:  "salt",
	Group: "time",
	Forms: []string{"SITE SALT [from TIME]", "SALT [from TIME]", "SITE SALT from step COUNT", "SALT from step COUNT"},
	Doc: "Draws decisions anew, as another seed would: those of one site, or else the world's noise, which moves things in time and " +
		"breaks nothing (net.distance, net.jitter, net.loss, world.tie). From a time on, all that happened before stays as it was; from " +
		"a step on, all up to that step, and the step itself. Of several salts of one site the latest applies; a salt of 0 goes " +
		"back to the seed.",
	Example: "salt 7\nsalt 8 from 2s\nsalt 9 from step 41\nsalt raft.election-timeout 3",
	Overrides: func(a *Args) []Override {
		return []Override{{Kind: cluster.Salt, Site: arg[env.Site](a, "SITE"), Value: arg[uint64](a, "SALT"),
			From: cluster.Time(arg[env.Duration](a, "TIME")), Step: uint64(arg[int64](a, "COUNT"))}}
	},
}

// Site is a kind of random decision.
type Site struct{ Name, Doc string }

// Sites lists all sites, by name. A test compares this table with the sites in the source code.
func Sites() []Site {
	return []Site{
		{"broker.controller-named", "which controller a broker returns to a client in a metadata response"},
		{"broker.directory-id", "the id of a new log directory, byte by byte"},
		{"broker.incarnation", "the incarnation id of a broker that starts, byte by byte"},
		{"broker.stray-id", "the name of the directory of a log without a topic id, byte by byte"},
		{"client.backoff", "the jitter of a client's backoff"},
		{"client.metadata-broker", "which bootstrap server a client asks for metadata"},
		{"client.sticky", "which partition a producer fills next"},
		{"clock.start", "the value of a machine's monotonic clock at a boot"},
		{"controller.placement", "the order of the brokers in replica placement"},
		{"controller.topic-id", "the id of a new topic"},
		{"disk.bit-rot", "whether a bit of a file that is read has flipped, in 10 ms"},
		{"disk.broken", "whether a file can no longer be used, in 10 ms"},
		{"disk.full", "whether a write finds the disk full, in 10 ms"},
		{"disk.lost-write", "whether a write never reaches the device, in 10 ms"},
		{"disk.misdirected", "whether a write hits another file, in 10 ms"},
		{"disk.names.error", "whether creating, renaming or removing a file fails, in 10 ms"},
		{"disk.power.between", "after a power loss: the length of a file, between its synced and its written length"},
		{"disk.power.cut", "after a power loss: how many of a file's unsynced units are left, in order"},
		{"disk.power.file", "after a power loss: whether nothing, all, or some of a file's unsynced writes are left"},
		{"disk.power.length", "after a power loss: the length of a file in the file system's metadata"},
		{"disk.power.names", "after a power loss: how many unsynced changes of a directory are left"},
		{"disk.power.unit", "after a power loss: how many writes of one page or sector are left"},
		{"disk.read.error", "whether a read fails, in 10 ms"},
		{"disk.short-write", "whether a write stops halfway, in 10 ms"},
		{"disk.slow", "whether a disk turns slow, and for how long, in 10 ms"},
		{"disk.stalled", "whether a disk stalls, and for how long, in 10 ms"},
		{"disk.sync-forgets", "whether a sync fails and drops the unsynced bytes, in 10 ms"},
		{"disk.sync-lies", "whether a sync returns success and writes nothing, in 10 ms"},
		{"disk.sync.error", "whether a sync fails, in 10 ms"},
		{"disk.write.error", "whether a write fails, in 10 ms"},
		{"net.distance", "the least latency from one machine to another"},
		{"net.drop", "whether a link is half-open, in 100 ms"},
		{"net.jitter", "the jitter of a packet's latency, in a bucket of time"},
		{"net.loss", "how often a packet is lost before it arrives, in 1 ms"},
		{"net.refuse", "whether a connection is refused, in 100 ms"},
		{"net.reset", "whether a link is reset, in 100 ms"},
		{"net.stall", "for how long a direction of the network stalls, in 1 s"},
		{"raft.election-timeout", "a controller's election timeout"},
		{"world.tie", "which of two events at the same time is first"},
	}
}

func siteNames(*names) (all []string) {
	for _, s := range Sites() {
		all = append(all, s.Name)
	}
	return all
}

func readSite(_ *names, w Word) (any, string) {
	if !slices.Contains(siteNames(nil), w.Text) {
		return nil, fmt.Sprintf("no site is called %q; samsa list sites names them", w.Text)
	}
	return env.Site(w.Text), ""
}

// maxOrdinals bounds the number of ordinals on one line.
const maxOrdinals = 10_000

// readOrdinals reads numbers and inclusive ranges, such as 3,17..20.
func readOrdinals(_ *names, w Word) (any, string) {
	var all []uint64
	for part := range strings.SplitSeq(w.Text, ",") {
		first, last, ranged := strings.Cut(part, "..")
		from, ok := number(first, 0, 1<<62)
		to := from
		if ranged && ok {
			to, ok = number(last, from, 1<<62)
		}
		switch {
		case !ok:
			return nil, fmt.Sprintf("%q is no ordinal and no range such as 17..20", part)
		case to-from >= maxOrdinals || len(all)+int(to-from) >= maxOrdinals:
			return nil, fmt.Sprintf("%q names more than %d ordinals", w.Text, maxOrdinals)
		}
		for n := from; n <= to; n++ {
			all = append(all, uint64(n))
		}
	}
	return all, ""
}

// claimOverrides adds a failed claim for each pin, off, keep and salt line that has an override which matched no decision of
// the run. The entity or ordinal on the line may be wrong, or the run may have taken another course.
func claimOverrides(s *Session) {
	unmet := s.cluster.Unmet()
	if len(unmet) == 0 {
		return
	}
	for i := range s.program.code {
		c := &s.program.code[i]
		if c.Verb.Overrides == nil {
			continue
		}
		all := c.Verb.Overrides(c.Args)
		missed := slices.DeleteFunc(slices.Clone(all), func(o Override) bool { return !slices.Contains(unmet, o) })
		if len(missed) > 0 {
			s.claim(&c.Line, false, c.Line.String()+": "+neverAsked(all, missed))
		}
	}
}

// neverAsked returns the text of the failed claim of a line. The argument all holds the overrides of the line, and missed
// holds those of them that matched no decision.
func neverAsked(all, missed []Override) string {
	switch o := missed[0]; {
	case o.Kind == cluster.Pin:
		return "this run made no such decision"
	case o.Kind == cluster.Keep && len(missed) < len(all):
		var ordinals []string
		for _, o := range missed {
			ordinals = append(ordinals, fmt.Sprint(o.Ordinal))
		}
		return "this run made no decision at " + strings.Join(ordinals, ", ")
	case o.Kind == cluster.Keep:
		return "this run made none of these decisions"
	case o.Step > 0:
		return fmt.Sprintf("this run made no such decision after step %d", o.Step)
	case o.From > 0:
		return fmt.Sprintf("this run made no such decision after %s", formatDuration(env.Duration(o.From)))
	}
	return "this run made no such decision"
}
