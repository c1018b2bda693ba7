package sim

// Fault is one kind of harm the world can do: its id, as counters and reports name it, and what it does.
// Two equal values are the same fault. Each part of the world lists its own.
type Fault struct {
	Name string // dotted lower case: "disk.lying-sync"
	Doc  string // one sentence
}
