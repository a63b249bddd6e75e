//! All that a producer can be told, and whether it goes together.

use std::time::Duration;

use milena_codec::Compression;
use milena_engine::{
    backoff::Backoff,
    produce::{Acks, Settings},
};
use milena_protocol::Str;

use super::{Choosing, interceptor::Interceptors};
use crate::ConfigError;

/// Everything that a producer can be told, before it is checked. What each setting means is said at
/// [`ProducerBuilder`](crate::ProducerBuilder).
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) acks: Acks,
    pub(crate) idempotence: Option<bool>,
    pub(crate) linger: Duration,
    pub(crate) batch_size: usize,
    pub(crate) buffer_memory: usize,
    pub(crate) compression: Compression,
    pub(crate) max_in_flight: usize,
    pub(crate) max_request_size: usize,
    pub(crate) max_block: Duration,
    pub(crate) delivery_timeout: Option<Duration>,
    pub(crate) request_timeout: Duration,
    pub(crate) retries: u32,
    pub(crate) retry_backoff: Duration,
    pub(crate) retry_backoff_max: Duration,
    pub(crate) choosing: Choosing,
    pub(crate) interceptors: Interceptors,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            acks: Acks::All,
            idempotence: None,
            linger: Duration::from_millis(5),
            batch_size: 16 * 1024,
            buffer_memory: 32 * 1024 * 1024,
            compression: Compression::NONE,
            max_in_flight: 5,
            max_request_size: 1024 * 1024,
            max_block: Duration::from_secs(60),
            delivery_timeout: None,
            request_timeout: Duration::from_secs(30),
            retries: i32::MAX as u32,
            retry_backoff: Duration::from_millis(100),
            retry_backoff_max: Duration::from_secs(1),
            choosing: Choosing::default(),
            interceptors: Interceptors::default(),
        }
    }
}

impl Setup {
    /// As [`check`](Self::check), for records that belong to transactions.
    pub(crate) fn check_transactional(&self, id: Str) -> Result<Settings, ConfigError> {
        if self.idempotence == Some(false) {
            return refuse("idempotence", false, "does not go with transactions");
        }
        let setup = Self {
            idempotence: Some(true),
            ..self.clone()
        };
        Ok(Settings {
            transactional_id: Some(id),
            ..setup.check()?
        })
    }

    /// What the engine needs to know, if all goes together.
    pub(crate) fn check(&self) -> Result<Settings, ConfigError> {
        let Self {
            max_in_flight,
            max_request_size,
            batch_size,
            buffer_memory,
            ..
        } = *self;
        if max_in_flight == 0 {
            return refuse("max_in_flight", max_in_flight, "must be at least 1");
        }
        if max_request_size == 0 {
            return refuse("max_request_size", max_request_size, "must be at least 1");
        }
        if i32::try_from(max_request_size).is_err() {
            return refuse(
                "max_request_size",
                max_request_size,
                "must be less than 2 GiB",
            );
        }
        if i32::try_from(batch_size).is_err() {
            return refuse("batch_size", batch_size, "must be less than 2 GiB");
        }
        if buffer_memory < batch_size.max(1024) {
            return refuse(
                "buffer_memory",
                buffer_memory,
                "must be at least batch_size, and 1 KiB",
            );
        }
        if self.retry_backoff > self.retry_backoff_max {
            let why = format!("is more than its longest, {:?}", self.retry_backoff_max);
            return refuse("retry_backoff", format!("{:?}", self.retry_backoff), &why);
        }
        let codec = self.compression.codec();
        if !codec.is_available() {
            let why = "is not in this build: its crate feature is switched off";
            return refuse("compression", codec.name(), why);
        }
        if self.request_timeout.is_zero() {
            return Err(ConfigError::new("request_timeout", "must be more than 0"));
        }
        let least = self.linger.saturating_add(self.request_timeout);
        let delivery_timeout = match self.delivery_timeout {
            Some(timeout) if timeout < least => {
                let why = format!("must be at least linger + request_timeout, which is {least:?}");
                return refuse("delivery_timeout", format!("{timeout:?}"), &why);
            }
            Some(timeout) => timeout,
            None => least.max(Duration::from_secs(120)),
        };
        Ok(Settings {
            acks: self.acks,
            idempotent: self.idempotent()?,
            transactional_id: None,
            batch_size: self.batch_size.clamp(1, max_request_size),
            linger: self.linger,
            max_in_flight: self.max_in_flight,
            max_request_size: self.max_request_size,
            delivery_timeout,
            request_timeout: self.request_timeout,
            retries: self.retries,
            retry_backoff: Backoff {
                base: self.retry_backoff,
                max: self.retry_backoff_max,
            },
            compression: self.compression,
        })
    }

    /// On unless something speaks against it; what speaks against it is an error if it was asked for by name.
    fn idempotent(&self) -> Result<bool, ConfigError> {
        if self.idempotence == Some(false) {
            return Ok(false);
        }
        if self.max_in_flight > 5 {
            let why = "must be at most 5 with idempotence; switch idempotence off to allow more";
            return refuse("max_in_flight", self.max_in_flight, why);
        }
        let against = if self.acks != Acks::All {
            let why = format!(
                "{:?} does not go with idempotence, which needs All",
                self.acks
            );
            Some(ConfigError::new("acks", why))
        } else if self.retries == 0 {
            Some(ConfigError::new(
                "retries",
                "must be at least 1 with idempotence",
            ))
        } else {
            None
        };
        match (against, self.idempotence) {
            (Some(error), Some(true)) => Err(error),
            (against, _) => Ok(against.is_none()),
        }
    }
}

fn refuse<T>(field: &'static str, value: impl ToString, why: &str) -> Result<T, ConfigError> {
    Err(ConfigError::new(
        field,
        format!("{} {why}", value.to_string()),
    ))
}
