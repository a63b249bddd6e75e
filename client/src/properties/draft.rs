//! Settings on their way from properties to a configuration.

use std::{cmp::min, sync::Arc, time::Duration};

use milena_codec::{Compression, CompressionType};
use milena_protocol::Str;

use super::ProducerConfig;
use crate::{ConfigError, TcpConnector, config::Settings, producer::Setup};

/// What the properties that were read so far say.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) client: Settings,
    pub(super) producer: Setup,
    pub(super) codec: CompressionType,
    pub(super) gzip: Compression,
    pub(super) lz4: Compression,
    pub(super) zstd: Compression,
    pub(super) retry: Waits,
    pub(super) reconnect: Waits,
    pub(super) setup: Waits,
    pub(super) send_buffer: Option<u32>,
    pub(super) receive_buffer: Option<u32>,
    pub(super) rack: Option<Arc<str>>,
    pub(super) is_rack_aware: bool,
    pub(super) transactional_id: Option<String>,
    pub(super) transaction_timeout: Duration,
}

/// The first wait, and the longest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waits {
    pub(super) base: Duration,
    pub(super) max: Option<Duration>,
    default_max: Duration,
}

impl Waits {
    const fn new(base: u64, max: u64) -> Self {
        Self {
            base: Duration::from_millis(base),
            max: None,
            default_max: Duration::from_millis(max),
        }
    }

    /// As Java has it: a first wait that is longer than the longest is as long as that.
    fn both(self) -> (Duration, Duration) {
        let max = self.max.unwrap_or(self.default_max);
        (min(self.base, max), max)
    }

    /// The same, where not to wait at all would be to try in a loop.
    fn both_at_least_a_millisecond(self) -> (Duration, Duration) {
        let (base, max) = self.both();
        let least = Duration::from_millis(1);
        (base.max(least), max.max(least))
    }
}

impl Draft {
    /// Kafka's defaults, for a cluster at these addresses.
    pub(super) fn new(bootstrap: &str) -> Self {
        Self {
            client: Settings::new(vec![bootstrap.to_owned()]),
            producer: Setup::default(),
            codec: CompressionType::None,
            gzip: Compression::GZIP,
            lz4: Compression::LZ4,
            zstd: Compression::ZSTD,
            retry: Waits::new(100, 1_000),
            reconnect: Waits::new(50, 1_000),
            setup: Waits::new(10_000, 30_000),
            send_buffer: None,
            receive_buffer: None,
            rack: None,
            is_rack_aware: false,
            transactional_id: None,
            transaction_timeout: Duration::from_secs(60),
        }
    }

    /// What changed on the way: the key, and what became of it.
    pub(super) fn adjusted(&self) -> Vec<(&'static str, String)> {
        let waits = [
            (
                "retry.backoff.ms",
                self.retry,
                self.retry.both_at_least_a_millisecond(),
            ),
            (
                "reconnect.backoff.ms",
                self.reconnect,
                self.reconnect.both_at_least_a_millisecond(),
            ),
            (
                "socket.connection.setup.timeout.ms",
                self.setup,
                self.setup.both(),
            ),
        ];
        let changed = waits
            .into_iter()
            .filter(|(_, waits, (base, _))| waits.base != *base);
        changed
            .map(|(key, _, (base, max))| {
                (
                    key,
                    match base == max {
                        true => format!("is taken as {base:?}, the longest that it may become"),
                        false => format!("is taken as {base:?}"),
                    },
                )
            })
            .collect()
    }

    /// The configuration, if all goes together.
    pub(super) fn finish(self) -> Result<ProducerConfig, ConfigError> {
        let Self {
            mut client,
            mut producer,
            ..
        } = self;
        producer.compression = match self.codec {
            CompressionType::Gzip => self.gzip,
            CompressionType::Lz4 => self.lz4,
            CompressionType::Zstd => self.zstd,
            codec => Compression::of(codec),
        };
        let (base, max) = self.retry.both_at_least_a_millisecond();
        (producer.retry_backoff, producer.retry_backoff_max) = (base, max);
        (client.retry_backoff, client.retry_backoff_max) = (base, Some(max));
        let (base, max) = self.reconnect.both_at_least_a_millisecond();
        (client.reconnect_backoff, client.reconnect_backoff_max) = (base, Some(max));
        let (base, max) = self.setup.both();
        (client.setup_timeout, client.setup_timeout_max) = (base, Some(max));
        producer.request_timeout = client.request_timeout;
        if self.is_rack_aware {
            let none = || ConfigError::new("rack", "needs a client.rack");
            producer.choosing.rack = Some(self.rack.ok_or_else(none)?);
        }
        client.clone().check()?;
        match &self.transactional_id {
            Some(id) => producer.check_transactional(Str::from(id.as_str()))?,
            None => producer.check()?,
        };
        let tcp = TcpConnector::default();
        Ok(ProducerConfig {
            client,
            producer,
            tcp: tcp
                .send_buffer(self.send_buffer)
                .receive_buffer(self.receive_buffer),
            transactional_id: self.transactional_id,
            transaction_timeout: self.transaction_timeout,
            warnings: Vec::new(),
        })
    }
}
