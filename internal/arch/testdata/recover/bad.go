//as controller/raft

package raft

func safely(f func()) {
	defer func() {
		_ = recover() // want "recover: a panic is caught"
	}()
	f()
}
