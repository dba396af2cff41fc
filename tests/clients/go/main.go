// Sends every line of a file as one record, by one of Go's Kafka clients, and says as one line of JSON what became of
// them. The arguments are the same for every client of tests/clients.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// How long the records may take altogether.
const patience = 60 * time.Second

// How many errors are told; the others are only counted.
const errorsTold = 10

// client is a way to produce: it returns when every record of the job is settled, or with what kept it from that.
type client struct {
	module  string
	produce func(context.Context, job, *tally) error
}

var clients = map[string]client{
	"franz-go":     {"github.com/twmb/franz-go", franzGo},
	"sarama":       {"github.com/IBM/sarama", saramaAsync},
	"kafka-go":     {"github.com/segmentio/kafka-go", kafkaGo},
	"confluent-go": {"github.com/confluentinc/confluent-kafka-go/v2", confluent},
}

func main() {
	if len(os.Args) < 2 {
		fail("usage: producer CLIENT --brokers HOST:PORT --topic T --file F [...]")
	}
	name := os.Args[1]
	chosen, known := clients[name]
	if !known {
		fail(fmt.Sprintf("there is no client %q", name))
	}
	job := jobOf(name, os.Args[2:])
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tally := &tally{}
	if err := chosen.produce(ctx, job, tally); err != nil {
		tally.fault(err)
	}
	acked, errors := tally.result()
	told, err := json.Marshal(map[string]any{
		"client": name, "version": version(chosen.module), "sent": len(job.records), "acked": acked, "errors": errors,
	})
	if err != nil {
		fail(err.Error())
	}
	fmt.Println(string(told))
	if acked != len(job.records) || len(errors) > 0 {
		os.Exit(1)
	}
}

// job is what is to be sent, and how.
type job struct {
	brokers     string
	topic       string
	codec       string // none, gzip, snappy, lz4 or zstd
	acks        string // 0, 1 or all
	idempotence bool
	headers     []header
	records     []record
}

type header struct {
	name  string
	value []byte
}

type record struct {
	key   []byte // nil: no key
	value []byte
}

func jobOf(name string, arguments []string) job {
	flags := flag.NewFlagSet(name, flag.ExitOnError)
	var job job
	flags.StringVar(&job.brokers, "brokers", "", "bootstrap server, HOST:PORT")
	flags.StringVar(&job.topic, "topic", "", "topic")
	file := flags.String("file", "", "file with one record a line")
	flags.StringVar(&job.codec, "codec", "none", "none, gzip, snappy, lz4 or zstd")
	flags.StringVar(&job.acks, "acks", "all", "0, 1 or all")
	// Not a flag.Bool, as that would not take its value from the next argument.
	idempotence := flags.String("idempotence", "false", "true or false")
	keys := flags.Bool("keys", false, "each line is key|value")
	headers := flags.Bool("headers", false, "give each record three headers")
	_ = flags.Parse(arguments) // It exits on an error.
	must(job.brokers != "", "--brokers is missing")
	must(job.topic != "", "--topic is missing")
	must(among(job.codec, "none", "gzip", "snappy", "lz4", "zstd"), "--codec is none, gzip, snappy, lz4 or zstd")
	must(among(job.acks, "0", "1", "all"), "--acks is 0, 1 or all")
	must(among(*idempotence, "true", "false"), "--idempotence is true or false")
	must(*idempotence == "false" || job.acks == "all", "--idempotence true works with --acks all only")
	must(flags.NArg() == 0, "there is an argument that is no flag")
	job.idempotence = *idempotence == "true"
	if *headers {
		job.headers = []header{{"source", []byte(name)}, {"trace", []byte("1")}, {"empty", []byte{}}}
	}
	job.records = recordsOf(*file, *keys)
	return job
}

func must(holds bool, otherwise string) {
	if !holds {
		fail(otherwise)
	}
}

func among(given string, allowed ...string) bool { return slices.Contains(allowed, given) }

func recordsOf(file string, keys bool) []record {
	text, err := os.ReadFile(file)
	if err != nil {
		fail(err.Error())
	}
	var records []record
	for line := range bytes.Lines(text) {
		record := record{value: bytes.TrimSuffix(line, []byte("\n"))}
		if keys {
			var found bool
			record.key, record.value, found = bytes.Cut(record.value, []byte("|"))
			if !found {
				fail(fmt.Sprintf("%s: a line without a key: %s", file, line))
			}
		}
		records = append(records, record)
	}
	return records
}

// tally counts what is settled; clients tell it from goroutines of their own.
type tally struct {
	mutex  sync.Mutex
	acked  int
	failed int
	errors []string
}

// settle is called once for each record.
func (t *tally) settle(err error) {
	if err != nil {
		t.fault(err)
		return
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.acked++
}

func (t *tally) fault(err error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.failed++
	if len(t.errors) < errorsTold {
		t.errors = append(t.errors, err.Error())
	}
}

func (t *tally) result() (acked int, errors []string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	errors = append([]string{}, t.errors...) // Never null in JSON.
	if more := t.failed - len(errors); more > 0 {
		errors = append(errors, fmt.Sprintf("and %d more errors", more))
	}
	return t.acked, errors
}

// version is what this program was built with.
func version(module string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, dependency := range info.Deps {
		if dependency.Path == module {
			return dependency.Version[1:]
		}
	}
	return "unknown"
}

func fail(why string) {
	fmt.Fprintln(os.Stderr, why)
	os.Exit(2)
}
