//as storage

package storage

import "samsa/sim/env"

type log struct {
	disk env.Disk // want "env-stored: a field of type env.Disk"
	size int64
}

type node struct {
	env.Env // want "env-stored: a field of type env.Env"
	later   []func()
	done    func()
	stop    func(error)
}

var disks []env.Disk // want "env-stored: a package variable of type env.Disk"

func (n *node) park(e env.Env) {
	n.done = func() { e.Exit(nil) }                             // want "env-stored: a function that is kept uses e"
	n.stop = e.Exit                                             // want "env-stored: a function that is kept, e.Exit"
	n.later = append(n.later, func() { e.Disarm(env.Timer{}) }) // want "env-stored: a function that is kept uses e"
}
