//as replication

package replication

import (
	"bytes"
	"encoding/json" // want "import: .*encoding/json"
)

type counter struct{ n int }

func (c *counter) add()  { c.n++ }
func (c *counter) more() { c.add() }

type row struct{ hits int }

var (
	term     int                      // want "global: package variable term is changed at"
	cache    = map[string]int{}       // want "global: package variable cache is changed"
	rows     = []row{{1}, {2}}        // want "global: package variable rows is changed"
	total    counter                  // want "global: package variable total is changed"
	kept     = &counter{}             // want "global: package variable kept is changed"
	handed   = &counter{}             // want "global: package variable handed is changed"
	settings struct{ Seed int }       // want "global: package variable settings is changed"
	scratch  *bytes.Buffer            // want "global: package variable scratch holds a bytes.Buffer"
	cut      = []int{1, 2}            // want "global: package variable cut is changed"
	gone     = map[string]int{"a": 1} // want "global: package variable gone is changed"
)

func bump(c *counter) { c.n = 2 }

func work(text []byte) error {
	term++
	cache["a"] = 1
	r := &rows[0]
	r.hits++
	total.more()
	kept.add()
	bump(handed)
	delete(gone, "a")
	_ = append(cut[:1], 3)
	return json.Unmarshal(text, &settings)
}
