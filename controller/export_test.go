package controller

import "samsa/wire"

// Digests are the fingerprints of the newest state and of the committed one.
func (c *Controller) Digests() (tip, stable uint64) {
	return c.rt.Tip().Digest(), c.rt.Stable().Digest()
}

// End is where the log ends.
func (c *Controller) End() wire.Offset { return c.rt.End() }
