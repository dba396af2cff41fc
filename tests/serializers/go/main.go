// Sends the records of a job with franz-go's package sr, and says as one line of JSON what became of them.
// tests/serializers/README.md describes the arguments.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
)

// How long the records may take altogether.
const patience = 90 * time.Second

// job is what is to be sent.
type job struct {
	Schemas []string `json:"schemas"`
	Records []struct {
		Schema int   `json:"schema"`
		Value  trade `json:"value"`
	} `json:"records"`
}

// trade is a record as the job has it; each format makes its own of it.
type trade struct {
	ID     int64             `json:"id"`
	Symbol string            `json:"symbol"`
	Price  float64           `json:"price"`
	Qty    *int64            `json:"qty"`
	AtMs   int64             `json:"at_ms"`
	Day    string            `json:"day"`
	Side   string            `json:"side"`
	Levels []float64         `json:"levels"`
	Tags   map[string]string `json:"tags"`
	Venue  venue             `json:"venue"`
	Cents  int64             `json:"amount_cents"`
	Raw    []byte            `json:"raw"`
	Either any               `json:"either"`
	Note   *string           `json:"note"`
	Fee    *float64          `json:"fee"`
	Trader string            `json:"trader"`
}

// A serde knows a value's schema by its type, so that each version is one.
type (
	versioned interface{ trade() trade }
	trade1    trade
	trade2    trade
	trade3    trade
	trade4    trade
)

func (t trade1) trade() trade { return trade(t) }
func (t trade2) trade() trade { return trade(t) }
func (t trade3) trade() trade { return trade(t) }
func (t trade4) trade() trade { return trade(t) }

func ofVersion(t trade, number int) versioned {
	return [...]versioned{trade1(t), trade2(t), trade3(t), trade4(t)}[number]
}

type venue struct {
	Name   string  `json:"name"`
	Region *string `json:"region"`
}

// encoder makes bytes of a record by one version of the schema.
type encoder func(trade) ([]byte, error)

type format struct {
	kind    sr.SchemaType
	encoder func(schema string, version int) (encoder, error)
	// Where the message is in its file, for Protobuf's framing.
	index []int
}

var formats = map[string]format{
	"avro":     {sr.TypeAvro, avroEncoder, nil},
	"json":     {sr.TypeJSON, jsonEncoder, nil},
	"protobuf": {sr.TypeProtobuf, protobufEncoder, []int{0}},
}

func main() {
	brokers := flag.String("brokers", "", "bootstrap server")
	registry := flag.String("registry", "", "the registry's URL")
	_ = flag.String("apicurio", "", "where the registry is")
	topic := flag.String("topic", "", "topic")
	kind := flag.String("format", "", "avro, json or protobuf")
	file := flag.String("job", "", "file with the job")
	flag.Parse()
	errors, sent, acked := []string{}, 0, 0
	values, err := encoded(*registry, *topic, formats[*kind], *file)
	if err == nil {
		sent = len(values)
		acked, err = send(*brokers, *topic, values)
	}
	if err != nil {
		errors = append(errors, err.Error())
	}
	told, _ := json.Marshal(map[string]any{
		"client": "franz-go", "version": version(), "sent": sent, "acked": acked, "errors": errors,
	})
	fmt.Println(string(told))
	if err != nil || acked != sent {
		os.Exit(1)
	}
}

// encoded registers all versions and makes the framed values.
func encoded(registry, topic string, format format, file string) ([][]byte, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var job job
	if err := json.Unmarshal(text, &job); err != nil {
		return nil, err
	}
	client, err := sr.NewClient(sr.URLs(registry))
	if err != nil {
		return nil, err
	}
	var serde sr.Serde
	for number, schema := range job.Schemas {
		subject, err := client.CreateSchema(context.Background(), topic+"-value", sr.Schema{Schema: schema, Type: format.kind})
		if err != nil {
			return nil, fmt.Errorf("schema %d: %w", number, err)
		}
		encode, err := format.encoder(schema, number+1)
		if err != nil {
			return nil, fmt.Errorf("schema %d: %w", number, err)
		}
		options := []sr.EncodingOpt{sr.EncodeFn(func(value any) ([]byte, error) { return encode(value.(versioned).trade()) })}
		if format.index != nil {
			options = append(options, sr.Index(format.index...))
		}
		serde.Register(subject.ID, ofVersion(trade{}, number), options...)
	}
	values := make([][]byte, 0, len(job.Records))
	for _, record := range job.Records {
		value, err := serde.Encode(ofVersion(record.Value, record.Schema))
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", record.Value.ID, err)
		}
		values = append(values, value)
	}
	return values, nil
}

func send(brokers, topic string, values [][]byte) (int, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers), kgo.DefaultProduceTopic(topic),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.RecordDeliveryTimeout(patience))
	if err != nil {
		return 0, err
	}
	defer client.Close()
	var lock sync.Mutex
	acked := 0
	for _, value := range values {
		client.Produce(context.Background(), &kgo.Record{Value: value}, func(_ *kgo.Record, failed error) {
			lock.Lock()
			defer lock.Unlock()
			if failed == nil {
				acked++
			} else {
				err = failed
			}
		})
	}
	if failed := client.Flush(context.Background()); failed != nil {
		return acked, failed
	}
	return acked, err
}

// version is that of package sr in this program.
func version() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == "github.com/twmb/franz-go/pkg/sr" {
			return module.Version[1:]
		}
	}
	return ""
}
