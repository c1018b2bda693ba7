package sim

import "samsa/sim/disk"

// Time is true time: nanoseconds since the world began. Nodes never see it; they see clocks that may lie. Disks count in
// it too, hence the alias.
type Time = disk.Time

// Fault is one kind of harm that the world can do.
type Fault = disk.Fault
