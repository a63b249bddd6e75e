//! Options of a producer, as far as commands share them.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, bail};
use milena::{Client, Compression, ProducerConfig, Properties};

use crate::{Misuse, connection::Connection};

/// Options by Kafka's names, with Kafka's defaults. Each stands for a property; where there are several, the option counts
/// first, then the property of the command line, then the file's.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Producing {
    /// A Java properties file, as Kafka's own tools and the Java producer take it.
    #[arg(long, visible_alias = "producer.config", value_name = "FILE")]
    command_config: Option<PathBuf>,
    /// A property, instead of what the file says. May be repeated.
    #[arg(long, visible_alias = "producer-property", value_name = "KEY=VALUE", value_parser = parse_property)]
    command_property: Vec<(String, String)>,
    /// Whose acknowledgement a record waits for: all (or -1), 1 (the leader's), 0 (nobody's). 1 and 0 switch
    /// idempotence off. Default: all.
    #[arg(long, value_name = "ACKS", allow_hyphen_values = true)]
    acks: Option<String>,
    /// How long a batch that is not full waits for more records. Default: 5.
    #[arg(long, value_name = "MS")]
    linger_ms: Option<u64>,
    /// Bytes at which a batch is full. Default: 16384.
    #[arg(long, value_name = "BYTES")]
    batch_size: Option<u64>,
    /// none, gzip, snappy, lz4 or zstd; gzip, lz4 and zstd take a level, as in zstd:6. Default: none.
    #[arg(short = 'z', long, value_name = "CODEC", value_parser = parse_compression)]
    compression: Option<Compression>,
    /// Bytes for records that wait to be sent or acknowledged. Default: 33554432.
    #[arg(long, value_name = "BYTES")]
    buffer_memory: Option<u64>,
    /// Requests in flight to one broker; at most 5 with idempotence. Default: 5.
    #[arg(long, value_name = "N")]
    max_in_flight: Option<u64>,
    /// Bytes of batches in one request, and of the largest record. Default: 1048576.
    #[arg(long, value_name = "BYTES")]
    max_request_size: Option<u64>,
    /// Allow that a retry stores a record twice or out of order.
    #[arg(long)]
    no_idempotence: bool,
    /// How long a record may take from being accepted to being acknowledged. Default: 120000, or more if the linger and the
    /// request timeout need it.
    #[arg(long, value_name = "MS")]
    delivery_timeout_ms: Option<u64>,
    /// How long to wait for an unknown topic, and for memory. Default: 60000.
    #[arg(long, value_name = "MS")]
    max_block_ms: Option<u64>,
    /// How long to wait for what was accepted when Ctrl-C ends the command.
    #[arg(long, default_value_t = 10_000, value_name = "MS")]
    flush_timeout_ms: u64,
}

fn parse_property(text: &str) -> anyhow::Result<(String, String)> {
    match text.split_once('=') {
        Some((key, value)) => Ok((key.trim().to_owned(), value.to_owned())),
        None => bail!("expected KEY=VALUE"),
    }
}

fn parse_compression(text: &str) -> Result<Compression, milena::LevelError> {
    text.parse()
}

impl Producing {
    /// A client, and a producer that is to be made of it.
    pub(crate) async fn connect(
        &self,
        connection: &Connection,
    ) -> anyhow::Result<(Client, ProducerConfig)> {
        let properties = self.properties(connection)?;
        let bootstrap = properties
            .get("bootstrap.servers")
            .unwrap_or_default()
            .to_owned();
        let config = ProducerConfig::from_properties(properties)?;
        if config.transactional_id().is_some() {
            let why = "transactional.id: this command sends no transactions";
            return Err(Misuse(why).into());
        }
        let client = connection.connect_by(config.client(), &bootstrap).await?;
        Ok((client, config))
    }

    fn properties(&self, connection: &Connection) -> anyhow::Result<Properties> {
        let mut properties = match &self.command_config {
            Some(path) => Properties::read(path)
                .with_context(|| format!("{} cannot be read", path.display()))?,
            None => Properties::default(),
        };
        for (key, value) in &self.command_property {
            properties.set(key, value);
        }
        connection.set(&mut properties);
        if let Some(acks) = &self.acks {
            properties.set("acks", acks);
        }
        if let Some(compression) = self.compression {
            let codec = compression.codec().name();
            properties.set("compression.type", codec);
            if compression != codec.parse()? {
                let key = format!("compression.{codec}.level");
                properties.set(key, compression.level().to_string());
            }
        }
        if self.no_idempotence {
            properties.set("enable.idempotence", "false");
        }
        let numbers = [
            ("linger.ms", self.linger_ms),
            ("batch.size", self.batch_size),
            ("buffer.memory", self.buffer_memory),
            ("max.in.flight.requests.per.connection", self.max_in_flight),
            ("max.request.size", self.max_request_size),
            ("delivery.timeout.ms", self.delivery_timeout_ms),
            ("max.block.ms", self.max_block_ms),
        ];
        for (key, number) in numbers {
            if let Some(number) = number {
                properties.set(key, number.to_string());
            }
        }
        Ok(properties)
    }

    pub(crate) fn flush_timeout(&self) -> Duration {
        Duration::from_millis(self.flush_timeout_ms)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        producing: Producing,
    }

    fn properties(args: &[&str]) -> Properties {
        let line = Line::parse_from([&["milena", "-b", "kafka:9092"], args].concat());
        line.producing.properties(&line.connection).unwrap()
    }

    #[test]
    fn an_option_counts_before_a_property() {
        let given = [
            "--linger-ms",
            "7",
            "--producer-property",
            "linger.ms=8",
            "--command-property",
            "acks=1",
            "--producer-property",
            "acks=0",
            "--command-property",
            "client.id=a=b",
        ];
        let properties = properties(&given);
        assert_eq!(properties.get("linger.ms"), Some("7"));
        assert_eq!(properties.get("acks"), Some("0"));
        assert_eq!(properties.get("client.id"), Some("a=b"));
        assert_eq!(properties.get("bootstrap.servers"), Some("kafka:9092"));
        assert_eq!(properties.get("batch.size"), None);
    }

    #[test]
    fn every_option_is_a_property_that_producers_have() {
        let given = [
            "--acks",
            "-1",
            "--linger-ms",
            "1",
            "--batch-size",
            "2",
            "-z",
            "zstd:6",
            "--buffer-memory",
            "40000",
            "--max-in-flight",
            "4",
            "--max-request-size",
            "5",
            "--no-idempotence",
            "--delivery-timeout-ms",
            "60000",
            "--max-block-ms",
            "7",
            "--request-timeout-ms",
            "8",
            "--client-id",
            "shop",
        ];
        let mut expected = Properties::from_iter([
            ("acks", "-1"),
            ("batch.size", "2"),
            ("bootstrap.servers", "kafka:9092"),
            ("buffer.memory", "40000"),
            ("client.id", "shop"),
            ("compression.type", "zstd"),
            ("compression.zstd.level", "6"),
            ("delivery.timeout.ms", "60000"),
            ("enable.idempotence", "false"),
            ("linger.ms", "1"),
            ("max.block.ms", "7"),
            ("max.in.flight.requests.per.connection", "4"),
            ("max.request.size", "5"),
            ("request.timeout.ms", "8"),
        ]);
        assert!(properties(&given) == expected);
        assert!(ProducerConfig::from_properties(expected.clone()).is_ok());
        expected.set("acks", "1");
        assert!(properties(&given) != expected);
    }
}
