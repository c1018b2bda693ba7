// Package kafkajars runs Apache Kafka's own code for tests that compare our output with Kafka's.
//
//	pom.xml ──mvn, once per machine──▶ class path ──▶ java org.apache.kafka.tools.… ──▶ Result   (kafkajars.go)
//	pom-server.xml ─────────────────▶ class path ──▶ a Cluster of processes, with a Proxy before every listener
//
// The poms pin the versions. Maven keeps the jars in its repository. The class path is kept in the user's cache directory
// under a hash of the pom; once it is there, neither Maven nor a network is needed. On a machine without Java or Maven, the
// tests that need them are skipped with one line that names the missing program.
//
// Only tests and the commands in this folder may use this package.
package kafkajars

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pom.xml is for the tools, and pom-server.xml for whole brokers and controllers.
var (
	//go:embed pom.xml
	toolsPom []byte
	//go:embed pom-server.xml
	serverPom []byte
)

const (
	// patience is the time limit for fetching the jars with Maven, which usually takes fifteen seconds.
	patience = 4 * time.Minute
	// limit is the time limit of one run of a tool, which usually takes a second.
	limit = time.Minute
)

// Jars is a class path with a Java binary.
type Jars struct {
	java string
	path string
}

// Need finds the jars, or skips the test with the reason.
func Need(t testing.TB) Jars {
	t.Helper()
	j, err := Find()
	if err != nil {
		t.Skipf("Apache Kafka's own tools are not available: %v", err)
	}
	return j
}

// Find finds the jars of the tools. The first call on a machine fetches them with Maven.
func Find() (Jars, error) { return find(toolsPom) }

// FindServer finds the jars of brokers and controllers. The first call on a machine fetches them with Maven.
func FindServer() (Jars, error) { return find(serverPom) }

func find(pom []byte) (Jars, error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return Jars{}, errors.New("no java in PATH")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	sum := sha256.Sum256(pom)
	dir := filepath.Join(cache, "samsa", "kafkajars-"+hex.EncodeToString(sum[:6]))
	kept := filepath.Join(dir, "classpath")
	if path, ok := load(kept); ok {
		return Jars{java, path}, nil
	}
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return Jars{}, errors.New("no mvn in PATH, and the jars are not cached")
	}
	if err := resolve(pom, mvn, dir, kept); err != nil {
		return Jars{}, err
	}
	path, ok := load(kept)
	if !ok {
		return Jars{}, fmt.Errorf("%s names jars that do not exist", kept)
	}
	return Jars{java, path}, nil
}

// Read returns a file that is in one of the jars.
func (j Jars) Read(name string) ([]byte, error) {
	for _, jar := range filepath.SplitList(j.path) {
		r, err := zip.OpenReader(jar)
		if err != nil {
			return nil, err
		}
		b, err := fs.ReadFile(r, name)
		if err = errors.Join(err, r.Close()); err == nil {
			return b, nil
		}
	}
	return nil, fmt.Errorf("no jar has the file %s", name)
}

// load reads a cached class path. It returns false if one of the jars no longer exists.
func load(kept string) (path string, ok bool) {
	b, err := os.ReadFile(kept)
	if err != nil || len(b) == 0 {
		return "", false
	}
	path = strings.TrimSpace(string(b))
	for _, jar := range filepath.SplitList(path) {
		if _, err := os.Stat(jar); err != nil {
			return "", false
		}
	}
	return path, true
}

// resolve fetches the jars with Maven and caches their class path. Test binaries run in parallel and Maven's repository
// is not safe for concurrent use, so each test binary uses its own directory and retries once.
func resolve(pom []byte, mvn, dir, kept string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	work, err := os.MkdirTemp(dir, "resolve-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := os.WriteFile(filepath.Join(work, "pom.xml"), pom, 0o666); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	fresh := filepath.Join(work, "classpath")
	fetch := func() error {
		cmd := exec.CommandContext(ctx, mvn, "-q", "-B", "-Dstyle.color=never", "dependency:build-classpath", "-Dmdep.includeScope=runtime", "-Dmdep.outputFile="+fresh)
		cmd.Dir = work
		cmd.WaitDelay = time.Second
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("mvn could not fetch the jars: %w: %s", err, firstLine(out))
		}
		return nil
	}
	if err := fetch(); err != nil {
		if _, ok := load(kept); ok {
			return nil // another process has cached the class path
		}
		if err := fetch(); err != nil {
			return err
		}
	}
	return os.Rename(fresh, kept)
}

func firstLine(out []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return line
}

// NeedCompiler skips the test if Java is a JRE. A JRE has no compiler, so it cannot run a source file.
func (j Jars) NeedCompiler(t testing.TB) {
	t.Helper()
	out, err := exec.Command(j.java, "--list-modules").Output()
	if err != nil || !bytes.Contains(out, []byte("jdk.compiler@")) {
		t.Skip("this java has no compiler (a JRE): Kafka's classes cannot be called from a source file")
	}
}

// Result is the output of a tool.
type Result struct {
	Out  string // standard output
	Err  string // standard error
	Code int    // exit code
}

// Run runs a class of Kafka, or a source file that uses Kafka's classes (see NeedCompiler), in a temporary directory. The
// test fails if the JVM does not start or does not end in time.
func (j Jars) Run(t testing.TB, class string, args ...string) Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	dir := t.TempDir() // the codecs unpack their native libraries there
	line := append([]string{
		"-Xshare:auto", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m", // start quickly and use little memory
		"-Djava.io.tmpdir=" + dir, "-Dfile.encoding=UTF-8", "-cp", j.path, class,
	}, args...)
	cmd := exec.CommandContext(ctx, j.java, line...)
	cmd.Dir = dir
	cmd.WaitDelay = time.Second
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() < 0) {
		t.Fatalf("run %s: %v\n%s", class, err, errs.String())
	}
	return Result{Out: out.String(), Err: errs.String(), Code: cmd.ProcessState.ExitCode()}
}
