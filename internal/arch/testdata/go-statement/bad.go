//as replication

package replication

func fetch(done func()) {
	go done() // want "go-statement: a goroutine is started"
	//goroutine: this layer may not argue for one // want "argument: //goroutine: argues for a line that breaks no rule"
	go done() // want "go-statement: a goroutine is started"
}
