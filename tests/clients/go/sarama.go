package main

import (
	"context"

	"github.com/IBM/sarama"
)

var saramaCodecs = map[string]sarama.CompressionCodec{
	"none":   sarama.CompressionNone,
	"gzip":   sarama.CompressionGZIP,
	"snappy": sarama.CompressionSnappy,
	"lz4":    sarama.CompressionLZ4,
	"zstd":   sarama.CompressionZSTD,
}

var saramaAcks = map[string]sarama.RequiredAcks{
	"0": sarama.NoResponse, "1": sarama.WaitForLocal, "all": sarama.WaitForAll,
}

// It refuses to be idempotent with more than one request under way.
func saramaAsync(_ context.Context, job job, tally *tally) error {
	var headers []sarama.RecordHeader
	for _, header := range job.headers {
		headers = append(headers, sarama.RecordHeader{Key: []byte(header.name), Value: header.value})
	}

	// docs:begin
	config := sarama.NewConfig()
	config.Producer.RequiredAcks = saramaAcks[job.acks]
	config.Producer.Compression = saramaCodecs[job.codec]
	config.Producer.Return.Successes = true
	if job.idempotence {
		config.Producer.Idempotent, config.Net.MaxOpenRequests = true, 1
	}
	producer, err := sarama.NewAsyncProducer([]string{job.brokers}, config)
	// docs:end
	if err != nil {
		return err
	}
	settled := make(chan struct{})
	go saramaSettle(producer, tally, settled)
	for _, record := range job.records {
		message := &sarama.ProducerMessage{Topic: job.topic, Value: sarama.ByteEncoder(record.value), Headers: headers}
		if record.key != nil {
			message.Key = sarama.ByteEncoder(record.key)
		}
		producer.Input() <- message
	}
	// It sends what it has, and closes both channels then.
	producer.AsyncClose()
	<-settled
	return nil
}

func saramaSettle(producer sarama.AsyncProducer, tally *tally, settled chan<- struct{}) {
	defer close(settled)
	successes, errors := producer.Successes(), producer.Errors()
	for successes != nil || errors != nil {
		select {
		case _, open := <-successes:
			if !open {
				successes = nil
				continue
			}
			tally.settle(nil)
		case failure, open := <-errors:
			if !open {
				errors = nil
				continue
			}
			tally.settle(failure.Err)
		}
	}
}
