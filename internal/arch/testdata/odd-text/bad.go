//as wire

package wire

const clear = "\x1b[2J" // want "odd-text: a terminal's control sequence"

const party = "🎉" // want "odd-text: an emoji"

// zero​width // want "odd-text: a character that shows nothing"
const z = 1
