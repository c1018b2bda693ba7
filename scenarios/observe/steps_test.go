package observe

import "testing"

// No operation, and so no finding, names a step that the story does not have, not even an operation of the last events.
func TestNoOperationNamesAStepThatDoesNotExist(t *testing.T) {
	c, _ := ordeal(t, 3, 3, false, "1")
	j, ok := c.(judged)
	if !ok {
		t.Fatalf("the cluster is a %T", c)
	}
	if len(j.history.ops) == 0 {
		t.Fatal("the history is empty")
	}
	for _, op := range j.history.ops {
		if h := op.Common(); h.Step > c.Steps() {
			t.Errorf("an operation of %s (%T) names step %d; the story has %d", h.Client, op, h.Step, c.Steps())
		}
	}
}
