//as scenarios

package scenarios

import (
	"errors"
	"fmt"
)

type inner struct{ n int }

func (i *inner) String() string { return fmt.Sprint(i.n) }

type Outer struct {
	Name string
	In   *inner
}

func show(o *Outer, args ...any) string {
	err := fmt.Errorf("show %s: %w", o.Name, errors.New("no"))
	s := fmt.Sprintf("%v %d%% %T", o, 5, o.In)
	return s + fmt.Sprintln(err, o.In, map[string][]int{}) + fmt.Sprintf("%v %v", args...)
}
