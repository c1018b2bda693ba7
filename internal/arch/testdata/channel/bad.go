//as groups

package groups

type machine struct {
	inbox chan int // want "channel: a channel type"
}

func (m *machine) work() {
	m.inbox <- 1        // want "channel: a send"
	n := <-m.inbox      // want "channel: a receive"
	for range m.inbox { // want "channel: a range over a channel"
		n++
	}
	close(m.inbox) // want "channel: a channel is closed"
	_ = n
}
