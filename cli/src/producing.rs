//! Options of a producer, as far as commands share them.

use std::time::Duration;

use anyhow::bail;
use milena::{Acks, Client, Compression, Producer};

use crate::connection::Connection;

/// Options by Kafka's names, with Kafka's defaults.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Producing {
    /// Whose acknowledgement a record waits for: all (or -1), 1 (the leader's), 0 (nobody's). 1 and 0 switch
    /// idempotence off.
    #[arg(long, default_value = "all", value_name = "ACKS", value_parser = parse_acks, allow_hyphen_values = true)]
    acks: Acks,
    /// How long a batch that is not full waits for more records.
    #[arg(long, default_value_t = 5, value_name = "MS")]
    linger_ms: u64,
    /// Bytes at which a batch is full.
    #[arg(long, default_value_t = 16_384, value_name = "BYTES")]
    batch_size: usize,
    /// none, gzip, snappy, lz4 or zstd; gzip, lz4 and zstd take a level, as in zstd:6.
    #[arg(short = 'z', long, default_value = "none", value_name = "CODEC", value_parser = parse_compression)]
    compression: Compression,
    /// Bytes for records that wait to be sent or acknowledged.
    #[arg(long, default_value_t = 33_554_432, value_name = "BYTES")]
    buffer_memory: usize,
    /// Requests in flight to one broker; at most 5 with idempotence.
    #[arg(long, default_value_t = 5, value_name = "N")]
    max_in_flight: usize,
    /// Bytes of batches in one request, and of the largest record.
    #[arg(long, default_value_t = 1_048_576, value_name = "BYTES")]
    max_request_size: usize,
    /// Allow that a retry stores a record twice or out of order.
    #[arg(long)]
    no_idempotence: bool,
    /// How long a record may take from being accepted to being acknowledged. Default: 120000, or more if the linger and the
    /// request timeout need it.
    #[arg(long, value_name = "MS")]
    delivery_timeout_ms: Option<u64>,
    /// How long to wait for an unknown topic, and for memory.
    #[arg(long, default_value_t = 60_000, value_name = "MS")]
    max_block_ms: u64,
    /// How long to wait for what was accepted when Ctrl-C ends the command.
    #[arg(long, default_value_t = 10_000, value_name = "MS")]
    flush_timeout_ms: u64,
}

fn parse_acks(text: &str) -> anyhow::Result<Acks> {
    match text {
        "all" | "-1" => Ok(Acks::All),
        "1" => Ok(Acks::Leader),
        "0" => Ok(Acks::None),
        _ => bail!("expected all, 1 or 0"),
    }
}

fn parse_compression(text: &str) -> Result<Compression, milena::LevelError> {
    text.parse()
}

impl Producing {
    pub(crate) fn producer(
        &self,
        client: &Client,
        connection: &Connection,
    ) -> anyhow::Result<Producer> {
        let mut builder = client
            .producer()
            .acks(self.acks)
            .linger(Duration::from_millis(self.linger_ms))
            .batch_size(self.batch_size)
            .compression(self.compression)
            .buffer_memory(self.buffer_memory)
            .max_in_flight(self.max_in_flight)
            .max_request_size(self.max_request_size)
            .request_timeout(Duration::from_millis(connection.request_timeout_ms))
            .max_block(Duration::from_millis(self.max_block_ms));
        if self.no_idempotence {
            builder = builder.idempotence(false);
        }
        if let Some(timeout) = self.delivery_timeout_ms {
            builder = builder.delivery_timeout(Duration::from_millis(timeout));
        }
        Ok(builder.build()?)
    }

    pub(crate) fn flush_timeout(&self) -> Duration {
        Duration::from_millis(self.flush_timeout_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acks_have_kafkas_spellings() {
        assert_eq!(parse_acks("all").unwrap(), Acks::All);
        assert_eq!(parse_acks("-1").unwrap(), Acks::All);
        assert_eq!(parse_acks("1").unwrap(), Acks::Leader);
        assert_eq!(parse_acks("0").unwrap(), Acks::None);
        assert!(parse_acks("2").is_err());
    }
}
