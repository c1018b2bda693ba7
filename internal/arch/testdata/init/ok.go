//as wire

package wire

type table [4]int

func (t table) init() {}

var squares = func() (t table) {
	for i := range t {
		t[i] = i * i
	}
	return t
}()
