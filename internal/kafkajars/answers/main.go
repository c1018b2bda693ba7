// Command answers records what Apache Kafka 4.3.1 answers to requests, for the tests that compare our brokers with it.
//
//	go run ./internal/kafkajars/answers                           lists the families
//	go run ./internal/kafkajars/answers -record                   plays every family on Kafka and writes its answers
//	go run ./internal/kafkajars/answers -record Fetch Produce     only these
//	go run ./internal/kafkajars/answers -schemas                  writes testdata/schemas.txt from Kafka's jar
//	go test ./internal/kafkajars/answers                          plays every family on our cluster and compares; no Java
//
// A family is a file of testdata, for the most part one kind of request: the script of requests, and after each request the
// answer (script.go).
//
//	testdata/Fetch.txt ──play──▶ Kafka's processes    ──answers──▶ testdata/Fetch.txt       (-record, kafka.go)
//	                   ──play──▶ our simulated nodes  ──answers──▶ compared field by field  (go test)
//
// Each difference is explained by a row of a table (explained.go), which README shows, or it is a bug and the test fails.
// Requests and answers are encoded by Kafka's own schemas (schema.go, codec.go) and not by the codec of our brokers.
//
// Brokers and controllers are processes on this machine, so recording needs Java, and Maven the first time. All families take
// some five minutes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"samsa/internal/kafkajars"
)

func main() {
	record := flag.Bool("record", false, "play the families on Apache Kafka and write its answers")
	extracting := flag.Bool("schemas", false, "write testdata/schemas.txt from Kafka's jar")
	dir := flag.String("dir", "internal/kafkajars/answers/testdata", "the folder of the families")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) // so that no process is left behind
	defer stop()
	err := run(ctx, *dir, *record, *extracting, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "answers:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir string, record, extracting bool, families []string) error {
	if extracting {
		return writeSchemas(filepath.Join(dir, "schemas.txt"))
	}
	all, err := readScripts(os.DirFS(dir))
	if err != nil {
		return err
	}
	for _, name := range families {
		if !slices.ContainsFunc(all.scripts, func(s *script) bool { return s.name == name }) {
			return fmt.Errorf("no family %q in %s; without arguments the command lists them", name, dir)
		}
	}
	var rec recorder
	for _, s := range all.scripts {
		if len(families) > 0 && !slices.Contains(families, s.name) {
			continue
		}
		fmt.Printf("%-24s %4d cases\n", s.name, s.cases())
		if !record {
			continue
		}
		if err = rec.play(ctx, all.schemas, s); err == nil {
			err = os.WriteFile(filepath.Join(dir, s.name+".txt"), []byte(s.text()), 0o666)
		}
		if err != nil {
			break
		}
	}
	return errors.Join(err, rec.close())
}

// recorder plays scripts on clusters of Kafka. A cluster takes a minute to start, so scripts with equal cluster lines share one,
// unless the line has the word own. Each script begins without topics.
type recorder struct {
	kafka *kafka
	line  []string
}

// play plays a script and keeps the answers in it.
func (r *recorder) play(ctx context.Context, all schemas, s *script) error {
	if r.kafka == nil || !slices.Equal(r.line, s.cluster) || slices.Contains(s.cluster, "own") {
		if err := r.close(); err != nil {
			return err
		}
		k, err := startKafka(ctx, s)
		if err != nil {
			return err
		}
		r.kafka, r.line = k, s.cluster
	}
	for _, it := range s.items {
		it.answers = nil
	}
	return play(r.kafka, all, s, func(it *item, version int16, lines []string) error {
		it.keep(version, lines)
		return nil
	})
}

// close ends the cluster.
func (r *recorder) close() error {
	if r.kafka == nil {
		return nil
	}
	k := r.kafka
	r.kafka = nil
	return k.Close()
}

// writeSchemas extracts the schemas of all families from Kafka's jar.
func writeSchemas(path string) error {
	jars, err := kafkajars.FindServer()
	if err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString("# The form of Apache Kafka 4.3.1's requests and responses, by go run ./internal/kafkajars/answers -schemas.\n")
	for _, api := range served {
		for _, half := range []string{"Request", "Response"} {
			file, err := jars.Read("common/message/" + api + half + ".json")
			if err != nil {
				return err
			}
			s, err := extract(file)
			if err != nil {
				return fmt.Errorf("%s%s: %w", api, half, err)
			}
			b.WriteString("\n" + s.text())
		}
	}
	return os.WriteFile(path, []byte(b.String()), 0o666)
}

// served lists the requests of clients that our brokers serve.
var served = []string{
	"Produce", "Fetch", "ListOffsets", "Metadata", "ApiVersions", "CreateTopics", "DeleteTopics", "DeleteRecords", "OffsetForLeaderEpoch",
	"DescribeConfigs", "AlterConfigs", "CreatePartitions", "ElectLeaders", "IncrementalAlterConfigs", "DescribeQuorum", "UpdateFeatures",
	"DescribeCluster", "DescribeTopicPartitions",
}
