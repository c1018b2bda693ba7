package check

import "samsa/wire"

var oneDirectory = &Check{
	Name: "one-directory", Numbers: "S14",
	Doc: "a broker has at most one directory for a partition, and its topic id is that of the committed metadata",
	On:  []ChangeKind{DirectoriesCounted, DirectoryInUse, ReplicaChanged},
	See: func(d *Tally, v *View, c *Change) {
		p := c.Partition
		switch {
		case c.Kind == DirectoryInUse:
			if d.exercised(); wire.TopicID(c.Home) != p.ID {
				// The id is in partition.metadata, which bit rot can damage too.
				d.decide(v, p.fact(c.Replica.role(), -1, "directory of another topic"), v.damagedDisk(p), v.name(c.Node), " keeps ", p.TP.String(), " in the directory of another topic of that name")
			}
		case c.Kind == DirectoriesCounted && c.Offset > 1:
			d.violate(v, p.fact(ByFollower, -1, "two directories"), v.name(c.Node), " has ", itoa(c.Offset), " directories of ", p.TP.String())
		case c.Kind == ReplicaChanged && c.Replica.Epoch >= 0 && c.Before.Epoch < 0:
			d.exercised()
			if last := v.image.currentTopic(p.TP.Topic); last.id != p.ID && last.from > 0 && v.Broker(c.Node).applied >= last.from && c.Replica.Leads {
				d.violate(v, p.fact(ByLeader, -1, "log of another topic"), v.name(c.Node), " leads ", p.TP.String(), " on the log of another topic of that name")
			}
		}
	},
	Accept: func(v *View) *Case {
		s := newStage(v, 2)
		s.Installed(s.p, 1, 1)
		return s.done()
	},
	Reject: func(v *View) *Case {
		s := newStage(v, 2)
		s.tick()
		s.Installed(s.p, 1, 2)
		return s.done()
	},
}
