package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"samsa/internal/kafkajars"
)

// kafka is a cluster of Apache Kafka's processes.
type kafka struct {
	*kafkajars.Cluster
	ctx context.Context // when it ends, no request is sent any more
}

// startKafka starts the cluster of a script.
func startKafka(ctx context.Context, s *script) (*kafka, error) {
	o := kafkajars.ClusterOptions{Brokers: s.brokers(), Controllers: setting(s.cluster, "controllers")}
	for _, w := range s.cluster {
		if !strings.HasPrefix(w, "brokers=") && !strings.HasPrefix(w, "controllers=") && w != "own" {
			o.Config = append(o.Config, w)
		}
	}
	c, err := kafkajars.StartCluster(ctx, o)
	return &kafka{c, ctx}, err
}

func (k *kafka) node(name string) *kafkajars.Node {
	for _, n := range k.Nodes {
		if n.Name() == name {
			return n
		}
	}
	return nil
}

// ask implements target. Every request has a connection of its own.
func (k *kafka) ask(node string, api *schema, version int16, body []byte) ([]byte, error) {
	if err := k.ctx.Err(); err != nil {
		return nil, err
	}
	n := k.node(node)
	if n == nil {
		return nil, fmt.Errorf("no broker %s", node)
	}
	c, err := kafkajars.Dial(n.Addr, "samsa")
	if err != nil {
		return nil, err
	}
	defer c.Close()
	silent := api.name == "Produce" && acksOf(body, version) == 0
	answer, err := c.Raw(kafkajars.Frame{
		Key: api.key, Version: version, Flexible: api.flexible.has(version), Body: body, Silent: silent,
	}, patience)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, errMute
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return nil, errClosed
	case err == nil && silent:
		return nil, errSilent
	}
	return answer, err
}

// acksOf reads the acks of a Produce request, which follow the transactional id.
func acksOf(body []byte, version int16) int16 {
	skip := 2
	if version >= 9 {
		skip = 1
	}
	if len(body) < skip+2 {
		return -1
	}
	return int16(body[skip])<<8 | int16(body[skip+1])
}

// endpoint implements target.
func (k *kafka) endpoint(id string) (host, port string) {
	for _, n := range k.Nodes {
		if strconv.Itoa(n.ID) == id {
			host, port, _ = net.SplitHostPort(n.Addr)
		}
	}
	return host, port
}

// id implements target.
func (k *kafka) id() string { return kafkajars.ClusterID }

// stop implements target.
func (k *kafka) stop(node string) error { return k.node(node).Stop() }

// start implements target.
func (k *kafka) start(node string) error { return k.node(node).Start() }

// pause implements target.
func (k *kafka) pause(d time.Duration) { time.Sleep(d) }
