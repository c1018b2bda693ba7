package scenarios

import "errors"

// Assemble builds a cluster in a simulated world.
func Assemble(Options) (Cluster, error) {
	return nil, errors.New("no cluster can be assembled yet")
}
