// Command seeds stands for the explorer. The limit of a log is its seed.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime/coverage"
	"strconv"
	"strings"

	"toy/log"
)

func main() {
	list := flag.String("seeds", "", "")
	cover := flag.String("cover", "", "")
	flag.Parse()
	write := func(name string) {
		if dir := filepath.Join(*cover, name); *cover != "" {
			os.MkdirAll(dir, 0o777)
			must(coverage.WriteMetaDir(dir))
			must(coverage.WriteCountersDir(dir))
			must(coverage.ClearCounters())
		}
	}
	write("0")
	for _, word := range strings.Split(*list, ",") {
		from, to, _ := strings.Cut(word, "-")
		first, _ := strconv.Atoi(from)
		last, _ := strconv.Atoi(to)
		for seed := first; seed <= max(first, last); seed++ {
			play(seed, write)
		}
	}
}

func play(seed int, write func(string)) {
	l := log.Log{Limit: seed}
	l.Fill()
	full := l.Append(1)
	rare := l.Rare(seed)
	failures := "null"
	if l.Size > l.Limit || full == nil {
		failures = `[{"verdict":"violated","check":"limit","fingerprint":"limit: over","text":"the log is too large"}]`
	} else if seed == 5 {
		failures = `[{"verdict":"violated","check":"five","fingerprint":"five: known","text":"the original fails here"}]`
	}
	write(strconv.Itoa(seed))
	fmt.Printf("{\"seed\":%d,\"hash\":\"%x.%x\",\"failures\":%s}\n", seed, l.Size, rare, failures)
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
