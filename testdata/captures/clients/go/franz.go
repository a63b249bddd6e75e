package main

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"
)

func franz(asked settings) error {
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	acks := map[string]kgo.Acks{"0": kgo.NoAck(), "1": kgo.LeaderAck(), "all": kgo.AllISRAcks()}
	options := []kgo.Opt{
		kgo.SeedBrokers(asked.bootstrap),
		kgo.ClientID("capture"),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(codecs[asked.compression]),
		kgo.RequiredAcks(acks[asked.acks]),
		// Long enough for all records to be in batches before the first of these is sent.
		kgo.ProducerLinger(time.Second),
	}
	switch asked.identity {
	case "none":
		options = append(options, kgo.DisableIdempotentWrite())
	case "transactional":
		options = append(options, kgo.TransactionalID("capture"))
	}
	if asked.speaks != "newest" {
		options = append(options, kgo.MaxVersions(kversion.FromString(asked.speaks)))
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if asked.identity == "transactional" {
		if err := client.BeginTransaction(); err != nil {
			return err
		}
	}
	var failed error
	for _, sent := range asked.records {
		made := &kgo.Record{
			Topic: asked.topic, Partition: sent.partition, Timestamp: time.UnixMilli(sent.timestamp),
			Key: sent.key, Value: sent.value,
		}
		for _, header := range sent.headers {
			made.Headers = append(made.Headers, kgo.RecordHeader{Key: header.key, Value: header.value})
		}
		client.Produce(ctx, made, func(_ *kgo.Record, err error) {
			if err != nil {
				failed = fmt.Errorf("a record failed: %w", err)
			}
		})
	}
	if err := client.Flush(ctx); err != nil {
		return err
	}
	return failed
}
