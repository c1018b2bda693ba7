//as replication

package replication

import (
	"errors"
	"hash/crc32"

	"samsa/sim/env"
)

type row struct {
	name string
	max  int
}

func (r *row) full(n int) bool { return n >= r.max }

var (
	errGone    = errors.New("gone")
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	table      = []row{{"a", 1}, {"b", 2}}
	byName     = map[string]*row{"a": {"a", 1}}
	fixed      = [...]int{1, 2, 3}
	limit      = &row{"limit", 3}
	noteLeads  = &env.NoteKind{Name: "partition.leads", Story: true}
	_          = errGone

	//immutable: a test door; only export_test.go sets it, before any world exists
	hook int
)

func setHook() { hook = 1 }

func lookup(name string, n int) (bool, error) {
	r := byName[name]
	if r == nil {
		return false, errGone
	}
	_ = append(fixed[:], 4)
	local := append([]row(nil), table...)
	local[0].max = int(crc32.Checksum(nil, castagnoli))
	return r.full(n) || limit.full(n), nil
}
