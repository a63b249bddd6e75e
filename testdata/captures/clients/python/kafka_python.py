"""Sends the records of a capture with kafka-python: see records.py for the arguments."""

import kafka

from records import settings

asked = settings()
options = {
    "bootstrap_servers": asked.bootstrap,
    "client_id": "capture",
    "acks": asked.acks if asked.acks == "all" else int(asked.acks),
    "compression_type": None if asked.compression == "none" else asked.compression,
    # Long enough for all records to be in batches before the first of these is sent.
    "linger_ms": 1000,
    "batch_size": 65536,
    "retries": 0 if asked.identity == "none" else 5,
}
if "enable_idempotence" in kafka.KafkaProducer.DEFAULT_CONFIG:
    options["enable_idempotence"] = asked.identity != "none"
if asked.speaks != "newest":
    options["api_version"] = tuple(map(int, asked.speaks.split(".")))
if asked.identity == "transactional":
    options["transactional_id"] = "capture"

producer = kafka.KafkaProducer(**options)
if asked.identity == "transactional":
    producer.init_transactions()
sent = [
    producer.send(
        asked.topic,
        partition=record.partition,
        timestamp_ms=record.timestamp,
        key=record.key,
        value=record.value,
        headers=record.headers,
    )
    for record in asked.records
]
producer.flush()
for future in sent:
    future.get(timeout=10)
producer.close()
