//! The rules of producing to Apache Kafka as plain structs: no socket, no clock, no task, no lock.
