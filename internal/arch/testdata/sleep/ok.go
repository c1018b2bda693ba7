//as sim

package sim

type world struct{}

func (world) Sleep(int) {}

func testFast(w world) { w.Sleep(1) }
