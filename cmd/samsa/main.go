// Command samsa runs scenarios on a simulated Kafka cluster and reports which of its promises Kafka kept.
//
//	arguments ──cobra──▶ command ──▶ session ──▶ report ──▶ text or one JSON object, and an exit code
//
// Read run.go for the main command, exit.go for the exit codes, and report.go for errors. A verdict is a result with an exit
// code and never an error.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"
)

func main() {
	// Worlds are small and short-lived, so less frequent garbage collection makes a campaign a quarter faster.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	a := &app{
		in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv, now: time.Now,
		tty:       isTerminal(os.Stdin) && isTerminal(os.Stdout),
		errTTY:    isTerminal(os.Stderr) && os.Getenv("TERM") != "dumb",
		interrupt: make(chan os.Signal, 1),
	}
	signal.Notify(a.interrupt, os.Interrupt, syscall.SIGTERM)
	os.Exit(int(a.main(os.Args[1:])))
}

// app is the environment of a command.
type app struct {
	in          io.Reader
	out, err    io.Writer
	getenv      func(string) string
	now         func() time.Time
	tty, errTTY bool // tty: stdin and stdout are a terminal; errTTY: stderr is a terminal
	interrupt   chan os.Signal
	stopped     atomic.Bool // Ctrl-C was pressed
	args        []string
	code        code // the exit code of a command that ran to its end
}

// main runs one command line.
func (a *app) main(args []string) code {
	a.args = args
	out := &checked{to: a.out}
	a.out = out
	root := a.root()
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	if err := root.Execute(); err != nil && (out.err == nil || !errors.Is(err, out.err)) { // an error of stdout is reported below
		a.code = a.report(err)
	}
	if out.err != nil {
		fmt.Fprintf(a.err, "samsa: cannot write the result: %v\n", out.err)
		return exitUsage // the output was not written completely
	}
	return a.code
}

// checked keeps the first error of a writer, so that the command does not succeed if the disk is full.
type checked struct {
	to  io.Writer
	err error
}

func (c *checked) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	if c.err == nil {
		c.err = err
	}
	return n, err
}

// isTerminal reports whether a file is a terminal. The null device does not count, although it is a character device too.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}
