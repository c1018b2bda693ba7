//as sim

package sim

func safely(f func()) (found any) {
	defer func() { found = recover() }()
	f()
	return nil
}
