package explore

import (
	"runtime"
	"strings"
)

// panicked returns the name of the function that panicked, for the kind of the failure. It must be called while the panic is
// being recovered.
func panicked() string {
	var pcs [32]uintptr //width: the runtime's type for program counters; only function names leave this function
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	unwinding := false
	for {
		f, more := frames.Next()
		inRuntime := strings.HasPrefix(f.Function, "runtime.")
		if unwinding && !inRuntime {
			return f.Function
		}
		unwinding = unwinding || f.Function == "runtime.gopanic"
		if !more {
			return ""
		}
	}
}
