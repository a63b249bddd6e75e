//! A pure-Rust Apache Kafka producer, with topic admin and a group-less reader.
