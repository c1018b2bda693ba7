package sim

// Time is true time: nanoseconds since the world began. Nodes never see it; they see clocks that may lie.
type Time int64
