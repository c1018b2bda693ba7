package kafkajars

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Cluster is a KRaft cluster of Apache Kafka on this machine. Every broker and controller is a process. Kafka's own tool
// formats the log directory of each process. In front of every listener is a Proxy, and nodes know only the addresses of
// the proxies.
type Cluster struct {
	Nodes []*Node // brokers 1 to n, then controllers 101 to 100+m
	Dir   string  // has a directory for each node with its properties, its log directory and its output

	jars Jars
}

// ClusterOptions describe a cluster.
type ClusterOptions struct {
	Brokers, Controllers int
	Config               []string // name=value, for all nodes
	Features             []string // name=level, other than the defaults of the release
}

// Node is one process.
type Node struct {
	ID         int
	Controller bool
	Addr       string // the address of its proxy
	Dir        string // contains the files server.properties and output, and the log directory, data
	Proxy      *Proxy

	listener string // the address of its own listener
	jars     Jars
	cmd      *exec.Cmd
	exited   chan struct{} // closed when cmd has ended
}

// ClusterID is the id of every cluster that this package formats.
const ClusterID = "c2Ftc2EtYS1jbHVzdGVyIQ"

// StartCluster formats and starts a cluster. It returns when all brokers are unfenced. The caller must call Close.
func StartCluster(ctx context.Context, o ClusterOptions) (*Cluster, error) {
	jars, err := FindServer()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "samsa-kafka-")
	if err != nil {
		return nil, err
	}
	c := &Cluster{Dir: dir, jars: jars}
	if err := c.open(ctx, o); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *Cluster) open(ctx context.Context, o ClusterOptions) error {
	for i := range o.Brokers + o.Controllers {
		n := &Node{ID: i + 1, jars: c.jars}
		if i >= o.Brokers {
			n.ID, n.Controller = 101+i-o.Brokers, true
		}
		n.Dir = filepath.Join(c.Dir, n.Name())
		var err error
		if n.listener, err = freeAddr(); err != nil {
			return err
		}
		if n.Proxy, err = NewProxy("127.0.0.1:0", n.listener); err != nil {
			return err
		}
		n.Addr = n.Proxy.listener.Addr().String()
		c.Nodes = append(c.Nodes, n)
	}
	for _, n := range c.Nodes {
		if err := n.format(ctx, c, o); err != nil {
			return err
		}
	}
	for _, n := range c.Nodes {
		if err := n.Start(); err != nil {
			return err
		}
	}
	return c.AwaitBrokers(ctx, c.brokerIDs()...)
}

// Close kills all processes and removes their files.
func (c *Cluster) Close() error {
	var all error
	for _, n := range c.Nodes {
		if n.Running() {
			all = errors.Join(all, n.Kill())
		}
		if n.Proxy != nil {
			all = errors.Join(all, n.Proxy.Close())
		}
	}
	return errors.Join(all, os.RemoveAll(c.Dir))
}

// Broker returns the broker with an id.
func (c *Cluster) Broker(id int) *Node {
	return c.Nodes[slices.IndexFunc(c.Nodes, func(n *Node) bool { return n.ID == id })]
}

func (c *Cluster) brokerIDs() (ids []int) {
	for _, n := range c.Nodes {
		if !n.Controller {
			ids = append(ids, n.ID)
		}
	}
	return ids
}

// freeAddr returns an address that nothing listens on.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// Name returns b1 for broker 1 and c1 for controller 101.
func (n *Node) Name() string {
	if n.Controller {
		return fmt.Sprintf("c%d", n.ID-100)
	}
	return fmt.Sprintf("b%d", n.ID)
}

