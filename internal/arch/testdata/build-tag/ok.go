//as sim

package sim

//go:generate stringer -type=kind
const quick = true
