// Package kafkajars is Apache Kafka's own code, for tests that let Kafka judge what we write.
//
//	pom.xml ──mvn, once a machine──▶ class path ──▶ java org.apache.kafka.tools.… ──▶ Result
//
// The versions are pinned in pom.xml. Maven keeps the jars in its repository; the class path is kept in the user's cache
// directory under a hash of pom.xml, and after that neither Maven nor a network is needed. A machine without Java or
// Maven skips the tests that need them, with one line that says what is missing.
//
// Tests use it; nothing that is not a test may.
package kafkajars

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

//go:embed pom.xml
var pom []byte

const (
	// patience is how long Maven may take to fetch the jars: fifteen seconds are usual, on a machine that has none.
	patience = 4 * time.Minute
	// limit is how long one run of a tool may take: a second is usual.
	limit = time.Minute
)

// Jars is a class path, and a Java that runs it.
type Jars struct {
	java string
	path string
}

// Need finds the jars, or skips the test with the reason.
func Need(t testing.TB) Jars {
	t.Helper()
	j, err := Find()
	if err != nil {
		t.Skipf("Apache Kafka's own tools are not to be had here: %v", err)
	}
	return j
}

// Find finds the jars, and lets Maven fetch them if they were never found on this machine.
func Find() (Jars, error) {
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
		return Jars{}, errors.New("no mvn in PATH, and the jars were never fetched")
	}
	if err := resolve(mvn, dir, kept); err != nil {
		return Jars{}, err
	}
	path, ok := load(kept)
	if !ok {
		return Jars{}, fmt.Errorf("%s names jars that are not there", kept)
	}
	return Jars{java, path}, nil
}

// load reads a class path that was kept, if every jar of it is still there.
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

// resolve lets Maven fetch the jars and keeps their class path. Test binaries run side by side, so two may do it at a
// time: each in a directory of its own, and once more if it fails, because Maven's repository is not made for that.
func resolve(mvn, dir, kept string) error {
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
			return nil // the other one did it
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

// NeedCompiler skips the test where Java cannot run a source file: in a JRE, which has no compiler.
func (j Jars) NeedCompiler(t testing.TB) {
	t.Helper()
	out, err := exec.Command(j.java, "--list-modules").Output()
	if err != nil || !bytes.Contains(out, []byte("jdk.compiler@")) {
		t.Skip("this java has no compiler (a JRE): Kafka's classes cannot be called from a source file")
	}
}

// Result is what a tool said.
type Result struct {
	Out  string // standard output
	Err  string // standard error
	Code int    // exit code
}

// Run runs a class of Kafka's, or a source file that uses some (see NeedCompiler), in a directory of the test's. The test
// fails if the Java machine does not start or end.
func (j Jars) Run(t testing.TB, class string, args ...string) Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	dir := t.TempDir() // for what the codecs' native libraries unpack
	line := append([]string{
		"-Xshare:auto", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m", // start quickly, and small
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
