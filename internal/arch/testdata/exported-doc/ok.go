//as wire

package wire

// Kind is a kind.
type Kind int

const (
	KindA Kind = iota
	KindB
)

// Limits of a batch.
const (
	MaxSize  = 1 << 20
	MaxCount = 1 << 10
)

// String needs none.
type hidden struct{}

func (hidden) Visible()       {}
func (k Kind) String() string { return "kind" }
