//as check

package check

import "samsa/wire"

type judge struct {
	end wire.Offset
	who string
}
