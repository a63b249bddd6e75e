//! An embedded, Kafka-compatible cluster in one process, with fault injection.
