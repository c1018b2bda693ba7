package cluster

import "testing"

// A config on the cluster line is in the server.properties of every node. The controller decides by its own value of
// min.insync.replicas which replicas stay eligible, and by that of unclean.leader.election.enable which may be elected.
func TestControllersHaveTheConfigsTheyDecideBy(t *testing.T) {
	c, err := configure(Options{Brokers: 3, Controllers: 1, Configs: []Setting{{"min.insync.replicas", "2"}, {"unclean.leader.election.enable", "true"}}})
	if err != nil {
		t.Fatal(err)
	}
	if k := c.controller(101, nil); k.MinISR != 2 || !k.Unclean {
		t.Errorf("a controller has min.insync.replicas %d and unclean elections %v", k.MinISR, k.Unclean)
	}
	if c, err = configure(Options{Brokers: 3, Controllers: 1}); err != nil {
		t.Fatal(err)
	}
	if k := c.controller(101, nil); k.MinISR != 1 || k.Unclean {
		t.Errorf("by default a controller has min.insync.replicas %d and unclean elections %v", k.MinISR, k.Unclean)
	}
}
