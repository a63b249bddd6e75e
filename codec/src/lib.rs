//! Apache Kafka's RecordBatch v2: building, reading, CRC-32C and compression, without I/O.
