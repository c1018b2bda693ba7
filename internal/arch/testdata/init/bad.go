//as wire

package wire

type table [4]int

func init() { // want "init: an init function"
}
