//as broker

package broker

import "iter"

func script(s iter.Seq[int]) func() {
	next, stop := iter.Pull(s) // want "iter-pull: iter.Pull"
	next()
	return stop
}
