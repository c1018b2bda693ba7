//as client

package client

import "iter"

func script(s iter.Seq[int]) func() {
	next, stop := iter.Pull(s)
	next()
	return stop
}
