// Package shapes has functions of every shape, for the tests of a tool that copies functions.
package shapes

import "errors"

// Pair is a generic type.
type Pair[A, B any] struct {
	a A
	b B
	n int
}

// Swap has a receiver of a generic type.
func (p *Pair[A, B]) Swap(a A, b B) (old A, err error) {
	if p.n > 0 {
		return p.a, errors.New("once")
	}
	old, p.a, p.b = p.a, a, b
	p.n++
	return old, nil
}

// First has type parameters that no argument has.
func First[K comparable, V any](m map[K]int, _ K) (v V, ok bool) {
	return v, len(m) > 0
}

// Sum has a variable number of arguments, and no name for the first.
func Sum(_ string, numbers ...int) int {
	sum := 0
	for _, n := range numbers {
		sum += n
	}
	return sum + 1
}

type empty struct{}

// Ignore has no names at all and no result.
func (empty) Ignore(int, func(int) bool) {
	if true == false {
		return
	}
	Sum("", 1, 2)
}

// Fact calls itself.
func (*Pair[A, B]) Fact(n int) int {
	if n <= 1 {
		return 1
	}
	return n * new(Pair[A, B]).Fact(n-1)
}
