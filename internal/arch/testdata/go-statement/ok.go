//as scenarios

package scenarios

func fetch(done func()) {
	done()
	//goroutine: the audit runs two whole worlds side by side; they share nothing
	go done()
}
