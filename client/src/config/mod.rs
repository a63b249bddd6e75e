//! Settings of a client, with Kafka's defaults.

mod address;

use std::{sync::Arc, time::Duration};

use milena_engine::{backoff::Backoff, metadata::MetadataConfig};

pub use self::address::Bootstrap;
use crate::error::{ConfigError, Peer};

/// Everything that a client can be told, before it is checked.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) bootstrap: Vec<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) request_timeout: Duration,
    pub(crate) bootstrap_timeout: Duration,
    pub(crate) api_timeout: Duration,
    pub(crate) metadata_max_age: Duration,
    pub(crate) metadata_max_idle: Duration,
    pub(crate) rebootstrap_trigger: Duration,
    pub(crate) retry_backoff: Duration,
    pub(crate) retry_backoff_max: Option<Duration>,
    pub(crate) reconnect_backoff: Duration,
    pub(crate) reconnect_backoff_max: Option<Duration>,
    pub(crate) setup_timeout: Duration,
    pub(crate) setup_timeout_max: Option<Duration>,
    pub(crate) connections_max_idle: Duration,
    pub(crate) max_response_size: usize,
}

impl Settings {
    pub(crate) fn new(bootstrap: Vec<String>) -> Self {
        Self {
            bootstrap,
            client_id: None,
            request_timeout: Duration::from_secs(30),
            bootstrap_timeout: Duration::from_secs(30),
            api_timeout: Duration::from_secs(60),
            metadata_max_age: Duration::from_secs(300),
            metadata_max_idle: Duration::from_secs(300),
            rebootstrap_trigger: Duration::from_secs(300),
            retry_backoff: Duration::from_millis(100),
            retry_backoff_max: None,
            reconnect_backoff: Duration::from_millis(50),
            reconnect_backoff_max: None,
            setup_timeout: Duration::from_secs(10),
            setup_timeout_max: None,
            connections_max_idle: Duration::from_secs(540),
            max_response_size: 128 << 20,
        }
    }

    /// Checks everything that can be checked without a network.
    pub(crate) fn check(self) -> Result<Config, ConfigError> {
        let bootstrap = address::parse(&self.bootstrap)?;
        let positive = [
            ("request_timeout", self.request_timeout),
            ("bootstrap_timeout", self.bootstrap_timeout),
            ("api_timeout", self.api_timeout),
            ("metadata_max_age", self.metadata_max_age),
            ("connection_setup_timeout", self.setup_timeout),
            ("connections_max_idle", self.connections_max_idle),
        ];
        for (field, value) in positive {
            if value.is_zero() {
                return Err(ConfigError::new(field, "must be more than nothing"));
            }
        }
        if self.metadata_max_idle < Duration::from_secs(5) {
            return Err(ConfigError::new(
                "metadata_max_idle",
                "must be 5 seconds or more",
            ));
        }
        if self.max_response_size < 1024 {
            return Err(ConfigError::new(
                "max_response_size",
                "must be 1024 bytes or more",
            ));
        }
        if self.client_id.as_ref().is_some_and(|id| id.len() > 0x7fff) {
            return Err(ConfigError::new("client_id", "must be 32767 bytes or less"));
        }
        let second = Duration::from_secs(1);
        let retry = backoff(
            (
                "retry_backoff",
                self.retry_backoff,
                Duration::from_millis(100),
            ),
            ("retry_backoff_max", self.retry_backoff_max, second),
        )?;
        let reconnect = backoff(
            (
                "reconnect_backoff",
                self.reconnect_backoff,
                Duration::from_millis(50),
            ),
            ("reconnect_backoff_max", self.reconnect_backoff_max, second),
        )?;
        let setup = backoff(
            ("connection_setup_timeout", self.setup_timeout, 10 * second),
            (
                "connection_setup_timeout_max",
                self.setup_timeout_max,
                30 * second,
            ),
        )?;
        Ok(Config {
            bootstrap,
            metadata: MetadataConfig {
                max_age: self.metadata_max_age,
                max_idle: self.metadata_max_idle,
                backoff: retry,
                rebootstrap_after: self.rebootstrap_trigger,
                ..MetadataConfig::default()
            },
            client_id: self.client_id.unwrap_or_else(|| "milena".to_owned()),
            request_timeout: self.request_timeout,
            bootstrap_timeout: self.bootstrap_timeout,
            api_timeout: self.api_timeout,
            retry,
            reconnect,
            setup,
            connections_max_idle: self.connections_max_idle,
            max_response_size: self.max_response_size,
        })
    }
}

/// As Kafka has it: whoever sets only the base, and away from its default, wants waits that do not grow.
fn backoff(
    (field, base, default_base): (&'static str, Duration, Duration),
    (max_field, max, default_max): (&'static str, Option<Duration>, Duration),
) -> Result<Backoff, ConfigError> {
    if base.is_zero() {
        return Err(ConfigError::new(field, "must be more than nothing"));
    }
    let max = max.unwrap_or(if base == default_base {
        default_max
    } else {
        base
    });
    if max < base {
        return Err(ConfigError::new(
            max_field,
            format!("{max:?} is less than {field} ({base:?})"),
        ));
    }
    Ok(Backoff { base, max })
}

/// Settings that passed the checks.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) bootstrap: Arc<[Arc<Peer>]>,
    pub(crate) client_id: String,
    pub(crate) request_timeout: Duration,
    pub(crate) bootstrap_timeout: Duration,
    pub(crate) api_timeout: Duration,
    pub(crate) metadata: MetadataConfig,
    pub(crate) retry: Backoff,
    pub(crate) reconnect: Backoff,
    pub(crate) setup: Backoff,
    pub(crate) connections_max_idle: Duration,
    pub(crate) max_response_size: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&mut Settings)) -> Result<Config, String> {
        let mut settings = Settings::new(vec!["host:9092".to_owned()]);
        change(&mut settings);
        settings.check().map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_are_kafkas() {
        let config = check(|_| {}).unwrap();
        let ms = Duration::from_millis;
        assert_eq!(config.request_timeout, ms(30_000));
        assert_eq!(
            config.retry,
            Backoff {
                base: ms(100),
                max: ms(1_000)
            }
        );
        assert_eq!(
            config.reconnect,
            Backoff {
                base: ms(50),
                max: ms(1_000)
            }
        );
        assert_eq!(
            config.setup,
            Backoff {
                base: ms(10_000),
                max: ms(30_000)
            }
        );
        assert_eq!(config.metadata, MetadataConfig::default());
        assert_eq!(config.connections_max_idle, ms(540_000));
    }

    #[test]
    fn a_mistake_names_the_field() {
        let names = |change: fn(&mut Settings), field: &str| {
            let error = check(change).unwrap_err();
            assert!(error.starts_with(&format!("{field}: ")), "{error}");
        };
        names(|s| s.request_timeout = Duration::ZERO, "request_timeout");
        names(|s| s.retry_backoff = Duration::ZERO, "retry_backoff");
        names(
            |s| s.retry_backoff_max = Some(Duration::ZERO),
            "retry_backoff_max",
        );
        names(
            |s| s.metadata_max_idle = Duration::ZERO,
            "metadata_max_idle",
        );
        names(|s| s.max_response_size = 0, "max_response_size");
        names(|s| s.client_id = Some("x".repeat(40_000)), "client_id");
        names(|s| s.bootstrap.clear(), "bootstrap");
    }

    #[test]
    fn a_base_set_alone_does_not_grow() {
        let config = check(|s| s.reconnect_backoff = Duration::from_secs(7)).unwrap();
        assert_eq!(config.reconnect.max, Duration::from_secs(7));
    }
}
