//as sim

package sim

import "time"

func testSlow() { time.Sleep(1) } // want "sleep: time.Sleep in a test"
