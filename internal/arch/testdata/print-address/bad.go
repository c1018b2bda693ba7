//as scenarios

package scenarios

import "fmt"

type inner struct{ n int }

type outer struct {
	name string
	in   *inner
}

func show(o *outer, f func(), m map[*inner]int) string {
	println(o.name)                               // want "print-address: the builtin println"
	s := fmt.Sprintf("%p", o)                     // want "print-address: the verb %p"
	s += fmt.Sprintf("%-5s %*d %v", "a", 3, 4, o) // want "print-address: printing .*outer shows the address of a .*inner"
	s += fmt.Sprint(f)                            // want "print-address: printing .* shows the address of a function"
	s += fmt.Sprintln("map", m)                   // want "print-address: printing .* shows the address of a .*inner"
	return s + fmt.Sprintf("%d", &s)              // want "print-address: .*address of a string"
}
