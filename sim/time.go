package sim

import "samsa/sim/disk"

// Time is true time: nanoseconds since the world began. Nodes never see it; their clocks may be wrong. It is an alias
// because package disk uses it too.
type Time = disk.Time

// Fault is one kind of fault that the world can inject.
type Fault = disk.Fault
