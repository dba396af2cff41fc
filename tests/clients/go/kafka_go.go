package main

import (
	"context"
	"errors"

	"github.com/segmentio/kafka-go"
)

var kafkaGoCodecs = map[string]kafka.Compression{
	"none":   0,
	"gzip":   kafka.Gzip,
	"snappy": kafka.Snappy,
	"lz4":    kafka.Lz4,
	"zstd":   kafka.Zstd,
}

var kafkaGoAcks = map[string]kafka.RequiredAcks{"0": kafka.RequireNone, "1": kafka.RequireOne, "all": kafka.RequireAll}

// It has no idempotent producer.
func kafkaGo(ctx context.Context, job job, tally *tally) error {
	var headers []kafka.Header
	for _, header := range job.headers {
		headers = append(headers, kafka.Header{Key: header.name, Value: header.value})
	}
	messages := make([]kafka.Message, 0, len(job.records))
	for _, record := range job.records {
		messages = append(messages, kafka.Message{Key: record.key, Value: record.value, Headers: headers})
	}

	// docs:begin
	writer := &kafka.Writer{
		Addr:         kafka.TCP(job.brokers),
		Topic:        job.topic,
		RequiredAcks: kafkaGoAcks[job.acks], // acks=0, if it is not set.
		Compression:  kafkaGoCodecs[job.codec],
		// Without it, a topic that nobody has used yet is an error.
		AllowAutoTopicCreation: true,
	}
	err := writer.WriteMessages(ctx, messages...)
	closed := writer.Close()
	// docs:end

	// Either an error for each message, nil where it was written, or one for all.
	var each kafka.WriteErrors
	switch {
	case errors.As(err, &each):
		for _, err := range each {
			tally.settle(err)
		}
	case err != nil:
		return err
	default:
		for range messages {
			tally.settle(nil)
		}
	}
	return closed
}
