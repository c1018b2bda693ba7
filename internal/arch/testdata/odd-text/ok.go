//as tui

package tui

const clear = "\x1b[2J"

// box ── ● ★ ✕ ▲ ‥ → ≤
const box = "│"
