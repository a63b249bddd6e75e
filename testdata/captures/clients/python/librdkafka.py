"""Sends the records of a capture with librdkafka, by way of confluent-kafka: see records.py for the arguments."""

import sys

import confluent_kafka

from records import settings

asked = settings()
options = {
    "bootstrap.servers": asked.bootstrap,
    "client.id": "capture",
    "acks": asked.acks,
    "compression.type": asked.compression,
    # Long enough for all records to be in batches before the first of these is sent.
    "linger.ms": 1000,
    "enable.idempotence": asked.identity != "none",
}
if asked.identity == "transactional":
    options["transactional.id"] = "capture"
failed = []


def delivered(error, message):
    if error is not None:
        failed.append(error)


producer = confluent_kafka.Producer(options)
if asked.identity == "transactional":
    producer.init_transactions(10)
for record in asked.records:
    producer.produce(
        asked.topic,
        partition=record.partition,
        timestamp=record.timestamp,
        key=record.key,
        value=record.value,
        headers=record.headers,
        on_delivery=delivered,
    )
left = producer.flush(20)
if left or failed:
    sys.exit(f"{left} records were not sent, {len(failed)} failed: {failed[:1]}")