// properties returns the content of server.properties.
func (n *Node) properties(c *Cluster, o ClusterOptions) string {
	var voters []string
	for _, v := range c.Nodes {
		if v.Controller {
			voters = append(voters, fmt.Sprintf("%d@%s", v.ID, v.Addr))
		}
	}
	role, name := "broker", "PLAINTEXT"
	if n.Controller {
		role, name = "controller", "CONTROLLER"
	}
	lines := []string{
		"process.roles=" + role,
		fmt.Sprintf("node.id=%d", n.ID),
		"controller.quorum.voters=" + strings.Join(voters, ","),
		"listeners=" + name + "://" + n.listener,
		"advertised.listeners=" + name + "://" + n.Addr,
		"controller.listener.names=CONTROLLER",
		"listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
		"inter.broker.listener.name=PLAINTEXT",
		"log.dirs=" + filepath.Join(n.Dir, "data"),
	}
	return strings.Join(append(lines, o.Config...), "\n") + "\n"
}

// format writes the properties and formats the log directory.
func (n *Node) format(ctx context.Context, c *Cluster, o ClusterOptions) error {
	if err := os.MkdirAll(n.Dir, 0o777); err != nil {
		return err
	}
	if err := os.WriteFile(n.file("server.properties"), []byte(n.properties(c, o)), 0o666); err != nil {
		return err
	}
	args := []string{"-cp", n.jars.path, "kafka.tools.StorageTool", "format", "-t", ClusterID, "-c", n.file("server.properties")}
	for _, f := range o.Features {
		args = append(args, "--feature", f)
	}
	if out, err := exec.CommandContext(ctx, n.jars.java, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("format %s: %w: %s", n.Name(), err, out)
	}
	return nil
}

func (n *Node) file(name string) string { return filepath.Join(n.Dir, name) }

// Start starts the process. The output of the process is appended to the file named output.
func (n *Node) Start() error {
	if n.Running() {
		return fmt.Errorf("%s is running", n.Name())
	}
	out, err := os.OpenFile(n.file("output"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	defer out.Close() // the process has its own descriptor
	n.cmd = exec.Command(n.jars.java, "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx384m",
		"-Dorg.slf4j.simpleLogger.showDateTime=true", "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
		"-cp", n.jars.path, "kafka.Kafka", n.file("server.properties"))
	n.cmd.Stdout, n.cmd.Stderr = out, out
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C must not reach the process and stop it cleanly
	if err := n.cmd.Start(); err != nil {
		return err
	}
	exited, cmd := make(chan struct{}), n.cmd
	n.exited = exited
	go func() {
		_ = cmd.Wait() // the exit code says nothing that the output does not say
		close(exited)
	}()
	return nil
}

// Running reports whether the process has been started and has not ended.
func (n *Node) Running() bool {
	if n.exited == nil {
		return false
	}
	select {
	case <-n.exited:
		return false
	default:
		return true
	}
}

// Kill ends the process at once (SIGKILL) and waits for its end. The page cache keeps what the process wrote.
func (n *Node) Kill() error { return n.end(syscall.SIGKILL, 10*time.Second) }

// Stop asks the process to shut down cleanly (SIGTERM) and waits for its end.
func (n *Node) Stop() error { return n.end(syscall.SIGTERM, 2*time.Minute) }

func (n *Node) end(s syscall.Signal, limit time.Duration) error {
	if !n.Running() {
		return fmt.Errorf("%s is not running", n.Name())
	}
	if err := n.Signal(s); err != nil {
		return err
	}
	select {
	case <-n.exited:
		return nil
	case <-time.After(limit):
		return fmt.Errorf("%s did not end within %s of %v", n.Name(), limit, s)
	}
}

// Signal sends a signal to the process: SIGSTOP pauses it and SIGCONT resumes it.
func (n *Node) Signal(s syscall.Signal) error { return n.cmd.Process.Signal(s) }

// Output returns the lines of the process's output that contain a text.
func (n *Node) Output(text string) ([]string, error) {
	b, err := os.ReadFile(n.file("output"))
	var found []string
	for line := range strings.Lines(string(b)) {
		if strings.Contains(line, text) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found, err
}

// LogFile returns the path of the first segment of a partition.
func (n *Node) LogFile(topic string, partition int) string {
	return n.file(filepath.Join("data", fmt.Sprintf("%s-%d", topic, partition), strings.Repeat("0", 20)+".log"))
}
