//as txn

package txn

func next(a, b []int) int {
	select { // want "select: a select statement"
	default:
	}
	return len(a) + len(b)
}
