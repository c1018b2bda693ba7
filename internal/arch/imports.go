package arch

import (
	"go/ast"
	"go/types"
	"slices"
	"strconv"
	"strings"
)

// banned lists standard-library packages that protocol code must not import, with the reason and the replacement.
// A path that ends in a slash includes all packages under it.
var banned = []struct{ path, why string }{
	{"time", "real time differs from run to run; use env.Duration, env.Time, env.Instant and the clocks of Env"},
	{"sync", "a node handles one event to its end: nothing runs beside it, and what a pool returns depends on the collector"},
	{"sync/", "a node handles one event to its end: nothing runs beside it, so there is nothing to synchronise"},
	{"context", "deadlines and cancellation are real time and goroutines; arm a timer, carry a token"},
	{"os", "files, environment and process ids differ from machine to machine; use Env.Disk, and let cmd/samsa read arguments"},
	{"os/", "signals, users and processes belong to the real machine; cmd/samsa may ask them"},
	{"net", "real sockets answer when they like; use Env.Dial, Call and Reply"},
	{"net/", "real sockets answer when they like; use Env.Dial, Call and Reply"},
	{"math/rand", "a stream that is shared moves when anything draws from it; use Env.Choose with a site of its own"},
	{"math/rand/", "a stream that is shared moves when anything draws from it; use Env.Choose with a site of its own"},
	{"crypto/", "randomness and key material of the machine cannot be replayed; use Env.Choose"},
	{"hash/maphash", "its seed differs in every process; use xxhash or hash/crc32"},
	{"math/cmplx", "floats round differently on different machines; use integers"},
	{"math/big", "it has assembly of its own and floats; if integers do not suffice, argue for it in internal/arch/layers.go"},
	{"runtime", "the collector, the scheduler and goroutine counts are the machine's; nothing may depend on them"},
	{"runtime/", "the collector, the scheduler and goroutine counts are the machine's; nothing may depend on them"},
	{"unsafe", "addresses and layouts differ from run to run and between 32 and 64 bits"},
	{"reflect", "the order of map keys and the shape of values escape the lint; write the code out"},
	{"unique", "handles compare by address and live as long as the collector likes"},
	{"weak", "when a weak pointer dies depends on the collector"},
	{"plugin", "code that is not in the build cannot be replayed"},
	{"log", "it writes real time to the real terminal; tell the story with Env.Note"},
	{"log/", "it writes real time to the real terminal; tell the story with Env.Note"},
	{"testing", "tests belong into _test.go files"},
	{"testing/", "tests belong into _test.go files"},
	{"encoding/gob", "it numbers types in the order a process meets them, and uses reflection"},
	{"encoding/json", "reflection and floats; only what writes a report may use it (scenarios and above)"},
	{"expvar", "mutable state of the process"},
	{"C", "C code escapes every rule here"},
}

// foreign lists other modules, each with the reason why only some layers may import it.
var foreign = []struct{ prefix, why string }{
	{modKmsg, "Kafka's messages belong to protocol code and what assembles it"},
	{modKerr, "Kafka's errors belong to protocol code and what assembles it"},
	{modCompress, "bytes are compressed and decompressed in one place, wire, behind one table of codecs"},
	{modLZ4, "bytes are compressed and decompressed in one place, wire, behind one table of codecs"},
	{modCobra, "flags belong to cmd/samsa; everything below takes values"},
	{modPflag, "flags belong to cmd/samsa; everything below takes values"},
	{modCharm, "terminals belong to tui and lessons; everything else must run without one"},
	{"github.com/charmbracelet", "the home of these libraries is charm.land, and only tui and lessons may import them"},
	{"github.com/anishathalye/porcupine", "a test library belongs into _test.go files"},
	{"pgregory.net/rapid", "a test library belongs into _test.go files"},
	{"github.com/stretchr/testify", "a test library belongs into _test.go files"},
	{"golang.org/x/tools", "a test library belongs into _test.go files"},
	{"github.com/twmb/franz-go", "a real client with goroutines and sockets; the compatibility tests use it, in a module of their own"},
}

// Imports checks the imports of one package against its row in layers.go. Test files may import anything.
func (p *Program) Imports(q *Package) []Finding {
	var found []Finding
	report := func(spec ast.Node, rule, what, why string) {
		found = append(found, Finding{p.position(spec.Pos()), rule, what, why})
	}
	layer := LayerOf(q.Name)
	for _, f := range q.Files {
		if layer == nil {
			report(f.Name, "layer", "package "+q.Name+" has no row in the import table",
				"one idea has one home: find the package that owns it, or add a row with its reason to internal/arch/layers.go")
			return found
		}
		for _, spec := range f.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				continue
			}
			// The row's Ours decides about our packages. Its Std, Argued and Modules decide about all other packages.
			switch name, ours := strings.CutPrefix(path, p.Module+"/"); {
			case ours && !layer.mayImport(name):
				report(spec, "layer", q.Name+" imports "+name, layer.Why+"; it may import "+orNothing(layer.Ours))
			case ours:
			case isStd(path) && !layer.mayUseStd(path):
				report(spec, "import", q.Name+" imports "+path+p.firstUse(q, path), whyNotStd(path))
			case isStd(path):
			case !layer.mayUse(path):
				report(spec, "import", q.Name+" imports "+path+p.firstUse(q, path), whyNotForeign(path))
			}
		}
	}
	return found
}

// firstUse returns the first use of an imported package in words: ", first used as time.Now in line 12".
func (p *Program) firstUse(q *Package, path string) string {
	var first *ast.SelectorExpr
	for _, f := range q.Files {
		ast.Inspect(f, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok || first != nil {
				return first == nil
			}
			if id, ok := sel.X.(*ast.Ident); ok {
				if pkg, ok := q.Info.Uses[id].(*types.PkgName); ok && pkg.Imported().Path() == path {
					first = sel
				}
			}
			return true
		})
	}
	if first == nil {
		return ""
	}
	return ", first used as " + types.ExprString(first) + " in line " + itoa(p.position(first.Pos()).Line)
}

// mayUseStd reports whether the row allows a package of the standard library.
func (l *Layer) mayUseStd(path string) bool {
	for _, set := range l.Std {
		if slices.Contains(set, path) || slices.Contains(set, everything) {
			return true
		}
	}
	return l.Argued[path] != ""
}

// mayUse reports whether the row allows a package of another module.
func (l *Layer) mayUse(path string) bool {
	return slices.ContainsFunc(l.Modules, func(m string) bool { return path == m || strings.HasPrefix(path, m+"/") })
}

// isStd reports whether a path is in the standard library. The first element of a module's path is a host name with a dot.
func isStd(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

// whyNotStd returns the reason why protocol code must not import a package of the standard library.
func whyNotStd(path string) string {
	for _, b := range banned {
		if path == b.path || strings.HasSuffix(b.path, "/") && strings.HasPrefix(path, b.path) {
			return b.why
		}
	}
	return "not on this layer's list of the standard library; argue for it in internal/arch/layers.go"
}

// whyNotForeign returns the reason why a layer must not import a package of another module.
func whyNotForeign(path string) string {
	for _, f := range foreign {
		if path == f.prefix || strings.HasPrefix(path, f.prefix+"/") {
			return f.why
		}
	}
	return "dependencies are few and chosen; argue for it in internal/arch/layers.go, or write the few lines it would save"
}

// orNothing lists names, or says that there are none.
func orNothing(names []string) string {
	if len(names) == 0 {
		return "nothing of ours"
	}
	return strings.Join(names, ", ")
}
