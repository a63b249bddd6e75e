package main

import (
	"time"

	"github.com/IBM/sarama"
)

func shopify(asked settings) error {
	codecs := map[string]sarama.CompressionCodec{
		"none": sarama.CompressionNone, "gzip": sarama.CompressionGZIP, "snappy": sarama.CompressionSnappy,
		"lz4": sarama.CompressionLZ4, "zstd": sarama.CompressionZSTD,
	}
	acks := map[string]sarama.RequiredAcks{"0": sarama.NoResponse, "1": sarama.WaitForLocal, "all": sarama.WaitForAll}
	config := sarama.NewConfig()
	config.ClientID = "capture"
	config.Producer.Partitioner = sarama.NewManualPartitioner
	config.Producer.Compression = codecs[asked.compression]
	config.Producer.RequiredAcks = acks[asked.acks]
	config.Producer.Idempotent = asked.identity != "none"
	config.Producer.Return.Successes = true
	// Long enough for all records to be in batches before the first of these is sent.
	config.Producer.Flush.Frequency = time.Second
	config.Net.MaxOpenRequests = 1
	if asked.identity == "transactional" {
		config.Producer.Transaction.ID = "capture"
	}
	config.Version = sarama.MaxVersion
	if asked.speaks != "newest" {
		config.Version = must(sarama.ParseKafkaVersion(asked.speaks))
	}
	producer, err := sarama.NewSyncProducer([]string{asked.bootstrap}, config)
	if err != nil {
		return err
	}
	defer producer.Close()
	var messages []*sarama.ProducerMessage
	for _, sent := range asked.records {
		made := &sarama.ProducerMessage{
			Topic: asked.topic, Partition: sent.partition, Timestamp: time.UnixMilli(sent.timestamp),
		}
		if sent.key != nil {
			made.Key = sarama.ByteEncoder(sent.key)
		}
		if sent.value != nil {
			made.Value = sarama.ByteEncoder(sent.value)
		}
		for _, header := range sent.headers {
			made.Headers = append(made.Headers, sarama.RecordHeader{Key: []byte(header.key), Value: header.value})
		}
		messages = append(messages, made)
	}
	return producer.SendMessages(messages)
}
