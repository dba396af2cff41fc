package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"
)

// librdkafka's Go client: the module brings the library, built.
func confluent(ctx context.Context, job job, tally *tally) error {
	var headers []kafka.Header
	for _, header := range job.headers {
		headers = append(headers, kafka.Header{Key: header.name, Value: header.value})
	}

	// docs:begin
	producer, err := kafka.NewProducer(&kafka.ConfigMap{
		"bootstrap.servers":  job.brokers,
		"acks":               job.acks,
		"compression.type":   job.codec,
		"enable.idempotence": job.idempotence,
	})
	// docs:end
	if err != nil {
		return err
	}
	defer producer.Close()
	settled := make(chan struct{})
	go confluentSettle(producer, tally, len(job.records), settled)
	topic := kafka.TopicPartition{Topic: &job.topic, Partition: kafka.PartitionAny}
	for _, record := range job.records {
		message := kafka.Message{TopicPartition: topic, Key: record.key, Value: record.value, Headers: headers}
		if err := confluentProduce(ctx, producer, &message); err != nil {
			return err
		}
	}
	select {
	case <-settled:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%d records are not settled: %w", producer.Len(), ctx.Err())
	}
}

// Its queue is bounded, and does not wait by itself.
func confluentProduce(ctx context.Context, producer *kafka.Producer, message *kafka.Message) error {
	for {
		err := producer.Produce(message, nil)
		var failure kafka.Error
		if !errors.As(err, &failure) || failure.Code() != kafka.ErrQueueFull {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		producer.Flush(100)
	}
}

func confluentSettle(producer *kafka.Producer, tally *tally, expected int, settled chan<- struct{}) {
	for event := range producer.Events() {
		switch event := event.(type) {
		case *kafka.Message:
			tally.settle(event.TopicPartition.Error)
			if expected--; expected == 0 {
				close(settled)
			}
		case kafka.Error:
			tally.fault(event)
		}
	}
}
