//as txn

package txn

func next(a, b []int) int {
	switch {
	case len(a) > 0:
		return a[0]
	case len(b) > 0:
		return b[0]
	}
	return 0
}
