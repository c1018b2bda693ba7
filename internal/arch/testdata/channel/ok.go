//as groups

package groups

type machine struct {
	inbox []int
}

func (m *machine) work() {
	for len(m.inbox) > 0 {
		m.inbox = m.inbox[1:]
	}
}
