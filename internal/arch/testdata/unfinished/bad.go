//as wire

package wire

// TODO: later // want "unfinished: the word TODO"
const a = 1

const b = 2 // FIXME // want "unfinished: the word FIXME"
