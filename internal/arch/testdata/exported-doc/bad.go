//as wire

package wire

type Batch struct{} // a comment behind the name is enough

func (b Batch) End() int64 { return 0 } // want "exported-doc: End has no comment"

var Table = []int{ // want "exported-doc: Table has no comment"
	1,
}

type (
	Loose struct { // want "exported-doc: Loose has no comment"
	}

	// Kind is a kind.
	Kind int
)

func New() Batch { return Batch{} } // want "exported-doc: New has no comment"
