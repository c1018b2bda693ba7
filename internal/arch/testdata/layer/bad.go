//as check

package check

import (
	"samsa/sim/env" // want "layer: check imports sim/env"
	"samsa/wire"
)

type judge struct {
	end wire.Offset
	who env.Addr
}
