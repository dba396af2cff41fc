package main

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"
)

var franzGoCodecs = map[string]kgo.CompressionCodec{
	"none":   kgo.NoCompression(),
	"gzip":   kgo.GzipCompression(),
	"snappy": kgo.SnappyCompression(),
	"lz4":    kgo.Lz4Compression(),
	"zstd":   kgo.ZstdCompression(),
}

var franzGoAcks = map[string]kgo.Acks{"0": kgo.NoAck(), "1": kgo.LeaderAck(), "all": kgo.AllISRAcks()}

// It is idempotent unless told otherwise, and refuses acks=0 and acks=1 then.
func franzGo(ctx context.Context, job job, tally *tally) error {
	options := []kgo.Opt{kgo.RequiredAcks(franzGoAcks[job.acks]), kgo.RecordDeliveryTimeout(patience)}
	if !job.idempotence {
		options = append(options, kgo.DisableIdempotentWrite())
	}
	var headers []kgo.RecordHeader
	for _, header := range job.headers {
		headers = append(headers, kgo.RecordHeader{Key: header.name, Value: header.value})
	}

	// docs:begin
	client, err := kgo.NewClient(append(options,
		kgo.SeedBrokers(job.brokers),
		kgo.DefaultProduceTopic(job.topic),
		kgo.ProducerBatchCompression(franzGoCodecs[job.codec]))...)
	if err != nil {
		return err
	}
	defer client.Close()
	for _, record := range job.records {
		client.Produce(ctx, &kgo.Record{Key: record.key, Value: record.value, Headers: headers},
			func(_ *kgo.Record, err error) { tally.settle(err) })
	}
	return client.Flush(ctx)
	// docs:end
}
