package controller

import "samsa/wire"

// Digests are the fingerprints of the newest state and of the committed one.
func (c *Controller) Digests() (tip, stable uint64) {
	c.rt.Peek(func(m machine) { tip = m.Digest() })
	c.rt.Read(func(m machine) { stable = m.Digest() })
	return tip, stable
}

// End is where the log ends.
func (c *Controller) End() wire.Offset { return c.rt.End() }
