// Command findings plays the findings of FINDINGS.md on Apache Kafka 4.3.1 itself.
//
//	go run ./internal/kafkajars/findings                        lists the recipes
//	go run ./internal/kafkajars/findings elr-off-and-on         plays one; exit 0 if Kafka did what the finding says
//	go run ./internal/kafkajars/findings -runs 3 elr-off-and-on plays it three times
//
// Brokers and controllers are processes on this machine, so it needs Java, and Maven the first time. A recipe takes one to
// three minutes. It prints every step with its time, and at the end what was acknowledged and what is still there.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"samsa/internal/kafkajars"
)

// recipe is one finding, played on Kafka.
type recipe struct {
	name    string // that of its scenario
	doc     string // what it shows, in one sentence
	cluster kafkajars.ClusterOptions
	play    func(*run) error
}

// recipes lists every recipe, in the order in which the command prints them.
var recipes = []recipe{
	elrOffAndOn,
	recreatedWhileAway,
}

func main() {
	runs := flag.Int("runs", 1, "play the recipe `N` times")
	keep := flag.Bool("keep", false, "keep the files of the cluster")
	flag.Parse()
	if flag.NArg() != 1 {
		for _, r := range recipes {
			fmt.Printf("%-22s %s\n", r.name, r.doc)
		}
		return
	}
	i := slices.IndexFunc(recipes, func(r recipe) bool { return r.name == flag.Arg(0) })
	if i < 0 {
		fmt.Fprintf(os.Stderr, "findings: no recipe %q; without arguments the command lists them\n", flag.Arg(0))
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) // so that no process is left behind
	defer stop()
	seen := 0
	for n := range *runs {
		fmt.Printf("%s, run %d of %d\n", recipes[i].name, n+1, *runs)
		lost, err := playOnce(ctx, recipes[i], *keep)
		if err != nil {
			fmt.Fprintln(os.Stderr, "findings:", err)
			os.Exit(1)
		}
		if lost {
			seen++
		}
	}
	fmt.Printf("%s: seen in %d of %d runs\n", recipes[i].name, seen, *runs)
	if seen == 0 {
		os.Exit(1)
	}
}

// run is one run of a recipe.
type run struct {
	*kafkajars.Cluster
	ctx   context.Context
	began time.Time
	acked map[int64]string // the acknowledged records of orders-0, by offset
	seen  bool             // Kafka did what the finding says
}

// playOnce plays a recipe on a new cluster and reports whether the finding was seen.
func playOnce(ctx context.Context, r recipe, keep bool) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	c, err := kafkajars.StartCluster(ctx, r.cluster)
	if err != nil {
		return false, err
	}
	one := &run{Cluster: c, ctx: ctx, began: time.Now(), acked: map[int64]string{}}
	err = r.play(one)
	if keep {
		fmt.Println("the files are in", c.Dir)
		return one.seen, err
	}
	return one.seen, errors.Join(err, c.Close())
}

// say prints a step with its time.
func (r *run) say(format string, args ...any) {
	fmt.Printf("%7.1fs  %s\n", time.Since(r.began).Seconds(), fmt.Sprintf(format, args...))
}

// must calls its arguments in order and returns the first error.
func must(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// orders creates the topic orders with one partition.
func (r *run) orders(config string, replicas ...int32) func() error {
	return func() error {
		t := kafkajars.Topic{Name: "orders", Replicas: [][]int32{replicas}, Config: map[string]string{}}
		for _, c := range strings.Fields(config) {
			name, value, _ := strings.Cut(c, "=")
			t.Config[name] = value
		}
		r.say("create topic orders, replicas %v, %s", replicas, config)
		return r.CreateTopic(r.ctx, t)
	}
}

// produce sends one value to the leader with acks=all, and expects an acknowledgement.
func (r *run) produce(leader int, value string) func() error {
	return func() error {
		at, err := r.Broker(leader).Produce("orders", 0, -1, 10*time.Second, value)
		if err != nil {
			return fmt.Errorf("produce %s: %w", value, err)
		}
		r.acked[at] = value
		r.say("b%d acknowledges %s at offset %d, acks=all", leader, value, at)
		return nil
	}
}

func (r *run) stop(id int) func() error {
	return func() error {
		r.say("stop b%d", id)
		return r.Broker(id).Stop()
	}
}

func (r *run) kill(id int) func() error {
	return func() error {
		r.say("kill b%d", id)
		return r.Broker(id).Kill()
	}
}

func (r *run) start(id int) func() error {
	return func() error {
		r.say("start b%d", id)
		return r.Broker(id).Start()
	}
}

func (r *run) leader(id int) func() error {
	return func() error {
		err := r.AwaitLeader(r.ctx, "orders", 0, id)
		if err == nil {
			r.say("b%d leads", id)
		}
		return err
	}
}

func (r *run) isr(ids ...int32) func() error {
	return func() error {
		err := r.AwaitISR(r.ctx, "orders", 0, ids...)
		if err == nil {
			r.say("the ISR is %v", ids)
		}
		return err
	}
}

// consume reads the partition from a leader and compares it with what was acknowledged. The finding is seen if a record is
// gone.
func (r *run) consume(leader int, from int64) func() error {
	return func() error {
		have, err := r.Broker(leader).Consume("orders", 0, from)
		switch {
		case errors.Is(err, kerr.OffsetOutOfRange):
			r.say("b%d answers OFFSET_OUT_OF_RANGE to a fetch at offset %d", leader, from)
		case err != nil:
			return err
		}
		r.say("b%d has %v", leader, have)
		for at, value := range r.acked {
			if at >= from && !slices.Contains(have, kafkajars.Value{Offset: at, Value: value}) {
				r.say("LOST: %s was acknowledged at offset %d", value, at)
				r.seen = true
			}
		}
		return nil
	}
}

// wait lets real time pass, in seconds, where Kafka offers nothing to wait for.
func (r *run) wait(seconds int) func() error {
	return func() error {
		select {
		case <-time.After(time.Duration(seconds) * time.Second):
			return nil
		case <-r.ctx.Done():
			return r.ctx.Err()
		}
	}
}
