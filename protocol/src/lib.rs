//! Apache Kafka's wire protocol: versioned requests and responses, headers and error codes, without I/O.
