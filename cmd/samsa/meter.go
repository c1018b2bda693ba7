package main

import (
	"fmt"
	"os"
	"time"
)

// meter shows the progress of a long command on stderr, because stdout has the result alone. On a terminal it shows one
// line that changes. Otherwise it prints a new line every ten seconds. All commands use a meter; each supplies the text of
// the line.
type meter struct {
	*app
	began, shown time.Time
	drawn        bool // the line is on the terminal
}

// The widest line of progress, so that it never wraps at 80 columns; a wrapped line could not be removed.
const meterWidth = 78

// meter returns a meter that begins now. It shows nothing in the first moments, so a short command shows nothing at all.
func (a *app) meter() *meter {
	now := a.now()
	return &meter{app: a, began: now, shown: now}
}

// tick shows a line if it is time for one. Only then does it call the function line.
func (m *meter) tick(line func(spent time.Duration) string) {
	every := 10 * time.Second
	if m.errTTY {
		every = 200 * time.Millisecond
	}
	now := m.now()
	if now.Sub(m.shown) < every {
		return
	}
	m.shown = now
	text := line(now.Sub(m.began))
	if !m.errTTY {
		fmt.Fprintln(m.err, text)
		return
	}
	fmt.Fprintf(m.err, "\r%-*.*s", meterWidth, meterWidth, text)
	m.drawn = true
}

// wipe removes the line, so that a result can be printed. The next tick may show a line again.
func (m *meter) wipe() {
	if m.drawn {
		fmt.Fprintf(m.err, "\r%*s\r", meterWidth, "")
		m.drawn = false
	}
}

// eta returns the time that the rest of the work takes if it goes on as before, as the end of a line of progress.
func eta(spent time.Duration, done, all int) string {
	if done == 0 {
		return ""
	}
	return fmt.Sprintf("  ETA %s", (spent * time.Duration(all-done) / time.Duration(done)).Round(time.Second))
}

// pressed reports whether Ctrl-C was pressed. The command then ends and prints its result so far; a second Ctrl-C exits at
// once. Several goroutines may call pressed.
func (a *app) pressed() bool {
	select {
	case <-a.interrupt:
		a.stopped.Store(true)
		go func() {
			<-a.interrupt
			if a.errTTY {
				fmt.Fprintf(a.err, "\r%*s\r", meterWidth, "")
			}
			os.Exit(int(exitInterrupted))
		}()
		return true
	default:
		return a.stopped.Load()
	}
}
