//! The golden corpus: bytes written by Apache Kafka and other clients, and the checks that they are read and written alike.

pub mod table;
